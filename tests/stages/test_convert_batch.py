"""A batch of recordings: one that cannot be read or written is reported, the next is converted, and the end says how
many were not."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rvc_engine.audio.io import decode, encode
from rvc_engine.conversion.request import plan_outputs
from rvc_engine.disk import DiskFull
from rvc_engine.errors import BadInput, RvcError, Stopped
from rvc_engine.events import Converted, Event, ItemSkipped, Progressed
from rvc_engine.settings import ConvertSettings
from rvc_engine.work import convert as stage
from rvc_engine.work.convert import convert_files
from rvc_engine.workspace import Workspace
from tests.conftest import Rvc
from tests.tiny_voice import save_voice, save_wave

SETTINGS = ConvertSettings(pitch_method="praat", device="cpu")


@pytest.fixture
def convert(tmp_path: Path) -> Callable[..., tuple[dict[str, str], dict[str, str], RvcError | None]]:
    """(results by source, reasons by source, the error at the end)."""
    workspace = Workspace(tmp_path / "home")
    voice = save_voice(workspace.weights / "v.pth")

    def run(inputs: list[Path], output: Path, meanwhile: Callable[[Event], None] = lambda event: None) -> Any:
        done, skipped = {}, {}
        try:
            for event in convert_files(voice, inputs, output, SETTINGS, None, workspace):
                meanwhile(event)
                if isinstance(event, Converted):
                    assert len(decode(Path(event.path), 16000)) > 1000
                    done[event.source] = event.path
                elif isinstance(event, ItemSkipped):
                    skipped[event.item] = event.reason
        except RvcError as error:
            return done, skipped, error
        return done, skipped, None

    return run


@pytest.fixture(params=["one after the other", "overlapped"])
def overlap(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """As on a CPU, and as on a GPU, which does not wait for reading and writing."""
    overlapped: bool = request.param == "overlapped"
    monkeypatch.setattr(stage._Prepared, "on_gpu", overlapped)
    return overlapped


def test_names_of_any_length_and_coding(convert: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "in"
    stems = [
        "x" * 250,
        "x" * 249 + "y",
        "声" * 83,
        "plain",
        os.fsdecode(b"caf\xe9 \xff"),
        " blank ",
        "-dash",
        "new\nline",
    ]
    waves = [save_wave(folder / f"{stem}.wav", 0.3) for stem in stems[:1]]
    for stem in stems[1:]:
        os.link(waves[0], folder / f"{stem}.wav")
    monkeypatch.setattr(SETTINGS, "format", "flac")
    done, skipped, error = convert([folder], tmp_path / "out")
    assert not skipped and error is None and len(done) == len(set(done.values())) == len(stems)
    assert os.path.basename(done[str(folder / f"{stems[4]}.wav")]) == f"{stems[4]}.flac"


@pytest.mark.parametrize("format", ["wav", "flac", "mp3", "m4a", "ogg"])
@pytest.mark.parametrize("stem", ["x" * 251, os.fsdecode(b"caf\xe9 \xff"), "a:b|c?"])
def test_every_format_is_written_under_any_name(format: str, stem: str, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff folder") / f"{stem[: 254 - len(format)]}.{format}"
    encode(path, (np.sin(np.arange(16000) / 9) * 9000).astype(np.int16), 16000, format)
    assert len(decode(path, 16000)) == pytest.approx(16000, abs=640) and os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("short_s", [300, 1], ids=["", "all of them long"])
def test_reading_and_writing_meanwhile_change_nothing(
    convert: Any, tmp_path: Path, short_s: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files alone, one after the other, and overlapped. `short_s`: what may be held beside another recording."""
    waves = [save_wave(tmp_path / f"{name}.wav", seconds) for name, seconds in (("a", 1.2), ("b", 1.4), ("c", 1.3))]
    threads: list[str] = []
    tracking: list[str] = []
    writing: list[str] = []

    def noted(source: Path, rate: int, *rest: Any) -> Any:
        made = decode(source, rate, *rest)
        threads.append(threading.current_thread().name.partition("_")[0])
        return made

    def levelled(spoken: stage.Spoken, samples: Any = stage.Spoken.samples) -> Any:
        writing.append(threading.current_thread().name.partition("_")[0])
        return samples(spoken)

    def tracked(converter: Any, source: Any, track: Any = stage.Converter._track) -> Any:
        tracking.append(threading.current_thread().name.partition("_")[0])
        return track(converter, source)

    monkeypatch.setattr(stage, "decode", noted)
    monkeypatch.setattr(stage.Spoken, "samples", levelled)
    monkeypatch.setattr(stage.Converter, "_track", tracked)
    for wave in waves:
        convert([wave], tmp_path / "alone")
    convert(waves, tmp_path / "turns")
    assert set(threads) == set(tracking) == set(writing) == {"MainThread"}
    for names in (threads, tracking, writing):
        names.clear()
    monkeypatch.setattr(stage._Prepared, "on_gpu", True)
    monkeypatch.setattr(stage, "SHORT_S", short_s)
    done, skipped, error = convert(waves, tmp_path / "overlapped")
    assert len(done) == 3 and not skipped and error is None
    assert threads == tracking == ["reader" if short_s == 300 else "MainThread"] * 3
    assert writing == ["writer"] * 3
    for name in ("a.wav", "b.wav", "c.wav"):
        made = [(tmp_path / folder / name).read_bytes() for folder in ("alone", "turns", "overlapped")]
        assert made[0] == made[1] == made[2]


