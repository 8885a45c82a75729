"""Recordings as `rvc dataset --json` reports them, and the app on their screen."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pretended
from snapshot_app import settle

from rvc_engine.client.engine_client import Ended
from rvc_engine.common.lines import Answered, Line
from rvc_engine.dataset.findings import finding_of
from rvc_engine.events import Progressed
from rvc_engine.messages import Message
from rvc_tui.app import RvcApp


def recording(name: str, seconds: float, **more: Any) -> dict[str, Any]:
    known = {
        "bytes": 100_000,
        "readable": True,
        "unusable": "",
        "usable_seconds": seconds * 0.9,
        "codec": "flac",
        "sample_rate": 44100,
        "channels": 1,
        "channel_kind": "mono",
        "bandwidth_hz": 20000.0,
        "low_passed": False,
        "clipped_share": 0.0,
        "silence_share": 0.1,
        "noise_dbfs": -70.0,
        "snr_db": 45.0,
        "loudness_lufs": -20.0,
        "peak_dbfs": -3.0,
        "dc_offset": 0.0,
        "pitch_hz": [150.0, 200.0, 260.0],
        "voiced_seconds": seconds / 2,
        "sha256": "0",
    }
    return {"name": name, "seconds": seconds, **known, **more}


FILES = [
    recording("a [b].flac", 130.0),
    recording("clipped.wav", 20.0, clipped_share=0.02),
    recording("dull.mp3", 30.0, bandwidth_hz=7000.0, low_passed=True),
    recording("noisy.wav", 40.0, noise_dbfs=-35.0, snr_db=12.0, loudness_lufs=-30.0),
    recording("声\n.wav", 50.0),
    recording(
        "torn.ogg",
        0.0,
        readable=False,
        unusable="it ends in the middle of a page",
        pitch_hz=None,
        bandwidth_hz=None,
        loudness_lufs=None,
        snr_db=None,
        noise_dbfs=None,
    ),
]
FINDINGS = [
    asdict(finding_of("dataset_findings.clipping", "problem", ["clipped.wav"], count=1, worst_percent=2.0)),
    asdict(
        finding_of(
            "dataset_findings.enough_to_begin",
            "note",
            code="little",
            length=Message("dataset_findings.minutes_long", minutes=4.05),
        )
    ),
    asdict(finding_of("dataset_findings.quiet_background", "good", code="noise", noise_dbfs=-70.0, snr_db=45.0)),
]
REPORT = {
    "folder": "/home/me/recordings/alice",
    "files": FILES,
    "count": 6,
    "readable": 5,
    "used": 5,
    "total_seconds": 270.0,
    "usable_seconds": 243.0,
    "pitch_hz": [150.0, 200.0, 260.0],
    "suggested_sample_rate": 40000,
    "suggested_presets": ["v2-40k", "v2-32k"],
    "suggestion_reason": Message("dataset.rate_filled", khz=20.0, rate_khz=40, used_khz=20),
    "findings": FINDINGS,
}
LINES = [Progressed(stage="dataset", done=2, total=6, unit="files"), Answered(REPORT), Ended()]
FOLDER = "/home/me/recordings/alice"


def dataset_app(
    events: list[Line | Ended] | None = None, *, ascii: bool = False, scenario: str = "", folder: str = FOLDER
) -> RvcApp:
    client = pretended.PretendedClient(answers={f"dataset {folder}": LINES if events is None else events})
    if scenario:
        client.waiting, client.alive = getattr(pretended, scenario)(), True
    return RvcApp(client, ascii=ascii, first="dataset")


async def read(pilot: Any) -> None:
    await settle(pilot)
    for _ in range(60):
        if pilot.app.displayed.report is not None or pilot.app.displayed.problem:
            break
        await pilot.pause(0.05)
    await settle(pilot)
