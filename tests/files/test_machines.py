"""Machines that refuse: read-only and full places, other users, low limits, a folder that is gone. A sentence each,
never a traceback."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from rvc_engine.common.lock import Holder
from rvc_engine.common.processes import start_ticks
from rvc_engine.experiment import Experiment
from rvc_engine.run.queue import RunQueue
from rvc_engine.settings import for_preset
from rvc_engine.workspace import Workspace
from tests.conftest import ROOT, rvc_environment

DRIVER = Path(__file__).with_name("driver.py")
STRANGER = 54321


def one_sentence(said: str) -> bool:
    return len(said.strip().splitlines()) == 1 and "Traceback" not in said and "Errno" not in said and "(" in said


def drive(before: list[str], commands: list[list[str]], **more: Any) -> list[dict[str, Any]]:
    """How each ended, in a process that `before` (unshare, setpriv) starts."""
    words = [*before, sys.executable, str(DRIVER), json.dumps(commands)]
    environment = {**rvc_environment(), **more.pop("env", {})}
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=120, env=environment, stdin=subprocess.DEVNULL, **more
    )
    assert done.returncode == 0, done.stderr
    ended: list[dict[str, Any]] = json.loads(done.stdout)
    assert not any("Traceback" in end["err"] + end["out"] for end in ended), ended
    return ended


def mounted(*commands: str) -> list[str]:
    """A prefix that runs its command in a mount namespace of its own, where these were run before."""
    if (
        shutil.which("unshare") is None
        or subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("mount namespaces are not permitted here")
    tried = subprocess.run(
        ["unshare", "-m", "sh", "-ec", "; ".join(commands)], capture_output=True, text=True, check=False
    )
    if tried.returncode:
        pytest.skip(f"mounting is not permitted here: {tried.stderr[:100]}")
    return ["unshare", "-m", "sh", "-ec", "; ".join([*commands, 'exec "$@"']), "sh"]


@pytest.fixture
def stranger(tmp_path: Path) -> list[str]:
    """A prefix that runs its command as a user without a name, who may look at the tests' folders and at nothing else
    of root's."""
    if os.getuid() or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv, to become another user")
    for folder in [tmp_path, *tmp_path.parents][:3]:
        folder.chmod(folder.stat().st_mode | 0o55)
    prefix = ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups"]
    looked = subprocess.run(
        [*prefix, sys.executable, "-c", f"import os; os.stat({str(ROOT)!r}); os.listdir({str(tmp_path)!r})"]
    )
    if looked.returncode:
        pytest.skip("another user cannot read the program here")
    return prefix


@pytest.fixture
def experiment(home: Path) -> Experiment:
    """One whose last run was stopped."""
    experiment = Workspace(home).experiment("voice")
    experiment.save_settings(for_preset("starter", dataset=str(home)))
    experiment.runs.mkdir()
    (experiment.runs / "0001.jsonl").write_text('{"event":"StageStopped","at":1.0,"stage":"train"}\n')
    return experiment


# --- places that take nothing ----------------------------------------------------------------------
READING = (
    "list",
    "list --json",
    "status voice",
    "queue list",
    "voice list",
    "assets list",
    "attach voice --plain",
    "stop voice",
)
WRITING = (
    "run voice --dataset {dataset}",
    "run new --dataset {dataset} --preset starter",
    "queue run",
    "queue run --detach",
    "assets pull v2-40k",
    "voice import {dataset}/a.pth",
    "voice merge a.pth b.pth --name x",
)


def words_of(texts: Sequence[str], home: Path, dataset: Path) -> list[list[str]]:
    return [[*text.format(dataset=dataset).split(" "), "--home", str(home)] for text in texts]


def check_kept(before: list[str], home: Path, dataset: Path, why: str) -> None:
    """Everything that reads works, everything that writes says why it does not."""
    for end in drive(before, words_of([*READING, *WRITING], home, dataset)):
        if " ".join(end["words"][:-2]) in READING:
            assert end["code"] in (0, 130), end
        else:
            assert end["code"] == 2 and why in end["err"] and str(home) in end["err"] and one_sentence(end["err"]), end


def test_a_read_only_workspace_is_read_and_not_written(home: Path, experiment: Experiment, dataset: Path) -> None:
    check_kept(mounted(f"mount --bind {home} {home}", f"mount -o remount,ro,bind {home}"), home, dataset, "read-only")


@pytest.mark.soak
def test_a_workspace_of_another_user_is_read_and_not_written(
    home: Path, experiment: Experiment, dataset: Path, stranger: list[str]
) -> None:
    check_kept(stranger, home, dataset, "no permission")


