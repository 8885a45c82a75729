"""Builds the simulated GPU (stand_in/), "pretended" in names, and gives the environment in which torch's CUDA build
runs on it:

python -m tests.gpu.pretend COMMAND...   (PRETENDED_GPUS, PRETENDED_BYTES, PRETENDED_CAPABILITY, PRETENDED_NAME)
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

SOURCES = Path(__file__).parent / "stand_in"
LIBRARIES = {"runtime": "libpretended.so", "driver": "libcuda.so.1", "nccl": "libpretendednccl.so"}


def why_not() -> str:
    """Why no simulated GPU can be made here; empty when one can."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return "a simulated GPU needs Linux on x86-64"
    if compiler() is None:
        return "there is no C compiler for the simulated GPU"
    if not all((folder / "cuda_runtime_api.h").is_file() for folder in headers()) or len(headers()) < 2:
        return "torch is not its CUDA 13 build, whose packages bring the headers for the simulated GPU"
    return ""


def compiler() -> str | None:
    return shutil.which("gcc") or shutil.which("cc")


def headers() -> list[Path]:
    """Of CUDA 13, and the one that they include from elsewhere."""
    places = {"nvidia": "cu13/include", "triton": "backends/nvidia/include"}
    found = []
    for package, inside in places.items():
        spec = importlib.util.find_spec(package)
        folders = spec.submodule_search_locations if spec else None
        found += [Path(folder) / inside for folder in folders or [] if (Path(folder) / inside).is_dir()]
    return found


def build(folder: Path) -> None:
    """Raises RuntimeError with what the compiler wrote."""
    for source, library in LIBRARIES.items():
        words = [str(compiler()), "-O1", "-w", "-shared", "-fPIC", *(f"-I{path}" for path in headers())]
        words += [str(SOURCES / f"{source}.c"), "-o", str(folder / library), "-lpthread"]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{source}.c cannot be compiled: {done.stderr[:2000]}")


def environment(
    folder: Path,
    base: Mapping[str, str] = os.environ,
    *,
    gpus: int = 1,
    gigabytes: float = 80.0,
    capability: str = "9.0",
    name: str = "Pretended GPU",
) -> dict[str, str]:
    """The environment `base` with what a process on simulated GPUs needs. `folder`: where `build` has built."""
    preloaded = [folder / LIBRARIES["runtime"], *([folder / LIBRARIES["nccl"]] if gpus > 1 else [])]

    def before(first: Path, key: str) -> str:
        return os.pathsep.join(filter(None, [str(first), base.get(key, "")]))

    return {
        **base,
        "LD_PRELOAD": ":".join(map(str, preloaded)),
        "LD_LIBRARY_PATH": before(folder, "LD_LIBRARY_PATH"),
        "PYTHONPATH": before(SOURCES / "site", "PYTHONPATH"),
        "PRETENDED_LIBRARY": str(preloaded[0]),
        "PRETENDED_GPUS": str(gpus),
        "PRETENDED_BYTES": str(int(gigabytes * (1 << 30))),
        "PRETENDED_CAPABILITY": capability,
        "PRETENDED_NAME": name,
    }


def main(words: list[str]) -> int:
    if reason := why_not():
        raise SystemExit(reason)
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder))
        own = {key: value for key, value in os.environ.items() if key.startswith("PRETENDED_")}
        return subprocess.run(words, env={**environment(Path(folder)), **own}).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
