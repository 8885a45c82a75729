"""A pretended engine for the app's tests: events are put in by hand, time stands still."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rvc_engine import events as ev
from rvc_engine.client.engine_client import Answer, Ended, Update
from rvc_engine.client.machine import Machine
from rvc_engine.client.state import Outlook, Row
from rvc_engine.common.lines import Line
from rvc_engine.messages import Message
from rvc_engine.settings import ExperimentSettings, apply, for_preset

T0 = 1_700_000_000.0
NO_DRIVER = Message("machine.no_driver", reason="NVML Shared Library Not Found")
STAGES = ["preprocess", "pitch", "features", "train", "index"]
ADVICE: dict[str, Any] = {
    "device": "cpu",
    "name": "CPU",
    "memory_total_bytes": 16 << 30,
    "memory_free_bytes": 12 << 30,
    "memory_others_bytes": 4 << 30,
    "preset": "starter",
    "precision": "fp32",
    "minutes": 3.0,
    "source": "table",
    "batch": [],
    "largest": 90,
    "recommended": 4,
    "reasons": [Message("machine.short_windows")],
    "error_percent": None,
}


@dataclass
class PretendedClient:
    name: str = "alice"
    home: Path = Path("/home/me/work")
    clock: float = T0 + 100
    alive: bool = False
    waiting: list[ev.Event] = field(default_factory=list)
    dataset: str = "/home/me/recordings/alice"
    answer: str = ""  # of start and stop
    calls: list[tuple[str, ...]] = field(default_factory=list)
    others: list[str] = field(default_factory=lambda: ["alice", "bob"])
    answers: dict[str, Any] = field(default_factory=dict)  # what `ask` and `stream` give, by the first two words
    queue_pid: int = 0
    kept: ExperimentSettings = field(default_factory=lambda: for_preset("starter"))

    @property
    def folder(self) -> str:
        return f"{self.home}/logs/{self.name}"

    def poll(self) -> Update:
        events, self.waiting = self.waiting, []
        return Update(events, self.alive, more=bool(events))

    def spelled(self) -> str:
        return self.name

    def start(self, words: list[str]) -> str:
        self.calls.append(("start", *words))
        return self.answer

    def stop(self) -> str:
        self.calls.append(("stop",))
        return self.answer

    def outlook(self) -> Outlook:
        plan = tuple((name, "start" if name == "preprocess" else "after", "not done yet") for name in STAGES)
        return Outlook(
            self.dataset,
            "starter",
            plan,
            "" if self.dataset else "a new experiment: n chooses the recordings",
            ADVICE,
            tuple(self.rows()),
        )

    def machine(self) -> Machine:
        return Machine(self.clock, (), NO_DRIVER, 12.0, 16 << 30, 4 << 30)

    def names(self) -> list[str]:
        return self.others

    def rows(self) -> list[Row]:
        return [Row(name, "starter", "idle", T0) for name in self.others]

    def switch(self, name: str) -> PretendedClient:
        self.calls.append(("switch", name))
        return PretendedClient(name, self.home, self.clock, calls=self.calls, others=self.others, dataset="")

    def settings(self) -> ExperimentSettings | None:
        return self.kept if self.name else None

    def change(self, key: str, value: object) -> str:
        self.calls.append(("change", key, str(value)))
        if key != "dataset":
            apply(self.kept, key, value)
        return self.answer

    def create(self, name: str, dataset: str, preset: str) -> str:
        self.calls.append(("create", name, dataset, preset))
        self.others.append(name)
        return self.answer

    def duplicate(self, name: str, new: str) -> str:
        self.calls.append(("duplicate", name, new))
        self.others.append(new)
        return self.answer

    def remove(self, name: str) -> str:
        self.calls.append(("remove", name))
        self.others.remove(name)
        return self.answer

    def ask(self, words: list[str]) -> Answer:
        self.calls.append(("ask", *words))
        answer = self.answers.get(" ".join(words[:2]), Answer(problem="not pretended"))
        assert isinstance(answer, Answer)
        return answer

    def stream(self, words: list[str]) -> Iterator[Line | Ended]:
        self.calls.append(("stream", *words))
        yield from self.answers.get(" ".join(words[:2]), [Ended()])

    def interrupt(self, command: str = "") -> bool:
        self.calls.append(("interrupt", command) if command else ("interrupt",))
        return True

    def convert(self, words: list[str]) -> tuple[str, str]:
        self.calls.append(("convert", *words[1:]))
        answer = self.answers.get("convert", [])
        return ("", answer) if isinstance(answer, str) else ("conversions/1", "")

    def conversion(self) -> str:
        return str(self.answers.get("conversion", ""))

    def follow(self, name: str) -> Iterator[list[ev.Event]]:
        self.calls.append(("follow", name))
        yield from ([event] for event in self.answers.get("convert", []))

    def stop_conversion(self, name: str) -> str:
        self.calls.append(("stop_conversion", name))
        return self.answer

    def queue_runner(self) -> int:
        return self.queue_pid

    def now(self) -> float:
        return self.clock


def started() -> list[ev.Event]:
    return [
        ev.RunStarted(
            at=T0,
            run=1,
            name="alice",
            folder="/home/me/work/logs/alice",
            pid=4242,
            host="h",
            version="0",
            preset="starter",
            stages=STAGES,
        )
    ]


def prepared() -> list[ev.Event]:
    """A run up to the start of the training."""
    return [
        *started(),
        ev.StageStarted(at=T0 + 1, stage="preprocess", reason=Message("run.not_done_yet")),
        ev.Progressed(at=T0 + 2, stage="preprocess", done=11, total=12, unit="files"),
        ev.ItemSkipped(at=T0 + 2, stage="preprocess", item="odd name.mp3", reason="it ends in the middle of a frame"),
        ev.Progressed(at=T0 + 3, stage="preprocess", done=12, total=12, unit="files"),
        ev.StageFinished(at=T0 + 3, stage="preprocess", seconds=2.4),
        ev.StageSkipped(at=T0 + 4, stage="pitch", reason=Message("run.up_to_date")),
        ev.StageStarted(at=T0 + 5, stage="features", reason=Message("run.not_done_yet")),
        ev.Progressed(at=T0 + 9, stage="features", done=80, total=80, unit="clips"),
        ev.StageFinished(at=T0 + 9, stage="features", seconds=4.0),
        ev.StageStarted(at=T0 + 10, stage="train", reason=Message("run.not_done_yet")),
    ]


def trained(steps: int) -> list[ev.Event]:
    events: list[ev.Event] = []
    for step in range(1, steps + 1):
        rate, losses = 1e-4, {"total": 60 - step / 4, "mel": 30 - step / 5, "kl": 2.0, "discriminator": 3.5}
        at = T0 + 10 + step / 2
        events.append(ev.Progressed(at=at, stage="train", done=step, total=400, unit="steps"))
        events.append(
            ev.TrainStepped(
                at=at,
                step=step,
                epoch=1 + step // 10,
                epochs=40,
                losses=losses,
                learning_rate=rate,
                grad_norms={},
                seconds=0.5,
            )
        )
    return events


def training() -> list[ev.Event]:
    return [
        *prepared(),
        ev.Warned(at=T0 + 11, title="Few recordings", message="3 minutes", stage="train"),
        *trained(100),
    ]


def finished() -> list[ev.Event]:
    paths = [
        "/home/me/work/weights/alice.pth",
        "/home/me/work/logs/alice/added_IVF9_Flat_nprobe_1_alice_starter-1.index",
    ]
    return [
        *training(),
        ev.Progressed(at=T0 + 70, stage="train", done=400, total=400, unit="steps"),
        ev.StageFinished(at=T0 + 70, stage="train", seconds=60.0),
        ev.StageStarted(at=T0 + 70, stage="index", reason=Message("run.not_done_yet")),
        ev.StageFinished(at=T0 + 72, stage="index", seconds=2.0),
        ev.RunFinished(
            at=T0 + 72, seconds=72.0, artefacts=[{"path": path, "bytes": 1, "sha256": "0"} for path in paths]
        ),
    ]


def failed() -> list[ev.Event]:
    return [
        *prepared(),
        *trained(3),
        ev.StageFailed(
            at=T0 + 14,
            stage="train",
            title="Out of memory",
            message="tried to allocate 2.0 GiB",
            hint="lower --batch-size",
        ),
    ]