def test_what_another_user_runs_is_not_stopped(home: Path, experiment: Experiment, stranger: list[str]) -> None:
    with running_process() as process:
        experiment.lock.write_text(json.dumps(holder_of(process)))
        shutil.copy(experiment.lock, home / "queue-run.lock")
        ends = drive(stranger, words_of(["stop voice", "queue stop"], home, home))
        assert process.poll() is None
    for end in ends:
        assert end["code"] == 1 and f"process {process.pid} of root" in end["err"] and one_sentence(end["err"]), end


@pytest.mark.parametrize("secret", ["experiment.toml", "runs/0001.jsonl", "."])
@pytest.mark.soak
def test_files_of_another_user_that_cannot_be_read(
    secret: str, home: Path, experiment: Experiment, stranger: list[str]
) -> None:
    experiment.path(*secret.split("/")).chmod(0)
    status, run = drive(stranger, words_of(["status voice", "run voice"], home, home))
    assert run["code"] in (1, 2) and one_sentence(run["err"]) and "voice" in run["err"], run
    assert status["code"] == 0 or (one_sentence(status["err"]) and "voice" in status["err"]), status


@contextlib.contextmanager
def running_process() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def holder_of(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    mine = vars(Holder.of_this_process())
    return {
        **mine,
        "pid": process.pid,
        "ticks": start_ticks(process.pid),
        "started": psutil.Process(process.pid).create_time(),
        "since": time.time(),
    }


def test_an_engine_of_another_user_is_not_stopped_and_one_that_is_gone_is_no_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from rvc_engine.common.lock import Holder
    from rvc_engine.errors import RvcError
    from rvc_engine.run import launcher

    def kill(number: type[OSError]) -> Callable[[int, int], None]:
        def call(pid: int, signal: int) -> None:
            raise number

        return call

    monkeypatch.setattr(os, "kill", kill(PermissionError))
    with pytest.raises(RvcError, match=r"voice is running as another user.*process \d+ of root.*sudo kill"):
        launcher.ask_to_end(Holder.of_this_process(), "voice")
    monkeypatch.setattr(os, "kill", kill(ProcessLookupError))
    launcher.ask_to_end(Holder.of_this_process(), "voice")


# --- folders for temporary files, the current one --------------------------------------------------
def python(text: str, **more: Any) -> subprocess.CompletedProcess[str]:
    environment = {**rvc_environment(), **more.pop("env", {})}
    before = more.pop("before", [])
    return subprocess.run(
        [*before, sys.executable, "-c", text], capture_output=True, text=True, timeout=60, env=environment, **more
    )


WORKERS = """
from rvc_engine.errors import RvcError
from rvc_engine.machine.workers import results_of
if __name__ == "__main__":
    try:
        print(sorted(results_of(abs, [1, -2], 2)))
    except RvcError as error:
        print(error)
"""


def test_workers_start_where_the_folder_for_temporary_files_has_a_long_name(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    done = python(WORKERS, env={"TMPDIR": str(folder)})
    assert done.stdout.strip() == "[1, 2]", done.stderr[-2000:]


def test_a_folder_for_temporary_files_that_is_not_there_is_done_without(home: Path, tmp_path: Path) -> None:
    (end,) = drive([], [["list", "--home", str(home)]], env={"TMPDIR": str(tmp_path / "none")})
    assert end["code"] == 0


def test_no_folder_for_temporary_files_is_said(home: Path, dataset: Path) -> None:
    words = ["run", "new", "--dataset", str(dataset), "--preset", "starter", "--home", str(home)]
    nowhere = "import tempfile; tempfile._candidate_tempdir_list = lambda: ['/proc/nowhere']"
    done = python(f"{nowhere}\nfrom rvc_engine.commands import cli\nraise SystemExit(cli.main({words!r}))")
    assert done.returncode == 2 and "TMPDIR" in done.stderr and one_sentence(done.stderr), done.stderr[-2000:]
    assert not (home / "logs").exists()


@pytest.mark.parametrize(
    "how", ["mount -t tmpfs -o ro tmpfs /dev/shm", "mount -t tmpfs -o size=4k,nr_inodes=1 tmpfs /dev/shm"]
)
def test_workers_without_shared_memory_say_so(how: str) -> None:
    done = python(WORKERS, before=mounted(how))
    assert "/dev/shm" in done.stdout and "cannot share memory" in done.stdout and "Traceback" not in done.stderr, (
        done.stderr[-2000:]
    )


def test_a_current_folder_that_is_gone_is_said(home: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    before = ["sh", "-ec", f'cd {gone}; rmdir {gone}; exec "$@"', "sh"]
    here, there = drive(before, [["list"], ["list", "--home", str(home)]])
    assert here["code"] == 2 and "current folder is gone" in here["err"] and one_sentence(here["err"]), here
    assert there["code"] == 0, there


# --- limits ----------------------------------------------------------------------------------------
def limited(what: int, value: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(what, (value, value))


def rvc(home: Path, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
    command = [*more.pop("before", []), sys.executable, "-m", "rvc_engine", *words, "--home", str(home)]
    environment = {**rvc_environment(), **more.pop("env", {})}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, env=environment, stdin=subprocess.DEVNULL, **more
    )


def test_too_few_open_files(home: Path, dataset: Path) -> None:
    done = rvc(
        home,
        "preprocess",
        "new",
        "--dataset",
        str(dataset),
        "--preset",
        "starter",
        preexec_fn=limited(resource.RLIMIT_NOFILE, 7),
    )
    assert done.returncode in (1, 2) and "too many files" in done.stderr and "ulimit -n" in done.stderr, done.stderr[
        -2000:
    ]
    assert one_sentence(done.stderr)


@pytest.mark.soak
def test_files_that_may_not_be_large_are_not_a_full_disk(home: Path, dataset: Path) -> None:
    done = rvc(
        home,
        "preprocess",
        "new",
        "--dataset",
        str(dataset),
        "--preset",
        "starter",
        preexec_fn=limited(resource.RLIMIT_FSIZE, 20_000),
    )
    assert done.returncode == 1 and "ulimit -f" in done.stderr + done.stdout, done.stderr[-2000:]
    assert "Traceback" not in done.stderr and "disk is full" not in done.stderr + done.stdout


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.soak
def test_no_more_processes(processes: int, home: Path, dataset: Path, stranger: list[str]) -> None:
    home.chmod(0o777)
    # what it starts must see this Python too
    reads_all = [
        "--inh-caps=+dac_read_search",
        "--ambient-caps=+dac_read_search",
    ]
    done = rvc(
        home,
        "preprocess",
        "new",
        "--dataset",
        str(dataset),
        "--preset",
        "starter",
        before=[*stranger, *reads_all],
        preexec_fn=limited(resource.RLIMIT_NPROC, processes),
    )
    assert done.returncode in (1, 2) and "ulimit -u" in done.stderr and one_sentence(done.stderr), done.stderr[-2000:]


# --- an engine that does not start -----------------------------------------------------------------
@pytest.mark.parametrize("where", ["runs", "run.lock", "engine.log"])
@pytest.mark.soak
def test_the_reason_why_an_engine_did_not_start_is_printed(
    where: str, home: Path, experiment: Experiment, dataset: Path
) -> None:
    """The system's own, with the file; also when the log is what cannot be written."""
    place = experiment.path(where)
    if where == "runs":
        shutil.rmtree(place)
        place.write_text("a file in the way")
    else:
        place.mkdir()
    done = rvc(home, "preprocess", "voice", "--dataset", str(dataset))
    assert done.returncode in (1, 2), done.stdout
    assert f"{where} cannot be" in done.stderr and ("out of the way" in done.stderr or "regular file" in done.stderr), (
        done.stderr
    )
    assert one_sentence(done.stderr) and "Unexpected" not in done.stderr


# --- file systems that cannot do everything --------------------------------------------------------
@pytest.mark.soak
def test_everything_works_where_folders_and_files_cannot_be_forced_to_the_disk(
    home: Path, dataset: Path, shim: dict[str, str]
) -> None:
    asked = {**shim, "SHIM": "folder-EIO,file-EINVAL,rename-EXDEV,times-EPERM"}
    done = rvc(home, "preprocess", "voice", "--dataset", str(dataset), "--preset", "starter", "--json", env=asked)
    assert done.returncode == 0, done.stderr[-2000:]
    warned = [event["title"] for line in done.stdout.splitlines() if (event := json.loads(line))["event"] == "Warned"]
    unable = [title for title in warned if title.startswith("This file system cannot")]
    assert len(unable) == len(set(unable)) == 3, warned
    assert "Traceback" not in done.stderr and (home / "logs" / "voice" / "0_gt_wavs").is_dir()


@pytest.mark.soak
def test_a_command_that_only_writes_a_file_warns_once(home: Path, shim: dict[str, str]) -> None:
    for name in "ab":
        RunQueue(home).add(name, [])
    done = rvc(home, "queue", "move", "1", "2", env={**shim, "SHIM": "folder-EINVAL"})
    assert done.returncode == 0 and done.stderr.count("warning: ") == 1 and "folders" in done.stderr, done.stderr
    assert [entry.name for entry in RunQueue(home).entries()] == ["b", "a"]
    done = rvc(home, "queue", "move", "1", "1", env={**shim, "SHIM": "file-EIO"})
    assert done.returncode == 1 and "dmesg" in done.stderr and one_sentence(done.stderr), done.stderr
    assert [entry.name for entry in RunQueue(home).entries()] == ["b", "a"]
