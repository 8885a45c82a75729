"""One bad experiment does not break the workspace: its row says which file is wrong, and all others are as they
were."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from rvc_engine.client.engine_client import EngineClient
from rvc_engine.commands.cli import main
from rvc_engine.common.lock import Holder
from rvc_engine.events import MemorySampled
from rvc_engine.experiment import journals
from rvc_engine.run.journal import Journal
from rvc_engine.run.status import read_view
from rvc_engine.stages.receipt import Receipt, receipt_path
from rvc_engine.workspace import Workspace
from tests.conftest import rvc_environment
from tests.engine.damaged import HEARTBEATS, JOURNAL, LINES, SETTINGS, UNREADABLE, add, events_of, journal_of

NOBODY = 65534


@pytest.fixture
def workspace(home: Path) -> Workspace:
    workspace = Workspace(home)
    for name in ("bad", "good"):
        add(workspace, name)
    return workspace


def rows(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    assert main(["list", "--json", "--home", str(workspace.home)]) == 0
    found = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert found["good"]["state"] == "finished" and found["good"]["problem"] == ""
    return found


def printed(workspace: Workspace, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    code = main([*words, "--home", str(workspace.home)])
    said = capsys.readouterr()
    assert code in (0, 1, 2), words
    return said.out + said.err


@pytest.mark.parametrize("kind", SETTINGS)
def test_bad_settings_are_named_in_the_row(workspace: Workspace, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    SETTINGS[kind](workspace.experiment("bad"))
    bad = rows(workspace, capsys)["bad"]
    assert bad["state"] == "finished" and "experiment.toml" in bad["problem"]  # the run is as it was
    assert "experiment.toml" in printed(workspace, capsys, "status", "bad")
    client = EngineClient(workspace.home, "bad")
    assert {row.name: row.problem[:15] for row in client.rows()} == {"bad": "experiment.toml", "good": ""}
    assert client.poll().events and "experiment.toml" in client.outlook().problem


@pytest.mark.parametrize("kind", JOURNAL)
def test_what_is_no_journal_is_passed_over(workspace: Workspace, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    JOURNAL[kind](workspace.experiment("bad"))
    bad = rows(workspace, capsys)["bad"]
    assert bad["state"] == "finished" and ".jsonl is not the journal of a run" in bad["problem"]
    assert "finished: bad" in printed(workspace, capsys, "attach", "bad", "--plain")
    assert EngineClient(workspace.home, "bad").poll().events
    number, journal = Journal.next_in(workspace.experiment("bad").runs)
    journal.close()
    # a new run finds a place
    assert number in (2, 3) and journals(workspace.experiment("bad").runs)[-1] == journal.path


@pytest.mark.parametrize("kind", LINES)
def test_lines_with_wrong_values_do_not_count(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    experiment = workspace.experiment("bad")
    before = read_view(experiment)
    LINES[kind](experiment)
    bad = rows(workspace, capsys)["bad"]
    assert (bad["state"], bad["step"], bad["updated_at"]) == ("finished", 3, before.updated_at)
    assert read_view(experiment).stages == before.stages
    if "." in kind:
        assert "0001.jsonl has lines" in bad["problem"]
    assert "finished: bad" in printed(workspace, capsys, "attach", "bad", "--plain")
    client = EngineClient(workspace.home, "bad")
    assert len(client.poll().events) == 9 and [row.state for row in client.rows()] == ["finished", "finished"]


@pytest.mark.parametrize("kind", LINES)
def test_they_do_not_count_in_a_run_under_way_either(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    experiment = add(workspace, "running", events_of("running", pid=os.getpid())[:-1])
    experiment.lock.write_text(json.dumps(asdict(Holder.of_this_process())))
    LINES[kind](experiment)
    row = rows(workspace, capsys)["running"]
    assert (row["state"], row["step"], row["done"]) == ("running", 3, 3)
    assert "running" in printed(workspace, capsys, "status", "running")


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_cannot_be_read_has_a_row_that_says_so(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    UNREADABLE[kind](workspace.experiment("bad"))
    bad = rows(workspace, capsys)["bad"]
    assert bad["state"] == "failed" and bad["error"]["title"].startswith(str(workspace.logs / "bad"))
    assert bad["error"]["hint"]
    for words in (["list"], ["status", "bad"], ["attach", "bad"], ["stop", "bad"], ["voice", "list"]):
        said = printed(workspace, capsys, *words)
        assert "Traceback" not in said and ("bad" in said or words == ["voice", "list"])
    client = EngineClient(workspace.home, "bad")
    assert not client.poll().alive and client.outlook().problem
    assert [row.problem != "" for row in sorted(client.rows(), key=lambda row: row.name)] == [True, False]


def test_what_lies_beside_the_experiments_is_none(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace.logs / "notes.txt").write_text("x")
    (workspace.logs / "mute").mkdir()
    os.mkfifo(workspace.logs / "pipe")
    assert set(rows(workspace, capsys)) == {"bad", "good"}


@pytest.mark.parametrize("content", HEARTBEATS, ids=range(len(HEARTBEATS)))
def test_a_heartbeat_that_no_engine_wrote(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    experiment = add(workspace, "running", events_of("running", pid=os.getpid())[:-1])
    experiment.lock.write_text(json.dumps(asdict(Holder.of_this_process())))
    experiment.heartbeat.write_bytes(content)
    row = rows(workspace, capsys)["running"]
    assert (row["state"], row["stuck"], row["silent_s"]) == ("running", False, 0.0)
    update = EngineClient(workspace.home, "running").poll()
    assert update.alive and update.stuck_after_s == 0


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "FIFO"])
def test_a_heartbeat_that_is_no_file(workspace: Workspace, capsys: pytest.CaptureFixture[str], make: Any) -> None:
    experiment = add(workspace, "running", events_of("running", pid=os.getpid())[:-1])
    experiment.lock.write_text(json.dumps(asdict(Holder.of_this_process())))
    for path in (experiment.heartbeat, experiment.engine_log):
        make(path)
    assert rows(workspace, capsys)["running"]["state"] == "running"
    experiment.lock.unlink()
    assert "failed" in printed(workspace, capsys, "status", "running")


def test_memory_after_the_end_changes_nothing(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    """As engines up to 1af184d wrote it when the run ended at the wrong moment."""
    with Journal(journal_of(workspace.experiment("bad"))) as journal:
        journal.append(MemorySampled(rss_bytes=5))
    assert rows(workspace, capsys)["bad"]["state"] == "finished"
    assert [row.state for row in EngineClient(workspace.home, "bad").rows()] == ["finished", "finished"]
    assert "finished: bad" in printed(workspace, capsys, "attach", "bad", "--plain")


@pytest.mark.parametrize(
    "change",
    [
        {"identity": "x"},
        {"extent": {"epochs": "many"}},
        {"extent": []},
        {"artefacts": [5]},
        {"complete": "yes"},
        {"seconds": None},
    ],
    ids=str,
)
def test_a_receipt_of_wrong_types_is_none(workspace: Workspace, change: dict[str, Any]) -> None:
    path = receipt_path(workspace.experiment("good"), "train")
    whole = Receipt("train", {"seed": 1}, "x", {"epochs": 3}, {}, complete=True)
    whole.save(path)
    assert Receipt.load(path) == whole
    path.write_text(json.dumps({**asdict(whole), **change}))
    assert Receipt.load(path) is None


@pytest.mark.parametrize("seconds", ["nan", "-5", "1e999", "x"])
def test_clips_of_no_length_are_not_known(workspace: Workspace, seconds: str) -> None:
    experiment = workspace.experiment("good")
    experiment.clips_csv.write_text(f'"clip","seconds"\n"0_0",3.0\n"0_1",{seconds}\n')
    assert EngineClient(workspace.home, "good").outlook().advice is not None


def test_a_supervisor_pid_that_another_program_has_now_costs_no_time(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(8):
        start, *rest = events_of(f"cut-{number}")[:-1]
        add(workspace, f"cut-{number}", [type(start)(**{**vars(start), "supervisor": os.getpid()}), *rest])
    began = time.monotonic()
    found = rows(workspace, capsys)
    assert found["cut-7"]["state"] == "failed" and "ended unexpectedly" in found["cut-7"]["error"]["title"]
    assert time.monotonic() - began < 4  # it was a second each


# --- another user ---------------------------------------------------------------------------------------------------
AS_NOBODY = """
import os, sys
import rvc_engine.commands.watch, rvc_engine.commands.voice, rvc_engine.run.voice_list
import rvc_engine.commands.queue, rvc_engine.settings
import tomlkit, rvc_engine.client.engine_client
if sys.version_info >= (3, 11):
    import tomllib
