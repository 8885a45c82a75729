"""What a voice file is, as facts for `rvc voice info`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rvc_engine import disk
from rvc_engine.common.opening import require_file
from rvc_engine.errors import cannot_read, of_environment, reason_of
from rvc_engine.experiment import Experiment
from rvc_engine.files import weights
from rvc_engine.files.weights import Unreadable
from rvc_engine.messages import Message
from rvc_engine.registry import CONTENT_ENCODERS
from rvc_engine.voices.bundle import is_bundle, read_bundle
from rvc_engine.voices.checkpoint import Checkpoint, checkpoint_of
from rvc_engine.voices.metadata import no_voice
from rvc_engine.voices.pitch_range import Range, range_of_clips, range_of_recording, semitones
from rvc_engine.voices.small_model import Voice, extract_command, refuse_other, voice_of


def facts_of(path: Path, experiment: Experiment | None = None, source: Path | None = None) -> dict[str, Any]:
    """What is in a small model, a bundle, or a checkpoint. `experiment`: of the voice, for its pitch; `source`: a
    recording to convert, for a transposition. Raises BadInput saying what the file is instead."""
    require_file(path, Message("common.no_file", path=path), Message("common.check_path"))
    about = {"path": str(path), **disk.facts_of(path)}
    if is_bundle(path):
        bundle = read_bundle(path)
        model_card = {key: bundle.model_card.get(key) or None for key in ("name", "licence", "consent", "made_by")}
        facts = {"what": "bundle", **about, **_voice(bundle.voice), "has_index": bundle.has_index, **model_card}
        return {**facts, **_pitch(bundle.voice, experiment, source)}
    try:
        content = weights.read(path)
    except (OSError, Unreadable) as error:
        if of_environment(error):
            raise cannot_read(path, error) from error
        raise no_voice(path, reason_of(error)) from error
    if isinstance(content, dict) and "weight" in content and "config" in content:
        voice = voice_of(content, path)
        return {"what": "voice", **about, **_voice(voice), **_pitch(voice, experiment, source)}
    try:
        return {**about, **_checkpoint(checkpoint_of(content), path)}
    except Unreadable:
        refuse_other(path, content)
        raise


def _voice(voice: Voice) -> dict[str, Any]:
    config = voice.config
    return {
        "version": config.version,
        "sample_rate": config.sample_rate,
        "pitch": config.pitch,
        "encoder": config.encoder,
        "encoder_is": CONTENT_ENCODERS.get(config.encoder).about,
        "speakers": config.speakers,
        "epochs": voice.epochs,
        "step": voice.step,
        "minutes": voice.minutes,
        "info": voice.info,
        "unvoiced": voice.unvoiced,
        "program": voice.program,
        "rvc_programs": config.version in ("v1", "v2"),
        "weights_sha256": voice.weights_sha256(),
        "other": {key: value for key, value in voice.extras.items() if key not in ("minutes", "pitch_hz")},
    }


def _checkpoint(found: Checkpoint, path: Path) -> dict[str, Any]:
    return {
        "what": found.kind_of_file,
        "is": found.what,
        "version": found.version,
        "sample_rate": found.sample_rate,
        "pitch": found.pitch,
        "speakers": found.speakers,
        "epochs": found.iteration,
        "voice": extract_command(path) if found.kind == "G" else None,
    }


def _pitch(voice: Voice, experiment: Experiment | None, source: Path | None) -> dict[str, Any]:
    """The voice's range in Hz, and the transposition that brings `source` to it; None where something is not known."""
    if not voice.config.pitch:
        return {"pitch_hz": None, "transpose": None}
    own: Range | None = voice.pitch_hz
    if own is None and experiment is not None:
        own = range_of_clips(experiment.pitch_hz, experiment.voicing, experiment.clips())
    if source is None:
        return {"pitch_hz": own, "transpose": None}
    theirs = range_of_recording(source)
    return {"pitch_hz": own, "source_pitch_hz": theirs, "transpose": semitones(theirs, own) if own else None}
