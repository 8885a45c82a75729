"""The interface of a stage. Modules of stages import little, since plans are made in processes without NumPy and torch;
the work of a stage is in rvc_engine/work/ and is imported when it runs."""

from __future__ import annotations

import importlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from rvc_engine.events import Event
from rvc_engine.experiment import Experiment
from rvc_engine.messages import NOTHING, Message
from rvc_engine.registry import STAGES
from rvc_engine.stages.receipt import Receipt, fingerprint, receipt_path

if TYPE_CHECKING:
    from rvc_engine.assets.manifest import Asset
    from rvc_engine.setting import StageSettings
    from rvc_engine.settings import ExperimentSettings


class Stage(ABC):
    """Its name, one word, is also that of its settings section, its receipt and its value of `--until`."""

    title: Message = NOTHING
    """What it does, in a few words."""
    unit = "items"
    needs: tuple[str, ...] = ()
    """Stages whose outputs it reads."""
    workers: tuple[str, ...] = ()
    """Modules that its worker processes import late: the server that they are forked from imports them once."""
    incremental = False
    """Finished items are kept when it is stopped."""
    reads_recordings = False
    """It reads the dataset, not only the outputs of earlier stages."""
    is_training = False
    """It trains the voice, in epochs. Running it from the start needs a confirmation: a plan says so even when a stage
    before it must run first."""
    is_usual = True
    """It is part of the training of a voice."""
    is_optional = False
    """Some experiments do not have it."""
    purpose = "training"
    """The kind of runs that it is part of: "training" or "conversion"."""
    waits_for_room = False
    """It waits for free disk space by itself, inside a save."""

    def __init__(self, name: str) -> None:
        self.name = name

    # --- in which pipelines -------------------------------------------------------------------------------------------
    def belongs_to(self, settings: ExperimentSettings) -> bool:
        """Is it a stage of this experiment?"""
        return True

    def needs_of(self, settings: ExperimentSettings) -> list[str]:
        return [name for name in self.needs if STAGES.get(name).belongs_to(settings)]

    # --- its outputs --------------------------------------------------------------------------------------------------
    def outputs(self, experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
        """Its own files and folders: moved to a backup when it runs from the start."""
        return []

    def other_outputs(self, experiment: Experiment) -> list[Path]:
        """Those that it wrote with other settings: `--fresh` moves them to a backup too."""
        return []

    def standing(self, experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
        """Those of its outputs that stay in use, when it runs from the start, until the new ones are complete."""
        return []

    def existing_work(self, experiment: Experiment) -> Message:
        """Describes work without a receipt that it can resume from; empty when there is none."""
        return NOTHING

    def has_begun_training(self, experiment: Experiment) -> bool:
        """Has it begun a training that running it from the start would restart?"""
        return False

    def disk_of(self, experiment: Experiment, settings: ExperimentSettings) -> Path:
        """A folder on the disk that it writes to; the folder need not exist."""
        return experiment.folder

    # --- is it up to date ---------------------------------------------------------------------------------------------
    @property
    def settings_class(self) -> type[StageSettings] | None:
        """Of its settings: its section of experiment.toml, its flags and its form in the app. None: it has none."""
        return None

    def settings(self, settings: ExperimentSettings) -> StageSettings:
        return settings.section(self.name)

    def own_identity(self, settings: ExperimentSettings) -> dict[str, Any]:
        """Its settings that change its result."""
        own: dict[str, Any] = json.loads(json.dumps(self.settings(settings).of_kind("result"), default=str))
        return own

    def identity(self, experiment: Experiment, settings: ExperimentSettings) -> dict[str, Any]:
        """All that changes its result: with another identity it runs from the start."""
        return {**self.own_identity(settings), **self._upstream(experiment)}

    def _upstream(self, experiment: Experiment) -> dict[str, Any]:
        before = [Receipt.load(receipt_path(experiment, name)) for name in self.needs]
        return {"upstream": [fingerprint(receipt.identity) if receipt else None for receipt in before]}

    def inputs(self, experiment: Experiment, settings: ExperimentSettings) -> Any:
        """What it reads: when that changes, the stage resumes from its existing outputs."""
        before = {name: Receipt.load(receipt_path(experiment, name)) for name in self.needs_of(settings)}
        return {name: receipt.digest if receipt else None for name, receipt in before.items()}

    def inputs_read(self, experiment: Experiment, wanted: Receipt) -> str:
        """The fingerprint of what it read, where that was not all known before it ran."""
        return wanted.inputs

    def read_the_same(self, settings: ExperimentSettings, inputs: str) -> bool:
        """Are these inputs, from a receipt of an earlier version, the same as what it would read now?"""
        return False

    def comparable(self, settings: ExperimentSettings, old: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
        """The identity `old` of a receipt as this version would have written it. In earlier versions the files that a
        stage had read were part of its identity; these are ignored."""
        if not isinstance(old.get("upstream"), dict):
            return old
        return {**wanted, **{key: value for key, value in old.items() if key != "upstream"}}

    # --- what must be there -------------------------------------------------------------------------------------------
    def requires(self, asset: Asset, experiment: Experiment, settings: ExperimentSettings, *, fresh: bool) -> bool:
        """Does it read this file of published weights? `fresh`: from the start."""
        return False

    def suggests(self, asset: Asset) -> bool:
        """Would it use this file if it were there?"""
        return False

    # --- running it ---------------------------------------------------------------------------------------------------
    def load(self) -> None:  # noqa: B027 - optional
        """Import what it needs, ahead of time."""

    def check_ready(  # noqa: B027
        self, experiment: Experiment, settings: ExperimentSettings, *, fresh: bool = False
    ) -> None:
        """Raises BadInput for errors that can be found before anything is written. `fresh`: existing work moves to a
        backup."""

    @abstractmethod
    def run(self, experiment: Experiment, settings: ExperimentSettings) -> Iterator[Event]:
        """An event after each unit of work; finished work is skipped. Closing the generator stops it; `finally` saves.
        Raises RvcError."""

    @abstractmethod
    def artefacts(self, experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
        """Its result files for users. Each is loaded as a check; raises RvcError for one that does not load."""

    def used_all_inputs(self, experiment: Experiment, settings: ExperimentSettings) -> bool:
        """False when some of them changed while it ran."""
        return True


class OwnStage(Stage):
    """A stage of this program. Its module rvc_engine/work/NAME.py has `run` and `artefacts`, and optionally
    `check_ready` and `used_all_inputs`. Its settings, if it has some, are NameSettings of rvc_engine/settings.py."""

    @property
    def settings_class(self) -> type[StageSettings] | None:
        from rvc_engine import settings

        found: type[StageSettings] | None = getattr(settings, f"{self.name.capitalize()}Settings", None)
        return found

    def work(self) -> ModuleType:
        return importlib.import_module(f"rvc_engine.work.{self.name}")

    def load(self) -> None:
        self.work()

    def check_ready(self, experiment: Experiment, settings: ExperimentSettings, *, fresh: bool = False) -> None:
        if check := getattr(self.work(), "check_ready", None):
            check(experiment, settings, fresh=fresh)

    def run(self, experiment: Experiment, settings: ExperimentSettings) -> Iterator[Event]:
        events: Iterator[Event] = self.work().run(experiment, settings)
        return events

    def artefacts(self, experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
        paths: list[Path] = self.work().artefacts(experiment, settings)
        return paths

    def used_all_inputs(self, experiment: Experiment, settings: ExperimentSettings) -> bool:
        check = getattr(self.work(), "used_all_inputs", None)
        return check is None or bool(check(experiment, settings))
