"""What a stage of the pipeline must give. A module with one is light, for plans are made in processes without NumPy and
torch; what a stage does stands in rvc_engine/work/ and is imported when it runs."""

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
from rvc_engine.registry import STAGES
from rvc_engine.stages.receipt import Receipt, fingerprint, receipt_path

if TYPE_CHECKING:
    from rvc_engine.setting import StageSettings
    from rvc_engine.settings import ExperimentSettings


class Stage(ABC):
    """One word, which is its name in the registry, its settings class, its flag `--until` and its receipt."""

    title = ""
    """What it does, in a few words."""
    unit = "items"
    needs: tuple[str, ...] = ()
    """Stages whose outputs it reads."""
    workers: tuple[str, ...] = ()
    """What its worker processes need and import late: the server that they are forked from imports it once."""
    incremental = False
    """Each item that it has finished stays when it is stopped."""
    reads_recordings = False
    """It reads the dataset, not only what a stage before it left."""
    is_training = False
    """To do it anew is worth a question: a plan says so even when a stage before it must run first."""
    is_usual = True
    """It belongs to the training of a voice."""
    is_optional = False
    """An experiment may go without it."""
    purpose = "training"
    """Of the runs that it belongs to: "training", or "conversion"."""
    waits_for_room = False
    """It waits for a full disk by itself, inside a save."""

    def __init__(self, name: str) -> None:
        self.name = name

    # --- in which pipelines -------------------------------------------------------------------------------------------
    def belongs_to(self, settings: ExperimentSettings) -> bool:
        """Is it a stage of this experiment?"""
        return True

    def needs_of(self, settings: ExperimentSettings) -> list[str]:
        return [name for name in self.needs if STAGES.get(name).belongs_to(settings)]

    # --- what it leaves -----------------------------------------------------------------------------------------------
    def outputs(self, experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
        """Files and folders that are its own: moved to a backup when it is done anew."""
        return []

    def standing(self, experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
        """Those of its outputs that stay in use, when it is done anew, until their successors are whole."""
        return []

    def existing_work(self, experiment: Experiment) -> str:
        """What is there without a receipt that it can resume from, in words; empty: nothing."""
        return ""

    def has_begun_training(self, experiment: Experiment) -> bool:
        """Has it trained something that doing it anew would restart?"""
        return False

    def disk_of(self, experiment: Experiment, settings: ExperimentSettings) -> Path:
        """A folder, there or not, on the disk that it fills."""
        return experiment.folder

    # --- is it up to date ---------------------------------------------------------------------------------------------
    def settings(self, settings: ExperimentSettings) -> StageSettings:
        from rvc_engine.setting import StageSettings

        section = getattr(settings, self.name, None)
        return section if isinstance(section, StageSettings) else StageSettings()

    def own_identity(self, settings: ExperimentSettings) -> dict[str, Any]:
        """Its settings that change its result."""
        own: dict[str, Any] = json.loads(json.dumps(self.settings(settings).of_kind("result"), default=str))
        return own

    def identity(self, experiment: Experiment, settings: ExperimentSettings) -> dict[str, Any]:
        """What changes its result: another identity, and it is done anew."""
        return {**self.own_identity(settings), **self._upstream(experiment)}

    def _upstream(self, experiment: Experiment) -> dict[str, Any]:
        before = [Receipt.load(receipt_path(experiment, name)) for name in self.needs]
        return {"upstream": [fingerprint(receipt.identity) if receipt else None for receipt in before]}

    def inputs(self, experiment: Experiment, settings: ExperimentSettings) -> Any:
        """What it reads: when it changes the stage resumes from what is there."""
        before = {name: Receipt.load(receipt_path(experiment, name)) for name in self.needs_of(settings)}
        return {name: receipt.digest if receipt else None for name, receipt in before.items()}

    def inputs_read(self, experiment: Experiment, wanted: Receipt) -> str:
        """What it read, where that was not all known before it ran."""
        return wanted.inputs

    def read_the_same(self, settings: ExperimentSettings, inputs: str) -> bool:
        """Do these inputs, of a receipt of an earlier version, mean what it would read now?"""
        return False

    def comparable(self, settings: ExperimentSettings, old: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
        """The identity `old` of a receipt as this version would have written it. Earlier versions counted what a stage
        had read, file by file, as its identity: that decides nothing any more."""
        if not isinstance(old.get("upstream"), dict):
            return old
        return {**wanted, **{key: value for key, value in old.items() if key != "upstream"}}

    # --- what it does -------------------------------------------------------------------------------------------------
    def load(self) -> None:  # noqa: B027 - one that needs little has nothing to import ahead of time
        """Import what it needs, ahead of time."""

    def check_ready(  # noqa: B027
        self, experiment: Experiment, settings: ExperimentSettings, *, fresh: bool = False
    ) -> None:
        """Raises BadInput for what can be known before anything is written. `fresh`: what is there moves to a
        backup."""

    @abstractmethod
    def run(self, experiment: Experiment, settings: ExperimentSettings) -> Iterator[Event]:
        """An event after each unit of work; what is there is passed over. Closing the generator stops it; `finally`
        saves. Raises RvcError."""

    @abstractmethod
    def artefacts(self, experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
        """The files that it promises to users, each loaded. Raises RvcError for one that does not load."""

    def used_all_inputs(self, experiment: Experiment, settings: ExperimentSettings) -> bool:
        """Or did some of them change while it ran?"""
        return True


class OwnStage(Stage):
    """A stage of this program. Its module rvc_engine/work/NAME.py has `run` and `artefacts`, and where it has something
    to check or to report `check_ready` and `used_all_inputs`."""

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
        told = getattr(self.work(), "used_all_inputs", None)
        return told is None or bool(told(experiment, settings))
