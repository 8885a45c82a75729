"""`rvc advise` on real experiments: whose settings count, and that the app's panel shows the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rvc_engine.client import engine_client
from rvc_engine.client.engine_client import EngineClient
from rvc_engine.commands.cli import main
from rvc_engine.machine import advisor as advisor
from rvc_engine.machine.cpu import cpu_has_bf16
from rvc_engine.machine.gpus import Gpu, GpuState
from rvc_engine.messages import NOTHING
from rvc_engine.messages.wire import with_messages
from rvc_engine.settings import for_preset
from rvc_engine.workspace import Workspace

ON_CPU = "bf16" if cpu_has_bf16() else "fp32"  # what precision auto is here
GIB = 1 << 30
TWO_GPUS = GpuState(
    tuple(
        Gpu(n, f"A100 {n}", f"GPU-{n}", 24 * GIB, 6 * GIB, (18 - n) * GIB, capability=(9, 0), processes={})
        for n in (0, 1)
    )
)


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(advisor, "unused_gpu", lambda state: NOTHING)  # torch could use the pretended GPUs
    monkeypatch.setattr(advisor, "gpus_now", lambda: TWO_GPUS)
    monkeypatch.setattr(engine_client, "gpus_now", lambda patience_s: TWO_GPUS)


def experiment(home: Path, **train: Any) -> None:
    settings = for_preset("v2-40k", dataset=str(home))
    for name, value in train.items():
        setattr(settings.train, name, value)
    Workspace(home).experiment("alice").save_settings(settings)


def answer(capsys: pytest.CaptureFixture[str], home: Path, *words: str) -> dict[str, Any]:
    assert main(["advise", *words, "--json", "--home", str(home)]) == 0
    advice: dict[str, Any] = json.loads(capsys.readouterr().out)
    return advice


def test_an_experiments_settings_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    experiment(tmp_path, precision="fp32", device="cuda:1")
    advice = answer(capsys, tmp_path, "alice")
    assert (advice["preset"], advice["precision"]) == ("v2-40k", "fp32")
    assert (advice["device"], advice["name"]) == ("cuda:1", "A100 1")


def test_what_is_given_goes_before(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    experiment(tmp_path, precision="fp32", device="cuda:1")
    advice = answer(capsys, tmp_path, "alice", "--device", "cpu", "--precision", "bf16", "--preset", "v2-48k")
    assert (advice["preset"], advice["precision"], advice["device"]) == ("v2-48k", "bf16", "cpu")
    assert answer(capsys, tmp_path, "alice", "--device", "cuda")["device"] == "cuda:0"


def test_without_a_name_it_is_what_a_new_run_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    advice = answer(capsys, tmp_path)
    assert (advice["preset"], advice["precision"], advice["minutes"]) == ("starter", "bf16", None)


def test_it_says_what_it_assumed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    experiment(tmp_path, device="cpu")
    assert main(["advise", "alice", "--home", str(tmp_path)]) == 0
    assert (
        f"assumed: preset v2-40k, {ON_CPU}, cpu, an unknown length of audio, where not given as alice has it"
        in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    "words",
    [
        ["nobody"],
        ["--device", "cuda:7"],
        ["--device", "tpu"],
        ["--preset", "v9"],
        ["--device", "cpu", "--precision", "fp16"],
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main(["advise", *words, "--home", str(tmp_path)]) == 2
    out, said = capsys.readouterr()
    assert out == "" and len(said.strip().splitlines()) == 1


def test_the_app_shows_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    experiment(tmp_path, precision="fp16", device="cuda:1")
    displayed, answered = (
        EngineClient(tmp_path, "alice").outlook().advice,
        with_messages(answer(capsys, tmp_path, "alice")),
    )
    assert displayed == answered
    assert [reason.code for reason in displayed["reasons"]] == [reason.code for reason in answered["reasons"]]
