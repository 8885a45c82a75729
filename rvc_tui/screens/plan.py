"""What a run of the whole pipeline would do: each stage, why, and how long it took last time."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from rvc_engine.client.words import duration
from rvc_engine.common.printable import listed, printable
from rvc_tui.drawing import padded
from rvc_tui.engine_texts import translated
from rvc_tui.session import Session
from rvc_tui.texts import N_, _
from rvc_tui.widgets.stages import stage_name

WORDS = {
    "skip": N_("up to date"),
    "start": N_("runs"),
    "resume": N_("resumes"),
    "after": N_("runs"),
    "replace": N_("runs anew; old work is moved to a backup"),
}


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
            yield Static(_("enter or r  start    esc  back"), markup=False, classes="keys")

    def text(self) -> Text:
        session, outlook = self.session, self.session.state.outlook
        before, _name, after = _("Run {name} on {folder}").partition("{name}")
        lines = [
            Text.assemble(
                before, (printable(session.client.name), "bold"), after.format(folder=printable(session.recordings))
            ),
            Text(),
        ]
        for name, action, reason in outlook.plan:
            took = outlook.took.get(name)
            line = Text.assemble((stage_name(name), "bold"), printable(_(WORDS.get(action, action))))
            line.append(f"  {printable(translated(reason))}" if action not in ("skip", "after") else "", "dim")
            line.append("  " + _("took {time} last time").format(time=duration(took)) if took else "", "dim")
            lines.append(line)
        if not outlook.plan:
            lines.append(Text(_("every stage: preprocess, pitch, features, train, index")))
        if outlook.doubt:
            lines += [Text(), Text(translated(outlook.doubt), "bold")]
            lines.append(Text(_("The old work moves to a backup; its voice stays until the new one is whole."), "dim"))
        if outlook.missing:
            lines += [Text(), Text.assemble((padded(_("needs"), 5) + "  ", "bold"), listed(outlook.missing))]
            pull = f"rvc assets pull {session.preset or outlook.preset}"
            lines.append(Text(" " * 7 + _("{command} fetches them").format(command=printable(pull))))
        return Text("\n").join(lines)

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)
