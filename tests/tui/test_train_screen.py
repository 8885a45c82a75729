"""The train screen against a pretended engine: each key, the panels at each size, and how it looks."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pretended
import pytest
from pretended_training import ADVICE, training
from snapshot_app import app_of, client_of, settle, text_of
from textual.pilot import Pilot
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from rvc_engine.client.engine_client import Ended, EngineClient
from rvc_engine.client.state import Line, Outlook, ScreenState
from rvc_engine.common.lines import Answered
from rvc_engine.run.journal import Journal
from rvc_engine.workspace import Workspace
from rvc_tui.app import RvcApp
from rvc_tui.screens.curves import CurvesScreen
from rvc_tui.screens.help import HelpScreen
from rvc_tui.screens.name import NameScreen
from rvc_tui.screens.train import TrainScreen
from rvc_tui.widgets.filter import FilterLine
from rvc_tui.widgets.journal import JournalPanel


@pytest.fixture(autouse=True)
def _no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("RVC_TUI_GRAPH", raising=False)


def screen_of(app: RvcApp) -> TrainScreen:
    screen = app.displayed
    assert isinstance(screen, TrainScreen)
    return screen


def said(app: RvcApp) -> list[tuple[str, str]]:
    return [(note.title, note.message) for note in app._notifications]


async def page_after(pilot: Pilot[None], *keys: str) -> str:
    await pilot.press(*keys)
    await pilot.pause(0.1)
    assert isinstance(pilot.app, RvcApp)
    return text_of(pilot.app)


async def test_everything_that_matters_fits() -> None:
    app = training(gpu=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        page = text_of(app)
        for words in (
            "epoch 9/30  step 900/3000",
            "steps/s",
            "min (",
            "left",
            "rate 0.0001  gradients G",
            "bottleneck  ! another user holds 4.5 GiB",
            "45.0/80.0 GiB (run 40.5, others 4.5)  97 %  61 C  310/700 W",
            "t total",
            "m mel",
            "1000 steps",
            "epoch 9/30",
        ):
            assert words in page, words
        assert app.focused is None


@pytest.mark.parametrize("scenario", ["idle", "training", "finished", "failed"])
async def test_footer_fits(scenario: str) -> None:
    app = app_of(scenario, first="train")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for _ in range(2):
            footer = app.screen.query_one(Footer)
            for _ in range(100):  # it is made anew whenever the keys change
                if len(footer.query(FooterKey)) > 1:
                    break
                await pilot.pause(0.02)
            assert footer.virtual_size.width <= 80 and {"help", "quit"} <= {
                key.description for key in footer.query(FooterKey)
            }
            assert sum(key.region.width for key in footer.query(FooterKey)) <= 80
            await pilot.press("t")
            await pilot.pause(0.1)


async def test_keys_of_the_chart() -> None:
    app = training()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "smoothing 0.987, by step" in await page_after(pilot, "o")
        assert "raw, by step" in await page_after(pilot, "o")
        assert "raw, log, by step" in await page_after(pilot, "L")
        assert "10 epochs" in await page_after(pilot, "X")
        assert "100 s" in await page_after(pilot, "X") and "raw, log, by time" in text_of(app)
        assert "zoom 4x" in await page_after(pilot, "plus", "equals_sign")
        before = text_of(app)
        assert await page_after(pilot, "less_than_sign") != before
        assert await page_after(pilot, "full_stop") == before
        assert "zoom 2x" in await page_after(pilot, "minus")
        assert "zoom" not in await page_after(pilot, "z")
        assert "t total" in await page_after(pilot, "c") and "m mel" not in text_of(app)
        assert "m mel" in await page_after(pilot, "c") and "t total" in await page_after(pilot, "C")
        assert "r learning rate" in await page_after(pilot, "C")


async def test_following_the_newest_or_staying() -> None:
    app = training()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        chart = screen_of(app).chart
        await pilot.press("plus", "plus", "plus")
        assert chart.look.right is None
        await pilot.press("comma", "comma")
        stayed = chart.look.right
        assert stayed is not None and stayed < 900
        await pilot.press("greater_than_sign", "greater_than_sign", "greater_than_sign")
        assert chart.look.right is None
        await pilot.press("comma", "z")
        assert (chart.look.zoom, chart.look.right) == (0, None)


@pytest.mark.soak
async def test_curves_are_explained_and_chosen() -> None:
    app = training()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        page = await page_after(pilot, "i")
        assert isinstance(app.screen, CurvesScreen) and "> * t total" in page and "learns by" in page
        assert "far what the text and pitch predict" in await page_after(pilot, "j", "down")
        assert "* k kl" in await page_after(pilot, "space")
        page = await page_after(pilot, "k", "x", "escape")
        assert "t total" in page and "k kl" in page and "m mel" not in page
        await pilot.press("i", "space", "j", "j", "space", "q")  # none left
        await pilot.pause(0.1)
        assert screen_of(app).chart.look.drawn == ["total"]


async def test_v_gives_the_room_to_another_panel() -> None:
    app = training(gpu=True)
    client_of(app).outlook = lambda: Outlook("/d", "starter", advice=ADVICE)  # type: ignore[method-assign]
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "GPU 0 NVIDIA H100 80GB HBM3" in await page_after(pilot, "v") and "1000 steps" not in text_of(app)
        page = await page_after(pilot, "v")
        assert "8 recommended, 40 the largest that fits; set: auto" in page and "clips/s" in page and "8*" in page
        assert "train: started" in await page_after(pilot, "v")
        assert "1000 steps" in await page_after(pilot, "v")


async def test_settings_are_one_key_away() -> None:
    app = training()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "batch_size" in await page_after(pilot, "t")
        assert "batch_size" in await page_after(pilot, "c")  # keys of the chart do nothing here
        assert "batch_size" not in await page_after(pilot, "t")


async def test_one_key_uses_the_advice() -> None:
    app = training()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await page_after(pilot, "u")
        assert said(app) == [("Saved for the next run", "train.batch_size is 4")]
        assert ("change", "train.batch_size", "4") in client_of(app).calls
        client_of(app).answer = "experiment.toml: read-only"
        await page_after(pilot, "u")
        assert ("Not changed", "experiment.toml: read-only") in said(app)


async def test_measuring_reports_what_it_found() -> None:
    app = app_of("finished", first="train")
    client = client_of(app)
    client.answers["advise alice"] = [Answered(dict(ADVICE)), Ended()]
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        page = await page_after(pilot, "m")
        assert ("stream", "advise", "alice", "--precision", "auto", "--measure", "--json") in client.calls
        assert "8 recommended" in page and "measured now" in page and not app.session.unfinished
        client.answers["advise alice"] = [Ended(1, "no such preset")]
        assert "not measured: no such preset" in await page_after(pilot, "m")


async def test_measuring_can_be_stopped_and_waits_for_a_run() -> None:
    app = app_of("finished", first="train")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        screen = screen_of(app)
        screen.advisor.measuring, screen.view = True, "advice"
        screen.turned()
        assert "measuring real steps" in await page_after(pilot, "m")
        assert client_of(app).calls == [("interrupt", "advise")]
    app = training()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("m")
        assert client_of(app).calls == []


@pytest.mark.soak
async def test_price_is_asked_for_and_kept() -> None:
    app = training()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "cost" not in text_of(app)
        await pilot.press("p")
        await pilot.pause()
        assert isinstance(app.screen, NameScreen)
        page = await page_after(pilot, *"$36", "enter")
        assert "cost $1.10 of about $" in page
        await pilot.press("p", "x", "enter")
        await pilot.pause(0.1)
        assert "is no price" in said(app)[-1][1] and screen_of(app).price is not None
    again = training()
    async with again.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "cost $1.10" in text_of(again)
        await pilot.press("p")
        await pilot.pause()
        assert "cost" not in await page_after(pilot, "home", "ctrl+k", "0", "enter")


@pytest.mark.soak
async def test_journal_can_be_filtered_on_every_screen() -> None:
    for first in ("train", "preprocess"):
        app = app_of("failed" if first == "preprocess" else "training", first=first)
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot)
            word = "left" if first == "preprocess" else "few"
            there, gone = ("left out", "done in 2.4") if first == "preprocess" else ("Few recordings", "train: started")
            assert gone in text_of(app), first
            page = await page_after(pilot, "slash", *word, "[", "backspace")
            assert there in page and gone not in page and isinstance(app.focused, FilterLine), first
            page = await page_after(pilot, "enter")
            assert f"lines with {word}" in page and gone not in page and app.focused is None
            assert gone in await page_after(pilot, "escape")
            assert app.displayed is not None and app.displayed.place == first
            assert gone in await page_after(pilot, "slash", *"zzz", "escape") and not app.screen.query(FilterLine)
            app.session.state.add(replace(app.session.state.lines[-1], text="a line that is new"))


async def test_the_journal_follows_its_end_in_any_room() -> None:
    app = app_of("training", first="train")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        journal = app.screen.query_one(JournalPanel)
        for number in range(200):
            app.session.state.add(Line(float(number), "note", f"line {number}", "train"))
        app.draw()
        await settle(pilot)
        for keys in ("v", "v", "v", "v", "v"):  # each gives it another height
            await pilot.press(keys)
            await settle(pilot)
            assert journal.is_vertical_scroll_end, keys
        await pilot.press("k", "k", "k")
        await settle(pilot)
        place = journal.scroll_y
        app.session.state.add(Line(300.0, "note", "one more", "train"))
        app.draw()
        await settle(pilot)
        assert journal.scroll_y == place < journal.max_scroll_y


async def test_help_lists_the_keys() -> None:
    app = training()
    async with app.run_test(size=(80, 60)) as pilot:
        await settle(pilot)
        page = await page_after(pilot, "question_mark")
        assert isinstance(app.screen, HelpScreen)
        for words in (
            "smoothing: 0, 0.6",
            "logarithmic",
            "by step, epoch or time",
            "+ -",
            "< >",
            "/ ",
            "price",
            "recommended",
            "means",
        ):
            assert words in page, words


async def test_charts_are_redrawn_at_most_twice_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=time.monotonic())
    monkeypatch.setattr("rvc_tui.widgets.chart.time", SimpleNamespace(monotonic=lambda: clock.now))
    app = training()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        chart, drawn = screen_of(app).chart, []
        draw = chart.draw
        chart.draw = lambda *given: drawn.append(1) or draw(*given)  # type: ignore[method-assign, func-returns-value]
        app.draw()
        drawn.clear()
        for _ in range(50):  # 2 s
            clock.now += 0.04
            app.draw()
        assert 3 <= len(drawn) <= 4


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40), (200, 60), (50, 14)])
async def test_every_size_shows_the_pace_and_the_journal(size: tuple[int, int]) -> None:
    app = training(ascii=True, gpu=True)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        for key in ("", "v", "v", "v"):
            page = await page_after(pilot, *([key] if key else []))
            assert "epoch 9/30" in page and page.isascii() and "Journal" in page, (size, key)
        if size[1] >= 40:
            assert "Batch size" in page and "Gradients" in page


def test_curves_of_earlier_runs_come_first(tmp_path: Path) -> None:
    experiment = Workspace(tmp_path).experiment("alice")
    for events in (pretended.failed(), pretended.training()[:-60], pretended.started()):
        with Journal.next_in(experiment.runs)[1] as journal:
            for event in events:
                journal.append(event)
    client, state, more = EngineClient(tmp_path, "alice"), ScreenState(), True
    while more:
        update = client.poll()
        state.fold(update.events)
        more = update.more
    assert [point.step for point in state.view.curves.points("total")] == list(range(1, 71))
    assert [line.text for line in state.lines] == [
        "run 1 of alice (starter): preprocess, pitch, features, train, index"
    ]
    assert state.view.losses == {} and state.begun == 1
