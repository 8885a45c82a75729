"""Subjects about conversion: index, chunks, loudness, whole numbers. Names and shapes only."""

import re

import numpy as np

from rvc_engine.audio.filters import high_pass
from rvc_engine.audio.loudness import change_rms as engine_change_rms
from rvc_engine.audio.loudness import to_int16
from rvc_engine.conversion import chunking
from rvc_engine.conversion.retrieval import Retrieval, build_index, list_count, phone_features, row_order

RATE = 16000


def _from_recipe(text, kit):
    """recipe.NAME('public/..', 2000, 768) -> what that call gives."""
    name, key, numbers = re.match(r"recipe\.(\w+)\('([^']+)',([^)]*)\)", text).groups()
    return getattr(kit.recipe, name)(key, *(int(n) for n in numbers.split(",")))


def index(doc, inputs, kit):
    vectors = _from_recipe(doc["vectors"], kit)
    order = row_order(len(vectors), doc["numpy_seed"])
    built = build_index(vectors[order], list_count(len(vectors)))
    retrieval = Retrieval(built)
    ids, distances, weights = retrieval.search(inputs["queries"])
    list_of = np.empty(built.ntotal, dtype=np.int32)
    import faiss

    for number in range(built.nlist):
        size = built.invlists.list_size(number)
        list_of[faiss.rev_swig_ptr(built.invlists.get_ids(number), size) if size else []] = number
    mine = {
        "permutation": order,
        "centroids": built.quantizer.reconstruct_n(0, built.nlist),
        "list_of": list_of,
        "ids": ids,
        "distances": distances,
        "weights": weights,
    }
    frames = min(doc["audio0_samples"] // 160, 2 * len(inputs["queries"]))
    voiced = (inputs["pitchf"][0] >= 1)[:frames]
    for key in doc["arrays"]:
        if match := re.fullmatch(r"phone_rate([\d.]+)_protect([\d.]+)(_nof0)?", key):
            rate, protect = float(match[1]), float(match[2])
            phone = phone_features(inputs["queries"], retrieval, rate, protect, None if match[3] else voiced, frames)
            mine[key] = phone[None, :, ::4]
    return mine


def change_rms(doc, inputs, kit):
    mine = {}
    for key in doc["arrays"]:
        if match := re.fullmatch(r"out_(\w+?)_([\d.]+)", key):
            case, rate = match[1], float(match[2])
            source, result = inputs[f"data1_{case}"], inputs[f"data2_{case}"]
            mine[key] = engine_change_rms(source, RATE, result, doc["cases"][case]["rate2"], rate)
    return mine


def int16(doc, inputs, kit):
    mine = {}
    for name, case in doc["cases"].items():
        wave, pad = inputs[f"synth_{name}"], case["target_rate"]
        mine[f"int16_{name}"] = to_int16(wave[pad:-pad], case["target_rate"], case["resample_sr"])
    return mine


def chunks(doc, inputs, kit):
    mine = {}
    for name, case in doc["cases"].items():
        wave = high_pass(_from_recipe(case["wave"], kit), RATE, "zero_phase")
        plan = chunking.ChunkPlan(case["x_pad"], case["x_query"], case["x_center"], case["x_max"])
        cuts = chunking.cut_points(wave, plan)
        mine[f"opt_ts_{name}"] = np.array(cuts, dtype=np.int64)
        rows = []
        for chunk in chunking.chunks(len(wave), cuts):
            frames = chunk.frames + 2 * plan.pad_frames
            first = chunk.start // chunking.HOP
            end = chunk.start + frames * chunking.HOP
            rows.append([chunk.start, end, first, first + frames, frames, frames * case["samples_per_frame"]])
        mine[f"rows_{name}"] = np.array(rows, dtype=np.int64)
    return mine
