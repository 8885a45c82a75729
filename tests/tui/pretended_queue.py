"""A queue as `rvc queue list --json` reports it, and the app on its screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pretended

from rvc_engine.client.engine_client import Answer
from rvc_tui.app import RvcApp

T0 = pretended.T0


def entry(number: int, name: str, state: str = "waiting", **more: Any) -> dict[str, Any]:
    known = {"words": ["--until", "index"], "added_at": T0, "started_at": 0.0, "ended_at": 0.0, "outcome": ""}
    return {"number": number, "name": name, "state": state, **known, "command": "run", "conversion": "", **more}


def conversion(number: int, voice: str, state: str = "waiting", **more: Any) -> dict[str, Any]:
    words = ["/home/me/takes/a b.wav", "--output=/home/me/out", "--transpose=-3"]
    return entry(number, voice, state, words=words, command="convert", **more)


ENTRIES = [
    entry(1, "alice", "done", started_at=T0 - 7200, ended_at=T0 - 600),
    entry(2, "bob", "failed", started_at=T0 - 600, ended_at=T0 - 540, outcome="a.flac [/b] is not audio"),
    entry(
        3, "carol", "running", started_at=T0 - 100, words=["--dataset", "/home/me/recordings/carol", "--until", "index"]
    ),
    entry(4, "dora"),
    entry(5, "声の人"),
]


def queue_app(
    entries: list[dict[str, Any]] | None = None, *, home: Path | None = None, pid: int = 0, ascii: bool = False
) -> RvcApp:
    rows = Answer(ENTRIES if entries is None else entries)
    answers = {"queue list": rows} | {f"queue {verb}": Answer([]) for verb in ("add", "move", "remove", "run", "stop")}
    client = pretended.PretendedClient(answers=answers, queue_pid=pid)
    client.home = home or client.home
    return RvcApp(client, ascii=ascii, first="queue")
