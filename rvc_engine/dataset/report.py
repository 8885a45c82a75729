"""What is known of one recording of a data set."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainValidator

from rvc_engine.messages import Message, verbatim

VERSION = 2
"""Of the measurements: one more whenever a number that they give changes."""
PITCH_FLOOR_HZ = 50.0
PITCH_STEPS = 108
"""Counts of voiced frames in steps of half a semitone from 50 Hz to 1130 Hz."""


def _reason(value: object) -> Message:
    assert isinstance(value, str)
    return verbatim(value)


class FileReport(BaseModel):
    """What is known of one recording; None where there was nothing to measure. Levels in dBFS, lengths in seconds,
    shares 0..1.

    `unusable` says why `rvc run` would leave it out, NOTHING when it would not. `low_passed`: the spectrum ends at a
    wall. `notes`: what is to be said of how it is read, by kind. `pitch_hz`: 10th percentile, median and 90th
    percentile of the voiced frames of the loudest minute.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str
    bytes: int
    mtime_ns: int
    readable: bool
    unusable: Annotated[Message, PlainValidator(_reason)]
    seconds: float = 0.0
    usable_seconds: float = 0.0
    longest_seconds: float = 0.0
    """Of its stretches without a cut."""
    codec: str = ""
    sample_rate: int = 0
    channels: int = 0
    channel_kind: str = ""
    bandwidth_hz: float | None = None
    low_passed: bool = False
    clipped_share: float = 0.0
    silence_share: float = 0.0
    noise_dbfs: float | None = None
    snr_db: float | None = None
    loudness_lufs: float | None = None
    peak_dbfs: float | None = None
    dc_offset: float = 0.0
    pitch_hz: list[float] | None = None
    voiced_seconds: float = 0.0
    pitch_parts: list[list[float]] = []
    """Median and voiced seconds of each stretch of ten seconds."""
    pitch_counts: list[int] = []
    sha256: str = ""
    fingerprint: str = ""
    notes: dict[str, str] = {}
