"""The recordings: how much there is, which preset fits, what is wrong and the fix, file by file."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from rvc_engine.client.engine_client import Client, Ended
from rvc_engine.common.lines import Answered
from rvc_engine.common.printable import printable
from rvc_engine.dataset.files import dataset_path
from rvc_engine.errors import BadInput
from rvc_engine.events import Progressed
from rvc_tui.drawing import bar, padded
from rvc_tui.engine_texts import error_line, translated
from rvc_tui.recordings import (
    ORDERS,
    Report,
    about_file,
    about_finding,
    file_line,
    finding_line,
    header,
    ordered,
    pictures,
    summary,
)
from rvc_tui.screens.base import AppScreen
from rvc_tui.screens.choose import FolderSuggester
from rvc_tui.screens.name import NameScreen
from rvc_tui.texts import _
from rvc_tui.widgets.failure import FailurePanel
from rvc_tui.widgets.rows import RowsPanel, TextPanel

VIEWS = ("findings", "files", "pictures")
SETTLED_S = 0.4  # on the screen for so long: it is meant, not passed by
STOPPED = (130, -2)
NAME_WIDTH = (20, 50)


class DatasetScreen(AppScreen):
    place = "dataset"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "folder", "folder", id="dataset.folder", tooltip="choose another folder of recordings"),
        Binding("v", "view", "view", id="dataset.view", tooltip="findings, files, pictures"),
        Binding(
            "o",
            "order",
            "order",
            id="dataset.order",
            tooltip="order of the files, worst first: by finding, length, loudness, noise, ...",
        ),
        Binding("u", "use", "use", id="dataset.use", tooltip="make the folder the recordings of the experiment"),
        Binding(
            "R",
            "read",
            "read",
            show=False,
            id="dataset.read",
            tooltip="read the folder again; files that have not changed are known",
        ),
        Binding("X", "stop_reading", "stop", id="dataset.stop", tooltip="stop reading; what is measured is kept"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.folder = ""  # chosen here; empty: the experiment's
        self.read_folder = ""  # that the report, or the problem, is about
        self.report: Report | None = None
        self.reading = self.problem = ""
        self.progress = (0, 0)
        self.view, self.order = "findings", "worst"
        self._experiment = ""

    def body(self) -> ComposeResult:
        yield TextPanel(_("Recordings"), ascii=self.ascii, id="summary")
        yield RowsPanel(_("Findings"), ascii=self.ascii, id="rows")
        yield TextPanel(ascii=self.ascii, id="about")
        yield FailurePanel(ascii=self.ascii, id="failure")

    def entered(self) -> None:
        if self._experiment != self.session.client.folder:
            self._experiment, self.folder = self.session.client.folder, ""
        self.show_all()
        self.set_timer(SETTLED_S, self.read_if_new)

    def on_resize(self) -> None:
        self.show_all()

    @property
    def rows(self) -> RowsPanel:
        return self.query_one(RowsPanel)

    @property
    def displayed_folder(self) -> str:
        return self.folder or self.session.recordings

    # --- reading -----------------------------------------------------------------------------------
    def read_if_new(self) -> None:
        """A training needs the cores: then reading waits for its key."""
        free = not self.reading and not self.session.state.running
        if self.rvc.displayed is self and self.displayed_folder and self.displayed_folder != self.read_folder and free:
            self.action_read()
        else:
            self.show_all()

    def words(self) -> list[str]:
        words = ["dataset", self.displayed_folder or "FOLDER"]
        settings = self.session.settings() if self.session.client.name and not self.folder else None
        return [*words, "--subfolders"] if settings is not None and settings.preprocess.subfolders else words

    @work(thread=True, group="dataset", exclusive=True)
    def read(self, client: Client, words: list[str]) -> None:
        report: Report | None = None
        for line in client.stream(words):
            if isinstance(line, Progressed):
                self.call_later(self.progressed, line.done, line.total)
            elif isinstance(line, Answered):
                report = line.data
            elif isinstance(line, Ended):
                self.call_later(self.ended, words[1], report, line.exit_code, line.problem)

    def progressed(self, done: int, total: int) -> None:
        self.progress = (done, total)
        self.show_all()

    def ended(self, folder: str, report: Report | None, code: int, problem: str) -> None:
        self.reading, self.read_folder = "", folder
        self.session.unfinished.pop("dataset", None)
        stopped = code in STOPPED
        self.problem = _("stopped; R resumes, what is measured is kept") if stopped else problem
        self.report = report if code == 0 else None
        self.rows.cursor = 0
        self.show_all()
        self.rvc.draw()

    # --- drawing -----------------------------------------------------------------------------------
    def show_all(self) -> None:
        if not self.has_panels:
            return
        self.query_one("#summary", TextPanel).border_title = Text(
            f"{_('Recordings')}: {printable(self.reading or self.read_folder or self.displayed_folder) or _('none')}"
        )
        self.query_one("#summary", TextPanel).fill(self.summary_lines())
        report = self.report if not self.reading else None
        if report is None:
            self.rows.display = False
            self.query_one("#about", TextPanel).fill([])
        else:
            self.rows.display = True
            getattr(self, f"show_{self.view}")(report)
        self.refresh_bindings()

    def summary_lines(self) -> list[Text]:
        if self.reading:
            done, total = self.progress
            how_far = (
                f"{bar(done, total, 32, ascii=self.ascii)} {done}/{total} {_('files')}" if total else _("reading...")
            )
            return [Text(how_far), Text(_("X stops it; what is measured is kept"), "dim")]
        if self.problem:
            problem = Text(printable(translated(self.problem)), "bold red")
            return [problem, Text(_("f chooses a folder, R reads it again"), "dim")]
        if self.report is not None:
            return summary(self.report)
        if not self.displayed_folder:
            return [Text(_("f chooses a folder of recordings"), "dim")]
        return [
            Text(
                _("R reads the recordings; a run is under way and would be slowed")
                if self.session.state.running
                else _("R reads the recordings"),
                "dim",
            )
        ]

    def show_findings(self, report: Report) -> None:
        self.rows.border_title = _("Findings   v: files, pictures")
        self.rows.fill([finding_line(finding) for finding in report["findings"]])
        self.query_one("#about", TextPanel).fill(
            about_finding(report["findings"][self.rows.cursor]) if report["findings"] else []
        )

    def show_files(self, report: Report) -> None:
        files = ordered(report, self.order)
        low, high = NAME_WIDTH
        width = max(
            low,
            min(
                high, self.size.width - cell_len(header()) - 6, max(cell_len(printable(file["name"])) for file in files)
            ),
        )
        self.rows.border_title = (
            _("Files, worst first by {order}").format(order=_(self.order))
            if self.order != "worst"
            else _("Files, those with the worst findings first")
        )
        self.rows.fill(
            [file_line(file, width) for file in files],
            header=Text(f"{padded(_('recording'), width)} {header()}", "dim"),
        )
        self.query_one("#about", TextPanel).fill(about_file(report, files[self.rows.cursor]))

    def show_pictures(self, report: Report) -> None:
        self.rows.border_title = _("Pictures: how many files are where")
        self.rows.fill(pictures(report, self.size.width - 4, ascii=self.ascii))
        self.query_one("#about", TextPanel).fill([])

    # --- keys --------------------------------------------------------------------------------------
    def works(self, action: str) -> bool:
        if action == "view":
            return self.report is not None and not self.reading
        if action == "order":
            return self.report is not None and not self.reading and self.view == "files"
        if action == "use":
            return bool(self.session.client.name and self.folder) and self.folder != self.session.recordings
        if action == "read":
            return bool(self.displayed_folder) and not self.reading
        if action == "stop_reading":
            return bool(self.reading)
        return super().works(action)

    def command(self) -> list[str]:
        return self.words()

    def to_copy(self) -> list[str]:
        """The findings as text; before there are any, the folder."""
        if self.report is None:
            return [self.displayed_folder] if self.displayed_folder else []
        return [
            self.read_folder,
            *(f"{_(finding['severity'])}: {translated(finding['what'])}" for finding in self.report["findings"]),
        ]

    def move(self, count: int) -> None:
        if self.report is not None:
            self.rows.move(count)
            self.show_all()

    def action_view(self) -> None:
        self.view = VIEWS[(VIEWS.index(self.view) + 1) % len(VIEWS)]
        self.rows.cursor = 0
        self.show_all()

    def action_order(self) -> None:
        self.order = ORDERS[(ORDERS.index(self.order) + 1) % len(ORDERS)]
        self.rows.cursor = 0
        self.show_all()

    def action_folder(self) -> None:
        def chosen(text: str | None) -> None:
            if not text:
                return
            try:
                self.folder = dataset_path(text)
            except BadInput as error:
                self.problem = error_line(error)
                self.show_all()
            else:
                self.action_read()

        self.app.push_screen(NameScreen(_("Folder of recordings"), self.displayed_folder, FolderSuggester()), chosen)

    def action_read(self) -> None:
        if self.reading:
            self.session.client.interrupt("dataset")
        self.reading, self.problem, self.progress = self.displayed_folder, "", (0, 0)
        self.session.unfinished["dataset"] = ""  # nothing would be lost
        self.show_all()
        self.read(self.session.client, self.words_to_read())

    def words_to_read(self) -> list[str]:
        return [*self.words(), "--json"]

    def action_stop_reading(self) -> None:
        self.session.client.interrupt("dataset")

    def action_use(self) -> None:
        if why := self.session.client.change("dataset", self.folder):
            self.notify(why, title=_("Not changed"), severity="error")
            return
        self.session.dataset = ""
        self.notify(_("{name} is trained on {folder}").format(name=self.session.client.name, folder=self.folder))
        self.rvc.look_now()
        self.show_all()
