"""The app over ssh on the loopback interface: the link is cut in the middle of a run, which continues; the next login
finds it."""

from __future__ import annotations

import getpass
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from terminal import Terminal, Tmux, needs_tmux, tmux_in

from rvc_engine.common.lock import live_holder
from rvc_engine.events import TrainStepped
from rvc_engine.run.journal import history
from rvc_engine.settings import apply, for_preset
from rvc_engine.workspace import Workspace
from tests.conftest import ROOT

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:/sbin")
pytestmark = [
    needs_tmux,
    pytest.mark.skipif(
        SSHD is None or shutil.which("ssh") is None, reason="sshd or ssh is not installed (Debian: openssh-server)"
    ),
]
CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
PidFile none
AuthorizedKeysFile {folder}/user.pub
AuthenticationMethods publickey
PermitRootLogin prohibit-password
UsePAM no
StrictModes no
LogLevel VERBOSE
"""


class Server:
    """An sshd of the current user's, with keys of its own, that lets in that user alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
        host = (folder / "host.pub").read_text()
        (folder / "known").write_text(f"[127.0.0.1]:{self.port} {host}")
        (folder / "config").write_text(CONFIG.format(port=self.port, folder=folder))
        self.log = (folder / "log").open("w")
        assert SSHD is not None
        self.process = psutil.Popen([SSHD, "-D", "-e", "-f", str(folder / "config")], stderr=self.log)
        self.wait_until_it_listens()

    def wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + 10
        while self.process.poll() is None and time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    def login(self, command: str) -> str:
        """The shell line that runs a command there, in a pseudo-terminal."""
        options = {
            "UserKnownHostsFile": self.folder / "known",
            "GlobalKnownHostsFile": "/dev/null",
            "IdentityFile": self.folder / "user",
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "StrictHostKeyChecking": "yes",
            "BatchMode": "yes",
            "LogLevel": "ERROR",
        }
        words = [
            "ssh",
            "-F",
            "/dev/null",
            "-tt",
            "-p",
            str(self.port),
            *(f"-o{key}={value}" for key, value in options.items()),
        ]
        return shlex.join([*words, f"{getpass.getuser()}@127.0.0.1", command])

    def sessions(self) -> list[psutil.Process]:
        """The processes of sshd's own that serve somebody."""
        return self._children(lambda process: process.name().startswith("sshd"))

    def app(self) -> psutil.Process:
        return self._children(lambda process: "rvc_tui" in process.cmdline())[0]

    def _children(self, wanted: Callable[[psutil.Process], bool]) -> list[psutil.Process]:
        found = []
        for process in self.process.children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # it ended while we looked
                if wanted(process):
                    found.append(process)
        return found

    def close(self) -> None:
        for process in [*self.process.children(recursive=True), self.process]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(10)
        self.log.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    own = Path("/run/sshd")  # sshd of root will not start without it
    made = os.getuid() == 0 and not own.exists()
    if made:
        own.mkdir(mode=0o755)
    (tmp_path / "ssh").mkdir()
    running = Server(tmp_path / "ssh")
    yield running
    running.close()
    if made:
        own.rmdir()


@pytest.fixture
def tmux(tmp_path: Path, dataset: Path) -> Iterator[Tmux]:
    """With an experiment that is small and long."""
    with tmux_in(tmp_path) as window:
        settings = for_preset("starter-tiny", dataset=str(dataset))
        for key, value in {"pitch.method": "praat", "train.epochs": 5000, "train.save_every": 5000}.items():
            apply(settings, key, value)
        Workspace(window.home).experiment("alice").save_settings(settings)
        yield window


def open_over_ssh(tmux: Tmux, server: Server) -> None:
    path = shlex.quote(tmux.environment["PYTHONPATH"])
    there = f"cd {shlex.quote(str(ROOT))} && PYTHONPATH={path} OMP_NUM_THREADS=1 LC_ALL=C.UTF-8 exec {tmux.command}"
    tmux.open(server.login(there) + "; echo ssh ended with $?")
    tmux.wait_for("? help q quit", "ssh ended")
    tmux.wait_for("after preprocess", "running for")  # what r would do is known


