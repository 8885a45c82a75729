"""Editors, clipboards, folders and keys as they are elsewhere: nothing of it ends the app."""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pretended
import pytest
from scenes import SCENES, Scene, converting
from snapshot_app import app_of, client_of, settle, text_of
from textual import events
from textual.widgets import Input

from rvc_engine.common.given_paths import clean_path
from rvc_engine.errors import BadInput
from rvc_tui.app import RvcApp
from rvc_tui.clipboard import bytes_of, to_terminal
from rvc_tui.conversion import Request, load, paths_of
from rvc_tui.editor import edit, editor_words
from rvc_tui.screens.choose import FolderSuggester
from rvc_tui.screens.name import NameScreen
from rvc_tui.widgets.paths import FileSuggester
from tests.hostile.text import FILE_NAME, found_in

BYTES = os.fsdecode("声".encode("shift_jis"))


# --- the editor ------------------------------------------------------------------------------------
def program(folder: Path, text: str = "#!/bin/sh\n") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "ed"
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_the_editor_is_read_as_a_shell_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = program(tmp_path / "path with blanks")
    monkeypatch.setenv("HOME", str(tmp_path))
    for text, words in {
        "code --wait": ["code", "--wait"],
        f"'{there}' -n": [str(there), "-n"],
        str(there): [str(there)],
        "~/path\\ with\\ blanks/ed": [str(there)],
        "": ["vi"],
        "  ": ["vi"],
        "''": ["vi"],
        "emacs -nw": ["emacs", "-nw"],
    }.items():
        monkeypatch.setenv("EDITOR", text)
        monkeypatch.delenv("VISUAL", raising=False)
        assert editor_words() == words, text
    monkeypatch.setenv("VISUAL", "vim")
    assert editor_words() == ["vim"]
    monkeypatch.setenv("VISUAL", " ")
    monkeypatch.setenv("EDITOR", "it's")
    with pytest.raises(BadInput, match="EDITOR"):
        editor_words()


ODD_EDITORS = (
    "it's",
    '"',
    "/no/such/editor",
    "'/no such/editor' -w",
    "/",
    "[/] --x",
    "no\x1b[31m",
    "\\",
    "''",
    "ed\udcff",
)


class InAFolder(pretended.PretendedClient):
    @property
    def folder(self) -> str:
        return "."


