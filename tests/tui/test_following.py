"""The app on long histories and large workspaces: what it shows is the same, and what has not changed is not read
again."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pretended
import pytest
from snapshot_app import text_of

from rvc_engine import events as ev
from rvc_engine.client import following, listing
from rvc_engine.client.engine_client import EngineClient
from rvc_engine.client.state import Row, ScreenState
from rvc_engine.experiment import Experiment
from rvc_engine.run.journal import Journal
from rvc_engine.settings import for_preset
from rvc_engine.workspace import Workspace
from rvc_tui.app import RvcApp
from rvc_tui.recordings import printable
from rvc_tui.screens import SCREENS
from rvc_tui.widgets.experiments import ExperimentsPanel


def write(experiment: Experiment, events: list[ev.Event]) -> None:
    with Journal.next_in(experiment.runs)[1] as journal:
        for event in events:
            journal.append(event)


@pytest.fixture
def alice(tmp_path: Path) -> Experiment:
    experiment = Workspace(tmp_path).experiment("alice")
    experiment.save_settings(for_preset("starter", dataset=str(tmp_path)))
    return experiment


def replayed(client: EngineClient) -> ScreenState:
    state, more = ScreenState(), True
    while more:
        update = client.poll()
        state.fold(update.events)
        if update.curves is not None:
            state.view.curves = update.curves
        more = update.more
    return state


def points(state: ScreenState) -> list[tuple[int, float, int, float]]:
    return [tuple(point) for name in state.view.curves.names for point in state.view.curves.points(name)]


@pytest.mark.soak
def test_a_long_history_comes_to_the_same(alice: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    for events in (
        pretended.trained(3000),
        pretended.training()[:-60],
        [*pretended.started(), *pretended.trained(2500)],
    ):
        write(alice, events)
    home = alice.workspace.home
    whole = replayed(EngineClient(home, "alice"))
    for limit in (1000, 50_000, 1 << 20):
        monkeypatch.setattr(following, "LONG_BYTES", 0)
        monkeypatch.setattr(following, "BRIEF_BYTES", limit)
        monkeypatch.setattr(following, "CHUNK_BYTES", limit)
        long = replayed(EngineClient(home, "alice"))
        assert points(long) == points(whole) and long.view.curves.epoch_at(100) == whole.view.curves.epoch_at(100)
        assert long.view.to_record() == whole.view.to_record() and list(long.lines) == list(whole.lines)


def test_what_is_written_meanwhile_is_in_the_curves(alice: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal grows between the parts; a newer run begins before the curves are there."""
    monkeypatch.setattr(following, "LONG_BYTES", 0)
    monkeypatch.setattr(following, "CHUNK_BYTES", 2000)
    steps = pretended.trained(400)
    write(alice, [*pretended.started(), *steps[:200]])
    client, state, rng = EngineClient(alice.workspace.home, "alice"), ScreenState(), random.Random(1)
    with Journal(alice.runs / "0001.jsonl") as journal:
        for event in steps[200:]:
            journal.append(event)
            if rng.random() < 0.5:
                update = client.poll()
                state.fold(update.events)
                state.view.curves = update.curves or state.view.curves
    write(alice, [*pretended.started()])
    for _ in range(2000):
        update = client.poll()
        state.fold(update.events)
        state.view.curves = update.curves or state.view.curves
    assert [point.step for point in state.view.curves.points("total")] == list(range(1, 401))
    assert state.begun == 2


def test_a_long_history_shows_its_state_in_the_first_parts(alice: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "LONG_BYTES", 0)
    write(alice, [*pretended.started(), *pretended.trained(20_000), ev.RunFinished(seconds=5)])
    client, state = EngineClient(alice.workspace.home, "alice"), ScreenState()
    for _ in range(2):
        update = client.poll()
        assert len(update.events) < 2000
        state.fold(update.events)
    assert state.view.state == "finished" and state.view.step == 20_000
    assert replayed(EngineClient(alice.workspace.home, "alice", curves=False)).view.step == 20_000


# --- the list ---------------------------------------------------------------------------------------------------------
def test_what_has_not_changed_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(tmp_path)
    for name in ("alice", "bob", "carol"):
        workspace.experiment(name).save_settings(for_preset("starter", dataset=str(tmp_path)))
        write(workspace.experiment(name), pretended.finished())
    read: list[str] = []
    real = listing.read_view
    monkeypatch.setattr(listing, "read_view", lambda experiment: read.append(experiment.name) or real(experiment))
    client = EngineClient(tmp_path, "alice")
    rows = client.rows()
    assert sorted(read) == ["alice", "bob", "carol"] and {row.state for row in rows} == {"finished"}
    read.clear()
    assert client.rows() == rows and client.switch("bob").rows() == rows and read == []
    with Journal(workspace.experiment("bob").runs / "0001.jsonl") as journal:
        journal.append(ev.StageFailed(stage="train", title="t"))
    assert [row.state for row in client.rows() if row.name == "bob"] == ["failed"] and read == ["bob"]
    workspace.experiment("carol").settings_toml.write_text("preset = 5\n")
    read.clear()
    assert [row.problem[:15] for row in client.rows() if row.problem] == ["experiment.toml"] and read == ["carol"]


def test_the_row_of_a_damaged_experiment() -> None:
    panel, state = ExperimentsPanel(ascii=False), ScreenState()
    problem = "experiment.toml is not valid: preset: \x1b[31m" + "long " * 40
    for width in (40, 78, 200):
        line = panel.line(Row("alice", "?", "failed", time.time(), problem), state, time.time(), width)
        assert "failed" in line.plain and "experi" in line.plain and "\x1b" not in line.plain
        assert line.cell_len <= max(width, 45)
    assert printable("\x1b") in panel.line(Row("alice", "?", "failed", 0.0, problem), state, 0.0, 200).plain
    assert os.linesep not in line.plain


@pytest.mark.few(1)
@pytest.mark.parametrize(
    "content", [b"preset = 5\n", b"\xff", b"a = " + b"[" * 20_000], ids=["types", "bytes", "depth"]
)
async def test_the_screens_of_an_experiment_with_damaged_settings(alice: Experiment, content: bytes) -> None:
    """Each screen and `r` on real files: nothing ends the app."""
    write(alice, pretended.finished())
    alice.settings_toml.write_bytes(content)
    app = RvcApp(EngineClient(alice.workspace.home, "alice"))
    async with app.run_test(size=(80, 24)) as pilot:
        for place in SCREENS:
            app.action_go(place)
            await pilot.pause()
        await pilot.press("r", "escape")
        app.action_go("experiments")
        for _ in range(100):
            await pilot.pause(0.1)
            if app.session.state.outlook.rows:
                break
        await pilot.pause()
        assert "experiment.toml" in text_of(app) and app.return_code in (None, 0)
