"""A recording's samples: which of its audio tracks, how its channels become one, and what is to be said of it.

What most files need is known from their header; what the others need is known once they have been decoded. So a
recording is read as RVC reads it while it is watched, and read again where that turns out to be wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.error import FFmpegError
from numpy.typing import NDArray

from rvc_engine.audio.channels import FULL_SCALE, ChannelMeter, Mix, Rows, even, mix_of, notes_on
from rvc_engine.audio.container import Decoded, check_complete, frames_of, most_seconds, opened, reason_of
from rvc_engine.audio.notes import Note
from rvc_engine.errors import UnusableRecording
from rvc_engine.messages import Message

Blocks = Iterator[NDArray[np.int16]]
Result = TypeVar("Result")

SCALES = {"u8": 1 / 128, "s16": 2.0**-15, "s32": 2.0**-31, "s64": 2.0**-63, "flt": 1.0, "dbl": 1.0}
TYPES = {"u8": np.uint8, "s16": np.int16, "s32": np.int32, "s64": np.int64, "flt": np.float32, "dbl": np.float64}
"""ffmpeg's sample formats."""
PLANES = 8
"""From so many planes on PyAV reads past the end of ffmpeg's list of them."""
SILENT_TRACK_DB = -42.0
"""A first track that stays below is left for another one that is louder by this much:"""
LOUDER_DB = 20.0


@dataclass(frozen=True)
class StoredFormat:
    """How a file holds its audio, by its header: the name of the codec, Hz, channels."""

    codec: str
    sample_rate: int
    channels: int

    @classmethod
    def of(cls, stream: Any) -> StoredFormat:
        context = stream.codec_context
        return cls(str(context.name), int(context.sample_rate or 0), int(context.channels or 0))


@dataclass(frozen=True)
class Reading:
    """How a recording is read: which track, how its channels become one, the Hz of its blocks, and what is to be said
    of it."""

    track: int
    mix: Mix
    stored: StoredFormat
    sample_rate: int
    notes: tuple[Note, ...] = ()


def read(
    path: Path,
    sample_rate: int | Callable[[StoredFormat], int],
    use: Callable[[Blocks, Reading], Result],
    *,
    separate: bool = False,
) -> tuple[Result, Reading]:
    """What `use` makes of a recording, in little memory, and how it was read. `use` is called again, from the start,
    where the first reading turns out to be wrong; it may stop early.

    Its blocks are (T,) int16 at `sample_rate`, mixed to one channel; `separate`: (C, T), the channels in use for
    themselves. There may be none. Raises UnusableRecording, for a truncated or damaged file only at its end.
    """
    with opened(path) as (container, stream):
        stored = StoredFormat.of(stream)
        rate = sample_rate if isinstance(sample_rate, int) else sample_rate(stored)
        if is_plain(stream.codec_context.layout):  # as RVC reads it, until something else is seen
            reading = Reading(0, Mix(even(max(1, stored.channels)), plain=True), stored, rate)
            first = _Pass(path, container, stream, reading, separate)
            result = first.run(use)
            better = first.verdict()
            if (better.track, better.mix) == (0, reading.mix):
                return result, better
        else:
            others = len(container.streams.audio) - 1
            better = (_louder_track(path, _Look(path, 0).meter, others, rate) if others else None) or reading_of(
                path, 0, rate
            )
    with opened(path, better.track) as (container, stream):
        return _Pass(path, container, stream, better, separate, watched=False).run(use), better


def is_plain(layout: Any) -> bool:
    """Swresample mixes it as we do."""
    return layout.nb_channels == 1 or layout.name in ("stereo", "2 channels")


def may_surprise(context: Any) -> bool:
    """Channels can cancel each other, and floats can be anything."""
    return context.channels != 1 or context.format is None or context.format.packed.name in ("flt", "dbl")


def reading_of(path: Path, track: int, sample_rate: int) -> Reading:
    """How to read a track, after a look at all of it. Raises UnusableRecording."""
    looked = _Look(path, track)
    mix = mix_of(looked.meter, plain=looked.plain)
    if len(mix.used) > 1 and not looked.plain:  # the peak of just these together
        mix = mix_of(_Look(path, track, mix.weights).meter, plain=False)
    return Reading(track, mix, looked.stored, sample_rate, (*notes_on(mix, looked.meter), *looked.notes))


