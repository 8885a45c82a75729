"""rvc dataset as a real process: folders of real speech that was treated in a known way, and what is said of them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr
from scipy.io import wavfile

from rvc_engine.audio.io import decode, encode
from rvc_engine.commands.cli import main
from rvc_engine.dataset import survey
from rvc_engine.dataset.kept import Kept
from rvc_engine.dataset.survey import LOST, FileTask, measure_all, measure_file, recordings_in
from rvc_engine.messages.wire import with_messages
from tests.conftest import SAMPLES, Rvc, rvc_environment
from tests.engine.test_import_hygiene import loaded_after

RATE = 48000


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "rvc-tui" / "dataset"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "my voice 声"
    path.mkdir()
    return path


def target(count: int) -> list[Path]:
    return sorted((SAMPLES / "target").glob("*.flac"))[:count]


def voice(first: int, last: int) -> np.ndarray:
    """(T,) at 48 kHz, twice as loud as recorded."""
    return 2 * np.concatenate([decode(path, RATE) for path in target(last)[first:]]).astype(np.float64)


def write(path: Path, samples: np.ndarray, rate: int = RATE) -> None:
    wavfile.write(path, rate, np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16).T)


class Ask:
    """`rvc dataset` within this process, which spares its start; processes of their own where that matters."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def text(self, folder: Path, *words: str) -> str:
        assert main(["dataset", str(folder), *words]) == 0
        return self.capsys.readouterr().out

    def __call__(self, folder: Path, *words: str) -> dict[str, Any]:
        return parsed(self.text(folder, "--json", *words))


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Ask:
    return Ask(capsys)


def parsed(out: str) -> dict[str, Any]:
    assert len(out.splitlines()) == 1
    report: dict[str, Any] = json.loads(out, parse_constant=pytest.fail)
    return report


