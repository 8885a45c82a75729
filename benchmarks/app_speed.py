"""How quick and how quiet the app is: first paint, key to repaint during a training, bytes on the line, replay, memory.

`python benchmarks/app_speed.py [--seconds 30] [--json FILE] [--only WORD]...` prints a table with the aims. Needs a
pseudo-terminal and about six minutes; what else runs on the machine counts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from terminal import Terminal  # noqa: E402

from rvc_engine import events as ev  # noqa: E402
from rvc_engine.client.state import ScreenState  # noqa: E402
from rvc_engine.common.lock import RunLock  # noqa: E402
from rvc_engine.experiment import Experiment, journals  # noqa: E402
from rvc_engine.run.journal import Journal, JournalReader  # noqa: E402
from rvc_engine.settings import for_preset  # noqa: E402
from rvc_engine.workspace import Workspace  # noqa: E402

STAGES = ["preprocess", "pitch", "features", "train", "index"]
LOSSES = {"total": 60.0, "mel": 30.0, "kl": 2.0, "feature": 9.0, "adversarial": 3.0, "discriminator": 3.5}
SIZES = ((80, 24), (200, 60))
LINES = {"": 10.0, "--low-bandwidth": 2.0}  # the flag, and the aim in KiB/s
SMOOTH = ("0.987", "raw", "0.6", "0.9")  # what `o` goes through on the train screen
STARTS = 9


@dataclass(frozen=True)
class Row:
    """A line of the table. `aim`: at most so much; None where none is set."""

    what: str
    value: float
    unit: str
    aim: float | None = None
    more: str = ""

    @property
    def verdict(self) -> str:
        return "" if self.aim is None else "met" if self.value < self.aim else "MISSED"

    def __str__(self) -> str:
        aim = "" if self.aim is None else f"< {self.aim:g}"
        return f"| {self.what} | {self.value:.3g} {self.unit} | {aim} | {self.verdict} | {self.more} |"


# --- trainings --------------------------------------------------------------------------------------------------------
def rvc(home: Path, *words: str) -> None:
    command = [sys.executable, "-m", "rvc_engine", *words, "--home", str(home)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("OMP_NUM_THREADS", None)
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)


def steps_of(experiment: Experiment) -> list[ev.TrainStepped]:
    files = journals(experiment.runs)
    return (
        [event for event in JournalReader(files[-1]).read_new() if isinstance(event, ev.TrainStepped)] if files else []
    )


@contextmanager
def training(home: Path, threads: int = 2) -> Iterator[Experiment]:
    """A real training of the starter that has begun its steps, with so many threads."""
    settings = ["--preset", "starter", "--set", "train.epochs=1000", "--set", f"train.threads={threads}"]
    rvc(home, "run", "busy", "--dataset", str(ROOT / "samples" / "target"), *settings, "--detach")
    experiment = Workspace(home).experiment("busy")
    while len(steps_of(experiment)) < 5:
        time.sleep(1)
    try:
        yield experiment
    finally:
        rvc(home, "stop", "busy")


def step(number: int, at: float = 0.0) -> ev.TrainStepped:
    losses = {name: value * (1 + (number * 7919 % 100) / 200) for name, value in LOSSES.items()}
    return ev.TrainStepped(
        at=at or 1e9 + number,
        step=number,
        epoch=1 + number // 100,
        epochs=99999,
        losses=losses,
        learning_rate=1e-4,
        grad_norms={"g": 30.0 + number % 17, "d": 5.0},
        seconds=0.1,
    )


def begun(run: int, at: float = 0.0) -> list[ev.Event]:
    start = ev.RunStarted(
        run=run,
        name="fast",
        folder="",
        pid=os.getpid(),
        host="h",
        version="0",
        preset="starter",
        stages=STAGES,
        supervisor=1,
        at=at,
    )
    return [start, ev.StageStarted(stage="train", at=at)]


@contextmanager
def fast_training(home: Path, steps_a_second: float = 10.0) -> Iterator[Experiment]:
    """A journal that grows as that of a training on a GPU does; it has run for a while."""
    experiment = Workspace(home).experiment("fast")
    experiment.save_settings(for_preset("starter", dataset="/none"))
    lock, done = RunLock(experiment.lock), threading.Event()
    lock.acquire()
    number, journal = Journal.next_in(experiment.runs)
    now = time.time()
    for event in [*begun(number, now - 200), *(step(i, now - 200 + i / steps_a_second) for i in range(1, 2000))]:
        journal.append(event)

    def write() -> None:
        count = 2000
        while not done.wait(1 / steps_a_second):
            journal.append(step(count, time.time()))
            journal.append(ev.Progressed(stage="train", done=count, total=100_000, unit="steps"))
            count += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield experiment
    finally:
        done.set()
        writer.join()
        journal.close()
        lock.release()


# --- what is measured -------------------------------------------------------------------------------------------------
def first_paint(home: Path) -> Iterator[Row]:
    times = []
    for _ in range(STARTS):
        terminal = Terminal(home)
        terminal.until("rvc-tui")
        times.append(time.monotonic() - terminal.started)
        terminal.read(0.5)
        terminal.close()
    yield Row(
        "first paint", median(times), "s", 0.7, f"median of {STARTS} starts, {min(times):.2f} to {max(times):.2f}"
    )


def replay(home: Path, count: int = 100_000) -> Iterator[Row]:
    """As a user sees it: the app is started, 6 is pressed, the last step stands on the train screen."""
    experiment = Workspace(home).experiment("long")
    experiment.save_settings(for_preset("starter", dataset="/none"))
    with Journal.next_in(experiment.runs)[1] as journal:
        for event in [*begun(1), *(step(number) for number in range(count))]:
            journal.append(event)
    terminal = Terminal(home, "long")
    terminal.until("rvc-tui")
    terminal.type("6")
    terminal.until(f"step {count - 1}", 120.0)
    seconds, busy = time.monotonic() - terminal.started, terminal.cpu_seconds()
    terminal.close()
    shutil.rmtree(experiment.folder)
    more = f"from the start of the app to the last step on the train screen; {busy:.1f} s of CPU time"
    yield Row(f"replay of {count:,} events", seconds, "s", 3.0, more)


def memory(home: Path, count: int = 1_000_000) -> Iterator[Row]:
    """Resident bytes after so many events."""
    state, process, seen = ScreenState(), psutil.Process(), []
    for number in range(count):
        state.fold([step(number)])
        if number + 1 in (count // 10, count):
            seen.append(process.memory_info().rss / 1e6)
    yield Row(
        f"memory from {count // 10:,} to {count:,} events",
        seen[1] - seen[0],
        "MB",
        10.0,
        f"{seen[0]:.0f} to {seen[1]:.0f} MB",
    )


def keys(home: Path) -> Iterator[Row]:
    """From a key to the repaint that shows what it does, while a training takes every core."""
    with training(home):
        for name in "abcdef":
            Workspace(home).experiment(name).save_settings(for_preset("starter", dataset="/none"))
        for where, press in (("list of experiments", list_keys), ("train screen", chart_keys)):
            terminal = Terminal(home, "busy")
            times = sorted(press(terminal))
            terminal.close()
            slow = 1000 * times[int(0.95 * len(times))]
            yield Row(
                f"key to repaint, {where}",
                slow,
                "ms",
                100.0,
                f"95 % of {len(times)} keys; median {1000 * median(times):.0f}",
            )


def list_keys(terminal: Terminal) -> Iterator[float]:
    terminal.until("7 ")
    terminal.until("of 7")
    terminal.type("g")
    terminal.until("1 of 7")
    for number in range(100):
        terminal.read(0.05 + number % 7 / 50)
        yield terminal.press("jk"[number % 2], f"{2 - number % 2} of 7")


def chart_keys(terminal: Terminal) -> Iterator[float]:
    terminal.train_screen()
    for number in range(100):
        terminal.read(0.05 + number % 7 / 50)
        wanted = SMOOTH[number % 4]
        yield terminal.press("o", f"Losses: {wanted}," if wanted == "raw" else f"Losses: smoothing {wanted},")


def line(home: Path, seconds: float, name: str, what: str, experiment: Experiment) -> Iterator[Row]:
    """Bytes a second on the train screen with live curves, for both sizes and both lines."""
    for size in SIZES:
        for flag, aim in LINES.items():
            terminal = Terminal(home, name, *([flag] if flag else []), size=size)
            terminal.train_screen()
            terminal.read(3.0)
            terminal.took.clear()
            before, busy = len(steps_of(experiment)), terminal.cpu_seconds()
            terminal.read(seconds)
            steps, busy = (len(steps_of(experiment)) - before) / seconds, terminal.cpu_seconds() - busy
            total, painted = sum(count for _, count in terminal.took), terminal.repaints()
            terminal.close()
            size_words = f"{size[0]}x{size[1]}{' ' + flag if flag else ''}"
            more = (
                f"{painted / seconds:.1f} repaints/s, largest second {terminal.largest_second() / 1024:.1f} KiB, "
                f"{steps:.1f} steps/s"
            )
            yield Row(f"{what}, {size_words}", total / 1024 / seconds, "KiB/s", aim, more)
            yield Row(f"CPU, {what}, {size_words}", busy / seconds, "s/s")


def real_line(home: Path, seconds: float) -> Iterator[Row]:
    with training(home, threads=1) as experiment:
        yield from line(home, seconds, "busy", "line, real training", experiment)


def fast_line(home: Path, seconds: float) -> Iterator[Row]:
    with fast_training(home) as experiment:
        yield from line(home, seconds, "fast", "line, 10 steps/s", experiment)


# --- the table --------------------------------------------------------------------------------------------------------
def facts() -> dict[str, str]:
    model = next(
        (row.partition(":")[2].strip() for row in read_lines("/proc/cpuinfo") if row.startswith("model name")),
        platform.machine(),
    )
    commit = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return {
        "CPU": f"{model}, {os.cpu_count()} cores",
        "load": f"{os.getloadavg()[0]:.1f} before",
        "python": platform.python_version(),
        "commit": commit or "unknown",
        "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime()) + " UTC",
    }


def read_lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:  # no Linux
        return []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long bytes are counted")
    parser.add_argument("--json", metavar="FILE", help="write facts and rows there too")
    parser.add_argument("--only", metavar="PART", action="append", help="paint, replay, memory, fast, real, keys")
    options = parser.parse_args()
    parts: dict[str, Callable[[Path], Iterator[Row]]] = {
        "paint": first_paint,
        "replay": replay,
        "memory": memory,
        "fast": lambda home: fast_line(home, options.seconds),
        "real": lambda home: real_line(home, options.seconds),
        "keys": keys,
    }
    about, rows = facts(), []
    print(*(f"{name}: {value}" for name, value in about.items()), sep="\n")
    print("\n| what | measured | aim | | |\n|---|---|---|---|---|")
    for name, measure in parts.items():
        if options.only and name not in options.only:
            continue
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            for row in measure(Path(folder)):
                rows.append(row)
                print(row, flush=True)
    if options.json:
        records = [{**asdict(row), "verdict": row.verdict} for row in rows]
        Path(options.json).write_text(json.dumps({**about, "rows": records}, indent=1) + "\n")
    return int(any(row.verdict == "MISSED" for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
