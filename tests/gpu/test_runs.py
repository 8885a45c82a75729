"""Whole runs on pretended GPUs: every stage, saving, stopping, resuming, auditions, two GPUs, and memory that runs
out. Kernels compute nothing, so what comes out is silence; how it comes out is real."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rvc_engine.workspace import Workspace
from tests.conftest import ROOT, rvc_environment
from tests.gpu import pretend

TINY = ("--preset", "v2-40k-tiny", "--set", "pitch.method=praat", "--set", "train.threads=1")


class OnGpus:
    """`rvc ...` in a workspace on pretended GPUs, as real processes."""

    def __init__(self, home: Path, built: Path) -> None:
        self.home, self.built = home, built

    def command(self, *words: str | Path) -> list[str]:
        return [sys.executable, "-m", "rvc_engine", *map(str, words), "--home", str(self.home)]

    def environment(self, **gpu: Any) -> dict[str, str]:
        base = {**rvc_environment(), "XDG_CACHE_HOME": str(self.home / "cache")}
        return pretend.environment(self.built, base, **gpu)

    def __call__(self, *words: str | Path, **gpu: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words), capture_output=True, text=True, timeout=280, env=self.environment(**gpu), cwd=ROOT
        )

    def start(self, *words: str | Path, **gpu: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*words),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment(**gpu),
        )

    def events(self, name: str, kind: str) -> list[dict[str, Any]]:
        found = []
        for journal in sorted((self.home / "logs" / name / "runs").rglob("*.jsonl")):
            found += [json.loads(line) for line in journal.read_text().splitlines()]
        return [event for event in found if event["event"] == kind]


@pytest.fixture
def rvc(built: Path, tmp_path: Path) -> OnGpus:
    home = tmp_path / "home"
    (home / "pretrained").mkdir(parents=True)
    return OnGpus(home, built)


def test_the_whole_pipeline(rvc: OnGpus, dataset: Path) -> None:
    done = rvc("run", "voice", "--dataset", dataset, *TINY, "--epochs", "2", "--batch-size", "2", "--save-every", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    experiment = Workspace(rvc.home).experiment("voice")
    assert experiment.small_model.is_file() and list(experiment.auditions.rglob("*.wav"))
    steps = [event["step"] for event in rvc.events("voice", "TrainStepped")]
    assert steps == list(range(1, len(steps) + 1))
    more = rvc("run", "voice", "--epochs", "3")
    assert more.returncode == 0, more.stdout + more.stderr
    assert rvc.events("voice", "TrainStepped")[-1]["epoch"] == 3
    held = [event["gpu_bytes"] for event in rvc.events("voice", "MemorySampled")]
    assert max(held) > 0
