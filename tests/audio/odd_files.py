"""Recordings as broken programs, odd machines and hostile people write them, made from a few lines and a second of real
speech."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from rvc_engine.audio.io import decode
from tests.conftest import SAMPLES

RATE = 16000
Wave = NDArray[np.float64]
"""(T,) or (T, C), full scale at 1."""


@cache
def voice() -> Wave:
    """(T,) 1.15 s of speech with a peak of 0.5."""
    wave = decode(SAMPLES / "target" / "kathleen_arctic_a0013.flac", RATE)[4000:22400].astype(np.float64)
    return wave / np.abs(wave).max() * 0.5


def in_channel(number: int, channels: int, level: float = 0.0) -> Wave:
    """The voice in one channel, noise of `level` in the others."""
    wave = level * np.random.default_rng(1).standard_normal((len(voice()), channels))
    wave[:, number] = voice()
    return wave


# --- WAV, byte by byte -----------------------------------------------------------------------------
def pcm(wave: Wave, kind: str = "s16") -> bytes:
    if kind in ("f32", "f64"):
        return np.asarray(wave, dtype="<f4" if kind == "f32" else "<f8").tobytes()
    if kind == "u8":
        return np.clip(np.rint(wave * 128) + 128, 0, 255).astype("u1").tobytes()
    bits = int(kind[1:])
    whole = np.clip(np.rint(wave * 2 ** (bits - 1)), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1).astype("<i4")
    return whole.reshape(-1, 1).view("u1")[:, : bits // 8].tobytes()


def format_chunk(kind: str, channels: int, rate: int, mask: int | None, fields: dict[str, int]) -> bytes:
    bits = {"alaw": 8, "mulaw": 8}.get(kind) or int(kind[1:])
    tag = {"alaw": 6, "mulaw": 7, "f32": 3, "f64": 3}.get(kind, 1)
    align = fields.get("align", channels * bits // 8)
    byte_rate = fields.get("byte_rate", channels * bits // 8 * rate & 0xFFFFFFFF)
    chunk = struct.pack("<HHIIHH", tag if mask is None else 0xFFFE, channels, rate, byte_rate, align, bits)
    if mask is not None:
        chunk += struct.pack("<HHIH", 22, bits, mask, tag) + bytes.fromhex("000000001000800000aa00389b71")
    return chunk


def wav(
    wave: Wave | bytes,
    kind: str = "s16",
    *,
    rate: int = RATE,
    channels: int = 0,
    mask: int | None = None,
    before: bytes = b"",
    after: bytes = b"",
    **fields: int,
) -> bytes:
    """`fields`: byte_rate, align, riff and data (sizes) that the header states instead of the right ones; `riff` counts
    what follows `after` the sound only where it is right."""
    count = channels or (1 if isinstance(wave, bytes) or wave.ndim == 1 else wave.shape[1])
    data = wave if isinstance(wave, bytes) else pcm(wave, kind)
    head = format_chunk(kind, count, rate, mask, fields)
    body = b"WAVEfmt " + struct.pack("<I", len(head)) + head + before
    body += b"data" + struct.pack("<I", fields.get("data", len(data))) + data + bytes(len(data) % 2) + after
    return b"RIFF" + struct.pack("<I", fields.get("riff", len(body))) + body


def rf64(wave: Wave, *, riff: int | None = None, data: int | None = None) -> bytes:
    sound = pcm(wave)
    head = format_chunk("s16", 1, RATE, None, {})
    tail = b"fmt " + struct.pack("<I", len(head)) + head + b"data\xff\xff\xff\xff" + sound
    total = 4 + 36 + len(tail)
    sizes = struct.pack("<QQQI", total if riff is None else riff, len(sound) if data is None else data, len(wave), 0)
    return b"RF64\xff\xff\xff\xffWAVEds64" + struct.pack("<I", len(sizes)) + sizes + tail


def companded(kind: str) -> bytes:
    return wav(encoded([voice()], "wav", "pcm_" + kind, raw=True), kind)


# --- other formats, by ffmpeg ----------------------------------------------------------------------
def encoded(
    tracks: list[Wave], format: str, codec: str, layout: str = "mono", *, raw: bool = False, rate: int = RATE
) -> bytes:
    """Each (T,) or (T, C) wave as a track; `raw`: the packets alone."""
    file = io.BytesIO()
    packets = []
    with av.open(file, "w", format=format) as container:
        streams: list[Any] = [container.add_stream(codec, rate=rate, layout=layout) for _ in tracks]
        for stream in streams:
            stream.codec_context.open()
        for stream, wave in zip(streams, tracks, strict=True):
            frame = av.AudioFrame.from_ndarray(np.frombuffer(pcm(wave), "<i2")[None], format="s16", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
            size = stream.codec_context.frame_size
            converter = av.AudioResampler(stream.codec_context.format, layout, rate, frame_size=size)
            for piece in [*converter.resample(frame), *converter.resample(None), None]:
                for packet in stream.encode(piece):
                    packets.append(bytes(packet))
                    container.mux(packet)
    return b"".join(packets) if raw else file.getvalue()


def without_its_length(mp3: bytes) -> bytes:
    at = mp3.index(b"Info") if b"Info" in mp3 else mp3.index(b"Xing")
    return mp3[:at] + bytes(4) + mp3[at + 4 :]


# --- the cases -------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Case:
    """`reason`: why it is left out, "" where it is used; `notes`: what is said of it by kind; `converts`: whether rvc
    convert takes it although no clip can be made of it; `alike`: how near the voice must be (correlation)."""

    name: str
    make: Callable[[], bytes]
    reason: str = ""
    notes: tuple[str, ...] = ()
    converts: bool = False
    alike: float = 0.995

    @property
    def is_converted(self) -> bool:
        """The others are read in the same way, and conversion takes its time."""
        return bool(self.reason or self.notes) and not self.name.startswith(("17 ", "3 ", "6 "))


def spoilt(share: float, value: float, wave: Wave | None = None) -> Wave:
    """Every n-th sample of all channels is `value`."""
    spoiled = np.array(voice() if wave is None else wave)
    flat = spoiled.reshape(-1)
    flat[:: round(1 / share)] = value
    return spoiled


def half_opposite() -> Wave:
    right = voice().copy()
    right[len(right) // 2 :] *= -1
    return np.stack([voice(), right], axis=1)


def opposite(level: float = 1.0) -> Wave:
    return np.stack([voice(), -level * voice()], axis=1)


def tone(level: float, seconds: float = 1.5) -> Wave:
    return level * np.sin(2 * np.pi * 220 * np.arange(round(seconds * RATE)) / RATE)


SILENT, QUIET, SHORT, EARLY, NOT_FINITE = (
    "silent:",
    "too quiet (peak",
    "too short:",
    "ends early:",
    "holds samples that are not finite",
)


def kinds(*names: str) -> list[Case]:
    return [Case(f"{kind}.wav", lambda kind=kind: wav(voice(), kind)) for kind in names]


def many(*counts: int) -> list[Case]:
    return [Case(f"{n} channels.wav", lambda n=n: wav(in_channel(n - 1, n)), notes=("channels",)) for n in counts]


def masks(*pairs: tuple[int, int]) -> list[Case]:
    """Numbers of channels, and the layout that the header states."""
    return [
        Case(f"mask {mask:x} of {n}.wav", lambda mask=mask, n=n: wav(np.stack([voice()] * n, axis=1), mask=mask))
        for n, mask in pairs
    ]


def header_fields(*pairs: tuple[str, int]) -> list[Case]:
    stereo = np.stack([voice()] * 2, axis=1)
    return [
        Case(f"{field} {value}.wav", lambda field=field, value=value: wav(stereo, **{field: value}))
        for field, value in pairs
    ]


CASES = [
    *kinds("s16", "s24", "f64"),
    *many(3, 6, 8, 9, 17, 64),
    *masks((1, 8), (2, 0xC), (2, 0x80000001), (6, 0xFFFFFFFF)),
    *header_fields(("byte_rate", 32000), ("align", 3), ("riff", 10), ("data", 0), ("data", 10), ("data", 250_000)),
    Case("u8.wav", lambda: wav(voice(), "u8"), alike=0.98),
    Case("alaw.wav", lambda: companded("alaw")),
    Case("mulaw.wav", lambda: companded("mulaw")),
    Case("noise beside.wav", lambda: wav(in_channel(2, 6, 0.005)), notes=("channels",)),
    Case("same in 16.wav", lambda: wav(np.stack([voice()] * 16, axis=1) / 4)),
    Case(
        "opposite pairs.wav", lambda: wav(np.stack([voice(), -voice(), voice(), -voice()], axis=1)), notes=("opposite",)
    ),
    Case("65 channels.wav", lambda: wav(in_channel(0, 65)), reason="65 channels"),
    Case("5000 channels.wav", lambda: wav(bytes(100_000), channels=5000), reason="cannot be decoded"),
    Case("8 planes.flac", lambda: encoded([in_channel(5, 8)], "flac", "flac", "7.1"), notes=("channels",)),
    Case("8 planes.mkv", lambda: encoded([in_channel(2, 8)], "matroska", "wavpack", "7.1"), notes=("channels",)),
    Case("float peak 4.wav", lambda: wav(8 * voice(), "f32")),
    Case("float peak 4 stereo.wav", lambda: wav(8 * np.stack([voice()] * 2, axis=1), "f64")),
    Case("floats as integers.wav", lambda: wav(32768 * voice(), "f32")),
    Case("nan half percent.wav", lambda: wav(spoilt(0.005, np.nan), "f32"), notes=("repaired",), alike=0.9),
    Case("inf half percent.wav", lambda: wav(spoilt(0.005, -np.inf), "f64"), notes=("repaired",), alike=0.9),
    Case("1e30 in places.wav", lambda: wav(spoilt(0.001, 1e30), "f32"), notes=("repaired",), alike=0.9),
    Case("nan two percent.wav", lambda: wav(spoilt(0.02, np.nan), "f32"), reason=NOT_FINITE),
    Case(
        "inf two percent.wav",
        lambda: wav(spoilt(0.02, np.inf, np.stack([voice()] * 2, axis=1)), "f32"),
        reason=NOT_FINITE,
    ),
    Case("all nan.wav", lambda: wav(np.full(RATE, np.nan), "f32"), reason=NOT_FINITE),
    Case("opposite.wav", lambda: wav(opposite()), notes=("opposite",)),
    Case("opposite and lower.wav", lambda: wav(opposite(0.7)), notes=("opposite",)),
    Case("opposite at the end.wav", lambda: wav(half_opposite()), notes=("opposite",)),
    Case("opposite floats.wav", lambda: wav(opposite() * 6, "f32"), notes=("opposite",)),
    Case("one side.wav", lambda: wav(in_channel(0, 2))),
    Case("silent.wav", lambda: wav(np.zeros(RATE)), reason=SILENT),
    Case("silent stereo.wav", lambda: wav(np.zeros((RATE, 2))), reason=SILENT),
    Case("silent 9 channels.wav", lambda: wav(np.zeros((RATE, 9))), reason=SILENT),
    Case("dither.wav", lambda: wav(np.random.default_rng(0).integers(-1, 2, 2 * RATE) / 32768), reason=SILENT),
    Case("offset alone.wav", lambda: wav(np.full(2 * RATE, 0.3)), reason=SILENT),
    Case(
        "quiet 45.wav",
        lambda: wav(voice() * 2 * 10 ** (-45 / 20), "s24"),
        reason=QUIET,
        notes=("quiet",),
        converts=True,
    ),
    Case("quiet 60.wav", lambda: wav(tone(0.001), "f32"), reason=QUIET, notes=("quiet",), converts=True),
    Case("short.wav", lambda: wav(voice()[8000:12000]), reason=SHORT, converts=True),
    Case("very short.wav", lambda: wav(voice()[8000:8050]), reason=SHORT, converts=True),
    Case("almost a clip.wav", lambda: wav(tone(0.3, 0.4489)), reason=SHORT, converts=True),
    Case("just a clip.wav", lambda: wav(tone(0.3, 0.45))),
    Case("no samples.wav", lambda: wav(b""), reason="no audio in it"),
    Case("header only.wav", lambda: wav(voice())[:44], reason="no audio in it"),
    Case("half a header.wav", lambda: wav(voice())[:30], reason="not audio"),
    Case("cut.wav", lambda: wav(voice())[:18_000], reason=EARLY),
    Case("fact.wav", lambda: wav(voice(), before=b"fact" + struct.pack("<II", 4, 7))),
    Case("list after.wav", lambda: wav(voice(), after=b"LIST" + struct.pack("<I", 12) + b"INFOISFTabcd")),
    Case("tag after.wav", lambda: wav(voice(), after=b"TAG" + bytes(125))),
    Case("rubbish after.wav", lambda: wav(voice(), after=b"\x93garbage" * 400), notes=("left_out",)),
    Case(
        "wrong chunk after.wav",
        lambda: wav(voice(), after=b"LIST" + struct.pack("<I", 2**31) + bytes(3000)),
        notes=("left_out",),
    ),
    Case("size too small.wav", lambda: wav(voice(), data=26_000), notes=("left_out",)),
    Case("size far too small.wav", lambda: wav(voice(), data=6_000), reason=SHORT, notes=("left_out",), converts=True),
    Case("rf64.wav", lambda: rf64(voice())),
    Case("rf64 never finished.wav", lambda: rf64(voice(), riff=0, data=0)),
    Case("rf64 cut.wav", lambda: rf64(voice())[:18_000], reason=EARLY),
    Case("1 Hz.wav", lambda: wav(voice(), rate=1), reason="not a valid sample rate"),
    Case("999 Hz.wav", lambda: wav(voice(), rate=999), reason="not a valid sample rate"),
    Case("2 GHz.wav", lambda: wav(voice(), rate=2**31 - 1), reason="not a valid sample rate"),
    Case(
        "last frame cut.mp3",
        lambda: without_its_length(encoded([voice()], "mp3", "libmp3lame"))[:-60],
        notes=("cut",),
        alike=0.95,
    ),
    Case("last frame cut.aac", lambda: encoded([voice()], "adts", "aac")[:-60], alike=0.95),
    Case("cut.mp3", lambda: encoded([voice()], "mp3", "libmp3lame")[:3000], reason=EARLY),
    Case("second track.mkv", lambda: encoded([0 * voice(), voice()], "matroska", "flac"), notes=("track",)),
    Case(
        "third track.mkv",
        lambda: encoded([0.001 * tone(1), 0 * voice(), voice()], "matroska", "flac"),
        notes=("track",),
    ),
    Case("silent tracks.mkv", lambda: encoded([0 * voice(), 0 * voice()], "matroska", "flac"), reason=SILENT),
    Case("first track.mkv", lambda: encoded([voice(), 0 * voice()], "matroska", "flac")),
]

MORE = [
    *kinds("s32", "f32"),
    *many(4, 5, 7, 12, 16, 24, 32, 63),
    *masks((1, 0), (1, 1), (1, 0x200), (2, 0), (2, 7), (2, 0x30), (3, 3), (6, 0x3F), (8, 0x63F), (16, 0xFFFF)),
    *header_fields(
        ("byte_rate", 0),
        ("byte_rate", 1),
        ("byte_rate", 2**32 - 1),
        ("align", 0),
        ("align", 1),
        ("align", 8),
        ("align", 1000),
        ("riff", 0),
        ("riff", 2**32 - 1),
        ("data", 2**32 - 1),
    ),
]
"""Less likely ones, for the long tests."""


def write_all(cases: list[Case], folder: Path) -> None:
    for case in cases:
        (folder / case.name).write_bytes(case.make())
