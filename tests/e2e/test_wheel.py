"""The wheel works where the source is not: installed elsewhere, run from another folder, with an empty workspace."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.conftest import INSTALLED, ROOT


def clean_environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "RVC_HOME")} | {
        "OMP_NUM_THREADS": "1"
    }


@pytest.mark.soak
def test_the_wheel_trains_from_another_folder(tmp_path: Path, dataset: Path) -> None:
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(tmp_path),
        str(ROOT),
    ]
    subprocess.run(build, check=True, capture_output=True, env=clean_environment())
    wheel = next(tmp_path.glob("rvc_tui-*.whl"))
    shipped = {
        f"rvc_engine/pretrained/{name}"
        for name in ("manifest.toml", *(f"starter/{x}.safetensors" for x in ("G", "D", "encoder")))
    }
    assert shipped <= set(zipfile.ZipFile(wheel).namelist())

    venv.create(tmp_path / "env", with_pip=False)
    python = tmp_path / "env" / "bin" / "python"
    install = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        str(wheel),
    ]
    subprocess.run(install, check=True, capture_output=True, env=clean_environment())
    # What the wheel depends on comes from the environment of the tests; the program itself must not.
    packages = subprocess.check_output(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
    ).strip()
    (Path(packages) / "of_the_tests.pth").write_text(sysconfig.get_path("purelib") + "\n")

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    where = [python, "-c", "import rvc_engine; print(rvc_engine.__file__)"]
    assert subprocess.check_output(where, text=True, cwd=elsewhere, env=clean_environment()).startswith(packages)
    rvc = tmp_path / "env" / "bin" / "rvc"
    words = [
        "run",
        "voice",
        "--dataset",
        str(dataset),
        "--preset",
        "starter-tiny",
        "--epochs",
        "1",
        "--batch-size",
        "2",
        "--plain",
    ]
    done = subprocess.run(
        [rvc, *words, "--set", "pitch.method=praat"],
        capture_output=True,
        text=True,
        cwd=elsewhere,
        env=clean_environment() | {"PYTHONPATH": INSTALLED},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("artefact: ") == 2
    assert sorted(p.name for p in elsewhere.iterdir()) == ["logs", "weights"]
