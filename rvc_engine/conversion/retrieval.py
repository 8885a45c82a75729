"""Retrieval: the features of the source are pulled towards the nearest ones of the voice's own recordings."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rvc_engine.common.generators import result_of
from rvc_engine.common.opening import open_file
from rvc_engine.conversion.kmeans import PASSES, centres_of
from rvc_engine.errors import BadInput, cannot_read, of_environment, reason_of
from rvc_engine.messages import Message
from rvc_engine.presets import ModelConfig
from rvc_engine.voices.index_file import IndexFacts, check_index_file

NEIGHBOURS = 8
OWN_NEIGHBOURS, OWN_PROBES = 16, 64  # of indexes of our own encoders, whose searches no other program has to equal
MOST_PLAIN_LISTS = 1024
ADDED_AT_ONCE = 1 << 15
Features = NDArray[np.float32]
Result = TypeVar("Result")


def list_count(rows: int) -> int:
    """Inverted lists for so many rows: RVC's rule."""
    return max(1, min(int(16 * np.sqrt(rows)), rows // 39))


def row_order(rows: int, seed: int) -> NDArray[np.int64]:
    """The order in which rows enter an index: what numpy.random.seed(seed) and numpy.random.shuffle make of 0 .. rows -
    1."""
    order = np.arange(rows)
    np.random.RandomState(seed).shuffle(order)
    return order


def building_index(vectors: Features, lists: int) -> Generator[int, None, Any]:
    """(N, D) in their final order -> a trained faiss IVF-Flat index with nprobe 1 that holds them. Yields how many rows
    it has just gone through, building_passes(lists) * N in all.

    faiss's k-means has a fixed seed of its own, so equal rows in equal order give an equal index.
    """
    import faiss

    index = faiss.index_factory(vectors.shape[1], f"IVF{lists},Flat")
    ivf = faiss.extract_index_ivf(index)
    ivf.nprobe = 1
    if lists > MOST_PLAIN_LISTS:
        ivf.quantizer.add((yield from centres_of(vectors, lists)))
        index.train(vectors)
    else:
        index.train(vectors)
        yield len(vectors)
    for start in range(0, len(vectors), ADDED_AT_ONCE):
        part = vectors[start : start + ADDED_AT_ONCE]
        index.add(part)
        yield len(part)
    return index


def building_passes(lists: int) -> int:
    return 1 + (PASSES if lists > MOST_PLAIN_LISTS else 1)


def build_index(vectors: Features, lists: int) -> Any:
    """What `building_index` builds."""
    return result_of(building_index(vectors, lists))


def write_index(index: Any, path: Path) -> None:
    """Through Python's own file, so that any name works."""
    import faiss

    api: Any = faiss  # its type stubs lack the callbacks
    with path.open("wb") as file:
        writer = api.PyCallbackIOWriter(file.write)
        faiss.write_index(index, writer)
        del writer  # flushes


class Retrieval:
    """A searchable index. Nothing but the index itself is needed: the rows are read back out of its lists. `probes`:
    lists that a search looks into; 0 is what the index says, which in RVC is 1."""

    def __init__(self, index: Any, neighbours: int = NEIGHBOURS, probes: int = 0) -> None:
        self.index = index
        self.dim = int(index.d)
        self.neighbours = neighbours
        if probes:
            index.nprobe = min(probes, int(index.nlist))
        index.make_direct_map()

    @classmethod
    def load(cls, path: Path, neighbours: int = NEIGHBOURS, probes: int = 0) -> Retrieval:
        """Checked first, then read by faiss. Raises BadInput."""
        import faiss

        check_index_file(path)
        api: Any = faiss  # its type stubs lack the callbacks
        try:
            with open_file(path) as file:
                reader = api.PyCallbackIOReader(file.read)
                return cls(faiss.read_index(reader), neighbours, probes)
        except (OSError, RuntimeError) as error:
            if of_environment(error):
                raise cannot_read(path, error) from error
            raise BadInput("voices.not_an_index", reason_of(error), path=path) from error

    def search(self, features: Features) -> tuple[NDArray[np.int64], Features, Features]:
        """(F50, D) -> ids, squared distances, weights, each (F50, neighbours). Where the searched list has fewer rows
        the id is -1."""
        distances, ids = self.index.search(np.ascontiguousarray(features, dtype=np.float32), self.neighbours)
        return ids, distances, weights_of(distances, ids)

    def blend(self, features: Features, rate: float) -> Features:
        """(F50, D) -> (F50, D): `rate` of the weighted neighbours, the rest the features' own. A frame without
        neighbours stays."""
        if rate == 0 or not len(features):
            return features
        ids, _, weights = self.search(features)
        rows = self.index.reconstruct_batch(np.maximum(ids, 0).reshape(-1)).reshape(*ids.shape, self.dim)
        found = np.einsum("fk,fkd->fd", weights, rows)
        share = np.where(ids.max(axis=1) >= 0, np.float32(rate), np.float32(0))[:, None]
        blended: Features = share * found + (1 - share) * features
        return blended


def weights_of(distances: Features, ids: NDArray[np.int64]) -> Features:
    """(1 / d)^2 over their sum, d the squared distance. An exact hit (d = 0, in RVC NaN) takes all the weight; id -1
    gets none."""
    there = ids >= 0
    d = np.where(there, np.maximum(distances, 0), np.inf).astype(np.float64)
    nearest = d.min(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):  # 0/0 is an exact hit, inf/inf a frame without neighbours
        ratio = np.where(d == nearest, 1.0, nearest / d)
    weights = np.where(there, ratio**2, 0.0)
    return np.asarray(weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-300), dtype=np.float32)


def refuse_other_encoder(facts: IndexFacts, model: ModelConfig) -> None:
    """Raises BadInput when an index was made from other features than the voice's: other width, other encoder."""
    if facts.dim != model.feature_dim:
        why = Message("conversion.index_width", width=facts.dim, expected=model.feature_dim, version=model.version)
    elif facts.encoder is None and model.version not in ("v1", "v2"):
        why = Message("conversion.index_no_encoder", encoder=model.encoder)
    elif facts.encoder is not None and facts.encoder != model.encoder:
        why = Message("conversion.index_other_encoder", encoder=facts.encoder, expected=model.encoder)
    else:
        return
    raise BadInput("conversion.index_of_another", why, name=facts.path.name)


def phone_features(
    features: Features,
    retrieval: Retrieval | None,
    index_rate: float,
    protect: float,
    voiced: NDArray[np.bool_] | None,
    frames: int,
) -> Features:
    """What the synthesizer gets: (F50, D) content features -> (frames, D), blended with the retrieved ones, then each
    frame twice.

    In unvoiced frames only `protect` of the blend is taken and the rest is the features' own, so that consonants stay
    clear; 0.5 and above, or `voiced` None (a voice without pitch), means no protection. `voiced` (frames,) is the pitch
    tracker's own decision.
    """
    blended = features if retrieval is None else retrieval.blend(features, index_rate)
    phone: Features = np.repeat(blended, 2, axis=0)[:frames]
    if voiced is not None and protect < 0.5 and blended is not features:
        own = np.repeat(features, 2, axis=0)[:frames]
        share = np.where(voiced, np.float32(1), np.float32(protect))[:, None]
        phone = phone * share + own * (1 - share)
    return phone
