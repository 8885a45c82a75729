"""What each action does: for every id of a key, a scene in which it is usable and what can be seen of it afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from scenes import SCENES, Scene, heard, on, scene
from snapshot_app import client_of, text_of
from textual.containers import VerticalScroll
from textual.widgets import Input, OptionList

from rvc_tui.app import RvcApp
from rvc_tui.places import PLACES
from rvc_tui.screens.ask import AskScreen
from rvc_tui.screens.audition import AuditionScreen
from rvc_tui.screens.choose import ChooseScreen
from rvc_tui.screens.command import CommandScreen
from rvc_tui.screens.confirm import ConfirmScreen
from rvc_tui.screens.curves import CurvesScreen
from rvc_tui.screens.facts import FactsScreen
from rvc_tui.screens.help import HelpScreen
from rvc_tui.screens.name import NameScreen
from rvc_tui.screens.page import PageScreen
from rvc_tui.screens.palette import PaletteScreen
from rvc_tui.screens.pick import PickScreen
from rvc_tui.screens.plan import PlanScreen
from rvc_tui.widgets.filter import FilterLine

Measure = Callable[[RvcApp], object]
Doing = Callable[[RvcApp], None]
LOW = (80, 12)  # so little room that boxes scroll
BY_NAME = {one.name: one for one in SCENES}
OTHERS = {
    "idle": on("idle", "experiments"),
    "idle-pitch": on("idle", "pitch"),
    "idle-train": on("idle", "train"),
    "heard": heard,
}
BY_NAME |= {name: scene(name, make) for name, make in OTHERS.items()}
BY_NAME["by-hand"] = Scene("by-hand", BY_NAME["assets"].make, ("i",), BY_NAME["assets"].ready)
BY_NAME["folder"] = Scene("folder", BY_NAME["dataset"].make, ("f",), BY_NAME["dataset"].ready)


@dataclass(frozen=True)
class Action:
    """`where`: a scene; `keys` and then `doing` lead to where the key is pressed. `effect` is measured before and after: what says yes or
    no must become yes, all else must change."""

    owner: str
    id: str
    where: str
    effect: Measure
    keys: tuple[str, ...] = ()
    doing: Doing | None = None
    size: tuple[int, int] = (80, 24)


# --- what can be seen -----------------------------------------------------------------------------------------------------
def screen(app: RvcApp) -> Any:
    return app.screen


def opens(kind: type[Any]) -> Measure:
    return lambda app: isinstance(app.screen, kind)


def closes(app: RvcApp) -> bool:
    return app.screen is app.shown


def goes(place: str) -> Measure:
    return lambda app: app.shown is app.screen and app.shown is not None and app.shown.place == place


def asks(*words: str) -> Measure:
    """So often the engine, or the client of the engine, was asked for it."""
    return lambda app: sum(call[: len(words)] == words for call in client_of(app).calls)


def shows(text: str) -> Measure:
    return lambda app: text in text_of(app)


def tells(title: str) -> Measure:
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


# --- what leads there -----------------------------------------------------------------------------------------------------
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


# --- the table ------------------------------------------------------------------------------------------------------------
EVERYWHERE = [
    Action("RvcApp", "run.all", "idle", opens(PlanScreen)),
    Action("RvcApp", "run.stop", "experiments", opens(ConfirmScreen)),
    Action("RvcApp", "copy", "queue", clipboard),
    Action("RvcApp", "command", "idle", opens(CommandScreen)),
    Action("RvcApp", "edit.file", "idle", tells("There is no experiment.toml yet")),
    Action("RvcApp", "screen.next", "idle", goes("dataset")),
    Action("RvcApp", "screen.previous", "idle", goes("assets")),
    *(Action("RvcApp", f"screen.{place.name}", "idle" if place.name != "experiments" else "queue", goes(place.name)) for place in PLACES),
    Action("RvcApp", "help", "idle", opens(HelpScreen)),
    Action("RvcApp", "back", "queue", goes("experiments")),
    Action("RvcApp", "palette", "idle", opens(PaletteScreen)),
    Action("RvcApp", "quit", "idle", lambda app: app._exit),
    Action("RvcApp", "quit.ctrl", "idle", lambda app: app._exit),
    Action("RvcApp", "suspend", "idle", lambda app: getattr(app, "suspended", False)),
    Action("AppScreen", "list.down", "queue", row),
    Action("AppScreen", "list.up", "queue", row, ("j",)),
    Action("AppScreen", "list.page-down", "queue", row),
    Action("AppScreen", "list.page-up", "queue", row, ("G",)),
    Action("AppScreen", "list.first", "queue", row, ("G",)),
    Action("AppScreen", "list.last", "queue", row),
    Action("AppScreen", "journal.filter", "idle", lambda app: bool(app.screen.query(FilterLine))),
    Action("AppScreen", "journal.all", "experiments", lambda app: not screen(app).filtering, ("slash", "d", "enter")),
    Action("FilterLine", "filter.back", "filter", lambda app: not app.screen.query(FilterLine)),
]
SCREENS = [
    Action("AssetsScreen", "assets.pull", "assets", opens(ConfirmScreen)),
    Action("AssetsScreen", "assets.stop", "assets", asks("interrupt", "assets pull"), doing=is_pulling),
    Action("AssetsScreen", "assets.verify", "assets", asks("stream", "assets", "verify", "--json")),
    Action("AssetsScreen", "assets.by-hand", "assets", opens(PageScreen)),
    Action("AssetsScreen", "assets.doctor", "assets", asks("ask", "doctor", "--json")),
    Action("ConvertScreen", "convert.voice", "convert", opens(PickScreen)),
    Action("ConvertScreen", "convert.files", "convert", opens(NameScreen)),
    Action("ConvertScreen", "convert.fewer", "convert", opens(PickScreen)),
    Action("ConvertScreen", "convert.output", "convert", opens(NameScreen)),
    Action("ConvertScreen", "convert.index", "convert", opens(PickScreen)),
    Action("ConvertScreen", "convert.suggest", "convert", asks("ask", "voice", "info"), doing=a_recording),
    Action("ConvertScreen", "form.change", "convert", editing),
    Action("ConvertScreen", "form.next", "convert", request, ("j", "j", "j", "j")),
    Action("ConvertScreen", "form.default", "convert", request),
    Action("ConvertScreen", "form.leave", "convert", left, ("enter",)),
    Action("ConvertScreen", "convert.start", "convert", asks("stream", "convert", "alice")),
    Action("ConvertScreen", "convert.cancel", "convert-results", opens(ConfirmScreen)),
    Action("ConvertScreen", "convert.turn", "convert", lambda app: screen(app).shows_results),
    Action("DatasetScreen", "dataset.folder", "dataset", opens(NameScreen)),
    Action("DatasetScreen", "dataset.view", "dataset", shows("Files, those with the worst findings first")),
    Action("DatasetScreen", "dataset.order", "dataset-files", shows("worst first by length")),
    Action("DatasetScreen", "dataset.use", "dataset", asks("change", "dataset", "/home/me/other"), doing=another_folder),
    Action("DatasetScreen", "dataset.read", "dataset", asks("stream", "dataset")),
    Action("DatasetScreen", "dataset.stop", "dataset", asks("interrupt", "dataset"), doing=is_reading),
    Action("ExperimentsScreen", "experiment.new", "idle", opens(ChooseScreen)),
    Action("ExperimentsScreen", "experiment.open", "idle", asks("switch", "bob"), ("j",)),
    Action("ExperimentsScreen", "experiment.duplicate", "idle", opens(NameScreen)),
    Action("ExperimentsScreen", "experiment.delete", "idle", opens(ConfirmScreen)),
    Action("ExperimentsScreen", "experiments.page-down", "experiments", lambda app: screen(app).journal.scroll_y, ("g",)),
    Action("QueueScreen", "queue.add", "queue", asks("ask", "queue", "add", "alice")),
    Action("QueueScreen", "queue.run", "queue", opens(NameScreen), doing=queue_rests),
    Action("QueueScreen", "queue.stop", "queue", opens(ConfirmScreen)),
    Action("QueueScreen", "queue.open", "queue", asks("switch", "bob"), ("j",)),
    Action("QueueScreen", "queue.earlier", "queue", asks("ask", "queue", "move", "2", "1"), ("j",)),
    Action("QueueScreen", "queue.later", "queue", asks("ask", "queue", "move", "1", "2")),
    Action("QueueScreen", "queue.remove", "queue", opens(ConfirmScreen)),
    Action("StageScreen", "form.change", "idle-pitch", editing),
    Action("StageScreen", "form.next", "idle-pitch", settings),
    Action("StageScreen", "form.default", "idle-pitch", settings, ("space",)),
    Action("StageScreen", "form.leave", "idle-pitch", left, ("enter",)),
    Action("StageScreen", "run.stage", "idle-pitch", asks("start", "pitch", "alice")),
    Action("TrainScreen", "run.stage", "idle-train", asks("start", "train", "alice")),
    Action("TrainScreen", "train.turn", "train", lambda app: not screen(app).shows_live),
    Action("TrainScreen", "train.view", "train", lambda app: screen(app).view),
    Action("TrainScreen", "train.curve", "train", chart),
    Action("TrainScreen", "train.curve-before", "train", chart),
    Action("TrainScreen", "train.curves", "train", opens(CurvesScreen)),
    Action("TrainScreen", "train.audition", "heard", opens(AuditionScreen)),
    Action("TrainScreen", "train.price", "train", opens(NameScreen)),
    Action("TrainScreen", "chart.smooth", "train", chart),
    Action("TrainScreen", "chart.log", "train", chart),
    Action("TrainScreen", "chart.axis", "train", chart),
    Action("TrainScreen", "chart.zoom-in", "train", chart),
    Action("TrainScreen", "chart.zoom-out", "train", chart, ("plus", "plus")),
    Action("TrainScreen", "chart.before", "train", chart, ("plus",)),
    Action("TrainScreen", "chart.after", "train", chart, ("plus", "plus", "less_than_sign")),
    Action("TrainScreen", "chart.whole", "train", chart, ("plus",)),
    Action("TrainScreen", "advice.measure", "idle-train", asks("stream", "advise", "alice")),
    Action("TrainScreen", "advice.use", "train", asks("change", "train.batch_size", "8")),
    Action("VoicesScreen", "voice.facts", "voices", opens(FactsScreen)),
    Action("VoicesScreen", "voice.convert", "voices", goes("convert")),
    Action("VoicesScreen", "voice.extract", "voices", opens(AskScreen)),
    Action("VoicesScreen", "voice.merge", "voices", opens(AskScreen)),
    Action("VoicesScreen", "voice.export", "voices", opens(AskScreen)),
    Action("VoicesScreen", "voice.import", "voices", opens(AskScreen)),
    Action("VoicesScreen", "voice.delete", "voices", opens(ConfirmScreen)),
]


def at(app: RvcApp) -> object:
    return screen(app).at


def form_row(app: RvcApp) -> object:
    return screen(app).form.rows.highlighted


def form_format(app: RvcApp) -> object:
    return screen(app).ask.format


def pick_row(app: RvcApp) -> object:
    return screen(app).panel.cursor


BOXES = [
    Action("AskScreen", "ask.change", "export", editing),
    Action("AskScreen", "ask.next", "export", form_format, ("j",)),
    Action("AskScreen", "ask.default", "export", form_format, ("j", "space")),
    Action("AskScreen", "ask.run", "export", asks("ask", "voice", "export")),
    Action("AskScreen", "ask.command", "export", opens(CommandScreen)),
    Action("AskScreen", "ask.down", "export", form_row),
    Action("AskScreen", "ask.up", "export", form_row, ("j",)),
    Action("AskScreen", "ask.back", "export", closes),
    Action("AskScreen", "ask.close", "export", closes),
    Action("AuditionScreen", "audition.earlier", "audition", shows("1 of 2")),
    Action("AuditionScreen", "audition.later", "audition", shows("2 of 2"), ("h",)),
    Action("AuditionScreen", "audition.copy", "audition", clipboard),
    Action("AuditionScreen", "audition.back", "audition", closes),
    Action("ChooseScreen", "choose.name", "new", focuses("name")),
    Action("ChooseScreen", "choose.dataset", "new", focuses("dataset")),
    Action("ChooseScreen", "choose.preset", "new", focuses("preset")),
    Action("ChooseScreen", "choose.run", "new", asks("start", "run", "zoe"), doing=new_voice),
    Action("ChooseScreen", "choose.open", "new", asks("create", "zoe"), doing=new_voice),
    Action("ChooseScreen", "choose.down", "new", focuses("name")),
    Action("ChooseScreen", "choose.up", "new", lambda app: isinstance(app.focused, Input)),
    Action("ChooseScreen", "choose.back", "new", closes),
    Action("ChooseScreen", "choose.close", "new", closes),
    Action("CommandScreen", "command.copy", "command", clipboard),
    Action("CommandScreen", "command.back", "command", closes),
    Action("ConfirmScreen", "question.yes", "question", asks("stop")),
    Action("ConfirmScreen", "question.no", "question", closes),
    Action("CurvesScreen", "curves.down", "curves", at),
    Action("CurvesScreen", "curves.up", "curves", at, ("j",)),
    Action("CurvesScreen", "curves.draw", "curves", lambda app: "total" not in screen(app).drawn),
    Action("CurvesScreen", "curves.back", "curves", closes),
    Action("FactsScreen", "facts.copy", "facts", clipboard),
    Action("FactsScreen", "facts.down", "facts", scrolled, size=LOW),
    Action("FactsScreen", "facts.up", "facts", scrolled, ("j",), size=LOW),
    Action("FactsScreen", "facts.page-down", "facts", scrolled, size=LOW),
    Action("FactsScreen", "facts.page-up", "facts", scrolled, ("space",), size=LOW),
    Action("FactsScreen", "facts.back", "facts", closes),
    Action("HelpScreen", "help.down", "help", scrolled),
    Action("HelpScreen", "help.up", "help", scrolled, ("j",)),
    Action("HelpScreen", "help.back", "help", closes),
    Action("NameScreen", "name.back", "name", closes),
    Action("NameScreen", "name.complete", "folder", lambda app: app.screen.query_one(Input).value == "./somewhere/", doing=half_a_folder),
    Action("PageScreen", "page.copy", "by-hand", clipboard),
    Action("PageScreen", "page.down", "by-hand", scrolled, size=LOW),
    Action("PageScreen", "page.up", "by-hand", scrolled, ("j",), size=LOW),
    Action("PageScreen", "page.page-down", "by-hand", scrolled, size=LOW),
    Action("PageScreen", "page.page-up", "by-hand", scrolled, ("space",), size=LOW),
    Action("PageScreen", "page.first", "by-hand", scrolled, ("G",), size=LOW),
    Action("PageScreen", "page.last", "by-hand", scrolled, size=LOW),
    Action("PageScreen", "page.back", "by-hand", closes),
    Action("PaletteScreen", "palette.down", "palette", found),
    Action("PaletteScreen", "palette.up", "palette", found),
    Action("PaletteScreen", "palette.page-down", "palette", found),
    Action("PaletteScreen", "palette.page-up", "palette", found, ("pagedown",)),
    Action("PaletteScreen", "palette.back", "palette", closes),
    Action("PickScreen", "pick.take", "pick", closes),
    Action("PickScreen", "pick.down", "pick", pick_row),
    Action("PickScreen", "pick.up", "pick", pick_row, ("j",)),
    Action("PickScreen", "pick.page-down", "pick", pick_row),
    Action("PickScreen", "pick.page-up", "pick", pick_row, ("G",)),
    Action("PickScreen", "pick.first", "pick", pick_row, ("G",)),
    Action("PickScreen", "pick.last", "pick", pick_row),
    Action("PickScreen", "pick.back", "pick", closes),
    Action("PlanScreen", "plan.start", "plan", asks("start", "run", "alice")),
    Action("PlanScreen", "plan.back", "plan", closes),
]
ACTIONS = [*EVERYWHERE, *SCREENS, *BOXES]
