"""One usable clip or more always trains; none is bad input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from rvc_engine.events import RunFinished, StageFailed, TrainStepped, Warned
from tests.faults.conftest import Row
from tests.faults.harness import NAME, SETTINGS, Voice, events_in

ONE = "One usable clip or more always trains, with a warning below 1 minute"
QUICK = {**SETTINGS, "train.epochs": "2"}
WORDS = ("--preset", "starter-tiny", *(word for key, value in QUICK.items() for word in ("--set", f"{key}={value}")))


@pytest.mark.parametrize("clips", [1, pytest.param(2, marks=pytest.mark.soak)])
@pytest.mark.soak
def test_few_clips_train(row: Row, tmp_path: Path, speech: list[Path], clips: int) -> None:
    row.of("A set of one clip, and of two", ONE)
    folder = tmp_path / "recordings"
    folder.mkdir()
    for path in speech[:clips]:
        samples, rate = soundfile.read(path)
        soundfile.write(folder / f"{path.stem}.wav", samples[: int(2.5 * rate)], rate)
    voice = Voice(tmp_path / "home")
    events = voice.finish("--dataset", folder, *WORDS)
    assert len(voice.experiment.clips()) == clips
    assert isinstance(events[-1], RunFinished)
    assert any(isinstance(event, TrainStepped) for event in events)
    warned = [event.title for event in events if isinstance(event, Warned)]
    assert any("minute" in title or " s" in title for title in warned), warned
    row.saw(f"{clips}: trained, warned {warned[0]!r}")


@pytest.mark.parametrize(
    "content", ["silence", *(pytest.param(what, marks=pytest.mark.soak) for what in ("nothing", "text"))]
)
def test_no_usable_clip_is_bad_input(row: Row, tmp_path: Path, content: str) -> None:
    row.of("A set without a usable clip", "Bad input is found before anything is written (exit 2)")
    folder, home = tmp_path / "recordings", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    if content == "silence":
        soundfile.write(folder / "silence.wav", np.zeros(3 * 16000, np.float32), 16000)
    elif content == "text":
        (folder / "notes.wav").write_text("this is no recording")
    done = Voice(home).run("--dataset", folder, *WORDS)
    assert done.returncode == 2, done.stdout + done.stderr
    assert list(home.iterdir()) == []
    row.saw(
        f"{content}: exit 2, {done.stderr.strip().splitlines()[-1].replace(str(tmp_path), '')[:90]!r}, nothing written"
    )


@pytest.mark.soak
@pytest.mark.parametrize("stage", ["pitch", "features"])
def test_a_stage_that_skips_every_clip_fails(row: Row, tmp_path: Path, recordings: Path, stage: str) -> None:
    row.of(
        "Every clip is skipped at a stage",
        "A stage with every item skipped fails (exit 1) with the cause and the fix",
    )
    voice = Voice(tmp_path)
    voice.finish("--dataset", recordings, *WORDS, "--until", "preprocess" if stage == "pitch" else "pitch")
    clips = sorted(voice.experiment.wavs_16k.glob("*.wav"))
    good = [path.read_bytes() for path in clips]
    for path, content in zip(clips, good, strict=True):
        path.write_bytes(bytes(len(content)))  # the same size: only reading it shows it
    done = voice.run("--until", stage)
    assert done.returncode == 1, done.stdout
    end = events_in(done.stdout)[-1]
    assert isinstance(end, StageFailed) and end.stage == stage and end.hint
    row.saw(f"{stage}: exit 1, {end.title!r}, fix {end.hint!r}")
    for path, content in zip(clips, good, strict=True):
        path.write_bytes(content)
    voice.finish("--until", stage)
    assert voice.name == NAME
