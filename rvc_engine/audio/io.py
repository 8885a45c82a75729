"""Recordings in and out, by PyAV (ffmpeg's libraries in the package): any file that ffmpeg reads, by content, not by name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import av
import numpy as np
import soxr
from av.audio.resampler import AudioResampler
from av.error import FFmpegError
from numpy.typing import NDArray
from scipy.io import wavfile

from rvc_engine.audio.file_headers import LastFrame, mp3_seconds, wav_seconds
from rvc_engine.disk import whole_file
from rvc_engine.errors import UnusableRecording

PLAYLISTS = frozenset({"hls", "concat", "dash", "imf", "sdp", "rtsp", "webm_dash_manifest"})
"""Formats that only name other files."""

HEADER_TELLS = frozenset({"w64", "aiff", "caf", "flac", "mov", "mp4", "m4a", "matroska", "webm"})
"""Formats whose header states the length; of others ffmpeg only estimates it from the bit rate or from what is there."""

CODECS = {"wav": "pcm_s16le", "flac": "flac", "mp3": "libmp3lame", "m4a": "aac", "ogg": "libopus"}
"""File format to codec, for `encode`."""

MUXERS = {"m4a": "ipod"}


class _Nameless:
    """A file without its name, so that ffmpeg judges it by its content."""

    def __init__(self, file: BinaryIO) -> None:
        self.read = file.read
        self.seek = file.seek
        self.tell = file.tell


class _OtherFile(OSError):
    """A recording asked for another file or for the network."""


def _refuse_other_files(url: str, flags: int, options: dict[str, str]) -> NoReturn:
    raise _OtherFile(url)


@dataclass
class _Count:
    """What decoding met: packets, those of them that were damaged, and the samples that came out."""

    packets: int = 0
    damaged: int = 0
    samples: int = 0
    cause: str = ""


def _reason(error: BaseException) -> str:
    """An error's own words, without numbers and file names around them."""
    return str(getattr(error, "strerror", "") or error or type(error).__name__).strip().lower()


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """The container and its first audio stream. Raises UnusableRecording."""
    try:
        file = path.open("rb")
        empty = not os.fstat(file.fileno()).st_size
    except PermissionError:
        raise UnusableRecording("no permission to read it") from None
    except OSError as error:
        raise UnusableRecording(f"cannot be read: {_reason(error)}") from error
    with file:
        if empty:
            raise UnusableRecording("the file is empty")
        try:
            container = av.open(
                _Nameless(file), io_open=_refuse_other_files, options={"protocol_whitelist": "none"}, metadata_errors="replace"
            )
        except _OtherFile:
            raise UnusableRecording("it is a list of other files, not a recording") from None
        except (FFmpegError, OSError, ValueError) as error:
            raise UnusableRecording(f"not audio, or damaged at its start ({_reason(error)})") from error
        with container:
            if PLAYLISTS & set(container.format.name.split(",")):
                raise UnusableRecording("it is a list of other files, not a recording")
            if not container.streams.audio:
                raise UnusableRecording("no audio in it")
            stream = container.streams.audio[0]
            if stream.codec_context is None:
                raise UnusableRecording("cannot be decoded: no decoder for its audio")
            yield container, stream


def _promised_seconds(path: Path, container: Any, stream: Any) -> float | None:
    """How long the file's own header says it is; None where no header says so."""
    formats = set(container.format.name.split(","))
    if "mp3" in formats:
        return mp3_seconds(path)
    if "wav" in formats:
        return wav_seconds(path)
    if not HEADER_TELLS & formats:
        return None
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    alone = len(container.streams) == 1  # else it may be the length of the picture
    return container.duration / av.time_base if alone and container.duration else None


