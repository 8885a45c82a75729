"""Do the files that a training starts from or continues from fit it? By shapes alone, so that it is known before the
first stage."""

from __future__ import annotations

from pathlib import Path

from rvc_engine.errors import BadInput
from rvc_engine.files import weights
from rvc_engine.files.foreign import first_line
from rvc_engine.files.weights import Unreadable
from rvc_engine.messages import Message, message_of
from rvc_engine.models.discriminators import Discriminators
from rvc_engine.models.synthesizer import Synthesizer
from rvc_engine.models.without_weights import without_weights
from rvc_engine.presets import PUBLIC_PRESETS, ModelConfig
from rvc_engine.training.state import FEW, UNREADABLE
from rvc_engine.training.store import KINDS, read_state
from rvc_engine.voices.checkpoint import Checkpoint, checkpoint_of, describe, read_checkpoint
from rvc_engine.voices.side_files import rate_beside, refuse_other_encoder

START = Message("training.use_preset_files")


def check_start(path: Path, kind: str, preset: str, config: ModelConfig) -> None:
    """A pretrained G or D; its speaker table may have another size. Raises BadInput that says what the file is
    instead."""
    try:
        found = read_checkpoint(path, shapes=True)
    except (OSError, Unreadable) as error:
        raise BadInput("training.not_pretrained", first_line(error), START, path=path) from error
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
                rows, expected = found[kind].speakers, config.speakers
                why = Message("training.other_speaker_table", rows=rows, preset=preset, expected=expected)
                raise BadInput("training.unfit", why, Message("training.start_from_weights"), path=path)
        if len(paths) == 2:
            refuse_other_encoder(paths[0], found["G"].embedder)
        return


def _compare(found: Checkpoint, path: Path, kind: str, preset: str, config: ModelConfig, hint: Message) -> None:
    """`presets` of a checkpoint are those whose shapes it has, whatever the size of its speaker table."""
    try:
        weights.check_types(found.weights)
    except Unreadable as error:
        raise BadInput("training.unfit", message_of(error), hint, path=path) from error
    if found.kind == kind and preset in found.presets and found.pitch in (None, config.pitch):
        return
    rate = found.sample_rate or (rate_beside(path) if found.kind == "G" else None)
    own = describe(
        kind, config.version, config.sample_rate if kind == "G" else None, config.pitch if kind == "G" else None
    )
    what = describe(found.kind, found.version, rate, found.pitch)
    why = Message("training.other_kind", found=what, preset=preset, needed=own)
    if what == own:
        why = Message("training.unusual_shape", found=what, preset=preset, needed=own)
        if tensors := _wrong_tensors(found, kind, config):
            why = Message("training.unusual_tensors", found=what, preset=preset, needed=own, tensors=tensors)
    raise BadInput("training.unfit", why, hint, path=path)


def _wrong_tensors(found: Checkpoint, kind: str, config: ModelConfig) -> list[str]:
    """Names of tensors that are missing, unknown or of another shape, where a few are: the file is damaged or was
    changed then."""
    with without_weights():
        network = Synthesizer(config) if kind == "G" else Discriminators(config.discriminator)
    expected = {key: value.shape for key, value in network.state_dict().items()}
    there = {key: getattr(value, "shape", None) for key, value in found.weights.items()}
    wrong = sorted(key for key in {*expected, *there} if expected.get(key) != there.get(key))
    return wrong if len(wrong) <= FEW else []


def _hint(generator: Checkpoint, preset: str) -> Message:
    fitting = [name for name in generator.presets if name in PUBLIC_PRESETS and name != preset]
    if len(fitting) == 1:
        code = "training.fitting_preset" if generator.pitch else "training.fitting_preset_unpitched"
        return Message(code, preset=fitting[0])
    return Message("training.move_pair_away")
