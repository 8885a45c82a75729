"""A library that makes the system's calls fail, and a user without rights."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment that preloads shim.c; SHIM says what is to fail."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler for the shim")
    library = tmp_path_factory.mktemp("shim") / "shim.so"
    done = subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", library, HERE / "shim.c", "-ldl"], capture_output=True, text=True
    )
    if done.returncode or os.uname().sysname != "Linux":
        pytest.skip(f"the shim cannot be built or preloaded here: {done.stderr[:200]}")
    return {"LD_PRELOAD": str(library)}
