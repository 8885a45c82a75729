"""Every command with names, paths, files and arguments of somebody who means harm: it prints them harmless, and ends
with a sentence."""

from __future__ import annotations

import ast
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from rvc_engine import events as ev
from rvc_engine.commands.cli import commands, main
from rvc_engine.experiment import Experiment
from rvc_engine.models.synthesizer import Synthesizer
from rvc_engine.presets import PRESETS
from rvc_engine.run.journal import Journal
from rvc_engine.run.queue import RunQueue
from rvc_engine.settings import for_preset
from rvc_engine.voices.bundle import write_bundle
from rvc_engine.voices.small_model import read_voice, write_small_model
from rvc_engine.workspace import Workspace
from tests.conftest import ROOT, rvc_environment
from tests.hostile.text import FILE_NAME, HOSTILE, found_in

NAME = FILE_NAME.replace("/", "").replace("\n", "")
WORD = HOSTILE.replace("\0", "").replace("\ud800", "")  # what a shell can pass on
T0 = 1_700_000_000.0
PATIENCE_S = 60


def journal(experiment: Experiment, end: ev.Event) -> None:
    start = ev.RunStarted(
        run=1,
        name=NAME,
        folder=HOSTILE,
        pid=1,
        host=HOSTILE,
        version="0",
        preset=HOSTILE,
        stages=[HOSTILE],
        supervisor=1,
    )
    events: list[ev.Event] = [
        start,
        ev.StageStarted(at=T0, stage=HOSTILE, reason=HOSTILE),
        ev.Progressed(at=T0, stage=HOSTILE, done=1, total=2, unit=HOSTILE, item=HOSTILE),
        ev.ItemSkipped(at=T0, stage=HOSTILE, item=HOSTILE, reason=HOSTILE),
        ev.Warned(at=T0, title=HOSTILE, message=HOSTILE, hint=HOSTILE),
        ev.MovedAside(at=T0, stage=HOSTILE, path=HOSTILE, reason=HOSTILE),
        ev.StageStarted(at=T0, stage="train", reason=HOSTILE),
        ev.Progressed(at=T0, stage="train", done=1, total=2, unit="steps", item=HOSTILE),
        ev.TrainStepped(
            at=T0,
            step=1,
            epoch=1,
            epochs=2,
            losses={HOSTILE: float("nan"), "b": 1.0},
            learning_rate=1e-4,
            grad_norms={},
            seconds=1,
        ),
        ev.EpochFinished(at=T0, epoch=1, epochs=2, step=1, losses={HOSTILE: 1.0}, seconds=1.0),
        ev.CheckpointSaved(at=T0, path=HOSTILE, kind="small", epoch=1, step=1),
        ev.Audition(at=T0, epoch=1, step=1, clip=HOSTILE, path=HOSTILE, target=HOSTILE, picture=HOSTILE),
        ev.Converted(at=T0, source=HOSTILE, path=HOSTILE, seconds=1.0),
        ev.Paused(at=T0, stage=HOSTILE, reason=HOSTILE),
        ev.StageFinished(at=T0, stage=HOSTILE, seconds=1.0),
        end,
    ]
    with Journal.next_in(experiment.runs)[1] as written:
        for event in events:
            written.append(event)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Everything in it has a hostile name: experiments, voices, recordings, the entry of the queue."""
    home = Workspace(tmp_path_factory.mktemp("hostile") / FILE_NAME)
    for name, end in (
        (NAME, ev.StageFailed(at=T0, stage=HOSTILE, title=HOSTILE, message=HOSTILE, hint=HOSTILE)),
        (
            "done" + NAME,
            ev.RunFinished(at=T0, seconds=1.0, artefacts=[{"path": HOSTILE, "bytes": 1, "sha256": HOSTILE}]),
        ),
        ("stopped" + NAME, ev.StageStopped(at=T0, stage=HOSTILE)),
    ):
        experiment = Experiment(home.logs / name, home)
        experiment.save_settings(for_preset("starter", dataset=str(recordings(home))))
        journal(experiment, end)
        experiment.engine_log.write_bytes(os.fsencode(FILE_NAME + "\n\x1b[31mred\x9b2J\n"))
    config = PRESETS["starter-tiny"]
    voice = home.weights / f"{NAME}.pth"
    write_small_model(voice, Synthesizer(config).state_dict(), config, epoch=5, step=70, extra={})
    torch.save({**torch.load(voice, weights_only=True), "info": HOSTILE, "author": HOSTILE, HOSTILE: HOSTILE}, voice)
    write_bundle(
        home.home / f"{NAME}.rvcvoice", read_voice(voice), HOSTILE, None, {"licence": HOSTILE, "consent": HOSTILE}
    )
    torch.save({"weight": {HOSTILE: torch.zeros(2)}, "config": [HOSTILE], "info": HOSTILE}, home.home / "tensors.pth")
    torch.save({HOSTILE: torch.zeros(2), "model": {HOSTILE: torch.zeros(1)}, "iteration": 3}, home.home / "G_1.pth")
    (home.weights / f"broken{NAME}.pth").write_bytes(b"\x80\x04 no voice")
    RunQueue(home.home).add(HOSTILE, ["--dataset", HOSTILE])
    return home


def recordings(home: Workspace) -> Path:
    folder = home.home / f"rec{NAME}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{NAME}.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVE no sound")
    return folder


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A command in this process takes signals over; the hub is not there."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def light_words(home: Workspace) -> list[list[str]]:
    """Without a network that is trained or spoken with."""
    folder, voice, bundle = (
        str(recordings(home)),
        str(home.weights / f"{NAME}.pth"),
        str(home.home / f"{NAME}.rvcvoice"),
    )
    odd, pair, out = str(home.home / "tensors.pth"), str(home.home / "G_1.pth"), str(home.home / f"out{NAME}")
    return [
        ["list"],
        ["list", "--json"],
        ["status"],
        ["status", NAME],
        ["status", NAME, "--json"],
        ["status", "done" + NAME],
        ["status", "x" + NAME],
        ["attach", NAME],
        ["attach", "done" + NAME, "--plain"],
        ["attach", NAME, "--json"],
        ["attach", "stopped" + NAME],
        ["stop", NAME],
        ["stop", "x" + NAME],
        ["stop", NAME, "--wait", WORD],
        ["voice", "list"],
        ["voice", "list", "--json"],
        ["voice", "info", voice, bundle],
        ["voice", "info", voice, "--json"],
        ["voice", "info", NAME],
        ["voice", "info", odd],
        ["voice", "info", pair],
        ["voice", "info", folder],
        ["voice", "info", WORD],
        ["voice", "extract", pair, "--output", out + ".pth"],
        ["voice", "extract", NAME],
        ["voice", "extract", folder, "--name", WORD],
        ["voice", "merge", voice, odd, "--name", "m"],
        ["voice", "merge", voice, voice, "--output", out + "m.pth", "--info", NAME],
        [
            "voice",
            "export",
            voice,
            "--output",
            out + ".rvcvoice",
            "--licence",
            WORD,
            "--consent",
            NAME,
            "--index",
            "none",
        ],
        ["voice", "export", voice, "--output", out, "--index", "none"],
        ["voice", "export", voice, "--output", out + ".zip", "--index", odd],
        ["voice", "import", bundle, "--name", "imported"],
        ["voice", "import", odd],
        ["voice", "import", voice, "--name", NAME + "2"],
        ["queue", "list"],
        ["queue", "list", "--json"],
        ["queue", "move", "1", "1"],
        ["queue", "run", "--then", "'" + WORD],
        ["queue", "run", "--time-limit", WORD],
        ["queue", "stop"],
        ["queue", "remove", "7"],
        ["assets", "list"],
        ["assets", "list", WORD],
        ["assets", "verify", "--file", odd],
        ["assets", "verify", "--file", pair],
        ["assets", "verify", "--file", voice, "--json"],
        ["assets", "verify", "--file", WORD],
        ["assets", "verify"],
        ["assets", "pull", WORD],
        ["dataset", folder],
        ["dataset", WORD],
        ["dataset", voice],
        ["advise", "--preset", WORD],
        ["doctor", "--preset", WORD],
        ["run", NAME, "--until", WORD],
        [WORD],
        ["--" + WORD],
        *([command.name, f"--{WORD}"] for command in commands()),
        *([command.name, WORD, WORD, WORD] for command in commands()),
    ]


def heavy_words(home: Workspace) -> list[list[str]]:
    """They start an engine, read a voice to speak with it, or look at the whole machine."""
    folder, voice = str(recordings(home)), str(home.weights / f"{NAME}.pth")
    odd, out = str(home.home / "tensors.pth"), str(home.home / f"out{NAME}")
    return [
        ["advise", "--device", WORD],
        ["advise", NAME],
        ["advise", NAME, "--json"],
        ["queue", "add", NAME],
        ["assets", "pull", "v2-40k"],
        ["convert", voice, folder, "--output", out + ".d"],
        ["convert", WORD, folder, "--output", out],
        ["convert", voice, WORD, "--output", out],
        ["convert", odd, folder, "--output", out],
        ["convert", voice, folder, "--output", voice],
        ["convert", voice, folder, "--output", out, "--index", odd],
        ["convert", voice, folder, "--output", out, "--pitch-method", WORD],
        ["run", NAME, "--preset", WORD],
        ["run", NAME, "--set", WORD],
        ["run", NAME, "--set", f"train.{WORD}=1"],
        ["run", NAME, "--set", f"train.pretrained_g={WORD}"],
        ["run", "y", "--dataset", WORD],
        ["run", NAME],
        ["preprocess", NAME, "--threshold-db", WORD],
        ["index", "z" + NAME],
        ["pretrain", NAME + "b", "--dataset", folder],
        ["pretrain", NAME, "--save-state", WORD],
        ["doctor"],
    ]


def refused(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def late(number: int, frame: object) -> None:
    raise TimeoutError("it does not end")


def outcome(words: list[str], home: Path) -> Any:
    """The exit code, or what ended it otherwise."""
    signal.signal(signal.SIGALRM, late)
    signal.alarm(PATIENCE_S)
    try:
        return main(["--home", str(home), *words])
    except SystemExit as end:
        return end.code
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200]
    finally:
        signal.alarm(0)


@pytest.mark.parametrize("some", [light_words, pytest.param(heavy_words, marks=pytest.mark.soak)])
def test_no_command_prints_what_a_terminal_obeys(
    workspace: Workspace, some: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    problems = []
    for words in some(workspace):
        code = outcome(words, workspace.home)
        said = capsys.readouterr()
        printed = [word.replace(WORD, "W").replace(NAME, "N") for word in words]
        if code not in (0, 1, 2, 3, 130) or "Traceback" in said.err:
            problems.append((printed, code))
        if found := found_in(said.out + said.err):
            problems.append((printed, found))
        if "--json" in words and said.out:
            for text in said.out.splitlines() if words[0] in ("attach", "convert") else [said.out]:
                json.loads(text, parse_constant=refused)
    assert not problems, "\n".join(map(str, problems))


def on_a_terminal(words: list[str], environment: dict[str, str]) -> tuple[int, bytes]:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "rvc_engine", *words], stdin=slave, stdout=slave, stderr=slave, env=environment
    )
    os.close(slave)
    got = b""
    while True:
        try:
            got += (more := os.read(master, 65536))
        except OSError:
            break
        if not more:
            break
    os.close(master)
    return process.wait(60), got


def test_the_live_display_has_colours_of_its_own_alone(workspace: Workspace) -> None:
    """Markup in names is text: `[/]` ended it."""
    environment = {**rvc_environment(), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "COLUMNS": "200"}
    code, got = on_a_terminal(["attach", NAME, "--home", str(workspace.home)], environment)
    assert code == 1 and b"Traceback" not in got
    assert b"\x1b[?25l" in got, "the display is not live"
    text = got.replace(b"\r\n", b"\n").decode("utf-8")
    assert "owned" in text and "\x1b]" not in text and "\x1b[31m" not in text
    assert not any(c in text for c in "\x07\x08\x7f\0\x9b\x90\u202e\u2066\u200e\u061c\u200b\ufeff\u2028\t\U000e0041")


# --- streams that cannot hold the output -----------------------------------------------------------
@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C.UTF-8"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1:strict"},
        {"PYTHONIOENCODING": "shift_jis"},
    ],
)
@pytest.mark.soak
def test_no_encoding_ends_a_command(tmp_path: Path, environment: dict[str, str]) -> None:
    logs = os.fsencode(tmp_path / "logs")
    for name in ("声の人".encode(), "声".encode("shift_jis"), b"caf\xe9"):
        os.makedirs(os.path.join(logs, name))
        Path(os.fsdecode(os.path.join(logs, name, b"experiment.toml"))).write_text('preset = "starter"\n')
    done = subprocess.run(
        [sys.executable, "-m", "rvc_engine", "list", "--home", str(tmp_path)],
        capture_output=True,
        env={**rvc_environment(), **environment},
        timeout=60,
    )
    assert done.returncode == 0 and done.stderr == b"" and done.stdout.count(b"idle, no run yet") == 3
    assert b"caf\\xe9" in done.stdout


@pytest.mark.parametrize("closed", ["1", "2", "0,1,2"])
@pytest.mark.soak
def test_closed_streams(tmp_path: Path, closed: str) -> None:
    """What is opened later does not take the number of a stream that was closed, and an error does not go where the
    results go."""
    call = "; ".join(f"os.close({number})" for number in closed.split(","))
    code = f"import os, sys; {call}; os.execv(sys.executable, [sys.executable, '-m', 'rvc_engine', *sys.argv[1:]])"
    for words, expected in ((["list"], 0), (["status", "nobody"], 2)):
        done = subprocess.run(
            [sys.executable, "-c", code, *words, "--home", str(tmp_path)],
            capture_output=True,
            env=rvc_environment(),
            timeout=60,
        )
        assert done.returncode == expected
        assert bool(done.stdout) == (words == ["list"] and closed == "2")
        assert bool(done.stderr) == (words == ["status", "nobody"] and closed == "1")


# --- one way to print ------------------------------------------------------------------------------
COMMANDS_FOLDER = ROOT / "rvc_engine" / "commands"
PRINTING = [*sorted(COMMANDS_FOLDER.glob("*.py")), *sorted((ROOT / "rvc_tui").rglob("*.py"))]
WAYS = ("print", "input", "pprint", "argparse.ArgumentParser")


def bare(path: Path) -> list[str]:
    """Calls that write to the terminal past streams.py."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        markup = any(word.arg == "markup" and ast.unparse(word.value) == "True" for word in node.keywords)
        unsafe = called in WAYS or called.endswith((".from_markup", "stdout.write", "stderr.write")) or markup
        unsafe |= called == "json.dumps" and path.parent == COMMANDS_FOLDER
        column = (
            called == "TextColumn"
            and not any(word.arg == "markup" for word in node.keywords)
            and "{" in ast.unparse(node)
        )
        if unsafe or column:
            found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {called}")
    return found


def test_nothing_prints_past_the_one_way() -> None:
    assert not [call for path in PRINTING for call in bare(path)]
