"""What every screen of the app has: the heading, the row of screens, the footer, and one way to draw."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.css.query import NoMatches
from textual.widgets import Input

from rvc_tui.session import Session
from rvc_tui.texts import _, is_english
from rvc_tui.textual_private import MessageScreen
from rvc_tui.widgets.failure import FailurePanel, failure_of
from rvc_tui.widgets.filter import FilterLine
from rvc_tui.widgets.footer import KeysFooter
from rvc_tui.widgets.heading import Heading
from rvc_tui.widgets.journal import JournalPanel
from rvc_tui.widgets.panel import Panel
from rvc_tui.widgets.places import PlacesLine

if TYPE_CHECKING:
    from rvc_tui.app import RvcApp


def in_language(active: ActiveBinding) -> ActiveBinding:
    binding = active.binding
    words = replace(binding, description=_(binding.description), tooltip=_(binding.tooltip))
    return active._replace(binding=words, tooltip=_(active.tooltip))


class AppScreen(MessageScreen):
    """Subclasses name their place, compose `body` from panels, and say their `command`."""

    place: ClassVar[str] = ""
    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (70, "-wide"), (110, "-broad")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (16, "-short"), (24, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "down", "down", key_display="j k", show=False, id="list.down"),
        Binding("k,up", "up", "up", show=False, id="list.up"),
        Binding("pagedown", "down(10)", "further down", show=False, id="list.page-down"),
        Binding("pageup,b", "up(10)", "further up", show=False, id="list.page-up"),
        Binding("g,home", "up(100000)", "first", show=False, id="list.first"),
        Binding("G,end", "down(100000)", "last", show=False, id="list.last"),
        Binding(
            "slash",
            "filter",
            key_display="/",
            show=False,
            id="journal.filter",
            tooltip="only lines of the journal with a text",
        ),
        Binding("escape", "clear_filter", show=False, id="journal.all"),
    ]

    @property
    def rvc(self) -> RvcApp:
        return cast("RvcApp", self.app)

    @property
    def session(self) -> Session:
        return self.rvc.session

    @property
    def ascii(self) -> bool:
        return self.rvc.ascii

    def compose(self) -> ComposeResult:
        yield Heading(ascii=self.ascii, id="heading")
        yield PlacesLine(self.place, ascii=self.ascii, id="places")
        yield from self.body()
        yield KeysFooter()

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """In the user's language: footer, help and palette show these."""
        found = super().active_bindings
        return found if is_english() else {key: in_language(binding) for key, binding in found.items()}

    def body(self) -> ComposeResult:
        """The panels between the row of screens and the footer."""
        yield FailurePanel(ascii=self.ascii, id="failure")

    def on_screen_resume(self) -> None:
        self.entered()
        self.draw()

    def entered(self) -> None:
        """The screen is displayed again: fetch what may have changed."""

    @property
    def has_panels(self) -> bool:
        """False while they come or go; timers and workers ask before they draw."""
        return self.is_mounted and bool(self.query(Panel))

    def draw(self) -> None:
        """Show the session as it is now."""
        if not self.has_panels:
            return
        state = self.session.state
        self.set_class(bool(failure_of(state)) and not state.starting, "-failing")
        for panel in self.query(Panel):
            panel.show(state, self.session.client.now())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """`works`, asked by Textual and by the app at any time: nothing works while a screen's panels come or go."""
        try:
            return self.works(action)
        except NoMatches:
            return False

    def forgives(self, error: Exception) -> bool:
        """What workers found may arrive when the panels are gone, as when the app closes: nobody waits for it then."""
        return isinstance(error, NoMatches) and not (self.app.is_running and self.has_panels)

    def works(self, action: str) -> bool:
        """Whether the key of this action does something now. May raise NoMatches."""
        if action == "copy":
            return bool(self.to_copy())
        if action == "filter":
            return self.journal is not None
        return self.filtering if action == "clear_filter" else True

    def usable(self) -> tuple[object, ...]:
        """Which of its own keys work now."""
        return tuple(
            self.check_action(b.action.partition("(")[0], ()) for b in type(self).BINDINGS if isinstance(b, Binding)
        )

    # --- the journal's filter -----------------------------------------------------------------------------------------
    @property
    def journal(self) -> JournalPanel | None:
        return next(iter(self.query(JournalPanel)), None) if self.is_mounted else None

    @property
    def filtering(self) -> bool:
        return self.journal is not None and bool(self.journal.wanted)

    def action_filter(self) -> None:
        """What is typed is looked for at once."""
        if self.journal is not None and not self.query(FilterLine):
            line = FilterLine(self.journal.wanted)
            self.mount(line, after=self.journal)
            line.focus()

    def action_clear_filter(self) -> None:
        if self.journal is not None:
            self.journal.only("")
            self.refresh_bindings()

    @on(Input.Changed, "#filter")
    def filter_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.journal is not None:
            self.journal.only(event.value.strip())

    @on(FilterLine.Left)
    def filter_left(self, event: FilterLine.Left) -> None:
        self.query(FilterLine).remove()
        if self.journal is not None:
            self.journal.only(event.wanted)
        self.refresh_bindings()

    # --- what keys need ----------------------------------------------------------------------------
    def command(self) -> list[str]:
        """The words after `rvc` that do what this screen does."""
        return ["status", self.session.client.spelled()] if self.session.client.name else ["list"]

    def to_copy(self) -> list[str]:
        """Paths or values that `y` copies."""
        return [str(artefact["path"]) for artefact in self.session.state.view.artefacts]

    def action_down(self, count: int = 1) -> None:
        self.move(count)

    def action_up(self, count: int = 1) -> None:
        self.move(-count)

    def move(self, count: int) -> None:
        """Down (or up, below 0) by so many rows or lines."""
