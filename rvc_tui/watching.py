"""Workers of the app: they fetch what the engine and the machine report, post it, and touch no widget."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual import work
from textual.app import App
from textual.message import Message
from textual.worker import get_current_worker

from rvc_engine.client.engine_client import Client
from rvc_tui.messages import Happened, Looked, MachineRead, Refused
from rvc_tui.session import Session
from rvc_tui.texts import _

FOLLOW_S = 0.1
LOOK_S = 15.0
MACHINE_S = 2.0


class WatchingApp(App[None]):
    """An app that watches the experiment of its session."""

    session: Session

    @work(thread=True, group="watch", exit_on_error=True)
    def follow(self, client: Client) -> None:
        worker = get_current_worker()
        known = False
        while not worker.is_cancelled:
            update = client.poll()
            if worker.is_cancelled:
                return
            if update.events or update.alive or known:
                self.post_message(Happened(update))
            known = update.alive
            if not update.more:
                time.sleep(FOLLOW_S * self.session.pace)

    @work(thread=True, group="watch")
    def look(self, client: Client) -> None:
        """The advisor and the plan, again from time to time: others come and go."""
        self._post_each(LOOK_S, lambda: Looked(client.outlook()))

    @work(thread=True, group="watch")
    def watch_machine(self, client: Client) -> None:
        self._post_each(MACHINE_S, lambda: MachineRead(client.machine()))

    def _post_each(self, seconds: float, read: Callable[[], Message]) -> None:
        """In a worker: at once, and then each so many seconds, until it is cancelled."""
        worker = get_current_worker()
        due = 0.0
        while not worker.is_cancelled:
            if time.monotonic() >= due:
                message = read()
                due = time.monotonic() + seconds * self.session.pace
                if not worker.is_cancelled:
                    self.post_message(message)
            time.sleep(0.1)

    @work(thread=True, group="look-once")
    def look_now(self) -> None:
        """The plan has changed: settings were."""
        client = self.session.client
        outlook = client.outlook()
        if client is self.session.client:
            self.post_message(Looked(outlook))

    @work(thread=True, group="command")
    def start(self, client: Client, words: list[str]) -> None:
        self.post_message(Refused(client.start(words)))

    @work(thread=True, group="command")
    def ask_to_stop(self, client: Client) -> None:
        if why := client.stop():
            self.call_later(self.notify, why, title=_("Not stopped"), severity="warning")
