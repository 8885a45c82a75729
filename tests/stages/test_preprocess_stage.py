"""The preprocess stage on folders as people have them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from rvc_engine.audio.clipping import clips_of
from rvc_engine.audio.io import decode, encode, read_wav
from rvc_engine.dataset.clip_table import ClipRow, SourceRow, read_rows, write_rows
from rvc_engine.errors import BadInput, RvcError
from rvc_engine.events import Event, ItemSkipped, MovedAside, Progressed
from rvc_engine.experiment import Experiment
from rvc_engine.machine.workers import results_of
from rvc_engine.settings import ExperimentSettings, for_preset
from rvc_engine.work import preprocess
from rvc_engine.workspace import Workspace


def sound(path: Path, seconds: float, level: float = 0.4, format: str = "flac") -> Path:
    t = np.arange(int(seconds * 16000)) / 16000
    wave = level * np.sin(2 * np.pi * 220 * t) * (1 + 0.5 * np.sin(2 * np.pi * 3 * t)) / 1.5
    encode(path, (wave * 32767).astype(np.int16), 16000, format)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "my recordings"
    path.mkdir()
    return path


@pytest.fixture
def experiment(home: Path) -> Experiment:
    return Workspace(home).experiment("voice")


def settings_for(folder: Path, **changed: object) -> ExperimentSettings:
    settings = for_preset("starter", dataset=str(folder))
    for name, value in {"workers": 1, **changed}.items():
        setattr(settings.preprocess, name, value)
    return settings


def events_of(experiment: Experiment, settings: ExperimentSettings) -> list[Event]:
    return list(preprocess.run(experiment, settings))


def skipped(events: list[Event]) -> dict[str, str]:
    return {event.item: event.reason for event in events if isinstance(event, ItemSkipped)}


def clips_by_source(experiment: Experiment) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in read_rows(experiment.clips_csv, ClipRow):
        found.setdefault(row.source, []).append(row.clip)
    return found


# --- what comes out --------------------------------------------------------------------------------
def test_real_speech_with_the_defaults(experiment: Experiment, dataset: Path) -> None:
    settings = settings_for(dataset)
    assert (settings.preprocess.high_pass, settings.preprocess.clip_s) == ("zero_phase", 4.0)
    events = events_of(experiment, settings)
    assert isinstance(events[0], Progressed) and (events[0].done, events[0].total, events[0].unit) == (0, 3, "files")
    assert isinstance(events[-1], Progressed) and events[-1].done == 3
    rows = read_rows(experiment.clips_csv, ClipRow)
    assert [row.clip for row in rows] == experiment.clips() and len(rows) >= 3
    rate = settings.model.sample_rate
    first = sorted(dataset.iterdir())[0]
    wanted = [clip for clip in clips_of(decode(first, rate), preprocess.clip_rules(settings)) if not clip.refused]
    for row, clip in zip((row for row in rows if row.source == first.name), wanted, strict=True):
        samples, read_rate = read_wav(experiment.ground_truth / f"{row.clip}.wav")
        assert read_rate == rate and np.abs(samples - clip.samples).max() < 1e-4
        assert row.seconds == len(samples) / rate and -60 < row.level < 0
        twin, twin_rate = read_wav(experiment.wavs_16k / f"{row.clip}.wav")
        assert twin_rate == 16000 and len(twin) == -(-len(samples) * 16000 // rate)
    sources = read_rows(experiment.sources_csv, SourceRow)
    assert [row.outcome for row in sources] == ["used"] * 3 and sum(row.clips for row in sources) == len(rows)
    assert not list(experiment.folder.rglob(".*"))


def test_clips_are_four_seconds_with_their_overlap(experiment: Experiment, folder: Path) -> None:
    sound(folder / "long.wav", 12.5)
    events_of(experiment, settings_for(folder))
    rows = read_rows(experiment.clips_csv, ClipRow)
    assert [row.clip for row in rows] == ["0_0", "0_1", "0_2", "0_3"]
    assert [round(row.start_s, 3) for row in rows] == [0, 3.7, 7.4, 11.1] and rows[0].seconds == 4.0


@pytest.mark.soak
def test_workers_give_the_same(experiment: Experiment, dataset: Path, home: Path) -> None:
    shutil.copy(sorted(dataset.iterdir())[0], dataset / "again.flac")
    other = Workspace(home).experiment("other")
    events_of(experiment, settings_for(dataset, workers=1))
    events_of(other, settings_for(dataset, workers=2))
    assert experiment.clips_csv.read_bytes() == other.clips_csv.read_bytes()
    for clip in experiment.clips():
        assert (experiment.ground_truth / f"{clip}.wav").read_bytes() == (
            other.ground_truth / f"{clip}.wav"
        ).read_bytes()


# --- folders that are not what they should be ------------------------------------------------------
def refused(experiment: Experiment, settings: ExperimentSettings) -> str:
    with pytest.raises(BadInput) as caught:
        preprocess.check_ready(experiment, settings)
    assert not experiment.folder.exists() and caught.value.hint
    return str(caught.value)


def test_an_empty_folder(experiment: Experiment, folder: Path) -> None:
    assert "empty" in refused(experiment, settings_for(folder))
    (folder / "inner").mkdir()
    sound(folder / "inner" / "a.wav", 2)
    assert "--subfolders" in refused(experiment, settings_for(folder))
    preprocess.check_ready(experiment, settings_for(folder, subfolders=True))


def test_a_folder_without_one_usable_recording(experiment: Experiment, folder: Path) -> None:
    (folder / "a.txt").write_text("words\n" * 50)
    assert "not audio" in refused(experiment, settings_for(folder))
    encode(folder / "b.wav", np.zeros(48000, np.int16), 16000, "wav")
    assert "silent" in refused(experiment, settings_for(folder))
    sound(folder / "c.wav", 0.2)
    assert "too short: 0.20 s" in refused(experiment, settings_for(folder))
    sound(folder / "d.mp3", 4, format="mp3")
    (folder / "d.mp3").write_bytes((folder / "d.mp3").read_bytes()[:20000])
    assert "1 more" in refused(experiment, settings_for(folder))
    with pytest.raises(BadInput):
        events_of(experiment, settings_for(folder))


def test_bad_files_among_good_ones_are_skipped_with_a_reason(experiment: Experiment, folder: Path) -> None:
    sound(folder / "good.mp3", 3, format="mp3")
    data = sound(folder / "cut.mp3", 6, format="mp3").read_bytes()
    (folder / "cut.mp3").write_bytes(data[: len(data) // 2])
    (folder / "notes.txt").write_text("words")
    sound(folder / "hm.wav", 0.2)
    encode(folder / "still.wav", np.zeros(48000, np.int16), 16000, "wav")
    preprocess.check_ready(experiment, settings_for(folder))
    reasons = skipped(events_of(experiment, settings_for(folder)))
    assert reasons.keys() == {"cut.mp3", "notes.txt", "hm.wav", "still.wav"}
    assert "ends early" in reasons["cut.mp3"] and "short" in reasons["hm.wav"] and "silent" in reasons["still.wav"]
    assert list(clips_by_source(experiment)) == ["good.mp3"]
    outcomes = {row.source: row.outcome for row in read_rows(experiment.sources_csv, SourceRow)}
    assert outcomes == {"good.mp3": "used", **reasons}


def test_a_clip_that_is_refused_is_named_by_its_place(experiment: Experiment, folder: Path) -> None:
    loud, pause = np.sin(np.arange(32000) / 5), np.zeros(16000)
    wave = np.concatenate([0.5 * loud, pause, 0.5 * loud[:3000], pause, 0.5 * loud, pause])
    encode(folder / "a.wav", (wave * 32767).astype(np.int16), 16000, "wav")
    reasons = skipped(events_of(experiment, settings_for(folder, min_length_ms=100, max_silence_ms=0)))
    assert len(reasons) == 1 and next(iter(reasons)).startswith("a.wav at 3.0") and experiment.clips() == ["0_0", "0_1"]


def test_any_file_name(experiment: Experiment, folder: Path) -> None:
    names = [
        "two words.flac",
        'it\'s "quoted", yes.flac',
        "声 録音.flac",
        "mañana 😀.flac",
        "line\nbreak.flac",
        "cr\rlf.flac",
        "-x",
        "a.txt",
    ]
    names.append(os.fsdecode(b"caf\xe9.wav"))
    for name in names:
        sound(folder / name, 1)
    assert skipped(events_of(experiment, settings_for(folder))) == {}
    assert clips_by_source(experiment).keys() == set(names)
    assert {row.source for row in read_rows(experiment.sources_csv, SourceRow)} == set(names)
    assert len(events_of(experiment, settings_for(folder))) == 1, "all are recognised"


# --- resuming from what is there -------------------------------------------------------------------
def test_numbers_stay_when_files_come_and_go(experiment: Experiment, folder: Path) -> None:
    for name in ("b.wav", "d.wav"):
        sound(folder / name, 1)
    events_of(experiment, settings_for(folder))
    before = clips_by_source(experiment)
    assert before == {"b.wav": ["0_0"], "d.wav": ["1_0"]}
    stamp = (experiment.ground_truth / "1_0.wav").stat().st_mtime_ns
    derived = [
        experiment.pitch_hz / "0_0.wav.npy",
        experiment.features(256) / "0_0.npy",
        experiment.features(256) / "1_0.npy",
    ]
    for path in derived:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    sound(folder / "a.wav", 1, level=0.3)
    (folder / "b.wav").unlink()
    events = events_of(experiment, settings_for(folder))
    moved = [event for event in events if isinstance(event, MovedAside)]
    assert len(moved) == 1 and clips_by_source(experiment) == {"d.wav": ["1_0"], "a.wav": ["2_0"]}
    assert (experiment.ground_truth / "1_0.wav").stat().st_mtime_ns == stamp
    assert [path.exists() for path in derived] == [False, False, True]
    backup = {path.name for path in Path(moved[0].path).rglob("*.*")}
    assert backup == {"0_0.wav", "0_0.npy", "0_0.wav.npy"}


def test_a_changed_file_is_cut_again_under_its_number(experiment: Experiment, folder: Path) -> None:
    sound(folder / "a.wav", 1)
    sound(folder / "b.wav", 1)
    events_of(experiment, settings_for(folder))
    sound(folder / "a.wav", 9)
    events_of(experiment, settings_for(folder))
    assert clips_by_source(experiment) == {"a.wav": ["0_0", "0_1", "0_2"], "b.wav": ["1_0"]}


def test_a_stopped_run_resumes(experiment: Experiment, folder: Path) -> None:
    for name in "abcd":
        sound(folder / name, 5)
    run = preprocess.run(experiment, settings_for(folder))
    while not (isinstance(event := next(run), Progressed) and event.done == 2):
        pass
    run.close()
    assert [row.outcome for row in read_rows(experiment.sources_csv, SourceRow)] == [
        "used",
        "used",
        "waiting",
        "waiting",
    ]
    (experiment.ground_truth / "3_0.wav").write_bytes(b"half a file that was being cut")
    (experiment.ground_truth / ".3_1.wav.99.part").write_bytes(b"torn")
    events = events_of(experiment, settings_for(folder))
    assert isinstance(events[0], Progressed) and (events[0].done, events[0].total) == (2, 4)
    assert clips_by_source(experiment) == {name: [f"{i}_0", f"{i}_1"] for i, name in enumerate("abcd")}
    assert not experiment.path("aside").exists() and not list(experiment.folder.rglob(".*"))


def test_a_missing_or_torn_clip_is_made_again(experiment: Experiment, folder: Path) -> None:
    sound(folder / "a.wav", 1)
    sound(folder / "b.wav", 1)
    events_of(experiment, settings_for(folder))
    whole = (experiment.ground_truth / "0_0.wav").read_bytes()
    (experiment.ground_truth / "0_0.wav").write_bytes(whole[:100])
    (experiment.wavs_16k / "1_0.wav").unlink()
    events_of(experiment, settings_for(folder))
    assert (experiment.ground_truth / "0_0.wav").read_bytes() == whole and (experiment.wavs_16k / "1_0.wav").is_file()


def test_stopping_ends_the_workers(experiment: Experiment, folder: Path) -> None:
    for i in range(6):
        sound(folder / f"{i}.wav", 20)
    run = preprocess.run(experiment, settings_for(folder, workers=2))
    while not (isinstance(event := next(run), Progressed) and event.done == 1):
        pass
    run.close()
    rows = read_rows(experiment.clips_csv, ClipRow)
    assert rows and not list(experiment.folder.rglob(".*"))
    events_of(experiment, settings_for(folder))
    assert len(clips_by_source(experiment)) == 6


def die(task: int) -> int:
    os._exit(9)


def test_a_worker_that_dies_is_reported() -> None:
    with pytest.raises(RvcError, match="ended unexpectedly") as caught:
        list(results_of(die, [1, 2], 1))
    assert "--workers 1" in caught.value.hint


def test_tables_survive_anything(tmp_path: Path) -> None:
    rows = [
        ClipRow("0_0", 0, name, 0.1 + 0.2, 4.0, -20.5)
        for name in ('"', ",", "\n", "\r\n", "'", "😀", os.fsdecode(b"\xff"), " a ")
    ]
    write_rows(tmp_path / "a.csv", ClipRow, rows)
    assert read_rows(tmp_path / "a.csv", ClipRow) == rows
    (tmp_path / "a.csv").write_bytes((tmp_path / "a.csv").read_bytes()[:60])
    assert len(read_rows(tmp_path / "a.csv", ClipRow)) <= 1
    assert read_rows(tmp_path / "none.csv", ClipRow) == []
