"""The demo: a voice from samples/target, two recordings of other speakers converted with it, and a look at what came
out.

    make demo                     about ten minutes on two cores
    make demo DEMO=--smallest     the same with few epochs, to see that everything works

Everything is made in demo/ (moved to a backup if it is there). The last lines name each result.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from scipy.signal import fftconvolve

from rvc_engine.audio.io import decode
from rvc_engine.disk import move_to_backup
from rvc_engine.events import EpochFinished
from rvc_engine.run.journal import history
from rvc_engine.workspace import Workspace

SAMPLES = Path(__file__).resolve().parent
HOME = SAMPLES.parent / "demo"
RATE = 16000
MINUTES = 8  # of training; with the other stages and the conversion about ten


def rvc(*words: str) -> None:
    """Run an rvc command in the demo's workspace; its own words go to the screen."""
    print(f"\n$ rvc {' '.join(words)}", flush=True)
    code = subprocess.call([sys.executable, "-m", "rvc_engine", *words, "--home", str(HOME)])
    if code:
        raise SystemExit(code)


def mel_losses() -> list[float]:
    """Mean mel loss of each epoch, in order."""
    experiment = Workspace(HOME).experiment("demo")
    return [event.losses["mel"] for event in history(experiment.runs) if isinstance(event, EpochFinished)]


def highest_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Largest absolute correlation coefficient of two waves (T,) over every alignment."""
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.linalg.norm(a) * np.linalg.norm(b)) or 1.0
    return float(np.abs(fftconvolve(a, b[::-1])).max() / scale)


def faults_of(source: Path, result: Path) -> list[str]:
    """What is wrong with a converted file; empty when nothing is."""
    before, after = decode(source, RATE), decode(result, RATE)
    faults = []
    if abs(len(before) - len(after)) > 0.02 * RATE:
        faults.append(f"is {len(after) / RATE:.3f} s, its source {len(before) / RATE:.3f} s")
    if not np.isfinite(after).all():
        faults.append("has values that are not finite")
    if np.sqrt(np.mean(after**2)) < 1e-3:
        faults.append("is silent")
    if np.mean(np.abs(after) >= 0.999) > 1e-4:
        faults.append("is clipped")
    if highest_correlation(before, after) >= 0.9:
        faults.append("is its source")
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smallest", action="store_true", help="few epochs: shows that it works, not how it sounds")
    options = parser.parse_args()
    started = time.monotonic()
    move_to_backup([HOME / "logs", HOME / "weights", HOME / "converted"], HOME, "demo")
    length = ["--set", "train.epochs=6"] if options.smallest else ["--set", f"train.minutes={MINUTES}"]
    rvc("run", "demo", "--dataset", str(SAMPLES / "target"), "--preset", "starter", "--plain", *length)
    sources = sorted((SAMPLES / "sources").glob("*.flac"))
    rvc("convert", "demo", *map(str, sources), "--output", str(HOME / "converted"), "--plain")

    status = subprocess.check_output(
        [sys.executable, "-m", "rvc_engine", "status", "demo", "--json", "--home", str(HOME)]
    )
    artefacts = [Path(a["path"]) for a in json.loads(status)["artefacts"]]
    results = [HOME / "converted" / f"{source.stem}.wav" for source in sources]
    losses = mel_losses()
    print(
        f"\nmel loss of the first epoch {losses[0]:.2f}, of the last {losses[-1]:.2f}: "
        f"{1 - losses[-1] / losses[0]:.0%} lower"
    )
    faults = [
        f"{result.name} {fault}"
        for source, result in zip(sources, results, strict=True)
        for fault in faults_of(source, result)
    ]
    if losses[-1] >= losses[0]:
        faults.append("the mel loss did not fall")
    for fault in faults:
        print(f"fault: {fault}")
    print(f"demo: {'faulty' if faults else 'done'} in {(time.monotonic() - started) / 60:.1f} min")
    for path in [*artefacts, *results]:
        print(f"artefact: {path}")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
