"""The journal cut at every byte of its last three lines, as a power cut may leave it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rvc_engine.experiment import journals
from rvc_engine.run import launcher, status
from rvc_engine.run.status import read_view
from tests.faults.conftest import Row
from tests.faults.harness import EPOCHS, Voice, copy_whole, differences

PROMISE = "Files torn at any byte: status, list and attach read what is whole, and the next run resumes"
PLACES = [0.35, *(pytest.param(part, marks=pytest.mark.soak) for part in (0.02, 0.2, 0.5, 0.65, 0.8, 0.98))]


def cuts(content: bytes) -> range:
    """Every length that ends inside the last three lines."""
    lines = content.splitlines(keepends=True)
    return range(len(content) - sum(map(len, lines[-3:])), len(content) + 1)


def test_every_cut_can_be_read(row: Row, tmp_path: Path, trained: Voice, monkeypatch: pytest.MonkeyPatch) -> None:
    row.of("The journal cut at every byte of its last 3 lines: status, list and attach", PROMISE)
    monkeypatch.setattr(launcher, "WRITING_S", 0.0)  # nobody is about to write an end
    monkeypatch.setattr(status, "WRITING_S", 0.0)
    monkeypatch.setattr(launcher, "POLL_S", 0.0)
    voice = copy_whole(trained, tmp_path)
    journal = journals(voice.experiment.runs)[-1]
    content = journal.read_bytes()
    whole_lines = {length for length in cuts(content) if content[:length].endswith(b"\n")}
    for length in cuts(content):
        journal.write_bytes(content[:length])
        view = read_view(voice.experiment)
        assert view.state == ("finished" if length == len(content) else "failed")
        assert view.epoch == EPOCHS - 1 and view.step == trained.steps()[-1]
        assert [e.name for e in voice.experiment.workspace.experiments()] == [voice.name]
        batches = list(launcher.follow(launcher.attach(voice.experiment)))
        assert sum(map(len, batches)) == content[:length].count(b"\n")
    row.saw(
        f"{len(cuts(content))} cuts, {len(whole_lines)} of them between lines: each read up to the last whole line",
        runs=len(cuts(content)),
    )


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.soak
def test_a_run_continues_after_a_cut(row: Row, tmp_path: Path, trained: Voice, reference: Voice, place: float) -> None:
    row.of("The journal cut inside its last 3 lines: `rvc status`, `list`, `attach`, then `rvc run`", PROMISE)
    voice = copy_whole(trained, tmp_path)
    journal = journals(voice.experiment.runs)[-1]
    content = journal.read_bytes()
    places = cuts(content)
    length = places[int(place * (len(places) - 1))]
    journal.write_bytes(content[:length])
    answer = voice.rvc("status", voice.name, "--json")
    assert answer.returncode == 0 and json.loads(answer.stdout)["state"] == "failed"
    assert [entry["name"] for entry in json.loads(voice.rvc("list", "--json").stdout)] == [voice.name]
    attached = voice.rvc("attach", voice.name, "--plain")
    assert attached.returncode == 1 and "Traceback" not in attached.stderr
    voice.finish("--set", f"train.epochs={EPOCHS}")
    assert differences(voice, reference) == [] and voice.steps() == reference.steps()
    row.saw(f"cut {len(content) - length} bytes before its end: resumed, the same weights")
