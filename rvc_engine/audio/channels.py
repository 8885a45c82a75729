"""How the channels of a recording become one: the only mixing rule, for clips, reports on data sets and conversion.

One channel is itself, and of two each gives half, as in RVC. From three on those count that are near the loudest. Where
channels would cancel each other the loudest is taken alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rvc_engine.audio.notes import Note
from rvc_engine.errors import UnusableRecording
from rvc_engine.messages import Message, verbatim

Rows = NDArray[np.float32]
"""(C, T) samples, full scale at 1."""

BLOCK_S = 0.5
HIGHEST = 2.0**32
"""Floats above this are damage like those that are not finite: the widest integers that somebody may have written as
floats end below."""
REPAIRED_SHARE = 0.01
CANCELLED = 0.25
"""Of the power that two unrelated channels of the same levels would have: below it the mix has lost what is in both."""
CANCELLED_SHARE = 0.2
"""Of the sound, for a recording whose channels are opposite in parts only."""
NEAR_DB = 10.0
FULL_SCALE, LEVELLED_PEAK = 1.0, 0.9


@dataclass(frozen=True)
class Mix:
    """`weights` (C,) and `gain` of the result; `repair`: broken samples become 0. `plain`: swresample does just that,
    bit for bit as RVC. `channel_gain` brings each channel by itself to full scale at most."""

    weights: tuple[float, ...]
    plain: bool = False
    gain: float = 1.0
    channel_gain: float = 1.0
    repair: bool = False
    opposite: bool = False

    @property
    def used(self) -> list[int]:
        return [channel for channel, weight in enumerate(self.weights) if weight]

    @property
    def plain_channels(self) -> bool:
        """Swresample gives each channel as it is."""
        return self.plain and self.channel_gain == 1

    def mixed(self, rows: Rows) -> Rows:
        """(C, T) -> (1, T)"""
        weights = np.asarray(self.weights, dtype=np.float32) * np.float32(self.gain)
        return np.asarray(weights[None] @ self._whole(rows), dtype=np.float32)

    def separate(self, rows: Rows) -> Rows:
        """(C, T) -> (channels in use, T)"""
        return np.asarray(self._whole(rows)[self.used] * np.float32(self.channel_gain), dtype=np.float32)

    def mono(self, channels: NDArray[np.int16]) -> NDArray[np.float32]:
        """What `mixed` gives, (T,), from (channels in use, T) int16."""
        if self.plain_channels:
            return np.asarray(channels.mean(axis=0, dtype=np.float32) / np.float32(32768))
        weights = np.asarray([self.weights[channel] for channel in self.used]) * (self.gain / self.channel_gain / 32768)
        return np.asarray(weights.astype(np.float32) @ channels.astype(np.float32), dtype=np.float32)

    def _whole(self, rows: Rows) -> Rows:
        rows = fitted(rows, len(self.weights))
        return np.where(np.abs(rows) <= HIGHEST, rows, np.float32(0)) if self.repair else rows


def even(channels: int) -> tuple[float, ...]:
    """Each channel's weight in a plain mix."""
    return (1 / channels,) * channels


def fitted(rows: Rows, channels: int) -> Rows:
    """In the number of channels that the recording began with, where that changes on the way."""
    return rows if len(rows) == channels else np.repeat(rows.mean(axis=0, keepdims=True), channels, axis=0)


