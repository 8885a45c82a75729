"""The starter's scores: voices of one speaker in so many minutes of training, with and without the index and the base.

    python benchmarks/starter_scores.py --dataset TEN_MINUTES --eval EVAL --eval-python PYTHON --target HELDOUT --out OUT \\
        --minutes 3 7 17 --bare 17

Every voice is made by `rvc run NAME --dataset ... --preset starter`, all else by default but the minutes. EVAL holds run.py, score.py and
sources.csv; PYTHON has what score.py needs. Prints a Markdown table and writes OUT/scores.json. What is in OUT already is not made again.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RVC = [sys.executable, "-m", "rvc_engine"]
COLUMNS = {
    "similarity to the target": "similarity_target", "to the source": "similarity_source", "WER": "wer_mean",
    "WER of the sources": "wer_source_mean",
    "f0 correlation": "f0_corr", "f0 cents": "f0_cents", "MCD dB": "mcd_db",
}  # fmt: skip


def voice(options: argparse.Namespace, minutes: float, base: bool) -> tuple[str, dict[str, Any]]:
    """Train it, or take it from OUT. Returns its name and what the training took."""
    name = f"{'base' if base else 'bare'}-{minutes:g}"
    facts = options.out / f"{name}.json"
    if not facts.is_file():
        words = ["run", name, "--dataset", str(options.dataset), "--preset", "starter", "--set", f"train.minutes={minutes:g}"]
        words += [] if base else ["--pretrained-g", "none", "--pretrained-d", "none"]
        started = time.monotonic()
        subprocess.run([*RVC, *words, "--home", str(options.out), "--plain"], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        took = time.monotonic() - started
        status = json.loads(subprocess.check_output([*RVC, "status", name, "--json", "--home", str(options.out)], cwd=ROOT))
        facts.write_text(json.dumps({"seconds": round(took, 1), "epochs": status["epochs"], "steps": status["step"]}))
    return name, json.loads(facts.read_text())


def scores(options: argparse.Namespace, name: str, index_rate: float | None) -> dict[str, Any]:
    folder = options.out / f"scored-{name}{'' if index_rate is None else f'-index{index_rate:g}'}"
    if not (folder / "scores.json").is_file():
        words = [
            *RVC,
            "convert",
            name,
            "{source}",
            "--output",
            "{output}",
            "--transpose",
            "{transpose}",
            "--home",
            str(options.out),
            "--plain",
        ]
        words += [] if index_rate is None else ["--index-rate", str(index_rate)]
        command = [str(options.eval_python), str(options.eval / "run.py"), "--list", str(options.list or options.eval / "sources.csv")]
        command += [
            "--target",
            str(options.target),
            "--out",
            str(folder),
            "--python",
            str(options.eval_python),
            "--convert",
            shlex.join(words),
        ]
        subprocess.run(command, check=True, cwd=ROOT)
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
    options = parser.parse_args()
    for name in ("dataset", "eval", "target", "out"):
        setattr(options, name, getattr(options, name).resolve())
    options.out.mkdir(parents=True, exist_ok=True)
    found = []
    for minutes, base in [*((m, True) for m in options.minutes), *((m, False) for m in options.bare)]:
        name, facts = voice(options, minutes, base)
        for rate in (None, *options.index_rates):
            found.append(
                {"minutes": minutes, "base": base, "index": "default" if rate is None else rate, **facts, **scores(options, name, rate)}
            )
    (options.out / "scores.json").write_text(json.dumps(found, indent=1))
    print("| training | all stages | steps | base | index rate | " + " | ".join(COLUMNS) + " |\n" + "|---" * (5 + len(COLUMNS)) + "|")
    for row in found:
        told = [
            f"{row['minutes']:g} min",
            f"{row['seconds'] / 60:.1f} min",
            str(row["steps"]),
            "yes" if row["base"] else "no",
            str(row["index"]),
        ]
        print("| " + " | ".join([*told, *(f"{row[key]:.3f}" if key in row else "" for key in COLUMNS.values())]) + " |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
