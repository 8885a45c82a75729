"""Voices: all of the workspace, what each is, and what can be made of them."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.suggester import Suggester, SuggestFromList

from rvc_engine.client.engine_client import Answer, Client
from rvc_engine.client.words import size
from rvc_engine.common.printable import printable
from rvc_engine.errors import reason_of
from rvc_tui.engine_texts import translated
from rvc_tui.screens.ask import AskScreen
from rvc_tui.screens.base import AppScreen
from rvc_tui.screens.confirm import ConfirmScreen
from rvc_tui.screens.convert import ConvertScreen
from rvc_tui.screens.facts import FactsScreen
from rvc_tui.texts import N_, _
from rvc_tui.voice_forms import Ask, Export, Extract, Import, Merge
from rvc_tui.widgets.paths import FileSuggester, within
from rvc_tui.widgets.rows import RowsPanel, TextPanel
from rvc_tui.widgets.voices import fact_lines, header, name_of, voice_lines, voice_row

DOING = {"extract": N_("extracting"), "merge": N_("merging"), "export": N_("exporting"), "import": N_("importing")}
DONE = {"extract": N_("extracted"), "merge": N_("merged"), "export": N_("exported"), "import": N_("imported")}


class VoicesScreen(AppScreen):
    place = "voices"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "facts", "facts", key_display="enter", id="voice.facts", tooltip="all that its file says"),
        Binding("c", "convert", "convert", id="voice.convert", tooltip="convert recordings with this voice"),
        Binding("x", "extract", "extract", show=False, id="voice.extract", tooltip="a voice of a training checkpoint"),
        Binding("m", "merge", "merge", show=False, id="voice.merge", tooltip="one voice out of this and another"),
        Binding("o", "export", "export", id="voice.export", tooltip="out: a bundle, a zip or a folder for others"),
        Binding("i", "import", "import", id="voice.import", tooltip="in: a .pth, a zip or a bundle from elsewhere"),
        Binding(
            "D,delete",
            "remove",
            "delete",
            key_display="D",
            show=False,
            id="voice.delete",
            tooltip="move it to trash/ (asks first)",
        ),
    ]

    @dataclass
    class VoicesRead(Message):
        answer: Answer

    @dataclass
    class FactsRead(Message):
        name: str
        answer: Answer

    @dataclass
    class Acted(Message):
        action: str
        answer: Answer

    def __init__(self) -> None:
        super().__init__()
        self.voices: list[dict[str, Any]] = []
        self.busy = ""  # what is being done, in words
        self.problem = ""
        self.written: list[str] = []
        self._outcome: list[Text] = []
        self._looking = False

    def body(self) -> ComposeResult:
        yield RowsPanel(_("Voices"), _("reading..."), ascii=self.ascii, id="voices")
        yield TextPanel(_("Voice"), ascii=self.ascii, id="voice")
        yield TextPanel(_("Result"), ascii=self.ascii, id="outcome")

    @property
    def panel(self) -> RowsPanel:
        return self.query_one(RowsPanel)

    @property
    def chosen(self) -> dict[str, Any] | None:
        return self.voices[self.panel.cursor] if self.is_mounted and self.panel.cursor < len(self.voices) else None

    @property
    def usable_voice(self) -> dict[str, Any] | None:
        row = self.chosen
        return row if row is not None and row["what"] in ("voice", "bundle") else None

    def entered(self) -> None:
        self.look()

    def look(self) -> None:
        if not self._looking:
            self._looking = True
            self.look_for_voices(self.session.client)

    def draw(self) -> None:
        if self.has_panels:
            home, width, row = self.session.client.home, self.size.width, self.chosen
            self.panel.fill([voice_row(voice, home, width) for voice in self.voices], header=header(width))
            self.query_one("#voice", TextPanel).fill(voice_lines(row, home) if row is not None else [])
            self.query_one("#outcome", TextPanel).fill(
                [Text(printable(f"{self.busy}..."), "bold cyan")] if self.busy else self._outcome
            )
        super().draw()

    def command(self) -> list[str]:
        row = self.chosen
        return ["voice", "info", row["voice"]] if row is not None and not row["problem"] else ["voice", "list"]

    def to_copy(self) -> list[str]:
        """What was just written, else the file of the chosen voice."""
        row = self.chosen
        return self.written or ([row["path"]] if row is not None else [])

    # --- workers -----------------------------------------------------------------------------------
    @work(thread=True, group="voices")
    def look_for_voices(self, client: Client) -> None:
        self.post_message(self.VoicesRead(client.ask(["voice", "list", "--json"])))

    @work(thread=True, group="facts")
    def ask_for_facts(self, client: Client, name: str, voice: str) -> None:
        self.post_message(self.FactsRead(name, client.ask(["voice", "info", voice, "--json"])))

    @work(thread=True, group="act")
    def act(self, client: Client, words: list[str]) -> None:
        self.post_message(self.Acted(words[1], client.ask([*words, "--json"])))

    @work(thread=True, group="act")
    def move_away(self, path: Path, goal: Path) -> None:
        try:
            goal.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, goal)
        except OSError as error:
            self.post_message(self.Acted("delete", Answer(problem=reason_of(error))))
        else:
            self.post_message(self.Acted("delete", Answer([str(goal)])))

    def on_voices_screen_voices_read(self, message: VoicesRead) -> None:
        self._looking = False
        if isinstance(message.answer.data, list):
            before = self.chosen["path"] if self.chosen is not None else ""
            self.voices = message.answer.data
            paths = [row["path"] for row in self.voices]
            wanted = next((path for path in (*self.written, before) if path in paths), "")
            self.panel.cursor = paths.index(wanted) if wanted else 0
            self.panel.nothing = _("no voices yet: r trains one, i takes one in from a file")
        else:
            self.panel.nothing = printable(translated(message.answer.problem))
        self.rvc.draw()

    def on_voices_screen_facts_read(self, message: FactsRead) -> None:
        self.busy = ""
        if message.answer.problem:
            self.tell(translated(message.answer.problem), failed=_("{name} cannot be used").format(name=message.name))
        elif self.rvc.screen is self:
            self.app.push_screen(
                FactsScreen(message.name, [line for facts in message.answer.data for line in fact_lines(facts)])
            )
        self.rvc.draw()

    def on_voices_screen_acted(self, message: Acted) -> None:
        self.busy = ""
        home = self.session.client.home
        if message.answer.problem:
            self.tell(translated(message.answer.problem), failed=_("{action} failed").format(action=_(message.action)))
        elif message.action == "delete":
            self.tell(_("moved to {folder}").format(folder=within(str(message.answer.data[0]), home)))
        else:
            self.written = [str(path) for path in message.answer.data]
            self.session.results += [path for path in self.written if path not in self.session.results]
            self.tell(f"{_(DONE[message.action])}: {', '.join(within(path, home) for path in self.written)}")
        if self.rvc.displayed is not self:
            self.notify(self._outcome[-1].plain, severity="error" if message.answer.problem else "information")
        self.look()
        self.rvc.draw()

    def tell(self, text: str, *, failed: str = "") -> None:
        head = [Text(printable(failed), "bold red")] if failed else []
        self._outcome = [*head, Text(printable(text), "" if failed else "green")]

    # --- keys --------------------------------------------------------------------------------------
    def works(self, action: str) -> bool:
        if action in ("facts", "remove"):
            return (
                self.chosen is not None
                and not self.busy
                and (action == "facts" or self.chosen["what"] != "checkpoints")
            )
        if action in ("convert", "merge", "export"):
            return self.usable_voice is not None and (action == "convert" or not self.busy)
        if action in ("extract", "import"):
            return not self.busy
        return super().works(action)

    def move(self, count: int) -> None:
        self.panel.move(count)
        self._outcome, self.written = [], []
        self.rvc.draw()

    def action_facts(self) -> None:
        row = self.chosen
        if row is not None:
            self.busy, self.written = _("reading {name}").format(name=name_of(row)), []
            self.ask_for_facts(self.session.client, name_of(row), row["path"] if row["problem"] else row["voice"])
            self.rvc.draw()

    def action_convert(self) -> None:
        row = self.usable_voice
        if row is not None:
            screen = self.app.get_screen("convert", ConvertScreen)
            screen.wanted = (row["voice"], "" if row["voice"] == row["name"] else row["index"] or "")
            self.rvc.action_go("convert")

    def action_extract(self) -> None:
        row, name = self.chosen, self.session.client.spelled()
        source = row["name"] if row is not None and row["what"] == "checkpoints" else name
        names = self.session.client.names()
        suggester = FileSuggester(".pth") if not names else _Names(names, ".pth")
        self.ask_for(_("Extract a voice from a training checkpoint"), Extract(source=source), {"source": suggester})

    def action_merge(self) -> None:
        row = self.usable_voice
        if row is not None:
            names = [voice["voice"] for voice in self.voices if voice["what"] in ("voice", "bundle")]
            second = next((name for name in names if name != row["voice"]), "")
            first_name, second_name = (Path(text).stem for text in (row["voice"], second or "other"))
            ask = Merge(first=row["voice"], second=second, name=f"{first_name}-{second_name}" if second else "")
            suggester = _Names(names, ".pth", ".rvcvoice")
            self.ask_for(_("Merge two voices into one"), ask, {"first": suggester, "second": suggester})

    def action_export(self) -> None:
        row = self.usable_voice
        if row is not None:
            index = "" if row["voice"] == row["name"] or row["what"] == "bundle" else row["index"] or ""
            suggesters: dict[str, Suggester] = {
                "output": FileSuggester(),
                "index": FileSuggester(".index", ".rvcvoice"),
            }
            self.ask_for(
                _("Export {name}").format(name=name_of(row)), Export(voice=row["voice"], index=index), suggesters
            )

    def action_import(self) -> None:
        suggesters: dict[str, Suggester] = {
            "file": FileSuggester(".pth", ".zip", ".rvcvoice"),
            "index": FileSuggester(".index"),
        }
        self.ask_for(_("Import a voice"), Import(), suggesters)

    def ask_for(self, title: str, ask: Ask, suggesters: dict[str, Suggester]) -> None:
        home, verb = self.session.client.home, type(ask).__name__.lower()

        def answered(yes: bool | None) -> None:
            if yes:
                self.busy, self.written, self._outcome = _(DOING[verb]), [], []
                self.act(self.session.client, ask.words(home))
                self.rvc.draw()

        self.app.push_screen(AskScreen(title, ask, home, suggesters, ascii=self.ascii, verb=verb), answered)

    def action_remove(self) -> None:
        row = self.chosen
        if row is None:
            return
        home, path = self.session.client.home, Path(row["path"])

        def answered(yes: bool | None) -> None:
            if yes:
                self.busy, self.written, self._outcome = _("moving {name}").format(name=path.name), [], []
                self.move_away(path, home / "trash" / f"{path.stem}-{time.strftime('%Y%m%d-%H%M%S')}{path.suffix}")
                self.rvc.draw()

        question = _("Delete {path} ({size})?\nIt moves to trash/; checkpoints and index stay.").format(
            path=printable(within(row["path"], home)), size=size(row["bytes"])
        )
        self.app.push_screen(ConfirmScreen(question), answered)


class _Names(FileSuggester):
    """Names, or paths where one is typed."""

    def __init__(self, names: list[str], *suffixes: str) -> None:
        super().__init__(*suffixes)
        self.names = SuggestFromList(names)

    async def get_suggestion(self, value: str) -> str | None:
        return await super().get_suggestion(value) if "/" in value else await self.names.get_suggestion(value)
