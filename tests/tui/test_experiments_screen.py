"""The run screen against a pretended engine: what the keys do, and what is displayed at which size."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pretended
import pytest
from snapshot_app import app_of, client_of, settle, text_of
from textual.widgets import Footer, Input
from textual.widgets._footer import FooterKey

from rvc_engine import events as ev
from rvc_engine.client.engine_client import Answer
from rvc_engine.client.state import Outlook
from rvc_tui.app import RvcApp
from rvc_tui.screens import SCREENS
from rvc_tui.screens.choose import ChooseScreen
from rvc_tui.screens.confirm import ConfirmScreen
from rvc_tui.screens.help import HelpScreen
from rvc_tui.screens.plan import PlanScreen
from rvc_tui.screens.voices import VoicesScreen
from rvc_tui.widgets.panel import Panel
from rvc_tui.widgets.rows import RowsPanel

SIZE = (80, 24)


def footer(app: RvcApp) -> set[str]:
    return {key.description for key in app.screen.query_one(Footer).query(FooterKey)}


async def test_replay_shows_the_run_whole() -> None:
    app = app_of("training")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        page = text_of(app)
        for words in (
            "100/400 steps",
            "1 left out",
            "up to date",
            "process 4242",
            "Few recordings",
            "4 recommended",
        ):
            assert words in page, words
        assert app.focused is None


async def test_footer_shows_only_what_works() -> None:
    wanted = {
        "idle": ({"run all"}, {"stop", "copy"}),
        "training": ({"stop"}, {"run all", "copy"}),
        "finished": ({"run all", "copy"}, {"stop"}),
        "failed": ({"run all"}, {"stop", "copy"}),
    }
    for scenario, (there, absent) in wanted.items():
        app = app_of(scenario)
        async with app.run_test(size=SIZE) as pilot:
            await settle(pilot)
            labels = footer(app)
            assert labels >= there | {"new", "open", "help", "quit"}, scenario
            assert not labels & absent, scenario


async def test_a_restart_is_displayed_before_it_is_agreed_to(monkeypatch: pytest.MonkeyPatch) -> None:
    doubt = "This would restart the training of alice from step 0: changed: speaker 0 -> 1"
    monkeypatch.setattr(
        pretended.PretendedClient, "outlook", lambda client: Outlook("/recordings", "starter", doubt=doubt)
    )
    app = app_of("idle")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("r")
        await pilot.pause()
        assert isinstance(app.screen, PlanScreen)
        for part in ("restart the training of alice", "its voice stays"):
            assert part in " ".join(text_of(app).split())
        await pilot.press("enter")
        await pilot.pause(0.1)
        assert client_of(app).calls == [("start", "run", "alice", "--yes")]
        app.session.state.starting = False
        app.run_words(["train", "alice"])
        await pilot.pause()
        assert isinstance(app.screen, ConfirmScreen)
        await pilot.press("n")
        await pilot.pause()
        assert len(client_of(app).calls) == 1


async def test_r_runs_the_whole_pipeline() -> None:
    app = app_of("idle")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("r")
        await pilot.pause()
        assert isinstance(app.screen, PlanScreen) and "not done yet" in text_of(app)
        for key in ("escape", "q", "n"):
            await pilot.press(key, "r")
            await pilot.pause()
        assert client_of(app).calls == []
        await pilot.press("enter")
        await pilot.pause(0.1)
        assert client_of(app).calls == [("start", "run", "alice")]
        assert "starting" in text_of(app)
        client_of(app).alive = True
        client_of(app).waiting = pretended.prepared()
        await settle(pilot)
        assert "running for" in text_of(app) and not app.session.state.starting
        await pilot.press("r")  # one run at a time
        await pilot.pause(0.1)
        assert len(client_of(app).calls) == 1


async def test_refused_start_is_a_panel() -> None:
    app = app_of("idle")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        client_of(app).answer = "Another run holds alice: process 7 on gpu1"
        await pilot.press("r", "enter")
        await settle(pilot)
        page = text_of(app)
        assert "What went wrong" in page and "Another run holds alice" in page
        client_of(app).answer = ""
        client_of(app).alive = True
        client_of(app).waiting = pretended.prepared()
        await settle(pilot)
        assert "What went wrong" not in text_of(app)


@pytest.mark.soak
async def test_stop_asks_and_its_default_is_no() -> None:
    app = app_of("training")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for key in ("enter", "n", "escape", "q"):
            await pilot.press("s")
            await pilot.pause()
            assert isinstance(app.screen, ConfirmScreen)
            await pilot.press(key)
            await pilot.pause(0.05)
            assert app.screen is app.displayed and client_of(app).calls == []
        await pilot.press("s", "y")
        await pilot.pause(0.1)
        assert client_of(app).calls == [("stop",)]
        client_of(app).alive = False
        client_of(app).waiting = [ev.StageStopped(at=pretended.T0 + 99, stage="train")]
        await settle(pilot)
        assert "stopped after" in text_of(app)


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_leaving_stops_nothing_and_says_so(key: str) -> None:
    app = app_of("training")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press(key)
        await pilot.pause()
    assert client_of(app).calls == []
    assert app.parting_words() == [
        "alice continues as process 4242: rvc-tui alice shows it again, rvc stop alice stops it"
    ]


async def test_results_are_copied_and_printed_on_leaving() -> None:
    app = app_of("finished")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("y")
        await pilot.pause()
        assert app.clipboard.splitlines()[0] == "/home/me/work/weights/alice.pth"
    assert app.parting_words()[0] == "artefact: /home/me/work/weights/alice.pth"
    assert len(app.parting_words()) == 2


async def test_failure_has_cause_and_fix() -> None:
    app = app_of("failed")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        page = text_of(app)
        for words in ("Out of memory", "cause    tried to allocate", "fix      lower --batch-size"):
            assert words in page


async def test_engine_that_vanished_is_said() -> None:
    app = app_of("training")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        client_of(app).alive = False
        await settle(pilot)
        assert "The engine ended unexpectedly" in text_of(app)


async def test_silence_of_the_engine_is_said() -> None:
    app = app_of("training")
    async with app.run_test(size=(100, 24)) as pilot:
        client_of(app).clock = pretended.T0 + 200
        await settle(pilot)
        assert "no progress for" in text_of(app)


async def test_help_and_back() -> None:
    app = app_of("idle")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for key in ("escape", "q", "question_mark"):
            await pilot.press("question_mark")
            await pilot.pause()
            assert isinstance(app.screen, HelpScreen) and "Leaving never stops a run" in text_of(app)
            await pilot.press(key)
            await pilot.pause()
            assert app.screen is app.displayed


async def test_journal_scrolls_by_letters_and_arrows() -> None:
    app = app_of("training")
    client_of(app).waiting += [ev.Warned(at=pretended.T0 + 90, title=f"warning {i}") for i in range(60)]
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "warning 59" in text_of(app)
        await pilot.press("g")
        await pilot.pause(0.05)
        assert "run 1 of alice" in text_of(app)
        client_of(app).waiting = [ev.Warned(at=pretended.T0 + 91, title="the newest")]
        await settle(pilot)
        assert "the newest" not in text_of(app)  # scrolled up: it does not jump
        await pilot.press("j", "down", "k", "up", "G")
        await pilot.pause(0.05)
        assert "the newest" in text_of(app)


async def test_form_makes_a_new_experiment_and_runs_it(tmp_path: Path) -> None:
    recordings = tmp_path / "声 it's"
    recordings.mkdir()
    app = app_of("idle")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("n")
        await pilot.pause()
        assert isinstance(app.screen, ChooseScreen) and app.focused is None
        app.screen.query_one("#name", Input).value = ""
        await pilot.press("n", *"carol", "enter")  # letters are text in a field
        app.screen.query_one("#dataset", Input).value = f'\u202a"{recordings}"'
        app.screen.query_one("#preset", Input).value = ""
        await pilot.press("enter", "enter")
        await pilot.pause()
        assert app.focused is None
        await pilot.press("r")
        await pilot.pause(0.2)
        assert app.screen is app.displayed
        assert client_of(app).calls == [
            ("create", "carol", str(recordings), ""),
            ("switch", "carol"),
            ("start", "run", "carol", "--dataset", str(recordings)),
        ]


async def test_form_has_the_name_that_the_app_was_started_with(monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_of("idle")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for exists, offered in ((True, ""), (False, client_of(app).name)):
            monkeypatch.setattr(client_of(app), "names", lambda exists=exists: [client_of(app).name] if exists else [])
            await pilot.press("n")
            await pilot.pause()
            assert app.screen.query_one("#name", Input).value == offered
            await pilot.press("escape")


async def test_form_says_what_is_wrong_and_changes_nothing() -> None:
    app = app_of("idle")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("n")
        await pilot.pause()
        app.screen.query_one("#name", Input).value = "dora"
        app.screen.query_one("#preset", Input).value = "v9"
        await pilot.press("enter")
        await pilot.pause()
        assert "There is no preset 'v9'." in text_of(app)
        app.screen.query_one("#preset", Input).value = ""
        app.screen.query_one("#dataset", Input).value = "/nowhere at all"
        await pilot.press("r")
        await pilot.pause()
        assert "There is no folder /nowhere at all" in text_of(app)
        await pilot.press("d", "escape")
        assert isinstance(app.screen, ChooseScreen)  # first out of the field, then out of the form
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen is app.displayed and client_of(app).calls == []


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)])
@pytest.mark.parametrize("scenario", ["training", "failed"])
async def test_everything_that_matters_fits(size: tuple[int, int], scenario: str) -> None:
    app = app_of(scenario)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        page = text_of(app)
        crowded = scenario == "failed" and size[1] < 24
        for words in ("preprocess", "index", "Journal", "quit", *([] if crowded else ["recommended"])):
            assert words in page, words
        assert ("fix      " in page) == (scenario == "failed")


async def test_ascii_mode_has_no_other_character() -> None:
    for scenario, key in (("training", "s"), ("failed", "question_mark"), ("finished", "n")):
        app = app_of(scenario, ascii=True)
        async with app.run_test(size=SIZE) as pilot:
            await settle(pilot)
            assert text_of(app).isascii(), scenario
            await pilot.press(key)
            await pilot.pause()
            assert text_of(app).isascii(), key


async def test_run_all_before_the_first_look_has_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_of("idle")
    monkeypatch.setattr(pretended.PretendedClient, "outlook", lambda client: Outlook())
    client_of(app).kept.dataset = "/recordings"
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("r")
        await pilot.pause()
        assert isinstance(app.screen, PlanScreen)


async def test_what_a_worker_found_may_arrive_while_the_app_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Textual closes a screen that is not displayed in any order: its panels may go before it."""
    app = app_of("idle")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        app.action_go("voices")
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, VoicesScreen)
        await screen.query_one(RowsPanel).remove()
        app.action_go("queue")
        await settle(pilot)
        answer = VoicesScreen.VoicesRead(Answer([]))
        monkeypatch.setattr(Panel, "on_unmount", lambda _: screen.post_message(answer), raising=False)


@pytest.mark.parametrize("place", list(SCREENS))
async def test_a_key_asked_about_while_panels_come_or_go_does_nothing(place: str) -> None:
    """Textual asks which keys work at any time: also of a screen whose panels are not there yet, or no longer."""
    app = app_of("idle")
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        app.action_go(place)
        await settle(pilot)
        await app.screen.query("*").remove()
        for binding in type(app.screen).BINDINGS + type(app).BINDINGS:
            app.check_action(binding.action.partition("(")[0], ())
            app.screen.check_action(binding.action.partition("(")[0], ())
        app.draw()
        await asyncio.sleep(0.5)  # timers of the screen
