"""How an action is tried: a scene, keys that lead to it, and what can be seen of it. The table is in
actions_table.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from scenes import SCENES, Scene, on, scene, with_samples
from snapshot_app import client_of, text_of
from textual.containers import VerticalScroll
from textual.widgets import Input, OptionList

from rvc_tui.app import RvcApp

Measure = Callable[[RvcApp], object]
Doing = Callable[[RvcApp], None]
LOW = (80, 12)  # so little room that boxes scroll
BY_NAME = {one.name: one for one in SCENES}
OTHERS = {
    "idle": on("idle", "experiments"),
    "idle-pitch": on("idle", "pitch"),
    "idle-train": on("idle", "train"),
    "samples": with_samples,
}
BY_NAME |= {name: scene(name, make) for name, make in OTHERS.items()}
BY_NAME["by-hand"] = Scene("by-hand", BY_NAME["assets"].make, ("i",), BY_NAME["assets"].ready)
BY_NAME["folder"] = Scene("folder", BY_NAME["dataset"].make, ("f",), BY_NAME["dataset"].ready)


@dataclass(frozen=True)
class Action:
    """`where`: a scene; `keys` and then `doing` lead to where the key is pressed. `effect` is measured before and
    after: what says yes or no must become yes, all else must change."""

    owner: str
    id: str
    where: str
    effect: Measure
    keys: tuple[str, ...] = ()
    doing: Doing | None = None
    size: tuple[int, int] = (80, 24)


# --- what can be seen ------------------------------------------------------------------------------
def screen(app: RvcApp) -> Any:
    return app.screen


def opens(kind: type[Any]) -> Measure:
    return lambda app: isinstance(app.screen, kind)


def closes(app: RvcApp) -> bool:
    return app.screen is app.displayed


def goes(place: str) -> Measure:
    return lambda app: app.displayed is app.screen and app.displayed is not None and app.displayed.place == place


def asks(*words: str) -> Measure:
    """So often the engine, or the client of the engine, was asked for it."""
    return lambda app: sum(call[: len(words)] == words for call in client_of(app).calls)


def shows(text: str) -> Measure:
    return lambda app: text in text_of(app)


def notifies(title: str) -> Measure:
    return lambda app: any(note.title == title for note in app._notifications)


def focuses(id: str) -> Measure:
    return lambda app: app.focused is not None and app.focused.id == id


def clipboard(app: RvcApp) -> bool:
    return bool(app.clipboard)


def scrolled(app: RvcApp) -> float:
    return app.screen.query_one(VerticalScroll).scroll_y


def editing(app: RvcApp) -> bool:
    return bool(screen(app).form.editing)


def left(app: RvcApp) -> bool:
    return not editing(app)


def row(app: RvcApp) -> object:
    return screen(app).rows.cursor


def chart(app: RvcApp) -> str:
    return repr(screen(app).chart.look)


def found(app: RvcApp) -> object:
    return app.screen.query_one("#found", OptionList).highlighted


def settings(app: RvcApp) -> object:
    return client_of(app).kept.model_dump()


def request(app: RvcApp) -> object:
    return screen(app).request.settings.model_dump()


def at(app: RvcApp) -> object:
    return screen(app).at


def form_row(app: RvcApp) -> object:
    return screen(app).form.rows.highlighted


def form_format(app: RvcApp) -> object:
    return screen(app).ask.format


def pick_row(app: RvcApp) -> object:
    return screen(app).panel.cursor


# --- what leads there ------------------------------------------------------------------------------
def new_voice(app: RvcApp) -> None:
    for field, value in (("name", "zoe"), ("dataset", str(Path.cwd())), ("preset", "starter")):
        app.screen.query_one(f"#{field}", Input).value = value


def a_recording(app: RvcApp) -> None:
    Path("a.wav").touch()
    screen(app).request.inputs = [str(Path("a.wav").resolve())]


def another_folder(app: RvcApp) -> None:
    screen(app).folder = "/home/me/other"


def is_reading(app: RvcApp) -> None:
    screen(app).reading = "/home/me/other"


def is_pulling(app: RvcApp) -> None:
    screen(app).pulling = "v2-40k"


def queue_rests(app: RvcApp) -> None:
    client_of(app).queue_pid = 0


def half_a_folder(app: RvcApp) -> None:
    Path("somewhere").mkdir()
    cast(Any, app.screen.query_one(Input)).value = "./some"
