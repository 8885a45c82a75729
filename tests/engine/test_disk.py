"""Files appear whole or not at all; old work is moved, not deleted."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from rvc_engine import disk
from rvc_engine.disk import move_to_backup, remove_temporaries, sha256_of, whole_file, write_whole
from rvc_engine.errors import RvcError


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


def test_backups_keep_names_and_never_overwrites(tmp_path: Path) -> None:
    moved = []
    for text in ("first", "second"):
        write_whole(tmp_path / "a" / "x.txt", text)
        target = move_to_backup([tmp_path / "a", tmp_path / "missing"], tmp_path, "train")
        assert target is not None and (target / "a" / "x.txt").read_text() == text
        moved.append(target)
    assert moved[0] != moved[1]
    assert move_to_backup([tmp_path / "a"], tmp_path, "train") is None


def test_sha256(tmp_path: Path) -> None:
    write_whole(tmp_path / "x", b"abc")
    assert sha256_of(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


# --- what others put in the way --------------------------------------------------------------------
@pytest.fixture
def victim(tmp_path: Path) -> Path:
    (tmp_path / "victim").write_text("kept")
    return tmp_path / "victim"


def test_a_link_at_the_name_that_was_foreseeable_is_not_followed(tmp_path: Path, victim: Path) -> None:
    (tmp_path / f".x.{os.getpid()}.part").symlink_to(victim)
    write_whole(tmp_path / "x", "new")
    assert victim.read_text() == "kept" and (tmp_path / "x").read_text() == "new"


def test_a_temporary_file_is_a_new_one_that_nobody_foresees(tmp_path: Path) -> None:
    names = set()
    for _ in range(3):
        with whole_file(tmp_path / "x") as temporary:
            names.add(temporary.name)
            assert temporary.is_file() and not temporary.stat().st_size
    assert len(names) == 3


def test_a_name_that_is_taken_is_not_written_into(
    tmp_path: Path, victim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rvc_engine.disk.temporary_beside", lambda path: tmp_path / "planted.part")
    (tmp_path / "planted.part").symlink_to(victim)
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "x", "new")
    assert victim.read_text() == "kept" and (tmp_path / "planted.part").is_symlink()


def test_a_link_at_the_target_is_replaced(tmp_path: Path, victim: Path) -> None:
    (tmp_path / "x").symlink_to(victim)
    write_whole(tmp_path / "x", "new")
    assert victim.read_text() == "kept" and not (tmp_path / "x").is_symlink()


def test_a_temporary_file_that_was_exchanged_for_a_link_does_not_become_the_result(
    tmp_path: Path, victim: Path
) -> None:
    with pytest.raises(OSError), whole_file(tmp_path / "x") as temporary:
        temporary.unlink()
        temporary.symlink_to(victim)
    assert not os.path.lexists(tmp_path / "x") and victim.read_text() == "kept"


def test_leftovers_of_every_version_are_removed_and_what_cannot_be_is_left(tmp_path: Path) -> None:
    for name in (".G_10.pth.123.part", ".G_10.pth.123-0a1b2c3d.part"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / ".folder.1.part").mkdir()
    remove_temporaries(tmp_path, of=lambda name: name in ("G_10.pth", "folder"))
    assert [p.name for p in tmp_path.iterdir()] == [".folder.1.part"]


# --- what a file system cannot do ------------------------------------------------------------------
@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(disk, "_warned", set())
    monkeypatch.setattr(disk, "on_warning", lambda title, message: said.append(f"{title}: {message}"))
    return said


def failing(monkeypatch: pytest.MonkeyPatch, name: str, number: int, *, folders: bool | None = None) -> None:
    real = getattr(os, name)

    def call(first: object, *more: object, **options: object) -> object:
        if folders is None or stat.S_ISDIR(os.fstat(first).st_mode) == folders:  # type: ignore[arg-type]
            raise OSError(number, os.strerror(number), *((str(first), None, str(more[0])) if more else ()))
        return real(first, *more, **options)

    monkeypatch.setattr(os, name, call)


@pytest.mark.parametrize("code", ["EINVAL", "EIO", "EOPNOTSUPP", "EBADF", "EACCES", "ENOSYS", "ENOSPC"])
def test_a_folder_that_cannot_be_forced_to_the_disk_is_one_warning(
    code: str, tmp_path: Path, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, "fsync", getattr(errno, code), folders=True)
    for text in ("a", "b"):
        write_whole(tmp_path / "x", text)
    assert (tmp_path / "x").read_text() == "b" and len(warnings) == 1 and "folder" in warnings[0]


@pytest.mark.parametrize("code", ["EINVAL", "ENOSYS", "ENOTSUP"])
def test_a_file_that_cannot_be_forced_to_the_disk_is_one_warning(
    code: str, tmp_path: Path, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, "fsync", getattr(errno, code), folders=False)
    for text in ("a", "b"):
        write_whole(tmp_path / "x", text)
    assert (tmp_path / "x").read_text() == "b" and len(warnings) == 1


@pytest.mark.parametrize("code", ["EIO", "EDQUOT"])
def test_a_disk_that_fails_is_an_error(
    code: str, tmp_path: Path, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_whole(tmp_path / "x", "old")
    failing(monkeypatch, "fsync", getattr(errno, code), folders=False)
    with pytest.raises((OSError, RvcError)):
        write_whole(tmp_path / "x", "new")
    assert (tmp_path / "x").read_text() == "old" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("code", ["EXDEV", "EPERM", "EBUSY", "EOPNOTSUPP"])
def test_where_nothing_can_be_renamed_files_are_written_in_place(
    code: str, tmp_path: Path, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, "replace", getattr(errno, code))
    for text in ("a longer text", "b"):
        write_whole(tmp_path / "x", text)
    assert (tmp_path / "x").read_text() == "b" and len(warnings) == 1 and len(list(tmp_path.iterdir())) == 1


def test_a_file_of_somebody_else_is_not_written_into(
    tmp_path: Path, victim: Path, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, "replace", errno.EPERM)
    (tmp_path / "link").symlink_to(victim)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    for name in ("victim", "link"):
        with pytest.raises(PermissionError) as caught:
            write_whole(tmp_path / name, "new")
        assert caught.value.filename == str(tmp_path / name)
    assert victim.read_text() == "kept" and not warnings and len(list(tmp_path.iterdir())) == 2


def test_work_is_moved_to_another_file_system_that_keeps_no_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_whole(tmp_path / "a" / "b" / "x.txt", "text")
    (tmp_path / "a" / "link").symlink_to("b")
    failing(monkeypatch, "rename", errno.EXDEV)
    failing(monkeypatch, "utime", errno.EPERM)
    failing(monkeypatch, "chmod", errno.EPERM)
    target = move_to_backup([tmp_path / "a"], tmp_path, "train")
    assert target is not None and (target / "a" / "link" / "x.txt").read_text() == "text"
    assert (target / "a" / "link").is_symlink() and not (tmp_path / "a").exists()


def test_an_error_names_the_file_that_people_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def read_only(path: object, flags: int, *more: object) -> int:
        if flags & os.O_CREAT:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return real(path, flags, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", read_only)
    with pytest.raises(OSError) as caught:
        write_whole(tmp_path / "x", "new")
    assert caught.value.filename == str(tmp_path / "x")


def test_a_limit_of_the_shell_is_not_taken_for_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch says of both that a file write failed."""
    monkeypatch.setattr(disk.resource, "getrlimit", lambda what: (100, 100))
    with pytest.raises(OSError) as caught, whole_file(tmp_path / "x") as temporary:
        temporary.write_bytes(bytes(100))
        raise RuntimeError("[enforce fail at inline_container.cc:1] file write failed")
    assert caught.value.errno == errno.EFBIG and caught.value.filename == str(tmp_path / "x")
    with pytest.raises(disk.DiskFull), whole_file(tmp_path / "x") as temporary:
        raise RuntimeError("[enforce fail at inline_container.cc:1] file write failed")
