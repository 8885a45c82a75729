"""What a run of the whole pipeline would do: each stage, why, and how long it took last time."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from rvc_engine.commands.display import duration
from rvc_tui.session import Session

WORDS = {"skip": "up to date", "start": "runs", "go_on": "goes on", "replace": "runs anew; old work is moved aside", "after": "runs"}


class PlanScreen(ModalScreen[bool]):
    """Enter or r starts; everything else goes back."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,r", "answer(True)", "start", id="plan.start"),
        Binding("n,q,escape", "answer(False)", "back", id="plan.back"),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box", can_focus=False):
            yield Static(self.text(), id="plan")
            yield Static("enter or r  start    esc  back", markup=False, classes="keys")

    def text(self) -> Text:
        session, outlook = self.session, self.session.state.outlook
        lines = [Text.assemble("Run ", (session.client.name, "bold"), f" on {session.recordings}"), Text()]
        for name, action, reason in outlook.plan:
            took = outlook.took.get(name)
            line = Text.assemble((f"{name:<11}", "bold"), WORDS.get(action, action))
            line.append(f"  {reason}" if action not in ("skip", "after") else "", "dim")
            line.append(f"  took {duration(took)} last time" if took else "", "dim")
            lines.append(line)
        if not outlook.plan:
            lines.append(Text("every stage: preprocess, pitch, features, train, index"))
        if outlook.missing:
            lines += [Text(), Text.assemble(("needs  ", "bold"), ", ".join(outlook.missing))]
            lines.append(Text(f"       rvc assets pull {session.preset or outlook.preset} fetches them"))
        return Text("\n").join(lines)

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)