def steps_of(tmux: Tmux) -> list[int]:
    return [
        event.step
        for event in history(Workspace(tmux.home).experiment("alice").runs)
        if isinstance(event, TrainStepped)
    ]


def wait_until_it_trains_on(tmux: Tmux, limit_s: float = 120.0) -> None:
    known, deadline = len(steps_of(tmux)), time.monotonic() + limit_s
    while len(steps_of(tmux)) < known + 2:  # the first of them may have begun before
        assert time.monotonic() < deadline, "the training stands still"
        time.sleep(0.2)


@pytest.mark.parametrize("way", ["cut", pytest.param("hangs", marks=pytest.mark.soak)])
def test_a_run_outlives_its_link(tmux: Tmux, server: Server, way: str) -> None:
    open_over_ssh(tmux, server)
    tmux.press("r")
    tmux.wait_for("enter or r  start")
    tmux.press("Enter")
    tmux.wait_for("running for")
    tmux.press("6")
    tmux.wait_for("/5000  step", limit_s=120)
    app = server.app()
    engine = live_holder(Workspace(tmux.home).experiment("alice").lock)
    assert engine is not None

    window = psutil.Process(int(tmux("display-message", "-p", "#{pane_pid}")))
    client = next(process for process in window.children(recursive=True) if process.name() == "ssh")
    if way == "hangs":
        client.send_signal(signal.SIGSTOP)  # nothing is answered any more
        wait_until_it_trains_on(tmux)
        assert app.is_running() and app.status() != psutil.STATUS_ZOMBIE
    else:
        client.kill()
    for session in server.sessions():
        with suppress(psutil.NoSuchProcess):  # it ended with the one before
            session.kill()
    psutil.wait_procs([app], timeout=10)
    assert not app.is_running(), "the app of the dead session is still there"
    with suppress(psutil.NoSuchProcess):
        client.kill()
    tmux("kill-server")
    wait_until_it_trains_on(tmux)
    assert live_holder(Workspace(tmux.home).experiment("alice").lock) == engine

    open_over_ssh(tmux, server)
    tmux.wait_for(f"process {engine.pid}")
    tmux.press("6")
    known, deadline = len(steps_of(tmux)), time.monotonic() + 120
    while (reached := re.search(r"step (\d+)/", tmux.screen())) is None or int(reached[1]) < known:
        assert time.monotonic() < deadline, "the curve does not go up to now"
        time.sleep(0.2)
    tmux.wait_for("t total")
    tmux.press("s")
    tmux.wait_for("Stop the run of alice?")
    tmux.press("y")
    tmux.wait_for("stopped after")
    tmux.press("q")
    tmux.wait_for("ssh ended with 0")
    assert steps_of(tmux) == list(range(1, len(steps_of(tmux)) + 1))


def test_another_size_and_another_terminal_are_drawn_anew(tmux: Tmux, server: Server) -> None:
    open_over_ssh(tmux, server)
    for width, height in ((60, 20), (200, 60), (80, 24)):
        tmux.resize(width, height)
        wait_for_size(tmux, width, height)
    tmux("set-option", "-g", "status", "off")
    tmux("set-option", "-w", "window-size", "latest")
    for size in ((100, 30), (70, 22)):
        terminal = Terminal(["/bin/sh", "-c", f"exec tmux -S {tmux.socket} attach"], tmux.environment, size)
        try:
            wait_for_size(tmux, *size)
            assert b"quit" in terminal.read(b"quit")
        finally:
            terminal.close()
    tmux.press("q")
    tmux.wait_for("ssh ended with 0")


def wait_for_size(tmux: Tmux, width: int, height: int) -> None:
    """Rules across the whole width, and the footer in the last row."""
    deadline = time.monotonic() + 10
    while True:
        lines = tmux.screen().split("\n")[:-1]
        rules = {len(line) for line in lines if line.startswith("─")}
        if len(lines) == height and rules == {width} and "? help q quit" in lines[-1]:
            return
        assert time.monotonic() < deadline, (
            f"{len(lines)} lines, rules of {rules}, not {width}x{height}:\n" + "\n".join(lines)
        )
        time.sleep(0.1)
