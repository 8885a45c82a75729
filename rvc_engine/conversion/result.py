"""The converted sound before it is written: kept on disk when it is long, then levelled, resampled, rounded."""

from __future__ import annotations

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile

import numpy as np
import soxr
from numpy.typing import NDArray

from rvc_engine.audio.loudness import EnvelopeMeter, fit, int16_scale, mix_gain, resampled_length

MEMORY_BYTES = 32 << 20
BLOCK = 1 << 19


class Result:
    """Takes float32 samples at `sample_rate` chunk by chunk; `finish` gives int16. Its peak is only known at the end,
    and so is the loudness around each sample, hence the detour over a file. Use as a context manager."""

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.samples = 0
        self.meter = EnvelopeMeter(sample_rate)
        self.file = SpooledTemporaryFile(max_size=MEMORY_BYTES)  # noqa: SIM115 (closed in __exit__)

    def __enter__(self) -> Result:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self.file.close()

    def add(self, samples: NDArray[np.float32]) -> None:
        self.meter.add(samples)
        self.file.write(samples.tobytes())
        self.samples += len(samples)

    def finish(self, source_envelope: NDArray[np.float64], rms_mix_rate: float, target_rate: int) -> NDArray[np.int16]:
        """The whole result at `target_rate` (0: its own): loudness mixed with the source's, peak at most 0.99."""
        rate = target_rate or self.sample_rate
        peak = max(
            (float(np.abs(b).max()) for b in self._blocks(source_envelope, rms_mix_rate, rate) if len(b)), default=0.0
        )
        scale = int16_scale(peak)
        whole = np.zeros(resampled_length(self.samples, self.sample_rate, rate), dtype=np.int16)
        at = 0
        for block in self._blocks(source_envelope, rms_mix_rate, rate):
            part = fit(block, min(len(block), len(whole) - at))
            whole[at : at + len(part)] = (part * scale).astype(np.int16)
            at += len(part)
        return whole

    def _blocks(
        self, source_envelope: NDArray[np.float64], rms_mix_rate: float, rate: int
    ) -> Iterator[NDArray[np.float32]]:
        """The result from its start, levelled and resampled."""
        stream = None
        if rate != self.sample_rate:
            stream = soxr.ResampleStream(self.sample_rate, rate, 1, dtype="float32", quality="HQ")
        envelope = self.meter.envelope()
        self.file.seek(0)
        for start in range(0, self.samples, BLOCK):
            stop = min(start + BLOCK, self.samples)
            block = np.frombuffer(self.file.read(4 * (stop - start)), dtype=np.float32)
            if rms_mix_rate != 1:
                block = block * mix_gain(source_envelope, envelope, rms_mix_rate, start, stop, self.samples)
            yield stream.resample_chunk(block, last=stop == self.samples) if stream else block
