"""The index: checked before faiss reads it, built the same each time, and searched without NaN."""

import json
import struct

import faiss
import numpy as np
import pytest

from rvc_engine.common.generators import result_of
from rvc_engine.conversion import kmeans, retrieval
from rvc_engine.conversion.retrieval import (
    Retrieval,
    build_index,
    list_count,
    refuse_other_encoder,
    row_order,
    weights_of,
    write_index,
)
from rvc_engine.errors import BadInput
from rvc_engine.presets import model_config
from rvc_engine.voices.index_file import check_index_file, sidecar_of

DIM = 16


def rows(count=400, dim=DIM):
    return np.random.RandomState(3).randn(count, dim).astype(np.float32)


@pytest.fixture
def index_file(tmp_path):
    path = tmp_path / "added_IVF10_Flat_nprobe_1_it's 声_v2.index"
    write_index(build_index(rows(), list_count(400)), path)
    return path


def test_sizes_follow_rvc():
    assert [list_count(n) for n in (1, 38, 39, 78, 2000, 200_000)] == [1, 1, 1, 2, 51, 5128]
    state = np.random.get_state()
    np.random.seed(11)
    expected = np.arange(50)
    np.random.shuffle(expected)
    np.random.set_state(state)
    np.testing.assert_array_equal(row_order(50, 11), expected)


def test_a_good_file_is_read_back(index_file):
    facts = check_index_file(index_file)
    assert (facts.dim, facts.rows, facts.lists) == (DIM, 400, 10)
    assert (facts.encoder, facts.version) == ("hubert-768", "v2")
    ids, _, _ = Retrieval.load(index_file).search(rows()[:50])
    np.testing.assert_array_equal(ids[:, 0], np.arange(50))


def test_sparse_list_sizes_and_empty_lists(tmp_path):
    index = faiss.index_factory(DIM, "IVF40,Flat")
    index.train(rows())
    index.add(np.repeat(rows()[:3], 20, axis=0))
    path = tmp_path / "x.index"
    write_index(index, path)
    assert b"sprs" in path.read_bytes()
    assert check_index_file(path).rows == 60
    found = Retrieval.load(path).blend(10 * rows()[100:200], 1.0)
    assert np.isfinite(found).all()


def test_exact_hit_gives_that_row(index_file):
    loaded = Retrieval.load(index_file)
    np.testing.assert_allclose(loaded.blend(rows()[:5], 1.0), rows()[:5], atol=1e-6)
    assert np.isfinite(loaded.blend(rows()[:5], 0.75)).all()


def test_more_lists_find_nearer_rows(index_file):
    """As many as there are: what an exact search finds."""
    asked = rows()[:100] + np.random.default_rng(3).normal(scale=2.0, size=(100, DIM)).astype(np.float32)
    exact = np.sort(((asked[:, None] - rows()[None]) ** 2).sum(2), axis=1)[:, :16]
    _, distances, weights = Retrieval.load(index_file, neighbours=16, probes=64).search(asked)
    np.testing.assert_allclose(distances, exact, rtol=1e-4)
    assert weights.shape == (100, 16)
    assert Retrieval.load(index_file).search(asked)[1][:, 0].mean() > exact[:, 0].mean()


def test_weights():
    ids = np.array([[4, 5, -1], [1, 2, 3], [-1, -1, -1]])
    weights = weights_of(np.array([[1, 2, 3.4e38], [0, 0, 1], [3.4e38] * 3], dtype=np.float32), ids)
    np.testing.assert_allclose(weights, [[0.8, 0.2, 0], [0.5, 0.5, 0], [0, 0, 0]], atol=1e-6)


def test_frames_without_neighbours_stay():
    index = faiss.index_factory(DIM, "IVF2,Flat")
    index.train(np.concatenate([rows(80) - 20, rows(80) + 20]))
    index.add(rows(10) - 20)
    far = rows(3) + 20
    np.testing.assert_array_equal(Retrieval(index).blend(far, 1.0), far)


OFFSETS = {
    "dim": (4, "<i"),
    "rows": (8, "<q"),
    "metric": (33, "<i"),
    "lists": (37, "<Q"),
    "probes": (45, "<Q"),
    "quantizer dim": (57, "<i"),
}


@pytest.mark.parametrize("field", OFFSETS)
@pytest.mark.parametrize("value", [0, -1, 3, 2**31 - 1])
def test_lying_sizes_are_refused_before_faiss(index_file, field, value, monkeypatch):
    offset, kind = OFFSETS[field]
    data = bytearray(index_file.read_bytes())
    if kind == "<Q":
        value %= 2**64
    if struct.unpack_from(kind, data, offset)[0] == value or (field, value) == ("probes", 3):
        return
    struct.pack_into(kind, data, offset, value)
    index_file.write_bytes(data)
    monkeypatch.setattr(faiss, "read_index", lambda *a: pytest.fail("faiss read it"))
    with pytest.raises(BadInput, match="not a usable index"):
        Retrieval.load(index_file)


