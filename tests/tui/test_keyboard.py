"""Keys of the whole app: unique ids, the user's own keys, the palette, help as remapped, and fields in which letters
are text."""

from __future__ import annotations

import string
import subprocess
import sys
from pathlib import Path
from typing import Any

import pretended
import pytest
from pretended_queue import entry
from snapshot_app import app_of, client_of, settle, text_of
from textual.screen import ModalScreen
from textual.widgets import Input

from rvc_engine.client.engine_client import Answer
from rvc_tui import keymap
from rvc_tui.app import RvcApp
from rvc_tui.keymap import UserKeys, checked, every_key, is_text, read_keys, template, write_keys
from rvc_tui.places import PLACES
from rvc_tui.screens import SCREEN_CLASSES
from rvc_tui.screens.help import HelpScreen
from rvc_tui.screens.palette import PaletteScreen
from rvc_tui.screens.plan import PlanScreen

TYPED = string.ascii_letters + string.digits + "?:@/[]+-<>"
PLAIN = {
    "enter",
    "escape",
    "space",
    "tab",
    "delete",
    "up",
    "down",
    "left",
    "right",
    "home",
    "end",
    "pageup",
    "pagedown",
}


def app_with(keys: UserKeys | None = None, first: str = "train", *, name: str = "alice") -> RvcApp:
    return RvcApp(pretended.PretendedClient(name=name), first=first, keys=keys)


