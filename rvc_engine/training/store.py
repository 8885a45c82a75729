"""Checkpoint files.

resume.pt is the newest full training state, resume-previous.pt the one before it: all that an exact resume needs.
G_{step}.pth and D_{step}.pth, in RVC's layout, are for people and other programs; training resumes from a pair where
there is no resume file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from rvc_engine.disk import TEMPORARY, is_full, move_to_backup, whole_file
from rvc_engine.errors import RvcError, of_environment
from rvc_engine.files import weights
from rvc_engine.files.foreign import first_line
from rvc_engine.files.zip_files import open_zip
from rvc_engine.machine.device import out_of_memory
from rvc_engine.messages import Message, joined, verbatim
from rvc_engine.training.hooks import Hooks, Writable, through
from rvc_engine.training.snapshot import Savable
from rvc_engine.training.state import UNREADABLE, TrainingState, check_rest
from rvc_engine.voices.layout import rvc_names

if TYPE_CHECKING:
    from rvc_engine.experiment import Experiment

FORMAT = 2
LATEST_ONLY = 2333333  # the number that RVC programs give a checkpoint that overwrites the one before
KINDS = ("G", "D")


@dataclass
class Restored:
    """`entry` is None for a pair from elsewhere. `damaged`: what could not be read and was moved to `backup`. `newer`:
    pairs of later steps than the state, which are not used."""

    step: int
    entry: dict[str, Any] | None
    damaged: list[Message] = field(default_factory=list)
    backup: Path | None = None
    newer: list[int] = field(default_factory=list)


class CheckpointStore:
    """`files` spells the names. `hooks`: what files are written through."""

    def __init__(self, files: Experiment, hooks: Hooks = ()) -> None:
        self.files, self.hooks = files, hooks
        self._epochs: dict[int, int] = {}

    # --- what is there ------------------------------------------------------------------------------------------
    def steps(self) -> list[int]:
        """Steps with both a G_ and a D_ file, newest first."""
        found = [int(m[1]) for p in self.files.folder.glob("G_*.pth") if (m := re.fullmatch(r"G_(\d+)\.pth", p.name))]
        return sorted((step for step in found if all(path.is_file() for path in self.pair_paths(step))), reverse=True)

    def candidates(self) -> list[list[Path]]:
        """The files to resume from, best first: the full training states, then pairs, newest first."""
        resume = [[path] for path in (self.files.resume_state, self.files.resume_previous) if path.is_file()]
        return resume + [self.pair_paths(step) for step in self.steps()]

    def pair_paths(self, step: int) -> list[Path]:
        return [self.files.checkpoint(kind, step) for kind in KINDS]

    def pair_bytes(self, step: int) -> int:
        return sum(path.stat().st_size for path in self.pair_paths(step) if path.is_file())

    def epoch_of(self, step: int) -> int | None:
        """The epoch that a pair was saved after; None for one that cannot be read. Reads no tensor."""
        if step not in self._epochs:
            try:
                self._epochs[step] = int(weights.read_shapes(self.files.checkpoint("G", step))["iteration"])
            except UNREADABLE:
                return None
        return self._epochs[step]

    def pair_is_of(self, state: TrainingState) -> bool:
        """Are the G_ and D_ of this step there, whole, and with these weights?"""
        networks = {"G": state.generator, "D": state.adversary.network}
        for kind, path in zip(KINDS, self.pair_paths(state.step), strict=True):
            try:
                saved = read_pair_file(path)["model"]
            except UNREADABLE:
                return False
            own = networks[kind].state_dict()
            if saved.keys() != own.keys() or not all(
                torch.equal(saved[key], value.cpu()) for key, value in own.items()
            ):
                return False
        return True

    # --- writing ------------------------------------------------------------------------------------------------
    def write_state(self, state: Savable) -> None:
        """resume.pt; the one there becomes resume-previous.pt. Raises DiskFull."""
        content = {"format": FORMAT, "pair": state.pair(), "rest": state.rest()}
        self._write(self.files.resume_state, content, previous=self.files.resume_previous)

    def write_pair(self, state: Savable) -> None:
        """G_ and D_ of the state's step. Raises DiskFull."""
        for kind, content in state.pair().items():
            self._write(self.files.checkpoint(kind, state.step), content)
        self._epochs[state.step] = state.epoch

    def _write(self, path: Path, content: dict[str, Any], *, previous: Path | None = None) -> None:
        """Read again, record by record, before it takes its name."""
        with whole_file(path, previous=previous) as temporary:
            with temporary.open("wb") as file:
                stream = _Stream(through(self.hooks, file, _nbytes(content)))
                try:
                    torch.save(content, cast("IO[bytes]", stream))
                except (OSError, RuntimeError):
                    if stream.error is not None:  # torch reports it in other words
                        raise stream.error from None
                    raise
            try:
                check_whole(temporary)
                weights.read_shapes(temporary)
            except UNREADABLE as error:
                if is_full(error):
                    raise
                raise RvcError("training.not_written_whole", first_line(error), path=path.name) from error

    def remove_halves(self) -> None:
        """Remove the temporary files of a process that was killed while it saved."""
        for pattern in (f".[GD]_*.pth.*{TEMPORARY}", f".resume*.pt.*{TEMPORARY}"):
            for path in self.files.folder.glob(pattern):
                path.unlink(missing_ok=True)

    # --- resuming -----------------------------------------------------------------------------------------------
    def restore(self, state: TrainingState) -> Restored | None:
        """Load the first candidate that is whole; damaged ones before it are moved to a backup. None when there is no
        candidate at all.

        Raises RvcError when none can be read (nothing is moved then: a second try must not start over), or when one
        that can be read does not fit.
        """
        damaged: list[Path] = []
        reasons: list[Message] = []
        for paths in self.candidates():
            try:
                restored = self._load(state, paths)
            except UNREADABLE as error:
                self._check_cause(error, paths)
                damaged += paths
                reasons.append(Message("training.of_file", name=_names(paths), reason=first_line(error)))
                continue
            restored.damaged = reasons
            restored.backup = move_to_backup(damaged, self.files.folder, "damaged")
            restored.newer = [step for step in self.steps() if restored.entry and state.step < step != LATEST_ONLY]
            return restored
        if reasons:
            raise RvcError("training.no_checkpoint", joined(*reasons))
        return None

    def _check_cause(self, error: BaseException, paths: list[Path]) -> None:
        """Raises RvcError where the files need not be damaged: there is no permission, no memory, no disk just now."""
        memory = out_of_memory(error) if isinstance(error, RuntimeError) else None
        if memory is not None or of_environment(error):
            reason, hint = memory.message if memory else first_line(error), Message("training.nothing_changed")
            raise RvcError("common.cannot_be_read", reason, hint, path=_names(paths)) from error

    def _load(self, state: TrainingState, paths: list[Path]) -> Restored:
        """Raises one of UNREADABLE for a damaged file, RvcError for a whole one that does not fit."""
        if len(paths) == 1:
            content = read_state(paths[0])
            state.load_pair(content["pair"], dict.fromkeys(KINDS, str(paths[0])))
            state.load_rest(content["rest"])
            return Restored(state.step, content["rest"])
        pair = {kind: read_pair_file(path) for kind, path in zip(KINDS, paths, strict=True)}
        if pair["G"]["iteration"] != pair["D"]["iteration"]:
            raise ValueError(Message("training.pair_of_two_epochs"))
        state.load_pair(pair, {kind: str(path) for kind, path in zip(KINDS, paths, strict=True)})
        step = int(paths[0].stem.split("_")[1])
        counted = [int(moment["step"]) for moment in pair["G"]["optimizer"]["state"].values()]
        state.step = max(counted, default=0) if step == LATEST_ONLY else step
        state.epoch = int(pair["G"]["iteration"])
        state.begin_epoch()
        state.noise.generator.manual_seed(state.train_config.seed + state.step)
        return Restored(state.step, None)