def _frames(container: Any, stream: Any, count: _Count, last: LastFrame) -> Iterator[Any]:
    """Decoded frames; damaged packets are counted and passed over."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except (FFmpegError, OSError) as error:  # the container itself is damaged: nothing can follow
            count.damaged += 1
            count.cause = _reason(error)
            return
        if packet.size:
            count.packets += 1
            last.see(packet)
        try:
            frames = packet.decode()
        except FFmpegError as error:
            count.damaged += 1
            count.cause = count.cause or _reason(error)
            continue
        yield from frames


def _converted(frames: Iterator[Any], sample_rate: int, *, mono: bool) -> Iterator[NDArray[np.int16]]:
    """Frames of any layout, resampled by swresample to (C, T) int16 blocks in the layout of the first one; mixed when `mono`."""
    resampler, shape, layout = None, None, None
    for frame in frames:
        now = (frame.format.name, frame.layout.name, frame.sample_rate)
        if now != shape:  # chained streams may change on the way
            yield from _blocks(resampler.resample(None) if resampler else [])
            layout = layout or frame.layout
            resampler = AudioResampler("s16" if mono else "s16p", "mono" if mono else layout, sample_rate)
            shape = now
        frame.pts = None  # sample by sample, whatever the time stamps say
        assert resampler is not None
        yield from _blocks(resampler.resample(frame))
    yield from _blocks(resampler.resample(None) if resampler else [])


def _blocks(frames: list[Any]) -> Iterator[NDArray[np.int16]]:
    for frame in frames:
        if frame is not None and frame.samples:
            yield frame.to_ndarray().astype(np.int16, copy=False)


@dataclass(frozen=True)
class StoredFormat:
    """How a file holds its audio: the name of the codec, Hz, channels."""

    codec: str
    sample_rate: int
    channels: int


def stored_format(path: Path) -> StoredFormat:
    """By the file's header. Raises UnusableRecording."""
    with _opened(path) as (_, stream):
        context = stream.codec_context
        return StoredFormat(str(context.name), int(context.sample_rate or 0), int(context.channels or 0))


def decode_blocks(path: Path, sample_rate: int) -> Iterator[NDArray[np.int16]]:
    """Mono int16 blocks at `sample_rate`, one after the other, in little memory.

    Raises UnusableRecording, for a truncated or damaged file only at its end: the blocks before are then not to be used.
    """
    yield from (block.reshape(-1) for block in _decoded(path, sample_rate, mono=True))


def decode_channels(path: Path, sample_rate: int) -> Iterator[NDArray[np.int16]]:
    """As `decode_blocks`, every channel for itself: (C, T) blocks."""
    return _decoded(path, sample_rate, mono=False)


def _decoded(path: Path, sample_rate: int, *, mono: bool) -> Iterator[NDArray[np.int16]]:
    count, last = _Count(), LastFrame()
    with _opened(path) as (container, stream):
        promised = _promised_seconds(path, container, stream)
        try:
            for block in _converted(_frames(container, stream, count, last), sample_rate, mono=mono):
                count.samples += block.shape[-1]
                yield block
        except (FFmpegError, ValueError) as error:
            raise UnusableRecording(f"cannot be decoded: {_reason(error)}") from error
    _judge(count, count.samples / sample_rate, promised, last)


def _judge(count: _Count, decoded: float, promised: float | None, last: LastFrame) -> None:
    if not count.samples:
        raise UnusableRecording(f"cannot be decoded: {count.cause}" if count.cause else "no audio in it")
    missing = promised - decoded if promised else 0.0
    if missing > max(0.15, 0.005 * decoded):
        raise UnusableRecording(f"{'damaged' if count.damaged > 1 else 'ends early'}: {decoded:.1f} s of {promised:.1f} s decoded")
    if last.cut_off and (promised is None or missing > 0.05):
        raise UnusableRecording(f"ends early: cut off inside a frame after {decoded:.1f} s")
    if count.damaged > 2 + count.packets // 100:  # one bad packet at an end is common in good files
        raise UnusableRecording(f"damaged: {count.damaged} of {count.packets} packets cannot be decoded ({count.cause})")


