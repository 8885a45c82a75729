"""Training in several processes, one a device, under torchrun: the engine's side. The other side is train_rank.py.

The first process reports each event and waits for an answer, so that the journal is never behind a saved state: to
continue, to stop (save and end), or nothing at all when the engine is gone (end at once).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Generator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rvc_engine.common.lines import Line
from rvc_engine.common.opening import read_text
from rvc_engine.errors import RvcError
from rvc_engine.events import Event, Gpus
from rvc_engine.machine import memory_samples
from rvc_engine.machine.children import Child
from rvc_engine.machine.cpu import cores
from rvc_engine.messages import NOTHING, Message
from rvc_engine.settings import ExperimentSettings
from rvc_engine.training.recovery import TrainingFault
from rvc_engine.training.train_config import TrainConfig

END_S = 60.0


@dataclass(frozen=True)
class Proceed(Line):
    """To an event of the first process: what to do after it."""

    stop: bool = False


@dataclass(frozen=True)
class MemoryHeld(Line):
    """Of the first process: what all of them hold on their GPUs, as MemorySampled.gpus."""

    gpus: Gpus = field(default_factory=list)


@dataclass(frozen=True)
class Spec:
    """What each process gets. `safe`: TF32 and cuDNN stay off."""

    folder: str
    home: str
    settings: ExperimentSettings
    train_config: TrainConfig
    devices: list[str]
    again: bool
    safe: bool = False

    def write(self, path: Path) -> None:
        plain = {
            "folder": self.folder,
            "home": self.home,
            "settings": self.settings.model_dump(),
            "train_config": asdict(self.train_config),
        }
        path.write_text(json.dumps({**plain, "devices": self.devices, "again": self.again, "safe": self.safe}))

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
        child = _start(spec, path)
        try:
            return (yield from _follow(child))
        except GeneratorExit:
            _stop(child)
            raise
        finally:
            child.end(END_S)
            memory_samples.of_children.clear()


def _start(spec: Spec, path: Path) -> Child:
    count = len(spec.devices)
    words = ["--standalone", f"--nproc-per-node={count}", "--max-restarts=0", "-m", "rvc_engine.work.train_rank"]
    variables = {"OMP_NUM_THREADS": str(spec.settings.train.threads or max(1, cores() // count))}
    if "GLOO_SOCKET_IFNAME" not in os.environ:
        variables["GLOO_SOCKET_IFNAME"] = "lo0" if sys.platform == "darwin" else "lo"
    return Child.over_stdout("torch.distributed.run", [*words, str(path)], variables)


def _follow(child: Child) -> Generator[Event, None, TrainingFault | None]:
    fault: TrainingFault | None = None
    for line in child.lines():
        if isinstance(line, Event):
            yield line
            child.send(Proceed())
        elif isinstance(line, MemoryHeld):
            memory_samples.of_children[:] = line.gpus
        elif isinstance(line, TrainingFault):
            fault = fault or line
    code = child.wait()
    if child.error is not None:
        raise child.error
    if fault is None and code:
        raise RvcError("work.process_ended", status=code)
    return fault


def _stop(child: Child) -> None:
    """The event at hand is answered by stop; more of them may come before the end. Raises RvcError when they end
    without saving."""
    child.send(Proceed(stop=True))
    for line in child.lines():
        if isinstance(line, Event):
            child.send(Proceed(stop=True))
    code = child.wait(END_S)
    if code != 0:
        why = child.error.message if child.error is not None else NOTHING
        how = Message("work.did_not_end") if code is None else Message("work.exit_code", status=code)
        raise RvcError("work.processes_did_not_save", why or how)
