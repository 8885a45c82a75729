"""rvc doctor: what this machine can do, and what is missing with the command that mends it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from rvc_engine.doctor import FAIL, examine


def build(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument("--json", action="store_true", help="JSON on standard output and nothing else")


def execute(options: argparse.Namespace, name: str) -> int:
    """Exit code 1 when something fails."""
    findings = []
    home = Path(options.home or os.environ.get("RVC_HOME") or ".").expanduser().absolute()  # as Workspace.find, without its packages
    for finding in examine(home):
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
