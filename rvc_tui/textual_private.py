"""The private parts of Textual that the app leans on, all of them: what each is, and why nothing public does.

Other modules call these and never touch such a part themselves. A new Textual may change them without a word:
tests/tui/test_textual_version.py holds each against the one that is installed.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.app import App
from textual.keys import _normalize_key_list
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input
from textual.widgets._footer import FooterKey

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = [
    "ChopsUpdate",  # textual._compositor: what a screen gives to be written, of the lines that it has drawn anew ...
    "CompositorUpdate",  # ... their common base, which makes codes for the terminal ...
    "DisplayApp",
    "FailureApp",
    "FooterKey",  # textual.widgets._footer: a key in the footer; only its words say how wide it is
    "LayoutUpdate",  # ... and of all lines
    "MessageScreen",
    "TextInput",
    "is_leaving",
    "normalized_keys",
    "put_on_clipboard",
]


class DisplayApp(App[None]):
    """`App._display` writes what a screen has drawn; there is no public hook before that. The flags `_running`,
    `_closed` and `_batch_count` are those by which it decides itself whether anything is written."""

    def to_write(self, drawn: RenderableType) -> Any:
        """What is written in place of `drawn`; None: nothing."""
        return drawn

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        writes = (
            self._running and not self._closed and not self.is_headless and not self.is_inline and not self._batch_count
        )
        if writes and renderable is not None:
            renderable = self.to_write(renderable)
            if renderable is None:
                self.post_display_hook()
                return
        super()._display(screen, renderable)


class FailureApp(App[None]):
    """`App._fatal_error` prints the traceback with every local variable, and nothing public replaces it. `_exception`
    is the error, `_close_messages_no_wait` ends the app."""

    def failed(self, error: BaseException | None) -> None:
        """The app ends by an error that nobody foresaw."""

    def _fatal_error(self) -> None:
        self.failed(sys.exc_info()[1] or self._exception)
        self.bell()
        self._close_messages_no_wait()


class MessageScreen(Screen[None]):
    """`MessagePump._on_message` calls the handlers of a message: the only place that sees the errors of all of them."""

    def forgives(self, error: Exception) -> bool:
        """Whether this error of a handler ends nothing."""
        return False

    async def _on_message(self, message: Message) -> None:
        try:
            await super()._on_message(message)
        except Exception as error:
            if not self.forgives(error):
                raise


class TextInput(Input):
    """`Input._value` is what the field shows of its value; there is no public one."""

    def displayed_value(self) -> Text:
        return Text(self.value, no_wrap=True, overflow="ignore", end="")

    @property
    def _value(self) -> Text:
        return self.displayed_value()


def is_leaving(app: App[Any]) -> bool:
    """`App._exit` is set once the app is left; `is_running` is true until its screens are gone."""
    return app._exit


def put_on_clipboard(app: App[Any], text: str, codes: str) -> None:
    """`App.copy_to_clipboard` encodes no path that is no text. As it does: `_clipboard` is what is pasted within the
    app, `_driver` writes to the terminal."""
    app._clipboard = text
    if app._driver is not None:
        app._driver.write(codes)


def normalized_keys(keys: str) -> str:
    """Keys separated by commas, as `BINDINGS` have them, each by its name: by `textual.keys._normalize_key_list`."""
    return _normalize_key_list(keys)
