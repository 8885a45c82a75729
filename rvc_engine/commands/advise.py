"""rvc advise: which batch size fits, and which is recommended."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from rvc_engine.assets.pretrained import preset_here
from rvc_engine.client.words import size
from rvc_engine.common.streams import say, say_json
from rvc_engine.errors import BadInput
from rvc_engine.machine.advisor import advise, advise_experiment
from rvc_engine.presets import PRESETS, PUBLIC_PRESETS
from rvc_engine.work.trials import measure_batches
from rvc_engine.workspace import Workspace


def build(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument(
        "name", metavar="NAME", nargs="?", help="an experiment, whose settings and minutes of audio are used"
    )
    parser.add_argument(
        "--preset",
        metavar="PRESET",
        help=f"one of {', '.join(PUBLIC_PRESETS)}; default: that of NAME, else that of a new run",
    )
    parser.add_argument(
        "--device", metavar="DEVICE", help="auto, cpu, cuda or cuda:N; default train.device of NAME, else auto"
    )
    parser.add_argument(
        "--precision", choices=("auto", "fp32", "fp16", "bf16"), help="default train.precision of NAME, else auto"
    )
    parser.add_argument("--measure", action="store_true", help="measure real steps, in a separate process")
    parser.add_argument("--json", action="store_true", help="JSON on standard output and nothing else")


def execute(options: argparse.Namespace, name: str) -> int:
    advice = asked(options)
    if options.json:
        say_json(advice)
    else:
        say(*in_lines(advice, options))
    return 0


def asked(options: argparse.Namespace) -> dict[str, Any]:
    workspace = Workspace.find(options.home)
    if options.preset and options.preset not in PRESETS:
        raise BadInput("settings.no_preset", preset=options.preset, choices=PUBLIC_PRESETS)
    preset, precision, device = options.preset or "", options.precision or "", options.device or ""
    measurement = measure_batches if options.measure else None
    if not options.name:
        preset = preset or preset_here(workspace)
        return advise(preset, None, measurement=measurement, precision=precision or "auto", device=device or "auto")
    experiment = workspace.experiment(options.name)
    settings = experiment.load_settings()
    if measurement is not None and settings.train.checkpointing == "on":
        measurement = partial(measure_batches, checkpointing=True)
    return advise_experiment(
        experiment, settings, preset=preset, precision=precision, device=device, measurement=measurement
    )


def in_lines(advice: dict[str, Any], options: argparse.Namespace) -> list[str]:
    minutes = "an unknown length of audio" if advice["minutes"] is None else f"{advice['minutes']:.1f} minutes of audio"
    whose = f", where not given as {options.name} has it" if options.name else ""
    lines = [
        *(_memory_line(device) for device in advice.get("devices", [advice])),
        f"assumed: preset {advice['preset']}, {advice['precision']}, {advice['device']}, {minutes}{whose}",
        f"numbers: {advice['source']}"
        + (f", off by {advice['error_percent']} %" if advice["error_percent"] is not None else ""),
    ]
    for row in advice["batch"]:
        speed = f"{row['samples_per_s']:.2f} clips/s" if row["samples_per_s"] else ""
        less = f"{size(row['checkpointed_bytes'])} with checkpointing" if advice["checkpointing"] != "on" else ""
        lines.append(f"  batch {row['batch_size']:>3}  {size(row['memory_bytes']):>10}  {less}  {speed}".rstrip())
    checkpointed = f" ({advice['largest_checkpointed']} with checkpointing)" if advice["checkpointing"] != "on" else ""
    lines.append(f"largest that fits: {advice['largest']}{checkpointed}   recommended: {advice['recommended']}")
    return lines + [f"  {reason}" for reason in advice["reasons"]]


def _memory_line(device: dict[str, Any]) -> str:
    others = "not reported" if device["memory_others_bytes"] is None else size(device["memory_others_bytes"])
    room = f"{size(device['memory_free_bytes'])} free of {size(device['memory_total_bytes'])}"
    return f"{device['name']} ({device['device']}): {room}, held by others: {others}"
