"""The starter's scores: voices of one speaker in so many minutes of training, with and without the index and the base.

    python benchmarks/starter_scores.py --dataset TEN_MINUTES --eval EVAL --eval-python PYTHON --target HELDOUT --out
    OUT \\ --minutes 3 7 17 --bare 17

Every voice is made by `rvc run NAME --dataset ... --preset starter`, all else by default but the minutes. EVAL holds
run.py, score.py and sources.csv; PYTHON has what score.py needs. Prints a Markdown table and writes OUT/scores.json.
What is in OUT already is not made again.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RVC = [sys.executable, "-m", "rvc_engine"]
COLUMNS = {
    "similarity to the target": "similarity_target",
    "to the source": "similarity_source",
    "WER": "wer_mean",
    "WER of the sources": "wer_source_mean",
    "f0 correlation": "f0_corr",
    "f0 cents": "f0_cents",
    "MCD dB": "mcd_db",
}


def voice(options: argparse.Namespace, minutes: float, base: bool) -> tuple[str, dict[str, Any]]:
    """Train it, or read it from OUT. Returns its name and what the training took."""
    name = f"{'base' if base else 'bare'}-{minutes:g}"
    facts = options.out / f"{name}.json"
    if not facts.is_file():
        words = [
            "run",
            name,
            "--dataset",
            str(options.dataset),
            "--preset",
            "starter",
            "--set",
            f"train.minutes={minutes:g}",
        ]
        words += [] if base else ["--pretrained-g", "none", "--pretrained-d", "none"]
        subprocess.run(
            [*RVC, *words, "--home", str(options.out), "--plain"], check=True, cwd=ROOT, stdout=subprocess.DEVNULL
        )
        status = json.loads(
            subprocess.check_output([*RVC, "status", name, "--json", "--home", str(options.out)], cwd=ROOT)
        )
        seconds = status["updated_at"] - status["started_at"]
        facts.write_text(
            json.dumps({"seconds": round(seconds, 1), "epochs": status["epochs"], "steps": status["step"]})
        )
    return name, json.loads(facts.read_text())


def scores(options: argparse.Namespace, name: str, index_rate: float | None) -> dict[str, Any]:
    folder = options.out / f"scored-{name}{'' if index_rate is None else f'-index{index_rate:g}'}"
    if not (folder / "scores.json").is_file():
        words = [*RVC, "convert", name, "{source}", "--output", "{output}", "--transpose", "{transpose}"]
        words += ["--home", str(options.out), "--plain"]
        words += [] if index_rate is None else ["--index-rate", str(index_rate)]
        command = [
            str(options.eval_python),
            str(options.eval / "run.py"),
            "--list",
            str(options.list or options.eval / "sources.csv"),
        ]
        command += ["--target", str(options.target), "--out", str(folder)]
        command += ["--python", str(options.eval_python), "--convert", shlex.join(words)]
        # threads of several processes would wait in one another's way
        threads = {} if options.jobs == 1 else {"OMP_NUM_THREADS": "1"}
        subprocess.run(command, check=True, cwd=ROOT, env=os.environ | threads)
    report: dict[str, Any] = json.loads((folder / "scores.json").read_text())
    return {**report["median"], "finite": report["all_finite"], "conversions": report["conversions"]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("dataset", "eval", "eval-python", "target", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--list", type=Path, help="another list than EVAL/sources.csv")
    parser.add_argument("--minutes", type=float, nargs="*", default=[], help="of training, from the base")
    parser.add_argument("--bare", type=float, nargs="*", default=[], help="of training, from nothing")
    parser.add_argument("--index-rates", type=float, nargs="*", default=[0.0], help="beside the default")
    parser.add_argument(
        "--jobs", type=int, default=2, help="scoring runs at a time; trainings have the machine for themselves"
    )
    options = parser.parse_args()
    for name in ("dataset", "eval", "target", "out"):
        setattr(options, name, getattr(options, name).resolve())
    options.out.mkdir(parents=True, exist_ok=True)
    rates: list[float | None] = [None, *options.index_rates]
    voices = [
        (m, base, *voice(options, m, base))
        for base, minutes in ((True, options.minutes), (False, options.bare))
        for m in minutes
    ]
    rows = [(minutes, base, name, facts, rate) for minutes, base, name, facts in voices for rate in rates]
    with ThreadPoolExecutor(options.jobs) as pool:
        scored = list(pool.map(lambda row: scores(options, row[2], row[4]), rows))
    found = [
        {"minutes": minutes, "base": base, "index": "default" if rate is None else rate, **facts, **score}
        for (minutes, base, _, facts, rate), score in zip(rows, scored, strict=True)
    ]
    (options.out / "scores.json").write_text(json.dumps(found, indent=1))
    print(
        "| training | all stages | steps | base | index rate | "
        + " | ".join(COLUMNS)
        + " |\n"
        + "|---" * (5 + len(COLUMNS))
        + "|"
    )
    for row in found:
        cells = [f"{row['minutes']:g} min", f"{row['seconds'] / 60:.1f} min", str(row["steps"])]
        cells += ["yes" if row["base"] else "no", str(row["index"])]
        print(
            "| " + " | ".join([*cells, *(f"{row[key]:.3f}" if key in row else "" for key in COLUMNS.values())]) + " |"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
