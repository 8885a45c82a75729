"""How processes of this program talk: typed lines, one writer, one reader, errors that arrive as they were raised."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rvc_engine.client.engine_client import Ended, EngineClient
from rvc_engine.commands.cli import main
from rvc_engine.common import lines
from rvc_engine.common.lines import (
    Answered,
    Failed,
    Line,
    Mistyped,
    Pieces,
    Writer,
    decode,
    encode,
    error_from_record,
    error_to_record,
)
from rvc_engine.errors import BadInput, Busy, RvcError, Stopped
from rvc_engine.events import Event, Progressed, RunFinished, StageFailed, Warned
from rvc_engine.machine.children import Child
from tests.conftest import Rvc, rvc_environment


@dataclass(frozen=True)
class Counted(Line):
    number: int
    names: list[str] = field(default_factory=list)


# --- bytes -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "line",
    [
        Counted(3, ["a\nb", "caf\udce9", "\ud800", "\x00\x1b"]),
        Answered({"deep": [1, None, {"x": 1.5}]}),
        Failed(title="No", message="it is\nso", hint="do this", exit_code=2),
        StageFailed(stage="train", title="No", at=1.0),
    ],
)
def test_what_is_written_is_read(line: Line) -> None:
    data = encode(line)
    assert data.count(b"\n") == 1 and data.endswith(b"\n")
    assert decode(data, Line) == line


def test_a_reader_gets_its_family_alone() -> None:
    assert decode(encode(Counted(1)), Event) is None
    assert isinstance(decode(encode(Warned(title="x")), Event), Warned)
    for data in (b"", b"noise", b"[1]", b'{"event":7}', b'{"event":"FromTheFuture"}', b'{"x":1}', b"[" * 100_000):
        assert decode(data, Line) is None
    for data in (b'{"event":"Counted"}', b'{"event":"Counted","number":"1"}', b'{"event":"Counted","number":1e9}'):
        with pytest.raises(Mistyped):
            decode(data, Line)
    assert decode(b'{"event":"Counted","number":1,"of_a_later_version":2}', Line) == Counted(1)


def test_lines_come_in_pieces_and_one_that_is_too_long_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"one\ntwo\n\nthree"
    for size in range(1, len(data) + 1):
        pieces = Pieces()
        found = [line for at in range(0, len(data), size) for line in pieces.add(data[at : at + size])]
        assert found == [b"one", b"two", b""]
        assert pieces.add(b"!\n") == [b"three!"]
    monkeypatch.setattr(lines, "LINE_BYTES", 10)
    pieces = Pieces()
    assert pieces.add(b"x" * 8) == [] and pieces.add(b"x" * 8) == [] and not pieces._begun
    assert pieces.add(b"x\nshort\n" + b"y" * 11 + b"\nnext\n") == [b"short", b"next"]


def test_nothing_follows_what_ends() -> None:
    reading, writing = os.pipe()
    writer = Writer(writing)
    for line in (Progressed(stage="a", done=1, total=2, unit="files"), RunFinished(seconds=1.0), Warned(title="late")):
        writer.send(line)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        assert [type(decode(data, Line)) for data in file] == [Progressed, RunFinished]


@pytest.mark.parametrize("kind", [RvcError, BadInput, Busy, Stopped])
def test_an_error_arrives_as_it_was_raised(kind: type[RvcError]) -> None:
    error = kind("The title", "the cause", "the fix")
    line = decode(encode(Failed.of(error)), Failed)
    assert line is not None
    found = line.error()
    assert type(found) is kind and str(found) == str(error) and found.exit_code == kind.exit_code
    assert error_to_record(error_from_record(error_to_record(error))) == error_to_record(error)


# --- processes -------------------------------------------------------------------------------------
BEGIN = """
import os, sys, time
from rvc_engine.common.lines import Answered, report, run_reporting, read_line
from rvc_engine.errors import BadInput
from rvc_engine.events import Progressed
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module for child processes, whose code is in child.py of the test's folder."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "reporting_child"


def write(tmp_path: Path, code: str) -> None:
    (tmp_path / "reporting_child.py").write_text(BEGIN + code)


def test_noise_of_libraries_does_not_mix_with_what_is_reported(tmp_path: Path, module: str) -> None:
    noise = """print('{"event":"Answered","data":0}')\n"""
    write(tmp_path, noise + "report(Answered(1))\nprint('last')\nreport(Answered(2))")
    printed: list[str] = []
    with Child(module, printed=printed.append) as child:
        assert list(child.lines()) == [Answered(1), Answered(2)]
        assert child.wait() == 0
    assert printed[-1] == "last" and len(printed) == 2


def test_an_error_of_a_child_is_its_last_line(tmp_path: Path, module: str) -> None:
    code = "def work(writer):\n    writer.send(Answered(1))\n    raise BadInput('No', 'so it is', 'do this')\n"
    write(tmp_path, code + "raise SystemExit(run_reporting(work))\n")
    with Child(module) as child:
        assert list(child.lines()) == [Answered(1)] and child.wait() == 2
    assert isinstance(child.error, BadInput) and child.problem == "No: so it is (do this)"


