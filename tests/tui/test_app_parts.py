"""The parts below the screen: what is imported, the client on real files, plain lines, characters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pretended
import pytest

from rvc_engine.client.engine_client import Ended, EngineClient, newest_experiment
from rvc_engine.client.machine import Machine, read_machine
from rvc_engine.client.state import ScreenState
from rvc_engine.common.given_paths import clean_path
from rvc_engine.common.lines import Answered
from rvc_engine.common.lock import Holder
from rvc_engine.machine.gpus import Gpu
from rvc_engine.run.journal import Journal
from rvc_engine.settings import for_preset
from rvc_engine.workspace import Workspace
from rvc_tui.drawing import bar, binned, number, shortened, sparkline
from rvc_tui.plain import follow_plainly
from rvc_tui.screens.choose import FolderSuggester
from rvc_tui.widgets.memory import machine_lines


def test_importing_the_app_loads_neither_torch_nor_numpy() -> None:
    code = (
        "import sys; import rvc_tui.app, rvc_tui.plain, rvc_tui.__main__; print({'torch', 'numpy', 'scipy'} & "
        "set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "set()"


def test_plain_lines_need_no_terminal(tmp_path: Path) -> None:
    """Of a workspace that was moved since: its files are named where they are now."""
    write_run(tmp_path, "alice", pretended.finished())
    index = tmp_path / "logs" / "alice" / "added_IVF9_Flat_nprobe_1_alice_starter-1.index"
    index.touch()
    command = [sys.executable, "-m", "rvc_tui", "alice", "--plain", "--home", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "train: started" in done.stdout and "\x1b" not in done.stdout
    assert done.stdout.strip().splitlines()[-1] == f"artefact: {index}"


def write_run(home: Path, name: str, events: list[object]) -> None:
    experiment = Workspace(home).experiment(name)
    experiment.save_settings(for_preset("starter", dataset=str(home)))
    with Journal.next_in(experiment.runs)[1] as journal:
        for event in events:
            journal.append(event)  # type: ignore[arg-type]


def test_plain_mode_reports_the_truth_at_the_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path, "alice", pretended.failed())
    assert follow_plainly(EngineClient(tmp_path, "alice")) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("failed: train: Out of memory")
    write_run(tmp_path, "bob", pretended.training())  # no end, and no engine holds it
    assert follow_plainly(EngineClient(tmp_path, "bob")) == 1
    assert "The engine ended unexpectedly" in capsys.readouterr().out
    assert follow_plainly(EngineClient(tmp_path, "")) == 0


def test_client_replays_then_follows_the_newest_run(tmp_path: Path) -> None:
    write_run(tmp_path, "alice", pretended.failed())
    client, state = EngineClient(tmp_path, "alice"), ScreenState()
    state.fold(client.poll().events)
    assert state.view.state == "failed" and len(client.poll().events) == 0
    write_run(tmp_path, "alice", pretended.training())
    state.fold(client.poll().events)
    assert state.view.state == "running" and state.view.step == 100 and state.view.error is None
    assert state.lines[0].text.startswith("run 1 of alice")


def test_client_sees_who_holds_the_experiment(tmp_path: Path) -> None:
    write_run(tmp_path, "alice", pretended.training())
    client = EngineClient(tmp_path, "alice")
    assert not client.poll().alive and client.stop() == "nothing is running"
    experiment = Workspace(tmp_path).experiment("alice")
    experiment.lock.write_text(json.dumps(asdict(Holder.of_this_process())))
    experiment.heartbeat.write_text(json.dumps({"at": 5.0, "event_at": 4.0}))
    update = client.poll()
    assert update.alive and update.event_at == 4.0


def test_client_speaks_by_the_command_line(tmp_path: Path) -> None:
    client = EngineClient(tmp_path, "alice")
    assert client.spelled() == "alice"
    elsewhere = str(tmp_path / "other" / "logs" / "bob")
    assert EngineClient(tmp_path, elsewhere).spelled() == elsewhere
    assert client.ask(["list", "--json"]).data == []
    assert client.ask(["status", "nobody", "--json"]).problem.startswith("There is no experiment 'nobody'")
    assert list(client.stream(["list", "--json"])) == [Answered([]), Ended()]


def test_refused_start_is_one_line(tmp_path: Path) -> None:
    why = EngineClient(tmp_path, "alice").start(
        ["run", "alice", "--dataset", str(tmp_path / "nowhere"), "--preset", "starter"]
    )
    assert "nowhere" in why and "\n" not in why and not (tmp_path / "logs").exists()


def test_experiments_are_made_copied_changed_and_moved_away(tmp_path: Path) -> None:
    client = EngineClient(tmp_path, "alice")
    assert client.settings() is None and client.change("train.epochs", "3")
    assert client.create("alice", "/a b", "") == "" and "already" in client.create("alice", "", "")
    assert client.change("train.epochs", "3") == "" and "1..100000" in client.change("train.epochs", "0")
    assert client.duplicate("alice", "bob") == ""
    bob = EngineClient(tmp_path, "bob")
    settings = bob.settings()
    assert settings is not None and (settings.train.epochs, settings.dataset, settings.preset) == (3, "/a b", "starter")
    write_run(tmp_path, "bob", pretended.finished())
    assert [(row.name, row.state) for row in client.rows()] == [("bob", "finished"), ("alice", "idle")]
    Workspace(tmp_path).experiment("bob").lock.write_text(json.dumps(asdict(Holder.of_this_process())))
    assert "stop it first" in client.remove("bob") and client.rows()[0].state == "running"
    assert client.remove("alice") == "" and client.names() == ["bob"]
    assert [path.name.startswith("alice-") for path in (tmp_path / "trash").iterdir()] == [True]


def test_outlook_before_and_after_settings(tmp_path: Path) -> None:
    assert "chooses the recordings" in EngineClient(tmp_path, "alice").outlook().problem
    write_run(tmp_path, "alice", [])
    outlook = EngineClient(tmp_path, "alice").outlook()
    assert (outlook.preset, outlook.problem) == ("starter", "") and outlook.advice is not None
    assert [row[0] for row in outlook.plan] == pretended.STAGES
    Workspace(tmp_path).experiment("alice").settings_toml.write_text("preset = 5\n")
    assert "not valid" in EngineClient(tmp_path, "alice").outlook().problem


def test_newest_experiment_is_opened(tmp_path: Path) -> None:
    assert newest_experiment(tmp_path) == ""
    for age, name in ((100, "alice"), (50, "bob")):
        write_run(tmp_path, name, pretended.finished())
        journal = Workspace(tmp_path).experiment(name).runs / "0001.jsonl"
        os.utime(journal, (time.time() - age, time.time() - age))
    assert newest_experiment(tmp_path) == "bob"
    Workspace(tmp_path).experiment("alice").lock.write_text(json.dumps(asdict(Holder.of_this_process())))
    assert newest_experiment(tmp_path) == "alice"


def test_pasted_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert clean_path('\u202a"/a b/声"\u202c ') == "/a b/声"
    assert clean_path("~/x") == "/home/me/x"
    assert clean_path("  ") == ""
    quoted = tmp_path / "'odd'"
    quoted.mkdir()
    assert clean_path(str(quoted)) == str(quoted)


async def test_folder_completion(tmp_path: Path) -> None:
    (tmp_path / "recordings").mkdir()
    (tmp_path / "records.txt").touch()
    suggest = FolderSuggester().get_suggestion
    assert await suggest(f"{tmp_path}/rec") == f"{tmp_path}/recordings/"
    assert await suggest(f"{tmp_path}/x") is None and await suggest("/nowhere/x") is None and await suggest("") is None


def test_machine_lines_are_honest_about_what_is_unknown() -> None:
    assert read_machine().memory_total

    def line(machine: Machine, now: float) -> str:
        return machine_lines(ScreenState(machine=machine), 100, now)[0].plain

    silent = Machine(at=10.0, gpus=(Gpu(0, "A100", mig=True),))
    assert line(silent, 10.0) == "GPU 0 A100  n/a/n/a GiB  n/a %  n/a C  n/a W  MIG"
    full = Gpu(
        1,
        "A100",
        memory_total=24 << 30,
        memory_used=6 << 30,
        utilisation=98,
        temperature=61,
        power=151.2,
        power_limit=350.0,
    )
    assert (
        line(Machine(at=10.0, gpus=(full,)), 40.0)
        == "GPU 1 A100  6.0/24.0 GiB (others 6.0)  98 %  61 C  151/350 W  30 s ago"
    )
    assert "no GPU: hidden" in line(Machine(at=10.0, no_gpu="hidden"), 10.0)


def test_characters() -> None:
    assert (
        bar(1, 2, 10, ascii=True) == "[####....]" and bar(1, 0, 10, ascii=True) == "" and bar(1, 2, 2, ascii=True) == ""
    )
    assert bar(9, 2, 6, ascii=True) == "[####]"
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8, ascii=False) == "▁▂▃▄▅▆▇█"
    assert sparkline([1, float("nan"), 1], 8, ascii=True) == "--" and sparkline([], 8, ascii=True) == ""
    assert binned([1, 1, 3, 3], 2) == [1, 3] and len(binned(list(range(1000)), 60)) == 60
    assert (
        number(float("nan")) == "nan"
        and number(0) == "0"
        and max(map(len, map(number, [1234567.0, 1e-9, 12.3456, -1e9]))) <= 8
    )
    assert (
        shortened("/a/very/long/path", 8, ascii=True) == ".../path" and shortened("声声声", 5, ascii=False) == "…声声"
    )


def test_long_replay_is_quick() -> None:
    state = ScreenState()
    started = time.perf_counter()
    state.fold(pretended.prepared() + pretended.trained(20_000))
    assert time.perf_counter() - started < 5.0
    assert len(state.lines) <= 1000 and state.view.step == 20_000
