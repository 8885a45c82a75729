"""The app's only way to the engine: start it by its command line, stop it, read what it writes. Blocking calls, for worker threads."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from rvc_engine import launcher
from rvc_engine.errors import RvcError
from rvc_engine.events import Event
from rvc_engine.experiment import Experiment, Workspace
from rvc_engine.journal import JournalReader, journals
from rvc_engine.lock import live_holder
from rvc_engine.pipeline import plan, stages_until
from rvc_engine.status import read_heartbeat
from rvc_tui.gpu import Machine, read_machine
from rvc_tui.state import Outlook

CHUNK_BYTES = 1 << 18  # of a journal a batch: a long replay leaves the app responsive
START_S = 300.0


@dataclass(frozen=True)
class Update:
    """New events; whether the engine lives; when it last made progress, by its heartbeat (0: not told)."""

    events: list[Event] = field(default_factory=list)
    alive: bool = False
    event_at: float = 0.0
    stuck_after_s: float = 0.0  # when silence is worth telling (0: not told)
    more: bool = False  # a replay goes on: ask again at once


class Client(Protocol):
    """What the screen needs of an engine; tests have a pretended one."""

    name: str
    folder: str
    home: Path

    def poll(self) -> Update: ...
    def start(self, dataset: str, preset: str) -> str: ...
    def stop(self) -> str: ...
    def outlook(self) -> Outlook: ...
    def machine(self) -> Machine: ...
    def names(self) -> list[str]: ...
    def switch(self, name: str) -> Client: ...
    def now(self) -> float: ...


class EngineClient:
    """One experiment of a workspace; an empty `name` means none is chosen yet."""

    def __init__(self, home: Path, name: str) -> None:
        self.home, self.name = home, name
        self.workspace = Workspace(home)
        self.experiment: Experiment | None = self.workspace.experiment(name) if name else None
        self.folder = str(self.experiment.folder) if self.experiment else ""
        self._reader: JournalReader | None = None

    def now(self) -> float:
        return time.time()

    def names(self) -> list[str]:
        return [experiment.name for experiment in self.workspace.experiments()]

    def switch(self, name: str) -> EngineClient:
        """Raises BadInput for what cannot be a name."""
        return EngineClient(self.home, name)

    def poll(self) -> Update:
        """What has been written since the last call; a newer run is followed as soon as it has a journal."""
        if self.experiment is None:
            return Update()
        holder = live_holder(self.experiment.lock)  # before reading: what an engine wrote last is still read
        files = journals(self.experiment.runs)
        if not files:
            return Update(alive=holder is not None)
        if self._reader is None or self._reader.path != files[-1]:
            if self._reader is not None and (last := self._reader.read_new()):
                return Update(last, holder is not None)  # the end of the older run first
            self._reader = JournalReader(files[-1])
        events = self._reader.read_new(CHUNK_BYTES)
        beat = read_heartbeat(self.experiment) if holder else {}
        event_at, stuck_after_s = (float(beat.get(key) or 0.0) for key in ("event_at", "stuck_after_s"))
        return Update(events, holder is not None, event_at, stuck_after_s, more=bool(events))

    def start(self, dataset: str, preset: str) -> str:
        """Start the whole pipeline, as `rvc run --detach` does. Empty, or the one line that says why not."""
        command = self.command(dataset, preset)
        try:
            done = subprocess.run(
                command,
                env=launcher.engine_environment(),
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=START_S,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            return f"the engine did not start within {START_S:.0f} s"
        said = [line.strip() for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
        if done.returncode == 0:
            return ""
        return said[-1].removeprefix("rvc run: ") if said else f"rvc run ended with exit code {done.returncode}"

    def command(self, dataset: str, preset: str) -> list[str]:
        words = [sys.executable, "-m", "rvc_engine", "run", self._spelled(), "--detach", "--json", "--home", str(self.home)]
        words += ["--dataset", dataset] if dataset else []
        return words + (["--preset", preset] if preset else [])

    def _spelled(self) -> str:
        """As the command line takes it: a folder when it is not one of this workspace."""
        assert self.experiment is not None
        own = self.experiment.folder.parent == self.workspace.logs
        return self.experiment.name if own else str(self.experiment.folder)

    def stop(self) -> str:
        """Ask the engine to save and stop. Empty, or why not."""
        try:
            asked = self.experiment is not None and launcher.stop(self.experiment)
        except (RvcError, OSError) as error:
            return str(error)
        return "" if asked else "nothing runs"

    def outlook(self) -> Outlook:
        """What a run would do, and the advisor's answer. Never raises: what it cannot tell, it says."""
        if self.experiment is None:
            return Outlook(problem="no experiment is chosen")
        from rvc_engine.advise import advise

        dataset = preset = problem = ""
        rows: tuple[tuple[str, str, str], ...] = ()
        advice = None
        try:
            if self.experiment.exists():
                settings = self.experiment.load_settings()
                dataset, preset = settings.dataset, settings.preset
                advice = advise(preset, self.experiment, precision=settings.train.precision, device=settings.train.device)
                decided = plan(self.experiment, settings, stages_until("index", settings))
                rows = tuple((stage.name, verdict.action, verdict.reason) for stage, verdict in decided)
            else:
                problem = "a new experiment: n chooses the recordings"
                advice = advise("starter", None)
        except (RvcError, OSError) as error:
            problem = str(error)
        return Outlook(dataset, preset, rows, problem, advice)

    def machine(self) -> Machine:
        return read_machine()


def newest_experiment(home: Path) -> str:
    """The experiment that runs, else the one that was touched last; empty when there is none."""
    experiments = Workspace(home).experiments()
    if not experiments:
        return ""

    def rank(experiment: Experiment) -> tuple[bool, float]:
        files = journals(experiment.runs)
        touched = (files[-1] if files else experiment.settings_toml).stat().st_mtime
        return live_holder(experiment.lock) is not None, touched

    return max(experiments, key=rank).name
