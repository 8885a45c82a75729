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
from rvc_engine.messages import Message
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
            yield Finding(
                check.__name__, FAIL, first_line(error), Message("doctor.pip_install", name=error.name or "rvc-tui")
            )
        except Exception as error:  # whatever a broken installation raises is the finding
            yield Finding(
                check.__name__,
                FAIL,
                Message("doctor.cannot_be_examined", reason=first_line(error)),
                Message("doctor.pip_install_force_reinstall_rvc"),
            )


# --- Python and packages ---------------------------------------------------------------------------
def python(home: Path) -> Iterator[Finding]:
    found = (
        f"{platform.python_version()} ({sys.executable}), {platform.system()} {platform.release()} {platform.machine()}"
    )
    if sys.version_info[:2] < OLDEST_PYTHON:
        yield Finding("python", FAIL, found, Message("doctor.use_python_3_10_newer"))
    elif sys.prefix == sys.base_prefix:
        yield Finding("python", OK, Message("doctor.not_virtual_environment", found=found))
    else:
        yield Finding("python", OK, found)


def torch_version(home: Path) -> Iterator[Finding]:
    torch, reason = load("torch")
    if torch is None:
        yield Finding("torch", FAIL, reason, Message("doctor.pip_install_torch"))
        return
    old = _numbers(torch.__version__)[:2] < OLDEST_TORCH
    built = f"for CUDA {torch.version.cuda}" if torch.version.cuda else "for CPUs"
    advice = Message("doctor.pip_install_upgrade_torch_newer", map=".".join(map(str, OLDEST_TORCH))) if old else ""
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
            Message("doctor.not_usable", missing=", ".join(missing), first=first[0], first_2=first[1]),
            Message("doctor.pip_install_upgrade_rvc_tui"),
        )
    else:
        yield Finding("packages", OK, Message("doctor.all_can_be_imported", count=len(PACKAGES)))
    hub, reason = load("huggingface_hub")
    version = getattr(hub, "__version__", "")
    yield (
        Finding("downloads", OK, f"huggingface_hub {version}")
        if hub
        else Finding(
            "downloads",
            WARN,
            reason,
            Message("doctor.pip_install_huggingface_hub_copy"),
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
                advice = Message("doctor.pip_install_upgrade", install=tracker.install)
                yield Finding(f"pitch {tracker.name}", WARN, f"{tracker.package}: {error.message}", advice)
    usable = [tracker.name for tracker in trackers if tracker.works(workspace) and tracker.name not in broken]
    found = ", ".join(usable) + (f"; not installed: {', '.join(absent)}" if absent else "")
    advice = Message("doctor.pip_install_rvc_tui_all") if absent else ""
    yield Finding("pitch", OK if usable else FAIL, found, advice)


# --- memory and disk -------------------------------------------------------------------------------
def memory(home: Path) -> Iterator[Finding]:
    psutil, reason = load("psutil")
    if psutil is None:
        yield Finding("memory", FAIL, reason, Message("doctor.pip_install_psutil"))
    else:
        memory = psutil.virtual_memory()
        little = memory.total / 1e9 < MEMORY_GB
        advice = Message("doctor.use_preset_starter_small_batches") if little else ""
        found = Message(
            "doctor.gb_free_gb_cores",
            available=memory.available / 1e9,
            total=memory.total / 1e9,
            cpu_count=os.cpu_count(),
        )
        yield Finding("memory", WARN if little else OK, found, advice)
    shared = Path("/dev/shm")
    if not shared.is_dir():
        yield Finding(Message("doctor.shared_memory"), NONE, "no /dev/shm")
        return
    room = shutil.disk_usage(shared).free / 1e6
    few = room < SHARED_MB
    advice = Message("doctor.start_container_shm_size_1g") if few else ""
    yield Finding(
        Message("doctor.shared_memory"), WARN if few else OK, Message("doctor.mb_free_dev_shm", room=room), advice
    )


def disk(home: Path) -> Iterator[Finding]:
    """Room in the workspace, and whether it can be written to."""
    folder = home
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 1e9
    advice = Message("doctor.free_some_space_use_another") if free < DISK_GB else ""
    yield Finding("disk", WARN if advice else OK, Message("doctor.gb_free", free=free, home=home), advice)
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".rvc-doctor-"):
            yield Finding("workspace", OK, Message("doctor.can_be_written", home=home))
    except OSError as error:
        yield Finding(
            "workspace", FAIL, f"{home}: {error.strerror or error}", Message("doctor.use_folder_your_own_home")
        )
