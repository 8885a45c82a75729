"""Odd and damaged recordings through preprocess, dataset and convert: each used or refused, for the same reason
everywhere."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from rvc_engine.audio import container
from rvc_engine.audio.io import decode
from rvc_engine.audio.notes import Note, Notices
from rvc_engine.audio.survey import survey
from rvc_engine.commands.cli import main
from rvc_engine.dataset.clip_table import USED, SourceRow, read_rows
from rvc_engine.dataset.report import FileReport
from rvc_engine.dataset.survey import measure_file, recordings_in
from rvc_engine.errors import BadInput, RvcError, UnusableRecording
from rvc_engine.events import Converted, Event, ItemSkipped, Warned
from rvc_engine.settings import ConvertSettings, for_preset
from rvc_engine.work import preprocess
from rvc_engine.work.convert import convert_files
from rvc_engine.workspace import Workspace
from tests.audio.odd_files import CASES, MORE, RATE, Case, encoded, voice, wav, write_all
from tests.conftest import Rvc


@dataclass
class Outcome:
    """What the three say of each file: why it is left out ("" where it is used), and the events of preprocess and
    convert."""

    folder: Path
    preprocess: dict[str, str]
    dataset: dict[str, FileReport]
    convert: dict[str, str]
    peaks: dict[str, float]
    events: list[Event]

    def warned(self, name: str, stage: str) -> list[str]:
        return [
            e.title
            for e in self.events
            if isinstance(e, Warned) and e.stage == stage and e.title.startswith(f"{name}:")
        ]


@pytest.fixture(scope="module")
def likely(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return outcome_of(CASES, tmp_path_factory)


@pytest.fixture(scope="module")
def less_likely(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return outcome_of(MORE, tmp_path_factory)


@pytest.fixture
def outcome(case: Case, request: pytest.FixtureRequest) -> Outcome:
    found: Outcome = request.getfixturevalue("likely" if case in CASES else "less_likely")
    return found


def outcome_of(cases: list[Case], tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder, home = tmp_path_factory.mktemp("odd"), tmp_path_factory.mktemp("home")
    write_all(cases, folder)
    workspace = Workspace(home)
    listed, preprocess.Notices.LISTED = preprocess.Notices.LISTED, 1000
    events = list(preprocess.run(experiment := workspace.experiment("odd"), settings_for(folder)))
    preprocess.Notices.LISTED = listed
    rows = {row.source: row.outcome for row in read_rows(experiment.sources_csv, SourceRow)}
    converted, more = converted_files(
        [folder / case.name for case in cases if case.is_converted], home / "out", workspace
    )
    return Outcome(
        folder,
        {name: "" if reason == USED else reason for name, reason in rows.items()},
        {task.name: measure_file(task) for task in recordings_in(folder)},
        {os.path.basename(e.item): e.reason for e in more if isinstance(e, ItemSkipped)},
        {name: float(np.abs(decode(path, RATE)).max()) for name, path in converted.items()},
        [*events, *more],
    )


def settings_for(folder: Path):
    settings = for_preset("starter-tiny", dataset=str(folder))
    settings.preprocess.workers, settings.preprocess.min_clip_s = 1, 0.45
    return settings


def converted_files(inputs: list[Path], out: Path, workspace: Workspace) -> tuple[dict[str, Path], list[Event]]:
    import torch

    from rvc_engine.models.synthesizer import Synthesizer
    from rvc_engine.presets import model_config
    from rvc_engine.voices.small_model import write_small_model

    torch.manual_seed(1)
    config = model_config("starter-tiny")
    workspace.weights.mkdir(parents=True)
    model = workspace.weights / "voice.pth"
    write_small_model(
        model,
        Synthesizer(config, posterior=False).state_dict(),
        config,
        epoch=1,
        step=2,
        extra={"unvoiced": "interpolate"},
    )
    settings = ConvertSettings(pitch_method="praat", device="cpu")
    events: list[Event] = []
    try:
        for event in convert_files(model, inputs, out, settings, None, workspace):
            events.append(event)
    except RvcError as error:  # at the end, for those that could not be converted
        assert "could not be converted" in error.title
    return {os.path.basename(e.source): Path(e.path) for e in events if isinstance(e, Converted)}, events


ALL = pytest.mark.parametrize(
    "case",
    [
        *(pytest.param(case, id=case.name) for case in CASES),
        *(pytest.param(case, id=case.name, marks=pytest.mark.soak) for case in MORE),
    ],
)


@ALL
def test_used_or_left_out_for_the_right_reason(outcome: Outcome, case: Case) -> None:
    report = outcome.dataset[case.name]
    assert outcome.preprocess[case.name] == report.unusable, "one decision"
    if case.reason:
        assert case.reason in report.unusable
    else:
        assert report.unusable == "" and report.readable and report.usable_seconds > 0.4
    refused = bool(case.reason) and not case.converts
    if case.is_converted:
        assert (case.name in outcome.convert, case.name in outcome.peaks) == (refused, not refused)
    if refused:
        assert outcome.convert[case.name] == report.unusable


@ALL
def test_what_is_said_of_it(outcome: Outcome, case: Case) -> None:
    notes = set(case.notes) - {"quiet"}
    if outcome.dataset[case.name].readable:
        assert set(outcome.dataset[case.name].notes) == notes
    assert len(outcome.warned(case.name, "preprocess")) == (0 if case.reason else len(notes))
    assert len(outcome.warned(case.name, "convert")) == (len(case.notes) if case.is_converted else 0)


@ALL
def test_it_is_the_voice_that_is_read(outcome: Outcome, case: Case) -> None:
    if case.reason or case.name == "just a clip.wav":
        return
    wave = decode(outcome.folder / case.name, RATE)
    length = min(len(wave), len(voice()))
    assert length > 0.6 * len(voice()) if "left_out" in case.notes else length > 0.95 * len(voice())
    lag = (
        int(np.argmax(np.correlate(wave[: length - 3000], voice()[3000 : length - 5000], "valid"))) - 3000
        if "cut" in case.name
        else 0
    )
    wave, clean = wave[max(0, lag) :], voice()[: length - abs(lag)]
    wave = wave[: len(clean)]
    likeness = abs(np.corrcoef(wave, clean[: len(wave)])[0, 1])
    assert likeness > case.alike
    assert np.abs(wave).max() > 0.1, "not diluted by the other channels"
    assert not case.is_converted or outcome.peaks[case.name] > 0.001, "and no silence comes out of conversion"


@pytest.mark.parametrize(
    "name", ["float peak 4.wav", "float peak 4 stereo.wav", "floats as integers.wav", "opposite floats.wav"]
)
def test_peaks_above_full_scale_are_levelled(likely: Outcome, name: str) -> None:
    wave = decode(likely.folder / name, RATE)

    def crest(samples: np.ndarray) -> float:
        return float(np.abs(samples).max() / np.sqrt(np.mean(samples**2)))

    assert crest(wave) == pytest.approx(crest(voice()), rel=0.05)
    report = likely.dataset[name]
    assert report.clipped_share == 0 and report.peak_dbfs is not None and report.peak_dbfs > 9, (
        "the report says how high it reaches"
    )


# --- what a header cannot do -----------------------------------------------------------------------
def test_more_sound_than_bytes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Digital silence is the smallest sound: here FLAC may hold no more than it would at 6 KiB a second."""
    (tmp_path / "a.flac").write_bytes(encoded([np.zeros(30 * RATE)], "flac", "flac"))
    assert len(decode(tmp_path / "a.flac", RATE)) == 30 * RATE
    monkeypatch.setattr(container, "SPARE_S", 1)
    monkeypatch.setattr(container, "LEAST_BYTES_PER_SECOND", 6144)
    with pytest.raises(UnusableRecording, match="more sound than a file of its size can hold"):
        decode(tmp_path / "a.flac", RATE)