class ChannelMeter:
    """What has to be known of all channels to mix them: fed with (C, T) blocks in order."""

    def __init__(self, channels: int, sample_rate: int, weights: tuple[float, ...] | None = None) -> None:
        self.channels = channels
        self.size = max(1, round(BLOCK_S * sample_rate))
        self.weights = np.asarray(weights or even(channels), dtype=np.float32)
        self.held: list[Rows] = []
        self.count = 0
        self.samples = self.broken = 0
        self.peaks = np.zeros(channels, dtype=np.float32)
        self.mix_peak = 0.0
        self.products = np.zeros((channels, channels))
        self.sound = self.lost = 0.0

    def add(self, rows: Rows) -> None:
        self.held.append(fitted(rows, self.channels))
        self.count += rows.shape[1]
        if self.count >= self.size:
            self.finish()

    def finish(self) -> None:
        """Measure what is held."""
        if not self.count:
            return
        block = np.concatenate(self.held, axis=1)
        self.held, self.count = [], 0
        self.samples += block.shape[1]
        highest = np.abs(block).max(axis=1)
        if not (highest <= HIGHEST).all():
            whole = np.abs(block) <= HIGHEST
            self.broken += int(block.size - whole.sum())
            block = np.where(whole, block, np.float32(0))
            highest = np.abs(block).max(axis=1)
        self.peaks = np.maximum(self.peaks, highest)
        self.mix_peak = max(self.mix_peak, float(np.abs(self.weights @ block).max()))
        if self.channels > 1:
            self._correlate(block)

    def _correlate(self, block: Rows) -> None:
        wave = block - block.mean(axis=1, keepdims=True)  # a constant offset is no sound
        products = (wave @ wave.T).astype(np.float64)
        self.products += products
        loudest = float(np.diag(products).max())
        self.sound += loudest
        if self.channels == 2 and is_cancelled(products):
            self.lost += loudest

    @property
    def broken_share(self) -> float:
        return self.broken / max(1, self.samples * self.channels)


def is_cancelled(products: NDArray[np.float64]) -> bool:
    """(C, C) sums of products: is the mix of these channels much weaker than if they had nothing in common?"""
    return float(products.sum()) < CANCELLED * float(np.trace(products))


def weights_of(meter: ChannelMeter) -> tuple[tuple[float, ...], bool]:
    """(weights, whether the channels cancel each other)"""
    count = meter.channels
    powers = np.diag(meter.products)
    loudest = int(np.flatnonzero(powers >= 0.98 * powers.max())[0])  # the first of those that are as loud
    near = powers >= powers[loudest] * 10 ** (-NEAR_DB / 10) if count > 2 else np.ones(count, dtype=bool)
    used = np.flatnonzero(near)
    cancelled = (
        meter.lost > CANCELLED_SHARE * meter.sound if count == 2 else is_cancelled(meter.products[np.ix_(used, used)])
    )
    if cancelled and count > 1 and powers[loudest]:
        return tuple(float(channel == loudest) for channel in range(count)), True
    share = 1 / len(used) if count <= 2 else float(len(used)) ** -0.5  # of many, unrelated ones keep their level
    return tuple(share if channel in used else 0.0 for channel in range(count)), False


def mix_of(meter: ChannelMeter, *, plain: bool) -> Mix:
    """The mix of what was metered, with a gain by the meter's own weights where those are used. `plain`: swresample
    knows the layout.

    Raises UnusableRecording when too much of it is broken.
    """
    if meter.broken_share > REPAIRED_SHARE:
        raise UnusableRecording(Message("audio.not_finite", share=percent(meter.broken_share)))
    weights, opposite = weights_of(meter)
    used = [channel for channel, weight in enumerate(weights) if weight]
    highest = float(meter.peaks[used].max())
    peak = highest * weights[used[0]] if len(used) == 1 else meter.mix_peak
    gain = LEVELLED_PEAK / peak if peak > FULL_SCALE else 1.0
    channel_gain = LEVELLED_PEAK / highest if highest > FULL_SCALE else 1.0
    as_it_is = plain and not opposite and gain == 1 and not meter.broken
    return Mix(weights, as_it_is, gain, channel_gain, bool(meter.broken), opposite)


def notes_on(mix: Mix, meter: ChannelMeter) -> list[Note]:
    """What is to be said of a mix."""
    notes = []
    if meter.broken:
        notes.append(Note("repaired", Message("audio.repaired", share=percent(meter.broken_share))))
    used = [channel + 1 for channel in mix.used]
    if mix.opposite:
        notes.append(Note("opposite", Message("audio.opposite_channels", channel=used[0])))
    elif meter.channels > 2 and len(used) < meter.channels:
        text = Message("audio.quiet_channels", channels=meter.channels, count=len(used), used=used, near_db=NEAR_DB)
        notes.append(Note("channels", text))
    return notes


def percent(share: float) -> Message:
    if share < 1e-4:
        return Message("audio.less_than_0_01_percent")
    return verbatim(f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %")