async def press_until(pilot: Any, *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await pilot.pause()


# --- ids -------------------------------------------------------------------------------------------
def test_every_binding_has_an_id_and_words_and_an_id_means_one_thing() -> None:
    keys = every_key()
    assert [f"{key.owner.__name__}: {key.keys}" for key in keys if not key.id] == []
    owners: dict[str, set[str]] = {}
    for key in keys:
        owners.setdefault(key.id, set()).add(str(key.keys))
    assert {id: there for id, there in owners.items() if len(there) > 1} == {}
    assert len(keys) > 60 and all(key.what for key in keys)


def test_every_action_has_a_plain_key() -> None:
    """No control, no alt, no F-key, no mouse; what is left has its twin or stands in the palette."""
    for key in every_key():
        plain = [name for name in key.keys if is_text(name) or name in PLAIN]
        assert plain or key.id in ("quit.ctrl", "suspend"), key


def test_the_keys_as_they_come_do_not_clash() -> None:
    for screen, keys in keymap.contexts():
        seen: dict[str, str] = {}
        for key in keys:
            for name in key.keys:
                other = seen.setdefault(name, key.id)
                assert other == key.id or name in ("escape", "question_mark", "enter", "space"), (
                    f"{screen}: {name} is {other} and {key.id}"
                )


# --- fields ----------------------------------------------------------------------------------------
SCREEN_NAMES = [screen.place for screen in SCREEN_CLASSES]
FIELDS = [pytest.param(name, marks=[] if name == "train" else pytest.mark.soak) for name in SCREEN_NAMES]


@pytest.mark.parametrize("place", FIELDS)
@pytest.mark.soak
async def test_letters_in_the_fields_of_a_screen_are_text(place: str) -> None:
    app = app_with(UserKeys({"list.down": "w", "quit": "Q", "back": "x,escape"}), place)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        screen = app.screen
        for field in screen.query(Input):
            field.display, field.value, field.suggester = True, "", None
            for widget in field.ancestors:
                widget.display = True
            field.focus()
            await pilot.pause()
            if app.focused is not field:
                continue
            before = len(client_of(app).calls)
            await pilot.press(*TYPED)
            await pilot.pause()
            assert (app.screen, field.value) == (screen, TYPED)
            assert [call for call in client_of(app).calls[before:] if call[0] not in ("ask", "stream")] == []


@pytest.mark.parametrize(
    ("first", "keys"),
    [
        pytest.param("experiments", "c", marks=pytest.mark.soak),
        ("queue", "x"),
        pytest.param("dataset", "f", marks=pytest.mark.soak),
        pytest.param("experiments", ":", marks=pytest.mark.soak),
        pytest.param("experiments", "n n", marks=pytest.mark.soak),
        pytest.param("experiments", "n d", marks=pytest.mark.soak),
        pytest.param("experiments", "n p", marks=pytest.mark.soak),
    ],
)
@pytest.mark.soak
async def test_letters_in_the_fields_of_questions_are_text(first: str, keys: str) -> None:
    app = app_with(UserKeys({"name.back": "w", "question.yes": "j"}), first)
    client_of(app).answers["queue list"] = Answer([entry(1, "alice")])
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press_until(pilot, *("colon" if key == ":" else key for key in keys.split()))
        screen, field = app.screen, app.focused
        assert isinstance(screen, ModalScreen) and isinstance(field, Input), app.screen
        field.value, field.suggester = "", None
        before = len(client_of(app).calls)
        await pilot.press(*TYPED)
        await pilot.pause()
        assert (app.screen, field.value) == (screen, TYPED)
        assert client_of(app).calls[before:] == []


# --- the palette -----------------------------------------------------------------------------------
@pytest.mark.parametrize("key", ["colon", pytest.param("ctrl+p", marks=pytest.mark.soak)])
async def test_palette_finds_and_does(key: str) -> None:
    app = app_with()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press_until(pilot, key)
        assert isinstance(app.screen, PaletteScreen)
        whats = [entry.what for entry in app.screen.entries]
        assert not {"Focus Next", "Copy selected text"} & set(whats)  # Textual's own
        assert {f"screen: {name}" for name in SCREEN_NAMES} <= set(whats) and len(whats) == len(set(whats))
        await press_until(pilot, *"screen qu")
        assert "0" in text_of(app)
        await press_until(pilot, "enter")
        await pilot.pause(0.1)
        assert app.displayed is not None and app.displayed.place == "queue"
        await press_until(pilot, key, *"whole pipeline", "down", "up", "tab", "escape")
        assert app.screen is app.displayed


@pytest.mark.soak
async def test_palette_runs_what_belongs_to_the_screen_and_only_what_works() -> None:
    app = app_with(first="experiments")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press_until(pilot, "colon")
        assert isinstance(app.screen, PaletteScreen)
        assert not any(entry.what == "stop" for entry in app.screen.entries)  # nothing runs
        await press_until(pilot, *"a new experiment with", "enter")
        await pilot.pause(0.1)
        assert "with the settings of" in text_of(app)
        await press_until(pilot, "escape", "colon", *"no such thing", "enter")
        assert isinstance(app.screen, PaletteScreen)


# --- the user's own keys ---------------------------------------------------------------------------
async def test_keys_are_remapped_in_footer_help_and_deed() -> None:
    app = app_with(UserKeys({"quit": "Q", "help": "f1,H", "run.all": "w"}), "experiments")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        last = text_of(app).splitlines()[-1]
        assert "w run all" in last and "Q quit" in last
        await press_until(pilot, "q", "r")
        assert app.screen is app.displayed and app.is_running
        await press_until(pilot, "H")
        assert isinstance(app.screen, HelpScreen)
        page = text_of(app)
        assert "w          run the whole pipeline" in page and "f1 H       this help" in page
        await press_until(pilot, "escape", "Q")
    assert app.return_code == 0


def test_unknown_damaged_and_clashing_entries_are_reported_and_the_rest_counts(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    assert read_keys(path) == UserKeys()
    path.write_text(
        '"run.all" = "w"\nscreen.next = ["n", "ctrl+right"]\n"no.such" = "x"\n"copy" = 3\n"edit.file" = '
        '"nokey"\n"quit.ctrl" = "z"\n'
        '"help" = ""\n"run.stop" = "q"\n"suspend" = []\n'
    )
    keys = read_keys(path)
    assert keys.keymap == {"run.all": "w", "screen.next": "n,ctrl+right", "run.stop": "q", "help": "", "suspend": ""}
    said = "\n".join(keys.problems)
    for words in (
        "no id 'no.such'",
        "copy: its keys are written as text",
        "no key 'nokey'",
        "quit.ctrl: it works inside fields",
    ):
        assert words in said, words
    assert "q is" in said and "run.stop" in said and "n is" in said and "experiment.new" in said  # clashes
    path.write_text("this is = not [toml")
    assert read_keys(path).keymap == {} and "is not valid" in read_keys(path).problems[0]
    path.write_bytes(b"\xff\xfea")
    assert "cannot be read" in read_keys(path).problems[0]


async def test_an_empty_value_takes_the_keys_away(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text('"run.all" = ""\n"copy" = []\n"quit.ctrl" = ""\n"choose.run" = ""\n')
    keys = read_keys(path)
    assert keys.keymap == {"run.all": "", "copy": "", "choose.run": ""}
    assert keys.problems == ("keys.toml: quit.ctrl: it needs a key, so that the app can always be left",)
    app = app_with(keys, "experiments")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "run all" not in text_of(app).splitlines()[-1]
        await press_until(pilot, "r", "y")
        assert app.screen is app.displayed  # no question
        await press_until(pilot, "question_mark")
        assert "whole pipeline" not in text_of(app) and "none:" not in text_of(app)
        await press_until(pilot, "escape", "colon", *"run all")
        assert "none:" not in text_of(app) and "run all" in text_of(app)  # by its name it is still there
        await press_until(pilot, "enter")
        assert isinstance(app.screen, PlanScreen)
    write_keys(path)
    assert '"run.all" = ""  # run all' in path.read_text() and read_keys(path).keymap == keys.keymap


@pytest.mark.few(8)
@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("place", SCREEN_NAMES)
async def test_help_and_quit_are_in_the_footer_at_any_width(place: str, width: int) -> None:
    app = app_of("finished", first=place)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.resize_terminal(width, 20)
        await pilot.pause()
        assert text_of(app).splitlines()[-1].rstrip().endswith("? help q quit")


async def test_problems_are_displayed_at_the_start() -> None:
    app = app_with(UserKeys(problems=("keys.toml: there is no id 'x[/b]'",)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert [note.message for note in app._notifications] == ["keys.toml: there is no id 'x[/b]'"]


def test_swapped_keys_are_no_clash() -> None:
    swapped, problems = checked({"run.all": "s", "run.stop": "r"})
    assert problems == [] and swapped == {"run.all": "s", "run.stop": "r"}


def test_file_lists_every_id_and_keeps_what_the_user_has_set(tmp_path: Path) -> None:
    path = tmp_path / "a b" / "keys.toml"
    assert write_keys(path) == f"written: {path}"
    text = path.read_text()
    assert all(f'"{key.id}" = ' in text for key in every_key()) and text.count('"list.down"') == 1
    assert read_keys(path) == UserKeys()  # all of it is commented out
    everything = "\n".join(
        line[2:] if line.startswith('# "') else line for line in text.splitlines() if '"quit.ctrl"' not in line
    )
    path.write_text(everything)
    assert read_keys(path).problems == ()  # as it comes, nothing clashes
    path.write_text('"run.all" = "w"\n')
    write_keys(path)
    assert (
        read_keys(path).keymap == {"run.all": "w"}
        and (path.parent / "keys.toml.old").read_text() == '"run.all" = "w"\n'
    )
    path.write_text("broken [")
    assert "left as it is" in write_keys(path) and path.read_text() == "broken ["
    assert '"run.all" = "w"  # ' in template({"run.all": "w"})


def test_command_line_writes_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    done = subprocess.run([sys.executable, "-m", "rvc_tui", "--write-keys"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.strip() == f"written: {tmp_path}/rvc-tui/keys.toml"
    assert '# "run.all" = "r"' in (tmp_path / "rvc-tui" / "keys.toml").read_text()


async def test_palette_writes_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    app = app_with()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press_until(pilot, "colon", *"write the keys", "enter")
        await pilot.pause(0.2)
        assert (tmp_path / "rvc-tui" / "keys.toml").is_file()


@pytest.mark.few(4)
# --- everywhere ------------------------------------------------------------------------------------
@pytest.mark.parametrize("place", SCREEN_NAMES)
async def test_each_screen_has_its_key_help_and_footer(place: str) -> None:
    app = app_with(first="experiments")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press_until(pilot, next(there.key for there in PLACES if there.name == place))
        await settle(pilot)
        assert app.displayed is not None and app.displayed.place == place and app.focused is None
        assert text_of(app).splitlines()[-1].rstrip().endswith("? help q quit")
        await press_until(pilot, "question_mark")
        assert isinstance(app.screen, HelpScreen)
        await press_until(pilot, "escape", "q")
    assert app.return_code == 0  # nothing would be lost: not asked
