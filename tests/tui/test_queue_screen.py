"""The queue's screen against a pretended engine: every key, what is asked, and when it looks again."""

from __future__ import annotations

from pathlib import Path

import pretended
import pytest
from pretended_queue import ENTRIES, conversion, queue_app
from pretended_voices import converted, wait_for
from snapshot_app import client_of, settle, text_of
from textual.widgets import Input

from rvc_engine.client.engine_client import Answer
from rvc_tui.app import RvcApp
from rvc_tui.screens.confirm import ConfirmScreen
from rvc_tui.screens.name import NameScreen

T0 = pretended.T0


def asked(app: RvcApp) -> list[tuple[str, ...]]:
    """What was changed: not the listing."""
    return [call[2:] for call in client_of(app).calls if call[:2] == ("ask", "queue") and call[2] != "list"]


def notified(app: RvcApp) -> str:
    """What was said in passing."""
    return "\n".join(f"{note.title}: {note.message}" for note in app._notifications)


async def test_entries_are_listed() -> None:
    app = queue_app(pid=77)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        page = text_of(app)
        for words in (
            "Queue: runs, process 77",
            "done     alice",
            "a.flac [/b] is not audio",
            "running  carol",
            "waiting  声の人",
            "took 1 h 50",
        ):
            assert words in page, words
        await pilot.press("G")
        assert "when its turn comes" in text_of(app)


async def test_empty_and_unreadable_queue_say_what_to_do() -> None:
    app = queue_app([])
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "Queue is empty: n adds" in text_of(app)
        client_of(app).answers["queue list"] = Answer(problem="queue.json cannot be read: correct it")
        await pilot.press("1", "0")
        await settle(pilot)
        assert "queue.json cannot be read" in text_of(app)


async def test_add_takes_the_watched_experiment_with_what_is_chosen() -> None:
    app = queue_app([])
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.session.dataset = "/home/me/a b"
        await pilot.press("n")
        await settle(pilot)
        assert asked(app) == [("add", "alice", "--dataset", "/home/me/a b", "--json")]
        assert "alice is in the queue" in notified(app)
        client_of(app).answers["queue add"] = Answer(problem="There is no folder /nowhere [x]")
        await pilot.press("n")
        await settle(pilot)
        assert "Not added: There is no folder /nowhere [x]" in notified(app)


async def test_order_is_changed_and_the_cursor_goes_with_the_entry() -> None:
    app = queue_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("K")  # the first has nowhere to go
        await pilot.press("j", "down", "j")
        client_of(app).answers["queue list"] = Answer([*ENTRIES[:2], ENTRIES[3], ENTRIES[2], ENTRIES[4]])
        await pilot.press("K")
        await settle(pilot)
        assert asked(app) == [("move", "4", "3", "--json")]
        assert "> " in next(line for line in text_of(app).splitlines() if "dora" in line)
        await pilot.press("J")
        await settle(pilot)
        assert asked(app)[1:] == [("move", "4", "4", "--json")]


async def test_remove_asks_and_its_default_is_no() -> None:
    app = queue_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("D", "enter")
        await pilot.pause()
        assert asked(app) == []
        await pilot.press("D")
        await pilot.pause()
        assert isinstance(app.screen, ConfirmScreen) and "Take 1, alice, out of the queue" in text_of(app)
        await pilot.press("y")
        await settle(pilot)
        assert asked(app) == [("remove", "1", "--json")]


async def test_running_entry_is_not_removed() -> None:
    app = queue_app(pid=77)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("j", "j", "D")
        await pilot.pause()
        assert app.screen is app.displayed and "carol runs" in notified(app)


async def test_run_asks_for_an_end_and_a_limit() -> None:
    app = queue_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("x")
        await pilot.pause()
        assert isinstance(app.screen, NameScreen) and isinstance(app.focused, Input)
        await pilot.press(*"bell q")  # letters are text
        await pilot.press("enter")
        await pilot.pause()
        await pilot.press(*"8h", "enter")
        await settle(pilot)
        assert asked(app) == [("run", "--detach", "--then", "bell q", "--time-limit", "8h", "--json")]
        await pilot.press("x", "enter", "enter")
        await settle(pilot)
        assert asked(app)[1:] == [("run", "--detach", "--json")]


