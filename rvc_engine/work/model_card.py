"""The model card (card.md) of a base: what it was made of and how, for those who use it."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

from rvc_engine import __version__
from rvc_engine.common.opening import read_text
from rvc_engine.common.user import expanded
from rvc_engine.dataset.clip_table import ClipRow
from rvc_engine.disk import sha256_of
from rvc_engine.experiment import Experiment
from rvc_engine.pretrain.transcripts import Spoken, Transcripts
from rvc_engine.sections import sections
from rvc_engine.setting import about
from rvc_engine.settings import ExperimentSettings, for_base


def model_card(
    experiment: Experiment, settings: ExperimentSettings, clips: list[ClipRow], rows: dict[str, int], step: int
) -> str:
    seconds = sum(clip.seconds for clip in clips)
    s, model = settings, settings.model
    lines = [
        f"# {experiment.name}: a base for voices",
        "",
        f"Made by rvc-tui {__version__} for the preset {s.preset} ({model.version}, {model.sample_rate} Hz, "
        f"{'with' if s.pitched else 'without'} pitch, content encoder {model.encoder}).",
        "",
        "## Files",
        *_files(experiment),
        "",
        "## Data",
        f"{seconds / 60:.1f} minutes of clips from {len({c.source for c in clips})} recordings of {len(rows)} "
        "speakers.",
        *_licences(s, clips),
        "",
        "## How it was made",
        "",
        f"    {command(experiment, s)}",
        "",
        f"G and D: {step} steps, batch {s.train.batch_size}, seed {s.train.seed}.",
    ]
    if model.own_encoder:
        e = s.encoder
        trained = (
            f"{e.steps} steps, batch {e.batch}, seed {e.seed}" if e.is_trained else f"taken from {_base(e.source)}"
        )
        lines.append(f"Encoder: {trained}.")
    lines += [
        "Row 0 of the speaker table, where a new voice is trained, is the mean of all rows that were trained.",
        "",
    ]
    lines += _probes(experiment)
    return "\n".join(lines) + "\n"


def command(experiment: Experiment, settings: ExperimentSettings) -> str:
    """What makes the same base again: every setting that matters and is not its default."""
    defaults = for_base(settings.preset, pitched=settings.pitched)
    words = ["rvc", "pretrain", experiment.name, "--dataset", _base(settings.dataset), "--preset", settings.preset]
    words += [] if settings.pitched else ["--no-pitch"]
    for stage, model in sections(base=True).items():
        for name, field in model.model_fields.items():
            value = getattr(settings.section(stage), name)
            if about(field)["kind"] != "speed" and value != getattr(defaults.section(stage), name):
                words += ["--set", f"{stage}.{name}={_base(value) if isinstance(value, str) else value}"]
    return shlex.join(words)


def _base(path: str) -> str:
    """A file's name: where it lay on one machine says nothing elsewhere."""
    return Path(path).name if "/" in path else path


def _files(experiment: Experiment) -> list[str]:
    paths = sorted(experiment.base.glob("*.safetensors"))
    return [f"- {path.name}: {path.stat().st_size} bytes, SHA-256 {sha256_of(path)}" for path in paths]


def _licences(settings: ExperimentSettings, clips: list[ClipRow]) -> list[str]:
    """Minutes and attributions by licence, where the catalogue states them."""
    table = Transcripts.read(expanded(settings.dataset))
    spoken: dict[str, Spoken] = {clip.source: table.of(clip.source) for clip in clips}
    minutes: Counter[str] = Counter()
    for clip in clips:
        minutes[spoken[clip.source].licence] += clip.seconds / 60  # type: ignore[assignment]
    if set(minutes) <= {""}:
        return ["The dataset has no catalogue, so their licences are not known here."]
    lines = []
    for licence, length in sorted(minutes.items()):
        lines += ["", f"{licence or 'No licence is given'}: {length:.1f} minutes."]
        lines += [
            f"- {text}"
            for text in sorted({s.attribution for s in spoken.values() if s.licence == licence and s.attribution})
        ]
    return lines


def _probes(experiment: Experiment) -> list[str]:
    try:
        found: dict[str, Any] = json.loads(read_text(experiment.encoder / "probes.json"))
    except (OSError, ValueError):
        return []
    if "phone_accuracy" not in found:
        return []
    speaker, pitch, kept_out = found["speaker"], found["pitch_r2"], ", ".join(found["held_out"]) or "none"
    return [
        "## Probes of the content encoder",
        f"Phones and pitch on {found['probed_on']} (kept out: {kept_out}), speakers on all.",
        "",
        f"- phones right: {_number(found['phone_accuracy'])}; in another voice: "
        f"{_number(found['phone_accuracy_perturbed'])}",
        f"- spectrum without level and colour, R2 of a linear regression: {_number(found['spectrum_r2'])}",
        f"- speakers recognised by a linear classifier: {_number(speaker['features'])} (by log-mels "
        f"{_number(speaker['log_mels'])}, "
        f"by chance {_number(speaker['chance'])})",
        f"- pitch, R2 of a linear regression: {_number(pitch['features'])} (from log-mels "
        f"{_number(pitch['log_mels'])})",
    ]


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3f}"
