"""How far a training step in half precision is off on this machine, which the limits of rvc_engine/training/numerics.py
are set by: `python benchmarks/numerics_limits.py [PRESET...] [--modes bf16] [--seeds 2] [--device cpu]`.

Prints the relative error of each part's gradient, for several draws of the random numbers.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

import torch  # noqa: E402

from rvc_engine.machine.device import use_device  # noqa: E402
from rvc_engine.presets import PUBLIC_PRESETS, model_config  # noqa: E402
from rvc_engine.training.numerics import judged  # noqa: E402
from rvc_engine.training.trial_step import TrialStep  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("presets", nargs="*", default=[*PUBLIC_PRESETS])
    parser.add_argument("--modes", nargs="+", default=["bf16"], choices=("bf16", "fp16"))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    print("| preset | precision | seed | part that is furthest off | relative error |\n|---|---|---|---|---|")
    for preset in asked.presets:
        for seed in range(asked.seeds):
            config = model_config(preset, pitch=True)
            reference = TrialStep(config, "fp32", torch.device("cpu"), seed).alone()
            for mode in asked.modes:
                found = TrialStep(config, mode, use_device(asked.device), seed).alone()
                part, error = max(judged(mode, reference, found)[0].items(), key=lambda item: item[1])
                print(f"| {preset} | {mode} | {seed} | {part} | {error:.4f} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
