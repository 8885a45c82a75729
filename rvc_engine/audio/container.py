"""A recording's file, opened by PyAV (ffmpeg's libraries in the package): by content, not by name, and nothing but the
file itself.

What a header says is checked before it is believed: a rate of 1 Hz or a thousand channels would make gigabytes of a
small file, and a length that nothing else in the file bears out is no reason to refuse what decodes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import av
from av.error import FFmpegError

from rvc_engine.audio.file_headers import LastFrame, WavSize, iff_is_whole, mp3_seconds, wav_size
from rvc_engine.audio.notes import Note
from rvc_engine.common.opening import open_file
from rvc_engine.errors import UnusableRecording
from rvc_engine.messages import Message

PLAYLISTS = frozenset({"hls", "concat", "dash", "imf", "sdp", "rtsp", "webm_dash_manifest"})
"""Formats that only name other files."""

HEADER_HAS_LENGTH = frozenset({"w64", "aiff", "caf", "flac", "mov", "mp4", "m4a", "matroska", "webm"})
"""Formats whose header states the length; of others ffmpeg only estimates it from the bit rate or from what is
there."""

LOWEST_RATE, HIGHEST_RATE = 1000, 3_200_000
"""Hz that a recording may have."""
MOST_CHANNELS = 64
SPARE_S, LEAST_BYTES_PER_SECOND = 60, 16
"""A file decodes to at most this long: digital silence in FLAC takes 50 bytes a second and more, speech by Codec 2
takes 88."""


class _Nameless:
    """A file without its name, so that ffmpeg detects it by its content; `patch`: (where, bytes) that are read instead
    of what is there."""

    def __init__(self, file: BinaryIO, patch: tuple[int, bytes] | None = None) -> None:
        self.file, self.patch = file, patch
        self.seek = file.seek
        self.tell = file.tell

    def read(self, count: int) -> bytes:
        start = self.file.tell()
        data = self.file.read(count)
        if self.patch is None:
            return data
        at, new = self.patch
        first, last = max(at, start), min(at + len(new), start + len(data))
        return data if first >= last else data[: first - start] + new[first - at : last - at] + data[last - start :]


class _OtherFile(OSError):
    """A recording asked for another file or for the network."""


def _refuse_other_files(url: str, flags: int, options: dict[str, str]) -> NoReturn:
    raise _OtherFile(url)


@dataclass
class Decoded:
    """What decoding met so far: packets, those of them that were damaged, seconds that came out; `most_s`: more is a
    decode bomb."""

    most_s: float
    packets: int = 0
    damaged: int = 0
    seconds: float = 0.0
    cause: str = ""
    last: LastFrame = field(default_factory=LastFrame)


def reason_of(error: BaseException) -> str:
    """An error's own words, without numbers and file names around them."""
    return str(getattr(error, "strerror", "") or error or type(error).__name__).strip().lower()


@contextmanager
def _file(path: Path) -> Iterator[BinaryIO]:
    try:
        file = open_file(path)
        empty = not os.fstat(file.fileno()).st_size
    except PermissionError:
        raise UnusableRecording(Message("audio.no_permission")) from None
    except OSError as error:
        raise UnusableRecording(Message("audio.cannot_be_read", reason=reason_of(error))) from error
    with file:
        if empty:
            raise UnusableRecording(Message("audio.empty"))
        yield file


@contextmanager
def opened(path: Path, track: int = 0) -> Iterator[tuple[Any, Any]]:
    """The container and its audio stream number `track`. Raises UnusableRecording."""
    with _file(path) as file:
        try:
            wav = wav_size(path)
            nameless = _Nameless(file, wav.patch if wav else None)
            container = av.open(
                nameless, io_open=_refuse_other_files, options={"protocol_whitelist": "none"}, metadata_errors="replace"
            )
        except _OtherFile:
            raise UnusableRecording(Message("audio.playlist")) from None
        except (FFmpegError, OSError, ValueError) as error:
            raise UnusableRecording(Message("audio.not_audio", reason=reason_of(error))) from error
        with container:
            if PLAYLISTS & set(container.format.name.split(",")):
                raise UnusableRecording(Message("audio.playlist"))
            if len(container.streams.audio) <= track:
                raise UnusableRecording(Message("audio.no_audio"))
            stream = container.streams.audio[track]
            if stream.codec_context is None:
                raise UnusableRecording(Message("audio.no_decoder"))
            _check_plausible(int(stream.codec_context.sample_rate or 0), int(stream.codec_context.channels or 0))
            yield container, stream


