"""The screen of the recordings against a pretended engine, and the shape of the real report."""

from __future__ import annotations

import math
import struct
import wave
from pathlib import Path

import pretended
import pytest
from pretended_dataset import FILES, FOLDER, REPORT, dataset_app, read
from snapshot_app import client_of, settle, text_of
from textual.widgets import Input

from rvc_engine.client.engine_client import Ended, EngineClient
from rvc_engine.common.lines import Answered
from rvc_tui.app import RvcApp
from rvc_tui.recordings import ORDERS, about_file, file_line, ordered, pictures, printable, summary
from rvc_tui.screens.name import NameScreen


def streamed(app: RvcApp) -> list[tuple[str, ...]]:
    return [call for call in client_of(app).calls if call[0] == "stream"]


def test_orders_put_the_worst_first() -> None:
    first = {order: ordered(REPORT, order)[0]["name"] for order in ORDERS}
    assert first == {
        "worst": "clipped.wav",
        "length": "torn.ogg",
        "loudness": "noisy.wav",
        "noise": "noisy.wav",
        "bandwidth": "dull.mp3",
        "clipping": "clipped.wav",
    }


def test_lines_hold_nothing_that_moves_the_cursor() -> None:
    assert printable("a\nb\x1b") == "a\\nb\\x1b"
    for file in FILES:
        text = "\n".join(line.plain for line in about_file(REPORT, file)) + file_line(file, 20).plain
        assert file_line(file, 20).plain.count("\n") == 0 and "\x1b" not in text
    assert "v2-40k, then v2-32k" in summary(REPORT)[1].plain
    assert max(len(line.plain) for line in pictures(REPORT, 80, ascii=True)) <= 80


async def test_it_is_read_when_one_stays_and_findings_say_the_fix() -> None:
    app = dataset_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await read(pilot)
        assert streamed(app) == [("stream", "dataset", FOLDER, "--json")]
        page = text_of(app)
        for words in (
            "5 of 6 files",
            "v2-40k, then v2-32k",
            "problem  1 recording clipped",
            "fix  Record again",
            "note     4.0 minutes",
        ):
            assert words in page, words
        await pilot.press("j")
        assert "Enough for a first voice" in text_of(app)
        await pilot.press("1", "2")
        await pilot.pause(0.6)
        assert len(streamed(app)) == 1  # known already


async def test_a_training_is_not_slowed_without_being_asked() -> None:
    app = dataset_app(scenario="training")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.pause(0.6)
        assert streamed(app) == [] and "would be slowed" in text_of(app)
        await pilot.press("R")
        await read(pilot)
        assert len(streamed(app)) == 1


async def test_files_are_ordered_and_the_chosen_one_is_described() -> None:
    app = dataset_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await read(pilot)
        await pilot.press("v")
        page = text_of(app)
        assert "a [b].flac" in page and "声\\n.wav" in page and "it ends in the middle" in page
        assert "clipped 2 %" in page  # the worst is chosen
        await pilot.press("o", "o", "o")
        assert "worst first by noise" in text_of(app) and "SNR 12 dB" in text_of(app)
        await pilot.press("G")
        await pilot.press("v")
        assert "length (s)" in text_of(app)


async def test_folder_is_chosen_with_completion_and_used(tmp_path: Path) -> None:
    folder = tmp_path / "voice of bob"
    folder.mkdir()
    app = dataset_app(folder=str(folder))
    client_of(app).answers[f"dataset {FOLDER}"] = [
        Ended(2, "There is no folder /home/me/recordings/alice: check the path")
    ]
    async with app.run_test(size=(80, 24)) as pilot:
        await read(pilot)
        assert "There is no folder" in text_of(app) and "f chooses a folder" in text_of(app)
        await pilot.press("f")
        await pilot.pause()
        assert isinstance(app.screen, NameScreen)
        app.screen.query_one(Input).value = str(tmp_path / "voi")
        app.screen.query_one(Input).action_end()
        await pilot.pause(0.1)
        await pilot.press("tab")
        assert app.screen.query_one(Input).value == f"{folder}/"
        await pilot.press("enter")
        await read(pilot)
        assert streamed(app)[-1] == ("stream", "dataset", str(folder), "--json")
        assert app.displayed is not None and app.displayed.command() == ["dataset", str(folder)]
        await pilot.press("u")
        assert ("change", "dataset", str(folder)) in client_of(app).calls


async def test_stopping_keeps_what_is_measured() -> None:
    app = dataset_app([Ended(130)])
    async with app.run_test(size=(80, 24)) as pilot:
        await read(pilot)
        assert "what is measured is kept" in text_of(app) and not app.session.unfinished
        app.displayed.reading = "x"  # type: ignore[union-attr]
        app.displayed.progressed(2, 6)  # type: ignore[union-attr]
        await pilot.pause()
        assert "2/6 files" in text_of(app)
        await pilot.press("X")
        assert ("interrupt", "dataset") in client_of(app).calls


async def test_without_an_experiment_it_asks_for_a_folder() -> None:
    client = pretended.PretendedClient(name="", dataset="")
    app = RvcApp(client, first="dataset")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "f chooses a folder of recordings" in text_of(app)


async def test_copy() -> None:
    app = dataset_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await read(pilot)
        await pilot.press("y")
        assert app.clipboard.splitlines()[:2] == [
            FOLDER,
            "problem: 1 recording clipped, the worst in 2 % of the samples",
        ]


@pytest.mark.parametrize("size", [(60, 20), (200, 60)])
async def test_sizes_and_ascii(size: tuple[int, int]) -> None:
    report = {**REPORT, "files": [file for file in FILES if file["name"].isascii()]}
    app = dataset_app([Answered(report), Ended()], ascii=True)
    async with app.run_test(size=size) as pilot:
        await read(pilot)
        for _ in range(3):
            assert text_of(app).isascii() and "quit" in text_of(app).splitlines()[-1]
            await pilot.press("v")


def test_real_report_is_drawn(tmp_path: Path) -> None:
    for place, name in enumerate(("one.wav", "two.wav")):
        with wave.open(str(tmp_path / name), "wb") as file:
            file.setparams((1, 2, 16000, 0, "NONE", ""))
            tone = (math.sin(i * 0.05 * (place + 1)) * math.sin(i / 4000) ** 2 for i in range(48000))
            file.writeframes(b"".join(struct.pack("<h", int(20000 * value)) for value in tone))
    (tmp_path / "no sound.wav").write_text("text")
    lines = list(EngineClient(tmp_path, "").stream(["dataset", str(tmp_path), "--json"]))
    assert lines[-1] == Ended(), lines
    report = next(line.data for line in lines if isinstance(line, Answered))
    assert summary(report) and all(
        file_line(file, 20).plain and about_file(report, file) for order in ORDERS for file in ordered(report, order)
    )
    assert pictures(report, 120, ascii=True)
