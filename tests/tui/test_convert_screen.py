"""The convert screen against a pretended engine: what is chosen and kept, what is started, its results."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pretended import PretendedClient
from pretended_voices import SIZES, converted, footer, voices_in, wait_for
from snapshot_app import app_of, client_of, settle, text_of
from textual.pilot import Pilot
from textual.widgets import Input

from rvc_engine.client.engine_client import Answer
from rvc_engine.events import Event, StageStopped
from rvc_tui.app import RvcApp
from rvc_tui.conversion import Request, load
from rvc_tui.screens.confirm import ConfirmScreen
from rvc_tui.screens.convert import ConvertScreen
from rvc_tui.screens.name import NameScreen
from rvc_tui.screens.pick import PickScreen


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "rec").mkdir()
    for name in ("a.wav", "b b.wav", "c.flac"):
        (tmp_path / "rec" / name).touch()
    return tmp_path


@pytest.fixture
def app(home: Path) -> RvcApp:
    app = app_of("idle", first="convert")
    client_of(app).home = home
    client_of(app).answers = {"voice list": voices_in(home), "convert": converted(home)}
    return app


def screen_of(app: RvcApp) -> ConvertScreen:
    screen = app.displayed
    assert isinstance(screen, ConvertScreen) and screen.request is not None
    return screen


def request_of(app: RvcApp) -> Request:
    request = screen_of(app).request
    assert request is not None
    return request


async def type_in(pilot: Pilot[None], text: str) -> None:
    """Into the field that is asked for, and enter."""
    await pilot.pause()
    pilot.app.screen.query_one("#answer", Input).value = text
    await pilot.press("enter")
    await pilot.pause(0.05)


async def choose(pilot: Pilot[None], app: RvcApp, home: Path) -> None:
    """alice, and the folder of recordings."""
    await settle(pilot)
    await pilot.press("v", "enter")
    await pilot.press("f")
    await type_in(pilot, str(home / "rec"))


async def test_a_choice_is_kept_and_converted(app: RvcApp, home: Path) -> None:
    async with app.run_test(size=SIZES[0]) as pilot:
        await settle(pilot)
        assert "v chooses a voice" in text_of(app) and app.focused is None
        assert {"voice", "files", "output"} <= footer(app) and not {"convert", "cancel"} & footer(app)
        await choose(pilot, app, home)
        assert "v2 40k, epoch 20" in text_of(app) and "x converts" in text_of(app) and "convert" in footer(app)
        await pilot.press("enter", *"7", "enter")  # transpose, the first setting
        await pilot.pause(0.05)
        assert screen_of(app).command() == [
            "convert",
            "alice",
            str(home / "rec"),
            "--output",
            str(home / "converted" / "alice"),
            "--transpose",
            "7.0",
        ]
        assert load(home)[0] == request_of(app)
        await pilot.press("x")
        await wait_for(pilot, lambda: screen_of(app).conversion.state == "finished")
        assert ("convert", *screen_of(app).command()[1:]) in client_of(app).calls
        page = text_of(app)
        assert "2 converted, 1 failed" in page and "it holds no sound" in page and "a.wav" in page
        await pilot.press("y")
        assert app.clipboard.splitlines() == [f"{home}/converted/alice/a.wav", f"{home}/converted/alice/c.wav"]
    assert app.parting_words() == [f"written: {home}/converted/alice/{name}.wav" for name in "ac"]


def said(app: RvcApp) -> str:
    return "\n".join(f"{note.title}: {note.message}" for note in app._notifications)


async def test_a_conversion_is_put_into_the_queue(app: RvcApp, home: Path) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert not screen_of(app).works("enqueue"), "nothing is chosen yet"
        await choose(pilot, app, home)
        client_of(app).answers[f"convert {request_of(app).voice}"] = Answer([])
        await pilot.press("n")
        await wait_for(pilot, lambda: bool(app._notifications))
        call = ("ask", *screen_of(app).command(), "--queue", "--json")
        assert call in client_of(app).calls and "is in the queue" in said(app)
        assert screen_of(app).conversion.state == "idle" and not screen_of(app).shows_results
        (home / "converted" / "alice").mkdir(parents=True)
        (home / "converted" / "alice" / "a.wav").touch()
        await pilot.press("n")
        await pilot.pause()
        assert isinstance(app.screen, ConfirmScreen) and "Write over" in text_of(app)
        await pilot.press("n")
        await pilot.pause()
        assert client_of(app).calls.count(call) == 1
        client_of(app).answers[f"convert {request_of(app).voice}"] = Answer(problem="queue.json cannot be read")
        await pilot.press("n", "y")
        await wait_for(pilot, lambda: len(app._notifications) == 2)
        assert "Not added" in said(app) and "queue.json cannot be read" in said(app)


async def test_a_choice_waits_until_the_voices_are_read(
    app: RvcApp, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, ask = threading.Event(), PretendedClient.ask

    def late(client: PretendedClient, words: list[str]) -> Answer:
        read.wait(10)
        return ask(client, words)

    monkeypatch.setattr(PretendedClient, "ask", late)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("v")
        assert not isinstance(app.screen, PickScreen)
        read.set()
        await wait_for(pilot, lambda: isinstance(app.screen, PickScreen))
        assert "alice" in text_of(app)


@pytest.mark.soak
async def test_an_older_epoch_takes_the_index_of_its_experiment(app: RvcApp, home: Path) -> None:
    async with app.run_test(size=SIZES[0]) as pilot:
        await settle(pilot)
        await pilot.press("v", "j", "enter")
        await pilot.pause(0.05)
        request = request_of(app)
        assert request.voice.endswith("alice_e5_s50.pth") and request.index.endswith("alice_v2.index")
        await pilot.press("i", "g", "j", "enter")
        await pilot.pause(0.05)
        assert request.index == "none" and request.words()[-2:] == ["--index", "none"]
        await pilot.press("i", "G", "enter")
        await type_in(pilot, f"'{home}/my.index'")
        assert request.index == f"{home}/my.index"
        await pilot.press("v", "G", "enter")
        await type_in(pilot, f"{home}/other.pth")
        assert request.voice == f"{home}/other.pth" and request.index == ""


@pytest.mark.soak
async def test_recordings_are_added_and_taken_away(app: RvcApp, home: Path) -> None:
    async with app.run_test(size=SIZES[0]) as pilot:
        await settle(pilot)
        for text in (f'"{home}/rec/b b.wav"', f"{home}/rec/*.flac", f"{home}/rec/*.flac"):
            await pilot.press("f")
            await type_in(pilot, text)
        assert [Path(path).name for path in request_of(app).inputs] == ["b b.wav", "c.flac"]
        await pilot.press("f")
        await type_in(pilot, str(home / "none.wav"))
        assert len(request_of(app).inputs) == 2 and any("none.wav" in note.message for note in app._notifications)
        await pilot.press("F", "enter")
        await pilot.pause(0.05)
        assert [Path(path).name for path in request_of(app).inputs] == ["c.flac"]
        await pilot.press("F", "G", "enter")
        await pilot.pause(0.05)
        assert request_of(app).inputs == []


async def test_typing_a_path_presses_no_key(app: RvcApp) -> None:
    async with app.run_test(size=SIZES[0]) as pilot:
        await settle(pilot)
        await pilot.press("o", *"xcvq")
        await pilot.pause()
        assert isinstance(app.screen, NameScreen) and app.screen.query_one(Input).value == "xcvq"
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen is app.displayed and request_of(app).output == ""
        await pilot.press("o")
        await type_in(pilot, "/tmp/out put")
        assert request_of(app).goal == "/tmp/out put"


async def test_a_transposition_is_suggested_and_applied(app: RvcApp, home: Path) -> None:
    facts = {"pitch": True, "transpose": 12, "pitch_hz": [170.0, 220.0, 300.0], "source_pitch_hz": [90.0, 110.0, 140.0]}
    client_of(app).answers["voice info"] = Answer([facts])
    async with app.run_test(size=SIZES[0]) as pilot:
        await choose(pilot, app, home)
        await pilot.press("p")
        await wait_for(pilot, lambda: request_of(app).settings.transpose == 12.0)
        assert ("ask", "voice", "info", "alice", "--source", f"{home}/rec/a.wav", "--json") in client_of(app).calls
        client_of(app).answers["voice info"] = Answer([{**facts, "transpose": None}])
        await pilot.press("p")
        await wait_for(pilot, lambda: any("how high it is" in note.message for note in app._notifications))
        assert request_of(app).settings.transpose == 12.0


@pytest.mark.soak
async def test_nothing_is_written_over_unasked(app: RvcApp, home: Path) -> None:
    goal = home / "converted" / "alice"
    goal.mkdir(parents=True)
    (goal / "a.wav").touch()
    async with app.run_test(size=SIZES[0]) as pilot:
        await choose(pilot, app, home)
        await pilot.press("x")
        await pilot.pause()
        assert isinstance(app.screen, ConfirmScreen) and "a.wav" in text_of(app)
        await pilot.press("enter")
        await pilot.pause(0.05)
        assert screen_of(app).conversion.state == "idle"
        await pilot.press("x", "y")
        await wait_for(pilot, lambda: screen_of(app).conversion.state == "finished")


class SlowClient(PretendedClient):
    """Converts until it is interrupted."""

    stopped: threading.Event

    def follow(self, name: str) -> Iterator[list[Event]]:
        first, last = converted(self.home)[:5], StageStopped(stage="convert", saved=True)
        yield first
        self.stopped.wait(60)
        yield [last]

    def stop_conversion(self, name: str) -> str:
        self.calls.append(("stop_conversion", name))
        self.stopped.set()
        return ""


@pytest.fixture
def slow(home: Path) -> Iterator[RvcApp]:
    client = SlowClient(home=home, answers={"voice list": voices_in(home)})
    client.stopped = threading.Event()
    yield RvcApp(client, first="convert")
    client.stopped.set()


async def test_cancel_asks_and_its_default_is_no(slow: RvcApp, home: Path) -> None:
    app = slow
    async with app.run_test(size=SIZES[0]) as pilot:
        await choose(pilot, app, home)
        await pilot.press("x")
        await wait_for(pilot, lambda: len(screen_of(app).conversion.view.results) == 1)
        await wait_for(pilot, lambda: "0/3 files  a.wav 2/4 s" in text_of(app))
        assert "cancel" in footer(app) and "convert" not in footer(app)
        await pilot.press("c", "enter")
        await pilot.pause()
        assert screen_of(app).conversion.running
        await pilot.press("1")  # another screen: it continues
        await pilot.pause(0.1)
        screen = app.get_screen("convert", ConvertScreen)
        assert app.displayed is not screen and screen.conversion.running
        await pilot.press("8", "c", "y")
        await wait_for(pilot, lambda: screen.conversion.state == "stopped")
        assert ("stop_conversion", "conversions/1") in client_of(app).calls
        assert "what was converted stays" in text_of(app)
        assert not app.session.conversion


async def test_it_continues_when_the_app_is_left(slow: RvcApp, home: Path) -> None:
    app = slow
    async with app.run_test(size=SIZES[0]) as pilot:
        await choose(pilot, app, home)
        await pilot.press("x")
        await wait_for(pilot, lambda: len(screen_of(app).conversion.view.results) == 1)
        await pilot.press("q")
        await pilot.pause(0.1)
        client, words = client_of(app), app.parting_words()
        assert isinstance(client, SlowClient)
        client.stopped.set()  # its thread would be waited for
    assert not any(call[0] == "stop_conversion" for call in client_of(app).calls)
    assert any("rvc attach conversions/1 follows it" in line for line in words)


async def test_one_that_runs_is_displayed_when_the_app_is_opened(slow: RvcApp, home: Path) -> None:
    app = slow
    client_of(app).answers["conversion"] = "conversions/7"
    async with app.run_test(size=SIZES[0]) as pilot:
        await wait_for(pilot, lambda: "0/3 files  a.wav 2/4 s" in text_of(app))
        assert screen_of(app).conversion.running and "cancel" in footer(app) and "convert" not in footer(app)
        await pilot.press("c", "y")
        await wait_for(pilot, lambda: screen_of(app).conversion.state == "stopped")
    assert ("stop_conversion", "conversions/7") in client_of(app).calls


async def test_a_refusal_is_displayed_whole(app: RvcApp, home: Path) -> None:
    refused = (
        "/x.pth is not a usable voice: it is a training checkpoint (to make a voice from it: rvc voice extract /x.pth)"
    )
    client_of(app).answers["convert"] = refused
    async with app.run_test(size=SIZES[0]) as pilot:
        await choose(pilot, app, home)
        await pilot.press("x")
        await wait_for(pilot, lambda: "did not start" in text_of(app))
        words = " ".join(text_of(app).split())
        assert "did not start" in words and "rvc voice extract /x.pth)" in words


@pytest.mark.soak
async def test_keys_of_the_settings(app: RvcApp, home: Path) -> None:
    async with app.run_test(size=SIZES[0]) as pilot:
        await choose(pilot, app, home)
        await pilot.press("j", "enter", *"5", "enter")  # index_rate: refused, 0..1
        await pilot.pause()
        assert screen_of(app).form.editing and request_of(app).settings.index_rate == 0.75
        await pilot.press("escape")
        assert not screen_of(app).form.editing
        for _ in range(4):
            await pilot.press("j")
        await pilot.press("space")  # format: known before the next key
        await pilot.pause(0.05)
        assert request_of(app).settings.format == "flac"
        await pilot.press("d")
        await pilot.pause(0.05)
        assert request_of(app).settings.format == "wav"
        await pilot.press("t")
        await pilot.pause()
        assert "nothing is converted yet" in text_of(app) and screen_of(app).check_action("change", ()) is False
        await pilot.press("t", "escape")
        await pilot.pause()
        assert app.displayed is not None and app.displayed.place == "experiments"


async def test_a_list_to_choose_from_scrolls_at_any_size(app: RvcApp) -> None:
    rows = [f"voice {number}" for number in range(100)]
    async with app.run_test(size=(60, 20)) as pilot:
        await settle(pilot)
        chosen: list[int | None] = []
        app.push_screen(PickScreen("Which?", rows, ascii=False), chosen.append)
        await pilot.press("G", "k", "k")
        await pilot.pause()
        assert "voice 97" in text_of(app) and "esc  back" in text_of(app)
        await pilot.press("enter")
        await pilot.pause()
        assert chosen == [97]
