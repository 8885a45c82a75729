"""Do the files that a training starts from or continues from fit it? By shapes alone, so that it is known before the
first stage."""

from __future__ import annotations

from pathlib import Path

import torch

from rvc_engine.errors import BadInput
from rvc_engine.files import weights
from rvc_engine.files.weights import Unreadable
from rvc_engine.messages import NOTHING, Message, message_of
from rvc_engine.models.discriminators import Discriminators
from rvc_engine.models.synthesizer import Synthesizer
from rvc_engine.presets import ModelConfig
from rvc_engine.training.state import UNREADABLE
from rvc_engine.training.store import KINDS, read_state
from rvc_engine.voices.checkpoint import Checkpoint, checkpoint_of, describe, read_checkpoint
from rvc_engine.voices.side_files import rate_beside, refuse_other_encoder

START = Message("training.use_files_preset_none_start")
FEW = 5  # tensors that an error names


def check_start(path: Path, kind: str, preset: str, config: ModelConfig) -> None:
    """A pretrained G or D; its speaker table may have another size. Raises BadInput that says what the file is
    instead."""
    try:
        found = read_checkpoint(path, shapes=True)
    except (OSError, Unreadable) as error:
        raise BadInput("training.no_pretrained_file_can_be", message_of(error), START, path=path) from error
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
                rows = Message(
                    "training.speaker_table_rows",
                    speakers=found[kind].speakers,
                    preset=preset,
                    speakers_2=config.speakers,
                )
                hint = Message("training.start_weights_move_g_d")
                raise BadInput("training.does_not_fit_experiment_2", rows, hint, path=path)
        if len(paths) == 2:
            refuse_other_encoder(paths[0], found["G"].embedder)
        return


def _compare(found: Checkpoint, path: Path, kind: str, preset: str, config: ModelConfig, hint: str) -> None:
    """`presets` of a checkpoint are those whose shapes it has, whatever the size of its speaker table."""
    try:
        weights.check_types(found.weights)
    except Unreadable as error:
        raise BadInput("training.does_not_fit_experiment_2", message_of(error), hint, path=path) from error
    if found.kind == kind and preset in found.presets and found.pitch in (None, config.pitch):
        return
    rate = found.sample_rate or (rate_beside(path) if found.kind == "G" else None)
    own = describe(
        kind, config.version, config.sample_rate if kind == "G" else None, config.pitch if kind == "G" else None
    )
    what = describe(found.kind, found.version, rate, found.pitch)
    unusual = (
        Message("training.unusual_shape", wrong_tensors=_wrong_tensors(found, kind, config)) if what == own else ""
    )
    raise BadInput(
        "training.does_not_fit_experiment",
        NOTHING,
        hint,
        path=path,
        thing=what,
        unusual=unusual,
        preset=preset,
        own=own,
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
    fitting = [name for name in generator.presets if not name.endswith("-tiny") and name != preset]
    if len(fitting) == 1:
        return Message(
            "training.use_new_experiment_preset_move",
            fitting=fitting[0],
            value="" if generator.pitch else " --no-pitch",
        )
    return Message("training.move_g_d_away_use")
