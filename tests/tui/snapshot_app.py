"""Shows the run screen in one of the scenarios: idle, training, finished, failed."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import pretended

from rvc_tui.app import RvcApp


def app_of(scenario: str, *, ascii: bool = False) -> RvcApp:
    client = pretended.PretendedClient()
    if scenario != "idle":
        client.waiting = getattr(pretended, scenario)()
    client.alive = scenario == "training"
    return RvcApp(client, ascii=ascii)
