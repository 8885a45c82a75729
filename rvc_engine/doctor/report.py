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
from rvc_engine.doctor.findings import FAIL, NONE, OK, WARN, Finding, load
from rvc_engine.errors import BadInput, RvcError, reason_of
from rvc_engine.messages import NOTHING, Message, message_of, verbatim
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
            advice = Message("doctor.install_package", name=error.name or "rvc-tui")
            yield Finding(check.__name__, FAIL, message_of(error), advice)
        except Exception as error:  # whatever a broken installation raises is the finding
            reason = error.line if isinstance(error, RvcError) else message_of(error)
            found = Message("doctor.cannot_be_examined", reason=reason)
            yield Finding(check.__name__, FAIL, found, Message("doctor.reinstall"))


# --- Python and packages ---------------------------------------------------------------------------
def python(home: Path) -> Iterator[Finding]:
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    found = verbatim(f"{platform.python_version()} ({sys.executable}), {system}")
    if sys.version_info[:2] < OLDEST_PYTHON:
        yield Finding("python", FAIL, found, Message("doctor.use_newer_python"))
    elif sys.prefix == sys.base_prefix:
        yield Finding("python", OK, Message("doctor.no_venv", found=found))
    else:
        yield Finding("python", OK, found)


def torch_version(home: Path) -> Iterator[Finding]:
    torch, reason = load("torch")
    if torch is None:
        yield Finding("torch", FAIL, reason, Message("doctor.install_package", name="torch"))
        return
    version, cuda = torch.__version__, torch.version.cuda
    found = Message("doctor.torch_for_cpus", version=version)
    if cuda:
        found = Message("doctor.torch_for_cuda", version=version, cuda=cuda)
    if _numbers(version)[:2] < OLDEST_TORCH:
        advice = Message("doctor.upgrade_torch", oldest=".".join(map(str, OLDEST_TORCH)))
        yield Finding("torch", WARN, found, advice)
    else:
        yield Finding("torch", OK, found)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.partition("+")[0].split(".") if part.isdigit())


def packages(home: Path) -> Iterator[Finding]:
    missing = {name: reason for name in PACKAGES if (reason := load(name)[1])}
    if missing:
        name, reason = next(iter(missing.items()))
        found = Message("doctor.packages_unusable", names=list(missing), name=name, reason=reason)
        yield Finding("packages", FAIL, found, Message("doctor.upgrade_package", name="rvc-tui"))
    else:
        yield Finding("packages", OK, Message("doctor.packages_usable", count=len(PACKAGES)))
    hub, reason = load("huggingface_hub")
    if hub is None:
        yield Finding("downloads", WARN, reason, Message("doctor.install_hub"))
    else:
        yield Finding("downloads", OK, verbatim(f"huggingface_hub {getattr(hub, '__version__', '')}"))


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
                found = Message("doctor.pitch_package", package=tracker.package, reason=error.message)
                advice = Message("doctor.upgrade_package", name=tracker.install)
                yield Finding(f"pitch {tracker.name}", WARN, found, advice)
    usable = [tracker.name for tracker in trackers if tracker.works(workspace) and tracker.name not in broken]
    found, advice = verbatim(", ".join(usable)), NOTHING
    if absent:
        found = Message("doctor.pitch_without", names=usable, absent=absent)
        advice = Message("doctor.install_every_pitch_method")
    yield Finding("pitch", OK if usable else FAIL, found, advice)


# --- memory and disk -------------------------------------------------------------------------------
def memory(home: Path) -> Iterator[Finding]:
    psutil, reason = load("psutil")
    if psutil is None:
        yield Finding("memory", FAIL, reason, Message("doctor.install_package", name="psutil"))
    else:
        memory = psutil.virtual_memory()
        little = memory.total / 1e9 < MEMORY_GB
        advice = Message("doctor.use_less_memory") if little else NOTHING
        free, total = memory.available / 1e9, memory.total / 1e9
        found = Message("doctor.memory", free=free, total=total, cores=os.cpu_count())
        yield Finding("memory", WARN if little else OK, found, advice)
    yield _shared_memory(Path("/dev/shm"))


def _shared_memory(folder: Path) -> Finding:
    name = Message("doctor.shared_memory")
    if not folder.is_dir():
        return Finding(name, NONE, Message("doctor.no_shared_memory"))
    free = shutil.disk_usage(folder).free / 1e6
    found = Message("doctor.shared_memory_free", megabytes=free)
    if free < SHARED_MB:
        return Finding(name, WARN, found, Message("doctor.raise_shared_memory"))
    return Finding(name, OK, found)


def disk(home: Path) -> Iterator[Finding]:
    """Room in the workspace, and whether it can be written to."""
    folder = home
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 1e9
    advice = Message("doctor.free_disk") if free < DISK_GB else NOTHING
    yield Finding("disk", WARN if advice else OK, Message("doctor.disk", free=free, home=home), advice)
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".rvc-doctor-"):
            yield Finding("workspace", OK, Message("doctor.home_writable", home=home))
    except OSError as error:
        found = Message("doctor.home_refused", home=home, reason=reason_of(error))
        yield Finding("workspace", FAIL, found, Message("doctor.use_own_home"))
