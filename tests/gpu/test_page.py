"""docs/gpu.md: its claims, their tests, and the program that measures them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.conftest import ROOT, rvc_environment
from tests.gpu import pretend
from tests.gpu.conftest import OnGpu
from tests.gpu.test_steps import MARGIN

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


# --- the program ------------------------------------------------------------------------------------------------------
FIGURE = """
import json, subprocess, sys, time
print(json.dumps({"key": sys.argv[1], "value": "1", "holds": True}), flush=True)
"""
ENDINGS = {
    "graph": """
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(json.dumps({"key": "busy", "value": str(child.pid), "holds": None}), flush=True)
print('{"key": "sav', end="", flush=True)
time.sleep(60)
""",
    "pitch": "raise ValueError",
    "resume": "",
}
"""Parts that end too late, with a child of their own, with an error, and as they should."""
PROGRAM = f"""
import json, sys
sys.path.insert(0, {str(ROOT / "benchmarks")!r})
from pathlib import Path
from gpu_parts import run
from rvc_engine.disk import write_whole
endings, kept = json.loads(sys.argv[1]), Path(sys.argv[2])
command = lambda name: [sys.executable, "-c", {FIGURE!r} + endings[name], name]
limits = {{name: 2 if name == "graph" else 30 for name in endings}}
run(limits, command, lambda result: write_whole(kept, json.dumps(result)))
"""


def running(endings: dict[str, str], kept: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, json.dumps(endings), str(kept)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=rvc_environment())


def test_a_part_that_fails_or_hangs_loses_nothing(tmp_path: Path) -> None:
    started = time.monotonic()
    with running(ENDINGS, tmp_path / "results.json") as program:
        print(program.communicate()[0])
    result = json.loads((tmp_path / "results.json").read_text())
    assert [figure["key"] for figure in result["figures"]] == ["graph", "busy", "pitch", "resume"]
    assert set(result["unfinished"]) == {"pitch", "graph"} and result["unfinished"]["pitch"] == "exit code 1"
    assert "not done after" in result["unfinished"]["graph"] and time.monotonic() - started < 30
    with suppress(psutil.NoSuchProcess):  # it would hold the GPU while others measure
        assert psutil.Process(int(result["figures"][1]["value"])).status() == psutil.STATUS_ZOMBIE
    page = gpu_claims.table([result])
    assert "holds: 1" in page and "did not finish: graph (not done" in page and "; pitch (exit code 1)." in page


def test_what_was_measured_survives_a_kill(tmp_path: Path) -> None:
    kept = tmp_path / "results.json"
    with running({"graph": ENDINGS["graph"], "machine": ""}, kept) as program:
        assert program.stdout is not None
        lines = [program.stdout.readline() for _ in range(3)]  # its name and two figures
        program.kill()
    result = json.loads(kept.read_text())
    assert [figure["key"] for figure in result["figures"]][:1] == ["graph"], lines
    assert result["unfinished"] == {"graph": "ended from outside", "machine": "not begun"}
    hung = psutil.Process(int(json.loads(lines[2])["value"]))
    for process in (hung.parent(), hung):
        assert process is not None
        process.kill()


def test_all_parts_fit_into_ten_minutes() -> None:
    import gpu_check

    assert sum(limit for _, limit in gpu_check.PARTS.values()) <= 580


@pytest.mark.soak
def test_every_part_runs(built: Path, tmp_path: Path) -> None:
    """With tiny networks on a simulated GPU, where claims about numbers do not hold."""
    environment = {**pretend.environment(built, rvc_environment(), gpus=2, gigabytes=4), "PRETENDED_TRIALS": "1"}
    environment["PYTHONPATH"] += f":{ROOT / 'tests' / 'installed'}"
    words = ["--tiny", "--json", str(tmp_path / "results.json")]
    command = [sys.executable, str(ROOT / "benchmarks" / "gpu_check.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 1, done.stderr[-2000:]
    result = json.loads((tmp_path / "results.json").read_text())
    keys = {figure["key"] for figure in result["figures"]}
    assert not result["unfinished"], done.stdout[-3000:] + done.stderr[-3000:]
    assert keys == {claim.key for claim in gpu_claims.CLAIMS if claim.key}


TRIALS = """
import json, math, torch
from rvc_engine.training import numerics
numerics.LIMITS = dict.fromkeys(numerics.LIMITS, math.inf)
trials = list(numerics.examine("v2-40k-tiny", torch.device("cuda"), list(numerics.MODES)))
print(json.dumps([[trial.mode, trial.ok, trial.no_graphs, trial.no_checkpointing] for trial in trials]))
"""


@pytest.mark.soak
def test_trials_of_graphs_and_checkpointing_run(on_gpu: OnGpu) -> None:
    """Each is reported twice: before other ways of computing a step are tried, and after."""
    modes = ("fp32", "fp32-safe", "bf16", "fp16")
    assert on_gpu(TRIALS) == [[mode, True, "", ""] for mode in modes for _ in range(2)]


@pytest.mark.soak
def test_the_work_on_the_page_is_what_is_counted(built: Path) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "gpu_operations.py")]
    done = subprocess.run(command, capture_output=True, text=True, env=pretend.environment(built, rvc_environment()))
    assert done.returncode == 0, done.stderr[-2000:]
    found = {row["key"]: row for row in map(json.loads, done.stdout.splitlines())}
    for work in gpu_claims.WORK:
        counted = found.pop(work.key)
        assert (counted["copies"], counted["waits"]) == (work.copies, work.waits), counted
        assert counted["operations"] == pytest.approx(work.operations, abs=MARGIN)
        assert counted["gflop"] == pytest.approx(work.gflop, rel=0.01)
    assert not found
