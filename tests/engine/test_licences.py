"""docs/licences.md says of every dependency under which licence it is."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tools import licences


@pytest.mark.skipif(importlib.util.find_spec("torchfcpe") is None, reason="the table is of every extra")
def test_the_table_is_up_to_date() -> None:
    found, listed = (
        {row.name: row for row in licences.rows()},
        licences.written(licences.TABLE.read_text(encoding="utf-8")),
    )
    for first in licences.declared().values():
        for name, _ in first:
            assert name in listed and listed[name] == found[name].kind != licences.UNKNOWN, f"{name}: make licences"
    assert licences.main(["--check"]) == 0
    assert (
        found["praat-parselmouth"].licence == "GPL-3.0-or-later"
        and listed["praat-parselmouth"] == listed["av"] == "strong copyleft"
    )
    assert listed["soxr"] == listed["soundfile"] == "weak copyleft" and "ruff" not in listed and "torchcrepe" in listed


def test_what_is_missing_unknown_changed_or_stale_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = (licences.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(
        project.replace('"soxr>=0.5"', '"Some_Thing>=1"').replace('  "torch>', '  "numpy>=1",\n  "torch>')
    )
    text = licences.TABLE.read_text(encoding="utf-8").replace(
        "| rich | MIT | permissive |", "| rich | GPL-3.0 | strong copyleft |"
    )
    (tmp_path / "licences.md").write_text(text, encoding="utf-8")
    monkeypatch.setattr(licences, "ROOT", tmp_path)
    monkeypatch.setattr(licences, "TABLE", tmp_path / "licences.md")
    assert licences.main(["--check"]) == 1 and (tmp_path / "licences.md").read_text(encoding="utf-8") == text
    said = capsys.readouterr().err
    assert "some-thing: its licence is not known" in said and "some-thing is needed and has no row" in said
    assert "rich is permissive, not strong copyleft" in said and "make licences" in said
    assert licences.main([]) == 1 and "some-thing" in (tmp_path / "licences.md").read_text(encoding="utf-8")


KINDS = {
    "permissive": ["MIT", "Apache-2.0 OR BSD-2-Clause", "MIT OR GPL-3.0-only", "Apache-2.0 WITH LLVM-exception"],
    "weak copyleft": ["MPL-2.0 AND MIT", "LGPL-2.1-or-later", "GNU Lesser General Public License v3 (LGPLv3)"],
    "strong copyleft": ["GPLv3", "MIT AND (AGPL-3.0-only)", "GNU General Public License v3 or later (GPLv3+)"],
    "proprietary": ["LicenseRef-NVIDIA-Proprietary"],
    "unknown": ["", "Beerware", "MIT AND Beerware"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds(kind: str) -> None:
    assert {licences.kind_of(licence) for licence in KINDS[kind]} == {kind}
