"""The published weights: which presets have theirs, what is missing, fetching, checking; and what this machine can
do."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from rvc_engine.client.engine_client import Answer, Client, Ended
from rvc_engine.client.replies import FileTransfer
from rvc_engine.client.words import size
from rvc_engine.common.lines import Answered, Line
from rvc_engine.common.printable import LONG, listed, printable
from rvc_engine.presets import PUBLIC_PRESETS
from rvc_tui.drawing import aligned, bar, padded, shortened
from rvc_tui.engine_texts import translated
from rvc_tui.published import Need, Row, by_hand, bytes_of, need_of, place_of, progress_of
from rvc_tui.screens.base import AppScreen
from rvc_tui.screens.confirm import ConfirmScreen
from rvc_tui.screens.page import PageScreen
from rvc_tui.texts import N_, _
from rvc_tui.widgets.failure import FailurePanel
from rvc_tui.widgets.rows import RowsPanel, TextPanel

STYLE = {
    N_("missing"): "yellow",
    N_("differs"): "bold red",
    N_("verified"): "green",
    N_("failed"): "bold red",
    N_("downloading"): "bold cyan",
    N_("done"): "green",
    N_("not checked yet"): "",
    N_("another form"): "",
    N_("checking"): "",
}
MARK = {"ok": ("ok  ", "green"), "warn": ("!   ", "yellow"), "fail": ("FAIL", "bold red")}
STOPPED = 130  # exit code


class AssetsScreen(AppScreen):
    place = "assets"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "p,enter",
            "pull",
            "pull",
            id="assets.pull",
            tooltip="fetch what the chosen preset needs (asks, with the size)",
        ),
        Binding("X", "stop_pull", "stop pull", id="assets.stop", tooltip="stop the download; what is here is kept"),
        Binding("v", "verify", "verify", id="assets.verify", tooltip="compare every file with its published sum"),
        Binding(
            "i",
            "by_hand",
            "by hand",
            show=False,
            id="assets.by-hand",
            tooltip="what to copy here when this machine cannot download",
        ),
        Binding("d", "doctor", "doctor", id="assets.doctor", tooltip="what this machine can do, and what to repair"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.assets: list[Row] = []
        self.pulling = ""  # the preset that is fetched
        self.transfers: dict[str, FileTransfer] = {}  # the last line of each file
        self.verifying = False
        self.list_problem = self.pull_problem = ""

    def body(self) -> ComposeResult:
        yield RowsPanel(_("Presets"), _("reading..."), ascii=self.ascii, id="presets")
        yield TextPanel(_("Files"), ascii=self.ascii, id="files")
        yield FailurePanel(ascii=self.ascii, id="failure")

    def entered(self) -> None:
        self.fetch(self.session.client)

    @property
    def rows(self) -> RowsPanel:
        return self.query_one(RowsPanel)

    @property
    def chosen(self) -> Need | None:
        return need_of(PUBLIC_PRESETS[self.rows.cursor], self.assets) if self.assets else None

    # --- what the engine says ----------------------------------------------------------------------
    @work(thread=True, group="assets", exclusive=True)
    def fetch(self, client: Client) -> None:
        self.call_later(self.listed, client.ask(["assets", "list", "--json"]))

    def listed(self, answer: Answer) -> None:
        first = not self.assets
        self.assets = answer.data if isinstance(answer.data, list) else self.assets
        self.list_problem = answer.problem
        if first and self.session.state.preset in PUBLIC_PRESETS:
            self.rows.cursor = PUBLIC_PRESETS.index(self.session.state.preset)
        self.show_all()
        self.rvc.draw()

    @work(thread=True, group="pull")
    def pull(self, client: Client, preset: str) -> None:
        for line in client.stream(["assets", "pull", preset, "--json"]):
            self.call_later(self.pulled, line)

    def pulled(self, line: Line | Ended) -> None:
        if isinstance(line, Ended):
            self.pull_ended(line.exit_code, line.problem)
        elif isinstance(line, FileTransfer):
            self.transfers[line.file] = line
            self.show_all()
        elif isinstance(line, Answered) and line.data.get("event") == "by_hand" and self.rvc.displayed is self:
            self.action_by_hand()

    def pull_ended(self, code: int, problem: str) -> None:
        preset, self.pulling, self.transfers = self.pulling, "", {}
        self.session.unfinished.pop("assets", None)
        if code == 0:
            self.notify(_("{preset} has all that it needs").format(preset=preset))
        elif code in (STOPPED, -2):
            self.notify(
                _("what is here is kept; p resumes from there"), title=_("The download is stopped"), severity="warning"
            )
        else:
            title = _("{preset} is not complete").format(preset=preset)
            self.notify(translated(problem), title=title, severity="error", timeout=15)
        self.pull_problem = problem if code not in (0, STOPPED, -2) else ""
        self.rvc.look_now()
        self.fetch(self.session.client)

    @work(thread=True, group="verify")
    def check(self, client: Client) -> None:
        problem, rows = "", None
        for line in client.stream(["assets", "verify", "--json"]):
            if isinstance(line, Answered):
                rows = line.data
            elif isinstance(line, Ended):
                problem = line.problem
        self.call_later(self.verified, rows, problem)

    def verified(self, rows: list[Row] | None, problem: str) -> None:
        self.verifying = False
        self.session.unfinished.pop("verify", None)
        if rows is None:
            self.notify(translated(problem), title=_("Not verified"), severity="error", timeout=10)
        else:
            bad = [row["name"] for row in rows if row["state"] == "differs"]
            here = sum(row["state"] != "missing" for row in rows)
            if bad:
                again = _("{names}: p fetches them again").format(names=", ".join(bad))
                self.notify(again, title=_("Not as published"), severity="error", timeout=15)
            else:
                self.notify(
                    _("{count} files are as published").format(count=here) if here else _("there is no file to verify")
                )
        self.fetch(self.session.client)

    @work(thread=True, group="doctor", exclusive=True)
    def examine(self, client: Client, page: PageScreen) -> None:
        answer = client.ask(["doctor", "--json"])
        lines = (
            findings(answer.data["findings"])
            if isinstance(answer.data, dict)
            else [Text(printable(translated(answer.problem)), "bold red")]
        )
        self.call_later(page.fill, lines)

    # --- drawing -----------------------------------------------------------------------------------
    def show_all(self) -> None:
        if not self.has_panels:
            return
        self.rows.nothing = printable(translated(self.list_problem)) or _("reading...")
        self.rows.fill(
            [self.preset_line(need_of(preset, self.assets)) for preset in PUBLIC_PRESETS] if self.assets else []
        )
        need = self.chosen
        files = self.query_one("#files", TextPanel)
        if need is None:
            files.fill([])
            return
        files.border_title = _("What {preset} needs").format(preset=need.preset)
        lines = [self.file_line(row) for row in need.rows] or [Text(_("nothing: it is part of the program"))]
        lines += [Text(printable(translated(self.pull_problem)), "bold red")] if self.pull_problem else []
        lines += (
            [Text(_("verifying: a sum is computed of every file that is new here"), "dim")] if self.verifying else []
        )
        files.fill(lines)

    def preset_line(self, need: Need) -> Text:
        line = Text.assemble((f"{need.preset:<9} ", "bold"))
        if self.pulling == need.preset:
            return line.append(_("is fetched; X stops it"), "bold cyan")
        if not need.lacking:
            return line.append(_("complete"), "green")
        return line.append(
            _("{missing} of {count} files missing").format(missing=len(need.lacking), count=len(need.rows)), "yellow"
        ).append(f"  {need.size}", "dim")

    def file_line(self, row: Row) -> Text:
        transfer = self.transfers.get(row["name"])
        state = transfer.state if transfer else row["state"]
        line = Text.assemble(
            (f"{printable(row['name']):<16} ", "bold"), (padded(printable(_(state)), 15) + " ", STYLE.get(state, ""))
        )
        if transfer and state == "downloading":
            return line.append(bar(transfer.done, transfer.total or 0, 14, ascii=self.ascii) + " ").append(
                printable(progress_of(transfer))
            )
        if transfer:
            return line.append(printable(progress_of(transfer).removeprefix(_(state)).strip()))
        known = bytes_of(row)
        line.append(aligned(size(known) if known else _("size not stated"), 15) + "  ")
        where = printable(place_of(self.session.client.home, row))
        return line.append(shortened(where, max(20, self.size.width - line.cell_len - 4), ascii=self.ascii), "dim")

    # --- keys --------------------------------------------------------------------------------------
    def works(self, action: str) -> bool:
        if action == "pull":
            return bool(self.chosen and self.chosen.rows) and not self.pulling
        if action == "stop_pull":
            return bool(self.pulling)
        if action == "verify":
            return bool(self.assets) and not self.verifying
        if action == "by_hand":
            return bool(self.chosen and self.chosen.lacking)
        return super().works(action)

    def command(self) -> list[str]:
        need = self.chosen
        return ["assets", "pull", need.preset] if need is not None and need.lacking else ["assets", "list"]

    def to_copy(self) -> list[str]:
        """Where the missing files come from; where nothing is missing, where the files are."""
        need = self.chosen if self.is_mounted else None
        if need is None:
            return []
        return [row["url"] for row in need.lacking] or [place_of(self.session.client.home, row) for row in need.rows]

    def move(self, count: int) -> None:
        self.rows.move(count)
        self.show_all()
        self.refresh_bindings()

    def action_pull(self) -> None:
        need = self.chosen
        if need is None:
            return
        if not need.lacking:
            self.notify(
                _("{preset} is complete; v compares its files with the published sums").format(preset=need.preset)
            )
            return

        def answered(yes: bool | None) -> None:
            if yes and not self.pulling:
                self.pulling, self.pull_problem = need.preset, ""
                self.session.unfinished["assets"] = _("the download of {preset}; what is here is kept").format(
                    preset=need.preset
                )
                self.pull(self.session.client, need.preset)
                self.show_all()
                self.refresh_bindings()

        names = listed(row["name"] for row in need.lacking)
        goal = self.session.client.home / "pretrained"
        self.app.push_screen(
            ConfirmScreen(
                _("Fetch {names}\n{size}\nfrom the hub into {folder}?").format(
                    names=names, size=need.size, folder=printable(goal)
                )
            ),
            answered,
        )

    def action_stop_pull(self) -> None:
        self.session.client.interrupt("assets pull")

    def action_verify(self) -> None:
        self.verifying = True
        self.session.unfinished["verify"] = _("comparing the files with their sums")
        self.check(self.session.client)
        self.show_all()
        self.refresh_bindings()

    def action_by_hand(self) -> None:
        need = self.chosen
        if need is not None:
            lines = by_hand(self.session.client.home, need)
            self.app.push_screen(
                PageScreen(
                    _("{preset} without a download").format(preset=need.preset),
                    [Text(printable(line)) for line in lines],
                    lines,
                )
            )

    def action_doctor(self) -> None:
        page = PageScreen(
            _("What this machine can do (rvc doctor)"), [Text(_("examining; this takes some seconds"), "dim")]
        )
        self.app.push_screen(page)
        self.examine(self.session.client, page)


def findings(rows: list[dict[str, str]]) -> list[Text]:
    """What must be repaired first."""
    order = {"fail": 0, "warn": 1}
    lines = []
    for row in sorted(rows, key=lambda row: order.get(row["state"], 2)):
        lines.append(
            Text.assemble(
                MARK.get(row["state"], ("n/a ", "dim")),
                (f" {printable(row['name']):<14} ", "bold"),
                printable(translated(row["found"]), LONG),
            )
        )
        lines += [Text(f"{'':<20} -> {printable(translated(row['advice']), LONG)}")] if row["advice"] else []
    return lines
