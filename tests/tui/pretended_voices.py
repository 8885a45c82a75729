"""Voices as `rvc voice list --json` reports them, a conversion as its engine does, and what the tests of both
screens share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pretended import T0
from textual.pilot import Pilot
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from rvc_engine import events as ev
from rvc_engine.client.engine_client import Answer
from rvc_tui.app import RvcApp

SIZES = [(80, 24), (120, 40)]
ROW: dict[str, Any] = {
    "voice": "alice",
    "name": "alice",
    "path": "WS/weights/alice.pth",
    "bytes": 900_000,
    "at": 1_700_000_000.0,
    "newest": True,
    "index": "WS/logs/alice/added_IVF9_Flat_nprobe_1_alice_v2.index",
    "what": "voice",
    "version": "v2",
    "sample_rate": 40000,
    "pitch": True,
    "encoder": "hubert-768",
    "epochs": 20,
    "minutes": 3.5,
    "pitch_hz": [110.0, 150.0, 210.0],
    "info": "20epoch",
    "has_index": False,
    "problem": "",
}
OLDER = {
    **ROW,
    "voice": "WS/weights/alice_e5_s50.pth",
    "path": "WS/weights/alice_e5_s50.pth",
    "epochs": 5,
    "newest": False,
}
BUNDLE = {
    **ROW,
    "voice": "WS/weights/bob.rvcvoice",
    "name": "bob",
    "path": "WS/weights/bob.rvcvoice",
    "what": "bundle",
    "index": None,
}
UNFINISHED = {
    **ROW,
    "voice": "carol",
    "name": "carol",
    "what": "checkpoints",
    "version": None,
    "problem": "training checkpoints only",
}

FACTS: dict[str, Any] = {
    "what": "voice",
    "path": "/w/alice.pth",
    "bytes": 900_000,
    "sha256": "ab" * 32,
    "version": "v2",
    "sample_rate": 40000,
    "pitch": True,
    "encoder": "hubert-768",
    "epochs": 20,
    "minutes": 3.5,
    "info": "20epoch\x1b[2J",
    "pitch_hz": [110.0, 150.0, 210.0],
    "transpose": None,
    "other": {"author": "me"},
}


def voices_in(home: Path) -> Answer:
    """As `rvc voice list --json` answers."""
    rows = [ROW, OLDER, BUNDLE, UNFINISHED]
    return Answer(
        [{k: v.replace("WS", str(home)) if isinstance(v, str) else v for k, v in row.items()} for row in rows]
    )


def converted(home: Path) -> list[ev.Event]:
    """Three recordings, one of which is none."""
    at = T0 + 96
    made = [
        ev.Converted(at=at, source=f"/rec/{n}.wav", path=f"{home}/converted/alice/{n}.wav", seconds=3.25) for n in "ac"
    ]

    def files(done: int, item: str) -> ev.Event:
        return ev.Progressed(at=at, stage="convert", done=done, total=3, unit="files", item=item)

    return [
        ev.RunStarted(
            at=at, run=1, name="conversions/1", folder="", pid=1, host="h", version="0", preset="", stages=["convert"]
        ),
        ev.StageStarted(at=at, stage="convert", reason="not done yet"),
        files(0, ""),
        ev.Progressed(at=at, stage="convert", done=2, total=4, unit="seconds", item="a.wav"),
        made[0],
        files(1, "a.wav"),
        ev.ItemSkipped(at=at, stage="convert", item="/rec/b.txt", reason="it holds no sound"),
        files(2, "b.txt"),
        made[1],
        files(3, "c.wav"),
        ev.RunFinished(at=at + 4, seconds=4.0),
    ]


def footer(app: RvcApp) -> set[str]:
    return {key.description for key in app.screen.query_one(Footer).query(FooterKey)}


async def wait_for(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    for _ in range(100):
        if condition():
            break
        await pilot.pause(0.02)
    assert condition()
    await pilot.pause()
