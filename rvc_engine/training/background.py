"""A save in a thread of its own: it writes a snapshot while the training continues, and touches no device."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

from rvc_engine.events import Event, Paused, Resumed


class GivenUp(Exception):
    """A save that waited for room ends, since the training does."""


class BackgroundSave:
    """`events`: those of a save, which the thread drives to its end, from the start."""

    def __init__(self, events: Iterator[Event]) -> None:
        self.ended = False
        self.error: BaseException | None = None
        self._events = events
        self._made: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._drive, name="save", daemon=True)
        self._thread.start()

    def _drive(self) -> None:
        try:
            for event in self._events:
                self._made.put(event)
        except GivenUp:
            pass
        except BaseException as error:
            self.error = error
        finally:
            self._made.put(None)

    def news(self, *, to_end: bool) -> Iterator[Event]:
        """Its events so far, or all. From Paused to Resumed it waits for them: the training is paused then, as they
        say. Raises what ended the save."""
        waits = to_end
        while not self.ended:
            try:
                event = self._made.get(block=waits)
            except queue.Empty:
                return
            if event is None:
                self.join()
                if self.error is not None:
                    raise self.error
                return
            waits = to_end or isinstance(event, Paused) or (waits and not isinstance(event, Resumed))
            yield event

    def join(self) -> None:
        self._thread.join()
        self.ended = True
