"""`rvc assets verify --file`: what a file is, or one line why it is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from rvc_test_kit.encoders import random_tiny

from rvc_engine.commands.cli import main
from rvc_engine.content.hubert import write_hubert
from rvc_engine.disk import sha256_of
from rvc_engine.errors import BadInput
from rvc_engine.files.weights import write_safetensors
from rvc_engine.models.discriminators import Discriminators
from rvc_engine.models.synthesizer import Synthesizer
from rvc_engine.pitch.rmvpe_network import Rmvpe
from rvc_engine.presets import model_config
from rvc_engine.voices.bundle import write_bundle
from rvc_engine.voices.identify import describe_file
from rvc_engine.voices.small_model import read_voice, write_small_model

CONFIG = model_config("v2-40k-tiny")


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    path = tmp_path / "voice.pth"
    write_small_model(path, Synthesizer(CONFIG).state_dict(), CONFIG, epoch=3, step=12, extra={})
    return path


def test_a_voice_and_its_bundle(voice: Path, tmp_path: Path) -> None:
    facts = describe_file(voice)
    assert (
        facts.kind == "voice"
        and facts.facts["version"] == "v2"
        and facts.facts["rate"] == "40000 Hz"
        and facts.facts["pitch"] == "with"
    )
    assert facts.sha256 == sha256_of(voice) and facts.bytes == voice.stat().st_size
    write_bundle(tmp_path / "a.rvcvoice", read_voice(voice), "A", None, {})
    (tmp_path / "a.rvcvoice").rename(tmp_path / "renamed.zip")
    bundle = describe_file(tmp_path / "renamed.zip")
    assert bundle.kind == "voice bundle" and bundle.facts["index"] == "without" and bundle.facts["rate"] == "40000 Hz"


def test_checkpoints(tmp_path: Path) -> None:
    torch.save({"model": Synthesizer(CONFIG).state_dict(), "iteration": 7, "learning_rate": 1e-4}, tmp_path / "G.pth")
    torch.save({"model": Discriminators(CONFIG.discriminator).state_dict()}, tmp_path / "D.pth")
    generator, critics = describe_file(tmp_path / "G.pth"), describe_file(tmp_path / "D.pth")
    assert generator.kind == "pretrained G" and generator.facts["epoch"] == "7" and generator.facts["pitch"] == "with"
    assert critics.kind == "pretrained D" and "discriminators" in critics.facts["is"]


@pytest.mark.soak
def test_encoder_tracker_and_plain_tensors(tmp_path: Path) -> None:
    write_hubert(tmp_path / "hubert.safetensors", random_tiny(768))
    assert describe_file(tmp_path / "hubert.safetensors").kind == "content encoder (HuBERT)"
    with torch.device("meta"):
        shapes = Rmvpe().state_dict()
    torch.save(
        {key: torch.zeros_like(value, dtype=torch.half, device="cpu") for key, value in shapes.items()},
        tmp_path / "r.pt",
    )
    assert describe_file(tmp_path / "r.pt").kind == "pitch tracker (RMVPE)"
    write_safetensors(tmp_path / "plain.bin", {"a": torch.ones(3)})
    assert describe_file(tmp_path / "plain.bin").facts == {"tensors": "1", "values": "3", "types": "float32"}


def test_by_the_command(voice: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["assets", "verify", "--file", str(voice), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "voice"
    half = tmp_path / "half of it.pth"
    half.write_bytes(voice.read_bytes()[: voice.stat().st_size // 2])
    assert main(["assets", "verify", "--file", str(half)]) == 2
    said = capsys.readouterr()
    assert said.out == "" and len(said.err.splitlines()) == 1 and "half of it.pth is refused: it is damaged" in said.err


@pytest.mark.parametrize("content", [b"", b"words", b"\x80\x04N.", b"PK\x03\x04", b"IwFl" + bytes(80)])
def test_what_is_nothing_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(BadInput, match="file"):
        describe_file(path)


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.pth", tmp_path, Path("/dev/null")):
        with pytest.raises(BadInput):
            describe_file(path)