if os.geteuid() == 0:  # for root no permission binds; loaded first, because an ordinary user may not see this Python
    os.setresuid(65534, 65534, 65534)
from rvc_engine.commands.cli import main
code = 0
for words in sys.argv[2].split(";"):
    code = max(code, main([*words.split(), "--home", sys.argv[1]]))
rows = rvc_engine.client.engine_client.EngineClient(__import__("pathlib").Path(sys.argv[1]), "").rows()
print("app:", [(row.name, row.state, bool(row.problem)) for row in sorted(rows, key=lambda row: row.name)])
sys.exit(code)
"""


@pytest.fixture
def shared() -> Iterator[Workspace]:
    """A workspace that an ordinary user owns, below folders that it may enter."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield Workspace(folder)
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755)
    shutil.rmtree(folder)


def shut(path: Path) -> None:
    path.chmod(0)


def test_what_a_user_may_not_read_has_a_row_that_says_so(shared: Workspace) -> None:
    for name in ("folder", "good", "journal", "runs", "settings"):
        add(shared, name)
    shared.weights.mkdir()
    (shared.weights / "shut.pth").write_bytes(b"x")
    paths = [shared.home, *shared.home.rglob("*")]
    if os.geteuid() == 0:
        for path in paths:
            os.chown(path, NOBODY, NOBODY)
    closed = {
        "folder": shared.experiment("folder").folder,
        "journal": journal_of(shared.experiment("journal")),
        "runs": shared.experiment("runs").runs,
        "settings": shared.experiment("settings").settings_toml,
    }
    for path in (*closed.values(), shared.weights / "shut.pth"):
        shut(path)
    command = [sys.executable, "-c", AS_NOBODY, str(shared.home), "list;list --json;voice list"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=rvc_environment())
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    for name, path in closed.items():
        row = next(text for text in lines if text.startswith(f"{name}: "))
        assert str(path) in row and "permission" in row.lower()
    assert any(text.startswith("good: finished at") and "ermission" not in text for text in lines)
    assert any("shut" in text and "permission" in text.lower() for text in lines)
    app = [
        ("folder", "failed", True),
        ("good", "finished", False),
        ("journal", "failed", True),
        ("runs", "failed", True),
        ("settings", "finished", True),
    ]
    assert lines[-1] == f"app: {app}"


def test_a_workspace_that_may_not_be_written_is_read(shared: Workspace) -> None:
    experiment = add(shared, "good", events_of("good", steps=2000))
    for path in (experiment.runs, experiment.folder, shared.logs, shared.home):
        path.chmod(0o555)
    command = [sys.executable, "-c", AS_NOBODY, str(shared.home), "list;status good;attach good --plain"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=rvc_environment())
    assert done.returncode == 0 and "finished: good" in done.stdout and done.stderr == ""
    assert sorted(path.name for path in experiment.runs.iterdir()) == ["0001.jsonl"]


def test_experiments_that_cannot_be_listed_are_bad_input(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = Workspace(home)
    for make in (
        lambda path: path.write_text(""),
        lambda path: path.symlink_to("/nowhere/at/all"),
        lambda path: path.symlink_to("logs"),
    ):
        make(workspace.logs)
        assert main(["list", "--home", str(home)]) == 2
        assert str(workspace.logs) in capsys.readouterr().err
        client = EngineClient(home, "")
        assert str(workspace.logs) in client.outlook().problem and client.names() == []
        workspace.logs.unlink()
