"""The last line of a command that fails: the system's errors by number, everything else by a report; never a traceback,
never a secret."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rvc_engine.commands import cli, watch
from rvc_engine.common import failures
from rvc_engine.common.failures import explained, report
from rvc_engine.common.opening import NotAFile
from rvc_engine.errors import BadInput, RvcError, Stopped
from tests.conftest import rvc_environment

NUMBERS = sorted(errno.errorcode)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def ends(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *more: str
) -> tuple[int, str]:
    """Exit code and last line of a command in which this happens."""

    def execute(options: object, name: str) -> int:
        raise error

    monkeypatch.setattr(watch, "execute", execute)
    code = cli.main(["list", *more])
    said = capsys.readouterr()
    assert said.out == "" and len(said.err.splitlines()) == 1 and "Traceback" not in said.err, said
    return code, said.err.strip()


# --- the system's errors ---------------------------------------------------------------------------
@pytest.mark.parametrize("number", NUMBERS, ids=errno.errorcode.get)
def test_every_error_of_the_system_is_a_sentence_that_names_the_file(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], state: Path
) -> None:
    if number in (errno.EPIPE, errno.ESHUTDOWN):
        pytest.skip("the reader of our output went away: another test")
    code, said = ends(OSError(number, os.strerror(number), "/some/where"), monkeypatch, capsys)
    assert code in (1, 2) and said.startswith("rvc list: ") and "/some/where" in said and said.endswith(")"), said
    assert "Errno" not in said and not state.exists()


@pytest.mark.parametrize(
    ("error", "words", "code"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "ulimit -n", 1),
        (
            ModuleNotFoundError("No module named 'parselmouth'", name="parselmouth"),
            "The package parselmouth is not installed",
            1,
        ),
        (
            ImportError("libgomp.so.1: cannot open shared object file", name="faiss._swigfaiss"),
            "faiss cannot be loaded: libgomp.so.1",
            1,
        ),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "ulimit -u", 1),
        (RuntimeError("can't start new thread"), "ulimit -u", 1),
        (OSError(errno.ENOSPC, "No space left on device", "/x"), "free some space", 1),
        (OSError(errno.EROFS, "Read-only file system", "/x"), "read-only", 1),
        (OSError(errno.EFBIG, "File too large"), "ulimit -f", 1),
        (OSError(errno.EIO, "Input/output error", "/x"), "dmesg", 1),
        (OSError("AF_UNIX path too long"), "TMPDIR", 2),
        (FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"), "TMPDIR", 2),
        (OSError(errno.EXDEV, "Invalid cross-device link", "/a", None, "/b"), "/b", 1),
        (NotAFile(Path("/x"), "a socket"), "/x cannot be used: it is a socket", 2),
        (MemoryError(), "memory", 1),
        (BadInput("a", "b", "c"), "rvc list: a: b (c)", 2),
        (Stopped("stopped"), "stopped", 130),
        (KeyboardInterrupt(), "rvc list: stopped", 130),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_what_to_do_is_said(
    error: BaseException,
    words: str,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    state: Path,
) -> None:
    ended, said = ends(error, monkeypatch, capsys)
    assert ended == code and words in said and not state.exists()


def test_a_file_without_a_name_is_not_a_number() -> None:
    known = explained(OSError(errno.EIO, "Input/output error", 7))
    assert known is not None and "7" not in str(known)


# --- this program's own ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    "error",
    [
        KeyError("x"),
        ImportError("x", name="rvc_engine.x"),
        RecursionError("deep"),
        ValueError("a\nb"),
        UnicodeError("x"),
    ],
)
def test_any_other_error_is_one_line_and_a_report(
    error: Exception, state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_0123456789abcdef")
    home = "https://me:s3cr3t@host"
    code, said = ends(error, monkeypatch, capsys, "--home", home)
    (path,) = (state / "rvc-tui" / "reports").iterdir()
    assert code == 1 and type(error).__name__ in said and str(path) in said
    text = path.read_text()
    assert (
        "Traceback" in text
        and "in execute" in text
        and "rvc-tui " in text
        and "Python 3" in text
        and "command: rvc list --home" in text
    )
    assert "s3cr3t" not in text + said and "hf_0123" not in text and oct(path.stat().st_mode)[-3:] == "600"


def test_a_cause_that_holds_a_secret_is_kept_without_it(state: Path) -> None:
    try:
        try:
            raise ValueError("GET https://u:s3cr3t@host/?token=abcd1234")
        except ValueError as cause:
            raise KeyError("x") from cause
    except KeyError as error:
        report(error, "rvc", [])
    (path,) = (state / "rvc-tui" / "reports").iterdir()
    text = path.read_text()
    assert "ValueError" in text and "s3cr3t" not in text and "abcd1234" not in text


def test_reports_are_written_where_they_can_be_and_old_ones_go(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(failures.KEPT_REPORTS + 5):
        report(KeyError("x"), "rvc")
    assert len(list((state / "rvc-tui" / "reports").iterdir())) == failures.KEPT_REPORTS
    blocked = tmp_path / "a file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(blocked))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert str(tmp_path / "rvc-report-") in str(report(KeyError("x"), "rvc"))
    monkeypatch.setattr("tempfile.tempdir", str(blocked))
    try:
        raise KeyError("x")
    except KeyError as error:
        assert "test_failures.py, line " in str(report(error, "rvc"))


def test_without_a_home_reports_go_to_the_folder_for_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setattr(os.path, "expanduser", lambda text: text)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert str(tmp_path) in str(report(KeyError("x"), "rvc"))


# --- where the line itself goes --------------------------------------------------------------------
def test_output_that_takes_no_more_is_said_once() -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full here")
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "rvc_engine", "--help"]
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, env=rvc_environment()
        )
    assert done.returncode == 1 and "disk is full" in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


def test_closed_standard_streams_are_no_error(home: Path) -> None:
    command = ["sh", "-c", f'exec "{sys.executable}" -m rvc_engine list --home "{home}" >&- 2>&-']
    assert subprocess.run(command, timeout=60, env=rvc_environment(), check=False).returncode in (0, 1)


# --- the app and the queue -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("error", "words", "code"),
    [
        (PermissionError(errno.EACCES, "x", "/some/where"), "/some/where", 1),
        (KeyError("x"), "rvc-report-", 1),
        (BadInput("a"), "a", 2),
    ],
    ids=["system", "own", "input"],
)
def test_the_app_ends_in_one_line_before_it_is_there(
    error: Exception,
    words: str,
    code: int,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from rvc_engine.client import engine_client
    from rvc_tui import __main__ as entry

    monkeypatch.setattr(engine_client, "newest_experiment", failing_with(error))
    assert entry.main(["--plain", "--home", str(home)]) == code
    said = capsys.readouterr().err
    assert said.startswith("rvc-tui: ") and words in said and len(said.splitlines()) == 1


def failing_with(error: Exception) -> Callable[..., Any]:
    def call(*words: object, **more: object) -> None:
        raise error

    return call


async def test_the_app_keeps_what_ended_it_and_prints_no_traceback(
    home: Path, state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rvc_engine.client.engine_client import EngineClient
    from rvc_tui.app import RvcApp

    app = RvcApp(EngineClient(home, ""))
    with pytest.raises(KeyError):  # a test's own way: an app that is run ends
        async with app.run_test():
            monkeypatch.setattr(app, "action_help", failing_with(KeyError("x")))
            app.call_later(app.action_help)
            await app._exception_event.wait()
    assert isinstance(app.failure, RvcError) and "rvc-report-" in str(app.failure)
    assert (
        not app._exit_renderables and app.return_code == 1 and len(list((state / "rvc-tui" / "reports").iterdir())) == 1
    )


def test_an_entry_whose_process_cannot_start_fails_and_the_next_one_has_its_turn(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rvc_engine.commands import queue
    from rvc_engine.run.queue import RunQueue

    for name in "ab":
        RunQueue(home).add(name, [])
    monkeypatch.setattr(queue.signal, "signal", lambda number, handler: None)
    monkeypatch.setattr(queue.subprocess, "Popen", failing_with(BlockingIOError(errno.EAGAIN, "x")))
    assert cli.main(["queue", "run", "--home", str(home)]) == 1
    assert [(entry.state, "ulimit -u" in entry.outcome) for entry in RunQueue(home).entries()] == [("failed", True)] * 2
