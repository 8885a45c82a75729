"""The retrieval index over the features of all clips."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from rvc_engine.common.arrays import AGAIN, read_array, read_floats, save_array
from rvc_engine.common.generators import mapped
from rvc_engine.conversion.kmeans import PASSES, centres_of
from rvc_engine.conversion.retrieval import (
    Retrieval,
    building_index,
    building_passes,
    list_count,
    row_order,
    write_index,
)
from rvc_engine.disk import facts_of, move_to_backup, whole_file, write_whole
from rvc_engine.errors import RvcError
from rvc_engine.events import Event, ItemSkipped, MovedAside, Progressed
from rvc_engine.experiment import Experiment
from rvc_engine.machine.cpu import cores
from rvc_engine.messages import NOTHING, Message
from rvc_engine.settings import ExperimentSettings, IndexSettings
from rvc_engine.voices.index_file import check_index_file, sidecar_of

Rows = NDArray[np.float32]
Result = TypeVar("Result")


def run(experiment: Experiment, settings: ExperimentSettings) -> Iterator[Event]:
    """3_featureD/*.npy -> total_fea.npy (in the index's order) and the index with its sidecar. Always built anew: it
    takes seconds.

    Raises RvcError when there are no features.
    """
    import faiss

    faiss.omp_set_num_threads(settings.index.threads or cores())
    files = _feature_files(experiment, settings)
    counts, skipped = _row_counts(files, settings.model.feature_dim)
    for name, reason in skipped:
        yield ItemSkipped(stage="index", item=name, reason=reason)
    found = sum(counts.values())
    if not found:
        why = Message("work.unusable_files", count=len(skipped), reason=skipped[0][1]) if skipped else NOTHING
        raise RvcError("work.nothing_to_index", why, name=experiment.name)
    work = _Work(found, settings.index)
    yield work.progressed(0)
    vectors = yield from _gather(counts, work, settings.index, settings.model.feature_dim)
    if found > settings.index.max_rows:
        vectors = yield from work.counting(centres_of(vectors, min(settings.index.centres, len(vectors))))
    save_array(experiment.total_features, vectors, durable=True)
    lists = list_count(len(vectors))
    path = experiment.index_path(lists, settings.model.version)
    index = yield from work.counting(building_index(vectors, lists))
    replaced = move_to_backup(
        [], experiment.folder, "index", copied=[p for p in (path, sidecar_of(path)) if p.is_file()]
    )
    with whole_file(path) as temporary:
        write_index(index, temporary)
    record = {
        "encoder": settings.model.encoder,
        "version": settings.model.version,
        "rows": len(vectors),
        "dim": vectors.shape[1],
        "lists": lists,
        **facts_of(path),
    }
    write_whole(sidecar_of(path), json.dumps(record, indent=1))
    others = [p for p in experiment.indexes() if p != path]
    yield work.progressed(work.total - work.done, path.name)
    target = move_to_backup([*others, *map(sidecar_of, others)], experiment.folder, "index") or replaced
    if target:
        yield MovedAside(stage="index", path=str(target), reason=Message("work.index_replaced"))


def artefacts(experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
    """The index, checked and loaded. Raises RvcError."""
    indexes = experiment.indexes()
    if not indexes:
        raise RvcError("work.no_index", name=experiment.name)
    facts = check_index_file(indexes[-1])
    Retrieval.load(facts.path)
    if facts.dim != settings.model.feature_dim or facts.encoder != settings.model.encoder:
        raise RvcError(
            "work.index_of_other_encoder", path=facts.path, encoder=facts.encoder, dim=facts.dim, name=experiment.name
        )
    return [facts.path]


class _Work:
    """Counts rows over all that has to be done: read, reduced, sorted into lists."""

    def __init__(self, found: int, settings: IndexSettings) -> None:
        kept = min(found, settings.max_rows)
        rows = min(settings.centres, kept) if found > settings.max_rows else found
        self.done = 0
        self.total = (
            kept + (kept * PASSES if found > settings.max_rows else 0) + rows * building_passes(list_count(rows))
        )

    def progressed(self, rows: int, item: str = "") -> Progressed:
        self.done = min(self.done + rows, self.total)
        return Progressed(stage="index", done=self.done, total=self.total, unit="rows", item=item)

    def counting(self, work: Generator[int, None, Result]) -> Generator[Event, None, Result]:
        """What `work` returns; the rows that it yields are counted."""
        return mapped(work, self.progressed)


def _feature_files(experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
    """Of the clips that are there, sorted by name as text, as RVC reads them."""
    folder = experiment.features(settings.model.feature_dim)
    paths = sorted((folder / f"{clip}.npy" for clip in experiment.clips()), key=lambda path: path.name)
    return [path for path in paths if os.path.lexists(path)]


def _row_counts(files: list[Path], dim: int) -> tuple[dict[Path, int], list[tuple[str, Message]]]:
    counts: dict[Path, int] = {}
    skipped = []
    for path in files:
        try:
            counts[path] = len(read_array(path, 2, mmap=True, width=dim))
        except RvcError as error:
            skipped.append((path.stem, Message("work.unusable_features", reason=error.line)))
    return counts, skipped


def _gather(counts: dict[Path, int], work: _Work, settings: IndexSettings, dim: int) -> Generator[Event, None, Rows]:
    """All rows in the seeded order; above `max_rows` that many of them, drawn without looking, so that memory stays
    bounded. Files with numbers that are not finite are left out. Raises RvcError when nothing is left."""
    total = sum(counts.values())
    order = row_order(total, settings.seed)[: settings.max_rows]
    goal = np.full(total, -1, dtype=np.int64)
    goal[order] = np.arange(len(order))
    vectors: Rows = np.empty((len(order), dim), dtype=np.float32)
    usable = np.ones(len(order), dtype=bool)
    start = 0
    for path, rows in counts.items():
        places = goal[start : start + rows]
        wanted = places >= 0
        try:
            vectors[places[wanted]] = read_floats(path, 2, width=dim)[wanted]
        except RvcError as error:
            usable[places[wanted]] = False
            reason = Message("work.unusable_features", reason=error.line)
            yield ItemSkipped(stage="index", item=path.stem, reason=reason)
        start += rows
        yield work.progressed(int(wanted.sum()), path.stem)
    if not usable.any():
        raise RvcError("work.nothing_usable_to_index", NOTHING, AGAIN)
    return vectors if usable.all() else vectors[usable]
