"""rvc doctor: what this machine can do, and what is missing with the command that fixes it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from rvc_engine.assets.pretrained import preset_here
from rvc_engine.common.streams import say, say_json
from rvc_engine.common.user import expanded
from rvc_engine.doctor.findings import FAIL, Finding
from rvc_engine.doctor.numerics import numerics
from rvc_engine.doctor.report import examine
from rvc_engine.presets import PUBLIC_PRESETS
from rvc_engine.workspace import Workspace


def build(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument(
        "--numerics",
        action="store_true",
        help="only compare a training step in each precision with float32 on the CPU",
    )
    parser.add_argument(
        "--preset",
        default="",
        choices=("", *PUBLIC_PRESETS),
        metavar="P",
        help="preset for --numerics; default: that of a new voice",
    )
    parser.add_argument("--device", default="auto", help="device for --numerics: auto, cpu, cuda or cuda:N")
    parser.add_argument("--json", action="store_true", help="JSON on standard output and nothing else")


def _numerics(options: argparse.Namespace, home: Path) -> Iterator[Finding]:
    return numerics(options.preset or preset_here(Workspace.find(str(home))), options.device)


def execute(options: argparse.Namespace, name: str) -> int:
    """Exit code 1 when something fails."""
    findings = []
    home = expanded(
        options.home or os.environ.get("RVC_HOME") or "."
    ).absolute()  # as Workspace.find, without its packages
    for finding in _numerics(options, home) if options.numerics else examine(home):
        findings.append(finding)
        if not options.json:
            say(f"{finding.state:4}  {finding.name:15} {finding.found}")
            if finding.advice:
                say(f"{'':21} -> {finding.advice}")
    failed = [finding.name for finding in findings if finding.state == FAIL]
    if options.json:
        say_json({"ok": not failed, "findings": [asdict(finding) for finding in findings]})
    elif failed:
        say(f"rvc doctor: {', '.join(failed)} must be fixed", error=True)
    return 1 if failed else 0
