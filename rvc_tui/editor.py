"""The user's editor: $VISUAL, else $EDITOR, else vi."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from textual.app import App, SuspendNotSupported

from rvc_engine.errors import BadInput, RvcError
from rvc_engine.messages import message_of, verbatim
from rvc_tui.texts import _


def editor_words() -> list[str]:
    """The editor and its own arguments, as a shell would read them: `code --wait`, `'/path with blanks/ed' -n`. A
    program whose path is written without quotes is found too. Raises BadInput for quotes that do not close."""
    for name in ("VISUAL", "EDITOR"):
        text = os.environ.get(name, "").strip()
        whole = os.path.expanduser(text)
        if os.path.isfile(whole) and os.access(whole, os.X_OK):
            return [whole]
        try:
            words = shlex.split(text)
        except ValueError as error:
            title = _("{variable} is no command").format(variable=f"${name}")
            raise BadInput(verbatim(title), verbatim(f"{text}: {error}")) from error
        if words and words[0]:
            return [os.path.expanduser(words[0]), *words[1:]]
    return ["vi"]


def edit(path: Path) -> None:
    """Run the editor in the terminal until it is left. Raises BadInput when it does not start."""
    words = editor_words()
    try:
        with _unimpressed_by_ctrl_c():
            subprocess.run([*words, str(path)], check=False)
    except (OSError, ValueError) as error:
        title = _("{program} does not start: set EDITOR").format(program=words[0])
        raise BadInput(verbatim(title), message_of(error)) from error


def edit_suspended(app: App[None], path: Path) -> RvcError | None:
    """The terminal is the editor's meanwhile. Why it could not be edited; None when it could."""
    problem: RvcError | None = None
    try:
        with app.suspend():
            try:
                edit(path)
            except RvcError as error:  # left by an exception, the app would stay suspended
                problem = error
    except SuspendNotSupported as error:
        return RvcError(verbatim(_("No editor can be opened here")), message_of(error))
    return problem


@contextmanager
def _unimpressed_by_ctrl_c() -> Iterator[None]:
    """The terminal sends it to the editor and to us. A handler, unlike SIG_IGN, is not inherited."""
    before = signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
