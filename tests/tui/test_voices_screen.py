"""The voices screen against a pretended engine: the list, the facts, and every action on a voice."""

from __future__ import annotations

from pathlib import Path

import pytest
from pretended_voices import FACTS, SIZES, footer, voices_in, wait_for
from snapshot_app import app_of, client_of, settle, text_of
from textual.pilot import Pilot
from textual.widgets import Input

from rvc_engine.client.engine_client import Answer
from rvc_tui.app import RvcApp
from rvc_tui.screens.ask import AskScreen
from rvc_tui.screens.command import CommandScreen
from rvc_tui.screens.confirm import ConfirmScreen
from rvc_tui.screens.convert import ConvertScreen
from rvc_tui.screens.facts import FactsScreen
from rvc_tui.screens.voices import VoicesScreen
from rvc_tui.voice_forms import Export, Extract, Import

STARTER = (
    "/w/alice.pth cannot be exported to RVC programs: it is a starter-1 voice, whose network and encoder "
    "(phonetic-256-1) they do not have "
    "(train it again with --preset v2-40k; a bundle (--format bundle) works with this program)"
)


@pytest.fixture
def app(tmp_path: Path) -> RvcApp:
    app = app_of("idle", first="voices")
    client_of(app).home = tmp_path
    client_of(app).answers = {"voice list": voices_in(tmp_path), "voice info": Answer([FACTS])}
    return app


def screen_of(app: RvcApp) -> VoicesScreen:
    screen = app.get_screen("voices", VoicesScreen)
    assert isinstance(screen, VoicesScreen)
    return screen


async def fill_in(pilot: Pilot[None], row: int, text: str) -> None:
    """The setting of that row in the form that is displayed."""
    await pilot.pause()
    screen = pilot.app.screen
    assert isinstance(screen, AskScreen)
    screen.form.rows.highlighted = row
    await pilot.press("enter")
    screen.query_one("#entry", Input).value = text
    await pilot.press("enter")
    await pilot.pause(0.05)


async def acted(pilot: Pilot[None], app: RvcApp) -> tuple[str, ...]:
    """The words of the command that was run."""
    await wait_for(pilot, lambda: not screen_of(app).busy)
    return next(call for call in reversed(client_of(app).calls) if call[:2] == ("ask", "voice") and call[2] != "list")


async def test_the_list_with_facts_of_the_chosen(app: RvcApp) -> None:
    async with app.run_test(size=SIZES[0]) as pilot:
        await settle(pilot)
        page = text_of(app)
        for words in (
            "alice_e5_s50.pth",
            "bob.rvcvoice",
            "hubert-768",
            "878.9 KiB",
            "150 Hz in the middle",
            "rvc convert alice",
            "40k",
        ):
            assert words in page, words
        assert {"facts", "convert", "export", "import"} <= footer(app) and app.focused is None
        await pilot.press("y")
        assert app.clipboard.endswith("weights/alice.pth")
        await pilot.press("G")
        await pilot.pause()
        assert "training checkpoints only" in text_of(app) and not {"convert", "export"} & footer(app)


async def test_all_facts_are_read_and_made_harmless(app: RvcApp) -> None:
    async with app.run_test(size=SIZES[0]) as pilot:
        await settle(pilot)
        await pilot.press("enter")
        await wait_for(pilot, lambda: isinstance(app.screen, FactsScreen))
        page = text_of(app)
        assert "ab" * 20 in page and "900,000 bytes" in page and "\x1b" not in app.screen.lines[-2]  # type: ignore[attr-defined]
        await pilot.press("y")
        assert "author" in app.clipboard and "\x1b" not in app.clipboard
        await pilot.press("j", "k", "q")
        await pilot.pause()
        assert app.screen is app.displayed
        client_of(app).answers["voice info"] = Answer(problem="alice.pth is not a voice file: it is damaged")
        await pilot.press("enter")
        await wait_for(pilot, lambda: "it is damaged" in text_of(app))


async def test_a_voice_is_taken_to_the_convert_screen(app: RvcApp, tmp_path: Path) -> None:
    async with app.run_test(size=SIZES[0]) as pilot:
        await settle(pilot)
        await pilot.press("j", "c")
        await settle(pilot)
        screen = app.displayed
        assert isinstance(screen, ConvertScreen) and screen.request is not None
        assert screen.request.voice == str(tmp_path / "weights/alice_e5_s50.pth") and screen.request.index.endswith(
            "alice_v2.index"
        )
        await pilot.press("9")
        await settle(pilot)
        await pilot.press("k", "c")
        await settle(pilot)
        assert (screen.request.voice, screen.request.index) == ("alice", "")


async def test_extract(app: RvcApp, tmp_path: Path) -> None:
    client_of(app).answers["voice extract"] = Answer([str(tmp_path / "weights/carol_e9_s90.pth")])
    async with app.run_test(size=SIZES[0]) as pilot:
        await settle(pilot)
        await pilot.press("G", "x")
        await pilot.pause()
        assert isinstance(app.screen, AskScreen) and app.focused is None
        await fill_in(pilot, 2, "9")
        await pilot.press("at")
        await pilot.pause()
        assert isinstance(app.screen, CommandScreen) and app.screen.command == "rvc voice extract carol --epoch 9"
        await pilot.press("escape", "x")
        assert await acted(pilot, app) == ("ask", "voice", "extract", "carol", "--epoch", "9", "--json")
        assert "extracted: weights/carol_e9_s90.pth" in text_of(app)
        await pilot.press("y")
        assert app.clipboard == str(tmp_path / "weights/carol_e9_s90.pth")
        await pilot.press("k")
        await pilot.pause()
        assert "extracted" not in text_of(app)


