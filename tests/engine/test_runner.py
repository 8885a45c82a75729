"""The engine process, before its stages."""

from __future__ import annotations

from pathlib import Path

from rvc_engine.disk import write_whole
from rvc_engine.run.runner import remove_partial_files
from rvc_engine.workspace import Workspace


def test_what_a_killed_engine_left_half_written_goes_and_what_others_write_stays(tmp_path: Path) -> None:
    experiment = Workspace(tmp_path).experiment("voice")
    own = [
        experiment.path(".config.json.123.part"),
        experiment.receipts / ".pitch.json.123.part",
        experiment.auditions / ".e1_s2.wav.123.part",
        experiment.workspace.weights / ".voice.pth.123.part",
        experiment.workspace.weights / ".voice_e1_s2.pth.123.part",
    ]
    kept = [
        experiment.receipts / "pitch.json",
        experiment.workspace.weights / "voice.pth",
        experiment.workspace.weights / ".voice2.pth.124.part",
        experiment.workspace.weights / ".voice_extra_songs.pth.124.part",
    ]
    for path in [*own, *kept]:
        write_whole(path, b"x")
    remove_partial_files(experiment)
    assert [path for path in own if path.exists()] == []
    assert [path for path in kept if not path.exists()] == []
