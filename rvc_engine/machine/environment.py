"""The environment variables of every process that this program starts."""

from __future__ import annotations

import os

from rvc_engine.common.user import complete
from rvc_engine.machine.malloc import KEEPING_FREED_MEMORY
from rvc_engine.workspace import PACKAGE

GPUS_AS_THE_DRIVER_NUMBERS_THEM = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
"""CUDA's own order is the fastest first: cuda:0 would be another GPU than the driver's first."""


BUSY, SAMPLE_S = 0.4, 0.1
"""Share of all cores that others keep busy, from which threads wait passively; and how long it is watched. The load
average would count what ended a moment ago."""


def waiting_threads() -> dict[str, str]:
    """OpenMP's threads spin while they wait for work: quicker alone, but two processes that spin on the same cores slow
    one another tenfold. So they sleep on a machine that has other work."""
    if "OMP_WAIT_POLICY" in os.environ:
        return {}
    try:
        import psutil
    except ImportError:  # the doctor reports it
        return {}
    return {"OMP_WAIT_POLICY": "PASSIVE"} if psutil.cpu_percent(SAMPLE_S) >= 100 * BUSY else {}


def engine_environment() -> dict[str, str]:
    """The engine must import this package, and nothing from the folder that the user happens to be in."""
    parts = [str(PACKAGE.parent), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    whole = {
        **KEEPING_FREED_MEMORY,
        **GPUS_AS_THE_DRIVER_NUMBERS_THEM,
        **waiting_threads(),
        **os.environ,
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(parts)),
        "PYTHONSAFEPATH": "1",
    }
    complete(whole)
    return whole
