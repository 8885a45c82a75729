"""What the actions on voices ask for, and the command line that each comes to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Literal

from rvc_engine.setting import StageSettings, setting
from rvc_tui.texts import _
from rvc_tui.typed import clean_path

SUFFIXES = {"bundle": ".rvcvoice", "zip": ".zip", "rvc": ""}


class Ask(StageSettings, ABC):
    """Subclasses say `words`: after `rvc`; and `missing`: what has to be given first."""

    @abstractmethod
    def words(self, home: Path) -> list[str]: ...

    def missing(self) -> str:
        return ""

    def flags(self, *names: str) -> list[str]:
        """Those that are given."""
        return [
            word
            for name in names
            if (value := getattr(self, name))
            for word in (f"--{name.replace('_', '-')}", str(value))
        ]


class Extract(Ask):
    """A voice of a training checkpoint."""

    source: str = setting("", "A G_ file, or the name of an experiment.")
    name: str = setting(
        "",
        "The voice goes to weights/NAME.pth.",
        effect="empty: the experiment's, with epoch and step; a file needs a name",
    )
    epoch: int = setting(0, "Of an experiment: the checkpoint of that epoch; 0 is the newest.", ge=0, le=1_000_000)
    info: str = setting("", "What the file says of itself.", effect="empty: its epochs")
    sample_rate: int = setting(
        0, "Where the checkpoint does not tell its own; 0 is its own.", unit="Hz", ge=0, le=192000
    )
    replace: bool = setting(False, "Write over a voice of that name.")

    def words(self, home: Path) -> list[str]:
        words = ["voice", "extract", path_or_name(self.source), *self.flags("name", "epoch", "info", "sample_rate")]
        return words + (["--replace"] if self.replace else [])

    def missing(self) -> str:
        return "" if self.source else _("source: a G_ file, or the name of an experiment")


class Merge(Ask):
    """One voice out of two."""

    first: str = setting("", "A voice: a name, or a file.")
    second: str = setting("", "The other voice.")
    weight: float = setting(0.5, "Share of the first.", effect="1 is the first alone, 0 the second", ge=0, le=1)
    name: str = setting("", "The voice goes to weights/NAME.pth.")
    info: str = setting("", "What the file says of itself.", effect="empty: both shares")
    replace: bool = setting(False, "Write over a voice of that name.")

    def words(self, home: Path) -> list[str]:
        words = ["voice", "merge", path_or_name(self.first), path_or_name(self.second), "--weight", str(self.weight)]
        return words + self.flags("name", "info") + (["--replace"] if self.replace else [])

    def missing(self) -> str:
        return next(
            (_("{name} is empty").format(name=name) for name in ("first", "second", "name") if not getattr(self, name)),
            "",
        )


class Export(Ask):
    """A voice for others: a bundle for this program, a zip or a folder of .pth and .index for RVC programs."""

    voice: str = setting("", "A voice: a name, or a file.")
    format: Literal["bundle", "zip", "rvc"] = setting(
        "bundle",
        "What is made.",
        effect="bundle: one file for this program; zip, rvc: a zip or a folder for RVC programs",
    )
    name: str = setting("", "The voice's name in it.", effect="empty: its own")
    output: str = setting("", "Where it goes.", effect="empty: exports/ of the workspace")
    index: str = setting("", "Its index: a file, or none.", effect="empty: its own")
    licence: str = setting(
        "", "For a bundle: what others may do with the voice.", effect="for example CC BY 4.0, or: private use only"
    )
    consent: str = setting(
        "", "For a bundle: whose voice it is, and that they agreed.", effect="for example: my own voice"
    )
    replace: bool = setting(False, "Overwrite existing files.")

    def goal(self, home: Path) -> Path:
        name = self.name or (Path(self.voice).stem if Path(self.voice).name != self.voice else self.voice)
        return Path(clean_path(self.output)) if self.output else home / "exports" / f"{name}{SUFFIXES[self.format]}"

    def words(self, home: Path) -> list[str]:
        words = ["voice", "export", path_or_name(self.voice), "--output", str(self.goal(home)), "--format", self.format]
        words += self.flags("name") + (
            ["--index", self.index if self.index == "none" else clean_path(self.index)] if self.index else []
        )
        return (
            words
            + (self.flags("licence", "consent") if self.format == "bundle" else [])
            + (["--replace"] if self.replace else [])
        )

    def missing(self) -> str:
        return "" if self.voice else _("{name} is empty").format(name="voice")


class Import(Ask):
    """A voice from elsewhere: a .pth, a zip of a .pth and an .index, or a bundle."""

    file: str = setting("", "A .pth, a zip, or a bundle (.rvcvoice).")
    name: str = setting("", "The voice's name here.", effect="empty: the file's own")
    index: str = setting("", "The index of a .pth.", effect="a zip or a bundle holds its own")

    def words(self, home: Path) -> list[str]:
        words = ["voice", "import", clean_path(self.file), *self.flags("name")]
        return words + (["--index", clean_path(self.index)] if self.index else [])

    def missing(self) -> str:
        return "" if self.file else _("file: which one?")


def path_or_name(text: str) -> str:
    """A name stays a name."""
    return clean_path(text) if any(c in text for c in "/~\"'") else text.strip()