def test_a_rate_of_one_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(np.zeros(1 << 19), rate=1))
    started = time.perf_counter()
    for refused in (lambda: decode(tmp_path / "a.wav", 40000), lambda: survey(tmp_path / "a.wav")):
        with pytest.raises(UnusableRecording, match="1 Hz"):
            refused()
    assert time.perf_counter() - started < 5  # resampling it by 40,000 would take hours


@pytest.mark.parametrize("field", [b"mdhd", b"mvhd", b"tkhd"])
def test_a_wrong_length_in_an_mp4_does_not_matter(tmp_path: Path, field: bytes) -> None:
    data = bytearray(encoded([voice()], "ipod", "aac"))
    at = data.index(field) + (24 if field == b"tkhd" else 20)
    data[at : at + 4] = (int.from_bytes(data[at : at + 4], "big") * 10).to_bytes(4, "big")
    (tmp_path / "a.m4a").write_bytes(data)
    assert len(decode(tmp_path / "a.m4a", RATE)) >= 0.95 * len(voice())


def test_a_wrong_number_of_frames_in_an_mp3_or_aiff_does_not_matter(tmp_path: Path) -> None:
    mp3 = bytearray(encoded([voice()], "mp3", "libmp3lame"))
    at = mp3.index(b"Info" if b"Info" in mp3 else b"Xing") + 8
    mp3[at : at + 4] = (5000).to_bytes(4, "big")
    aiff = bytearray(encoded([voice()], "aiff", "pcm_s16be"))
    at = aiff.index(b"COMM") + 10
    aiff[at : at + 4] = (5000 * RATE).to_bytes(4, "big")
    for name, data in (("a.mp3", mp3), ("a.aiff", aiff)):
        (tmp_path / name).write_bytes(data)
        assert len(decode(tmp_path / name, RATE)) >= 0.95 * len(voice())
    for name, data in (("a.mp3", mp3), ("a.aiff", aiff)):
        (tmp_path / name).write_bytes(data[: len(data) // 2])
        with pytest.raises(UnusableRecording, match="ends early"):
            decode(tmp_path / name, RATE)


# --- too quiet, and which files --------------------------------------------------------------------
def test_a_quiet_recording_is_used_with_a_lower_threshold(tmp_path: Path, home: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(voice() * 2 * 10 ** (-45 / 20), "s24"))
    settings = settings_for(tmp_path)
    with pytest.raises(
        BadInput, match=r"too quiet \(peak -45 dB\): raise its level, or lower --threshold-db \(-42 dB\)"
    ):
        preprocess.check_ready(Workspace(home).experiment("a"), settings)
    settings.preprocess.threshold_db = -70.0
    preprocess.check_ready(Workspace(home).experiment("a"), settings)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000])