def test_a_result_is_reported_while_the_next_recording_is_converted(
    convert: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waves = [save_wave(tmp_path / f"{name}.wav", 0.5) for name in "ab"]
    monkeypatch.setattr(stage._Prepared, "on_gpu", True)
    events: list[str] = []

    def meanwhile(event: Event) -> None:
        if isinstance(event, Converted):
            events.append(Path(event.source).name)
        elif isinstance(event, Progressed) and event.unit == "seconds" and event.item == "b.wav":
            if "b" not in events:
                end = time.monotonic() + 20
                while not (tmp_path / "out" / "a.wav").exists() and time.monotonic() < end:
                    time.sleep(0.01)
                time.sleep(0.1)
            events.append("b")

    convert(waves, tmp_path / "out", meanwhile)
    assert events == ["b", "a.wav", "b", "b.wav"]


@pytest.mark.parametrize("overlapped", [False, True])
def test_a_stop_leaves_whole_files(tmp_path: Path, overlapped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    waves = [save_wave(tmp_path / f"{name}.wav", 0.3) for name in "abcd"]
    monkeypatch.setattr(stage._Prepared, "on_gpu", overlapped)
    workspace = Workspace(tmp_path / "home")
    voice = save_voice(workspace.weights / "v.pth")
    written = stage.Written(tmp_path / "written.json")
    run = convert_files(voice, waves, tmp_path / "out", SETTINGS, None, workspace, written)
    for event in run:
        if isinstance(event, Converted):
            break
    run.close()
    whole = sorted((tmp_path / "out").iterdir())
    assert [str(path) for path in whole] == sorted(result["path"] for result in written.results.values())
    assert 1 <= len(whole) <= 3 and all(len(decode(path, 16000)) > 1000 for path in whole)
    again = stage.Written(tmp_path / "written.json")
    events = list(convert_files(voice, waves, tmp_path / "out", SETTINGS, None, workspace, again))
    assert sum(isinstance(event, Converted) for event in events) == 4


def test_results_that_cannot_be_written(convert: Any, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    first = save_wave(folder / "a.wav", 0.3)
    for name in ("b.wav", "c.wav", "d.wav"):
        os.link(first, folder / name)
    (out / "b.wav").mkdir(parents=True)

    def meanwhile(event: Event) -> None:
        if isinstance(event, Converted) and event.source.endswith("a.wav"):
            (folder / "c.wav").unlink()

    done, skipped, error = convert([folder], out, meanwhile)
    assert {os.path.basename(source) for source in done} == {"a.wav", "d.wav"}
    assert "is a folder" in skipped[str(folder / "b.wav")] and "no such file" in skipped[str(folder / "c.wav")]
    assert error is not None and error.exit_code == 1 and error.title == "2 of 4 recordings could not be converted"
    assert "b.wav" in error.message and "1 more" in error.message and "--output" in error.hint
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENAMETOOLONG, errno.EIO])
def test_an_error_of_the_system_at_one_result(
    convert: Any, tmp_path: Path, number: int, overlap: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    waves = [save_wave(tmp_path / f"{name}.wav", 0.3) for name in "abc"]

    def fails_once(path: Path, *rest: Any) -> None:
        if path.name == "a.wav":
            raise OSError(number, os.strerror(number), str(path))
        encode(path, *rest)

    monkeypatch.setattr(stage, "encode", fails_once)
    done, skipped, error = convert(waves, tmp_path / "out")
    assert len(done) == 2 and os.strerror(number) in skipped[str(waves[0])] and error.title.startswith("1 of 3")
    assert "another player" not in error.hint


@pytest.mark.parametrize(
    "raised",
    [ValueError("x\ny"), IndexError(), RuntimeError("CUDA error"), MemoryError(), RvcError("Odd", "why", "do")],
)
def test_what_nobody_thought_of_in_one_recording(
    convert: Any, tmp_path: Path, raised: Exception, overlap: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    waves = [save_wave(tmp_path / f"{name}.wav", 0.3) for name in "ab"]

    def fails(source: Path, rate: int, *rest: Any) -> Any:
        if source.name == "a.wav":
            raise raised
        return decode(source, rate, *rest)

    monkeypatch.setattr(stage, "decode", fails)
    done, skipped, error = convert(waves, tmp_path / "out")
    assert len(done) == len(skipped) == 1 and error.title.startswith("1 of 2") and "\n" not in str(error)


@pytest.mark.parametrize("ends", [DiskFull("The disk is full"), Stopped("stopped")])
def test_what_would_end_the_others_too(
    convert: Any, tmp_path: Path, ends: RvcError, overlap: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    waves = [save_wave(tmp_path / f"{name}.wav", 0.3) for name in "ab"]

    def full(*rest: Any) -> None:
        raise ends

    monkeypatch.setattr(stage, "encode", full)
    done, skipped, error = convert(waves, tmp_path / "out")
    assert (done, skipped, error) == ({}, {}, ends)


def test_a_full_disk_is_reported_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def __init__(self, file: Any) -> None:
            self.file = file

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *error: object) -> None:
            self.file.close()

        def write(self, data: bytes) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    opened = Path.open
    monkeypatch.setattr(
        Path,
        "open",
        lambda path, mode="r", *a, **k: (
            Full(opened(path, mode, *a, **k)) if mode == "wb" else opened(path, mode, *a, **k)
        ),
    )
    with pytest.raises(DiskFull):
        encode(tmp_path / "a.flac", np.zeros(16000, np.int16), 16000, "flac")
    assert not list(tmp_path.iterdir())


def test_what_lies_beside_recordings_is_no_failure(convert: Any, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    save_wave(folder / "a.wav", 0.3)
    for name in ("notes.txt", "cover.jpg", "Thumbs.db", "list.m3u8", "a.json"):
        (folder / name).write_text("no sound")
    done, skipped, error = convert([folder], tmp_path / "out")
    assert len(done) == 1 and len(skipped) == 5 and error is None
    done, skipped, error = convert([folder, folder / "notes.txt"], tmp_path / "out2")  # but that one was asked for
    assert len(done) == 1 and error is not None and error.title.startswith("1 of 6")


def test_nothing_is_written_over_by_another_of_the_same_name(tmp_path: Path) -> None:
    """As file systems see it that take letters in either case, or in either form, for one."""
    files = [
        tmp_path / d / n
        for d, n in (("1", "é.wav"), ("2", "e\u0301.wav"), ("3", "É.wav"), ("4", "x" * 251), ("5", "x" * 251))
    ]
    for path in files:
        path.parent.mkdir()
        path.touch()
    targets = [target for _, target, _ in plan_outputs(files, tmp_path / "out", SETTINGS)]
    assert len({target.name.casefold().replace("e\u0301", "é") for target in targets}) == 5
    assert max(len(os.fsencode(target.name)) for target in targets) <= 255


@pytest.mark.parametrize("name", ["x" * 300 + ".wav", "/".join(["y" * 200] * 25), "file/below.wav"])
def test_a_path_that_cannot_be_looked_at(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput) as caught:
        plan_outputs([tmp_path / name], tmp_path / "out", SETTINGS)
    assert caught.value.exit_code == 2


@pytest.mark.soak
def test_the_command_ends_with_1_and_names_what_is_there(rvc: Rvc, home: Path, tmp_path: Path) -> None:
    save_voice(home / "weights" / "v.pth")
    folder = tmp_path / "in"
    first = save_wave(folder / ("x" * 250 + ".wav"), 0.3)
    os.link(first, os.fsencode(folder) + b"/caf\xe9.wav")
    (folder / "broken.wav").write_bytes(b"RIFF")
    done = rvc(
        "convert",
        "v",
        folder,
        "--output",
        tmp_path / "out",
        "--pitch-method",
        "praat",
        "--device",
        "cpu",
        "--format",
        "flac",
        "--json",
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1, done.stderr
    assert events[-1]["event"] == "StageFailed" and events[-1]["title"] == "1 of 3 recordings could not be converted"
    paths = [event["path"] for event in events if event["event"] == "Converted"]
    assert len(paths) == 2 and all(os.path.getsize(path) > 100 for path in paths)
