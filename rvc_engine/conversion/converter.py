"""One recording into another voice: high-pass, pitch, content, retrieval, synthesis, loudness."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from rvc_engine.audio.filters import high_pass, high_pass_part
from rvc_engine.audio.loudness import envelope
from rvc_engine.common.generators import result_of
from rvc_engine.content.base import LoadedEncoder
from rvc_engine.content.checked import CheckedEncoder
from rvc_engine.conversion.chunking import HOP, RATE, Chunk, ChunkPlan, chunks, cut_points, mirrored, plan_for
from rvc_engine.conversion.result import Result
from rvc_engine.conversion.retrieval import Retrieval, phone_features
from rvc_engine.errors import UnusableRecording
from rvc_engine.files.half import autocast, rounded
from rvc_engine.machine.device import listening_precision, name_of, sent_to
from rvc_engine.messages import Message
from rvc_engine.models.noise import Noise, NoiseSource
from rvc_engine.pitch.checked import CheckedTracker
from rvc_engine.pitch.coarse import coarse, fill_unvoiced, transpose
from rvc_engine.settings import ConvertSettings

if TYPE_CHECKING:
    from rvc_engine.voices.small_model import Voice
    from rvc_engine.workspace import Workspace

LONG_S = 300
BLOCK_S = 60
PITCH_MARGIN_S = 5
SOURCE_PEAK = 0.95

Wave = NDArray[np.floating]


@dataclass(frozen=True)
class Pitch:
    """Of the padded recording, (F,) each: coarse 1..255, Hz, and whether the tracker found a voice (before gaps were
    filled)."""

    coarse: NDArray[np.int64]
    hz: NDArray[np.float64]
    voiced: NDArray[np.bool_]

    def part(self, start: int, stop: int) -> Pitch:
        return Pitch(self.coarse[start:stop], self.hz[start:stop], self.voiced[start:stop])


@dataclass
class Source:
    """A recording, filtered, (T,) at 16 kHz; its pitch once it is tracked."""

    wave: Wave
    pitch: Pitch | None = None


@dataclass(frozen=True)
class Spoken:
    """A converted recording before it is levelled, resampled and rounded, which needs no GPU."""

    source: Wave
    result: Result
    settings: ConvertSettings

    @property
    def seconds(self) -> float:
        return self.result.samples / self.result.sample_rate

    def samples(self) -> NDArray[np.int16]:
        """Of the result. Once."""
        with self.result:
            levels = envelope(self.source, RATE)
            return self.result.finish(levels, self.settings.rms_mix_rate, self.settings.sample_rate)


class Converter:
    """A loaded voice. `settings.pitch_method` must be usable; `voice` and `index` must belong together
    (retrieval.refuse_other_encoder).

    The filter and the pitch of a recording of up to 5 minutes are computed on the whole of it, as in RVC. A longer one
    is filtered and tracked in blocks of a minute with margins of 10 s and 5 s, so that memory does not grow with its
    length: the filter gives the same numbers, while a tracker that looks for the best path through the whole recording
    may decide otherwise in a few frames.
    """

    def __init__(
        self,
        voice: Voice,
        encoder: LoadedEncoder,
        index: Retrieval | None,
        settings: ConvertSettings,
        device: torch.device | str = "cpu",
        *,
        workspace: Workspace | None = None,
        plan: ChunkPlan | None = None,
    ) -> None:
        self.voice = voice
        self.config = voice.config
        self.encoder = encoder
        self.index = index if settings.index_rate else None
        self.settings = settings
        self.device = torch.device(device)
        self.tracker = CheckedTracker(settings.pitch_method, str(self.device), workspace)
        self.precision = listening_precision(settings.precision, self.device)
        self.network = rounded(voice.network(self.device), self.precision)
        half = self.precision != "fp32" and self.device.type != "cpu"
        self.plan = plan or plan_for(self.device.type, half=half, memory_bytes=_memory_of(self.device))
        self._notes: list[Message] = []

    def notes(self) -> Iterator[Message]:
        """Warnings about what was converted since the last call, each once."""
        if isinstance(self.encoder, CheckedEncoder):
            yield from self.encoder.notes()
        while self._notes:
            yield self._notes.pop(0)

    @property
    def sample_rate(self) -> int:
        """Of the results, Hz."""
        return self.settings.sample_rate or self.config.sample_rate

    def convert(self, wave: Wave) -> NDArray[np.int16]:
        """(T,) at 16 kHz in -1..1 -> (ceil(T * rate / 16000),) int16 at `sample_rate`. Raises UnusableRecording."""
        return result_of(self.steps(wave))

    def steps(self, wave: Wave) -> Generator[float, None, NDArray[np.int16]]:
        """As `convert`, yielding the seconds of the source that are done after each piece of work."""
        spoken = yield from self.speaking(self.source(wave))
        return spoken.samples()

    def source(self, wave: Wave) -> Source:
        """(T,) at 16 kHz in -1..1. Raises UnusableRecording."""
        if not len(wave):
            raise UnusableRecording(Message("audio.no_audio"))
        if not np.isfinite(wave).all():
            raise UnusableRecording(Message("conversion.not_finite"))
        return Source(cleaned(wave))

    def prepared(self, wave: Wave) -> Source:
        """As `source`, with all that needs no GPU: on another thread, while this one converts the recording before."""
        source = self.source(wave)
        if not self.tracker.on_gpu:
            result_of(self._tracking(source))
        return source

    def speaking(self, source: Source) -> Generator[float, None, Spoken]:
        """The rest, up to what needs no GPU again. Yields as `steps`."""
        yield from self._tracking(source)
        result, wave = Result(self.config.sample_rate), source.wave
        try:
            for number, chunk in enumerate(chunks(len(wave), cut_points(wave, self.plan))):
                result.add(self._speak(wave, source.pitch, chunk, number))
                yield chunk.stop / RATE
        except BaseException:
            result.close()
            raise
        return Spoken(wave, result, self.settings)

    # --- pitch -------------------------------------------------------------------------------------
    def _tracking(self, source: Source) -> Generator[float, None, None]:
        """Finds the pitch, where the voice needs it. Yields nothing done."""
        if not self.config.pitch:
            return
        if source.pitch is not None:
            yield 0.0
            return
        hz: list[NDArray[np.float64]] = []
        for block in self._track(source.wave):
            hz.append(block)
            yield 0.0
        source.pitch = self.pitch_of(np.concatenate(hz))

    def _track(self, source: Wave) -> Iterator[NDArray[np.float64]]:
        """Hz of the padded recording, 100 frames a second, 0 where unvoiced; in one piece, or in blocks if it is
        long."""
        pad = self.plan.pad_frames
        frames = -(-len(source) // HOP) + 2 * pad
        block = frames if len(source) <= LONG_S * RATE else BLOCK_S * 100
        margin = PITCH_MARGIN_S * 100
        for start in range(0, frames, block):
            stop = min(start + block, frames)
            first, last = max(start - margin, 0), min(stop + margin, frames)
            part = mirrored(source, (first - pad) * HOP, (last - pad) * HOP)
            hz = self.tracker.track([part])[0]
            if len(hz) != last - first:
                raise AssertionError(f"{len(hz)} frames of pitch for {last - first} frames")
            yield hz[start - first : stop - first]

    def pitch_of(self, hz: NDArray[np.float64]) -> Pitch:
        """(F,) Hz as tracked, 0 where unvoiced -> transposed, gaps filled as the voice was trained (interpolated if it
        does not say)."""
        voiced = hz > 0
        shifted = transpose(hz, self.settings.transpose)
        filled = shifted if self.voice.unvoiced == "zero" else fill_unvoiced(shifted)
        return Pitch(coarse(filled), filled, voiced)

    # --- synthesis ---------------------------------------------------------------------------------
    def _speak(self, source: Wave, pitch: Pitch | None, chunk: Chunk, number: int) -> NDArray[np.float32]:
        """The chunk in the voice: exactly its samples at the voice's rate."""
        pad = self.plan.pad_frames
        frames = chunk.frames + 2 * pad
        first = chunk.start // HOP
        audio = mirrored(
            source, chunk.start - self.plan.pad_samples, chunk.start - self.plan.pad_samples + frames * HOP
        )
        features = self.encoder.encode([audio.astype(np.float32)])[0]
        near = pitch.part(first, first + frames) if pitch else None

        def made() -> NDArray[np.float32]:
            noise = Noise(self.device, seed=chunk_seed(self.settings.seed, number))
            return self.synthesize(features, near, frames, noise, (pad, pad + chunk.frames))

        try:
            wave = made()
        except UnusableRecording:
            if self.precision == "fp32":
                raise
            wave = self._in_float32(made)
        return wave[: round((chunk.stop - chunk.start) * self.config.sample_rate / RATE)]

    def _in_float32(self, made: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32]:
        """Compute it again in float32; if that is finite, the rest is computed in float32 too."""
        half = self.network, self.precision
        self.network, self.precision = self.voice.network(self.device), "fp32"
        try:
            wave = made()
        except UnusableRecording:
            self.network, self.precision = half
            raise
        about = {"precision": half[1], "device": name_of(self.device)}
        self._notes.append(Message("conversion.precision_not_finite", **about))
        return wave

    def synthesize(
        self,
        features: NDArray[np.float32],
        pitch: Pitch | None,
        frames: int,
        noise: NoiseSource,
        part: tuple[int, int] | None = None,
    ) -> NDArray[np.float32]:
        """(F50, D) features and (frames,) pitch -> (frames * hop,) wave at the voice's rate, or the frames `part` of
        it. Raises UnusableRecording."""
        settings = self.settings
        phone = phone_features(
            features, self.index, settings.index_rate, settings.protect, pitch.voiced if pitch else None, frames
        )
        sent = partial(sent_to, self.device)  # without waiting for the GPU, which may still be busy
        with torch.inference_mode(), autocast(self.device, self.precision):
            made = self.network.infer(
                sent(torch.from_numpy(phone).float().unsqueeze(0)),
                sent(torch.tensor([frames])),
                sent(torch.from_numpy(pitch.coarse).unsqueeze(0)) if pitch else None,
                sent(torch.from_numpy(pitch.hz).float().unsqueeze(0)) if pitch else None,
                sent(torch.tensor([settings.speaker])),
                noise=noise,
                part=part,
            )
        wave: NDArray[np.float32] = made.wave[0, 0].float().cpu().numpy()
        if not np.isfinite(wave).all():
            raise UnusableRecording(Message("conversion.result_not_finite"))
        return wave


def cleaned(wave: Wave) -> Wave:
    """(T,) -> (T,): a peak above 0.95 brought down to it, then the 48 Hz high-pass forwards and backwards. float64, or
    float32 if long."""
    over = max(float(np.abs(wave).max()) / SOURCE_PEAK, 1.0)
    if len(wave) <= LONG_S * RATE:
        return high_pass(wave / over if over > 1 else wave, RATE, "zero_phase")
    filtered = np.empty(len(wave), dtype=np.float32)
    for start in range(0, len(wave), BLOCK_S * RATE):
        stop = min(start + BLOCK_S * RATE, len(wave))
        filtered[start:stop] = high_pass_part(wave, start, stop, RATE, "zero_phase") / over
    return filtered


def chunk_seed(seed: int, number: int) -> int:
    """Another noise for each chunk, the same in every run."""
    return seed * 1_000_003 + number


def _memory_of(device: torch.device) -> int:
    return torch.cuda.get_device_properties(device).total_memory if device.type == "cuda" else 0
