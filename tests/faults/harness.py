"""Real engine processes for the fault suite: started, watched, killed, and what they leave compared with an untouched
run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import torch

from rvc_engine.common.lock import live_holder
from rvc_engine.events import ENDS, Event, StageFinished, StageStarted, TrainStepped, from_dict
from rvc_engine.experiment import Experiment, journals
from rvc_engine.registry import PITCH_TRACKERS
from rvc_engine.run import launcher
from rvc_engine.run.journal import history, read, steps_once
from rvc_engine.run.stage_list import stages_of
from rvc_engine.settings import ExperimentSettings, apply, for_preset
from rvc_engine.workspace import Workspace
from tests.conftest import Rvc

NAME = "voice"
EPOCHS = 4
SETTINGS = {
    "pitch.method": "harvest" if PITCH_TRACKERS.get("harvest").is_installed() else "praat",  # slow: to be killed in
    "preprocess.workers": "2",
    "pitch.workers": "2",
    "train.batch_size": "2",
    "train.threads": "1",
    "train.epochs": str(EPOCHS),
    "train.lr_decay": "0.999875",  # the same rates for any number of epochs
    "train.precision": "fp32",
    "train.save_every": "1",
    "train.keep_last": "0",
}
LONG_S = 180.0
BEFORE_TRAINING = ("0_gt_wavs", "1_16k_wavs", "2a_f0", "2b-f0nsf", "2c-voiced", "3_feature256")
KEPT_BEFORE_TRAINING = (*BEFORE_TRAINING, "mute", "clips.csv", "sources.csv", "experiment.toml")


def settings_for(dataset: Path, **changes: str) -> ExperimentSettings:
    """The tiny voice of the suite. `changes`: STAGE__KEY="value"."""
    settings = for_preset("starter-tiny", dataset=str(dataset))
    for key, value in {**SETTINGS, **{name.replace("__", "."): value for name, value in changes.items()}}.items():
        apply(settings, key, value)
    return settings


def events_in(output: str) -> list[Event]:
    """What `--json` printed."""
    found = [from_dict(json.loads(line)) for line in output.splitlines() if line.startswith("{")]
    return [event for event in found if event is not None]


@contextmanager
def faults(text: str) -> Iterator[None]:
    """RVC_FAULTS for the processes that are started inside."""
    os.environ["RVC_FAULTS"] = text
    try:
        yield
    finally:
        del os.environ["RVC_FAULTS"]


class Voice:
    """The experiment `voice` in a workspace of its own."""

    def __init__(self, home: Path, name: str = NAME) -> None:
        self.home, self.name, self.rvc = home, name, Rvc(home)
        self.experiment = Workspace(home).experiment(name)

    def run(self, *words: str | Path, command: str = "run") -> subprocess.CompletedProcess[str]:
        """`rvc run voice --json` to its end."""
        return self.rvc(command, self.name, *words, "--json", timeout=LONG_S)

    def finish(self, *words: str | Path, command: str = "run") -> list[Event]:
        """A run that must succeed; its events."""
        done = self.run(*words, command=command)
        assert done.returncode == 0, f"exit {done.returncode}: {done.stdout[-800:]} {done.stderr[-800:]} {self.log()}"
        return events_in(done.stdout)

    def log(self) -> str:
        path = self.experiment.engine_log
        return path.read_text(errors="replace")[-2000:] if path.is_file() else ""

    def start(self, settings: ExperimentSettings | None = None) -> launcher.RunningEngine:
        """An engine under its supervisor, in a session of its own, as `rvc run --detach` starts it."""
        settings = settings or self.experiment.load_settings()
        return launcher.start(self.experiment, settings, [stage.name for stage in stages_of(settings)])

    def events(self) -> list[Event]:
        return list(history(self.experiment.runs))

    def last_run(self) -> list[Event]:
        return list(read(journals(self.experiment.runs)[-1]))

    def checkpoints(self) -> list[Path]:
        """Every file that training can resume from, newest first."""
        found = [self.experiment.path(name) for name in ("resume.pt", "resume-previous.pt")]
        pairs = sorted(
            self.experiment.folder.glob("[GD]_[0-9]*.pth"), key=lambda p: (-int(p.stem[2:]), p.name[0] != "G")
        )
        return [path for path in (*found, *pairs) if path.is_file()]

    def saving(self) -> bool:
        """Is a checkpoint half written at this moment?"""
        patterns = (".resume.pt.*", ".[GD]_*.pth.*")
        return any(path for pattern in patterns for path in self.experiment.folder.glob(pattern))

    def leftovers(self) -> list[Path]:
        return [*self.experiment.folder.rglob("*.part"), *self.experiment.workspace.weights.glob(".*.part")]

    def steps(self) -> list[int]:
        """The step numbers of the history of all runs, superseded records dropped."""
        return [event.step for event in steps_once(self.events()) if isinstance(event, TrainStepped)]


def wait_for(condition: Callable[[], bool], what: str, limit_s: float = 120.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {limit_s:.0f} s for {what}"
        time.sleep(0.005)


def has(engine: launcher.RunningEngine, kind: type[Event], **values: object) -> bool:
    """Did this run tell such an event?"""
    return any(
        isinstance(e, kind) and all(getattr(e, key) == value for key, value in values.items())
        for e in read(engine.journal)
    )


def ended(engine: launcher.RunningEngine) -> bool:
    return has(engine, Event) and any(isinstance(event, ENDS) for event in read(engine.journal))


def stage_under_way(path: Path) -> str:
    """The stage that a journal ends in; empty between two."""
    stage = ""
    for event in read(path):
        if isinstance(event, StageStarted):
            stage = event.stage
        elif isinstance(event, StageFinished):
            stage = ""
    return stage


def kill(engine: launcher.RunningEngine, *, with_supervisor: bool = False) -> None:
    """kill -9 and wait until nothing of the run is left."""
    assert engine.process is not None
    children = psutil.Process(engine.pid).children(recursive=True)
    if with_supervisor:
        engine.process.kill()
    os.kill(engine.pid, signal.SIGKILL)
    engine.process.wait(60)
    wait_for(lambda: not psutil.pid_exists(engine.pid) or _is_zombie(engine.pid), "the engine's end")
    _, left = psutil.wait_procs(children, timeout=10)
    assert not left, left
    # A killed process is a zombie before its last thread has ended and its files are closed: its lock is free a moment
    # later.
    wait_for(lambda: live_holder(engine.experiment.lock) is None, "the end of its lock")


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def workers_of(engine: launcher.RunningEngine) -> list[psutil.Process]:
    """Children of the server that the engine forks them from."""
    try:
        servers = [
            p for p in psutil.Process(engine.pid).children() if any("forkserver" in word for word in p.cmdline())
        ]
        return [worker for server in servers for worker in server.children()]
    except psutil.NoSuchProcess:
        return []


# --- copies and comparison -------------------------------------------------------------------------
def copy_prepared(source: Experiment, home: Path) -> Voice:
    """The experiment as it was before it was trained."""
    voice = Voice(home)
    for name in KEPT_BEFORE_TRAINING:
        path, goal = source.path(name), voice.experiment.path(name)
        goal.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, goal)
        else:
            shutil.copy2(path, goal)
    voice.experiment.receipts.mkdir()
    for stage in ("preprocess", "pitch", "features"):
        shutil.copy2(source.receipts / f"{stage}.json", voice.experiment.receipts)
    return voice


def copy_whole(source: Voice, home: Path) -> Voice:
    shutil.copytree(source.home, home, dirs_exist_ok=True)
    return Voice(home)


def differences(voice: Voice, reference: Voice) -> list[str]:
    """What differs from the untouched run: clips, pitch, features and index by bytes, weights tensor by tensor."""
    found = clip_differences(voice, reference)
    found += weight_differences(voice.experiment.small_model, reference.experiment.small_model)
    ours, theirs = ({p.name: p.read_bytes() for p in v.experiment.indexes()} for v in (voice, reference))
    return found + [f"index {file}" for file in sorted({*ours, *theirs}) if ours.get(file) != theirs.get(file)]


def clip_differences(voice: Voice, reference: Voice) -> list[str]:
    """What differs in the clips, their pitch and their features, by bytes."""
    found = []
    for name in BEFORE_TRAINING:
        ours, theirs = (_bytes_in(v.experiment.path(name)) for v in (voice, reference))
        found += [f"{name}/{file}" for file in sorted({*ours, *theirs}) if ours.get(file) != theirs.get(file)]
    return found


def _bytes_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} if folder.is_dir() else {}


def weight_differences(ours: Path, theirs: Path) -> list[str]:
    a, b = (torch.load(path, map_location="cpu", weights_only=True)["weight"] for path in (ours, theirs))
    return [
        f"weight {key}" for key in sorted({*a, *b}) if key not in a or key not in b or not torch.equal(a[key], b[key])
    ]


# --- damage ----------------------------------------------------------------------------------------
def truncate(path: Path, seed: int = 0) -> str:
    size = path.stat().st_size
    keep = int(np.random.default_rng(seed).integers(0, size))
    os.truncate(path, keep)
    return f"{path.name} cut to {keep} of {size} bytes"


def flip_bit(path: Path, seed: int = 0) -> str:
    """One bit inside a stored tensor's numbers, where nothing but a check sum notices."""
    import zipfile

    rng = np.random.default_rng(seed)
    with zipfile.ZipFile(path) as archive:
        largest = max(archive.infolist(), key=lambda entry: entry.file_size)
    content = bytearray(path.read_bytes())
    start = (
        largest.header_offset
        + 30
        + int.from_bytes(content[largest.header_offset + 26 : largest.header_offset + 28], "little")
    )
    start += int.from_bytes(content[largest.header_offset + 28 : largest.header_offset + 30], "little")
    place, bit = start + int(rng.integers(0, largest.file_size)), int(rng.integers(0, 8))
    content[place] ^= 1 << bit
    path.write_bytes(content)
    return f"bit {bit} of byte {place} of {path.name} flipped"
