"""A conversion that is cancelled, or left, in its first instant: before its process is there, and while that starts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pretended import PretendedClient
from pretended_voices import voices_in, wait_for
from snapshot_app import settle

from rvc_engine.client.engine_client import EngineClient
from rvc_tui.app import RvcApp
from rvc_tui.conversion import Conversion, Request
from rvc_tui.screens.convert import ConvertScreen


class LateClient(PretendedClient):
    """Its process is there only after the third time that it is asked to stop."""

    stopped: threading.Event
    asked = 0

    def stream(self, words: list[str], said: Callable[[str], None] | None = None) -> Iterator[dict[str, Any]]:
        self.stopped.wait(10)
        yield {"exit_code": 1, "problem": "KeyboardInterrupt"}  # as Python ends when it has only begun

    def interrupt(self, command: str = "") -> bool:
        self.asked += 1
        if self.asked > 3:
            self.stopped.set()
        return self.stopped.is_set()


async def test_cancelled_before_its_process_is_there(tmp_path: Path) -> None:
    client = LateClient(home=tmp_path, answers={"voice list": voices_in(tmp_path)})
    client.stopped = threading.Event()
    app = RvcApp(client, first="convert")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        screen = app.shown
        assert isinstance(screen, ConvertScreen)
        screen.request = Request(tmp_path, "alice", inputs=["/rec/a.wav"])
        await pilot.press("x", "c", "y")
        await wait_for(pilot, lambda: screen.conversion.state == "stopped")
        assert client.asked == 4 and not app.session.unfinished


@pytest.mark.parametrize("after_s", [0.0, 0.01, 0.2])
def test_a_process_that_has_only_begun_is_stopped(tmp_path: Path, after_s: float) -> None:
    client, work, speech = (
        EngineClient(tmp_path, ""),
        Conversion(),
        str(Path(__file__).parent.parent.parent / "samples" / "sources"),
    )

    def convert() -> None:
        for record in client.stream(["convert", "none.pth", speech, "--output", str(tmp_path / "out"), "--json"]):
            work.fold(record, 0.0)

    work.begin(0.0)
    thread = threading.Thread(target=convert)
    thread.start()
    time.sleep(after_s)
    work.cancelled = True
    while work.running and not client.interrupt("convert"):
        time.sleep(0.005)
    thread.join(timeout=20)
    assert work.state == "stopped"


def test_leaving_stops_what_is_about_to_start(tmp_path: Path) -> None:
    client = EngineClient(tmp_path, "")
    assert client.interrupt() is False
    started = time.monotonic()
    last = list(client.switch("other").stream(["doctor", "--json"]))[-1]
    assert last["exit_code"] != 0 and time.monotonic() - started < 5
