"""The screen of the published weights against a pretended engine: what is missing, fetching, stopping, checking, and
the doctor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pretended_assets import FINDINGS, HUB, ROWS, Slow, assets_app, choose
from snapshot_app import client_of, settle, text_of

from rvc_engine.client.engine_client import Answer, Ended, EngineClient
from rvc_engine.client.replies import FileTransfer
from rvc_engine.common.lines import Answered
from rvc_tui.app import RvcApp
from rvc_tui.published import need_of, progress_of, total_of
from rvc_tui.screens.assets import findings
from rvc_tui.screens.confirm import ConfirmScreen, LeaveScreen
from rvc_tui.screens.page import PageScreen
from rvc_tui.texts import use


def notes(app: RvcApp) -> str:
    return "\n".join(f"{note.title}: {note.message}" for note in app._notifications)


def test_what_a_preset_needs() -> None:
    need = need_of("v2-40k", ROWS)
    # with pitch
    assert [row["name"] for row in need.rows] == [
        "hubert_base.pt",
        "rmvpe.pt",
        "v2/f0G40k.pth",
        "v2/f0D40k.pth",
    ]
    assert need.size == "242.5 MiB and 1 of unknown size"
    assert not need_of("starter", ROWS).lacking and total_of([None]) == "size not stated"


def test_progress_in_words() -> None:
    transfer = FileTransfer("a", "downloading", 50_000_000, 100_000_000, 10_000_000)
    assert progress_of(transfer) == "50.0 of 100.0 MB  10.0 MB/s  5.0 s left"
    assert progress_of(replace(transfer, total=None, bytes_per_s=0, resumed_at=5)) == "50.0 MB  resuming"
    failed = FileTransfer("a", "failed", 1, 2, error={"title": "Refused", "message": "404", "hint": "x"})
    assert progress_of(failed) == "failed Refused 404"


async def test_presets_and_files_are_listed() -> None:
    app = assets_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await choose(pilot)
        page = text_of(app)
        for words in (
            "starter   complete",
            "3 of 4 files missing",
            "v2/f0D40k.pth",
            "size not stated",
            "f0G40k.pth",
            "What v2-40k needs",
        ):
            assert words in page, words
        await pilot.press("g")
        assert "it is part of the program" in text_of(app) and "pull" not in text_of(app).splitlines()[-1]


async def test_pull_asks_with_the_size_then_shows_how_far_it_is() -> None:
    events = Slow(
        [
            FileTransfer("rmvpe.pt", "downloading", 90_000_000, 181184272, 12_000_000),
            FileTransfer("v2/f0G40k.pth", "done", 73106273, 73106273),
        ],
        Ended(),
    )
    app = assets_app(assets_pull=events)
    async with app.run_test(size=(120, 40)) as pilot:
        await choose(pilot)
        await pilot.press("p", "n")
        assert not [call for call in client_of(app).calls if call[0] == "stream"]
        await pilot.press("p")
        await pilot.pause()
        assert isinstance(app.screen, ConfirmScreen) and "242.5 MiB and 1 of unknown size" in text_of(app)
        await pilot.press("y")
        await settle(pilot)
        assert ("stream", "assets", "pull", "v2-40k", "--json") in client_of(app).calls
        page = text_of(app)
        assert "is fetched; X stops it" in page and "90.0 of 181.2 MB  12.0 MB/s  7.6 s left" in page
        await pilot.press("X")
        assert ("interrupt", "assets pull") in client_of(app).calls
        events.go.set()
        await settle(pilot)
        assert "v2-40k has all that it needs" in notes(app) and not app.session.unfinished


@pytest.mark.soak
async def test_stopped_and_failed_downloads_say_what_is_kept() -> None:
    app = assets_app(assets_pull=[Ended(130, "stopped")])
    async with app.run_test(size=(80, 24)) as pilot:
        await choose(pilot)
        await pilot.press("p", "y")
        await settle(pilot)
        assert "what is here is kept" in notes(app)
        offline = [Answered({"event": "by_hand", "files": []}), Ended(1, "huggingface.co cannot be reached")]
        client_of(app).answers["assets pull"] = offline
        await pilot.press("p", "y")
        await settle(pilot)
        assert isinstance(app.screen, PageScreen) and "v2-40k without a download" in text_of(app)
        await pilot.press("y")
        assert "sha256  " + "f" * 64 in app.clipboard and "rvc assets verify v2-40k" in app.clipboard
        await pilot.press("q")
        await settle(pilot)
        assert app.screen is app.displayed and "huggingface.co cannot be reached" in text_of(app)


async def test_leaving_asks_only_while_something_is_fetched() -> None:
    events = Slow([], Ended(130))
    app = assets_app(assets_pull=events)
    async with app.run_test(size=(80, 24)) as pilot:
        await choose(pilot)
        await pilot.press("p", "y")
        await settle(pilot)
        await pilot.press("q")
        await pilot.pause()
        assert isinstance(app.screen, LeaveScreen) and "the download of v2-40k" in text_of(app)
        await pilot.press("enter")
        await pilot.pause()
        assert app.screen is app.displayed
        await pilot.press("ctrl+c", "ctrl+c")  # asked twice
        await pilot.pause()
        assert client_of(app).calls[-1] == ("interrupt",)
        events.go.set()
    assert app.return_code == 0


async def test_verify_names_what_is_not_as_published() -> None:
    bad = [{**ROWS[0], "state": "differs"}, *ROWS[1:]]
    app = assets_app(assets_verify=[Answered(bad), Ended(1, "hubert_base.pt missing or not as published")])
    async with app.run_test(size=(80, 24)) as pilot:
        await choose(pilot)
        await pilot.press("v")
        await settle(pilot)
        assert "Not as published: hubert_base.pt" in notes(app)
        client_of(app).answers["assets verify"] = [Answered(ROWS), Ended()]
        await pilot.press("v")
        await settle(pilot)
        assert "1 files are as published" in notes(app)
        client_of(app).answers["assets verify"] = [Ended(2, "the manifest cannot be used")]
        await pilot.press("v")
        await settle(pilot)
        assert "Not verified: the manifest cannot be used" in notes(app)


def test_findings_of_the_doctor_are_in_the_users_language() -> None:
    use("ja")
    try:
        assert "torch から GPU が見えません" in "\n".join(map(str, findings(FINDINGS)))
    finally:
        use("en")


async def test_doctor_lists_failures_first_also_when_it_fails() -> None:
    app = assets_app()
    client_of(app).answers["doctor --json"] = Answer({"ok": False, "findings": FINDINGS}, "disk must be repaired")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("d")
        await settle(pilot)
        page = text_of(app)
        assert page.index("FAIL") < page.index("3.11.7") and "-> make room" in page and "1.0 GB free [/x]" in page
        await pilot.press("j", "k", "G", "g", "escape")
        await pilot.pause()
        assert app.screen is app.displayed


async def test_list_that_fails_is_said() -> None:
    app = assets_app()
    client_of(app).answers["assets list"] = Answer(problem="pretrained/manifest.toml cannot be used")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "manifest.toml cannot be used" in text_of(app)


async def test_copy_and_command() -> None:
    app = assets_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await choose(pilot)
        await pilot.press("y")
        assert app.clipboard.splitlines()[0] == HUB + "rmvpe.pt"
        assert app.displayed is not None and app.displayed.command() == ["assets", "pull", "v2-40k"]
        await pilot.press("i")
        await pilot.pause()
        await pilot.press("G")
        assert "USER@THIS_MACHINE:" in text_of(app) and "y copy" in text_of(app)


@pytest.mark.parametrize("size", [(60, 20), (200, 60)])
async def test_sizes_and_ascii(size: tuple[int, int]) -> None:
    app = assets_app(ascii=True)
    async with app.run_test(size=size) as pilot:
        await choose(pilot)
        assert text_of(app).isascii() and "rmvpe.pt" in text_of(app) and "quit" in text_of(app).splitlines()[-1]


@pytest.mark.soak
def test_real_commands_have_the_shape_that_the_screen_reads(tmp_path: Path) -> None:
    client = EngineClient(tmp_path, "")
    rows = client.ask(["assets", "list", "--json"]).data
    assert {"hubert_base.pt", "rmvpe.pt"} <= {row["name"] for row in need_of("v2-40k", rows).lacking}
    verified = list(client.stream(["assets", "verify", "--json"]))
    assert isinstance(verified[0], Answered) and isinstance(verified[0].data, list) and verified[-1] == Ended()
    assert client.ask(["queue", "list", "--json"]).data == [] and client.queue_runner() == 0
