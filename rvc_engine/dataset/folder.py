"""A folder of recordings as a whole: minutes, medians, and the model that fits."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rvc_engine.dataset.report import PITCH_FLOOR_HZ, FileReport
from rvc_engine.dataset.thresholds import FILLED, LOW_HZ, MIN_BANDWIDTH_S
from rvc_engine.dataset.voices import pitch_counts, pitch_range
from rvc_engine.messages import Message

RATES = (48000, 40000, 32000)
PRESETS_OF_RATE = {
    48000: ["v2-48k", "v2-40k"],
    40000: ["v2-40k", "v2-32k"],
    32000: ["v2-32k"],
    16000: ["starter", "v2-32k"],
}
"""Best first."""


@dataclass(frozen=True)
class Folder:
    """The recordings that count, and sums over them."""

    files: Sequence[FileReport]

    @property
    def readable(self) -> list[FileReport]:
        return [f for f in self.files if f.readable]

    @property
    def used(self) -> list[FileReport]:
        return [f for f in self.files if f.readable and not f.unusable]

    @property
    def total_seconds(self) -> float:
        return sum(f.seconds for f in self.readable)

    @property
    def usable_seconds(self) -> float:
        """Each recording once, however many copies of it there are."""
        return sum(f.usable_seconds for f in {f.sha256: f for f in self.used}.values())

    def share(self, files: Sequence[FileReport]) -> float:
        """Of the seconds of all used recordings."""
        return sum(f.seconds for f in files) / (sum(f.seconds for f in self.used) or 1)

    def median(self, value: Callable[[FileReport], float | None], quantile: float = 0.5) -> float | None:
        """Quantile by seconds over the files that have the value."""
        known = sorted((v, f.seconds) for f in self.used if (v := value(f)) is not None)
        left = quantile * sum(seconds for _, seconds in known)
        for v, seconds in known:
            left -= seconds
            if left <= 0:
                return v
        return None

    @property
    def bandwidth_hz(self) -> float | None:
        """Half of the audio reaches this far. Short files without a sibilant count only where nothing else is there."""
        measured = [f for f in self.used if f.low_passed or f.seconds >= MIN_BANDWIDTH_S]
        if sum(f.seconds for f in measured) >= 0.5 * sum(f.seconds for f in self.used):
            return Folder(measured).median(lambda f: f.bandwidth_hz)
        return self.median(lambda f: f.bandwidth_hz, 0.6)

    @property
    def loudness_spread(self) -> float | None:
        """Standard deviation in LU."""
        levels = [f.loudness_lufs for f in self.used if f.loudness_lufs is not None]
        return statistics.pstdev(levels) if len(levels) > 1 else None


def suggest_rate(folder: Folder) -> tuple[int, Message]:
    """The model's sample rate in Hz, and why. 16000 where nothing above it would be filled or nothing is known."""
    hz, rate = folder.bandwidth_hz, folder.median(lambda f: float(f.sample_rate))
    if hz is None or rate is None:
        return 16000, Message("dataset.nothing_measured")
    khz = hz / 1000
    for full in RATES:
        if rate >= full and hz >= FILLED * full / 2:
            return full, Message("dataset.rate_filled", khz=khz, rate_khz=full // 1000, used_khz=full // 2000)
    if hz > LOW_HZ:
        return 32000, Message("dataset.lowest_rate_published", khz=khz)
    return 16000, Message("dataset.audio_ends", khz=khz)


def summary_of(folder: Folder) -> dict[str, Any]:
    """The numbers of the whole folder, for JSON."""
    rate, reason = suggest_rate(folder)
    spread = folder.loudness_spread
    return {
        "count": len(folder.files),
        "readable": len(folder.readable),
        "used": len(folder.used),
        "total_seconds": round(folder.total_seconds, 3),
        "usable_seconds": round(folder.usable_seconds, 3),
        "sample_rates": sorted({f.sample_rate for f in folder.readable}),
        "bandwidth_hz": folder.bandwidth_hz,
        "loudness_lufs": folder.median(lambda f: f.loudness_lufs),
        "loudness_spread_lu": None if spread is None else round(spread, 2),
        "noise_dbfs": folder.median(lambda f: f.noise_dbfs),
        "snr_db": folder.median(lambda f: f.snr_db),
        "pitch_hz": pitch_range(folder.used),
        "pitch_counts": pitch_counts(folder.used),
        "pitch_floor_hz": PITCH_FLOOR_HZ,
        "suggested_sample_rate": rate,
        "suggested_presets": PRESETS_OF_RATE[rate],
        "suggestion_reason": reason,
    }
