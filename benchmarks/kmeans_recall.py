"""Our k-means beside faiss's own, as the lists of an index: seconds, and how many of the 8 nearest rows a search of one
list finds.

    python benchmarks/kmeans_recall.py ROWS.npy [--order SEED]
    python benchmarks/kmeans_recall.py noise [--rows 60000] [--dim 256]

ROWS.npy is an experiment's total_fea.npy, or any other (N, D) of float32. 10,000 of the rows, with a little noise, are
asked for.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rvc_engine.common.generators import result_of
from rvc_engine.conversion.kmeans import centres_of
from rvc_engine.conversion.retrieval import list_count, row_order

Rows = NDArray[np.float32]
ASKED, NOISE, PASSES = 10_000, 0.2, 10


def recall(vectors: Rows, centres: Rows, asked: Rows) -> float:
    nearest = faiss.knn(asked, vectors, 8)[1]
    own, searched = faiss.knn(vectors, centres, 1)[1][:, 0], faiss.knn(asked, centres, 1)[1]
    return float((own[nearest] == searched).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--order", type=int, default=1)
    options = parser.parse_args()
    random = np.random.default_rng(options.order)
    if options.source == "noise":
        vectors = random.normal(size=(options.rows, options.dim)).astype(np.float32)
    else:
        vectors = np.load(options.source)
        vectors = vectors[row_order(len(vectors), options.order)]
    rows, dim = vectors.shape
    lists = list_count(rows)
    asked = vectors[random.permutation(rows)[:ASKED]]
    asked = np.asarray(asked + random.normal(scale=NOISE * vectors.std(axis=0), size=asked.shape), dtype=np.float32)
    started = time.monotonic()
    ours = result_of(centres_of(vectors, lists))
    between = time.monotonic()
    theirs = faiss.Kmeans(dim, lists, niter=PASSES, min_points_per_centroid=1)
    theirs.train(vectors)
    ended = time.monotonic()
    print(f"{rows:,} x {dim}, {lists} lists, order {options.order}")
    print(f"ours:  {between - started:6.1f} s, recall {recall(vectors, ours, asked):.4f}")
    print(f"faiss: {ended - between:6.1f} s, recall {recall(vectors, theirs.centroids, asked):.4f} ({PASSES} passes)")


if __name__ == "__main__":
    main()
