"""k-means with many centres: plain k-means compares every row with every centre in each pass, this one only with those nearby."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]
Numbers = NDArray[np.int64]
PASSES = 10
NEAR = 64
LEAF = 64
TOLD_EVERY = 256


def row_passes() -> int:
    """How many times `centres_of` counts each row."""
    return 1 + PASSES


def centres_of(vectors: Rows, count: int) -> Generator[int, None, Rows]:
    """(N, D) -> (count, D), N >= count; yields how many rows it has just gone through, row_passes() * N in all.

    Begins with k-means inside small parts of the rows. Then, PASSES times, every row goes to the nearest of the NEAR centres around its
    own, and every centre to the mean of its rows: Lloyd's passes with a shortened search (as in Wang et al., Fast approximate k-means via
    cluster closures, 2012). Equal rows in equal order give equal centres.
    """
    import faiss
    from scipy.sparse import csr_matrix

    centres = np.empty((count, vectors.shape[1]), dtype=np.float32)
    owner = np.empty(len(vectors), dtype=np.int64)
    filled = 0
    for rows, share in _parts(vectors, np.arange(len(vectors)), count):
        found = _plain(vectors[rows], share)
        centres[filled : filled + share] = found.centroids
        owner[rows] = filled + found.index.search(vectors[rows], 1)[1][:, 0]
        filled += share
        yield len(rows)
    for _ in range(PASSES):
        around = faiss.knn(centres, centres, min(NEAR, count))[1]
        squares = np.einsum("cd,cd->c", centres, centres)
        told = 0
        for number, rows in enumerate(_groups(owner, count)):
            near = around[number]
            owner[rows] = near[(squares[near] - 2 * vectors[rows] @ centres[near].T).argmin(axis=1)]
            told += len(rows)
            if number % TOLD_EVERY == TOLD_EVERY - 1 or number == count - 1:
                yield told
                told = 0
        order, sizes = np.argsort(owner, kind="stable"), np.bincount(owner, minlength=count)
        sums = csr_matrix((np.ones(len(order), np.float32), order, np.concatenate([[0], np.cumsum(sizes)])), (count, len(order))) @ vectors
        centres[sizes > 0] = sums[sizes > 0] / sizes[sizes > 0, None]
    return centres


def _parts(vectors: Rows, rows: Numbers, count: int) -> Iterator[tuple[Numbers, int]]:
    """These rows cut into parts that get at most LEAF centres each, and how many each gets."""
    if count <= LEAF:
        yield rows, count
        return
    inside = vectors if len(rows) == len(vectors) else vectors[rows]
    found = _plain(inside, LEAF)
    groups = _groups(found.index.search(inside, 1)[1][:, 0], LEAF)
    if max(map(len, groups)) == len(rows):  # all alike
        yield rows, count
        return
    del inside
    dealt = shares(np.array([len(group) for group in groups]), count)
    small = [group for group, share in zip(groups, dealt, strict=True) if not share]
    largest = int(np.argmax(dealt))
    groups[largest] = np.sort(np.concatenate([groups[largest], *small]))  # too few for a centre of their own; the passes sort them out
    for group, share in zip(groups, dealt, strict=True):
        if share:
            yield from _parts(vectors, rows[group], int(share))


def _groups(owner: Numbers, count: int) -> list[Numbers]:
    """The rows of each owner 0 .. count - 1, in their order."""
    order = np.argsort(owner, kind="stable")
    bounds = np.searchsorted(owner[order], np.arange(count + 1))
    return [order[start:end] for start, end in pairwise(bounds)]


def shares(sizes: Numbers, count: int) -> Numbers:
    """`count` dealt out in proportion to the sizes, never more than a size; sum(sizes) >= count."""
    exact = sizes * (count / sizes.sum())
    dealt: Numbers = np.floor(exact).astype(np.int64)
    dealt[np.argsort(dealt - exact, kind="stable")[: count - dealt.sum()]] += 1
    return dealt


def _plain(rows: Rows, count: int) -> Any:
    import faiss

    found = faiss.Kmeans(rows.shape[1], count, niter=10, min_points_per_centroid=1)
    found.train(rows)
    return found
