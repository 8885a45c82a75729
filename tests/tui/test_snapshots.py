"""How every screen looks, at two sizes and in four looks, as text. `pytest FILE --snapshot-update` accepts a new
look."""

from __future__ import annotations

from pathlib import Path

import pytest
from looks import pages
from scenes import SCENES, Scene
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

SIZES = [(80, 24), (120, 40)]


class Page(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT
    file_extension = "txt"
    _file_extension = "txt"


ALL = [pytest.param(scene, id=scene.name, marks=[pytest.mark.soak] if scene.soak else []) for scene in SCENES]


@pytest.mark.few(14)
@pytest.mark.parametrize("scene", ALL)
async def test_look(scene: Scene, snapshot: SnapshotAssertion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    app = scene.make()
    async with app.run_test(size=SIZES[0]) as pilot:
        await scene.play(pilot)
        for (width, height), page in (await pages(app, pilot, SIZES)).items():
            assert page == snapshot(name=f"{width}x{height}", extension_class=Page)