def _names(paths: list[Path]) -> Message:
    """Of a full training state, or of a pair."""
    first, *second = (verbatim(path.name) for path in paths)
    return Message("training.two", first=first, second=second[0]) if second else first


def read_state(path: Path, *, shapes: bool = False) -> dict[str, Any]:
    """A resume file, which may come from another machine: data alone, each record compared with its checksum. `shapes`:
    without numbers. Raises one of UNREADABLE."""
    content = weights.read_shapes(path) if shapes else weights.read(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(Message("training.other_resume_format"))
    pair = content.get("pair")
    if (
        not isinstance(pair, dict)
        or set(pair) != set(KINDS)
        or not all(isinstance(side, dict) for side in pair.values())
    ):
        raise ValueError(Message("training.no_pair"))
    check_rest(content.get("rest"))
    return content


def read_pair_file(path: Path) -> dict[str, Any]:
    """A G_ or D_ file, of any RVC program: data alone, with weight norm under RVC's names. Raises one of UNREADABLE."""
    content = weights.read(path)
    if (
        not isinstance(content, dict)
        or not isinstance(content.get("model"), dict)
        or not {"iteration", "optimizer"} <= set(content)
    ):
        raise ValueError(Message("training.not_checkpoint", name=path.name))
    if type(content["iteration"]) is not int or not 0 <= content["iteration"] < 1 << 40:
        raise ValueError(Message("training.no_epoch", name=path.name))
    content["model"] = rvc_names(content["model"])
    return content


def check_whole(path: Path) -> None:
    """Compare every record with its checksum. Raises one of UNREADABLE."""
    with open_zip(path) as archive:
        bad = archive.testzip()
    if bad is not None:
        raise ValueError(Message("training.wrong_checksum", record=bad))


def _nbytes(content: Any) -> int:
    if isinstance(content, Tensor):
        return content.nbytes
    inner: Iterable[Any] = content.values() if isinstance(content, dict) else ()
    return sum(_nbytes(value) for value in inner)


class _Stream:
    """Where torch.save writes to: keeps the error of the file below."""

    def __init__(self, file: Writable) -> None:
        self.file = file
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            return self.file.write(data)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        self.file.flush()
