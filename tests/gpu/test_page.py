"""docs/gpu.md: its claims, their tests, and the program that measures them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, rvc_environment

sys.path.insert(0, str(ROOT / "benchmarks"))

import gpu_claims


def test_every_claim_is_on_the_page_and_its_test_exists() -> None:
    page = gpu_claims.PAGE.read_text()
    for claim in gpu_claims.CLAIMS:
        assert f"| {claim.text} |" in page, "python benchmarks/gpu_check.py --table"
        assert not claim.pretended or (ROOT / "tests" / "gpu" / f"{claim.pretended}.py").is_file()
        assert claim.pretended or claim.key


def test_results_fill_the_table() -> None:
    figures = [
        {"key": "hubert", "value": "fp16 0.99999", "holds": True},
        {"key": "fcpe", "value": "9 Hz", "holds": False},
    ]
    page = gpu_claims.table([{"commit": "abc1234", "date": "2026-01-02", "figures": figures}])
    assert "holds: fp16 0.99999 | abc1234, 2026-01-02 |" in page and "**does not hold**: 9 Hz" in page
    assert gpu_claims.NOT_YET in page and "No real GPU has been measured yet" not in page


def test_without_a_gpu_it_says_so(tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    command = [sys.executable, str(ROOT / "benchmarks" / "gpu_check.py"), "--json", str(tmp_path / "results.json")]
    done = subprocess.run(command, capture_output=True, text=True, env=rvc_environment())
    assert done.returncode == 2 and "no GPU here" in done.stderr and not list(tmp_path.iterdir())


@pytest.mark.soak
def test_a_part_writes_its_figures(built: Path) -> None:
    """On the simulated GPU: numbers mean nothing there, but the part runs."""
    from tests.gpu import pretend

    command = [sys.executable, str(ROOT / "benchmarks" / "gpu_check.py"), "--part", "graph"]
    done = subprocess.run(command, capture_output=True, text=True, env=pretend.environment(built, rvc_environment()))
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1])["key"] == "graph"
