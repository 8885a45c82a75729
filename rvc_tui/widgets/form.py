"""Settings as rows: value, unit, whether it is the default; bounds and help of the chosen one below. One line is edited
at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic.fields import FieldInfo
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.suggester import Suggester, SuggestFromList
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from rvc_engine.common.printable import printable
from rvc_engine.errors import BadInput
from rvc_engine.setting import about, bounds_of, choices_of, set_field
from rvc_tui.engine_texts import translated
from rvc_tui.safe_cells import Field
from rvc_tui.texts import _

NAME_WIDTH = 18


@dataclass(frozen=True)
class Item:
    """One setting: its key (STAGE.name), declaration, value and default."""

    key: str
    field: FieldInfo
    value: Any
    default: Any

    @property
    def name(self) -> str:
        return self.key.partition(".")[2]

    @property
    def changed(self) -> bool:
        return bool(self.value != self.default)

    def as_flag(self) -> list[str]:
        """As the command line takes it."""
        flag = self.name.replace("_", "-")
        if isinstance(self.value, bool):
            return [f"--{flag}" if self.value else f"--no-{flag}"]
        return [f"--{flag}", str(self.value)]

    def next_choice(self) -> Any:
        """The next of the few values that it may have; None when it is typed."""
        if self.field.annotation is bool:
            return not self.value
        choices = choices_of(self.field)
        return choices[(choices.index(str(self.value)) + 1) % len(choices)] if choices else None


def items_of(stage: str, section: Any, defaults: Any) -> list[Item]:
    """Every setting of a stage, as declared in rvc_engine/settings.py."""
    fields = type(section).model_fields
    return [
        Item(f"{stage}.{name}", field, getattr(section, name), getattr(defaults, name))
        for name, field in fields.items()
    ]


def in_words(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return printable(value) if value != "" else _("(empty)")


def check(section: Any, item: Item, text: str) -> str:
    """Why `text` cannot be the value; empty when it can."""
    try:
        set_field(section.model_copy(), item.name, text, item.key)
    except BadInput as error:
        return ": ".join(translated(part) for part in (error.title, error.message) if part)
    return ""


class Form(Vertical):
    """Keys belong to the screen; the form says what they do: `move`, `edit`, `cycle`, `reset`."""

    class Changed(Message):
        def __init__(self, key: str, value: object) -> None:
            super().__init__()
            self.key, self.value = key, value

    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, *, ascii: bool, id: str | None = None) -> None:
        super().__init__(id=id)
        self.ascii = ascii
        self.items: list[Item] = []
        self.suggesters: dict[str, Suggester] = {}  # of what is typed, by setting
        self.listener: Callable[[Form.Changed], None] | None = (
            None  # called at once, before the next key, instead of a message
        )
        self.section: Any = None
        self._drawn_rows: list[Text] = []

    def compose(self) -> ComposeResult:
        rows = OptionList(id="rows", compact=True, markup=False)
        rows.can_focus = False
        yield rows
        yield Static("", id="about", markup=False)
        entry = Field(id="entry", compact=True, select_on_focus=True)
        entry.display = False
        yield entry

    @property
    def rows(self) -> OptionList:
        return self.query_one("#rows", OptionList)

    @property
    def editing(self) -> bool:
        return self.query_one("#entry", Input).display

    @property
    def chosen(self) -> Item | None:
        row = self.rows.highlighted
        return self.items[row] if row is not None and row < len(self.items) else None

    def show(self, items: list[Item], section: Any) -> None:
        """Draw these settings; the cursor stays where it is."""
        self.items, self.section = items, section
        self.draw_rows()
        self.tell()

    def draw_rows(self) -> None:
        """Only rows that look otherwise than before are touched."""
        rows, before = self.rows, self._drawn_rows
        at = min(rows.highlighted or 0, len(self.items) - 1)
        lines = [self.line(item, here=place == at) for place, item in enumerate(self.items)]
        if len(lines) != len(before):
            rows.clear_options()
            rows.add_options([Option(line) for line in lines])
            rows.highlighted = at if lines else None
        else:
            for place, (new, old) in enumerate(zip(lines, before, strict=True)):
                if new != old:
                    rows.replace_option_prompt_at_index(place, new)
        self._drawn_rows = lines

    def line(self, item: Item, *, here: bool) -> Text:
        unit = about(item.field)["unit"]
        value = in_words(item.value)
        mark = "> " if here else "  "
        line = Text.assemble(
            (mark, "bold"), ("* " if item.changed else "  ", "bold yellow"), (f"{item.name:<{NAME_WIDTH}} ", "")
        )
        line.append(value, "bold" if item.changed else "")
        line.append(f" {_(unit)}" if unit else "", "dim")
        if item.changed:
            default = _("(empty)") if item.default == "" else printable(item.default)
            line.append("   " + _("default {value}").format(value=default), "dim")
        return line

    def tell(self, problem: str = "") -> None:
        """Bounds and help of the chosen setting, or what is wrong with what is typed."""
        item = self.chosen
        if item is None:
            self.query_one("#about", Static).update("")
            return
        parts = [text for text in (str(bounds_of(item.field)), " | ".join(choices_of(item.field))) if text]
        extra = about(item.field)
        text = Text.assemble(
            (f"{item.name}  ", "bold"), f"{_(item.field.description or '')} ", ("  ".join(parts), "dim")
        )
        text.append(
            f"\n{printable(problem)}" if problem else f"\n{_(extra['effect'])}", "bold red" if problem else "dim"
        )
        self.query_one("#about", Static).update(text)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self.draw_rows()
        self.tell()

    # --- keys ---------------------------------------------------------------------------------------------------------
    def move(self, count: int) -> None:
        if self.items:
            at = self.rows.highlighted or 0
            self.rows.highlighted = max(0, min(len(self.items) - 1, at + count))

    def cycle(self) -> None:
        """The next choice of a setting that has few; others are typed."""
        item = self.chosen
        if item is None:
            return
        value = item.next_choice()
        if value is None:
            self.edit()
        else:
            self.change(item.key, value)

    def reset(self) -> None:
        if (item := self.chosen) is not None and item.changed:
            self.change(item.key, item.default)

    def change(self, key: str, value: object) -> None:
        message = self.Changed(key, value)
        if self.listener is not None:
            self.listener(message)
        else:
            self.post_message(message)

    def edit(self) -> None:
        item = self.chosen
        if item is None:
            return
        entry = self.query_one("#entry", Input)
        entry.value = str(item.value)
        choices = choices_of(item.field)
        entry.suggester = SuggestFromList(choices, case_sensitive=False) if choices else self.suggesters.get(item.name)
        entry.display = True
        self.screen.set_focus(entry)  # now: the next key is typed

    def leave_entry(self) -> None:
        entry = self.query_one("#entry", Input)
        entry.display = False
        self.screen.set_focus(None)
        self.tell()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.editing and (item := self.chosen) is not None:
            self.tell(check(self.section, item, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        item = self.chosen
        if item is None:
            return
        problem = check(self.section, item, event.value)
        if problem:
            self.tell(problem)
            return
        self.leave_entry()
        self.change(item.key, event.value)
