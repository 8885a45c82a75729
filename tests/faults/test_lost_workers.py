"""A worker process that is killed, as the system's out-of-memory killer does it."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from rvc_engine.events import StageFailed
from tests.faults.conftest import Row
from tests.faults.harness import Voice, clip_differences, settings_for, stage_under_way, wait_for, workers_of


@pytest.mark.soak
@pytest.mark.parametrize("stage", ["preprocess", "pitch"])
def test_a_killed_worker_is_reported_and_the_next_run_finishes(
    row: Row, tmp_path: Path, recordings: Path, reference: Voice, stage: str
) -> None:
    row.of(
        "A worker process killed with SIGKILL",
        "A worker killed by the out-of-memory killer: failed (exit 1), with the cause and the fix",
    )
    voice = Voice(tmp_path)
    engine = voice.start(settings_for(recordings))
    workers: list[psutil.Process] = []

    def found() -> bool:
        workers[:] = workers_of(engine) if stage_under_way(engine.journal) == stage else []
        return bool(workers)

    wait_for(found, f"workers of {stage}")
    workers[0].kill()
    assert engine.process is not None and engine.process.wait(60) == 1
    end = voice.last_run()[-1]
    assert isinstance(end, StageFailed) and end.stage == stage and "worker" in end.title and end.hint
    row.saw(f"{stage}: exit 1, {end.title!r}, fix {end.hint!r}")
    voice.finish("--until", "features")
    assert clip_differences(voice, reference) == []
    row.saw(f"{stage}: the next run finished with the same clips, pitch and features")
