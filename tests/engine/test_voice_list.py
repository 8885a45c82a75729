"""rvc voice list: what is in weights/, quickly, whatever lies there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from rvc_engine.commands.cli import main
from rvc_engine.models.synthesizer import Synthesizer
from rvc_engine.presets import PRESETS
from rvc_engine.settings import for_preset
from rvc_engine.voices.bundle import write_bundle
from rvc_engine.voices.metadata import peek_metadata
from rvc_engine.voices.small_model import read_voice, write_small_model
from rvc_engine.workspace import Workspace
from tests.conftest import rvc_environment


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """alice in two epochs with an index, a bundle of hers, bob with checkpoints alone, and a file that is no voice."""
    workspace = Workspace(tmp_path)
    config, weights = PRESETS["v2-40k-tiny"], Synthesizer(PRESETS["v2-40k-tiny"]).state_dict()
    alice, bob = workspace.experiment("alice"), workspace.experiment("bob")
    for experiment in (alice, bob):
        experiment.folder.mkdir(parents=True)
        experiment.save_settings(for_preset("v2-40k-tiny"))
    for epoch, path in ((5, alice.small_model_at(5, 70)), (9, alice.small_model)):
        extra = {"unvoiced": "zero", "minutes": 3.5, "pitch_hz": [110.0, 150.0, 210.0]}
        write_small_model(path, weights, config, epoch=epoch, step=70, extra=extra)
        os.utime(path, (epoch, epoch))
    alice.index_path(3, "v2").write_bytes(b"index")
    write_bundle(
        workspace.weights / "shared.rvcvoice", read_voice(alice.small_model), "alice", None, {"licence": "CC0"}
    )
    bob.checkpoint("G", 10).write_bytes(b"not looked at")
    (workspace.weights / "broken.pth").write_bytes(b"PK\x03\x04 and nothing else")
    return workspace


def listed(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    assert main(["voice", "list", "--json", "--home", str(workspace.home)]) == 0
    return {Path(row["path"]).name: row for row in json.loads(capsys.readouterr().out)}


def test_each_voice_with_its_facts(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    rows = listed(workspace, capsys)
    assert set(rows) == {"alice.pth", "alice_e5_s70.pth", "shared.rvcvoice", "G_10.pth", "broken.pth"}
    newest, older, bundle = rows["alice.pth"], rows["alice_e5_s70.pth"], rows["shared.rvcvoice"]
    assert (newest["voice"], newest["epochs"], newest["version"], newest["sample_rate"]) == ("alice", 9, "v2", 40000)
    assert newest["pitch"] and newest["minutes"] == 3.5 and newest["pitch_hz"] == [110.0, 150.0, 210.0]
    assert newest["encoder"] == bundle["encoder"] == read_voice(workspace.weights / "alice.pth").config.encoder
    assert older["voice"] == older["path"] and not older["newest"] and older["index"] == newest["index"] is not None
    assert (bundle["what"], bundle["epochs"], bundle["info"], bundle["has_index"]) == ("bundle", 9, "CC0", False)
    assert rows["G_10.pth"]["voice"] == "bob" and "extract" in rows["G_10.pth"]["problem"]
    assert rows["broken.pth"]["what"] == "unreadable" and rows["broken.pth"]["problem"]


def test_in_words(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["voice", "list", "--home", str(workspace.home)]) == 0
    assert "v2 40k epoch 9" in capsys.readouterr().out
    assert main(["voice", "list", "--home", str(workspace.home / "empty")]) == 0
    assert "no voices" in capsys.readouterr().err


def test_files_of_before_torch_1_6(workspace: Workspace, tmp_path: Path) -> None:
    content = torch.load(workspace.weights / "alice.pth", weights_only=True)
    torch.save(content, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    metadata = peek_metadata(tmp_path / "old.pth")
    assert (metadata["what"], metadata["epochs"], metadata["sample_rate"]) == ("voice", 9, 40000)


def test_it_loads_no_torch(workspace: Workspace) -> None:
    script = (
        "from rvc_engine.commands.cli import main; main(['voice', 'list', '--home', "
        f"{str(workspace.home)!r}])\nimport sys\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script + "assert not {'torch', 'numpy'} & set(sys.modules)"], env=rvc_environment()
    )
    assert done.returncode == 0


def test_bundles_that_were_exported_are_listed_too(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace.home / "exports").mkdir()
    (workspace.weights / "shared.rvcvoice").rename(workspace.home / "exports" / "theirs.rvcvoice")
    assert listed(workspace, capsys)["theirs.rvcvoice"]["what"] == "bundle"