class _Look:
    """All of a track decoded and metered."""

    def __init__(self, path: Path, track: int, weights: tuple[float, ...] | None = None) -> None:
        decoded, rows = Decoded(most_seconds(path)), _RowReader()
        with opened(path, track) as (container, stream), _reasons():
            self.stored, self.plain = StoredFormat.of(stream), is_plain(stream.codec_context.layout)
            self.meter = ChannelMeter(max(1, self.stored.channels), self.stored.sample_rate, weights)
            for frame in frames_of(container, stream, decoded):
                self.meter.add(rows.of(frame))
            self.meter.finish()
            self.notes = check_complete(path, container, stream, decoded)


class _reasons:
    """Errors of ffmpeg, and of a file that goes while it is read, become UnusableRecording."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (FFmpegError, OSError, ValueError, MemoryError, OverflowError)):
            raise UnusableRecording(Message("audio.cannot_be_decoded", reason=reason_of(error))) from error


class _Pass:
    """A recording read once in one way, and watched meanwhile."""

    def __init__(
        self, path: Path, container: Any, stream: Any, reading: Reading, separate: bool, *, watched: bool = True
    ) -> None:
        self.path, self.container, self.stream = path, container, stream
        self.reading, self.separate = reading, separate
        self.other_tracks = len(container.streams.audio) - 1
        self.meter: ChannelMeter | None = None
        if watched and (self.other_tracks or may_surprise(stream.codec_context)):
            self.meter = ChannelMeter(len(reading.mix.weights), reading.stored.sample_rate)
        self.notes: list[Note] = []

    def run(self, use: Callable[[Blocks, Reading], Result]) -> Result:
        with closing(self._blocks()) as blocks:
            return use(blocks, self.reading)

    def _blocks(self) -> Generator[NDArray[np.int16], None, None]:
        decoded, mix, rate = Decoded(most_seconds(self.path)), self.reading.mix, self.reading.sample_rate
        with _reasons():
            frames = self._watched(frames_of(self.container, self.stream, decoded))
            if mix.plain_channels if self.separate else mix.plain:
                yield from _by_swresample(frames, rate, mono=not self.separate)
            else:
                yield from _by_weights(
                    frames, mix.separate if self.separate else mix.mixed, rate, flat=not self.separate
                )
            if decoded.seconds or not self.other_tracks:
                self.notes = check_complete(self.path, self.container, self.stream, decoded)

    def _watched(self, frames: Iterator[Any]) -> Iterator[Any]:
        rows = _RowReader()
        for frame in frames:
            if self.meter is not None:
                self.meter.add(rows.of(frame))
            yield frame

    def verdict(self) -> Reading:
        """How this recording should have been read, by what was seen of it. Raises UnusableRecording."""
        if self.meter is None:
            return replace(self.reading, notes=tuple(self.notes))
        self.meter.finish()
        if self.other_tracks and (
            better := _louder_track(self.path, self.meter, self.other_tracks, self.reading.sample_rate)
        ):
            return better
        if not self.meter.samples:
            raise UnusableRecording(Message("audio.no_audio"))
        mix = mix_of(self.meter, plain=True)
        return Reading(0, mix, self.reading.stored, self.reading.sample_rate, (*notes_on(mix, self.meter), *self.notes))


def _louder_track(path: Path, first: ChannelMeter, others: int, sample_rate: int) -> Reading | None:
    """The first of the other tracks that has sound, where the first one has none."""
    peak = float(first.peaks.max())
    if peak >= FULL_SCALE * 10 ** (SILENT_TRACK_DB / 20):
        return None
    audible = []
    for track in range(1, others + 1):
        try:
            looked = _Look(path, track)
        except UnusableRecording:
            continue
        if looked.meter.peaks.max() > max(peak, 1e-4) * 10 ** (LOUDER_DB / 20):
            audible.append(track)
    if not audible:
        return None
    reading = reading_of(path, audible[0], sample_rate)
    numbers = [track + 1 for track in audible]
    text = Message("audio.other_track", count=len(numbers), audible=numbers, track=numbers[0])
    return replace(reading, notes=(Note("track", text), *reading.notes))


# --- frames to samples ------------------------------------------------------------------------------------------------
class _RowReader:
    """Frames of any format as (C, T) float32."""

    def __init__(self) -> None:
        self.packer: Any = None
        self.shape: object = None

    def of(self, frame: Any) -> Rows:
        channels = frame.layout.nb_channels
        if frame.format.is_planar and channels >= PLANES:
            frame = self._packed(frame)
        kind = frame.format.packed.name
        if frame.format.is_planar:
            planes = frame.planes[:channels]
            rows = np.stack([np.frombuffer(plane, TYPES[kind], frame.samples) for plane in planes])
        else:
            rows = np.frombuffer(frame.planes[0], TYPES[kind], frame.samples * channels).reshape(-1, channels).T
        with np.errstate(over="ignore", invalid="ignore"):
            wave = np.array(rows, dtype=np.float32, order="C")
        if kind == "u8":
            wave -= np.float32(128)
        return wave if SCALES[kind] == 1 else wave * np.float32(SCALES[kind])

    def _packed(self, frame: Any) -> Any:
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self.shape:
            self.packer, self.shape = AudioResampler(frame.format.packed.name, frame.layout, frame.sample_rate), shape
        (packed,) = self.packer.resample(frame)
        return packed


def _by_swresample(frames: Iterator[Any], sample_rate: int, *, mono: bool) -> Blocks:
    """Frames of one or two channels, resampled to (T,) int16 blocks, or (C, T) in the layout of the first one unless
    `mono`."""
    resampler, shape, layout = None, None, None
    for frame in frames:
        now = (frame.format.name, frame.layout.name, frame.sample_rate)
        if now != shape:  # chained streams may change on the way
            yield from _blocks(resampler.resample(None) if resampler else [], mono)
            layout = layout or frame.layout
            resampler = AudioResampler("s16" if mono else "s16p", "mono" if mono else layout, sample_rate)
            shape = now
        frame.pts = None  # sample by sample, whatever the time stamps say
        assert resampler is not None
        yield from _blocks(resampler.resample(frame), mono)
    yield from _blocks(resampler.resample(None) if resampler else [], mono)


def _blocks(frames: list[Any], mono: bool) -> Blocks:
    for frame in frames:
        if frame is not None and frame.samples:
            block = frame.to_ndarray().astype(np.int16, copy=False)
            yield block.reshape(-1) if mono else block


def _by_weights(frames: Iterator[Any], mix: Callable[[Rows], Rows], sample_rate: int, *, flat: bool) -> Blocks:
    """Frames mixed by ourselves as floats, each row of the result resampled to int16; (T,) blocks where `flat`."""
    rows, resamplers, rate = _RowReader(), list[Any](), 0
    for frame in frames:
        wave = mix(rows.of(frame))
        if frame.sample_rate != rate:
            yield from _joined([one.resample(None) for one in resamplers], flat)
            rate = frame.sample_rate
            resamplers = [AudioResampler("s16", "mono", sample_rate) for _ in wave]
        parts = []
        for resampler, row in zip(resamplers, wave, strict=True):
            single = av.AudioFrame.from_ndarray(np.ascontiguousarray(row[None]), format="fltp", layout="mono")
            single.sample_rate = rate
            parts.append(resampler.resample(single))
        yield from _joined(parts, flat)
    yield from _joined([one.resample(None) for one in resamplers], flat)


def _joined(parts: list[list[Any]], flat: bool) -> Blocks:
    """Frames of each row -> (rows, T)."""
    rows = [
        [frame.to_ndarray().reshape(-1) for frame in frames if frame is not None and frame.samples] for frames in parts
    ]
    if rows and rows[0]:
        block = np.stack([np.concatenate(row) for row in rows])
        yield block[0] if flat else block
