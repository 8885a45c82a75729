"""Every screen and every box of the app in a state worth seeing: one table for snapshots, contrast and actions."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pretended
from pretended_assets import FINDINGS, assets_app, choose
from pretended_dataset import dataset_app, read
from pretended_queue import ENTRIES, conversion, queue_app
from pretended_training import ADVICE, training
from pretended_voices import FACTS, converted, voices_in
from snapshot_app import app_of, client_of, settle
from textual.pilot import Pilot
from textual.widgets import Input

from rvc_engine.client.engine_client import Answer
from rvc_engine.client.state import Outlook
from rvc_tui.app import RvcApp
from rvc_tui.conversion import Request
from rvc_tui.screens.convert import ConvertScreen
from rvc_tui.widgets.chart import ChartPanel

HOME = Path("/home/me/work")
Making = Callable[[], RvcApp]
Going = Callable[[Pilot[None]], Awaitable[None]]


@dataclass(frozen=True)
class Scene:
    """`make`: the app, in a working folder of its own; `ready`: waits until it is settled; then `keys` are pressed.
    `soak`: a second look at a screen that another scene shows."""

    name: str
    make: Making
    keys: tuple[str, ...] = ()
    ready: Going = settle
    soak: bool = False

    async def play(self, pilot: Pilot[None]) -> None:
        await self.ready(pilot)
        for key in self.keys:
            await pilot.press(key)
            await pilot.pause(0.02)
        await hold(pilot)


async def hold(pilot: Pilot[None]) -> None:
    """Nothing new arrives from here on, and what arrived once too often is forgotten."""
    app = pilot.app
    assert isinstance(app, RvcApp)
    app.workers.cancel_group(app, "watch")
    await pilot.pause(0.05)
    app.session.state.readings.clear()
    app.session.state.note_machine(client_of(app).machine())
    app.draw()
    for field in app.screen.query(Input):
        field.cursor_blink = False
    for chart in app.screen_stack[-1].query(ChartPanel):
        chart.redraw()
    await pilot.pause()


def idle(first: str) -> RvcApp:
    return app_of("idle", first=first)


def advised() -> RvcApp:
    """A training that knows its batch sizes."""
    app = training(gpu=True)
    client = client_of(app)
    usual = client.outlook()
    client.outlook = lambda: Outlook(usual.dataset, usual.preset, usual.plan, "", ADVICE, usual.rows)  # type: ignore[method-assign]
    return app


def voices() -> RvcApp:
    app = idle("voices")
    refused = Answer(
        problem="it is a starter-1 voice, whose network no RVC program has (a bundle works with this program)"
    )
    client_of(app).answers = {"voice list": voices_in(HOME), "voice info": Answer([FACTS]), "voice export": refused}
    return app


def converting() -> RvcApp:
    app = idle("convert")
    client_of(app).answers = {"voice list": voices_in(HOME), "convert": converted(HOME)}
    return app


async def with_request(pilot: Pilot[None]) -> None:
    """alice, three recordings, one setting changed."""
    await settle(pilot)
    app = pilot.app
    assert isinstance(app, RvcApp) and isinstance(app.displayed, ConvertScreen)
    app.displayed.request = Request(HOME, "alice", "", ["/rec/a.wav", "/rec/b.txt", "/rec/c.wav"])
    app.displayed.request.settings.transpose = 5.0
    app.draw()
    await pilot.pause()


async def with_results(pilot: Pilot[None]) -> None:
    await with_request(pilot)
    app = pilot.app
    assert isinstance(app, RvcApp) and isinstance(app.displayed, ConvertScreen)
    app.displayed.conversion.fold(converted(HOME)[:-2])
    app.displayed.shows_results = True
    app.draw()
    await pilot.pause()


ROWS, COLUMNS = 32, 80


def sung(turns: float) -> str:
    """A voice that rises and falls, with three overtones, in hexadecimal."""
    values = bytearray()
    for band in range(ROWS):
        for x in range(COLUMNS):
            base = 5 + 2 * math.sin(x * turns / COLUMNS * math.pi)
            values.append(int(255 * max(math.exp(-((band - n * base) ** 2)) / n for n in (1, 2, 3, 4))))
    return values.hex()


def with_samples() -> RvcApp:
    """Two checkpoints have spoken."""
    folder = Path("audition")
    folder.mkdir(exist_ok=True)
    for epoch, turns in ((2, 1.0), (4, 3.5)):
        picture = {
            "rows": ROWS,
            "columns": COLUMNS,
            "seconds": 4.2,
            "range_db": 70,
            "target": sung(4),
            "generated": sung(turns),
        }
        (folder / f"e{epoch}_s{epoch * 20}.json").write_text(json.dumps(picture))
    app = app_of("training", first="train")
    app.session.client.__class__ = InThisFolder
    return app


class InThisFolder(pretended.PretendedClient):
    @property
    def folder(self) -> str:
        return "."


def doctor() -> RvcApp:
    app = assets_app()
    client_of(app).answers["doctor --json"] = Answer({"findings": FINDINGS})
    return app


async def choose_preset(pilot: Pilot[None]) -> None:
    await choose(pilot)


async def read_folder(pilot: Pilot[None]) -> None:
    await read(pilot)


def on(scenario: str, first: str) -> Making:
    return lambda: app_of(scenario, first=first)


def scene(name: str, make: Making, *keys: str, ready: Any = settle, soak: bool = False) -> Scene:
    return Scene(name, make, keys, ready, soak)


SCENES = (
    scene("experiments", on("training", "experiments")),
    scene("experiments-finished", on("finished", "experiments"), soak=True),
    scene("experiments-failed", on("failed", "experiments"), soak=True),
    scene("dataset", dataset_app, ready=read_folder),
    scene("dataset-files", dataset_app, "v", ready=read_folder, soak=True),
    scene("dataset-pictures", dataset_app, "v", "v", ready=read_folder, soak=True),
    scene("preprocess", on("training", "preprocess")),
    scene("pitch", on("training", "pitch")),
    scene("features", on("training", "features")),
    scene("train", advised),
    scene("train-advice", advised, "v", "v"),
    scene("train-settings", advised, "t", soak=True),
    scene("index", on("finished", "index")),
    scene("convert", converting, ready=with_request),
    scene("convert-results", converting, ready=with_results),
    scene("voices", voices),
    scene("queue", lambda: queue_app([*ENTRIES, conversion(6, "alice")], pid=77)),
    scene("assets", assets_app, ready=choose_preset),
    scene("help", on("training", "train"), "question_mark"),
    scene("plan", on("idle", "experiments"), "r"),
    scene("palette", on("idle", "experiments"), "colon", "down"),
    scene("question", on("training", "experiments"), "s"),
    scene("command", on("idle", "experiments"), "at"),
    scene("curves", advised, "i"),
    scene("audition", with_samples, "w"),
    scene("new", on("idle", "experiments"), "n", soak=True),
    scene("name", on("idle", "experiments"), "c", soak=True),
    scene("export", voices, "o"),
    scene("facts", voices, "enter", soak=True),
    scene("pick", converting, "v", ready=with_request, soak=True),
    scene("doctor", doctor, "d", ready=choose_preset, soak=True),
    scene("filter", on("finished", "experiments"), "slash", *"done", soak=True),
)