@pytest.mark.parametrize("keys", [("x", "escape"), ("x", "enter", "escape"), ("x", "enter", *"soon", "enter")])
async def test_run_can_be_left_at_every_question(keys: tuple[str, ...]) -> None:
    app = queue_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
        assert asked(app) == [] and app.screen is app.displayed
        assert ("is not a time limit" in notified(app)) == (len(keys) > 3)


async def test_second_run_is_warned_of_and_the_first_can_be_stopped() -> None:
    app = queue_app(pid=77)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("x")
        await pilot.pause()
        assert "The queue runs already" in notified(app) and app.screen is app.displayed
        await pilot.press("X", "n")
        assert asked(app) == []
        await pilot.press("X", "y")
        await settle(pilot)
        assert asked(app) == [("stop", "--json")]


async def test_open_watches_the_experiment_of_the_entry() -> None:
    app = queue_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("j", "enter")
        await pilot.pause(0.1)
        assert app.session.client.name == "bob" and app.displayed is not None and app.displayed.place == "experiments"


async def test_a_conversion_is_listed_opened_and_removed() -> None:
    out = Path("/home/me/out")
    begun = conversion(2, "alice", "running", started_at=T0 - 60, conversion="conversions/7")
    app = queue_app([ENTRIES[0], begun, conversion(3, "/home/me/声.rvcvoice")], pid=77)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        client_of(app).answers["convert"] = converted(out)
        page = text_of(app)
        assert "running  convert alice" in page and "waiting  convert 声.rvcvoice" in page
        await pilot.press("G")
        await pilot.pause()
        page = " ".join(text_of(app).replace("│", "").split())
        assert "rvc convert /home/me/声.rvcvoice /home/me/takes/a b.wav --output=/home/me/out --transpose=-3" in page
        assert "the voice that is there when its turn comes" in page
        assert "o open" not in text_of(app), "it has not begun"
        await pilot.press("D")
        await pilot.pause()
        assert "convert 声.rvcvoice, out of the queue?" in text_of(app) and "what is converted stay" in text_of(app)
        await pilot.press("y")
        await settle(pilot)
        assert asked(app) == [("remove", "3", "--json")]
        await pilot.press("k", "o")
        await settle(pilot)
        assert app.displayed is not None and app.displayed.place == "convert"
        assert ("follow", "conversions/7") in client_of(app).calls
        await wait_for(pilot, lambda: "2 converted, 1 failed" in text_of(app))
        assert "conversions/7: finished after" in text_of(app)
        assert app.session.results == [] and not app._notifications, "the queue has made them, not the app"


async def test_it_looks_again_only_when_the_file_has_changed(tmp_path: Path) -> None:
    (tmp_path / "queue.json").write_text("{}")
    app = queue_app(home=tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        screen = app.displayed
        assert screen is not None and screen.place == "queue"

        async def listings() -> int:
            screen.refresh_entries()  # type: ignore[attr-defined]
            await settle(pilot)
            return client_of(app).calls.count(("ask", "queue", "list", "--json"))

        before = await listings()
        assert await listings() == before
        (tmp_path / "queue.json").write_text("{ }")
        assert await listings() == before + 1


async def test_command_copy_and_footer() -> None:
    app = queue_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert app.displayed is not None and app.displayed.command() == ["queue", "run", "--detach"]
        await pilot.press("y")
        assert app.clipboard.splitlines()[1] == "2 failed bob a.flac [/b] is not audio"
        last = text_of(app).splitlines()[-1]
        assert "x start" in last and "X stop" not in last and "quit" in last


@pytest.mark.parametrize("size", [(60, 20), (200, 60)])
async def test_sizes_and_ascii(size: tuple[int, int]) -> None:
    app = queue_app(ENTRIES[:4], ascii=True, pid=77)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        assert text_of(app).isascii()
        assert "dora" in text_of(app) and "quit" in text_of(app).splitlines()[-1]
