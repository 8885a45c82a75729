"""What this machine can do, one finding at a time: what was found, and what to do where something is missing. A package
that is absent is a finding, not an error."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from rvc_engine.doctor import audio as doctor_io
from rvc_engine.doctor import gpu
from rvc_engine.doctor.findings import FAIL, NONE, OK, WARN, Finding, first_line, load

OLDEST_PYTHON = (3, 10)
TORCH = ((2, 9), (2, 12))
"""The first version that works and the first that is not tested."""
MEMORY_GB, DISK_GB, SHARED_MB = 6.0, 5.0, 64.0
PACKAGES = (
    "numpy",
    "scipy",
    "av",
    "soundfile",
    "soxr",
    "faiss",
    "parselmouth",
    "pydantic",
    "tomlkit",
    "safetensors",
    "textual",
    "rich",
)


Check = Callable[[Path], Iterator[Finding]]


def examine(home: Path) -> Iterator[Finding]:
    """Every finding in turn, for the workspace at `home`; importing torch takes seconds. Never raises."""
    checks: tuple[Check, ...] = (
        python,
        torch_pair,
        gpu.driver,
        gpu.cuda,
        memory,
        disk,
        packages,
        pyworld,
        doctor_io.codecs,
        doctor_io.weights,
        doctor_io.terminal,
    )
    for check in checks:
        try:
            yield from check(home)
        except ImportError as error:
            yield Finding(check.__name__, FAIL, first_line(error), f"pip install {error.name or 'rvc-tui'}")
        except Exception as error:  # whatever a broken installation raises is the finding
            yield Finding(
                check.__name__,
                FAIL,
                f"cannot be examined: {first_line(error)}",
                "pip install --force-reinstall rvc-tui",
            )


# --- Python and packages ---------------------------------------------------------------------------
def python(home: Path) -> Iterator[Finding]:
    found = (
        f"{platform.python_version()} ({sys.executable}), {platform.system()} {platform.release()} {platform.machine()}"
    )
    if sys.version_info[:2] < OLDEST_PYTHON:
        yield Finding("python", FAIL, found, "use Python 3.10 or newer")
    elif sys.prefix == sys.base_prefix:
        yield Finding("python", OK, f"{found}, not in a virtual environment")
    else:
        yield Finding("python", OK, found)


def torch_pair(home: Path) -> Iterator[Finding]:
    """torch, and torchaudio of the same version."""
    torch, reason = load("torch")
    if torch is None:
        yield Finding("torch", FAIL, reason, "pip install torch torchaudio (one version of both)")
        return
    version = _numbers(torch.__version__)
    tested = TORCH[0] <= version[:2] < TORCH[1]
    built = f"for CUDA {torch.version.cuda}" if torch.version.cuda else "for CPUs"
    yield Finding(
        "torch",
        OK if tested else WARN,
        f"{torch.__version__}, built {built}",
        "" if tested else 'pip install "torch>=2.9,<2.12"',
    )
    audio, reason = load("torchaudio")
    same = f"pip install torchaudio=={torch.__version__.partition('+')[0]}"
    if audio is None:
        yield Finding("torchaudio", FAIL, reason, same)
    elif _numbers(audio.__version__) != version:
        yield Finding("torchaudio", FAIL, f"{audio.__version__}, not torch's version {torch.__version__}", same)
    else:
        yield Finding("torchaudio", OK, f"{audio.__version__}, as torch")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.partition("+")[0].split(".") if part.isdigit())


def packages(home: Path) -> Iterator[Finding]:
    missing = {name: reason for name in PACKAGES if (reason := load(name)[1])}
    if missing:
        first = next(iter(missing.items()))
        yield Finding(
            "packages",
            FAIL,
            f"not usable: {', '.join(missing)} ({first[0]}: {first[1]})",
            "pip install --upgrade rvc-tui",
        )
    else:
        yield Finding("packages", OK, f"all {len(PACKAGES)} can be imported")
    hub, reason = load("huggingface_hub")
    version = getattr(hub, "__version__", "")
    yield (
        Finding("downloads", OK, f"huggingface_hub {version}")
        if hub
        else Finding(
            "downloads",
            WARN,
            reason,
            "pip install huggingface_hub, or copy weights by hand (rvc assets list names them)",
        )
    )


def pyworld(home: Path) -> Iterator[Finding]:
    """It imports pkg_resources at run time, which setuptools 81 no longer has."""
    try:
        version = importlib.metadata.version("setuptools")
    except importlib.metadata.PackageNotFoundError:
        version = "absent"
    module, reason = load("pyworld")
    if module is None:
        yield Finding("pyworld", FAIL, f"{reason} (setuptools {version})", 'pip install pyworld "setuptools<81"')
    else:
        yield Finding("pyworld", OK, f"{importlib.metadata.version('pyworld')} (setuptools {version})")


# --- memory and disk -------------------------------------------------------------------------------
def memory(home: Path) -> Iterator[Finding]:
    psutil, reason = load("psutil")
    if psutil is None:
        yield Finding("memory", FAIL, reason, "pip install psutil")
    else:
        told = psutil.virtual_memory()
        little = told.total / 1e9 < MEMORY_GB
        advice = "use --preset starter and small batches" if little else ""
        found = f"{told.available / 1e9:.1f} GB free of {told.total / 1e9:.1f} GB, {os.cpu_count()} cores"
        yield Finding("memory", WARN if little else OK, found, advice)
    shared = Path("/dev/shm")
    if not shared.is_dir():
        yield Finding("shared memory", NONE, "no /dev/shm")
        return
    room = shutil.disk_usage(shared).free / 1e6
    few = room < SHARED_MB
    advice = "start the container with --shm-size=1g" if few else ""
    yield Finding("shared memory", WARN if few else OK, f"{room:.0f} MB free in /dev/shm", advice)


def disk(home: Path) -> Iterator[Finding]:
    """Room in the workspace, and whether it can be written to."""
    folder = home
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 1e9
    advice = "free some space, or use another --home: a training takes 2 to 5 GB" if free < DISK_GB else ""
    yield Finding("disk", WARN if advice else OK, f"{free:.1f} GB free for {home}", advice)
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".rvc-doctor-"):
            yield Finding("workspace", OK, f"{home} can be written to")
    except OSError as error:
        yield Finding(
            "workspace", FAIL, f"{home}: {error.strerror or error}", "use a folder of your own: --home DIR or RVC_HOME"
        )
