"""The Python API, as the README shows it: real runs, real recordings."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import rvc_engine
from rvc_engine.common.lines import error_to_record
from rvc_engine.errors import BadInput, Busy, RvcError, Stopped
from rvc_engine.events import Event, RunFinished, TrainStepped
from rvc_engine.run import launcher
from rvc_engine.run.view import RunView
from tests.conftest import ROOT, rvc_environment

TINY: dict[str, Any] = {"pitch.method": "praat", "train.batch_size": 2, "train.threads": 1}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory, speech: list[Path]) -> Path:
    folder = tmp_path_factory.mktemp("api") / "recordings"
    folder.mkdir()
    for path in speech:
        shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="module")
def home(recordings: Path) -> Path:
    """With a voice, alice."""
    seen: list[Event] = []
    voice = rvc_engine.train(
        "alice",
        recordings,
        home=recordings.parent,
        preset="starter-tiny",
        settings={**TINY, "train.epochs": 1},
        on_event=seen.append,
    )
    assert isinstance(seen[-1], RunFinished) and any(isinstance(event, TrainStepped) for event in seen)
    assert voice.path.name == "alice.pth" and voice.index_path is not None
    return recordings.parent


def refused(call: Callable[[], object], words: str) -> None:
    """By an error of this program, in words, with what to do."""
    with pytest.raises(BadInput, match=words) as caught:
        call()
    assert caught.value.title and caught.value.exit_code == 2


def wave_of(path: Path) -> tuple[np.ndarray, int]:
    wave, rate = soundfile.read(path, dtype="float32")
    return wave, rate


# --- the README -------------------------------------------------------------------------------------------------------
def test_the_example_of_the_readme(tmp_path: Path, speech: list[Path]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(code.strip().splitlines()) <= 15
    (tmp_path / "recordings" / "alice").mkdir(parents=True)
    for path in speech:
        shutil.copy(path, tmp_path / "recordings" / "alice")
    shutil.copy(speech[0], tmp_path / "song.wav")
    small = "preset='starter-tiny', settings={'train.epochs': 1, 'train.batch_size': 2, 'pitch.method': 'praat'}"
    code, count = re.subn(r"settings={[^}]*}", small, code)
    assert count == 1
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=rvc_environment(), timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "song-alice.wav").is_file() and "alice" in done.stdout


def test_importing_is_light() -> None:
    code = "import sys, rvc_engine; assert not {'torch', 'numpy', 'pydantic'} & set(sys.modules); rvc_engine.train"
    subprocess.run([sys.executable, "-c", code], check=True, env=rvc_environment())
    assert set(rvc_engine.__all__) <= set(dir(rvc_engine)) | set(rvc_engine.__all__)
    with pytest.raises(AttributeError):
        _ = rvc_engine.nothing_of_that_name


# --- recordings -------------------------------------------------------------------------------------------------------
def test_a_folder_is_described(recordings: Path, tmp_path: Path) -> None:
    report = rvc_engine.describe_dataset(recordings)
    assert len(report.files) == len(list(recordings.iterdir())) and report.summary["used"] == len(report.files)
    assert all({"code", "severity"} <= set(finding) for finding in report.findings)
    for wrong in (tmp_path / "nowhere", ""):
        with pytest.raises(BadInput):
            rvc_engine.describe_dataset(wrong)


# --- training ---------------------------------------------------------------------------------------------------------
def test_what_is_wrong_is_known_before_anything_is_written(tmp_path: Path, recordings: Path) -> None:
    for wrong in ({"preset": "v9-99k"}, {"settings": {"train.epochs": -1}}, {"settings": {"nothing": 1}}):
        with pytest.raises(BadInput):
            rvc_engine.train("bob", recordings, home=tmp_path, **wrong)  # type: ignore[arg-type]
    with pytest.raises(BadInput):
        rvc_engine.train("bob", tmp_path / "nowhere", home=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.soak
def test_an_exception_in_the_callback_stops_the_run(home: Path, recordings: Path) -> None:
    class Enough(Exception):
        pass

    def on_event(event: Event) -> None:
        if isinstance(event, TrainStepped) and event.step >= 2:
            raise Enough

    words: dict[str, Any] = {"home": home, "preset": "starter-tiny", "settings": {**TINY, "train.epochs": 500}}
    with pytest.raises(Enough):
        rvc_engine.train("carol", recordings, on_event=on_event, **words)
    experiment = rvc_engine.api.Workspace(home).experiment("carol")
    assert launcher.live_holder(experiment.lock) is None and experiment.resume_state.is_file()


@pytest.mark.soak
def test_a_run_of_somebody_else(home: Path, recordings: Path) -> None:
    words: dict[str, Any] = {"home": home, "preset": "starter-tiny", "settings": {**TINY, "train.epochs": 500}}

    def on_event(event: Event) -> None:
        if isinstance(event, TrainStepped) and event.step == 1:
            with pytest.raises(Busy):
                rvc_engine.train("dave", home=home)
            launcher.stop(rvc_engine.api.Workspace(home).experiment("dave"))

    with pytest.raises(Stopped):
        rvc_engine.train("dave", recordings, on_event=on_event, **words)


# --- voices -----------------------------------------------------------------------------------------------------------
def test_an_array_is_converted_as_its_file_is(home: Path, speech: list[Path], tmp_path: Path) -> None:
    voice = rvc_engine.load_voice("alice", home=home)
    wave, rate = wave_of(speech[0])
    samples, out_rate = voice.convert(wave, rate, pitch_method="praat")
    path = voice.convert_file(speech[0], tmp_path / "out.wav", pitch_method="praat")
    written, written_rate = soundfile.read(path, dtype="int16")
    assert samples.dtype == np.int16 and out_rate == written_rate == 16000
    assert len(samples) == -(-len(wave) * out_rate // rate)
    assert np.array_equal(samples, written)


def test_layouts_and_types_of_an_array(home: Path, speech: list[Path]) -> None:
    voice = rvc_engine.Voice("alice", home=home)
    wave, rate = wave_of(speech[0])
    wave = wave[: 2 * rate]
    mono, _ = voice.convert((wave * 32767).astype(np.int16), rate, pitch_method="praat")
    stereo, _ = voice.convert(np.stack([wave, wave], axis=1), rate, pitch_method="praat")
    assert len(mono) == len(stereo) and np.abs(mono.astype(int) - stereo).mean() < 300
    for wrong in (np.zeros((2, 2, 2)), np.zeros(0), np.zeros(16000, dtype=np.int32), [[1.0], [1.0, 2.0]], "x"):
        refused(lambda: voice.convert(wrong, rate), "wave|samples")  # noqa: B023
    for wrong_rate in (0, -1, 44100.5, "x", None, 1, 10**9, 2**31, 10**12, True):
        refused(lambda: voice.convert(wave, wrong_rate), "sample rate is a whole number of Hz")  # noqa: B023
    for useless in (np.zeros(rate), np.full(rate, np.nan), np.stack([wave, wave])):
        refused(lambda: voice.convert(useless, rate, pitch_method="praat"), "The wave cannot be converted")  # noqa: B023
    with pytest.raises(BadInput, match="is a folder"):
        voice.convert_file(home, home / "out.wav")
    with pytest.raises(BadInput, match="transpoze"):
        voice.convert(wave, rate, transpoze=2)
    with pytest.raises(BadInput):
        voice.convert(wave, rate, index_rate=7)


@pytest.mark.parametrize("wrong", [None, 5, "", "x\0y", "~nobody-of-that-name/x"])
def test_what_is_no_path_is_refused_in_words(home: Path, recordings: Path, tmp_path: Path, wrong: Any) -> None:
    voice = rvc_engine.Voice("alice", home=home)
    refused(lambda: rvc_engine.Voice(wrong, home=home), "")
    refused(lambda: rvc_engine.describe_dataset(wrong), "")
    refused(lambda: voice.convert_file(wrong, tmp_path / "out.wav"), "")
    refused(lambda: voice.convert_file(recordings, wrong), "")
    refused(lambda: voice.convert_files([wrong], tmp_path / "out"), "")
    refused(lambda: rvc_engine.train(wrong, recordings, home=tmp_path), "")
    if wrong is not None:
        refused(lambda: rvc_engine.list_voices(wrong), "")
        refused(lambda: rvc_engine.train("new", recordings, home=wrong), "")
    assert not list(tmp_path.iterdir()) and not list(Path.cwd().glob("~*"))


def test_other_arguments_of_the_wrong_kind(home: Path, recordings: Path, tmp_path: Path) -> None:
    voice = rvc_engine.Voice("alice", home=home)
    for settings in ("train.epochs=1", ["train.epochs=1"], {5: 1}):
        refused(lambda: rvc_engine.train("new", recordings, home=tmp_path, settings=settings), "mapping")  # type: ignore[arg-type]  # noqa: B023
    refused(lambda: rvc_engine.train("new", recordings, home=tmp_path, on_event=5), "on_event")  # type: ignore[arg-type]
    refused(lambda: voice.convert_files([recordings], tmp_path / "o", on_event=5), "on_event")  # type: ignore[arg-type]
    for sources in (recordings, str(recordings), 5):
        refused(lambda: voice.convert_files(sources, tmp_path / "o"), "not a list")  # type: ignore[arg-type]  # noqa: B023
    assert not list(tmp_path.iterdir())


def test_an_error_of_the_callers_function_stays_his(home: Path, recordings: Path, tmp_path: Path) -> None:
    voice, own = rvc_engine.Voice("alice", home=home), FileNotFoundError("the caller's own file")

    def fail(event: Event) -> None:
        raise own

    with pytest.raises(FileNotFoundError) as caught:
        voice.convert_files([recordings], tmp_path / "out", on_event=fail)
    assert caught.value is own


@pytest.mark.parametrize("kind", [BadInput, RvcError])
def test_a_failed_run_raises_the_error_that_it_ended_with(
    home: Path, recordings: Path, monkeypatch: pytest.MonkeyPatch, kind: type[RvcError]
) -> None:
    view = RunView(state="failed", exit_code=kind.exit_code)
    view.error = error_to_record(kind("common.no_file", path=Path("gone.wav")))
    monkeypatch.setattr("rvc_engine.api._run", lambda *words: view)
    with pytest.raises(RvcError) as caught:
        rvc_engine.train("another", recordings, home=home, preset="starter-tiny", settings=TINY)
    assert type(caught.value) is kind and caught.value.title.code == "common.no_file"


def test_errors_of_the_system_are_in_words(home: Path, recordings: Path) -> None:
    voice = rvc_engine.Voice("alice", home=home)
    source = next(recordings.iterdir())
    with pytest.raises(RvcError) as caught:
        voice.convert_file(source, "z" * 300 + ".wav")
    assert caught.value.hint
    with pytest.raises(RvcError):
        rvc_engine.train("new", recordings, home="/proc/nowhere", preset="starter-tiny", settings=TINY)


def test_a_voice_is_found_after_the_folder_was_changed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    voice = rvc_engine.Voice(Path("weights") / "alice.pth", home=".")
    monkeypatch.chdir("/")
    assert voice.path.is_file() and voice.facts["epochs"] == 1


@pytest.mark.soak
def test_the_voice_of_an_experiment_elsewhere(home: Path, recordings: Path, tmp_path: Path) -> None:
    """A path names its own workspace; a voice of the same name in `home` is another."""
    settings = {**TINY, "train.epochs": 1}
    place = os.fspath(tmp_path / "logs" / "alice")
    voice = rvc_engine.train(place, recordings, home=home, preset="starter-tiny", settings=settings)
    assert voice.path == tmp_path / "weights" / "alice.pth" and voice.path.is_file()


def test_one_bad_file_does_not_stop_the_others(home: Path, speech: list[Path], tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    voice, seen = rvc_engine.Voice("alice", home=home, index="none"), []
    assert voice.index_path is None
    with pytest.raises(RvcError, match=r"bad\.wav|1 of 2"):
        voice.convert_files([tmp_path / "bad.wav", speech[0]], tmp_path / "out", on_event=seen.append)
    assert len(list((tmp_path / "out").iterdir())) == 1 and seen


def test_voices_are_listed_and_described(home: Path) -> None:
    row = next(row for row in rvc_engine.list_voices(home) if row["name"] == "alice")
    voice = rvc_engine.Voice(row["voice"], home=home)
    assert voice.facts["sample_rate"] == 16000 and voice.facts["epochs"] == 1
    with pytest.raises(BadInput, match="nobody"):
        rvc_engine.Voice("nobody", home=home)
