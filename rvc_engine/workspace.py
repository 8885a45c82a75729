"""A workspace: the folder that holds experiments, voices and downloads."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from rvc_engine.common import names
from rvc_engine.common.user import cache_folder, can_write, expanded
from rvc_engine.errors import BadInput, reason_of
from rvc_engine.experiment import CONVERSIONS, Experiment, is_conversion_name, is_experiment
from rvc_engine.messages import Message

PACKAGE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Workspace:
    """Where downloads, experiments and finished voices live: --home, else $RVC_HOME, else the current folder."""

    home: Path

    @classmethod
    def find(cls, home: str | None = None) -> Workspace:
        return cls(expanded(home or os.environ.get("RVC_HOME") or ".").absolute())

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def weights(self) -> Path:
        return self.home / "weights"

    @property
    def pretrained(self) -> Path:
        return self.home / "pretrained"

    @property
    def conversions(self) -> Path:
        """A folder for each `rvc convert`, by number; outside a workspace, or where it cannot be written, in the user's
        cache."""
        own = self.home / CONVERSIONS
        is_workspace = own.is_dir() or self.logs.is_dir() or self.weights.is_dir()
        return own if is_workspace and can_write(own) else cache_folder() / CONVERSIONS

    def find_pretrained(self, *relative: str) -> Path | None:
        """The first of these files that exists, in the workspace's pretrained/ or in what ships with the program."""
        shipped = (PACKAGE / "pretrained", PACKAGE.parent / "pretrained")
        for name in relative:
            for root in (self.pretrained, *shipped):
                if (root / name).is_file():
                    return root / name
        return None

    def experiment(self, name: str) -> Experiment:
        """NAME is a folder under logs/ unless it holds a path separator. Raises BadInput for a name that cannot be
        used, or, where nothing has it yet, should not be."""
        if is_conversion_name(name):
            return Experiment(self.conversions / name.rpartition("/")[2], self)
        if os.sep in name:
            folder = Path(os.path.abspath(expanded(name)))
            if (
                folder.is_dir()
                and any(folder.iterdir())
                and not (folder / "experiment.toml").exists()
                and not (folder / "runs").exists()
            ):
                raise BadInput("experiment.other_files", folder=folder)
            if not folder.is_dir():
                self._refuse_name(folder.name, folder.parent)
            return Experiment(folder, Workspace(folder.parent.parent) if folder.parent.name == "logs" else self)
        if why := names.why_impossible(name):
            raise _no_name(name, why)
        found = Experiment(self.logs / name, self)
        if not os.path.lexists(found.folder) and not os.path.lexists(found.small_model):
            self._refuse_name(name, self.logs)
        return found

    def _refuse_name(self, name: str, folder: Path) -> None:
        """Raises BadInput where a new folder should not, or cannot, be called so."""
        if why := names.why_no_experiment(name):
            raise _no_name(name, why)
        if names.size_of(name) > (room := names.room_in(folder)):
            raise _no_name(name, Message("experiment.name_too_long", folder=folder, bytes=room))

    def experiments(self) -> list[Experiment]:
        """Also those that are damaged: damage.py says how. Raises BadInput when logs/ itself cannot be listed."""
        try:
            return [Experiment(p, self) for p in sorted(self.logs.iterdir()) if is_experiment(p)]
        except FileNotFoundError:
            if not self.logs.is_symlink():
                return []
            raise BadInput("experiment.logs_link", logs=self.logs, target=os.readlink(self.logs)) from None
        except OSError as error:
            raise BadInput("experiment.logs_not_read", reason_of(error), logs=self.logs) from error


def _no_name(name: str, why: Message) -> BadInput:
    return BadInput("experiment.no_name", why, name=name)
