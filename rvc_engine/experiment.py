"""An experiment: a folder under logs/, its settings, and the only place, with workspace.py, that spells a path."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rvc_engine.common import names
from rvc_engine.common.failures import unreadable
from rvc_engine.common.opening import read_hand_edited
from rvc_engine.disk import write_whole
from rvc_engine.errors import BadInput
from rvc_engine.messages import Message, message_of
from rvc_engine.presets import ModelConfig

if TYPE_CHECKING:  # pydantic takes a fifth of a second: not for a list of experiments
    from rvc_engine.settings import ExperimentSettings
    from rvc_engine.workspace import Workspace

CONVERSIONS = "conversions"


def _numbers_in(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d{1,15}", text)]


def heartbeat_beside(lock: Path) -> Path:
    """Where the engine that holds this lock shows that it lives."""
    return lock.with_name("heartbeat.json")


def snapshot_path(journal: Path) -> Path:
    """What a long journal came to when it was last read, beside it."""
    return journal.with_suffix(".snapshot.json")


def journals(runs: Path) -> list[Path]:
    """The journal files of an experiment, oldest first; what a sync program or a person left beside them is passed
    over.

    Raises OSError where the folder cannot be read.
    """
    return sorted((path for path in named_journals(runs) if path.is_file()), key=journal_number)


def named_journals(runs: Path) -> list[Path]:
    return [path for path in runs.iterdir() if re.fullmatch(r"[0-9]{1,8}\.jsonl", path.name)] if runs.is_dir() else []


def journal_number(path: Path) -> tuple[int, str]:
    return int(path.stem), path.name


def is_conversion_name(name: str) -> bool:
    return re.fullmatch(rf"{CONVERSIONS}/[0-9]{{1,8}}", name) is not None


def is_experiment(folder: Path) -> bool:
    """Has it settings, of whatever kind? What cannot be looked into, and a link to nothing, may be one."""
    try:
        os.lstat(folder / "experiment.toml")
    except (FileNotFoundError, NotADirectoryError):
        return folder.is_symlink() and not os.path.exists(folder)
    except OSError:
        return True
    return True


def resumed_by(name: str) -> Message:
    """What resumes a run."""
    if name.startswith(f"{CONVERSIONS}/"):
        return Message("experiment.same_command_resumes")
    return Message("experiment.run_resumes", name=name)


@dataclass(frozen=True)
class Experiment:
    folder: Path
    workspace: Workspace

    @property
    def name(self) -> str:
        """In the form that commands accept."""
        return f"{CONVERSIONS}/{self.folder.name}" if self.is_conversion else self.folder.name

    @property
    def is_conversion(self) -> bool:
        return self.folder.parent.name == CONVERSIONS and self.folder.name.isdecimal()

    def path(self, *parts: str) -> Path:
        return self.folder.joinpath(*parts)

    # --- data ---------------------------------------------------------------------------------------------------
    @property
    def ground_truth(self) -> Path:
        """Clips at the model's rate, float32 WAV, {i}_{j}.wav."""
        return self.path("0_gt_wavs")

    @property
    def wavs_16k(self) -> Path:
        return self.path("1_16k_wavs")

    @property
    def pitch_coarse(self) -> Path:
        """{clip}.wav.npy, integers 1..255."""
        return self.path("2a_f0")

    @property
    def pitch_hz(self) -> Path:
        """{clip}.wav.npy, Hz."""
        return self.path("2b-f0nsf")

    @property
    def voicing(self) -> Path:
        """{clip}.wav.npy, bool: the voicing before unvoiced gaps were filled."""
        return self.path("2c-voiced")

    def features(self, dim: int) -> Path:
        """{clip}.npy, (F50, D) float32."""
        return self.path(f"3_feature{dim}")

    def feature_folders(self) -> list[Path]:
        """Those of every width."""
        return [path for path in self.folder.glob("3_feature*") if path.is_dir()]

    @property
    def mute(self) -> Path:
        """One clip of silence in the same layout as the experiment (0_gt_wavs/mute.wav, ...)."""
        return self.path("mute")

    @property
    def clips_csv(self) -> Path:
        return self.path("clips.csv")

    @property
    def sources_csv(self) -> Path:
        return self.path("sources.csv")

    def clips(self) -> list[str]:
        """Names (without suffix) of the clips, in the order of their numbers."""
        if not self.ground_truth.is_dir():
            return []
        names = [p.stem for p in self.ground_truth.iterdir() if re.fullmatch(r"\d+_\d+\.wav", p.name)]
        return sorted(names, key=lambda name: tuple(int(n) for n in name.split("_")))

    # --- results ------------------------------------------------------------------------------------------------
    @property
    def total_features(self) -> Path:
        return self.path("total_fea.npy")

    def index_path(self, lists: int, version: str) -> Path:
        """Named as RVC programs name and look for it; the end of a name that is too long with its sidecar's gives way
        to a hash."""
        return self.path(names.index_name(self.name, lists, version, self.folder))

    def indexes(self) -> list[Path]:
        """The one with the most lists last: it was built of the most rows. Copying a workspace does not change the
        order."""
        return sorted(
            self.folder.glob("added_IVF*_Flat_nprobe_1_*.index"),
            key=lambda path: (_numbers_in(path.name)[:1], path.name),
        )

    @property
    def small_model(self) -> Path:
        return self.voice_file(".pth")

    def small_model_at(self, epoch: int, step: int) -> Path:
        return self.voice_file(f"_e{epoch}_s{step}.pth")

    def voice_file(self, tail: str) -> Path:
        """weights/NAME with this end."""
        weights = self.workspace.weights
        return weights / names.fitted(self.name, tail, names.room_in(weights))

    def owns(self, stem: str) -> bool:
        """Is it the name, without suffix, of one of its voices?"""
        return names.is_name_of(names.voice_of_stem(stem), self.name) or stem == self.name

    def small_models(self) -> list[Path]:
        """Its voices, the one that its name means last: NAME.pth, else the highest epoch of NAME_e12_s340.pth."""
        found = [p for p in self.workspace.weights.glob("*.pth") if self.owns(p.stem)]
        return sorted(
            found, key=lambda p: (p == self.small_model, _numbers_in(p.stem[len(names.voice_of_stem(p.stem)) :]))
        )

    def checkpoint(self, kind: str, step: int) -> Path:
        """`kind`: G or D."""
        return self.path(f"{kind}_{step}.pth")

    @property
    def resume_state(self) -> Path:
        """The newest whole training state, for an exact resume."""
        return self.path("resume.pt")

    @property
    def resume_previous(self) -> Path:
        """The full training state before it, in case that one is damaged."""
        return self.path("resume-previous.pt")

    @property
    def pins(self) -> Path:
        """Written by the user: steps of checkpoints that are never removed, one a line."""
        return self.path("pins.txt")

    @property
    def best(self) -> Path:
        """Names the checkpoint with the lowest mel loss."""
        return self.path("best.json")

    @property
    def auditions(self) -> Path:
        """target.wav, and e{epoch}_s{step}.wav and .json of each checkpoint."""
        return self.path("audition")

    @property
    def encoder(self) -> Path:
        """Of a base: encoder.safetensors, probes.json, the training's state, and what was prepared of each
        recording."""
        return self.path("encoder")

    @property
    def own_encoder(self) -> Path:
        return self.encoder / "encoder.safetensors"

    @property
    def base(self) -> Path:
        """Of a base: G, D and encoder .safetensors and the model card card.md."""
        return self.path("base")

    @property
    def incoming(self) -> Path:
        """Training states brought from another machine, until a training takes them."""
        return self.path("incoming")

    @property
    def filelist(self) -> Path:
        return self.path("filelist.txt")

    @property
    def config_json(self) -> Path:
        return self.path("config.json")

    @property
    def tensorboard(self) -> Path:
        return self.folder

    # --- run ----------------------------------------------------------------------------------------------------
    @property
    def converted(self) -> Path:
        """Of a conversion: what it has written."""
        return self.path("converted.json")

    @property
    def settings_toml(self) -> Path:
        return self.path("experiment.toml")

    @property
    def receipts(self) -> Path:
        return self.path("receipts")

    @property
    def training_set(self) -> Path:
        """Which clips the training has learnt from: {clip: sha256 of its recording}."""
        return self.receipts / "training-set.json"

    @property
    def runs(self) -> Path:
        return self.path("runs")

    @property
    def lock(self) -> Path:
        return self.path("run.lock")

    @property
    def heartbeat(self) -> Path:
        return heartbeat_beside(self.lock)

    @property
    def engine_log(self) -> Path:
        return self.path("engine.log")

    def exists(self) -> bool:
        """Also where it is damaged: load_settings says how."""
        return is_experiment(self.folder)

    def load_settings(self) -> ExperimentSettings:
        """Raises BadInput naming the file when it cannot be read or holds something that is no setting."""
        import tomlkit
        from pydantic import ValidationError

        from rvc_engine.setting import where_invalid, why_invalid
        from rvc_engine.settings import ExperimentSettings

        try:
            table: dict[str, Any] = tomlkit.parse(
                read_hand_edited(self.settings_toml, errors="surrogateescape")
            ).unwrap()
            return ExperimentSettings.model_validate(table)
        except ValidationError as error:
            path, where, reason = self.settings_toml, where_invalid(error), why_invalid(error)
            raise BadInput("experiment.not_valid", path=path, where=where, reason=reason) from error
        except FileNotFoundError as error:
            if self.settings_toml.is_symlink():
                raise BadInput("experiment.link_to_nothing", path=self.settings_toml) from error
            raise BadInput("experiment.absent", name=self.name, parent=self.folder.parent) from error
        except OSError as error:
            raise unreadable(self.settings_toml, error) from error
        except (ValueError, RecursionError) as error:
            raise BadInput("experiment.toml_not_read", message_of(error), path=self.settings_toml) from error

    def save_settings(self, settings: ExperimentSettings) -> None:
        from rvc_engine.settings_file import render_toml

        # a path may hold bytes that are no text
        write_whole(self.settings_toml, render_toml(settings).encode("utf-8", "surrogateescape"))

    def model(self) -> ModelConfig:
        return self.load_settings().model
