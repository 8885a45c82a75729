"""Batches of clips of about the same length."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import torch

BOUNDARIES = (0, 100, 200, 300, 400, 500, 600, 700, 800, 900)
MAX_FRAMES = BOUNDARIES[-1]  # longer clips are cut to this
RVC_SEED = 1234
"""With this seed the order is that of RVC's trainer, which depends on the number of the epoch alone."""


class BucketSampler:
    """`lengths` in frames. A bucket holds lengths in (low, high]; each batch comes from one bucket and is full: where a
    bucket does not fill its last batch, its rows repeat from the start of their shuffled order. Lengths outside of all
    buckets are left out.
    """

    def __init__(
        self, lengths: Sequence[int], batch_size: int, boundaries: Sequence[int] = BOUNDARIES, seed: int = RVC_SEED
    ) -> None:
        self.batch_size = batch_size
        self.lengths = lengths
        self.seed = seed
        buckets: list[list[int]] = [[] for _ in boundaries[1:]]
        for row, length in enumerate(lengths):
            place = bisect_left(boundaries, length) - 1
            if 0 <= place < len(buckets):
                buckets[place].append(row)
        self.buckets = [bucket for bucket in buckets if bucket]

    def __len__(self) -> int:
        """Batches an epoch."""
        return sum(-(-len(bucket) // self.batch_size) for bucket in self.buckets)

    def batches(self, epoch: int) -> list[list[int]]:
        """Rows of each batch of an epoch; the order depends on the seed and the number of the epoch."""
        generator = torch.Generator().manual_seed(epoch + self.seed - RVC_SEED)
        orders = [torch.randperm(len(bucket), generator=generator).tolist() for bucket in self.buckets]
        batches = []
        for bucket, order in zip(self.buckets, orders, strict=True):
            full = -(-len(order) // self.batch_size) * self.batch_size
            rows = [bucket[order[i % len(order)]] for i in range(full)]
            batches += [rows[i : i + self.batch_size] for i in range(0, full, self.batch_size)]
        return [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]
