"""What is to be converted, kept in the workspace's convert.toml, and one conversion as the screen has it."""

from __future__ import annotations

import glob
import os
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rvc_engine.common.opening import read_hand_edited
from rvc_engine.disk import write_whole
from rvc_engine.errors import BadInput
from rvc_engine.events import Converted, Event, ItemSkipped
from rvc_engine.messages import NOTHING, verbatim
from rvc_engine.run.view import RunView
from rvc_engine.setting import set_field
from rvc_engine.settings import ConvertSettings
from rvc_tui.engine_texts import error_line, translated
from rvc_tui.texts import _
from rvc_tui.typed import clean_path
from rvc_tui.widgets.form import Item, items_of

FILE = "convert.toml"
COMMENT = (
    "What the convert screen of rvc-tui was left with. index: empty is the voice's own, none switches it off, "
    "else a file."
)


@dataclass
class Request:
    """`voice`: a name or a file, as `rvc convert` takes it. `index`: empty is the voice's own. `output`: empty is
    `folder`."""

    home: Path
    voice: str = ""
    index: str = ""
    inputs: list[str] = field(default_factory=list)
    output: str = ""
    settings: ConvertSettings = field(default_factory=ConvertSettings)

    def items(self) -> list[Item]:
        return items_of("convert", self.settings, ConvertSettings())

    @property
    def folder(self) -> Path:
        """Where results go when nothing else is said."""
        return self.home / "converted" / (Path(self.voice).stem if os.sep in self.voice else self.voice)

    @property
    def goal(self) -> str:
        return self.output or str(self.folder)

    def missing(self) -> str:
        """What has to be chosen first; empty when all is there."""
        if not self.voice:
            return _("v chooses a voice")
        return "" if self.inputs else _("f adds recordings, or a folder of them")

    def words(self) -> list[str]:
        """After `rvc`; what is not chosen yet in capitals."""
        words = ["convert", self.voice or "VOICE", *(self.inputs or ["INPUT"]), "--output", self.goal]
        words += ["--index", self.index] if self.index else []
        return words + [word for item in self.items() if item.changed for word in item.as_flag()]

    def recordings(self) -> list[Path]:
        """Files as they are, folders as the files directly in them."""
        found: list[Path] = []
        for path in map(Path, self.inputs):
            try:
                found += (
                    sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
                    if path.is_dir()
                    else [path]
                )
            except OSError:  # the engine says so
                continue
        return found

    def replaces(self) -> list[Path]:
        """Files that are there already and would be written over."""
        goal = Path(self.goal)
        if goal.is_file():
            return [goal]
        names = {f"{path.stem}.{self.settings.format}" for path in self.recordings()}
        return sorted(goal / name for name in names if (goal / name).exists())

    # --- kept --------------------------------------------------------------------------------------
    def save(self) -> str:
        """Empty, or why not."""
        import tomlkit

        document = tomlkit.document()
        document.add(tomlkit.comment(COMMENT))
        for name in ("voice", "index", "inputs", "output"):
            document.add(name, tomlkit.item(getattr(self, name)))
        table = tomlkit.table()
        for item in self.items():
            if item.changed:
                table.add(item.name, item.value)
        document.add("settings", table)
        try:
            write_whole(self.home / FILE, tomlkit.dumps(document).encode("utf-8", "surrogateescape"))
        except Exception as error:  # a full or read-only disk: the screen works without
            return str(error)
        return ""


def load(home: Path) -> tuple[Request, str]:
    """What was kept, and what of it could not be used."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    request = Request(home)
    try:
        kept: dict[str, Any] = tomlkit.parse(read_hand_edited(home / FILE, errors="surrogateescape")).unwrap()
    except FileNotFoundError:
        return request, ""
    except (OSError, ValueError, TOMLKitError) as error:
        return request, f"{home / FILE}: {error}"
    for name in ("voice", "index", "output"):
        setattr(request, name, str(kept.get(name, "")))
    inputs = kept.get("inputs")
    request.inputs = [str(path) for path in inputs] if isinstance(inputs, list) else []
    settings = kept.get("settings")
    problems = []
    for name, value in (settings if isinstance(settings, dict) else {}).items():
        try:
            if name not in ConvertSettings.model_fields:
                raise BadInput(verbatim(_("there is no setting {name}").format(name=repr(name))))
            set_field(request.settings, name, value, f"convert.{name}")
        except BadInput as error:
            problems.append(error_line(error))
    return request, f"{home / FILE}: {'; '.join(problems)}" if problems else ""


def paths_of(text: str) -> list[str]:
    """The files and folders that a typed or pasted line means: one path, several as a shell would split them, or a
    pattern with *. Raises BadInput for what is not there."""
    one = clean_path(text)
    if not one or os.path.exists(one):
        return [one] if one else []
    try:
        parts = [clean_path(part) for part in shlex.split(text)]
    except ValueError:
        parts = []
    found = [path for part in parts or [one] for path in matching(part)]
    absent = next((path for path in found if not os.path.exists(path)), None)
    if absent is not None:
        title = _("There is no file {path}").format(path=one if len(found) == 1 else absent)
        raise BadInput(verbatim(title), NOTHING, verbatim(_("tab completes a path")))
    return found


def matching(pattern: str) -> list[str]:
    """The path itself where it is there, or where nothing fits."""
    if os.path.exists(pattern):
        return [pattern]
    try:
        return sorted(glob.glob(pattern)) or [pattern]
    except ValueError:  # no name of a file, whatever is pasted
        return [pattern]


# --- while it runs ---------------------------------------------------------------------------------
@dataclass
class Conversion:
    """One conversion, here, of before the app was opened, or of the queue. `name`: as `rvc attach` takes it, empty
    until it has begun; `asked_at`: when it was started here, 0 for one of the queue."""

    view: RunView = field(default_factory=RunView)
    name: str = ""
    asked_at: float = 0.0
    problem: str = ""  # why it did not start

    @property
    def state(self) -> str:
        """idle, running, finished, stopped or failed."""
        if self.problem:
            return "failed"
        return "running" if self.asked_at and self.view.state == "idle" else self.view.state

    @property
    def running(self) -> bool:
        return self.state == "running"

    @property
    def paths(self) -> list[str]:
        return [result.path for result in self.view.results if isinstance(result, Converted)]

    @property
    def failed(self) -> int:
        return sum(isinstance(result, ItemSkipped) for result in self.view.results)

    @property
    def error(self) -> tuple[str, str, str]:
        """Title, cause and fix of a failure."""
        if self.problem:
            return _("The conversion did not start"), translated(self.problem), ""
        error = self.view.error or {}
        title, message, hint = (translated(error.get(part, "")) for part in ("title", "message", "hint"))
        return title, message, hint

    def fold(self, events: list[Event]) -> None:
        for event in events:
            self.view.fold(event)

    def end(self) -> None:
        """There are no more events: where none of them was its end, its process is gone."""
        if self.view.state in ("idle", "running") and not self.problem:
            self.view.name = self.name
            self.view.note_gone()