def findings(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {finding["code"]: finding for finding in report["findings"]}


# --- what is found ----------------------------------------------------------------------------------------------------
def test_a_clean_folder(rvc: Rvc, folder: Path) -> None:
    for path in target(6):
        shutil.copy(path, folder)
    done = rvc("dataset", folder, "--json")
    assert done.returncode == 0, done.stderr
    report = parsed(done.stdout)
    assert report["folder"] == str(folder) and report["count"] == report["used"] == 6
    assert report["total_seconds"] == pytest.approx(sum(len(decode(p, RATE)) for p in target(6)) / RATE, abs=0.1)
    assert 0.9 * report["total_seconds"] < report["usable_seconds"] <= report["total_seconds"]
    assert report["suggested_sample_rate"] == 48000 and report["suggested_presets"][0] == "v2-48k"
    low, median, high = report["pitch_hz"]
    assert 100 < low < median < high < 260
    assert {f["code"]: f["severity"] for f in report["findings"]} == {
        "little": "problem",
        "clipping": "good",
        "noise": "good",
        "bandwidth": "good",
        "loudness": "good",
    }
    fields = {
        "name",
        "seconds",
        "usable_seconds",
        "sample_rate",
        "channels",
        "codec",
        "bandwidth_hz",
        "clipped_share",
        "silence_share",
        "noise_dbfs",
        "snr_db",
        "loudness_lufs",
        "peak_dbfs",
        "pitch_hz",
        "dc_offset",
        "sha256",
        "unusable",
    }
    assert all(fields <= file.keys() for file in report["files"])


def test_every_fault_is_named_with_its_files(ask: Ask, folder: Path) -> None:
    for path in target(5):
        shutil.copy(path, folder)
    shutil.copy(target(1)[0], folder / "copy.flac")
    encode(folder / "other.mp3", (decode(target(2)[1], RATE) * 30000).astype(np.int16), RATE, "mp3")
    v = voice(5, 9)
    write(folder / "clipped.wav", voice(9, 12) * 8)
    write(folder / "upsampled.wav", soxr.resample(soxr.resample(v, RATE, 16000), 16000, RATE))
    write(folder / "hissing.wav", voice(12, 15) + 0.02 * np.random.RandomState(0).randn(len(voice(12, 15))))
    write(folder / "soft.wav", voice(15, 18) * 0.1)
    write(folder / "pauses.wav", np.concatenate([voice(18, 19), np.zeros(9 * RATE)]))
    write(folder / "opposite.wav", np.stack([voice(19, 21), -voice(19, 21)]))
    write(folder / "stereo.wav", np.stack([voice(21, 23), np.roll(voice(21, 23), 9999)]))
    write(folder / "offset.wav", voice(23, 25) + 0.05)
    write(folder / "short.wav", v[:9000])
    write(folder / "silent.wav", np.zeros(2 * RATE))
    (folder / "notes.txt").write_text("words")
    (folder / "empty.wav").write_bytes(b"")
    shutil.copy(SAMPLES / "sources" / "arctic_aew_a0001.flac", folder / "man.flac")
    report = ask(folder, "--workers", "1")
    found = {code: (f["severity"], set(f["files"])) for code, f in findings(report).items()}
    assert found["clipping"] == ("warning", {"clipped.wav"})
    assert found["noise"][0] in ("warning", "problem") and "hissing.wav" in found["noise"][1]
    assert found["bandwidth_mixed"] == ("warning", {"upsampled.wav", "man.flac", "other.mp3"})
    assert found["low_passed"] == ("note", {"upsampled.wav"})
    assert found["quiet"] == ("warning", {"soft.wav"})
    assert found["silence"] == ("note", {"pauses.wav"})
    assert found["opposite"] == ("problem", {"opposite.wav"})
    assert found["stereo"] == ("note", {"stereo.wav"})
    assert found["dc_offset"][0] == "note" and "offset.wav" in found["dc_offset"][1]
    assert {"short.wav", "silent.wav"} <= found["unusable"][1]
    assert found["unreadable"] == ("warning", {"notes.txt", "empty.wav"})
    assert found["rates"] == ("note", {"man.flac"})
    assert found["two_voices"][1] == {"man.flac"}
    assert found["duplicates"] == ("warning", {target(1)[0].name})
    assert len(found["near_duplicates"][1]) == 1
    assert report["findings"][0]["severity"] == "problem" and report["findings"][-1]["severity"] == "good"
    assert all(f["what"] and (f["severity"] == "good" or f["why_it_matters"]) for f in report["findings"])
    reasons = {f["name"]: f["unusable"] for f in report["files"] if f["unusable"]}
    assert reasons["empty.wav"] == "the file is empty" and reasons["short.wav"].startswith("too short")

    text = ask.text(folder, "--plain")
    assert text.isascii() and max(map(len, text.splitlines()[1:])) <= 80  # the first is the path
    assert "clipped.wav" in text and "the file is empty" in text and "##" in text


def test_narrow_recordings_get_the_small_model(ask: Ask, folder: Path) -> None:
    write(folder / "a.wav", soxr.resample(soxr.resample(voice(0, 4), RATE, 16000), 16000, 44100), 44100)
    report = ask(folder)
    assert report["suggested_sample_rate"] == 16000 and report["suggested_presets"] == ["starter", "v2-32k"]
    assert findings(report)["bandwidth"]["severity"] == "warning"


@pytest.mark.soak
def test_two_speakers(ask: Ask, folder: Path) -> None:
    shutil.copy(SAMPLES / "sources" / "arctic_aew_a0001.flac", folder / "man.flac")
    long = voice(0, 6)
    write(folder / "woman.wav", long)
    man = decode(SAMPLES / "sources" / "arctic_aew_a0001.flac", 16000)
    write(folder / "man again.wav", np.tile(man, 3)[: 10 * 16000], 16000)
    finding = findings(ask(folder))["two_voices"]
    assert finding["severity"] == "warning" and len(finding["files"]) in (1, 2)
    assert 90 < finding["numbers"]["low_hz"] < 130 < finding["numbers"]["high_hz"]


def test_subfolders(ask: Ask, folder: Path) -> None:
    (folder / "in").mkdir()
    shutil.copy(target(1)[0], folder / "in" / "a.flac")
    shutil.copy(target(2)[1], folder / "b.flac")
    assert [f["name"] for f in ask(folder)["files"]] == ["b.flac"]
    assert [f["name"] for f in ask(folder, "--subfolders")["files"]] == ["b.flac", "in/a.flac"]


def test_any_name(ask: Ask, folder: Path) -> None:
    names = [
        "-dash.flac",
        "line\nbreak.flac",
        "\x1b[31mred.flac",
        "声 録音 とても長い名前のファイルです、本当に.flac",
        "😀",
    ]
    for name, path in zip(names, target(5), strict=True):
        shutil.copy(path, folder / name)
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.flac")).write_bytes(target(6)[5].read_bytes())
    assert {f["name"] for f in ask(folder)["files"]} == {*names, "caf\\xe9.flac"}
    for words in ([], ["--plain"]):
        text = ask.text(folder, *words)
        assert "\x1b" not in text and "6 of 6" in text


# --- what is refused --------------------------------------------------------------------------------------------------
def test_what_is_no_folder_of_recordings(rvc: Rvc, folder: Path, home: Path) -> None:
    (folder / "notes.txt").write_text("words")
    (folder / "empty").mkdir()
    for path, word in [
        (folder / "none", "no folder"),
        (folder / "notes.txt", "not a folder"),
        (folder / "empty", "empty"),
        (folder, "No usable recording"),
    ]:
        done = rvc("dataset", path, "--json")
        assert done.returncode == 2 and json.loads(done.stdout)["event"] == "Failed"
        assert word in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr
    assert list(home.iterdir()) == []


def test_only_too_short_files_are_still_described(ask: Ask, folder: Path) -> None:
    write(folder / "a.wav", voice(0, 1)[:9000])
    report = ask(folder)
    assert report["findings"][0]["code"] == "nothing_usable" and report["usable_seconds"] == 0
    assert "too short" in ask.text(folder)


# --- what is kept -----------------------------------------------------------------------------------------------------
def measured(folder: Path) -> list[str]:
    """Names that are measured now, not cached."""
    kept = Kept(folder)
    return [task.name for task in recordings_in(folder) if kept.of(task.name, task.bytes, task.mtime_ns) is None]


def test_a_second_look_measures_only_what_changed(ask: Ask, folder: Path, cache: Path) -> None:
    for path in target(3):
        shutil.copy(path, folder)
    first = ask(folder)
    assert measured(folder) == [] and ask(folder) == first
    shutil.copy(target(4)[3], folder / target(1)[0].name)
    (folder / target(2)[1].name).unlink()
    assert measured(folder) == [target(1)[0].name]
    assert len(ask(folder)["files"]) == 2
    assert len(json.loads(next(cache.iterdir()).read_text())["files"]) == 2, "what is gone is forgotten"


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"version": 1}', '{"version": 1, "files": 3}', "\x00\xff", "[" * 100_000], ids=range(7)
)
def test_a_damaged_cache_is_ignored(folder: Path, cache: Path, damage: str) -> None:
    shutil.copy(target(1)[0], folder)
    list(measure_all(folder, recordings_in(folder)))
    (path,) = cache.iterdir()
    path.write_bytes(damage.encode("latin-1"))
    assert len(measured(folder)) == 1 and len(list(measure_all(folder, recordings_in(folder)))) == 1
    assert measured(folder) == []


