"""How quick a workspace with much in it is: `rvc list`, `rvc status`, `rvc attach`, and the app's list, cold and again.

`python benchmarks/workspace_speed.py [--experiments 200] [--lines 1000000] [--home FOLDER]` prints a table with the
aims. FOLDER keeps the workspace for another time (about 400 MB); without it a temporary one is used.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rvc_engine.experiment import Experiment  # noqa: E402
from rvc_engine.settings import for_preset  # noqa: E402
from rvc_engine.workspace import Workspace  # noqa: E402

LONG = "long"  # the experiment with the long journal
STEPS = 25  # an epoch, of ten minutes of speech
TWICE = ("first", "again")
APP = """
import sys, time
from pathlib import Path
from rvc_engine.client.engine_client import EngineClient
client = EngineClient(Path(sys.argv[1]), "")
print(len(client.rows()))
"""


# --- the workspace ----------------------------------------------------------------------------------------------------
def journal_lines(name: str, folder: Path, count: int, *, end: bool = True) -> Iterator[str]:
    """A journal of `count` lines as a training writes it: a step and its progress each, memory now and then, an end of
    each epoch."""
    now = 1.7e9
    start = {
        "run": 1,
        "name": name,
        "folder": str(folder),
        "pid": 2**22 - 7,
        "host": "h",
        "version": "0",
        "preset": "v2-40k",
    }
    yield line(
        "RunStarted", now, **start, stages=["preprocess", "pitch", "features", "train", "index"], supervisor=2**22 - 8
    )
    yield line("StageStarted", now, stage="train", reason="not done yet")
    written, step = 2, 0
    while written < count - (2 if end else 0):
        now += 0.31
        step += 1
        epoch = 1 + step // STEPS
        position = {"step": step, "epoch": epoch, "epochs": 40_000}
        losses = {
            key: 1.0 + 29.0 / (1 + step / (500 + 10 * i))
            for i, key in enumerate(("total", "mel", "kl", "feature", "adversarial"))
        }
        norms = {"g": 61.2 + step % 7, "d": 12.7}
        yield line(
            "TrainStepped",
            now,
            **position,
            losses=losses,
            learning_rate=1e-4,
            grad_norms=norms,
            seconds=0.3,
            stage="train",
        )
        yield line("Progressed", now, stage="train", done=step, total=1_000_000, unit="steps", item="")
        written += 2
        if step % 32 == 0:
            yield line("MemorySampled", now, rss_bytes=3 << 30, gpu_bytes=4 << 30, stage="train", gpus=[])
            written += 1
        if step % STEPS == 0:
            yield line("EpochFinished", now, **position, losses=losses, seconds=7.7, stage="train")
            written += 1
    if end:
        yield line("StageFinished", now, stage="train", seconds=now - 1.7e9)
        yield line("RunFinished", now, seconds=now - 1.7e9, artefacts=[])


def line(kind: str, at: float, **fields: object) -> str:
    return json.dumps({"event": kind, "at": at, **fields}, separators=(",", ":")) + "\n"


def make(home: Path, experiments: int, lines: int) -> None:
    workspace = Workspace(home)
    settings = for_preset("v2-40k", dataset=str(home / "recordings"))
    for number in range(experiments):
        add(workspace.experiment(f"voice-{number:03d}"), settings, 200 if number % 10 else 20_000)
    add(workspace.experiment(LONG), settings, lines)


def add(experiment: Experiment, settings: object, lines: int) -> None:
    experiment.save_settings(settings)  # type: ignore[arg-type]
    experiment.runs.mkdir()
    with (experiment.runs / "0001.jsonl").open("w") as file:
        file.writelines(journal_lines(experiment.name, experiment.folder, lines))


# --- timing -----------------------------------------------------------------------------------------------------------
def timed(command: list[str]) -> tuple[float, float, float]:
    """Seconds to the first line of its output, seconds to its end, and its peak memory in MB."""
    started = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    process.stdout.readline()
    first = time.monotonic() - started
    while process.stdout.read(1 << 20):
        pass
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return first, time.monotonic() - started, usage.ru_maxrss / 1000


def report(home: Path) -> None:
    rvc = [sys.executable, "-m", "rvc_engine"]
    rows = [
        ("rvc list", [*rvc, "list", "--home", str(home)], 1.0),
        (f"rvc status {LONG}", [*rvc, "status", LONG, "--home", str(home)], 3.0),
        (f"rvc attach {LONG} --plain", [*rvc, "attach", LONG, "--plain", "--home", str(home)], 3.0),
        (f"rvc attach {LONG} --json", [*rvc, "attach", LONG, "--json", "--home", str(home)], None),
        ("the app's list", [sys.executable, "-c", APP, str(home)], 1.0),
    ]
    print("| command | first line, s | end, s | peak, MB | aim, s |\n|---|---|---|---|---|", flush=True)
    for what, command, aim in rows:
        for time_of in TWICE:
            first, end, peak = timed(command)
            print(
                f"| {what}, {time_of} | {first:.2f} | {end:.2f} | {peak:.0f} | {'' if aim is None else f'{aim:g}'} |",
                flush=True,
            )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=200)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path)
    options = parser.parse_args()
    home = options.home or Path(tempfile.mkdtemp())
    try:
        if not (home / "logs" / LONG).is_dir():
            make(home, options.experiments, options.lines)
        report(home)
    finally:
        if options.home is None:
            shutil.rmtree(home)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
