"""k-means with many centres: plain k-means compares every row with every centre in each pass, this one in every third
pass only."""

from __future__ import annotations

from collections.abc import Generator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]
Numbers = NDArray[np.int64]
PASSES, FULL_EVERY, NEAR = 12, 3, 300  # together they find what faiss's 10 full passes find: docs/performance.md
AT_ONCE = 1 << 15  # rows
APART = 1 / 1024  # of its own values, as faiss moves the halves of a centre


def centres_of(vectors: Rows, count: int) -> Generator[int, None, Rows]:
    """(N, D) -> (count, D), N >= count; yields how many rows it has just gone through, PASSES * N in all.

    Lloyd's algorithm, started with rows at equal distances in their order. In two of three passes a row chooses only
    among the NEAR centres around its own (as in Wang et al., Fast approximate k-means via cluster closures, 2012).
    Equal rows in equal order give equal centres.
    """
    from scipy.sparse import csr_matrix

    centres = vectors[np.linspace(0, len(vectors) - 1, count).astype(np.int64)]
    owner = np.zeros(len(vectors), dtype=np.int64)
    for number in range(PASSES):
        yield from (_among_near if number % FULL_EVERY else _among_all)(vectors, centres, owner)
        order, sizes = np.argsort(owner, kind="stable"), np.bincount(owner, minlength=count)
        sums = (
            csr_matrix(
                (np.ones(len(order), np.float32), order, np.concatenate([[0], np.cumsum(sizes)])), (count, len(order))
            )
            @ vectors
        )
        centres[sizes > 0] = sums[sizes > 0] / sizes[sizes > 0, None]
        _halve_the_largest(centres, sizes)
    return centres


def _among_all(vectors: Rows, centres: Rows, owner: Numbers) -> Generator[int]:
    import faiss

    for start in range(0, len(vectors), AT_ONCE):
        part = vectors[start : start + AT_ONCE]
        owner[start : start + AT_ONCE] = faiss.knn(part, centres, 1)[1][:, 0]
        yield len(part)


def _among_near(vectors: Rows, centres: Rows, owner: Numbers) -> Generator[int]:
    """|row - centre|^2 without |row|^2, which is the same for all centres."""
    import faiss

    around = faiss.knn(centres, centres, min(NEAR, len(centres)))[1]
    squares = np.einsum("cd,cd->c", centres, centres)
    order = np.argsort(owner, kind="stable")
    bounds = np.searchsorted(owner[order], np.arange(len(centres) + 1))
    gone = 0
    for near, (start, end) in zip(around, pairwise(bounds), strict=True):
        rows = order[start:end]
        owner[rows] = near[(squares[near] - 2 * vectors[rows] @ centres[near].T).argmin(axis=1)]
        if end - gone >= AT_ONCE or end == len(vectors) > gone:
            yield int(end - gone)
            gone = int(end)


def _halve_the_largest(centres: Rows, sizes: Numbers) -> None:
    """A centre without rows takes half of those of the largest, as in faiss."""
    away = np.where(np.arange(centres.shape[1]) % 2, 1 - APART, 1 + APART).astype(np.float32)
    for empty in np.flatnonzero(sizes == 0):
        largest = int(sizes.argmax())
        centres[empty], centres[largest] = centres[largest] * away, centres[largest] * (2 - away)
        sizes[empty] = sizes[largest] // 2
        sizes[largest] -= sizes[empty]
