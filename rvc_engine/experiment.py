"""An experiment: a folder under logs/, its settings, and the only place that spells a path."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rvc_engine.disk import write_whole
from rvc_engine.errors import BadInput
from rvc_engine.models.configs import ModelConfig
from rvc_engine.records import read_small

if TYPE_CHECKING:  # pydantic takes a fifth of a second: not for a list of experiments
    from rvc_engine.settings import ExperimentSettings

PACKAGE = Path(__file__).resolve().parent
INVISIBLE = "\u202a\u202c\u200e\u200f\ufeff\u2066\u2069"  # marks that come along when a path is copied on Windows or macOS


def clean_path(text: str) -> str:
    """An absolute path from pasted text: ~ expanded, without surrounding quotes and invisible marks. Empty stays empty."""
    text = text.strip(INVISIBLE + " ")
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" and not os.path.exists(text):
        text = text[1:-1].strip(INVISIBLE)
    return os.path.abspath(os.path.expanduser(text)) if text else ""


def voice_of_stem(stem: str) -> str:
    """The name of a voice, from its file's: alice of alice and of alice_e12_s340."""
    return re.sub(r"_e\d+_s\d+$", "", stem) or stem


def snapshot_path(journal: Path) -> Path:
    """What a long journal came to when it was last read, beside it."""
    return journal.with_suffix(".snapshot.json")


@dataclass(frozen=True)
class Workspace:
    """Where downloads, experiments and finished voices live: --home, else $RVC_HOME, else the current folder."""

    home: Path

    @classmethod
    def find(cls, home: str | None = None) -> Workspace:
        return cls(Path(home or os.environ.get("RVC_HOME") or ".").expanduser().absolute())

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def weights(self) -> Path:
        return self.home / "weights"

    @property
    def pretrained(self) -> Path:
        return self.home / "pretrained"

    def find_pretrained(self, *relative: str) -> Path | None:
        """The first of these files that exists, in the workspace's pretrained/ or in what ships with the program."""
        shipped = (PACKAGE / "pretrained", PACKAGE.parent / "pretrained")
        for name in relative:
            for root in (self.pretrained, *shipped):
                if (root / name).is_file():
                    return root / name
        return None

    def experiment(self, name: str) -> Experiment:
        """NAME is a folder under logs/ unless it holds a path separator. Raises BadInput for a name that is no file name."""
        if os.sep in name:
            folder = Path(os.path.abspath(Path(name).expanduser()))
            if folder.is_dir() and any(folder.iterdir()) and not (folder / "experiment.toml").exists() and not (folder / "runs").exists():
                raise BadInput(f"{folder} is not an experiment", "it holds other files", "give a new name, or the folder of an experiment")
            return Experiment(folder, Workspace(folder.parent.parent) if folder.parent.name == "logs" else self)
        if not name or name in (".", "..") or "\0" in name or len(os.fsencode(name)) > 200 or name.startswith("-"):
            raise BadInput(f"{name!r} cannot be the name of an experiment", "", "choose a name that can be a folder's name")
        return Experiment(self.logs / name, self)

    def experiments(self) -> list[Experiment]:
        """Also those that are damaged: damage.py says how. Raises BadInput when logs/ itself cannot be listed."""
        try:
            return [Experiment(p, self) for p in sorted(self.logs.iterdir()) if is_experiment(p)]
        except FileNotFoundError:
            if not self.logs.is_symlink():
                return []
            raise BadInput(f"{self.logs} is a link to {os.readlink(self.logs)}, which is not there", "", "is that disk mounted?") from None
        except OSError as error:
            raise BadInput(f"{self.logs} cannot be read", error.strerror or str(error), "is it the folder of your experiments?") from error


def is_experiment(folder: Path) -> bool:
    """Has it settings, of whatever kind? What cannot be looked into, and a link to nothing, may be one."""
    try:
        os.lstat(folder / "experiment.toml")
    except (FileNotFoundError, NotADirectoryError):
        return folder.is_symlink() and not os.path.exists(folder)
    except OSError:
        return True
    return True


