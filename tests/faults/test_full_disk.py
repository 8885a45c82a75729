"""A full disk pauses the run; with room it resumes; after a time it ends, with nothing lost."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rvc_engine.disk import free_bytes
from rvc_engine.events import ItemSkipped, Paused, Resumed, RunFinished, StageFailed
from rvc_engine.registry import STAGES
from rvc_engine.run import launcher
from rvc_engine.run.journal import read
from rvc_engine.run.pipeline import back_up_stage
from tests.faults.conftest import Row
from tests.faults.harness import Voice, clip_differences, copy_prepared, differences, events_in, faults, has, wait_for

PAUSES = "A full disk pauses the run with an event and it resumes when there is room, with nothing lost"
ENDS_CLEANLY = "A disk that stays full ends the run cleanly after a time, with nothing lost"
SIZE = 48 << 20
LEFT = 600_000  # room for journal and heartbeat, not for a checkpoint


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 48 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a tmpfs is not permitted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path, left: int) -> Path:
    """A ballast file that leaves `left` bytes."""
    ballast = folder / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, free_bytes(folder) - left))
    return ballast


def test_a_full_disk_pauses_the_run(
    row: Row, small_disk: Path, prepared: Callable[[Path], Voice], reference: Voice
) -> None:
    row.of("A full tmpfs, then room is made", PAUSES)
    voice = prepared(small_disk)
    ballast = fill(small_disk, LEFT)
    engine = voice.start()
    wait_for(lambda: has(engine, Paused) or not engine.alive, "the pause")
    assert has(engine, Paused), list(read(engine.journal))[-1]
    paused = next(event for event in read(engine.journal) if isinstance(event, Paused))
    ballast.unlink()
    assert engine.process is not None and engine.process.wait(90) == 0
    assert has(engine, Resumed) and isinstance(voice.last_run()[-1], RunFinished)
    assert differences(voice, reference) == [] and voice.steps() == reference.steps()
    row.saw(
        f"paused with {paused.free_bytes >> 10} KiB free of {paused.needed_bytes >> 10} needed, resumed, the same "
        "weights"
    )


@pytest.mark.parametrize(
    "stage", [pytest.param(n, marks=pytest.mark.soak) for n in ("preprocess", "pitch", "features", "index")]
)
def test_a_full_disk_pauses_every_stage(row: Row, small_disk: Path, reference: Voice, stage: str) -> None:
    row.of("A full tmpfs during preprocess, pitch, features and index, then room is made", PAUSES)
    voice = copy_prepared(reference.experiment, small_disk)
    settings = voice.experiment.load_settings()
    shutil.rmtree(voice.experiment.path("mute"))
    for name in ("preprocess", "pitch", "features")[{"preprocess": 0, "pitch": 1, "features": 2, "index": 3}[stage] :]:
        back_up_stage(STAGES.get(name), voice.experiment, settings)
    shutil.rmtree(voice.experiment.path("aside"), ignore_errors=True)
    ballast = fill(small_disk, LEFT // 10)
    engine = launcher.start(voice.experiment, settings, ["preprocess", "pitch", "features", "index"])
    wait_for(lambda: has(engine, Paused) or free_bytes(small_disk) < 8192 or not engine.alive, "the pause")
    assert engine.process is not None
    with pytest.raises(subprocess.TimeoutExpired):
        engine.process.wait(4)
    ballast.unlink()
    assert engine.process.wait(90) == 0 and isinstance(voice.last_run()[-1], RunFinished)
    outcome = "paused" if has(engine, Resumed) else "not one byte left for the journal, waited"
    assert not any(isinstance(event, ItemSkipped) for event in voice.last_run())
    assert clip_differences(voice, reference) == [] and voice.leftovers() == []
    row.saw(f"before {stage}: {outcome}, continued, the same files")


@pytest.mark.soak
def test_a_disk_that_stays_full_ends_the_run(
    row: Row, small_disk: Path, prepared: Callable[[Path], Voice], reference: Voice
) -> None:
    row.of("A full tmpfs that stays full for longer than train.disk_wait_s", ENDS_CLEANLY)
    voice = prepared(small_disk)
    ballast = fill(small_disk, LEFT)
    done = voice.rvc("run", voice.name, "--plain", "--set", "train.disk_wait_s=2", timeout=120)
    assert done.returncode == 1, done.stdout + done.stderr
    last = done.stdout.rstrip().splitlines()[-1]
    assert "disk is full" in last
    end = voice.last_run()[-1]
    assert isinstance(end, StageFailed) and "disk is full" in end.title
    ballast.unlink()
    voice.finish()
    assert differences(voice, reference) == [] and voice.steps() == reference.steps()
    row.saw(f"exit 1, {last[:80]!r}; with room the next run finished with the same weights", runs=2)


@pytest.mark.soak
def test_not_one_byte_left(row: Row, small_disk: Path, prepared: Callable[[Path], Voice], reference: Voice) -> None:
    row.of("Not one byte left on a tmpfs: journal, heartbeat and log cannot be written either", PAUSES)
    voice = prepared(small_disk)
    engine = voice.start()
    wait_for(lambda: len(voice.steps()) > 2, "training")
    ballast = fill(small_disk, 0)
    assert engine.process is not None
    with pytest.raises(subprocess.TimeoutExpired):
        engine.process.wait(12)
    ballast.unlink()
    assert engine.process.wait(90) == 0
    assert differences(voice, reference) == [] and voice.steps() == reference.steps()
    row.saw("the run waited for 12 s, resumed by itself and finished with the same weights")


@pytest.mark.parametrize("file", [pytest.param(n, marks=pytest.mark.soak) for n in (1, 2, 3, 4)])
def test_no_room_injected(
    row: Row, tmp_path: Path, prepared: Callable[[Path], Voice], reference: Voice, file: int
) -> None:
    row.of("ENOSPC injected in the middle of a checkpoint file", PAUSES)
    voice = prepared(tmp_path)
    with faults(f"enospc@{file}:3"):
        events = voice.finish()
    kinds = [type(event) for event in events]
    assert Paused in kinds and kinds.index(Paused) < kinds.index(Resumed)
    assert differences(voice, reference) == [] and voice.steps() == reference.steps()
    resumed = next(event for event in events if isinstance(event, Resumed))
    row.saw(f"file {file}: paused for {resumed.waited_s:.0f} s, resumed, the same weights")


@pytest.mark.soak
def test_no_room_injected_for_too_long(
    row: Row, tmp_path: Path, prepared: Callable[[Path], Voice], reference: Voice
) -> None:
    row.of("ENOSPC injected for longer than train.disk_wait_s", ENDS_CLEANLY)
    voice = prepared(tmp_path)
    with faults("enospc@2:60"):
        done = voice.run("--set", "train.disk_wait_s=2")
    assert done.returncode == 1
    end = events_in(done.stdout)[-1]
    assert isinstance(end, StageFailed) and "disk is full" in end.title
    voice.finish()
    assert differences(voice, reference) == [] and voice.steps() == reference.steps()
    row.saw("exit 1; the next run finished with the same weights", runs=2)