def test_truncated_longer_and_damaged_files_are_refused(index_file, monkeypatch):
    monkeypatch.setattr(faiss, "read_index", lambda *a: pytest.fail("faiss read it"))
    whole = index_file.read_bytes()
    lists = whole.index(b"ilar")
    sizes = lists + 4 + 8 + 8 + 4 + 8
    lying = bytearray(whole)
    struct.pack_into("<Q", lying, sizes, 2**62)
    moved = bytearray(whole)
    first, second = struct.unpack_from("<QQ", moved, sizes)
    struct.pack_into("<QQ", moved, sizes, first + 1, second - 1)
    nan = bytearray(whole)
    struct.pack_into("<f", nan, sizes + 80, float("nan"))
    ids = bytearray(whole)
    struct.pack_into("<q", ids, len(whole) - 8, 7_000_000_000)
    twice = bytearray(whole)
    struct.pack_into("<q", twice, len(whole) - 8, struct.unpack_from("<q", whole, len(whole) - 16)[0])
    cases = [whole[:n] for n in (0, 10, 100, lists, lists + 20, len(whole) - 1)]
    cases += [
        whole + b"\0",
        bytes(lying),
        bytes(moved),
        bytes(nan),
        bytes(ids),
        bytes(twice),
        b"IxF2" + whole[4:],
        b"x" * 5000,
    ]
    for data in cases:
        index_file.write_bytes(data)
        with pytest.raises(BadInput):
            Retrieval.load(index_file)


def test_memory_bound_and_missing_file(index_file, tmp_path):
    with pytest.raises(BadInput, match="fit into memory"):
        check_index_file(index_file, memory_bytes=1000)
    with pytest.raises(BadInput, match="There is no index"):
        check_index_file(tmp_path / "none.index")


def test_other_encoders_are_refused(index_file):
    facts = check_index_file(index_file)
    with pytest.raises(BadInput, match="does not belong"):
        refuse_other_encoder(facts, model_config("v2-40k"))  # 16 wide
    for name, encoder in (("a_v1.index", "hubert-256"), ("a_starter-1.index", "phonetic-256-1"), ("a.index", None)):
        path = index_file.with_name(name)
        write_index(build_index(rows(40, 256), 1), path)
        facts = check_index_file(path)
        assert facts.encoder == encoder
        for preset in ("v1-40k", "starter"):
            config = model_config(preset)
            if encoder == config.encoder or (encoder is None and preset == "v1-40k"):
                refuse_other_encoder(facts, config)
            else:
                with pytest.raises(BadInput, match="does not belong"):
                    refuse_other_encoder(facts, config)


def test_the_sidecar_says_more_than_the_name(index_file):
    record = {"encoder": "hubert-random-768", "version": "v2", "bytes": index_file.stat().st_size}
    sidecar_of(index_file).write_text(json.dumps(record))
    assert check_index_file(index_file).encoder == "hubert-random-768"
    sidecar_of(index_file).write_text(json.dumps({**record, "bytes": 1}))
    assert check_index_file(index_file).encoder == "hubert-768"


def test_building_twice_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_index(build_index(rows(), 10), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert retrieval.NEIGHBOURS == 8


def clustered(count: int = 4000) -> np.ndarray:
    random = np.random.RandomState(7)
    places = random.randn(60, DIM) * 3
    return (places[random.randint(0, 60, count)] + random.randn(count, DIM)).astype(np.float32)


def recall(index, vectors):
    asked = vectors[::5] + 0.1
    _, wanted = faiss.knn(asked, vectors, 8)
    found = index.search(asked, 8)[1]
    return np.mean([len(set(a) & set(b)) / 8 for a, b in zip(wanted, found, strict=True)])


def test_many_lists_find_as_much(monkeypatch):
    vectors = clustered()
    plain = build_index(vectors, 64)
    monkeypatch.setattr(retrieval, "MOST_PLAIN_LISTS", 32)
    monkeypatch.setattr(kmeans, "NEAR", 16)
    other, again = build_index(vectors, 64), build_index(vectors, 64)
    assert other.nlist == 64 and other.nprobe == 1 and other.ntotal == len(vectors)
    assert recall(other, vectors) > 0.97 * recall(plain, vectors)
    np.testing.assert_array_equal(other.search(vectors[:100], 8)[1], again.search(vectors[:100], 8)[1])


def squared_error(vectors, centres):
    return faiss.knn(vectors, centres, 1)[0].mean()


@pytest.mark.parametrize("at_once", [7, 1 << 15])
def test_centres_are_as_near_as_faiss_finds_them(monkeypatch, at_once):
    vectors = clustered()
    monkeypatch.setattr(kmeans, "NEAR", 16)
    monkeypatch.setattr(kmeans, "AT_ONCE", at_once)
    plain = faiss.Kmeans(DIM, 200, niter=10, min_points_per_centroid=1)
    plain.train(vectors)
    counted = []

    def counting():
        work = kmeans.centres_of(vectors, 200)
        while True:
            try:
                counted.append(next(work))
            except StopIteration as end:
                return end.value

    centres = counting()
    assert sum(counted) == kmeans.PASSES * len(vectors)
    assert squared_error(vectors, centres) < 1.02 * squared_error(vectors, plain.centroids)


def test_centres_of_rows_that_are_all_alike_or_no_more_than_they():
    alike = np.ones((50, DIM), np.float32)
    centres = result_of(kmeans.centres_of(alike, 20))
    assert centres.shape == (20, DIM) and np.abs(centres - 1).max() < 0.01
    few = clustered(30)
    assert squared_error(few, result_of(kmeans.centres_of(few, 30))) < 1e-3
