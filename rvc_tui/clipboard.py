"""What is copied goes out as it is, also a path whose bytes are no text."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from contextlib import suppress

from textual import work
from textual.app import App

from rvc_tui.textual_private import put_on_clipboard


def bytes_of(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a character, from a file that somebody made
        return text.encode("utf-8", "backslashreplace")


def to_terminal(text: str) -> str:
    """The codes (OSC 52) that put it on the clipboard of the terminal."""
    return f"\x1b]52;c;{base64.b64encode(bytes_of(text)).decode()}\a"


class CopyingApp(App[None]):
    def copy_to_clipboard(self, text: str) -> None:
        """Textual's own encodes no path that is no text."""
        put_on_clipboard(self, text, to_terminal(text))
        if os.environ.get("TMUX") and shutil.which("tmux"):
            self.copy_in_tmux(text)

    @work(thread=True, group="command")
    def copy_in_tmux(self, text: str) -> None:
        to_tmux(text)


def to_tmux(text: str) -> None:
    """tmux ignores what applications send to the clipboard unless configured otherwise: its own buffer works."""
    with suppress(OSError, subprocess.SubprocessError):
        subprocess.run(
            ["tmux", "load-buffer", "-w", "-"], input=bytes_of(text), check=False, timeout=5, capture_output=True
        )
