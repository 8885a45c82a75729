"""What the convert screen keeps and folds, without a screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from rvc_engine.errors import BadInput
from rvc_engine.events import StageFailed, StageStarted
from rvc_tui.conversion import Conversion, Request, load, paths_of


def test_what_was_kept_comes_back_and_damage_is_reported(tmp_path: Path) -> None:
    request = Request(tmp_path, "alice", "none", ["/rec/テスト ü.wav"], "/out")
    request.settings.transpose, request.settings.format = -3.5, "mp3"
    assert request.save() == "" and load(tmp_path) == (request, "")
    path = tmp_path / "convert.toml"
    path.write_text(path.read_text() + "gone = 3\nprotect = 9\n")
    again, problem = load(tmp_path)
    assert again == request and "gone" in problem and "protect" in problem
    path.write_text("voice = [")
    assert load(tmp_path)[0] == Request(tmp_path) and "convert.toml" in load(tmp_path)[1]


def test_paths_as_people_paste_them(tmp_path: Path) -> None:
    home = tmp_path
    (home / "rec").mkdir()
    for name in ("a.wav", "b b.wav", "c.flac"):
        (home / "rec" / name).touch()

    def names(text: str) -> list[str]:
        return [Path(path).name for path in paths_of(text)]

    assert names(f"\u202a'{home}/rec/b b.wav'") == ["b b.wav"] == names(f"{home}/rec/b b.wav")
    assert names(f"{home}/rec/a.wav '{home}/rec/b b.wav'") == ["a.wav", "b b.wav"]
    assert names(f"{home}/rec/*.wav") == ["a.wav", "b b.wav"] and paths_of("") == []
    with pytest.raises(BadInput, match=r"none\.wav"):
        paths_of(f"{home}/rec/none.wav")


def test_a_failed_conversion_has_its_cause() -> None:
    conversion = Conversion(name="conversions/3")
    conversion.fold([StageFailed(stage="convert", title="Out of memory", message="2 GiB", hint="--device cpu")])
    conversion.end()
    assert conversion.state == "failed" and conversion.error == ("Out of memory", "2 GiB", "--device cpu")


def test_one_whose_engine_is_gone_without_a_word() -> None:
    conversion = Conversion(name="conversions/3", asked_at=1.0)
    conversion.fold([StageStarted(stage="convert")])
    assert conversion.running
    conversion.end()
    assert conversion.state == "failed" and conversion.error[2] == "the same rvc convert resumes it"
