"""A conversion that is cancelled, or left, in its first instant: before its process is there, and while that starts."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pretended import PretendedClient
from pretended_voices import voices_in, wait_for
from snapshot_app import settle

from rvc_engine.client.engine_client import Ended, EngineClient
from rvc_engine.events import Event, StageStopped
from rvc_tui.app import RvcApp
from rvc_tui.conversion import Request
from rvc_tui.screens.convert import ConvertScreen


class LateClient(PretendedClient):
    """Its engine is there only after a while."""

    stopped: threading.Event

    def convert(self, words: list[str]) -> tuple[str, str]:
        time.sleep(0.5)
        return "conversions/1", ""

    def follow(self, name: str) -> Iterator[list[Event]]:
        self.stopped.wait(10)
        yield [StageStopped(stage="convert", saved=True)]

    def stop_conversion(self, name: str) -> str:
        self.calls.append(("stop_conversion", name))
        self.stopped.set()
        return ""


async def test_cancelled_before_its_process_is_there(tmp_path: Path) -> None:
    client = LateClient(home=tmp_path, answers={"voice list": voices_in(tmp_path)})
    client.stopped = threading.Event()
    app = RvcApp(client, first="convert")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        screen = app.displayed
        assert isinstance(screen, ConvertScreen)
        screen.request = Request(tmp_path, "alice", inputs=["/rec/a.wav"])
        await pilot.press("x", "c", "y")
        await wait_for(pilot, lambda: screen.conversion.state == "stopped")
        assert client.calls.count(("stop_conversion", "conversions/1")) == 1 and not app.session.conversion


@pytest.mark.parametrize("after_s", [0.0, 0.01, 0.2])
def test_a_process_that_has_only_begun_is_stopped(tmp_path: Path, after_s: float) -> None:
    client = EngineClient(tmp_path, "")
    speech = str(Path(__file__).parent.parent.parent / "samples" / "sources")
    ends: list[int] = []

    def read() -> None:
        lines = client.stream(["dataset", speech, "--json"])
        ends.extend(line.exit_code for line in lines if isinstance(line, Ended))

    thread = threading.Thread(target=read)
    thread.start()
    time.sleep(after_s)
    while thread.is_alive() and not client.interrupt("dataset"):
        time.sleep(0.005)
    thread.join(timeout=20)
    assert ends and ends[0] in (1, 130, -2)


def test_leaving_stops_what_is_about_to_start(tmp_path: Path) -> None:
    client = EngineClient(tmp_path, "")
    assert client.interrupt() is False
    started = time.monotonic()
    last = list(client.switch("other").stream(["doctor", "--json"]))[-1]
    assert isinstance(last, Ended) and last.exit_code != 0 and time.monotonic() - started < 5
