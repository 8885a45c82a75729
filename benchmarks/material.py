"""What the stages are timed on, where it is not recordings: features like speech, a random voice and its index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile

ASKED = 10_000  # rows that recall is measured with


def clip_rows(experiment: Path, rows: int, speech: Path) -> list[Path]:
    """Features like speech: each frame moves a little from the last, around one of 2000 places. 400 rows a clip."""
    from rvc_engine.settings import for_preset
    from rvc_engine.workspace import Workspace

    folder, names = experiment / "3_feature768", experiment / "1_16k_wavs"
    if not folder.is_dir():
        Workspace(experiment.parent.parent).experiment(experiment.name).save_settings(
            for_preset("v2-40k", dataset=str(speech))
        )
        folder.mkdir(parents=True)
        names.mkdir()
        random = np.random.default_rng(0)
        places = random.normal(size=(2000, 768)).astype(np.float32)
        for number in range(rows // 400):
            around = places[np.repeat(random.integers(0, 2000, 50), 8)]
            drift = np.cumsum(random.normal(scale=0.1, size=(400, 768)), axis=0).astype(np.float32)
            np.save(
                folder / f"0_{number}.npy",
                around + drift + random.normal(scale=0.5, size=(400, 768)).astype(np.float32),
            )
            (names / f"0_{number}.wav").touch()
            (experiment / "0_gt_wavs").mkdir(exist_ok=True)
            (experiment / "0_gt_wavs" / f"0_{number}.wav").touch()
    return sorted(folder.iterdir())


def nearest(experiment: Path, names: list[Path]) -> np.ndarray[Any, Any]:
    """Query rows: every n-th row, slightly changed."""
    random = np.random.default_rng(1)
    every = max(1, 400 * len(names) // ASKED)
    rows = np.concatenate([np.load(path)[:: min(every, 400)] for path in names])[:ASKED]
    return np.asarray(rows + random.normal(scale=0.2, size=rows.shape), dtype=np.float32)


def recall(path: Path, asked: np.ndarray[Any, Any]) -> float:
    """Of the 8 nearest rows of the index, how many it finds."""
    import faiss

    index = faiss.read_index(str(path))
    vectors = index.reconstruct_n(0, index.ntotal) if index.make_direct_map() is None else None
    _, wanted = faiss.knn(asked, vectors, 8)
    _, found = index.search(asked, 8)
    return float(np.mean([len(set(a) & set(b)) / 8 for a, b in zip(wanted, found, strict=True)]))


def random_voice(path: Path) -> None:
    import torch

    from rvc_engine.models.synthesizer import Synthesizer
    from rvc_engine.presets import PRESETS
    from rvc_engine.voices.small_model import write_small_model

    torch.manual_seed(0)
    weights = Synthesizer(PRESETS["v2-40k"], posterior=False).state_dict()
    write_small_model(path, weights, PRESETS["v2-40k"], epoch=1, step=1, extra={"unvoiced": "interpolate"})


def random_index(path: Path) -> None:
    from rvc_engine.conversion.retrieval import build_index, list_count, write_index

    rows = np.random.default_rng(0).normal(size=(20_000, 768)).astype(np.float32)
    write_index(build_index(rows, list_count(len(rows))), path)


def cut(speech: Path, folder: Path, count: int, seconds: float) -> None:
    """That many files of that length out of the recordings, one after another."""
    if folder.is_dir():
        return
    folder.mkdir()
    parts, needed = [], round(count * seconds * 16000)
    have = 0
    for path in sorted(speech.iterdir()):
        wave, rate = soundfile.read(path, dtype="float32")
        parts.append(
            np.asarray(
                wave if rate == 16000 else np.interp(np.arange(0, len(wave), rate / 16000), np.arange(len(wave)), wave)
            )
        )
        have += len(parts[-1])
        if have >= needed:
            break
    whole = np.resize(np.concatenate(parts), needed)
    for number, part in enumerate(np.split(whole, count)):
        soundfile.write(folder / f"{number:03d}.wav", part, 16000)
