"""Files appear whole or not at all; old work is moved, not deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

from rvc_engine.disk import move_aside, remove_temporaries, sha256_of, whole_file, write_whole


def test_a_failure_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.bin"
    write_whole(path, b"old")
    with pytest.raises(RuntimeError), whole_file(path) as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".G_10.pth.123.part").write_bytes(b"x")
    (tmp_path / "kept.part").write_bytes(b"x")
    remove_temporaries(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["kept.part"]


def test_moving_aside_keeps_names_and_never_overwrites(tmp_path: Path) -> None:
    moved = []
    for text in ("first", "second"):
        write_whole(tmp_path / "a" / "x.txt", text)
        target = move_aside([tmp_path / "a", tmp_path / "missing"], tmp_path, "train")
        assert target is not None and (target / "a" / "x.txt").read_text() == text
        moved.append(target)
    assert moved[0] != moved[1]
    assert move_aside([tmp_path / "a"], tmp_path, "train") is None


def test_sha256(tmp_path: Path) -> None:
    write_whole(tmp_path / "x", b"abc")
    assert sha256_of(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
