"""A new screen is one file and one row: keys, palette, help, the row of screens and the keys file have it by that."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from scenes import SCENES

from rvc_tui.places import PLACES, keys_of_places
from rvc_tui.screens import screen_class
from tests.conftest import rvc_environment

HERE = Path(__file__).parent
TOY = HERE.parent / "plugins" / "toy_screen.py"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("screens")
    shutil.copy(TOY, folder / "written.py")
    done = subprocess.run(
        [sys.executable, HERE / "new_screen_displayed.py", folder],
        capture_output=True,
        text=True,
        timeout=120,
        env=rvc_environment(),
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    pages: dict[str, Any] = json.loads(done.stdout)
    return pages


def line_of(page: str, number: int) -> str:
    return page.split("\n")[number].strip()


def test_its_key_opens_it(pages: dict[str, Any]) -> None:
    assert pages["place by key"] == "written"
    assert "Files written" in pages["by key"] and "> /home/me/out.wav" in pages["by key"]
    assert "x forget" in line_of(pages["by key"], -1)
    assert pages["after it"] == "experiments", "the first one follows the last"


def test_the_palette_opens_it(pages: dict[str, Any]) -> None:
    assert "> W              screen: written" in pages["palette"]
    assert pages["place by palette"] == "written" and "> /home/me/out.wav" in pages["by palette"]


def test_help_has_it_and_its_keys(pages: dict[str, Any]) -> None:
    words = " ".join(pages["help"].replace("│", "").split())
    assert "1-9 0 a W" in words and "queue, assets, written" in words
    assert "x          empty the list; the files stay" in pages["help"]


def test_the_row_of_screens_has_it(pages: dict[str, Any]) -> None:
    """Where all names have room, by its name; in 80 columns there is none for a twelfth."""
    assert line_of(pages["before"], 2) == "[train]  1-9 0 a W: other screens"
    assert line_of(pages["by key"], 2) == "[written]  1-9 0 a W: other screens"
    assert line_of(pages["wide"], 2).endswith("a assets  [W written]")


def test_its_own_keys_work(pages: dict[str, Any]) -> None:
    assert "none yet" in pages["forgotten"] and "x forget" not in pages["forgotten"]


def test_the_keys_file_has_its_ids(pages: dict[str, Any]) -> None:
    assert {"screen.written", "written.forget"} <= set(pages["ids"])
    assert '# "screen.written" = "W"  # the screen written' in pages["keys file"]
    assert "# --- written" in pages["keys file"]


def test_each_row_is_of_the_screen_that_it_names() -> None:
    assert [screen_class(place).place for place in PLACES] == [place.name for place in PLACES]
    assert len({place.key for place in PLACES}) == len(PLACES)
    assert keys_of_places() == "1-9 0 a"


def test_each_screen_has_a_scene_of_its_name() -> None:
    assert {place.name for place in PLACES} <= {scene.name for scene in SCENES}
