"""The scenes with texts of somebody who means harm: names, paths, facts, journal, answers of the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pretended
from pretended import T0
from snapshot_app import client_of

from rvc_engine import events as ev
from rvc_engine.client.engine_client import Answer
from rvc_engine.client.state import Row
from rvc_tui.app import RvcApp
from tests.hostile.text import FILE_NAME, HOSTILE

FREE = {
    "name",
    "path",
    "voice",
    "info",
    "problem",
    "licence",
    "author",
    "encoder",
    "version",
    "encoder_is",
    "program",
    "outcome",
    "words",
    "found",
    "advice",
    "codec",
    "channel_kind",
    "unusable",
    "url",
    "why_it_matters",
    "fix",
    "suggestion_reason",
    "suggested_presets",
    "files",
    "source",
    "item",
    "reason",
    "reasons",
    "title",
    "message",
    "hint",
    "device",
    "precision",
    "index",
    "error",
    "folder",
    "unit",
    "stages",
    "preset",
    "artefacts",
}
KEPT = {"v2", "v1"}


def poisoned(value: Any, key: str = "") -> Any:
    """What may be any text holds a hostile one at its end; words that the program itself chooses between stay."""
    if isinstance(value, str):
        return value + HOSTILE if key in FREE and value not in KEPT else value
    if isinstance(value, dict):
        rows = {name: poisoned(item, name) for name, item in value.items()}
        return {f"{name}{HOSTILE}": f"{item}{HOSTILE}" for name, item in rows.items()} if key == "other" else rows
    if isinstance(value, Answer):
        return Answer(poisoned(value.data, "words"), value.problem and value.problem + HOSTILE)
    if isinstance(value, list | tuple):
        items = [poisoned(item, key) for item in value]
        return type(value)(items) if type(value) in (list, tuple) else value
    return value


def poisoned_event(event: ev.Event) -> ev.Event:
    texts = {name: poisoned(value, name) for name, value in vars(event).items() if name in FREE and name != "stages"}
    return replace(event, **texts)


def more_events(at: float) -> list[ev.Event]:
    """What a journal that somebody wrote by hand may hold."""
    stage = f"train{HOSTILE}"
    return [
        ev.StageStarted(at=at, stage=stage, reason=HOSTILE),
        ev.Progressed(at=at, stage=stage, done=1, total=2, unit=HOSTILE, item=HOSTILE),
        ev.ItemSkipped(at=at, stage=stage, item=HOSTILE, reason=HOSTILE),
        ev.Warned(at=at, title=HOSTILE, message=HOSTILE, hint=HOSTILE),
        ev.MovedAside(at=at, stage=stage, path=HOSTILE, reason=HOSTILE),
        ev.CheckpointSaved(at=at, path=HOSTILE, kind="small", epoch=1, step=1),
        ev.Audition(at=at, epoch=1, step=1, clip=HOSTILE, path=HOSTILE, target=HOSTILE, picture=HOSTILE),
        ev.StageFinished(at=at, stage=stage, seconds=1.0),
        ev.StageStarted(at=at, stage="train", reason=HOSTILE),
        ev.TrainStepped(
            at=at,
            step=1000,
            epoch=1,
            epochs=2,
            losses={HOSTILE: 1.0},
            learning_rate=1e-4,
            grad_norms={HOSTILE: 1.0},
            seconds=0.5,
        ),
        ev.Paused(at=at, stage="train", reason=HOSTILE),
    ]


class HostileClient(pretended.PretendedClient):
    """A pretended engine that reports its data, poisoned."""

    @property
    def folder(self) -> str:
        return "." if Path("audition").is_dir() else f"{self.home}/logs/{self.name}"

    def rows(self) -> list[Row]:
        return [Row(name, f"starter{HOSTILE}", "idle", T0) for name in self.others]


def poison(app: RvcApp) -> RvcApp:
    client = client_of(app)
    usual_outlook, usual_machine = client.outlook, client.machine
    client.__class__ = HostileClient
    client.name += HOSTILE
    client.home = Path(f"/home/me/work{FILE_NAME}")
    client.others = [f"{name}{HOSTILE}" for name in client.others]
    client.dataset += HOSTILE
    client.kept.dataset = client.dataset
    client.kept.train.pretrained_g = HOSTILE
    client.waiting = [poisoned_event(event) for event in client.waiting]
    if client.waiting:
        ends = isinstance(client.waiting[-1], ev.ENDS)
        client.waiting[-1 if ends else len(client.waiting) :] = [
            *more_events(client.waiting[-1].at),
            *client.waiting[-1:] * ends,
        ]
    client.answers = {_again(key): poisoned(answer) for key, answer in client.answers.items()}

    def outlook() -> Any:
        usual = usual_outlook()
        plan = tuple((stage, action, reason + HOSTILE) for stage, action, reason in usual.plan)
        return replace(
            usual,
            preset=f"starter{HOSTILE}",
            plan=plan,
            advice=poisoned(usual.advice),
            missing=(HOSTILE,),
            rows=tuple(client.rows()),
        )

    def machine() -> Any:
        usual = usual_machine()
        return replace(
            usual,
            gpus=tuple(replace(gpu, name=gpu.name + HOSTILE) for gpu in usual.gpus),
            no_gpu=usual.no_gpu + HOSTILE,
        )

    client.outlook, client.machine = outlook, machine  # type: ignore[method-assign]
    app.session.begin(client)
    return app


def _again(words: str) -> str:
    """Commands about the experiment, or its recordings, name it by its new name."""
    return words + HOSTILE if words.startswith("dataset /") else words


def made_hostile(make: Callable[[], RvcApp]) -> Callable[[], RvcApp]:
    return lambda: poison(make())
