"""Do the files that a training starts from or continues from fit it? By shapes alone, so that it is known before the
first stage."""

from __future__ import annotations

from pathlib import Path

import torch

from rvc_engine.errors import BadInput
from rvc_engine.files import weights
from rvc_engine.files.weights import Unreadable
from rvc_engine.models.discriminators import Discriminators
from rvc_engine.models.synthesizer import Synthesizer
from rvc_engine.presets import PUBLIC_PRESETS, ModelConfig
from rvc_engine.training.state import UNREADABLE, reason_of
from rvc_engine.training.store import KINDS, read_state
from rvc_engine.voices.checkpoint import Checkpoint, checkpoint_of, describe, read_checkpoint
from rvc_engine.voices.side_files import rate_beside, refuse_other_encoder

START = "use files of this preset, or none to start from nothing"
FEW = 5  # tensors that an error names


def check_start(path: Path, kind: str, preset: str, config: ModelConfig) -> None:
    """A pretrained G or D; its speaker table may have another size. Raises BadInput that says what the file is
    instead."""
    try:
        found = read_checkpoint(path, shapes=True)
    except (OSError, Unreadable) as error:
        raise BadInput(f"{path} is no pretrained file that can be read", reason_of(error), START) from error
    _compare(found, path, kind, preset, config, START)
    refuse_other_encoder(path, found.embedder)


def check_candidates(candidates: list[list[Path]], preset: str, config: ModelConfig) -> None:
    """Full training states and pairs to resume from, best first. The first that can be read decides, as in the
    training, which moves damaged ones out of the way. Raises BadInput that says what it is instead."""
    for paths in candidates:
        try:
            if len(paths) == 1:
                pair = read_state(paths[0], shapes=True)["pair"]
                found = {kind: checkpoint_of(pair[kind]) for kind in KINDS}
            else:
                found = {kind: read_checkpoint(path, shapes=True) for kind, path in zip(KINDS, paths, strict=True)}
        except UNREADABLE:
            continue
        for kind, path in zip(KINDS, paths * (3 - len(paths)), strict=True):
            hint = _hint(found["G"], preset)
            _compare(found[kind], path, kind, preset, config, hint)
            if kind == "G" and found[kind].speakers != config.speakers:
                rows = f"its speaker table has {found[kind].speakers} rows, that of {preset} has {config.speakers}"
                hint = (
                    "to start from its weights, move G_ and D_ to another folder and give them as --pretrained-g "
                    "and --pretrained-d"
                )
                raise BadInput(f"{path} does not fit this experiment", rows, hint)
        if len(paths) == 2:
            refuse_other_encoder(paths[0], found["G"].embedder)
        return


def _compare(found: Checkpoint, path: Path, kind: str, preset: str, config: ModelConfig, hint: str) -> None:
    """`presets` of a checkpoint are those whose shapes it has, whatever the size of its speaker table."""
    try:
        weights.check_types(found.weights)
    except Unreadable as error:
        raise BadInput(f"{path} does not fit this experiment", str(error), hint) from error
    if found.kind == kind and preset in found.presets and found.pitch in (None, config.pitch):
        return
    rate = found.sample_rate or (rate_beside(path) if found.kind == "G" else None)
    own = describe(
        kind, config.version, config.sample_rate if kind == "G" else None, config.pitch if kind == "G" else None
    )
    what = describe(found.kind, found.version, rate, found.pitch)
    unusual = f" of an unusual shape{_wrong_tensors(found, kind, config)}" if what == own else ""
    raise BadInput(
        f"{path} does not fit this experiment",
        f"it is {what}{unusual}, this experiment is {preset} and needs {own}",
        hint,
    )


def _wrong_tensors(found: Checkpoint, kind: str, config: ModelConfig) -> str:
    """ " (names)" of tensors that are missing, unknown or of another shape, where a few are: the file is damaged or was
    changed then."""
    with torch.device("meta"):
        network = Synthesizer(config) if kind == "G" else Discriminators(config.discriminator)
    expected = {key: value.shape for key, value in network.state_dict().items()}
    there = {key: getattr(value, "shape", None) for key, value in found.weights.items()}
    wrong = sorted(key for key in {*expected, *there} if expected.get(key) != there.get(key))
    return f" ({', '.join(wrong)})" if 0 < len(wrong) <= FEW else ""


def _hint(generator: Checkpoint, preset: str) -> str:
    fitting = [name for name in generator.presets if name in PUBLIC_PRESETS and name != preset]
    if len(fitting) == 1:
        return (
            f"use a new experiment with --preset {fitting[0]}{'' if generator.pitch else ' --no-pitch'}, or move "
            "G_ and D_ away"
        )
    return "move G_ and D_ away, or use an experiment with the preset that they were made with"