def _check_plausible(sample_rate: int, channels: int) -> None:
    """0 is what a header that says nothing leaves."""
    if sample_rate and not LOWEST_RATE <= sample_rate <= HIGHEST_RATE:
        raise UnusableRecording(Message("audio.no_sample_rate", sample_rate=sample_rate))
    if channels > MOST_CHANNELS:
        raise UnusableRecording(Message("audio.too_many_channels", channels=channels, most=MOST_CHANNELS))


def most_seconds(path: Path) -> float:
    """How much sound a file of its size can hold at all. Raises UnusableRecording."""
    try:
        return SPARE_S + path.stat().st_size / LEAST_BYTES_PER_SECOND
    except OSError as error:
        raise UnusableRecording(Message("audio.cannot_be_read", reason=reason_of(error))) from error


def frames_of(container: Any, stream: Any, decoded: Decoded) -> Iterator[Any]:
    """Decoded frames; damaged packets are counted and passed over. Raises UnusableRecording where there are too
    many."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except (FFmpegError, OSError) as error:  # the container itself is damaged: nothing can follow
            decoded.damaged += 1
            decoded.cause = reason_of(error)
            return
        if packet.size:
            decoded.packets += 1
            decoded.last.see(packet)
        try:
            frames = packet.decode()
        except FFmpegError as error:
            decoded.damaged += 1
            decoded.cause = decoded.cause or reason_of(error)
            continue
        for frame in frames:
            _check_plausible(max(1, frame.sample_rate), frame.layout.nb_channels)
            decoded.seconds += frame.samples / frame.sample_rate
            if decoded.seconds > decoded.most_s:
                raise UnusableRecording(Message("audio.too_much_sound"))
            yield frame


def check_complete(path: Path, container: Any, stream: Any, decoded: Decoded) -> list[Note]:
    """Of a recording that was decoded to its end: what is to be said of it. Raises UnusableRecording where it is not
    whole."""
    wav = wav_size(path)
    if not decoded.seconds:
        raise UnusableRecording(
            Message("audio.cannot_be_decoded", reason=decoded.cause) if decoded.cause else Message("audio.no_audio")
        )
    promised = _promised_seconds(path, container, stream, decoded, wav)
    missing = promised - decoded.seconds if promised else 0.0
    if missing > max(0.15, 0.005 * decoded.seconds):
        code = "audio.damaged" if decoded.damaged > 1 else "audio.ends_early"
        raise UnusableRecording(Message(code, seconds=decoded.seconds, promised=promised))
    if decoded.damaged > 2 + decoded.packets // 100:  # one bad packet at an end is common in good files
        raise UnusableRecording(
            Message("audio.damaged_packets", damaged=decoded.damaged, packets=decoded.packets, reason=decoded.cause)
        )
    notes = []
    if wav and wav.left_out:
        more = decoded.seconds * wav.left_out / wav.stated
        text = Message("audio.longer_than_header", seconds=decoded.seconds, left_out=wav.left_out, more=more)
        notes.append(Note("left_out", text))
    if decoded.last.cut_off and (promised is None or missing > 0.05):
        notes.append(Note("cut", Message("audio.last_frame_cut_off", seconds=decoded.seconds)))
    return notes


def _promised_seconds(path: Path, container: Any, stream: Any, decoded: Decoded, wav: WavSize | None) -> float | None:
    """How long the file's own header says it is; None where no header says so, or where another part of it says that
    all is there."""
    formats = set(container.format.name.split(","))
    if wav is not None:
        return decoded.seconds * wav.missing or None
    if "mp3" in formats:
        return mp3_seconds(path)
    if not HEADER_HAS_LENGTH & formats or iff_is_whole(path) or 0 < stream.frames <= decoded.packets:
        return None
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    alone = len(container.streams) == 1  # else it may be the length of the picture
    return container.duration / av.time_base if alone and container.duration else None
