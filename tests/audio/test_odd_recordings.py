"""Odd and damaged recordings through preprocess, dataset and convert: each used or refused, for the same reason everywhere."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from rvc_engine.audio.io import decode
from rvc_engine.dataset.clip_table import USED, SourceRow, read_rows
from rvc_engine.dataset.report import FileReport
from rvc_engine.dataset.survey import measure_file, recordings_in
from rvc_engine.events import Converted, Event, ItemSkipped, Warned
from rvc_engine.experiment import Workspace
from rvc_engine.settings import ConvertSettings, for_preset
from rvc_engine.stages import preprocess
from rvc_engine.stages.convert import convert_files
from tests.audio.odd_files import CASES, MORE, RATE, Case, voice, write_all


@dataclass
class Outcome:
    """What the three say of each file: why it is left out ("" where it is used), and the events of preprocess and convert."""

    folder: Path
    preprocess: dict[str, str]
    dataset: dict[str, FileReport]
    convert: dict[str, str]
    peaks: dict[str, float]
    events: list[Event]

    def warned(self, name: str, stage: str) -> list[str]:
        return [e.title for e in self.events if isinstance(e, Warned) and e.stage == stage and e.title.startswith(f"{name}:")]


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
    shown, preprocess.Notices.SHOWN = preprocess.Notices.SHOWN, 1000
    events = list(preprocess.run(experiment := workspace.experiment("odd"), settings_for(folder)))
    preprocess.Notices.SHOWN = shown
    rows = {row.source: row.outcome for row in read_rows(experiment.sources_csv, SourceRow)}
    converted, more = converted_files(folder, home / "out", workspace)
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


def converted_files(folder: Path, out: Path, workspace: Workspace) -> tuple[dict[str, Path], list[Event]]:
    import torch

    from rvc_engine.bundles.small_model import write_small_model
    from rvc_engine.models.configs import model_config
    from rvc_engine.models.synthesizer import Synthesizer

    torch.manual_seed(1)
    config = model_config("starter-tiny")
    workspace.weights.mkdir(parents=True)
    model = workspace.weights / "voice.pth"
    write_small_model(model, Synthesizer(config, posterior=False).state_dict(), config, epoch=1, step=2, extra={"unvoiced": "interpolate"})
    settings = ConvertSettings(pitch_method="praat", device="cpu")
    events = list(convert_files(model, [folder], out, settings, None, workspace))
    return {os.path.basename(e.source): Path(e.path) for e in events if isinstance(e, Converted)}, events


ALL = pytest.mark.parametrize(
    "case", [*(pytest.param(case, id=case.name) for case in CASES),
             *(pytest.param(case, id=case.name, marks=pytest.mark.soak) for case in MORE)]
)  # fmt: skip


@ALL
def test_used_or_left_out_for_the_right_reason(outcome: Outcome, case: Case) -> None:
    report = outcome.dataset[case.name]
    assert outcome.preprocess[case.name] == report.unusable, "one decision"
    if case.reason:
        assert case.reason in report.unusable
    else:
        assert report.unusable == "" and report.readable and report.usable_seconds > 0.4
    refused = bool(case.reason) and not case.converts
    assert (case.name in outcome.convert, case.name in outcome.peaks) == (refused, not refused)
    if refused:
        assert outcome.convert[case.name] == report.unusable


@ALL
def test_what_is_said_of_it(outcome: Outcome, case: Case) -> None:
    notes = set(case.notes) - {"quiet"}
    if outcome.dataset[case.name].readable:
        assert set(outcome.dataset[case.name].notes) == notes
    assert len(outcome.warned(case.name, "preprocess")) == (0 if case.reason else len(notes))
    assert len(outcome.warned(case.name, "convert")) == len(case.notes)


@ALL
def test_it_is_the_voice_that_is_read(outcome: Outcome, case: Case) -> None:
    if case.reason or case.name == "just a clip.wav":
        return
    wave = decode(outcome.folder / case.name, RATE)
    length = min(len(wave), len(voice()))
    assert length > 0.6 * len(voice()) if "left_out" in case.notes else length > 0.95 * len(voice())
    lag = int(np.argmax(np.correlate(wave[: length - 3000], voice()[3000 : length - 5000], "valid"))) - 3000 if "cut" in case.name else 0
    wave, clean = wave[max(0, lag) :], voice()[: length - abs(lag)]
    wave = wave[: len(clean)]
    likeness = abs(np.corrcoef(wave, clean[: len(wave)])[0, 1])
    assert likeness > case.alike
    assert np.abs(wave).max() > 0.1, "not diluted by the other channels"
    assert outcome.peaks[case.name] > 0.001, "and no silence comes out of conversion"


@pytest.mark.parametrize("name", ["float peak 4.wav", "float peak 4 stereo.wav", "floats as integers.wav", "opposite floats.wav"])
def test_peaks_above_full_scale_are_levelled(likely: Outcome, name: str) -> None:
    wave = decode(likely.folder / name, RATE)

    def crest(samples: np.ndarray) -> float:
        return float(np.abs(samples).max() / np.sqrt(np.mean(samples**2)))

    assert crest(wave) == pytest.approx(crest(voice()), rel=0.05)
    report = likely.dataset[name]
    assert report.clipped_share == 0 and report.peak_dbfs is not None and report.peak_dbfs > 9, "the report says how high it reaches"
