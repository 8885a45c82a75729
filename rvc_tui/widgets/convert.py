"""What is to be converted and how far it is, in a few lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.cells import cell_len
from rich.text import Text

from rvc_engine.client.state import SILENT_S, ScreenState
from rvc_engine.client.words import duration
from rvc_engine.common.printable import LONG, printable
from rvc_engine.events import Converted, ItemSkipped
from rvc_engine.messages import NOTHING
from rvc_engine.run.view import StageView
from rvc_tui.conversion import Conversion, Request
from rvc_tui.drawing import bar, cut, padded, shortened
from rvc_tui.engine_texts import translated
from rvc_tui.texts import _, meant
from rvc_tui.widgets.panel import Panel, join
from rvc_tui.widgets.paths import within

LABEL = 9  # cells
ITEM = 60  # characters of a recording's name
STYLE = {
    "running": "bold cyan",
    "finished": "bold green",
    "failed": "bold red",
    "stopped": "bold yellow",
    "idle": "bold",
}


class ConvertPanel(Panel):
    """`request` and `work` are the screen's; `known`: the row of the chosen voice in the list of voices."""

    TITLE = "Convert"

    def __init__(self, *, ascii: bool, id: str | None = None) -> None:
        super().__init__(ascii=ascii, id=id)
        self.request: Request | None = None
        self.work = Conversion()
        self.known: dict[str, Any] | None = None

    def draw(self, state: ScreenState, width: int, now: float) -> Text:
        request = self.request
        if request is None:
            return Text(_("reading..."), "dim")
        room = width - LABEL
        return join(
            [
                self.row(_("voice"), self.voice(request), room),
                self.row(_("index"), self.index(request), room),
                self.row(meant("label", "files"), self.files(request, room), room),
                self.row(_("output"), within(request.goal, request.home), room),
                self.progress(request, width, now),
            ]
        )

    def row(self, label: str, value: str, room: int) -> Text:
        return Text.assemble((padded(label, LABEL), "dim"), shortened(printable(value), room, ascii=self.ascii))

    def voice(self, request: Request) -> str:
        if not request.voice:
            return _("not chosen")
        row = self.known
        facts = _(", ").join(fact for fact in (kind_of(row), epochs_of(row)) if fact) if row else ""
        return within(request.voice, request.home) + (f" ({facts})" if facts else "")

    def index(self, request: Request) -> str:
        if request.settings.index_rate == 0:
            return _("not used: index_rate is 0")
        if request.index:
            return {"none": _("not used")}.get(request.index, within(request.index, request.home))
        if self.known is None:
            return _("the voice's own")
        own = self.known["index"] if self.known["voice"] == request.voice and self.known["what"] != "bundle" else None
        if self.known["has_index"]:
            return _("the one in the bundle")
        named = own and self.known["voice"] == self.known["name"]
        return (
            _("the voice's own: {path}").format(path=within(str(own), request.home))
            if named
            else _("none: the voice has none of its own")
        )

    def files(self, request: Request, room: int) -> str:
        if not request.inputs:
            return _("none")
        names = (
            [within(path, request.home) for path in request.inputs]
            if len(request.inputs) == 1
            else [printable(Path(path).name) for path in request.inputs]
        )
        text = names[0] if len(names) == 1 else f"{len(names)}: {', '.join(names)}"
        mark = "..." if self.ascii else "…"
        return text if len(names) == 1 or cell_len(text) <= room else cut(text, room - len(mark)) + mark

    def progress(self, request: Request, width: int, now: float) -> Text:
        work = self.work
        if work.state == "idle":
            return Text(request.missing() or _("x converts"), "bold")
        # one of the queue may be of another voice and recordings
        whose = f"{work.name}: " if work.name and not work.asked_at else ""
        if not work.running:
            return Text(whose).append(self.ended())
        view = work.view
        stage = view.stages.get(view.stage) or StageView("", NOTHING)
        silent = now - (view.updated_at or work.asked_at)
        tail = _("no progress for {time}").format(time=duration(silent))
        if silent <= SILENT_S:
            tail = _("for {time}").format(time=duration(max(0.0, now - (view.started_at or work.asked_at))))
        tail = "  " + tail
        if not stage.total:
            return Text(whose + _("starting") + tail, STYLE["running"])
        done, seconds = view.part
        text = f" {stage.done}/{stage.total} {_('files')}"
        text += f"  {printable(stage.item, ITEM)} {done}/{seconds} s" if seconds else ""
        share = stage.done + (done / seconds if seconds else 0)
        room = width - cell_len(whose) - cell_len(text) - cell_len(tail)
        drawn = bar(share, stage.total, max(8, min(24, room)), ascii=self.ascii)
        return Text.assemble(
            whose, (drawn, STYLE["running"]), text, (tail, "bold yellow" if silent > SILENT_S else "dim")
        )

    def ended(self) -> Text:
        work = self.work
        took = duration(max(0.0, work.view.updated_at - work.view.started_at))
        text = Text.assemble((_(work.state), STYLE[work.state]), _(" after {time}: ").format(time=took))
        text.append(_("{count} converted").format(count=len(work.paths)))
        text.append(_(", {count} failed").format(count=work.failed) if work.failed else "", "bold red")
        if work.state == "stopped" and work.paths:
            text.append(_("; what was converted stays"))
        return text


def kind_of(row: dict[str, Any] | None) -> str:
    """v2 40k"""
    if row is None or not row["version"]:
        return ""
    return f"{printable(row['version'])} {int(row['sample_rate'] or 0) // 1000}k" + (
        "" if row["pitch"] else _(" without pitch")
    )


def epochs_of(row: dict[str, Any] | None) -> str:
    return (
        _("epoch {count}").format(count=printable(row["epochs"]))
        if row is not None and row["epochs"] is not None
        else ""
    )


def result_row(result: Converted | ItemSkipped) -> Text:
    if isinstance(result, ItemSkipped):
        reason = printable(" ".join(translated(result.reason).split()), LONG)
        return Text.assemble(
            (padded(_("failed"), 7), "bold red"), f"{'':>9}  {printable(Path(result.item).name)}: {reason}"
        )
    return Text.assemble(
        (padded(_("done"), 7), "green"), f"{result.seconds:>7.1f} s  {printable(Path(result.path).name)}"
    )


def result_lines(result: Converted | ItemSkipped | None, error: tuple[str, str, str]) -> list[Text]:
    """The chosen result in full, and what stopped the whole."""
    lines = []
    if error[0]:
        parts = (("", error[0], "bold red"), (_("cause"), error[1], ""), (_("fix"), error[2], "bold"))
        lines = [
            Text.assemble(
                (padded(label, LABEL) if label else "", "dim"), (printable(" ".join(text.split()), LONG), style)
            )
            for label, text, style in parts
            if text
        ]
    if result is not None:
        source = result.item if isinstance(result, ItemSkipped) else result.source
        lines.append(Text.assemble((padded(_("from"), LABEL), "dim"), printable(source)))
        lines.append(
            Text.assemble((padded(_("failed"), LABEL), "bold red"), printable(translated(result.reason), LONG))
            if isinstance(result, ItemSkipped)
            else Text.assemble((padded(_("to"), LABEL), "dim"), printable(result.path))
        )
    return lines
