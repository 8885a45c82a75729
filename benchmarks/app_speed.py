"""How quick and how quiet the app is: first paint, key to repaint during a training, bytes on the line, replay, memory.

`python benchmarks/app_speed.py [--seconds 30]` prints a table. Needs a pseudo-terminal and about three minutes.
"""

from __future__ import annotations

import argparse
import os
import platform
import pty
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rvc_engine import events as ev  # noqa: E402
from rvc_engine.experiment import Workspace  # noqa: E402
from rvc_engine.journal import Journal, journals  # noqa: E402
from rvc_engine.settings import for_preset  # noqa: E402
from rvc_tui.engine_client import EngineClient  # noqa: E402
from rvc_tui.state import ScreenState  # noqa: E402

STAGES = ["preprocess", "pitch", "features", "train", "index"]
LOSSES = {"total": 60.0, "mel": 30.0, "kl": 2.0, "feature": 9.0, "adversarial": 3.0, "discriminator": 3.5}


class Terminal:
    """The app on a pseudo-terminal of 80x24."""

    def __init__(self, home: Path, *flags: str) -> None:
        self.started = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update({"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24", "LC_ALL": "C.UTF-8", "PYTHONPATH": str(ROOT)})
            os.execv(sys.executable, [sys.executable, "-m", "rvc_tui", "--home", str(home), *flags])

    def read(self, seconds: float) -> bytes:
        """Everything that comes within so many seconds."""
        got, end = b"", time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.fd], [], [], left)[0]:
                try:
                    got += os.read(self.fd, 1 << 16)
                except OSError:  # the app has ended
                    break
        return got

    def until(self, word: bytes, limit_s: float = 60.0) -> float:
        """Seconds until `word` is painted."""
        got, begun = b"", time.monotonic()
        while word not in got:
            if time.monotonic() - begun > limit_s:
                raise TimeoutError(f"{word!r} was not painted within {limit_s} s")
            if select.select([self.fd], [], [], 1.0)[0]:
                got = got[-200:] + os.read(self.fd, 1 << 16)
        return time.monotonic() - begun

    def press(self, key: bytes) -> float:
        """Seconds from the key to the first byte of the repaint that it causes."""
        begun = time.monotonic()
        os.write(self.fd, key)
        if not select.select([self.fd], [], [], 5.0)[0]:
            raise TimeoutError(f"{key!r} repainted nothing")
        os.read(self.fd, 1 << 16)
        return time.monotonic() - begun

    def close(self) -> None:
        os.write(self.fd, b"q")
        self.read(0.5)
        os.close(self.fd)
        os.waitpid(self.pid, 0)


@contextmanager
def training(home: Path) -> Iterator[None]:
    """A real training of the starter that has begun its steps, on every core."""
    command = [sys.executable, "-m", "rvc_engine", "run", "busy", "--home", str(home), "--dataset", str(ROOT / "samples" / "target")]
    words = ["--preset", "starter", "--set", "train.epochs=1000", "--detach"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([*command, *words], check=True, env=environment, stdout=subprocess.DEVNULL)
    experiment = Workspace(home).experiment("busy")
    while not any(isinstance(e, ev.TrainStepped) for e in EngineClient(home, "busy").poll().events):
        time.sleep(1)
    try:
        yield
    finally:
        subprocess.run([*command[:3], "stop", "busy", "--home", str(home)], check=True, env=environment, stdout=subprocess.DEVNULL)
        assert journals(experiment.runs)


def first_paint(home: Path) -> float:
    times = []
    for _ in range(7):
        terminal = Terminal(home)
        terminal.until(b"rvc-tui")
        times.append(time.monotonic() - terminal.started)
        terminal.read(0.5)
        terminal.close()
    return statistics.median(times)


def keys(home: Path, presses: int = 100) -> tuple[float, float]:
    """Median and 95th percentile of key to repaint, moving in the list of experiments."""
    terminal = Terminal(home)
    terminal.until(b"Stages")
    terminal.read(2.0)
    times = []
    for number in range(presses):
        while terminal.read(0.05):  # what the training repaints meanwhile does not count
            pass
        times.append(terminal.press(b"j" if number % 2 == 0 else b"k"))
    terminal.close()
    times.sort()
    return statistics.median(times), times[int(0.95 * len(times))]


def bytes_a_second(home: Path, seconds: float, *flags: str) -> float:
    terminal = Terminal(home, "busy", *flags)
    terminal.until(b"Stages")
    terminal.read(5.0)
    os.write(terminal.fd, b"6")  # the training screen, with its curves
    terminal.read(5.0)
    count = len(terminal.read(seconds))
    terminal.close()
    return count / seconds


def step(number: int) -> ev.TrainStepped:
    return ev.TrainStepped(
        at=1e9 + number, step=number, epoch=1 + number // 100, epochs=99999, losses=LOSSES, learning_rate=1e-4,
        grad_norms={"generator": 30.0, "discriminator": 5.0}, seconds=0.5,
    )  # fmt: skip


def replay(home: Path, count: int = 100_000) -> float:
    """Seconds to read and fold a journal of so many events, as the app does when it is opened."""
    experiment = Workspace(home).experiment("long")
    experiment.save_settings(for_preset("starter", dataset="/none"))
    with Journal.next_in(experiment.runs)[1] as journal:
        journal.append(
            ev.RunStarted(run=1, name="long", folder="", pid=1, host="h", version="0", preset="starter", stages=STAGES, keeper=1)
        )
        for number in range(count):
            journal.append(step(number))
    client, state = EngineClient(home, "long"), ScreenState()
    begun = time.monotonic()
    while (update := client.poll()).more:
        state.fold(update.events)
    assert state.view.step == count - 1
    return time.monotonic() - begun


def memory(count: int = 1_000_000) -> list[tuple[int, int]]:
    """Resident bytes after so many events."""
    state, process, seen = ScreenState(), psutil.Process(), []
    for number in range(count):
        state.fold([step(number)])
        if number + 1 in (count // 10, count // 2, count):
            seen.append((number + 1, process.memory_info().rss))
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long bytes are counted")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        for name in ("alice", "bob", "carol"):
            Workspace(folder).experiment(name).save_settings(for_preset("starter", dataset="/none"))
        print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
        print(f"first paint, median of 7                      {first_paint(folder):.2f} s   (aim 0.70)", flush=True)
        print(f"replay of 100,000 events                      {replay(folder):.2f} s   (aim 3)", flush=True)
        for count, rss in memory():
            print(f"resident memory after {count:>9,} events      {rss / 1e6:.0f} MB", flush=True)
        with training(folder):
            median, slow = keys(folder)
            print(f"key to repaint while training, median / 95 %  {1000 * median:.0f} / {1000 * slow:.0f} ms   (aim 100)", flush=True)
            print(f"bytes a second while training                 {bytes_a_second(folder, options.seconds):.0f}   (aim 10240)", flush=True)
            quiet = bytes_a_second(folder, options.seconds, "--low-bandwidth")
            print(f"bytes a second with --low-bandwidth           {quiet:.0f}   (aim 2048)", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
