"""The base that comes with the program: small, whole, described, and what a new starter voice starts from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from rvc_engine.content.base import load_encoder
from rvc_engine.content.phonetic import read_phonetic
from rvc_engine.disk import sha256_of
from rvc_engine.events import TrainStepped
from rvc_engine.files.weights import metadata_of, read_tensors
from rvc_engine.models.synthesizer import Synthesizer
from rvc_engine.presets import PRESETS
from rvc_engine.registry import STAGES
from rvc_engine.run.pipeline import run_stage
from rvc_engine.settings import for_preset
from rvc_engine.voices.checkpoint import read_checkpoint
from rvc_engine.workspace import Workspace
from tests.conftest import ROOT

FOLDER = ROOT / "pretrained" / "starter"
FILES = ("G.safetensors", "D.safetensors", "encoder.safetensors")


def test_it_is_small_and_in_half_precision() -> None:
    assert sum((FOLDER / name).stat().st_size for name in FILES) < 25_000_000
    for name in FILES[:2]:
        assert {value.dtype for value in read_tensors(FOLDER / name).values() if value.is_floating_point()} == {
            torch.float16
        }
    parameters = sum(p.numel() for p in Synthesizer(PRESETS["starter"]).parameters())
    parameters += sum(p.numel() for p in read_phonetic(FOLDER / "encoder.safetensors").parameters())
    assert parameters < 5_500_000


def test_the_files_say_what_they_are_and_belong_together() -> None:
    for name, kind in zip(FILES, "GD", strict=False):
        found = read_checkpoint(FOLDER / name)
        assert (found.kind, found.version) == (kind, "starter-1")
        facts = metadata_of(FOLDER / name)
        assert facts["encoder"] == "phonetic-256-1" and facts["encoder_sha256"] == sha256_of(
            FOLDER / "encoder.safetensors"
        )


def test_the_model_card_names_these_files_and_the_data() -> None:
    model_card = (FOLDER / "README.md").read_text()
    for name in FILES:
        assert f"{name}: {(FOLDER / name).stat().st_size} bytes, SHA-256 {sha256_of(FOLDER / name)}" in model_card
    for word in ("CC-BY-4.0", "CC0-1.0", "LibriSpeech", "kerstin", "rvc pretrain", "seed", "## Scores", "## Limits"):
        assert word in model_card, word
    data = re.search(r"## Data\n(.*?)\n## ", model_card, re.DOTALL)
    assert data and "Kathleen" not in data[1], "the demo's speaker is not in the base"


@pytest.mark.soak
def test_a_new_voice_starts_from_it(tmp_path: Path, dataset: Path) -> None:
    """By default, on real speech: the first steps are far below those of a start from nothing."""

    def first_steps(name: str, start: str) -> float:
        experiment, settings = Workspace(tmp_path).experiment(name), for_preset("starter", dataset=str(dataset))
        settings.pitch.method, settings.preprocess.workers = "praat", 1
        settings.train.epochs, settings.train.batch_size = 1, 2
        settings.train.pretrained_g = settings.train.pretrained_d = start
        steps = []
        for stage in ("preprocess", "pitch", "features", "train"):
            steps += [
                event for event in run_stage(STAGES.get(stage), experiment, settings) if isinstance(event, TrainStepped)
            ]
        return sum(event.losses["mel"] for event in steps) / len(steps)

    assert first_steps("based", "") < 0.6 * first_steps("bare", "none")


def test_its_encoder_needs_no_workspace(tmp_path: Path) -> None:
    assert load_encoder("phonetic-256-1", Workspace(tmp_path)).dim == 256
