"""rvc doctor: what this machine can do, and what is missing with the command that mends it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from rvc_engine.doctor import FAIL, Finding, examine
from rvc_engine.models.configs import PUBLIC_PRESETS
from rvc_engine.user import expanded


def build(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument(
        "--numerics", action="store_true", help="try a training step in each precision here, against float32 on the processor, and no more"
    )
    parser.add_argument(
        "--preset", default="", choices=("", *PUBLIC_PRESETS), metavar="P", help="of the trial; default that of a new voice"
    )
    parser.add_argument("--device", default="auto", help="of the trial: auto, cpu, cuda or cuda:N")
    parser.add_argument("--json", action="store_true", help="JSON on standard output and nothing else")


def _numerics(options: argparse.Namespace, home: Path) -> Iterator[Finding]:
    from rvc_engine.doctor_numerics import numerics
    from rvc_engine.experiment import Workspace
    from rvc_engine.pretrained import preset_here

    return numerics(options.preset or preset_here(Workspace.find(str(home))), options.device)


def execute(options: argparse.Namespace, name: str) -> int:
    """Exit code 1 when something fails."""
    findings = []
    home = expanded(options.home or os.environ.get("RVC_HOME") or ".").absolute()  # as Workspace.find, without its packages
    for finding in _numerics(options, home) if options.numerics else examine(home):
        findings.append(finding)
        if not options.json:
            print(f"{finding.state:4}  {finding.name:15} {finding.found}", flush=True)
            if finding.advice:
                print(f"{'':21} -> {finding.advice}", flush=True)
    failed = [finding.name for finding in findings if finding.state == FAIL]
    if options.json:
        print(json.dumps({"ok": not failed, "findings": [asdict(finding) for finding in findings]}))
    elif failed:
        print(f"rvc doctor: {', '.join(failed)} must be mended", file=sys.stderr)
    return 1 if failed else 0
