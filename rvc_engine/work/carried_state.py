"""Training states carried from one machine to another: out of an experiment into parts, and from parts into an
experiment."""

from __future__ import annotations

import json
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

NAMES = ("encoder", "train")


def save_state(experiment: Experiment, folder: Path) -> list[Path]:
    """The newest full training states of the encoder's and of the base's training, in parts. Works while they run.
    Raises BadInput when there is none, DiskFull."""
    states = {name: content for name in NAMES if (content := _newest(experiment, name)) is not None}
    if not states:
        raise BadInput("work.no_training_state", name=experiment.name)
    written: list[Path] = []
    for name, content in states.items():
        written += write_parts(folder, name, content)
    for name in NAMES:
        for path in folder.glob(f"{name}*"):
            if path not in written and (path.suffix == ".safetensors" or name not in states):
                path.unlink()  # of an earlier state that had more parts
    return written


def load_state(experiment: Experiment, folder: Path) -> list[str]:
    """Put states into incoming/, where the trainings find them; a state that is there is moved to a backup. Returns
    their names. Raises BadInput for parts that are missing or damaged: then nothing is changed."""
    there = [name for name in NAMES if (folder / f"{name}.json").is_file()]
    if not there:
        raise BadInput("work.no_training_state_in", folder=folder)
    contents = {name: read_parts(folder, name) for name in there}
    for name, content in contents.items():
        _check(name, content, folder)
    move_to_backup([path for name in there for path in _own_states(experiment, name)], experiment.folder, "state")
    for name, content in contents.items():
        if name == "encoder":
            write_safetensors(experiment.incoming / "encoder.safetensors", content["tensors"], content["metadata"])
        else:
            with whole_file(experiment.incoming / "train.pt") as temporary:
                torch.save(content, temporary)
    return there


def _check(name: str, content: Any, folder: Path) -> None:
    wanted = {"tensors", "metadata"} if name == "encoder" else {"format", "pair", "rest"}
    if not isinstance(content, dict) or not wanted <= content.keys() or content.get("format", FORMAT) != FORMAT:
        raise BadInput("work.other_training_state", path=folder / f"{name}.json")


def _own_states(experiment: Experiment, name: str) -> list[Path]:
    if name == "encoder":
        state = experiment.encoder / "state.safetensors"
        return [state, previous_of(state), experiment.incoming / "encoder.safetensors"]
    store = CheckpointStore(experiment)
    return [*(path for paths in store.candidates() for path in paths), experiment.incoming / "train.pt"]


def _newest(experiment: Experiment, name: str) -> Any:
    """None where there is none. Raises BadInput when none of those there can be read."""
    problems = []
    for path in _checkpoints(experiment, name):
        try:
            return _read_encoder(path) if name == "encoder" else _read_train(path)
        except (*UNREADABLE, Unreadable) as error:
            problems.append(Message("training.of_file", name=path.name, reason=first_line(error)))
    if problems:
        raise BadInput("work.no_state_readable", joined(*problems), name=experiment.name)
    return None


def _checkpoints(experiment: Experiment, name: str) -> list[Path]:
    if name == "encoder":
        state = experiment.encoder / "state.safetensors"
        paths = [state, previous_of(state), experiment.incoming / "encoder.safetensors"]
    else:
        paths = [experiment.resume_state, experiment.resume_previous, experiment.incoming / "train.pt"]
    return [path for path in paths if path.is_file()]


def _read_encoder(path: Path) -> dict[str, Any]:
    metadata = metadata_of(path)
    json.loads(metadata["encoder"])
    return {"tensors": read_tensors(path), "metadata": metadata}


def _read_train(path: Path) -> dict[str, Any]:
    return read_state(path)
