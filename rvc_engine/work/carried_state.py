"""Training states carried from one machine to another: out of an experiment into parts, and from parts into an
experiment."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import torch

from rvc_engine.disk import move_to_backup, whole_file
from rvc_engine.errors import BadInput
from rvc_engine.experiment import Experiment
from rvc_engine.files.foreign import first_line
from rvc_engine.files.weights import Unreadable, metadata_of, read_tensors, write_safetensors
from rvc_engine.messages import Message, joined
from rvc_engine.pretrain.encoder_training import previous_of
from rvc_engine.pretrain.moving import read_parts, write_parts
from rvc_engine.training.state import UNREADABLE
from rvc_engine.training.store import FORMAT, CheckpointStore, read_state


class Carried(ABC):
    """The state of one training: `name` is that of its parts."""

    name: str
    keys: frozenset[str]
    """What a state holds at least."""

    @abstractmethod
    def incoming(self, experiment: Experiment) -> Path:
        """Where the training finds one that was brought."""

    @abstractmethod
    def own_states(self, experiment: Experiment) -> list[Path]:
        """Those of this experiment, newest first."""

    def replaced(self, experiment: Experiment) -> list[Path]:
        """What one that is brought takes the place of."""
        return self.own_states(experiment)

    @abstractmethod
    def read(self, path: Path) -> dict[str, Any]: ...

    @abstractmethod
    def write(self, content: dict[str, Any], path: Path) -> None: ...


class EncoderState(Carried):
    name = "encoder"
    keys = frozenset({"tensors", "metadata"})

    def incoming(self, experiment: Experiment) -> Path:
        return experiment.incoming / "encoder.safetensors"

    def own_states(self, experiment: Experiment) -> list[Path]:
        state = experiment.encoder / "state.safetensors"
        return [state, previous_of(state)]

    def read(self, path: Path) -> dict[str, Any]:
        metadata = metadata_of(path)
        json.loads(metadata["encoder"])
        return {"tensors": read_tensors(path), "metadata": metadata}

    def write(self, content: dict[str, Any], path: Path) -> None:
        write_safetensors(path, content["tensors"], content["metadata"])


class TrainState(Carried):
    name = "train"
    keys = frozenset({"format", "pair", "rest"})

    def incoming(self, experiment: Experiment) -> Path:
        return experiment.incoming / "train.pt"

    def own_states(self, experiment: Experiment) -> list[Path]:
        return [experiment.resume_state, experiment.resume_previous]

    def replaced(self, experiment: Experiment) -> list[Path]:
        return [path for paths in CheckpointStore(experiment).candidates() for path in paths]

    def read(self, path: Path) -> dict[str, Any]:
        return read_state(path)

    def write(self, content: dict[str, Any], path: Path) -> None:
        with whole_file(path) as temporary:
            torch.save(content, temporary)


STATES: tuple[Carried, ...] = (EncoderState(), TrainState())


def save_state(experiment: Experiment, folder: Path) -> list[Path]:
    """The newest full training states of the encoder's and of the base's training, in parts. Works while they run.
    Raises BadInput when there is none, DiskFull."""
    states = {state.name: content for state in STATES if (content := _newest(experiment, state)) is not None}
    if not states:
        raise BadInput("work.no_training_state", name=experiment.name)
    written: list[Path] = []
    for name, content in states.items():
        written += write_parts(folder, name, content)
    for state in STATES:
        for path in folder.glob(f"{state.name}*"):
            if path not in written and (path.suffix == ".safetensors" or state.name not in states):
                path.unlink()  # of an earlier state that had more parts
    return written


def load_state(experiment: Experiment, folder: Path) -> list[str]:
    """Put states into incoming/, where the trainings find them; a state that is there is moved to a backup. Returns
    their names. Raises BadInput for parts that are missing or damaged: then nothing is changed."""
    there = [state for state in STATES if (folder / f"{state.name}.json").is_file()]
    if not there:
        raise BadInput("work.no_training_state_in", folder=folder)
    contents = [(state, read_parts(folder, state.name)) for state in there]
    for state, content in contents:
        _check(state, content, folder)
    replaced = [path for state in there for path in (*state.replaced(experiment), state.incoming(experiment))]
    move_to_backup(replaced, experiment.folder, "state")
    for state, content in contents:
        state.write(content, state.incoming(experiment))
    return [state.name for state in there]


def _check(state: Carried, content: Any, folder: Path) -> None:
    whole = isinstance(content, dict) and state.keys <= content.keys()
    if not whole or content.get("format", FORMAT) != FORMAT:
        raise BadInput("work.other_training_state", path=folder / f"{state.name}.json")


def _newest(experiment: Experiment, state: Carried) -> Any:
    """None where there is none. Raises BadInput when none of those there can be read."""
    problems = []
    for path in (*state.own_states(experiment), state.incoming(experiment)):
        if not path.is_file():
            continue
        try:
            return state.read(path)
        except (*UNREADABLE, Unreadable) as error:
            problems.append(Message("training.of_file", name=path.name, reason=first_line(error)))
    if problems:
        raise BadInput("work.no_state_readable", joined(*problems), name=experiment.name)
    return None