@pytest.mark.soak
async def test_merge(app: RvcApp, tmp_path: Path) -> None:
    client_of(app).answers["voice merge"] = Answer([str(tmp_path / "weights/both.pth")])
    async with app.run_test(size=SIZES[0]) as pilot:
        await settle(pilot)
        await pilot.press("m")
        await fill_in(pilot, 1, str(tmp_path / "weights/bob.rvcvoice"))
        await fill_in(pilot, 2, "2")  # refused: 0..1
        assert "2" in app.screen.query_one("#entry", Input).value
        await pilot.press("escape")
        await fill_in(pilot, 2, "0.25")
        await fill_in(pilot, 3, "")
        await pilot.press("x")
        await pilot.pause()
        assert isinstance(app.screen, AskScreen) and "name is empty" in text_of(app)
        await fill_in(pilot, 3, "both")
        await pilot.press("x")
        words = await acted(pilot, app)
        assert words[2:] == (
            "merge",
            "alice",
            f"{tmp_path}/weights/bob.rvcvoice",
            "--weight",
            "0.25",
            "--name",
            "both",
            "--json",
        )
        assert "merged: weights/both.pth" in text_of(app)


async def test_export_with_licence_and_consent(app: RvcApp, tmp_path: Path) -> None:
    client_of(app).answers["voice export"] = Answer([str(tmp_path / "exports/alice.rvcvoice")])
    async with app.run_test(size=SIZES[0]) as pilot:
        await settle(pilot)
        await pilot.press("o")
        await fill_in(pilot, 5, "CC BY 4.0")
        await fill_in(pilot, 6, "my own voice")
        await pilot.press("x")
        assert (await acted(pilot, app))[2:] == (
            "export",
            "alice",
            "--output",
            f"{tmp_path}/exports/alice.rvcvoice",
            "--format",
            "bundle",
            "--licence",
            "CC BY 4.0",
            "--consent",
            "my own voice",
            "--json",
        )
        assert app.session.results == [f"{tmp_path}/exports/alice.rvcvoice"]


async def test_a_refusal_is_displayed_whole(app: RvcApp) -> None:
    client_of(app).answers["voice export"] = Answer(problem=STARTER)
    async with app.run_test(size=SIZES[0]) as pilot:
        await settle(pilot)
        await pilot.press("o", "j", "space", "x")
        assert "--format" in (await acted(pilot, app)) and "zip" in (await acted(pilot, app))
        page = " ".join(text_of(app).split())
        assert "export failed" in page and STARTER in page


async def test_import(app: RvcApp, tmp_path: Path) -> None:
    client_of(app).answers["voice import"] = Answer([str(tmp_path / "weights/new.pth")])
    async with app.run_test(size=SIZES[0]) as pilot:
        await settle(pilot)
        await pilot.press("i", "x")
        await pilot.pause()
        assert isinstance(app.screen, AskScreen) and "which one" in text_of(app)
        await fill_in(pilot, 0, "'/down loads/new.zip'")
        await pilot.press("x")
        assert (await acted(pilot, app))[2:] == ("import", "/down loads/new.zip", "--json")
        await pilot.press("i", "escape")
        await pilot.pause()
        assert app.screen is app.displayed


async def test_delete_asks_and_moves_to_trash(app: RvcApp, tmp_path: Path) -> None:
    path = tmp_path / "weights" / "alice.pth"
    path.parent.mkdir()
    path.write_bytes(b"voice")
    async with app.run_test(size=SIZES[0]) as pilot:
        await settle(pilot)
        await pilot.press("D")
        await pilot.pause()
        assert isinstance(app.screen, ConfirmScreen) and "weights/alice.pth" in text_of(app)
        await pilot.press("enter")
        await pilot.pause(0.05)
        assert path.exists()
        await pilot.press("D", "y")
        await wait_for(pilot, lambda: "moved to trash/alice-" in text_of(app))
        assert not path.exists() and [p.read_bytes() for p in (tmp_path / "trash").iterdir()] == [b"voice"]
        await pilot.press("D", "y")  # it is gone already
        await wait_for(pilot, lambda: "delete failed" in text_of(app))


async def test_none_yet_and_small_terminals(app: RvcApp) -> None:
    client_of(app).answers["voice list"] = Answer([])
    async with app.run_test(size=(60, 20)) as pilot:
        await settle(pilot)
        assert "no voices yet" in text_of(app) and "import" in footer(app) and "facts" not in footer(app)
        client_of(app).answers["voice list"] = Answer(problem="weights cannot be read")
        await pilot.press("i", "escape")
        await settle(pilot)
        assert "weights cannot be read" in text_of(app)


def test_forms_come_to_the_exact_command(tmp_path: Path) -> None:
    assert Extract(source="~/G_5.pth", name="v", replace=True).words(tmp_path)[2:] == [
        str(Path.home() / "G_5.pth"),
        "--name",
        "v",
        "--replace",
    ]
    export = Export(voice=str(tmp_path / "v.pth"), format="rvc", licence="not in a folder", index="none")
    assert export.words(tmp_path)[3:] == ["--output", f"{tmp_path}/exports/v", "--format", "rvc", "--index", "none"]
    assert Import(file="/a.pth", index="/a.index", name="a").words(tmp_path)[2:] == [
        "/a.pth",
        "--name",
        "a",
        "--index",
        "/a.index",
    ]
