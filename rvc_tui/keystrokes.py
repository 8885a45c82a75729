"""Keys one after another: what a key brings, a question or the focus of a field, is there before the next one is looked
at."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import Any

from textual import events
from textual.app import App, ScreenStackError
from textual.message_pump import MessagePump

from rvc_tui.textual_private import is_leaving

PATIENCE_S = 1.0  # then the next key is passed to Textual, whatever the one before does


class KeystrokesApp(App[None]):
    """Textual sends a key on its way when it arrives: of keys that come together (a fast typist on a slow machine, a
    script) some would reach the screen below a question that the first one opens, or a field that it has just left."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._typed: deque[events.Event] = deque()
        self._taking: asyncio.Task[None] | None = None

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, (events.Key, events.Paste)) or event.is_forwarded:
            await self._pass_on(event)
            return
        self._typed.append(event)
        if self._taking is None:
            await self._take()

    async def _pass_on(self, event: events.Event) -> None:
        """To Textual. Once the app is left, its screens go: keys and clicks that come then are nobody's."""
        if is_leaving(self) and isinstance(event, (events.InputEvent, events.Paste)):
            return
        try:
            await super().on_event(event)
        except ScreenStackError:
            if not is_leaving(self):
                raise

    async def _take(self) -> None:
        try:
            await self._pass_on(self._typed.popleft())
        finally:
            self._taking = asyncio.create_task(self._take_next())

    async def _take_next(self) -> None:
        """Once all is done that the last key brought."""
        with suppress(asyncio.TimeoutError, ScreenStackError):  # the app is left
            await asyncio.wait_for(self._settled(), PATIENCE_S)
        if self._typed:
            self.call_next(self._take)
        else:
            self._taking = None

    async def _settled(self) -> None:
        """When every queue that a key passes has been empty once, and nothing came of that: neither a screen nor a
        focus."""
        before: tuple[object, ...] = ()
        while (now := (*self.screen_stack, self.focused)) != before:
            before = now
            for pump in (
                *(self.focused.ancestors_with_self if self.focused else ()),
                *reversed(self.screen_stack),
                self,
            ):
                await passed(pump)


async def passed(pump: MessagePump) -> None:
    """When the messages are handled that a queue holds now."""
    done = asyncio.Event()
    if pump.call_later(done.set):
        await done.wait()
