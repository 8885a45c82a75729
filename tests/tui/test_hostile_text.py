"""The app with names, paths, GPUs and journals that others wrote: nothing of theirs is obeyed by the terminal, nothing
ends the app."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hostile import made_hostile
from scenes import SCENES, Scene
from snapshot_app import text_of

from rvc_tui.app import RvcApp
from rvc_tui.safe_cells import SIGN
from tests.hostile.text import found_in

NOTHING_FOREIGN = ("help", "palette", "export", "audition")
TYPED = ("new", "name")  # fields hold what is edited as it is: a sign stands for each character


def look(app: RvcApp, scene: Scene) -> str:
    text = text_of(app)
    assert not found_in(text), (scene.name, found_in(text))
    assert SIGN not in text or scene.name in TYPED, f"{scene.name}: only the last guard held it back\n{text}"
    return text


@pytest.mark.few(10)
@pytest.mark.parametrize(
    "scene", [pytest.param(scene, id=scene.name, marks=[pytest.mark.soak] * scene.soak) for scene in SCENES]
)
async def test_nothing_hostile_is_displayed(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in what y says that it copied."""
    monkeypatch.chdir(tmp_path)
    hostile = replace(scene, make=made_hostile(scene.make))
    app = hostile.make()
    async with app.run_test(size=(110, 36), notifications=True) as pilot:
        await hostile.play(pilot)
        text = look(app, scene)
        assert "\\x1b" in text or scene.name in NOTHING_FOREIGN, f"the scene shows nothing foreign:\n{text}"
        await pilot.press("y")
        await pilot.pause()
        look(app, scene)
