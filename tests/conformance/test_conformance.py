"""Our code against the reference numbers of the conformance kit, through the same adapter as the kit's own check.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.pack import SUBJECTS, unpack
from tests.conftest import ROOT, rvc_environment

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kit")
    unpack(folder)
    return folder


def check(kit: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HERE / "check.py"), "--adapter", str(HERE / "adapter.py"), "--kit", str(kit), *words]
    environment = {**rvc_environment(), "OMP_NUM_THREADS": "1" if "PYTEST_XDIST_WORKER" in os.environ else "2"}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)


ALIKE = ("infer_v1_40k_nof0", "infer_v2_32k_nof0", "infer_v2_40k_f0", "infer_v2_40k_f0_exported", "infer_v2_48k_f0")
"""Subjects whose code others run too, each for two seconds: `make soak` checks them."""


@pytest.mark.parametrize("left_out", [ALIKE, pytest.param((), marks=pytest.mark.soak)], ids=["most", "all"])
def test_every_copied_subject_passes(kit: Path, left_out: tuple[str, ...]) -> None:
    """One process for all: importing torch once is most of the time."""
    done = check(kit, *(["--skip", *left_out] if left_out else []))
    assert done.returncode == 0, done.stdout + done.stderr
    count = len(SUBJECTS) - len(left_out)
    assert f"{count} of {count} subjects pass" in done.stdout


def test_the_check_can_fail(kit: Path, tmp_path: Path) -> None:
    adapter = tmp_path / "adapter.py"
    adapter.write_text(
        f"import sys; sys.path.insert(0, {str(HERE)!r})\nimport adapter_audio\n"
        "def f0_coarse(doc, inputs, kit):\n"
        "    return {key: value + 1 for key, value in adapter_audio.f0_coarse(doc, inputs, kit).items()}\n"
    )
    command = [
        sys.executable,
        str(HERE / "check.py"),
        "--adapter",
        str(adapter),
        "--kit",
        str(kit),
        "--only",
        "f0_coarse",
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=rvc_environment())
    assert done.returncode == 1
    assert "FAIL  f0_coarse" in done.stdout


@pytest.mark.soak
@pytest.mark.skipif("RVC_KIT" not in os.environ, reason="RVC_KIT names no folder with the whole kit")
def test_the_whole_kit_passes() -> None:
    done = check(Path(os.environ["RVC_KIT"]))
    assert done.returncode == 0, done.stdout + done.stderr