async def test_no_editor_ends_the_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does the app stay suspended, which it did when the program was not there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("PATH", str(program(tmp_path / "bin").parent))
    (tmp_path / "bin" / "ed").rename(tmp_path / "bin" / "vi")
    Path("experiment.toml").write_text('preset = "starter"\n')
    app = app_of("idle")
    client_of(app).__class__ = InAFolder
    suspended: list[str] = []

    @contextmanager
    def suspend(self: RvcApp) -> Iterator[None]:
        """As Textual's: an exception inside does not take the terminal back."""
        suspended.append("away")
        yield
        suspended.append("back")

    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await pilot.press("e")
        await pilot.pause()
        # a terminal that cannot be handed over
        assert [note.title for note in app._notifications] == ["No editor can be opened here"]
        monkeypatch.setattr(RvcApp, "suspend", suspend)
        for editor in ODD_EDITORS:
            app.clear_notifications()
            monkeypatch.setenv("EDITOR", editor)
            await pilot.press("e")
            await pilot.pause()
            assert not [found for note in app._notifications for found in found_in(note.title + note.message)]
            assert suspended == ["away", "back"] * (len(suspended) // 2)
            assert bool(app._notifications) == (editor != "''"), editor
        assert app.is_running


def test_an_editor_that_does_not_start_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", "/no/such/editor -w")
    with pytest.raises(BadInput) as caught:
        edit(tmp_path / "x")
    assert caught.value.title == "/no/such/editor does not start: set EDITOR"


# --- the clipboard ---------------------------------------------------------------------------------
def test_a_path_is_copied_byte_for_byte() -> None:
    for path in ("/a/声", f"/a/{BYTES}.wav", "/a/\x1b[31m", "half\ud800"):
        codes = to_terminal(path)
        assert base64.b64decode(codes.removeprefix("\x1b]52;c;").removesuffix("\a")) == bytes_of(path)
    assert bytes_of(f"/a/{BYTES}") == b"/a/" + "声".encode("shift_jis")


async def test_y_on_a_name_that_is_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_of("idle", first="convert")
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        monkeypatch.setattr(type(app.screen), "to_copy", lambda self: [f"/out/{FILE_NAME}"])
        app.draw()
        await pilot.press("y")
        await pilot.pause()
        assert app.clipboard == f"/out/{FILE_NAME}"
        said = [note.message for note in app._notifications]
        assert "copied" in said[-1] and not found_in(said[-1])


# --- names that are no text in folders -------------------------------------------------------------
@pytest.mark.parametrize(
    "name", [f"{BYTES}.wav", FILE_NAME.replace("/", "") + ".wav", "ends with a blank ", "new\nline.wav", "'quoted'"]
)
async def test_every_name_can_be_chosen(tmp_path: Path, name: str) -> None:
    """Typed to its folder, completed by tab and taken by enter; kept for the next time too."""
    (tmp_path / "takes").mkdir()
    path = tmp_path / "takes" / name
    path.write_bytes(b"")
    app = converting()
    client_of(app).home = tmp_path
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await pilot.press("f")
        await pilot.pause()
        assert isinstance(app.screen, NameScreen)
        field = app.screen.query_one(Input)
        field.value = f"{tmp_path}/takes/" + name[:1]
        for _ in range(20):
            await pilot.pause(0.02)
            if field._suggestion:
                break
        assert not found_in(text_of(app))
        await pilot.press("tab")
        assert field.value == str(path)
        assert not found_in(text_of(app))
        await pilot.press("enter")
        await pilot.pause()
        assert app.displayed is not None and app.displayed.request.inputs == [str(path)]  # type: ignore[attr-defined]
        assert not found_in(text_of(app))
    kept, problem = load(tmp_path)
    assert kept.inputs == [str(path)] and not problem


async def test_what_cannot_be_a_path_has_no_suggestion() -> None:
    for suggester in (FileSuggester(".wav"), FolderSuggester()):
        for value in ("\0/x", "/\ud800/x", "~nobody/\0", "x" * 5000 + "/y"):
            assert await suggester.get_suggestion(value) is None
    with pytest.raises(BadInput):
        paths_of("\0*/x")


def test_a_request_keeps_what_was_chosen(tmp_path: Path) -> None:
    request = Request(tmp_path, f"/v/{BYTES}.pth", "none", [f"/r/{FILE_NAME}"], f"/o/{BYTES}")
    assert request.save() == ""
    kept, problem = load(tmp_path)
    assert not problem and (kept.voice, kept.inputs, kept.output) == (request.voice, request.inputs, request.output)


def test_a_path_that_is_there_is_meant_as_it_is(tmp_path: Path) -> None:
    for name in ("'quoted'", " blanks ", "mark\u200e", "~"):
        path = tmp_path / name
        path.mkdir()
        assert clean_path(str(path)) == str(path)
    assert clean_path(f' "{tmp_path}" ') == str(tmp_path)


# --- keys while the app is left --------------------------------------------------------------------
LATE = (
    "q",
    "y",
    "at",
    "question_mark",
    "colon",
    "enter",
    "r",
    "s",
    "x",
    "n",
    "D",
    "slash",
    "escape",
    "j",
    "8",
    "9",
    "0",
    "a",
    "ctrl+c",
    "e",
)
CLOSING = [
    pytest.param(scene, id=scene.name, marks=[pytest.mark.soak] * (scene.name not in ("train", "voices")))
    for scene in SCENES
]


@pytest.mark.parametrize("scene", CLOSING)
async def test_keys_that_come_while_it_closes(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    app = scene.make()
    async with app.run_test(size=(80, 24)) as pilot:
        await scene.play(pilot)
        app.exit()
        for name in LATE:
            app.post_message(events.Key(name, name if len(name) == 1 else None))
        app.post_message(events.Paste("q\n"))
        app.post_message(events.Resize(app.size, app.size))  # type: ignore[arg-type]
        app.copy_to_clipboard("x")
        app.notify("late")
        app.draw()
    assert app.return_code in (None, 0) and app.failure is None, "what comes late ends nothing"
