"""Spectrograms in characters, and the screen that shows what each checkpoint made of a clip."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from snapshot_app import app_of, settle, text_of

from rvc_tui.picture import draw, resized
from rvc_tui.screens.audition import pictures_in

ROWS, COLUMNS = 64, 160


def rising() -> bytes:
    """Loud where the band's number is that of the column."""
    return bytes(255 if abs(band * COLUMNS / ROWS - x) < 4 else 0 for band in range(ROWS) for x in range(COLUMNS))


def test_means_of_parts_with_the_highest_band_first() -> None:
    values = bytes([0, 0, 100, 200])  # two bands of two columns
    assert resized(values, 2, 2, 2, 2) == [[100, 200], [0, 0]]
    assert resized(values, 2, 2, 1, 1) == [[75]]
    assert resized(values, 2, 2, 4, 4)[0] == [100, 100, 200, 200]


@pytest.mark.parametrize(("ascii", "colours"), [(True, True), (False, False), (False, True)])
def test_a_line_rises_in_each_way_of_drawing(ascii: bool, colours: bool) -> None:
    lines = draw(rising(), ROWS, COLUMNS, 8, 40, ascii=ascii, colours=colours)
    assert [len(line.plain) for line in lines] == [40] * 8
    if not colours or ascii:
        assert lines[0].plain[-1] != " " and lines[-1].plain[0] != " " and lines[0].plain[0] == " "
        assert lines[0].plain.isascii() == ascii
    else:
        brightest = [max(range(40), key=lambda x, line=line: line.spans[x].style.color.triplet.red) for line in lines]
        assert brightest == sorted(brightest, reverse=True)


def test_another_number_of_values_is_refused() -> None:
    with pytest.raises(ValueError, match="no picture"):
        draw(b"123", 2, 2, 4, 4, ascii=True, colours=False)


def write(folder: Path, epoch: int, step: int, picture: str = "") -> None:
    folder.mkdir(exist_ok=True)
    content = {
        "rows": ROWS,
        "columns": COLUMNS,
        "seconds": 4.2,
        "range_db": 70,
        "target": rising().hex(),
        "generated": rising().hex(),
    }
    (folder / f"e{epoch}_s{step}.json").write_text(picture or json.dumps(content))


async def test_checkpoints_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_of("training", ascii=True, first="train")
    monkeypatch.setattr(type(app.session.client), "folder", property(lambda self: str(tmp_path)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("w")
        await pilot.pause()
        assert app.screen is app.displayed  # nothing to hear yet
        for epoch, step in ((10, 200), (2, 40), (4, 80)):
            write(tmp_path / "audition", epoch, step)
        write(tmp_path / "audition", 12, 240, "torn {")
        assert [path.stem for path in pictures_in(tmp_path / "audition")] == [
            "e2_s40",
            "e4_s80",
            "e10_s200",
            "e12_s240",
        ]
        await pilot.press("w")
        await pilot.pause()
        assert "4 of 4: epoch 12, step 240" in text_of(app) and "cannot be displayed" in text_of(app)
        await pilot.press("h")
        await pilot.pause()
        assert (
            "3 of 4: epoch 10, step 200" in text_of(app)
            and "the recording, 4.2 s" in text_of(app)
            and text_of(app).isascii()
        )
        await pilot.press("left", "left", "left", "l", "y")
        await pilot.pause()
        assert "2 of 4: epoch 4, step 80" in text_of(app)
        assert app.clipboard.splitlines() == [
            str(tmp_path / "audition" / name) for name in ("e4_s80.wav", "target.wav")
        ]
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen is app.displayed
