"""What is to be converted: the voice, its index, the recordings, where the results go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from textual import work
from textual.message import Message

from rvc_engine.client.engine_client import Answer, Client
from rvc_engine.client.words import size
from rvc_engine.common.printable import printable
from rvc_engine.errors import BadInput
from rvc_engine.setting import set_field
from rvc_tui.conversion import Request, load, paths_of
from rvc_tui.drawing import padded
from rvc_tui.engine_texts import error_line
from rvc_tui.screens.base import AppScreen
from rvc_tui.screens.name import NameScreen
from rvc_tui.screens.pick import PickScreen
from rvc_tui.texts import N_, _
from rvc_tui.typed import clean_path
from rvc_tui.widgets.convert import epochs_of, kind_of
from rvc_tui.widgets.form import Form
from rvc_tui.widgets.paths import FileSuggester, within

ANOTHER = N_("another file: type its path")


class ConvertChoices(AppScreen):
    """The part of the convert screen that chooses; what was chosen is kept at once."""

    @dataclass
    class VoicesRead(Message):
        answer: Answer

    def __init__(self) -> None:
        super().__init__()
        self.request: Request | None = None
        self.wanted: tuple[str, str] | None = None  # voice and index, chosen on another screen
        self.voices: list[dict[str, Any]] = []
        self._looking = False
        self._waiting: Callable[[], None] | None = None  # asked for before the voices were read

    def entered(self) -> None:
        if self.request is None:
            self.request, problem = load(self.session.client.home)
            if problem:
                self.notify(problem, title=_("Not all of it was taken over"), severity="warning")
        if self.wanted is not None:
            self.request.voice, self.request.index = self.wanted
            self.wanted = None
            self.keep()
        if not self._looking:
            self._looking = True
            self.look_for_voices(self.session.client)

    def row_of(self, voice: str) -> dict[str, Any] | None:
        return next((row for row in self.voices if voice and voice in (row["voice"], row["path"])), None)

    @work(thread=True, group="voices")
    def look_for_voices(self, client: Client) -> None:
        self.post_message(self.VoicesRead(client.ask(["voice", "list", "--json"])))

    def on_convert_choices_voices_read(self, message: VoicesRead) -> None:
        self._looking = False
        if isinstance(message.answer.data, list):
            self.voices = message.answer.data
        self.rvc.draw()
        waiting, self._waiting = self._waiting, None
        if waiting is not None and self.app.screen is self:
            waiting()

    def keep(self) -> None:
        if self.request is not None and (why := self.request.save()):
            self.notify(why, title=_("The choice is not kept"), severity="warning")
        self.rvc.draw()

    def set(self, name: str, value: object) -> None:
        if self.request is None:
            return
        try:
            set_field(self.request.settings, name, value, f"convert.{name}")
        except BadInput as error:
            self.notify(error_line(error), title=_("Not changed"), severity="error")
        self.keep()

    def changed(self, message: Form.Changed) -> None:
        self.set(message.key.partition(".")[2], message.value)

    def choose(self, voice: str, index: str = "") -> None:
        if self.request is not None:
            self.request.voice, self.request.index = voice, index
            self.keep()

    # --- keys --------------------------------------------------------------------------------------
    def _are_read(self, then: Callable[[], None]) -> bool:
        """Else `then` is called as soon as they are."""
        if not self._looking or self.voices:
            return True
        self._waiting = then
        return False

    def action_voice(self) -> None:
        if not self._are_read(self.action_voice):
            return
        rows = [row for row in self.voices if row["what"] in ("voice", "bundle")]
        home = self.session.client.home
        named = [(padded(printable(within(row["voice"], home)), 28), row) for row in rows]
        names = [
            f"{name} {padded(kind_of(row), 14)} {padded(epochs_of(row), 11)} {size(row['bytes'])}"
            for name, row in named
        ]
        # those that a run before it in the queue trains
        there = {row["voice"] for row in rows}
        coming = [name for name in self.session.client.names() if name not in there]
        names += [f"{padded(printable(name), 28)} {_('not trained yet')}" for name in coming]
        values = [*(row["voice"] for row in rows), *coming]
        at = values.index(self.request.voice) if self.request and self.request.voice in values else 0

        def picked(place: int | None) -> None:
            if place is None:
                return
            if place < len(rows):
                row = rows[place]
                self.choose(row["voice"], "" if row["voice"] == row["name"] else row["index"] or "")
            elif place < len(values):
                self.choose(values[place])
            else:
                suggester = FileSuggester(".pth", ".rvcvoice")
                self.app.push_screen(NameScreen(_("A .pth, or a bundle (.rvcvoice)"), "", suggester), self._voice_typed)

        self.app.push_screen(PickScreen(_("Which voice?"), [*names, _(ANOTHER)], at, ascii=self.ascii), picked)

    def _voice_typed(self, text: str | None) -> None:
        if text:
            self.choose(clean_path(text))

    def action_index(self) -> None:
        if self.request is None or not self._are_read(self.action_index):
            return
        home = self.session.client.home
        known = sorted(
            {str(row["index"]) for row in self.voices if row["index"]} | ({self.request.index} - {"", "none"})
        )
        values = ["", "none", *known]
        rows = [_("the voice's own"), _("none"), *(within(path, home) for path in known), _(ANOTHER)]

        def picked(place: int | None) -> None:
            if place is None or self.request is None:
                return
            if place < len(values):
                self.choose(self.request.voice, values[place])
            else:
                self.app.push_screen(
                    NameScreen(_("An index file"), "", FileSuggester(".index", ".rvcvoice")), self._index_typed
                )

        self.app.push_screen(
            PickScreen(_("Which index?"), rows, values.index(self.request.index), ascii=self.ascii), picked
        )

    def _index_typed(self, text: str | None) -> None:
        if text and self.request is not None:
            self.choose(self.request.voice, clean_path(text))

    def action_add(self) -> None:
        question = _("Recordings: a file, a folder (all that is directly in it), or a pattern with *")
        self.app.push_screen(NameScreen(question, "", FileSuggester()), self._added)

    def _added(self, text: str | None) -> None:
        if not text or self.request is None:
            return
        try:
            found = paths_of(text)
        except BadInput as error:
            self.notify(error_line(error), title=_("Nothing is added"), severity="error")
            return
        self.request.inputs += [path for path in found if path not in self.request.inputs]
        self.keep()

    def action_take_away(self) -> None:
        if self.request is None:
            return
        home, inputs = self.session.client.home, self.request.inputs

        def picked(place: int | None) -> None:
            if place is not None:
                del inputs[place if place < len(inputs) else slice(None)]
                self.keep()

        rows = [*(within(path, home) for path in inputs), _("all {count}").format(count=len(inputs))]
        self.app.push_screen(
            PickScreen(_("Take which off the list? The file itself stays."), rows, ascii=self.ascii), picked
        )

    def action_output(self) -> None:
        if self.request is None:
            return
        usual = printable(within(str(self.request.folder), self.session.client.home))
        question = _(
            "Where the results go: a folder, or a file for one recording. Empty: {folder} in the workspace"
        ).format(folder=usual)

        def typed(text: str | None) -> None:
            if text is not None and self.request is not None:
                self.request.output = clean_path(text)
                self.keep()

        self.app.push_screen(NameScreen(question, self.request.output, FileSuggester()), typed)
