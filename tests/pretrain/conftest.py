"""Speech of two speakers, and prepared recordings that are made of numbers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rvc_engine.pretrain.encoder_data import EncoderData, Source
from tests.conftest import SAMPLES

PHONES = ("AA", "IY", "S")


def two_speakers(folder: Path) -> Path:
    """ann and bob with two recordings each, and the catalogue with words and licences."""
    recordings = {"ann": sorted((SAMPLES / "target").glob("*.flac"), key=lambda p: p.stat().st_size)[:2]}
    recordings["bob"] = sorted((SAMPLES / "sources").glob("*.flac"))
    for name, paths in recordings.items():
        (folder / name).mkdir(parents=True)
        for path in paths:
            shutil.copy(path, folder / name)
    shutil.copy(SAMPLES / "catalogue.csv", folder / "catalogue.csv")
    (folder / "README.md").write_text("notes\n")
    return folder


def write_source(folder: Path, name: str, speaker: str, *, seconds: float = 1.5, labelled: bool = True) -> Source:
    """Log-mels whose loudest band gives the phone; a copy in another voice is a little darker."""
    draw = np.random.default_rng(sum(map(ord, name)))
    count = int(seconds * 50) * 2
    which = np.repeat(draw.integers(0, len(PHONES), count // 10 + 1), 10)[:count]
    mels = draw.normal(-3, 0.2, (2, 80, count))
    for place, phone in enumerate(which):
        mels[:, 10 + 20 * phone : 20 + 20 * phone, place] += 4
    mels[1] -= np.linspace(0, 1, 80)[:, None]
    folder.mkdir(exist_ok=True)
    source = Source(name, speaker, folder / f"{name}.npy", folder / f"{name}.npz")
    np.save(source.mels, mels.astype(np.float16))
    phone = np.array(PHONES)[which] if labelled else np.full(count, "", dtype="U8")
    sure = np.full(count, 1.0 if labelled else 0.0, np.float32)
    np.savez(
        source.labels,
        phone=phone,
        state=np.zeros(count, np.int8),
        sure=sure,
        f0=draw.uniform(100, 200, count),
        note=np.array(""),
    )
    return source


@pytest.fixture
def make_data(tmp_path: Path) -> Callable[..., EncoderData]:
    def make(labelled: bool = True) -> EncoderData:
        sources = [
            write_source(tmp_path / "prepared", f"{speaker}-{n}", speaker, labelled=labelled)
            for speaker in ("ann", "bob", "eve")
            for n in "12"
        ]
        return EncoderData(sources, ["eve"])

    return make