def test_records_of_another_kind_are_measured_again(folder: Path, cache: Path) -> None:
    for path in target(2):
        shutil.copy(path, folder)
    list(measure_all(folder, recordings_in(folder)))
    (path,) = cache.iterdir()
    kept = json.loads(path.read_text())
    kept["files"][0]["seconds"] = "long"
    path.write_text(json.dumps(kept))
    assert len(measured(folder)) == 1


def test_the_codes_of_what_it_says_are_in_the_report_and_in_the_cache(ask: Ask, folder: Path, cache: Path) -> None:
    shutil.copy(target(1)[0], folder / "a.flac")
    (folder / "b.wav").write_bytes(b"")
    report, again = ask(folder), ask(folder)
    assert report == again, "also for what was measured before"
    read = with_messages(report)
    assert read["files"][1]["unusable"].code == "audio.empty" and read["suggestion_reason"].code
    unreadable = findings(read)["unreadable"]
    assert unreadable["what"].params["count"] == 1 and unreadable["why_it_matters"] == "Left out: the file is empty."
    assert unreadable["why_it_matters"].params["reasons"].code == "audio.empty"
    (path,) = cache.iterdir()
    kept = json.loads(path.read_text())
    del kept["files"][1]["messages"]  # as older versions wrote it
    path.write_text(json.dumps(kept))
    assert measured(folder) == ["b.wav"] and ask(folder) == report


