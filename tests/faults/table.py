"""Writes docs/reliability.md from the rows that a run of the fault suite left, in one file or several.

RVC_FAULT_TABLE=FILE python -m pytest tests/faults -m "soak or not soak"
python -m tests.faults.table FILE
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reliability.md"
LISTED = 8  # observations of a scenario that the page lists

INTRODUCTION = """# Reliability: faults and their results

This page is made by the fault suite, `tests/faults/`: real engine processes, real signals, a tiny voice on a CPU.
Nobody edits it. "The same weights" means that every tensor of the voice is bit for bit that of a run that nothing
disturbed (fp32, same seed and threads). Runs of the whole pipeline have their clips, pitch, features and index compared
byte by byte too; the history of steps must hold each step once.
"""


def merged(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row a scenario, in the order they were first run."""
    scenarios: dict[str, dict[str, Any]] = {}
    for row in rows:
        key = row["scenario"] or row["test"]
        entry = scenarios.setdefault(
            key,
            {
                "scenario": key,
                "promise": row["promise"],
                "runs": 0,
                "tests": 0,
                "outcomes": [],
                "seen": [],
                "seconds": 0.0,
            },
        )
        entry["runs"] += row["runs"]
        entry["tests"] += 1
        entry["outcomes"].append(row["result"])
        entry["seen"] += row["seen"]
        entry["seconds"] += row["seconds"]
    return list(scenarios.values())


def result_of(outcomes: list[str]) -> str:
    if all(outcome == "passed" for outcome in outcomes):
        return "held"
    if all(outcome == "skipped" for outcome in outcomes):
        return "not run here"
    return (
        f"**failed** in {outcomes.count('failed')} of {len(outcomes)} tests"
        if "failed" in outcomes
        else "held, in part not run here"
    )


def git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def page(rows: list[dict[str, Any]]) -> str:
    scenarios = merged(rows)
    commits = ", ".join(dict.fromkeys(f"`{row['commit']}`" for row in rows))
    if "," in commits:
        commits += " (a test that was run again at a later commit replaces its earlier row)"
    lines = [INTRODUCTION]
    lines += [
        f"Made at commit {commits}, {time.strftime('%Y-%m-%d', time.gmtime())}, by",
        "",
        '    RVC_FAULT_TABLE=faults.jsonl python -m pytest -m "soak or not soak" -n 2 --dist worksteal tests/faults',
        "    python -m tests.faults.table faults.jsonl",
        "",
        f"{len(rows)} tests, {sum(s['runs'] for s in scenarios)} trials, "
        f"{sum(s['seconds'] for s in scenarios) / 60:.0f} minutes of two processes together.",
        "",
        "| scenario | promise it backs | trials | result |",
        "|---|---|---|---|",
    ]
    for s in scenarios:
        lines.append(f"| {cell(s['scenario'])} | {cell(s['promise'])} | {s['runs']} | {result_of(s['outcomes'])} |")
    lines += ["", "## What was seen", ""]
    for s in scenarios:
        lines.append(f"**{s['scenario']}** ({s['seconds']:.0f} s)")
        lines.append("")
        lines += [
            f"- {' '.join(seen.split())}" for seen in s["seen"][: max(LISTED, 24 if "kill -9" in s["scenario"] else 0)]
        ]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main(arguments: list[str]) -> int:
    rows = [json.loads(line) for name in arguments for line in Path(name).read_text().splitlines()]
    PAGE.write_text(page(list({row["test"]: row for row in rows}.values())))
    print(PAGE)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
