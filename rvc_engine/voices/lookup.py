"""Files of voices where they meet a workspace: their indexes, their experiments, and the places where `rvc convert
NAME` looks."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from rvc_engine.common.names import why_unwise
from rvc_engine.conversion.retrieval import OWN_NEIGHBOURS, OWN_PROBES, Retrieval, refuse_other_encoder
from rvc_engine.disk import copy_whole, facts_of, write_whole
from rvc_engine.errors import BadInput
from rvc_engine.experiment import Experiment
from rvc_engine.training.store import LATEST_ONLY, CheckpointStore
from rvc_engine.voices.bundle import INDEX, is_bundle, read_bundle
from rvc_engine.voices.index_file import IndexFacts, check_index_file, sidecar_of
from rvc_engine.voices.small_model import Voice
from rvc_engine.voices.unpack import Unpacked
from rvc_engine.workspace import Workspace


# --- indexes ---------------------------------------------------------------------------------------
def load_index(index: Path, voice: Voice) -> Retrieval:
    """An index file, or the one in a bundle. Raises BadInput when it is damaged or not of this voice's encoder."""
    with ExitStack() as held:
        if is_bundle(index):
            index = unpack_index(index, Path(held.enter_context(TemporaryDirectory(prefix="rvc-"))))
        check_index_of(index, voice)
        return Retrieval.load(index, OWN_NEIGHBOURS, OWN_PROBES) if voice.config.own_encoder else Retrieval.load(index)


def check_index_of(index: Path, voice: Voice) -> IndexFacts:
    """Raises BadInput when it is damaged or not of this voice's encoder."""
    facts = check_index_file(index)
    refuse_other_encoder(facts, voice.config)
    return facts


def unpack_index(path: Path, folder: Path) -> Path:
    """The index of a bundle, in `folder`, with what says its encoder. Raises BadInput."""
    bundle = read_bundle(path)
    index = folder / INDEX
    bundle.extract_index(index)
    write_index_sidecar(index, bundle.voice)
    return index


def write_index_sidecar(index: Path, voice: Voice) -> None:
    """Write what says that the index was made by this voice's encoder."""
    record = {
        "encoder": voice.config.encoder,
        "version": voice.config.version,
        **facts_of(index),
    }
    write_whole(sidecar_of(index), json.dumps(record, indent=1))


# --- checkpoints -----------------------------------------------------------------------------------
def find_checkpoint(experiment: Experiment, epoch: int | None, step: int | None) -> Path:
    """The G_ of an experiment, ours or another program's: of that epoch or step, else the newest. Raises BadInput
    naming those there."""
    steps = sorted(
        step for path in experiment.folder.glob("G_*.pth") if (step := step_of(path, latest=LATEST_ONLY)) is not None
    )
    if not steps:
        raise BadInput("voices.no_checkpoints", name=experiment.name, folder=experiment.folder)
    if epoch is not None:
        store = CheckpointStore(experiment)
        epochs = {number: store.epoch_of(number) for number in steps}
        fitting = [number for number in steps if epochs[number] == epoch]
        if not fitting:
            known = [value for value in epochs.values() if value is not None]
            raise BadInput("voices.no_epoch", name=experiment.name, epoch=epoch, epochs=known)
    else:
        fitting = [number for number in steps if step in (None, number)]
        if not fitting:
            raise BadInput("voices.no_step", name=experiment.name, step=step, steps=steps)
    if LATEST_ONLY not in fitting:
        return experiment.checkpoint("G", fitting[-1])
    # the one name says no step: the epoch decides, and where it says none, that name
    store = CheckpointStore(experiment)
    return experiment.checkpoint("G", max(fitting, key=lambda number: (store.epoch_of(number) or 0, number)))


def step_of(path: Path, latest: int | None = None) -> int | None:
    """The step in the name of a G_ file; `latest` for the one name that other programs give the newest whatever its
    step."""
    found = re.fullmatch(r"G_(\d{1,12})\.pth", path.name)
    if not found:
        return None
    return latest if int(found[1]) == LATEST_ONLY else int(found[1])


# --- importing -------------------------------------------------------------------------------------
def name_for(wanted: str | None, unpacked: Unpacked, path: Path) -> str:
    """A name that can be a file's: the one asked for, else the file's own. Raises BadInput when the one asked for
    cannot."""
    if wanted is not None:
        refuse_name(wanted)
        return wanted
    return next((name for name in (unpacked.name, path.stem) if not why_unwise(name)), "voice")


def refuse_name(text: str) -> None:
    """Raises BadInput for a name that a file should not have."""
    if why := why_unwise(text):
        raise BadInput("voices.bad_name", why, name=text)


def place(unpacked: Unpacked, name: str, workspace: Workspace) -> list[Path]:
    """Put a voice, and its index, where `rvc convert NAME` finds them. Returns what was written. Raises BadInput for a
    name that is taken, or an index that cannot be used."""
    experiment = Experiment(workspace.logs / name, workspace)  # also for a name that a saved voice of an experiment has
    if experiment.small_model.exists() or experiment.exists() or experiment.indexes():
        there = experiment.small_model if experiment.small_model.exists() else experiment.folder
        raise BadInput("voices.name_taken", name=name, path=there)
    written = []
    if unpacked.index is not None:
        if unpacked.from_bundle:
            write_index_sidecar(unpacked.index, unpacked.voice)
        facts = check_index_of(unpacked.index, unpacked.voice)
        index = experiment.index_path(facts.lists, unpacked.voice.config.version)
        copy_whole(unpacked.index, index)
        write_index_sidecar(index, unpacked.voice)
        written.append(index)
    copy_whole(unpacked.model, experiment.small_model)
    return [experiment.small_model, *written]
