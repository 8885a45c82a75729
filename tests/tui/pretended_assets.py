"""The published weights as `rvc assets list --json` lists them, and the app on their screen."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pretended
from snapshot_app import settle

from rvc_engine.client.engine_client import Answer, Ended
from rvc_engine.common.lines import Line
from rvc_engine.messages import Message
from rvc_tui.app import RvcApp

V2 = ["v2-40k"]
HUB = "https://huggingface.co/lj1995/VoiceConversionWebUI/resolve/main/"


def row(
    name: str, state: str = "missing", count: int | None = None, presets: list[str] | None = None, **more: Any
) -> dict[str, Any]:
    here = None if state == "missing" else f"/home/me/work/pretrained/{name}"
    return {
        "name": name,
        "state": state,
        "bytes": count,
        "path": here,
        "sha256": None,
        "published_sha256": "f" * 64,
        "published_bytes": count,
        "url": HUB + name,
        "licence": "MIT",
        "presets": presets or V2,
        "pitch": None,
        **more,
    }


ROWS = [
    row("hubert_base.pt", "verified", 189507909, ["v1-40k", "v2-40k"]),
    row("rmvpe.pt", "missing", 181184272, ["v1-40k", "v2-40k"], pitch=True),
    row("v2/f0G40k.pth", "missing", 73106273, pitch=True),
    row("v2/f0D40k.pth", "missing", None, pitch=True),
    row("v2/G40k.pth", "missing", 72000000, pitch=False),
]
FINDINGS = [
    {"name": "python", "state": "ok", "found": "3.11.7", "advice": ""},
    {"name": "cuda", "state": "n/a", "found": Message("doctor.torch_without_gpu"), "advice": ""},
    {"name": "disk", "state": "fail", "found": "1.0 GB free [/x]", "advice": "make room"},
]


class Slow(list[Line]):
    """Events of a stream that waits before its end until `go` is set."""

    def __init__(self, events: list[Line], end: Ended) -> None:
        super().__init__(events)
        self.end, self.go = end, threading.Event()

    def __iter__(self) -> Iterator[Line | Ended]:
        yield from list.__iter__(self)
        self.go.wait(10)
        yield self.end


def assets_app(rows: list[dict[str, Any]] | None = None, *, ascii: bool = False, **answers: Any) -> RvcApp:
    known = {
        "assets list": Answer(ROWS if rows is None else rows),
        **{key.replace("_", " "): value for key, value in answers.items()},
    }
    client = pretended.PretendedClient(answers=known)
    return RvcApp(client, ascii=ascii, first="assets")


async def choose(pilot: Any, preset: str = "v2-40k") -> None:
    await settle(pilot)
    screen = pilot.app.displayed
    for _ in range(12):
        if screen.chosen is not None and screen.chosen.preset == preset:
            return
        await pilot.press("j")
