"""`python -m rvc_engine.work.measuring PRESET PRECISION DEVICE BATCH...`: training/measure.py in a process that has
imported all that a training has, because that counts too."""

from __future__ import annotations

import rvc_engine.work.train  # noqa: F401
from rvc_engine.common.lines import run_reporting
from rvc_engine.training.measure import main

if __name__ == "__main__":
    raise SystemExit(run_reporting(main))