def test_the_shortest_clip_is_the_same_at_every_rate(tmp_path: Path, home: Path, rate: int) -> None:
    """Counted at the rate of the file, of the report, and of the preset."""
    for number in range(440, 461, 4):
        t = np.arange(round(number * rate / 1000)) / rate
        (tmp_path / f"{number}.wav").write_bytes(wav(0.3 * np.sin(2 * np.pi * 220 * t), rate=rate))
    experiment = Workspace(home).experiment("a")
    list(preprocess.run(experiment, settings_for(tmp_path)))
    outcomes = {row.source: row.outcome == USED for row in read_rows(experiment.sources_csv, SourceRow)}
    assert outcomes == {task.name: not measure_file(task).unusable for task in recordings_in(tmp_path)}
    assert outcomes == {f"{number}.wav": number >= 450 for number in range(440, 461, 4)}


@pytest.fixture
def scattered(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings"
    (folder / "in" / "deeper").mkdir(parents=True)
    for path in ("a.wav", "in/b.wav", "in/deeper/c.wav", "in/.hidden.wav"):
        (folder / path).write_bytes(wav(voice()))
    (folder / "gone.wav").symlink_to("nowhere.wav")
    (folder / "elsewhere").symlink_to(tmp_path)
    (folder / "linked.wav").symlink_to("a.wav")
    os.mkfifo(folder / "pipe.wav")
    return folder


def test_what_is_passed_over_is_counted(scattered: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = "2 files in sub-folders, 1 link to a folder, 1 broken link and 1 pipe or device were not used"
    settings = settings_for(scattered)
    (warning,) = [e for e in preprocess.run(Workspace(home).experiment("a"), settings) if isinstance(e, Warned)]
    assert (warning.title, warning.hint) == (words, "--subfolders includes files in sub-folders")
    assert main(["dataset", str(scattered), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [f["what"] for f in report["findings"] if f["code"] == "passed_over"] == [words]
    assert {f["name"] for f in report["files"]} == {"a.wav", "linked.wav"}
    settings.preprocess.subfolders = True
    (warning,) = [e for e in preprocess.run(Workspace(home).experiment("b"), settings) if isinstance(e, Warned)]
    assert warning.title == words.removeprefix("2 files in sub-folders, ")


def test_a_kind_of_note_is_not_said_a_thousand_times() -> None:
    notices, note = Notices(), Note("opposite", "its channels cancel each other")
    lines = [line for number in range(1000) for line in notices.of(f"{number}.wav", [note])]
    assert len(lines) == 3 and notices.rest() == ["997 more recordings like 0.wav: its channels cancel each other"]


@pytest.mark.soak
def test_as_processes(rvc: Rvc, tmp_path: Path) -> None:
    """What a shell shows of it."""
    for case in CASES:
        if case.name in ("s16.wav", "opposite.wav", "second track.mkv", "9 channels.wav", "1 Hz.wav", "silent.wav"):
            (tmp_path / case.name).write_bytes(case.make())
    done = rvc(
        "preprocess", "odd", "--dataset", tmp_path, "--preset", "starter-tiny", "--min-clip-s", "0.45", "--plain"
    )
    assert done.returncode == 0, done.stderr
    for words in (
        "opposite.wav: its channels cancel each other",
        "second track.mkv: its first audio track is silent; track 2 has sound",
        "9 channels.wav: of its 9 channels, only channel 9 is used",
        "1 Hz.wav",
        "is not a valid sample rate",
        "silent: nothing",
    ):
        assert words in done.stdout
    report = json.loads(rvc("dataset", tmp_path, "--json").stdout)
    assert {"opposite", "track", "channels", "unreadable", "unusable"} <= {
        finding["code"] for finding in report["findings"]
    }
    assert (report["count"], report["used"]) == (6, 4)
