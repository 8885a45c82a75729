"""Terminals for the real app: a tmux server with one window, and a bare pseudo-terminal whose bytes are kept."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from rvc_engine.workspace import Workspace
from tests.conftest import ROOT, rvc_environment

needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Tmux:
    """A server of its own with one window."""

    def __init__(self, folder: Path, size: tuple[int, int] = (80, 24)) -> None:
        self.folder, self.home = folder, folder / "home"
        self.opened = 0
        self.home.mkdir()
        self.size = size
        self.environment = {**rvc_environment(), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "SHELL": "/bin/sh"}

    def __call__(self, *words: str) -> str:
        command = ["tmux", "-S", self.socket, "-f", "/dev/null", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=self.environment).stdout

    @property
    def socket(self) -> str:
        """A new one each time: a server that was killed may hold its own for a moment."""
        return str(self.folder / f"tmux{self.opened}")

    @property
    def command(self) -> str:
        """The app, as a shell starts it."""
        return f"{sys.executable} -m rvc_tui --home {self.home}"

    def open(self, command: str = "") -> None:
        """A window with the app, or with another command; a shell follows it."""
        self.opened += 1
        shell = f"{command or self.command}; exec sh"
        self("new-session", "-d", "-x", str(self.size[0]), "-y", str(self.size[1]), "-c", str(ROOT), shell)

    def press(self, *keys: str) -> None:
        for key in keys:
            self("send-keys", key)
            time.sleep(0.15)

    def type(self, text: str) -> None:
        self("send-keys", "-l", text)
        time.sleep(0.15)

    def screen(self) -> str:
        return self("capture-pane", "-p")

    def wait_for(self, *words: str, limit_s: float = 60.0) -> str:
        """The screen once one of these words is on it."""
        deadline = time.monotonic() + limit_s
        while not any(word in (seen := self.screen()) for word in words):
            assert time.monotonic() < deadline, f"none of {words} within {limit_s:.0f} s:\n{seen}"
            time.sleep(0.1)
        return seen

    def resize(self, width: int, height: int) -> None:
        self("resize-window", "-x", str(width), "-y", str(height))

    def app(self) -> psutil.Process:
        """The process of the app, below the window's shell."""
        window = psutil.Process(int(self("display-message", "-p", "#{pane_pid}")))
        return next(p for p in [window, *window.children(recursive=True)] if "rvc_tui" in p.cmdline())

    def close(self) -> None:
        """Also the runs of its workspace."""
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True, check=False)
        for experiment in Workspace(self.home).experiments():
            stop = [sys.executable, "-m", "rvc_engine", "stop", experiment.name, "--home", str(self.home)]
            subprocess.run(stop, env=rvc_environment(), capture_output=True, check=False)


@contextmanager
def tmux_in(folder: Path) -> Iterator[Tmux]:
    server = Tmux(folder)
    try:
        yield server
    finally:
        server.close()


class Terminal:
    """A pseudo-terminal with a program in it. `got`: every byte that it wrote."""

    def __init__(self, words: list[str], environment: Mapping[str, str], size: tuple[int, int] = (80, 24)) -> None:
        self.got = b""
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
                os.chdir(ROOT)
                os.execve(words[0], words, dict(environment))
            finally:
                os._exit(127)

    def read(self, word: bytes = b"", limit_s: float = 20.0) -> bytes:
        """What it writes until `word` is in it, or until the program has left the terminal."""
        got, end = b"", time.monotonic() + limit_s
        while time.monotonic() < end and (not word or word not in got):
            if select.select([self.descriptor], [], [], 0.05)[0]:
                try:
                    got += os.read(self.descriptor, 65536)
                except OSError:  # the program has ended
                    break
        self.got += got
        return got

    def type(self, keys: bytes) -> None:
        os.write(self.descriptor, keys)

    def modes(self) -> list[int]:
        """Local modes and input modes: echo, line editing, signals."""
        attributes = termios.tcgetattr(self.descriptor)
        return [attributes[0], attributes[3]]

    def hang_up(self) -> None:
        os.close(self.descriptor)

    def wait(self, limit_s: float = 20.0) -> int:
        """The exit code."""
        end = time.monotonic() + limit_s
        while (ended := os.waitpid(self.pid, os.WNOHANG)) == (0, 0):
            assert time.monotonic() < end, "it does not end"
            time.sleep(0.02)
        return os.waitstatus_to_exitcode(ended[1])

    def close(self) -> None:
        with suppress(ProcessLookupError, ChildProcessError):
            if os.waitpid(self.pid, os.WNOHANG) == (0, 0):
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
        with suppress(OSError):
            os.close(self.descriptor)
