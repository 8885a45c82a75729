"""Training in several processes, one a device, under torchrun: the engine's side. The other side is train_rank.py.

The first process prints each event as a line and waits for an answer, so that the journal is never behind a saved
state: "go", "stop" (save and end), or nothing at all when the engine is gone (end at once).
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rvc_engine.common.opening import read_text
from rvc_engine.errors import RvcError
from rvc_engine.events import Event, from_dict
from rvc_engine.machine.cpu import cores
from rvc_engine.machine.environment import engine_environment
from rvc_engine.settings import ExperimentSettings
from rvc_engine.training.recovery import TrainingFault
from rvc_engine.training.train_config import TrainConfig

MARK = "@rank "
END_S = 60.0


@dataclass(frozen=True)
class Spec:
    """What each process gets."""

    folder: str
    home: str
    settings: ExperimentSettings
    train_config: TrainConfig
    devices: list[str]
    again: bool

    def write(self, path: Path) -> None:
        plain = {
            "folder": self.folder,
            "home": self.home,
            "settings": self.settings.model_dump(),
            "train_config": asdict(self.train_config),
        }
        path.write_text(json.dumps({**plain, "devices": self.devices, "again": self.again}))

    @classmethod
    def read(cls, path: Path) -> Spec:
        plain: dict[str, Any] = json.loads(read_text(path))
        return cls(
            **{
                **plain,
                "settings": ExperimentSettings(**plain["settings"]),
                "train_config": TrainConfig(**plain["train_config"]),
            }
        )


def run(spec: Spec) -> Generator[Event, None, TrainingFault | None]:
    """Their events. Closing it lets them save and end. Raises RvcError when one of them fails."""
    with tempfile.TemporaryDirectory(prefix="rvc-ranks-") as folder:
        path = Path(folder) / "spec.json"
        spec.write(path)
        process = _start(spec, path)
        try:
            return (yield from _follow(process))
        except GeneratorExit:
            _stop(process)
            raise
        finally:
            _end(process)


def _start(spec: Spec, path: Path) -> subprocess.Popen[str]:
    count = len(spec.devices)
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        f"--nproc-per-node={count}",
        "--max-restarts=0",
    ]
    environment = engine_environment() | {
        "OMP_NUM_THREADS": str(spec.settings.train.threads or max(1, cores() // count))
    }
    environment.setdefault("GLOO_SOCKET_IFNAME", "lo0" if sys.platform == "darwin" else "lo")
    command += ["-m", "rvc_engine.work.train_rank", str(path)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def _follow(process: subprocess.Popen[str]) -> Generator[Event, None, TrainingFault | None]:
    assert process.stdout is not None
    fault: TrainingFault | None = None
    failure: RvcError | None = None
    for line in process.stdout:
        if not line.startswith(MARK):
            continue
        kind, content = next(iter(json.loads(line.removeprefix(MARK)).items()))
        if kind == "event":
            event = from_dict(content)
            if event is not None:
                yield event
            _answer(process, "go")
        elif kind == "fault":
            fault = fault or TrainingFault(**{**content, "clips": tuple(content["clips"])})
        else:
            failure = failure or RvcError(content["title"], content["message"], content["hint"])
    code = process.wait()
    if failure is not None:
        raise failure
    if fault is None and code:
        hint = "details are in engine.log; the same command resumes from the last checkpoint"
        raise RvcError("A training process ended", f"exit code {code}", hint)
    return fault


def _answer(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError, ValueError):
        process.stdin.write(f"{word}\n")
        process.stdin.flush()


def _stop(process: subprocess.Popen[str]) -> None:
    """The event at hand is answered by stop; more of them may come before the end. Raises RvcError when they end
    without saving."""
    assert process.stdout is not None
    why = ""
    _answer(process, "stop")
    for line in process.stdout:
        if line.startswith(MARK) and '"event"' in line[: len(MARK) + 10]:
            _answer(process, "stop")
        elif line.startswith(MARK):
            why = why or str(json.loads(line.removeprefix(MARK)).get("error", {}).get("message", ""))
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(END_S)
    if process.returncode != 0:
        code = "they did not end" if process.returncode is None else f"exit code {process.returncode}"
        hint = "the same command resumes from the last checkpoint"
        raise RvcError("The training processes were stopped and did not save", why or code, hint)


def _end(process: subprocess.Popen[str]) -> None:
    """Nothing of it is left, whatever happened."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
