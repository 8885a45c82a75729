"""A small form of settings that a command needs, and the key that runs it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Static

from rvc_engine.common.printable import printable
from rvc_engine.errors import BadInput
from rvc_engine.setting import set_field
from rvc_tui.engine_texts import error_line
from rvc_tui.screens.command import CommandScreen
from rvc_tui.texts import _
from rvc_tui.voice_forms import Ask
from rvc_tui.widgets.form import Form, items_of

AROUND = 9  # lines of the box that are no rows


class AskScreen(ModalScreen[bool]):
    """x runs it, esc does not; `ask` holds what was given."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "change", "change", id="ask.change"),
        Binding("space", "cycle", "next value", id="ask.next"),
        Binding("d", "reset", "default", id="ask.default"),
        Binding("x", "run", "do it", id="ask.run"),
        Binding("at", "command", "command", id="ask.command"),
        Binding("j,down", "move(1)", show=False, id="ask.down"),
        Binding("k,up", "move(-1)", show=False, id="ask.up"),
        Binding("escape", "back", "back", id="ask.back"),
        Binding("q", "close", "back", show=False, id="ask.close"),
    ]

    def __init__(
        self, title: str, ask: Ask, home: Path, suggesters: dict[str, Suggester], *, ascii: bool, verb: str
    ) -> None:
        super().__init__()
        self.title_text, self.ask, self.home, self.suggesters = title, ask, home, suggesters
        self.begun = ask.model_copy()
        self.ascii, self.verb = ascii, verb

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(printable(self.title_text), markup=False)
            yield Form(ascii=self.ascii, id="ask")
            yield Static("", id="problem", markup=False)
            yield Static(
                _("enter  change   space  next value   x  {verb}   @  command   esc  back").format(verb=_(self.verb)),
                markup=False,
                classes="keys",
            )

    @property
    def form(self) -> Form:
        return self.query_one(Form)

    def on_mount(self) -> None:
        self.form.suggesters, self.form.listener = self.suggesters, self.changed
        self.show()
        self.fit()

    def on_resize(self) -> None:
        self.fit()

    def fit(self) -> None:
        self.form.styles.height = max(4, min(len(self.form.items) + 3, self.app.size.height - AROUND + 3))

    def show(self, problem: str = "") -> None:
        self.form.show(items_of("ask", self.ask, self.begun), self.ask)
        self.query_one("#problem", Static).update(printable(problem))

    def changed(self, message: Form.Changed) -> None:
        try:
            set_field(self.ask, message.key.partition(".")[2], message.value, message.key)
        except BadInput as error:
            self.show(error_line(error))
            return
        self.show()

    def action_change(self) -> None:
        self.form.edit()

    def action_cycle(self) -> None:
        self.form.cycle()

    def action_reset(self) -> None:
        self.form.reset()

    def action_move(self, count: int) -> None:
        self.form.move(count)

    def action_command(self) -> None:
        self.app.push_screen(CommandScreen(shlex.join(["rvc", *self.ask.words(self.home)])))

    def action_back(self) -> None:
        """Out of a field first."""
        if self.form.editing:
            self.form.leave_entry()
        else:
            self.action_close()

    def action_close(self) -> None:
        self.dismiss(False)

    def action_run(self) -> None:
        if problem := self.ask.missing():
            self.show(problem)
        else:
            self.dismiss(True)
