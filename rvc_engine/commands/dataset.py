"""rvc dataset: what is in a folder of recordings, and what is wrong with it."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from rvc_engine.common.streams import say, say_json
from rvc_engine.dataset.files import dataset_path, nothing_usable, passed_over

INTERNAL = {"fingerprint", "mtime_ns", "longest_seconds", "pitch_parts", "pitch_counts"}
"""What a report holds for the folder's sake only."""


def build(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument("folder", metavar="DIR", help="the folder of recordings")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output and nothing else")
    parser.add_argument("--subfolders", action="store_true", help="read recordings in sub-folders too")
    parser.add_argument("--plain", action="store_true", help="ASCII and plain lines, also on a terminal")
    parser.add_argument(
        "--workers", type=_workers, default=0, metavar="N", help="worker processes; 0 means one per core [default 0]"
    )


def _workers(text: str) -> int:
    if not text.isdecimal() or int(text) > 256:
        raise argparse.ArgumentTypeError("a number from 0 to 256 is expected")
    return int(text)


def execute(options: argparse.Namespace, name: str) -> int:
    from rvc_engine.commands.dataset_progress import watched
    from rvc_engine.dataset.findings import findings_of
    from rvc_engine.dataset.folder import Folder, summary_of
    from rvc_engine.dataset.survey import measure_all, recordings_in

    folder = Path(dataset_path(options.folder) or ".").absolute()
    tasks = recordings_in(folder, subfolders=options.subfolders)
    reports = watched(
        measure_all(folder, tasks, workers=options.workers), len(tasks), plain=options.plain or options.json
    )
    files = sorted(reports, key=lambda report: report.name)
    passed = passed_over(folder, subfolders=options.subfolders)
    if not any(file.readable for file in files):
        raise nothing_usable(str(folder), [(file.name, file.unusable) for file in files], passed)
    findings = [asdict(finding) for finding in findings_of(files, passed)]
    summary = summary_of(Folder(files))
    if options.json:
        rows = [file.model_dump(exclude=INTERNAL) for file in files]
        say_json({"folder": str(folder), "files": rows, **summary, "findings": findings})
        return 0
    from rvc_engine.commands.dataset_text import text_of

    say(*text_of(folder, files, summary, findings, plain=options.plain).split("\n"))
    return 0