@pytest.mark.parametrize(
    ("code", "problem", "ended"),
    [
        ("raise ValueError('of its own')", "ValueError: of its own", 1),
        ("os._exit(5)", "", 5),
        ("os.kill(os.getpid(), 9)", "", -9),
    ],
)
def test_a_child_that_cannot_report_leaves_what_it_printed(
    tmp_path: Path, module: str, code: str, problem: str, ended: int
) -> None:
    write(tmp_path, code)
    with Child(module) as child:
        assert list(child.lines()) == [] and child.wait() == ended
    assert child.error is None and child.problem == problem


def test_a_child_that_is_late_is_ended(tmp_path: Path, module: str) -> None:
    write(tmp_path, "report(Answered(1))\ntime.sleep(60)")
    started = time.monotonic()
    with Child(module) as child:
        assert next(child.lines(30.0)) == Answered(1)
        assert list(child.lines(0.2)) == [] and child.late and child.wait(0) is None
    assert child.process.returncode == -9 and time.monotonic() - started < 30


def test_lines_go_both_ways(tmp_path: Path, module: str) -> None:
    write(
        tmp_path,
        "while (line := read_line(sys.stdin.buffer, Answered)) is not None:\n    report(Answered(line.data * 2))",
    )
    with Child(module, listening=True) as child:
        for number in (1, 2, 3):
            child.send(Answered(number))
            assert next(child.lines(30.0)) == Answered(2 * number)
        assert child.process.stdin is not None
        child.process.stdin.close()
        assert list(child.lines(30.0)) == [] and child.wait() == 0
        child.send(Answered(4))  # nobody listens


def test_what_a_child_starts_does_not_report_for_it(tmp_path: Path, module: str) -> None:
    write(
        tmp_path,
        "import subprocess\nreport(Answered(0))\nreport(Answered(os.environ.get('RVC_LINES')))\n"
        "grandchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "report(Answered(grandchild.pid))",
    )
    started = time.monotonic()
    with Child(module) as child:
        _, variable, pid = [line.data for line in child.lines(30.0) if isinstance(line, Answered)]
    os.kill(pid, 9)
    assert variable is None and not child.late and time.monotonic() - started < 30


def test_without_anybody_who_listens_nothing_is_reported() -> None:
    code = "from rvc_engine.common.lines import Answered, report, to_parent; report(Answered(1)); print(to_parent())"
    for value in ("", "1", "99", "x", "-1", "1" * 30):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            env={**rvc_environment(), "RVC_LINES": value},
            stdin=subprocess.DEVNULL,
        )
        # standard output is a pipe here: whoever names it gets the lines there
        assert done.returncode == 0 and (done.stdout == "None\n") == (value != "1"), (value, done)


# --- commands --------------------------------------------------------------------------------------
def test_a_command_that_fails_says_so_in_json_too(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["status", "nobody", "--home", str(home)]
    assert main(words) == 2
    plain = capsys.readouterr()
    assert main([*words, "--json"]) == 2
    said = capsys.readouterr()
    assert said.err == plain.err and plain.out == ""
    (line,) = said.out.splitlines()
    record = json.loads(line)
    assert record["event"] == "Failed" and record["exit_code"] == 2
    failed = decode(line.encode(), Failed)
    assert failed is not None and f"rvc status: {failed.error()}\n" == said.err


def test_wrong_arguments_are_a_line_too(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "voice", "--json", "--no-such-flag"])
    said = capsys.readouterr()
    failed = decode(said.out.encode(), Failed)
    assert ended.value.code == 2 and failed is not None and said.err == f"rvc run: {failed.error()}\n"
    assert failed.title == "There is no option --no-such-flag"
    assert main(["cook", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["title"] == "There is no command rvc cook"


def test_nothing_follows_the_end_of_a_run_in_json(rvc: Rvc, home: Path, tmp_path: Path, speech: list[Path]) -> None:
    """Also where the command says the error once more, for a person."""
    (home / "weights").mkdir()
    (home / "weights" / "v.pth").write_bytes(b"PK\x03\x04 torn")
    words = ("convert", "v", speech[0], "--output", tmp_path / "out.wav", "--pitch-method", "praat")
    done = rvc(*words, "--json")
    events = [json.loads(line)["event"] for line in done.stdout.splitlines()]
    assert done.returncode == 2 and events[-1] == "StageFailed" and "Failed" not in events, done.stdout + done.stderr
    assert done.stderr.splitlines()[-1].startswith("rvc convert: ")


def test_a_full_standard_output_does_not_change_the_exit_code(home: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "rvc_engine", "status", "nobody", "--json", "--home", str(home)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=rvc_environment(),
        )
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr


def test_the_app_gets_errors_as_they_were_raised(home: Path) -> None:
    client = EngineClient(home, "")
    answer = client.ask(["status", "nobody", "--json"])
    assert isinstance(answer.error, BadInput) and answer.error.title.startswith("There is no experiment 'nobody'")
    assert answer.problem == str(answer.error) and answer.data is None
    (ended,) = client.stream(["dataset", str(home / "nowhere"), "--json"])
    assert isinstance(ended, Ended) and ended.exit_code == 2 and isinstance(ended.error, BadInput)
    assert client.ask(["dataset", "x", "--workers", "many", "--json"]).problem.startswith("--workers: ")


def test_numbers_that_json_does_not_know_are_none_in_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    from rvc_engine.common import streams

    reading, writing = os.pipe()
    monkeypatch.setattr(streams, "to_parent", lambda: Writer(writing))
    streams.say_json({"level": math.nan, "pair": (1, 2)}, indent=1)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        assert decode(file.read(), Answered) == Answered({"level": None, "pair": [1, 2]})