@dataclass(frozen=True)
class Experiment:
    folder: Path
    workspace: Workspace

    @property
    def name(self) -> str:
        return self.folder.name

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
        return self.path(f"added_IVF{lists}_Flat_nprobe_1_{self.name}_{version}.index")

    def indexes(self) -> list[Path]:
        return sorted(self.folder.glob("added_IVF*_Flat_nprobe_1_*.index"), key=lambda p: p.stat().st_mtime)

    @property
    def small_model(self) -> Path:
        return self.workspace.weights / f"{self.name}.pth"

    def small_model_at(self, epoch: int, step: int) -> Path:
        return self.workspace.weights / f"{self.name}_e{epoch}_s{step}.pth"

    def small_models(self) -> list[Path]:
        """Its voices, the newest last: NAME.pth and NAME_e12_s340.pth."""
        found = [p for p in self.workspace.weights.glob("*.pth") if voice_of_stem(p.stem) == self.name or p == self.small_model]
        return sorted(found, key=lambda p: (p.stat().st_mtime, p == self.small_model))

    def checkpoint(self, kind: str, step: int) -> Path:
        """`kind`: G or D."""
        return self.path(f"{kind}_{step}.pth")

    @property
    def resume_state(self) -> Path:
        """The newest whole training state, for an exact resume."""
        return self.path("resume.pt")

    @property
    def resume_previous(self) -> Path:
        """The whole state before it, in case that one is damaged."""
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
        """Of a base: encoder.safetensors, probes.json, the training's state, and what was prepared of each recording."""
        return self.path("encoder")

    @property
    def own_encoder(self) -> Path:
        return self.encoder / "encoder.safetensors"

    @property
    def base(self) -> Path:
        """Of a base: G, D and encoder .safetensors and card.md."""
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
    def settings_toml(self) -> Path:
        return self.path("experiment.toml")

    @property
    def receipts(self) -> Path:
        return self.path("receipts")

    @property
    def runs(self) -> Path:
        return self.path("runs")

    @property
    def lock(self) -> Path:
        return self.path("run.lock")

    @property
    def heartbeat(self) -> Path:
        return self.path("heartbeat.json")

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

        from rvc_engine.settings import ExperimentSettings

        try:
            table: dict[str, Any] = tomlkit.parse(read_small(self.settings_toml).decode("utf-8")).unwrap()
            return ExperimentSettings.model_validate(table)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise BadInput(f"{self.settings_toml} is not valid", f"{where}: {first['msg']}", "correct that line") from error
        except FileNotFoundError as error:
            hint = f"rvc run {self.name} --dataset FOLDER makes it"
            raise BadInput(f"There is no experiment {self.name!r} in {self.folder.parent}", "", hint) from error
        except (OSError, ValueError, RecursionError) as error:
            raise BadInput(f"{self.settings_toml} cannot be read", str(error), "correct the file") from error

    def save_settings(self, settings: ExperimentSettings) -> None:
        write_whole(self.settings_toml, render_toml(settings))

    def model(self) -> ModelConfig:
        return self.load_settings().model


def render_toml(settings: ExperimentSettings) -> str:
    """Every setting with its value, under a comment with help, bounds, unit and default."""
    import tomlkit

    from rvc_engine.settings import BASE_SETTINGS, STAGE_SETTINGS, describe

    document = tomlkit.document()
    document.add(tomlkit.comment("Settings of this experiment. rvc reads them at each start; `rvc STAGE --help` explains each."))
    document.add("preset", tomlkit.item(settings.preset))
    document.add(tomlkit.comment("false trains the variant without pitch"))
    document.add("pitched", tomlkit.item(settings.pitched))
    document.add("dataset", tomlkit.item(settings.dataset))
    if settings.base:
        document.add(tomlkit.comment("true trains a base for voices (rvc pretrain)"))
        document.add("base", tomlkit.item(True))
    for stage, model in (BASE_SETTINGS if settings.base else STAGE_SETTINGS).items():
        table = tomlkit.table()
        section = getattr(settings, stage)
        for name, field in model.model_fields.items():
            table.add(tomlkit.comment(describe(field)))
            table.add(name, tomlkit.item(getattr(section, name)))
        document.add(tomlkit.nl())
        document.add(stage, table)
    return tomlkit.dumps(document)