def test_a_cache_that_cannot_be_written_is_done_without(
    ask: Ask, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(target(1)[0], folder)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert ask(folder)["used"] == 1


@pytest.mark.soak
def test_two_at_once(rvc: Rvc, folder: Path) -> None:
    for path in target(4):
        shutil.copy(path, folder)
    running = [rvc.start("dataset", folder, "--json", "--workers", "1") for _ in range(2)]
    reports = [json.loads(process.communicate(timeout=60)[0]) for process in running]
    assert reports[0] == reports[1] and measured(folder) == []


# --- faults on the way ------------------------------------------------------------------------------------------------
def dies_at_one(task: FileTask) -> Any:
    if task.name == "b.flac":
        os._exit(11)
    return measure_file(task)


@pytest.mark.soak
def test_a_file_that_ends_a_worker_is_named_and_the_others_are_measured(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, path in zip("abc", target(3), strict=True):
        shutil.copy(path, folder / f"{name}.flac")
    monkeypatch.setattr(survey, "measure_file", dies_at_one)
    monkeypatch.setattr(survey, "SMALL_BYTES", 0)
    reports = {r.name: r for r in measure_all(folder, recordings_in(folder), workers=1) if r is not None}
    assert {name: r.unusable for name, r in reports.items()} == {"a.flac": "", "b.flac": LOST, "c.flac": ""}
    assert measured(folder) == ["b.flac"], "it is tried again the next time"


def test_ctrl_c_ends_it_and_what_was_measured_is_kept(rvc: Rvc, folder: Path, cache: Path) -> None:
    shutil.copy(target(1)[0], folder / "a.flac")
    path = folder / "long.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        block = (voice(0, 5) * 32767).astype("<i2").tobytes()
        for _ in range(60):
            file.writeframes(block)
    process = rvc.start("dataset", folder, "--workers", "2")
    assert process.stderr is not None and "1/2 files" in _until(process, "1/2 files")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in said and "stopped" in said
    assert measured(folder) == ["long.wav"]


def _until(process: subprocess.Popen[str], word: str) -> str:
    assert process.stderr is not None
    end = time.monotonic() + 30
    while time.monotonic() < end:
        line = process.stderr.readline()
        if word in line or not line:
            return line
    return ""


def test_neither_torch_nor_the_app_is_loaded(folder: Path) -> None:
    for path in target(2):
        shutil.copy(path, folder)
    loaded = loaded_after(
        f"from rvc_engine.commands.cli import main\nmain(['dataset', {str(folder)!r}, '--json', '--workers', '1'])"
    )
    assert not loaded & {"torch", "textual", "faiss"}


MEASURED = """
import resource, sys
from multiprocessing import forkserver
from rvc_engine.commands.cli import main
code = main(["dataset", sys.argv[1], "--json", "--workers", "1"])
forkserver._forkserver._stop()  # what its workers held counts once it has ended
# ru_maxrss has the parent's in it
own = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) // 1024, file=sys.stderr)
raise SystemExit(code)
"""


@pytest.mark.soak
def test_three_hours_take_little_memory(folder: Path) -> None:
    block = (
        (np.stack([voice(0, 20), voice(20, 40)[: len(voice(0, 20))]], axis=1)[: 50 * RATE] * 32767)
        .astype("<i2")
        .tobytes()
    )
    with wave.open(str(folder / "long.wav"), "wb") as file:
        file.setparams((2, 2, RATE, 0, "NONE", ""))
        while file.tell() < 3 * 3600 * RATE:
            file.writeframes(block)
    command = [sys.executable, "-c", MEASURED, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=rvc_environment(), timeout=900, check=True)
    assert json.loads(done.stdout)["total_seconds"] > 3 * 3600 - 1
    assert int(done.stderr.split()[-1]) < 400, "MiB"
