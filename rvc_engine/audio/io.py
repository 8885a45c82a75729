"""Recordings in and out, by PyAV (ffmpeg's libraries in the package): any file that ffmpeg reads, by content, not by
name.

reading.py has how a recording is read.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import soxr
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray
from scipy.io import wavfile

from rvc_engine.audio.container import reason_of
from rvc_engine.audio.notes import Note
from rvc_engine.audio.reading import Blocks, Reading, read
from rvc_engine.common.opening import open_file
from rvc_engine.disk import whole_file
from rvc_engine.errors import UnusableRecording
from rvc_engine.messages import Message

CODECS = {"wav": "pcm_s16le", "flac": "flac", "mp3": "libmp3lame", "m4a": "aac", "ogg": "libopus"}
"""File format to codec, for `encode`."""

MUXERS = {"m4a": "ipod"}


class TooLong(Exception):
    """A recording has more samples than were asked for."""


def decode(path: Path, sample_rate: int, notes: list[Note] | None = None, most: int = 0) -> NDArray[np.float32]:
    """(T,) float32 mono in -1..1, by way of int16 as RVC does; `notes` takes what is to be said of it. Raises
    UnusableRecording(reason), and TooLong where there are more than `most` samples, unless that is 0."""

    def joined(blocks: Blocks, reading: Reading) -> NDArray[np.int16]:
        parts, length = [np.zeros(0, dtype=np.int16)], 0
        for block in blocks:
            parts.append(block)
            length += len(block)
            if 0 < most < length:
                raise TooLong
        return np.concatenate(parts)

    samples, reading = read(path, sample_rate, joined)
    if notes is not None:
        notes += reading.notes
    return np.asarray(samples.astype(np.float32) / np.float32(32768))


def encode(path: Path, samples: NDArray[np.int16], sample_rate: int, format: str) -> None:
    """Write (T,) int16, T > 0, as wav, flac, mp3, m4a (AAC) or ogg (Opus). The file appears whole and decodes to the
    same length.

    A codec knows certain rates only: other material is resampled to the next rate above.
    """
    rate = _encoder_rate(CODECS[format], sample_rate)
    ready = samples
    if rate != sample_rate:
        ready = np.clip(np.rint(resample(samples.astype(np.float32), sample_rate, rate)), -32768, 32767).astype(
            np.int16
        )
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
        # AAC has no mark for where its last frame ends, but one for where to begin
        lead = -len(ready) % size if format == "m4a" else 0
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
        with open_file(path) as file:
            sample_rate, samples = wavfile.read(file)
    except Exception as error:  # scipy raises many kinds on a damaged header
        raise UnusableRecording(Message("audio.wav_cannot_be_read", path=path.name, reason=reason_of(error))) from error
    if samples.ndim != 1 or samples.dtype != np.float32 or not samples.size:
        raise UnusableRecording(Message("audio.not_our_wav", path=path.name))
    return samples, int(sample_rate)


def read_16k(path: Path) -> NDArray[np.float32]:
    """(T,) of such a WAV at 16 kHz. Raises UnusableRecording."""
    wave, rate = read_wav(path)
    if rate != 16000:
        raise UnusableRecording(Message("audio.not_16k", path=path.name, rate=rate))
    return wave


def resample(samples: NDArray[np.floating], rate_in: int, rate_out: int) -> NDArray[np.floating]:
    """(T,) -> (ceil(T * rate_out / rate_in),) by soxr's high quality, in the same dtype; a last part of a sample is a
    zero, as in RVC."""
    if rate_in == rate_out:
        return samples
    length = -(-len(samples) * rate_out // rate_in)
    wave = np.asarray(soxr.resample(samples, rate_in, rate_out, quality="HQ"))[:length]
    return np.pad(wave, (0, length - len(wave)))
