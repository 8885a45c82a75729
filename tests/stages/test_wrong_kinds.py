"""Files of other kinds where a stage expects its own: each is named with what to do, and one of them never ends the
others."""

from __future__ import annotations

import io
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rvc_engine.audio.io import write_wav
from rvc_engine.dataset.clip_table import ClipRow, read_rows
from rvc_engine.errors import RvcError
from rvc_engine.events import Event, ItemSkipped
from rvc_engine.experiment import Experiment
from rvc_engine.machine.advisor import minutes_of
from rvc_engine.settings import ExperimentSettings, for_preset
from rvc_engine.training.dataset import ClipDataset
from rvc_engine.voices.about import about_recordings
from rvc_engine.voices.pitch_range import range_of_clips
from rvc_engine.work import features, index, pitch, preprocess
from rvc_engine.work.training_clips import usable_rows
from rvc_engine.workspace import Workspace

SECONDS = 1.5
FRAMES = int(SECONDS * 100)
UNPICKLED: list[str] = []


class Trap:
    """Says that it was unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return UNPICKLED.append, ("yes",)


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def npz(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, array)
    return file.getvalue()


KINDS: dict[str, Callable[[np.ndarray], bytes | None]] = {
    "folder": lambda array: None,
    "empty": lambda array: b"",
    "text": lambda array: b"0.5\n0.5\n",
    "npz": npz,
    "pickle": lambda array: pickle.dumps(Trap()),
    "objects": lambda array: npy(np.array([Trap()] * 3, dtype=object)),
    "strings": lambda array: npy(np.array(["a", "b"])),
    "complex": lambda array: npy(array.astype(np.complex64)),
    "bools": lambda array: npy(array > 0),
    "dates": lambda array: npy(np.array(["2020-01-01"], dtype="datetime64[D]")),
    "records": lambda array: npy(np.zeros(9, dtype=[("a", "f4"), ("b", "i4")])),
    "scalar": lambda array: npy(np.float32(1)),
    "another axis": lambda array: npy(array[None]),
    "no rows": lambda array: npy(array[:0]),
    "cut": lambda array: npy(array)[:-50],
    "cut header": lambda array: npy(array)[:30],
    "broken header": lambda array: npy(array).replace(b"descr", b"d\x00scr"),
    "hostile header": lambda array: npy(array).replace(b"False", b"(((((")[:200],
    "nested header": lambda array: b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535,
    "claims more": lambda array: (
        b"\x93NUMPY\x01\x00\x76\x00"
        + b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 768), }".ljust(117)
        + b"\n"
    ),
    "another length": lambda array: npy(array[:20]),
}
DEEP = {
    "nan": lambda array: npy(np.full(array.shape, np.nan, np.float32)),
    "inf": lambda array: npy(np.full(array.shape, np.inf, np.float32)),
    "too large": lambda array: npy(np.full(array.shape, 1e300)),
}


def put(path: Path, data: bytes | None) -> None:
    path.unlink(missing_ok=True)
    if data is None:
        path.mkdir()
    else:
        path.write_bytes(data)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Experiment, ExperimentSettings]:
    """Two clips with all their files."""
    settings = for_preset("v2-40k-tiny")
    experiment = Workspace(tmp_path_factory.mktemp("home")).experiment("voice")
    experiment.save_settings(settings)
    wave = np.random.RandomState(0).randn(int(SECONDS * 40000)).astype(np.float32) * 0.1
    for clip in ("0_0", "0_1"):
        write_wav(experiment.ground_truth / f"{clip}.wav", wave, 40000)
        write_wav(experiment.wavs_16k / f"{clip}.wav", wave[: int(SECONDS * 16000)], 16000)
        arrays = {experiment.pitch_coarse: np.full(FRAMES, 90), experiment.pitch_hz: np.full(FRAMES, 200.0)}
        for folder, values in {**arrays, experiment.voicing: np.ones(FRAMES, bool)}.items():
            folder.mkdir(exist_ok=True)
            np.save(folder / f"{clip}.wav.npy", values)
        experiment.features(768).mkdir(exist_ok=True)
        np.save(
            experiment.features(768) / f"{clip}.npy",
            np.random.RandomState(1).randn(FRAMES // 2, 768).astype(np.float32),
        )
    return experiment, settings


@pytest.fixture
def experiment(prepared: tuple[Experiment, ExperimentSettings], tmp_path: Path) -> Experiment:
    copy = Workspace(tmp_path).experiment("voice")
    shutil.copytree(prepared[0].folder, copy.folder)
    UNPICKLED.clear()
    return copy


SETTINGS = for_preset("v2-40k-tiny")


def skipped_by(events: list[Event]) -> dict[str, str]:
    return {event.item: event.reason for event in events if isinstance(event, ItemSkipped)}


@pytest.mark.few(8)
@pytest.mark.parametrize("kind", [*KINDS, *DEEP])
def test_features_in_the_index(kind: str, experiment: Experiment) -> None:
    path = experiment.features(768) / "0_1.npy"
    put(path, {**KINDS, **DEEP}[kind](np.load(path)))
    skipped = skipped_by(list(index.run(experiment, SETTINGS)))
    assert set(skipped) <= {"0_1"} and (skipped or kind in ("no rows", "another length")) and not UNPICKLED
    assert not skipped or str(path) in skipped["0_1"]
    assert index.artefacts(experiment, SETTINGS) and len(np.load(experiment.total_features)) == FRAMES // 2 + 20 * (
        kind == "another length"
    )


def test_no_features_that_can_be_used(experiment: Experiment) -> None:
    for path in experiment.features(768).iterdir():
        np.save(path, np.full((9, 768), np.nan))
    with pytest.raises(RvcError, match="no features"):
        list(index.run(experiment, SETTINGS))


@pytest.mark.few(20)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("folder", ["3_feature768", "2a_f0", "2b-f0nsf"])
def test_clips_in_training(kind: str, folder: str, experiment: Experiment) -> None:
    path = experiment.path(folder, "0_1.npy" if folder.startswith("3") else "0_1.wav.npy")
    put(path, KINDS[kind](np.load(path)))
    rows, skipped = usable_rows(experiment, SETTINGS)
    assert [row.name for row in rows] == ["0_0"] and not UNPICKLED
    assert [item.item for item in skipped] == ["0_1"] and str(path) in skipped[0].reason


@pytest.mark.few(3)
@pytest.mark.parametrize("kind", DEEP)
@pytest.mark.parametrize("folder", ["3_feature768", "2b-f0nsf"])
def test_numbers_that_are_not_finite_in_training(kind: str, folder: str, experiment: Experiment) -> None:
    path = experiment.path(folder, "0_1.npy" if folder.startswith("3") else "0_1.wav.npy")
    put(path, DEEP[kind](np.load(path)))
    rows, _ = usable_rows(experiment, SETTINGS)
    with pytest.raises(RvcError) as caught:
        ClipDataset(rows, SETTINGS.model).clip(1)
    assert str(path) in caught.value.title and caught.value.hint


@pytest.mark.parametrize("order", [">f4", "<f2", "<f8", ">i8", "<u1"])
def test_other_programs_numbers_are_read(order: str, experiment: Experiment) -> None:
    path = experiment.features(768) / "0_1.npy"
    np.save(path, np.asfortranarray(np.ones((FRAMES // 2, 768), dtype=order)))
    rows, skipped = usable_rows(experiment, SETTINGS)
    assert not skipped and float(ClipDataset(rows, SETTINGS.model).clip(1).phone.sum()) > 1000


@pytest.mark.parametrize(
    "data",
    [
        None,
        b"",
        b"RIFF",
        b"RIFF\xff\xff\xff\xffWAVEdata\xff\xff\xff\x7f",
        b"text",
        b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0" + b"\0" * 40,
    ],
)
def test_waves_of_other_kinds(data: bytes | None, experiment: Experiment) -> None:
    put(experiment.ground_truth / "0_1.wav", data)
    rows, skipped = usable_rows(experiment, SETTINGS)
    assert [row.name for row in rows] == ["0_0"] and "0_1.wav" in skipped[0].reason
    put(experiment.wavs_16k / "0_1.wav", data)
    settings = for_preset("v2-40k-tiny")
    settings.pitch.method, settings.pitch.workers = "praat", 1
    for stage, outputs in (
        (pitch, [experiment.pitch_hz / "0_1.wav.npy"]),
        (features, [experiment.features(768) / "0_1.npy"]),
    ):
        for path in outputs:
            path.unlink()
        assert list(skipped_by(list(stage.run(experiment, settings)))) == ["0_1"]


def test_a_folder_where_pitch_or_features_belong(experiment: Experiment) -> None:
    settings = for_preset("v2-40k-tiny")
    settings.pitch.method, settings.pitch.workers = "praat", 1
    for stage, path in (
        (pitch, experiment.pitch_coarse / "0_1.wav.npy"),
        (features, experiment.features(768) / "0_1.npy"),
    ):
        put(path, None)
        skipped = skipped_by(list(stage.run(experiment, settings)))
        assert list(skipped) == ["0_1"] and str(path) in skipped["0_1"]


@pytest.mark.few(8)
@pytest.mark.parametrize("kind", [*KINDS, *DEEP])
def test_the_range_of_a_voice_needs_no_file(kind: str, experiment: Experiment) -> None:
    """It is found when a voice is saved: then nothing may fail."""
    for folder in (experiment.pitch_hz, experiment.voicing):
        put(folder / "0_1.wav.npy", {**KINDS, **DEEP}[kind](np.full(FRAMES, 200.0)))
        assert range_of_clips(experiment.pitch_hz, experiment.voicing, ["0_0", "0_1"]) == (200.0, 200.0, 200.0)
    assert not UNPICKLED


# --- clips.csv -------------------------------------------------------------------------------------
HEADER = '"clip","i","source","start_s","seconds","level"\n'
ROW = '"0_0",0,"a.wav",0.0,1.5,-20.0\n'
LAST = ROW.replace("0_0", "0_1")
BAD = {
    "zero byte": HEADER + ROW[:10] + "\0" + ROW[10:] + LAST,
    "huge field": HEADER + ROW.replace("a.wav", "a" * 200_000) + LAST,
    "another table": "name,age\nx,3\n",
    "nonsense": "nonsense\n",
    "semicolons": (HEADER + ROW + LAST).replace(",", ";"),
    "not a number": HEADER + ROW.replace("1.5", "nan") + LAST,
    "infinite": HEADER + ROW.replace("1.5", "inf") + LAST,
    "huge number": HEADER + ROW.replace(",0,", "," + "9" * 5000 + ",") + LAST,
    "decimal comma": HEADER + ROW.replace("1.5", '"1,5"') + LAST,
    "outside": HEADER + ROW.replace("0_0", "../../../x") + LAST,
    "no clip": HEADER + ROW.replace("0_0", "x") + LAST,
    "short row": HEADER + '"0_0",0\n' + LAST,
    "latin-1 and a mark": b"\xff\xfe" + (HEADER + ROW).encode(),
}


@pytest.mark.parametrize("kind", [*BAD, "folder"])
def test_a_table_of_another_kind_is_named(kind: str, experiment: Experiment, tmp_path: Path) -> None:
    data = BAD.get(kind)
    put(
        experiment.clips_csv,
        None if data is None else data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape"),
    )
    with pytest.raises(RvcError) as caught:
        read_rows(experiment.clips_csv, ClipRow)
    assert (
        str(experiment.clips_csv) in caught.value.title and caught.value.message and "move it away" in caught.value.hint
    )
    recordings = tmp_path / "recordings"
    write_wav(recordings / "a.wav", np.sin(np.arange(48000) / 20) * 0.3, 16000)
    settings = for_preset("v2-40k-tiny", dataset=str(recordings))
    with pytest.raises(RvcError, match=r"clips\.csv"):
        list(preprocess.run(experiment, settings))
    assert len(experiment.clips()) == 2  # nothing was moved away
    usable_rows(experiment, settings)  # of one speaker: needs no table
    assert "minutes" not in about_recordings(experiment, settings)
    minutes_of(experiment)


@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 4096, HEADER.encode(), (HEADER + ROW + LAST[:9]).encode(), (HEADER + ROW).encode() + b"\0" * 512],
)
def test_what_a_power_cut_leaves_is_done_again(data: bytes, experiment: Experiment) -> None:
    experiment.clips_csv.write_bytes(data)
    assert len(read_rows(experiment.clips_csv, ClipRow)) == data.count(b"a.wav")


@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_that_a_spreadsheet_saved_again(code: str, end: str, experiment: Experiment) -> None:
    text = (HEADER + ROW.replace("a.wav", "声.wav") + LAST).replace('"', "").replace("\n", end)
    experiment.clips_csv.write_bytes(text.encode(code))
    assert [row.source for row in read_rows(experiment.clips_csv, ClipRow)] == ["声.wav", "a.wav"]
    assert about_recordings(experiment, SETTINGS)["minutes"] == 0.05


def test_nothing_is_said_of_a_file_that_is_right(tmp_path: Path) -> None:
    from rvc_engine.common.arrays import read_array

    np.save(tmp_path / "a.npy", np.ones((3, 4), np.float32))
    assert read_array(tmp_path / "a.npy", 2, width=4).flags.writeable
    with pytest.raises(RvcError, match="does not exist"):
        read_array(tmp_path / "b.npy", 2)
