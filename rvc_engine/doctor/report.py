"""What this machine can do, one finding at a time: what was found, and what to do where something is missing. A package
that is absent is a finding, not an error."""

from __future__ import annotations

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
from rvc_engine.errors import BadInput
from rvc_engine.registry import PITCH_TRACKERS
from rvc_engine.workspace import Workspace

OLDEST_PYTHON = (3, 10)
OLDEST_TORCH = (2, 9)
MEMORY_GB, DISK_GB, SHARED_MB = 6.0, 5.0, 64.0
PACKAGES = (
    "numpy",
    "scipy",
    "av",
    "soundfile",
    "soxr",
    "swift_f0",
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
        torch_version,
        gpu.driver,
        gpu.cuda,
        memory,
        disk,
        packages,
        pitch_methods,
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


def torch_version(home: Path) -> Iterator[Finding]:
    torch, reason = load("torch")
    if torch is None:
        yield Finding("torch", FAIL, reason, "pip install torch")
        return
    old = _numbers(torch.__version__)[:2] < OLDEST_TORCH
    built = f"for CUDA {torch.version.cuda}" if torch.version.cuda else "for CPUs"
    advice = f"pip install --upgrade torch ({'.'.join(map(str, OLDEST_TORCH))} or newer)" if old else ""
    yield Finding("torch", WARN if old else OK, f"{torch.__version__}, built {built}", advice)


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


def pitch_methods(home: Path) -> Iterator[Finding]:
    """Which pitch methods can be used: their packages can be imported, and their weights are here."""
    trackers = PITCH_TRACKERS.all()
    workspace = Workspace(home)
    absent = [tracker.name for tracker in trackers if not tracker.is_installed()]
    broken = set()
    for tracker in trackers:
        if tracker.package and tracker.is_installed():
            try:
                tracker.imported()
            except BadInput as error:
                broken.add(tracker.name)
                advice = f"pip install --upgrade {tracker.install}"
                yield Finding(f"pitch {tracker.name}", WARN, f"{tracker.package}: {error.message}", advice)
    usable = [tracker.name for tracker in trackers if tracker.works(workspace) and tracker.name not in broken]
    found = ", ".join(usable) + (f"; not installed: {', '.join(absent)}" if absent else "")
    advice = 'pip install "rvc-tui[all]" brings every method' if absent else ""
    yield Finding("pitch", OK if usable else FAIL, found, advice)


# --- memory and disk -------------------------------------------------------------------------------
def memory(home: Path) -> Iterator[Finding]:
    psutil, reason = load("psutil")
    if psutil is None:
        yield Finding("memory", FAIL, reason, "pip install psutil")
    else:
        memory = psutil.virtual_memory()
        little = memory.total / 1e9 < MEMORY_GB
        advice = "use --preset starter and small batches" if little else ""
        found = f"{memory.available / 1e9:.1f} GB free of {memory.total / 1e9:.1f} GB, {os.cpu_count()} cores"
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
