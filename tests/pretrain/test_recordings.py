"""Preparing recordings: transcripts, labels, copies in other voices."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rvc_engine.errors import BadInput
from rvc_engine.events import ItemSkipped, Paused, Progressed, Resumed
from rvc_engine.pretrain.labels import check_packages, words_of
from rvc_engine.pretrain.recordings import Files, RecordingTask, prepare
from rvc_engine.pretrain.transcripts import Transcripts
from rvc_engine.settings import for_base
from rvc_engine.work import encoder
from rvc_engine.workspace import Workspace
from tests.conftest import SAMPLES
from tests.pretrain.packages import needs_packages

SENTENCE = SAMPLES / "target" / "kathleen_arctic_a0060.flac"


def task_of(tmp_path: Path, transcript: str | None, path: Path = SENTENCE) -> RecordingTask:
    return RecordingTask(path.name, path, transcript, 1, 1, tmp_path)


def test_transcripts_are_found_by_path_by_name_and_beside(tmp_path: Path) -> None:
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann" / "c.txt").write_text("beside it\n")
    (tmp_path / "transcripts.csv").write_text(
        "path,transcript,language\nann/a.flac,Hello there!,en-GB\nelsewhere/b.wav,Guten Tag,de\n"
    )
    found = Transcripts.read(tmp_path)
    assert found.of("ann/a.flac").text == "Hello there!" and found.of("ann/a.flac").is_english
    assert not found.of("bob/b.flac").is_english
    assert found.of("ann/c.flac").text == "beside it"
    assert found.of("ann/d.flac").text == "" and found.of("ann/d.flac").is_english


def test_a_table_without_its_columns_is_named(tmp_path: Path) -> None:
    (tmp_path / "transcripts.csv").write_text("file,text\na,b\n")
    with pytest.raises(BadInput, match=r"transcripts\.csv"):
        Transcripts.read(tmp_path)


def test_words_are_those_of_the_dictionary() -> None:
    assert words_of("Author of the danger trail, Philip Steels, etc.") == "author of the danger trail philip steels etc"
    assert words_of("It\u2019s 9 o'clock") == "it's o'clock"


@needs_packages
def test_a_recording_is_prepared_once(tmp_path: Path) -> None:
    task = task_of(tmp_path, None)
    prepared = prepare(task)
    files = Files.of(tmp_path, prepared.key)
    assert files.there and prepared.note == ""
    mels = np.load(files.mels)
    assert mels.shape[:2] == (2, 80) and mels.dtype == np.float16 and np.isfinite(mels).all()
    with np.load(files.labels) as held:
        assert len(held["phone"]) == len(held["f0"]) == mels.shape[2] and not held["sure"].any()
        assert 0.2 < (held["f0"] > 0).mean() < 0.9
    written = files.mels.stat().st_mtime_ns
    assert prepare(task) == prepared and files.mels.stat().st_mtime_ns == written
    assert prepare(replace(task, versions=2)).key != prepared.key


def test_what_cannot_be_read_has_a_reason(tmp_path: Path) -> None:
    broken = tmp_path / "broken.flac"
    broken.write_bytes(b"fLaC nothing")
    for path in (broken, tmp_path / "none.wav"):
        prepared = prepare(task_of(tmp_path, None, path))
        assert prepared.key == "" and prepared.note


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"pyworld"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name if name in there else None)
    with pytest.raises(BadInput, match="PocketSphinx") as caught:
        check_packages("auto")
    assert "rvc-tui[pretrain]" in caught.value.hint
    check_packages("none")
    there.clear()
    with pytest.raises(BadInput, match="WORLD"):
        check_packages("none")


@needs_packages
def test_phones_follow_the_words(tmp_path: Path) -> None:
    pytest.importorskip("pocketsphinx")
    with_words = prepare(task_of(tmp_path, Transcripts.read(SAMPLES).of(f"target/{SENTENCE.name}").text))
    assert with_words.note == ""
    with np.load(Files.of(tmp_path, with_words.key).labels) as held:
        phones, states, sure = held["phone"], held["state"], held["sure"]
    assert len(set(phones)) > 10 and set(states) == {0, 1, 2} and (sure == 1).all()
    assert phones[0] == "SIL"
    nonsense = prepare(task_of(tmp_path, "xyzzy plugh"))
    assert nonsense.key and nonsense.note.startswith("used without labels")
    again = prepare(task_of(tmp_path, "xyzzy plugh"))
    assert again == nonsense and again.note.code == nonsense.note.code == "pretrain.unlabelled"


@needs_packages
def test_recordings_that_vanish_are_waited_for(tmp_path: Path) -> None:
    """As when their disk is unmounted: the encoder is not trained on the rest."""
    folder = tmp_path / "disk"
    for speaker, name in (("one", "a.flac"), ("two", "b.flac")):
        (folder / speaker).mkdir(parents=True)
        shutil.copy(SENTENCE, folder / speaker / name)
    settings = for_base("starter-tiny", dataset=str(folder))
    settings.encoder.recogniser, settings.encoder.versions = "none", 1
    events = encoder._prepared(Workspace(tmp_path).experiment("base"), settings)
    assert isinstance(next(events), Progressed)
    folder.rename(tmp_path / "unplugged")
    kinds, sources = [], []
    try:
        while True:
            event = next(events)
            kinds.append(type(event))
            if isinstance(event, Paused):
                (tmp_path / "unplugged").rename(folder)
    except StopIteration as end:
        sources = end.value
    assert Paused in kinds and Resumed in kinds and ItemSkipped not in kinds
    assert [source.name for source in sources] == ["one/a.flac", "two/b.flac"]