def decode(path: Path, sample_rate: int) -> NDArray[np.float32]:
    """(T,) float32 mono in -1..1, by way of int16 as RVC does. Raises UnusableRecording(reason)."""
    samples = np.concatenate(list(decode_blocks(path, sample_rate)))
    return np.asarray(samples.astype(np.float32) / np.float32(32768))


def encode(path: Path, samples: NDArray[np.int16], sample_rate: int, format: str) -> None:
    """Write (T,) int16, T > 0, as wav, flac, mp3, m4a (AAC) or ogg (Opus). The file appears whole and decodes to the same length.

    A codec knows certain rates only: other material is resampled to the next rate above.
    """
    rate = _encoder_rate(CODECS[format], sample_rate)
    ready = samples
    if rate != sample_rate:
        ready = np.clip(np.rint(resample(samples.astype(np.float32), sample_rate, rate)), -32768, 32767).astype(np.int16)
    with (
        whole_file(path) as temporary,
        temporary.open("wb") as file,  # ffmpeg takes no name that is not valid text
        av.open(file, "w", format=MUXERS.get(format, format)) as container,
    ):
        stream: Any = container.add_stream(CODECS[format], rate=rate, layout="mono")
        if format in ("mp3", "m4a", "ogg"):
            stream.bit_rate = 192_000 if rate > 24000 else 96_000
        stream.codec_context.open()
        size = stream.codec_context.frame_size
        lead = -len(ready) % size if format == "m4a" else 0  # AAC has no mark for where its last frame ends, but one for where to begin
        converter = AudioResampler(stream.codec_context.format, "mono", rate, frame_size=size)
        for first in range(-lead, len(ready), rate):
            part = ready[max(0, first) : first + rate]
            part = np.concatenate([np.zeros(max(0, -first), np.int16), part])
            frame = av.AudioFrame.from_ndarray(part[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, first, Fraction(1, rate)
            for piece in converter.resample(frame):
                container.mux(stream.encode(piece))
        for piece in converter.resample(None):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))


def _encoder_rate(codec: str, sample_rate: int) -> int:
    """The rate itself where the codec takes it, else the next above, else its highest."""
    rates = sorted(av.Codec(codec, "w").audio_rates or [])
    if not rates or sample_rate in rates:
        return sample_rate
    return next((rate for rate in rates if rate > sample_rate), rates[-1])


def write_wav(path: Path, samples: NDArray[np.floating], sample_rate: int) -> None:
    """(T,) as float32 WAV. The file appears whole; it can be made again, so it is not forced to the disk."""
    with whole_file(path, durable=False) as temporary:
        wavfile.write(temporary, sample_rate, np.asarray(samples, dtype=np.float32))


def read_wav(path: Path) -> tuple[NDArray[np.float32], int]:
    """(T,) float32 and the rate of a WAV that `write_wav` wrote. Raises UnusableRecording when it is damaged."""
    try:
        sample_rate, samples = wavfile.read(path)
    except Exception as error:  # scipy raises many kinds on a damaged header
        raise UnusableRecording(f"{path.name} cannot be read: {_reason(error)}") from error
    if samples.ndim != 1 or samples.dtype != np.float32 or not samples.size:
        raise UnusableRecording(f"{path.name} is not a mono float32 WAV")
    return samples, int(sample_rate)


def resample(samples: NDArray[np.floating], rate_in: int, rate_out: int) -> NDArray[np.floating]:
    """(T,) -> (ceil(T * rate_out / rate_in),) by soxr's high quality, in the same dtype; a last part of a sample is a zero, as in RVC."""
    if rate_in == rate_out:
        return samples
    length = -(-len(samples) * rate_out // rate_in)
    wave = np.asarray(soxr.resample(samples, rate_in, rate_out, quality="HQ"))[:length]
    return np.pad(wave, (0, length - len(wave)))
