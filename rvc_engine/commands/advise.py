"""rvc advise: which batch size fits, and which is recommended."""

from __future__ import annotations

import argparse
import json

from rvc_engine.commands.display import size
from rvc_engine.errors import BadInput
from rvc_engine.experiment import Workspace
from rvc_engine.models.configs import PRESETS, PUBLIC_PRESETS


def build(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument("name", metavar="NAME", nargs="?", help="an experiment: its preset and its minutes of audio count")
    parser.add_argument("--preset", metavar="PRESET", help=f"one of {', '.join(PUBLIC_PRESETS)}")
    parser.add_argument("--precision", choices=("auto", "fp32", "fp16", "bf16"), default="auto")
    parser.add_argument("--measure", action="store_true", help="measure a real step in a throw-away process")
    parser.add_argument("--json", action="store_true", help="JSON on standard output and nothing else")


def execute(options: argparse.Namespace, name: str) -> int:
    from rvc_engine.advise import advise

    experiment = Workspace.find(options.home).experiment(options.name) if options.name else None
    if options.preset and options.preset not in PRESETS:
        raise BadInput(f"There is no preset {options.preset!r}", "", f"choose one of: {', '.join(PUBLIC_PRESETS)}")
    preset = options.preset or (experiment.load_settings().preset if experiment else "starter")
    advice = advise(preset, experiment, measure=options.measure, precision=options.precision)
    if options.json:
        print(json.dumps(advice))
        return 0
    print(f"{advice['name']} ({advice['device']}): {size(advice['memory_free_bytes'])} free of {size(advice['memory_total_bytes'])}")
    print(f"{advice['preset']} in {advice['precision']}, numbers: {advice['source']}")
    for row in advice["batch"]:
        speed = f"{row['samples_per_s']:.2f} clips/s" if row["samples_per_s"] else ""
        print(f"  batch {row['batch_size']:>3}  {size(row['memory_bytes']):>10}  {speed}")
    print(f"largest that fits: {advice['largest']}   recommended: {advice['recommended']}")
    for reason in advice["reasons"]:
        print(f"  {reason}")
    return 0
