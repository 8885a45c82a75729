"""What the engine says keeps its code on its way through commands, journals, snapshots and the queue's file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rvc_engine.client.engine_client import EngineClient
from rvc_engine.client.state import ScreenState
from rvc_engine.commands.cli import main
from rvc_engine.common.lock import RunLock
from rvc_engine.errors import Busy
from rvc_engine.events import ItemSkipped, Paused, RunStarted, StageFailed, StageStarted, Warned, from_dict, to_dict
from rvc_engine.machine.environment import engine_environment
from rvc_engine.messages import Message
from rvc_engine.run import launcher
from rvc_engine.run.queue import FAILED, RunQueue
from rvc_engine.run.view import RunView
from rvc_engine.settings import for_preset
from rvc_engine.workspace import Workspace


def test_the_app_gets_the_problem_of_a_command_with_its_code(tmp_path: Path) -> None:
    problem = EngineClient(tmp_path, "").ask(["status", "nobody", "--json"]).problem
    title = problem.params["title"]
    assert problem.startswith("There is no experiment 'nobody'") and isinstance(title, Message)
    assert title.code == "commands.no_experiment_yet" and title.params["name"] == "nobody"


def test_people_get_the_line_alone(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "rvc_engine", "status", "nobody", "--home", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, env=engine_environment())
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2 and line.startswith("rvc status: There is no experiment 'nobody'")


def test_a_queue_keeps_codes_and_forgets_those_of_an_older_outcome(tmp_path: Path) -> None:
    queue = RunQueue(tmp_path)
    queue.add("alice", [])
    queue.mark(1, FAILED, Message("commands.time_limit", how=Message("client.stopped_saved")))
    (entry,) = RunQueue(tmp_path).entries()
    assert (
        entry.outcome.code == "commands.time_limit"
        and entry.outcome == "the time limit was reached; stopped; progress is saved"
    )
    queue.mark(1, FAILED)
    assert "messages" not in json.loads(queue.path.read_text())["entries"][0]


def test_a_failed_entry_has_the_reason_with_its_code(tmp_path: Path) -> None:
    queue = RunQueue(tmp_path)
    queue.add("alice", ["--dataset", str(tmp_path / "nowhere")])
    assert main(["queue", "run", "--home", str(tmp_path)]) == 1
    (entry,) = queue.entries()
    title = entry.outcome.params["title"]
    assert isinstance(title, Message) and title.code == "common.no_folder"
    assert entry.outcome.startswith(f"There is no folder {tmp_path / 'nowhere'}")


def view() -> RunView:
    large = Message("common.larger_than", limit=9)
    found = RunView()
    for event in (
        RunStarted(run=1, name="a", folder="/a", pid=1, host="h", version="1", preset="starter", stages=["pitch"]),
        StageStarted(stage="pitch", reason=Message("run.not_done_yet")),
        ItemSkipped(stage="pitch", item="x.wav", reason=large),
        Warned(title=Message("disk.no_rename"), message=Message("run.not_read", reason="no")),
        Paused(stage="pitch", reason=Message("run.disk_is_full")),
        StageFailed(stage="pitch", title=Message("common.no_file", path="x"), message=Message("run.its_log", path="y")),
    ):
        read = from_dict(json.loads(json.dumps(to_dict(event))))
        assert read is not None
        found.fold(read)
    return found


def test_a_snapshot_keeps_codes() -> None:
    again = RunView.from_record(json.loads(json.dumps(view().to_record())))
    stage, error = again.stages["pitch"], again.error
    assert error is not None and again.paused.code == "run.disk_is_full"
    codes = [stage.reason, stage.title, stage.skipped_items[0][1], again.warnings[0].message, error["message"]]
    assert all(message.code for message in codes)


def test_status_prints_texts_and_codes(capsys: pytest.CaptureFixture[str]) -> None:
    from rvc_engine.common.streams import say_json

    say_json([view().as_json()])
    (row,) = json.loads(capsys.readouterr().out)
    assert row["error"]["title"] == "There is no file x"
    assert row["error"]["messages"]["title"] == {"code": "common.no_file", "params": {"path": "x"}}
    assert row["warnings"] == ["This file system cannot rename files: it cannot be read: no"]
    assert row["messages"]["warnings"][0]["code"] == "errors.with_cause"


def test_lines_of_the_journal_are_translated_with_what_they_hold() -> None:
    state = ScreenState(translate=lambda text: text.code if isinstance(text, Message) else text)
    run = RunStarted(run=1, name="a", folder="/a", pid=1, host="h", version="1", preset="starter", stages=["pitch"])
    state.fold(
        [
            run,
            StageStarted(stage="pitch", reason=Message("run.not_done_yet")),
            StageFailed(stage="", title=Message("run.gone")),
        ]
    )
    assert [line.text for line in state.lines] == ["client.run_started", "client.stage_started", "client.failed"]


def test_a_refused_engine_reports_it_with_a_code(tmp_path: Path) -> None:
    experiment = Workspace(tmp_path).experiment("alice")
    lock = RunLock(experiment.lock)
    lock.acquire()
    try:
        with pytest.raises(Busy) as caught:
            launcher.start(experiment, for_preset("starter"), ["preprocess"])
    finally:
        lock.release()
    assert caught.value.title.code == "common.another_run"
    assert experiment.engine_log.read_text().splitlines() == [str(caught.value)]  # without the JSON
