"""The real app on a pseudo-terminal of every kind: what it writes, how it leaves, and where nothing can be drawn."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pretended
import psutil
import pytest
from terminal import Terminal

from rvc_engine.run.journal import Journal
from rvc_engine.settings import for_preset
from rvc_engine.workspace import Workspace
from tests.conftest import rvc_environment

PALETTE_OF_16 = re.compile(rb"(?:^|;)(?:3[0-7]|4[0-7]|9[0-7]|10[0-7])(?:;|$)")
MOUSE = [b"\x1b[?%dh" % mode for mode in (1000, 1002, 1003, 1006, 1015, 1016)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """With a run that is finished."""
    experiment = Workspace(tmp_path).experiment("alice")
    experiment.save_settings(for_preset("starter", dataset=str(tmp_path)))
    with Journal.next_in(experiment.runs)[1] as journal:
        for event in pretended.finished():
            journal.append(event)
    return tmp_path


def environment(**variables: str) -> dict[str, str]:
    """Of a terminal about which only these are known."""
    dropped = (
        "TERM",
        "COLORTERM",
        "TERM_PROGRAM",
        "NO_COLOR",
        "TMUX",
        "LC_ALL",
        "LC_CTYPE",
        "LANG",
        "LANGUAGE",
        "COLUMNS",
        "LINES",
    )
    known = {
        key: value for key, value in rvc_environment().items() if key not in dropped and not key.startswith("TEXTUAL_")
    }
    return {**known, "LC_ALL": "C.UTF-8", **variables}


class Opened(Terminal):
    def __init__(self, home: Path, variables: Mapping[str, str], *flags: str) -> None:
        super().__init__([sys.executable, "-m", "rvc_tui", "--home", str(home), *flags], variables)

    def left(self) -> int:
        """Its exit code, once it has painted and q was pressed; the terminal is as before."""
        before = self.modes()
        self.read(b"400/400")
        assert b"400/400" in self.got, self.got[-300:]
        self.type(b"q")
        self.read()
        code = self.wait()
        assert b"\x1b[?1049h" in self.got and b"\x1b[?1049l" in self.got, "the other screen is not left"
        assert self.got.rindex(b"\x1b[?25h") > self.got.rindex(b"\x1b[?25l"), "the cursor is not visible"
        assert all(
            mode not in self.got or self.got.rindex(mode[:-1] + b"l") > self.got.rindex(mode) for mode in MOUSE[:3]
        )
        assert self.modes() == before
        after = self.got.rpartition(b"\x1b[?1049l")[2]
        assert all(b"artefact: " + path.encode() in after for path in PATHS)
        return code

    def colours(self) -> set[str]:
        """Which kinds of colour were written: of 16, 256, truecolor."""
        codes = set(re.findall(rb"\x1b\[([0-9;:]*)m", self.got))
        kinds = {"truecolor": rb"[34]8[;:]2", "256": rb"[34]8[;:]5"}
        found = {kind for kind, form in kinds.items() if any(re.search(form, code) for code in codes)}
        return found | ({"16"} if any(PALETTE_OF_16.search(code) for code in codes if b"8;" not in code) else set())


PATHS = [str(artefact["path"]) for event in pretended.finished() for artefact in getattr(event, "artefacts", [])]


@pytest.fixture
def opened(home: Path, request: pytest.FixtureRequest) -> Iterator[Opened]:
    variables, flags = request.param
    terminal = Opened(home, environment(**variables), *flags)
    yield terminal
    terminal.close()


def kind(*flags: str, **variables: str) -> tuple[dict[str, str], tuple[str, ...]]:
    return variables, flags


OF_16 = {
    "xterm": kind(TERM="xterm"),
    "screen": kind(TERM="screen"),
    "linux": kind(TERM="linux"),
    "vt100": kind(TERM="vt100"),
    "unknown-kind": kind(TERM="brand-new"),
}
OF_256 = {
    "xterm-256color": kind(TERM="xterm-256color"),
    "tmux": kind(TERM="tmux-256color"),
    "screen-256color": kind(TERM="screen-256color"),
}
OF_MORE = {
    "truecolor": kind(TERM="xterm-256color", COLORTERM="truecolor"),
    "vscode": kind(TERM="xterm-256color", COLORTERM="truecolor", TERM_PROGRAM="vscode"),
}


@pytest.mark.parametrize("opened", OF_16.values(), ids=OF_16, indirect=True)
def test_with_16_colours(opened: Opened) -> None:
    assert opened.left() == 0 and opened.colours() <= {"16"}


@pytest.mark.parametrize("opened", OF_256.values(), ids=OF_256, indirect=True)
@pytest.mark.soak
def test_with_256_colours(opened: Opened) -> None:
    assert opened.left() == 0 and opened.colours() <= {"16", "256"}


@pytest.mark.parametrize("opened", OF_MORE.values(), ids=OF_MORE, indirect=True)
@pytest.mark.soak
def test_with_all_colours(opened: Opened) -> None:
    assert opened.left() == 0 and opened.colours()


@pytest.mark.parametrize("opened", [kind(TERM="xterm-256color", COLORTERM="truecolor", NO_COLOR="1")], indirect=True)
def test_without_colours(opened: Opened) -> None:
    assert opened.left() == 0 and opened.colours() == set()
    assert b"\x1b[1m" in opened.got, "bold is no colour"


@pytest.mark.parametrize(
    "opened", [kind("--ascii", TERM="xterm"), kind(TERM="xterm", LC_ALL="C")], ids=["asked", "locale"], indirect=True
)
@pytest.mark.soak
def test_in_seven_bits(opened: Opened) -> None:
    assert opened.left() == 0
    assert opened.got.isascii()


@pytest.mark.parametrize("opened", [kind("--no-mouse", "--low-bandwidth", TERM="xterm")], indirect=True)
def test_without_mouse_on_a_slow_link(opened: Opened) -> None:
    assert opened.left() == 0
    assert not any(mode in opened.got for mode in MOUSE)


# --- where nothing can be drawn --------------------------------------------------------------------
@pytest.mark.parametrize(
    "opened", [kind("--plain", TERM=name) for name in ("xterm", "dumb")], ids=["xterm", "dumb"], indirect=True
)
def test_plain_lines_have_no_escapes(opened: Opened) -> None:
    opened.read()
    assert opened.wait() == 0
    assert b"\x1b" not in opened.got and b"artefact: " + PATHS[0].encode() in opened.got


@pytest.mark.parametrize("opened", [kind(TERM="dumb"), kind()], ids=["dumb", "none"], indirect=True)
def test_a_terminal_that_cannot_be_drawn_on(opened: Opened) -> None:
    opened.read()
    assert opened.wait() == 2
    (line,) = opened.got.splitlines()
    assert line.startswith(b"rvc-tui: TERM is ") and b"--plain" in line


def test_no_terminal(home: Path) -> None:
    command = [sys.executable, "-m", "rvc_tui", "--home", str(home)]
    done = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment(TERM="xterm"), timeout=60
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "rvc-tui: standard input is not a terminal; --plain follows a run in lines\n"


@pytest.mark.parametrize("before", ["", "trap '' HUP; "], ids=["hang-up", "ignored"])
@pytest.mark.soak
def test_it_ends_with_its_terminal(home: Path, before: str) -> None:
    """A hang-up that is ignored, as under nohup, once left the app with a core of its own."""
    words = ["/bin/sh", "-c", f"{before}exec {sys.executable} -m rvc_tui --home {home}"]
    terminal = Terminal(words, environment(TERM="xterm"))
    try:
        terminal.read(b"400/400")
        app = psutil.Process(terminal.pid)
        assert "rvc_tui" in app.cmdline()
        os.close(terminal.descriptor)
        started = time.monotonic()
        terminal.wait(limit_s=10)
        assert time.monotonic() - started < 5
    finally:
        terminal.close()
