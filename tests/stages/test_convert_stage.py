"""Converting files: names of voices and results, what is refused before anything is written, and bad recordings among
good ones."""

import os
import time
from dataclasses import replace

import numpy as np
import pytest

from rvc_engine.audio.io import decode
from rvc_engine.conversion.request import plan_outputs, resolve_voice
from rvc_engine.conversion.retrieval import build_index, write_index
from rvc_engine.errors import BadInput, RvcError
from rvc_engine.events import Converted, ItemSkipped, Progressed
from rvc_engine.presets import model_config
from rvc_engine.settings import ConvertSettings, for_preset
from rvc_engine.voices.lookup import load_index
from rvc_engine.voices.small_model import read_voice
from rvc_engine.work.convert import convert_files
from rvc_engine.workspace import Workspace
from tests.tiny_voice import save_voice, save_wave


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "home")


@pytest.fixture
def voice(workspace):
    return save_voice(workspace.weights / "it's 声.pth")


def settings(**values):
    return ConvertSettings(**{"pitch_method": "praat", "device": "cpu", **values})


def convert(voice, inputs, output, workspace, index=None, **values):
    return list(convert_files(voice, inputs, output, settings(**values), index, workspace))


@pytest.mark.few(3)
@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "m4a", "ogg"])
def test_one_file(voice, tmp_path, workspace, suffix):
    source = save_wave(tmp_path / "a b 'é.wav")
    events = convert(voice, [source], tmp_path / f"new folder/out.{suffix}", workspace)
    done = [e for e in events if isinstance(e, Converted)]
    assert [e.path for e in done] == [str(tmp_path / f"new folder/out.{suffix}")]
    assert len(decode(tmp_path / f"new folder/out.{suffix}", 16000)) == pytest.approx(0.7 * 16000, abs=320)
    files = [(e.done, e.total) for e in events if isinstance(e, Progressed) and e.unit == "files"]
    assert files == [(0, 1), (1, 1)]
    assert any(e.unit == "seconds" for e in events if isinstance(e, Progressed))


def test_folders_and_bad_recordings_among_good_ones(voice, tmp_path, workspace):
    folder = tmp_path / "in"
    save_wave(folder / "one.wav")
    save_wave(folder / "sub" / "below.wav")
    (folder / "text.txt").write_text("no sound")
    (folder / "empty.wav").touch()
    (folder / ".hidden.wav").write_text("x")
    other = save_wave(tmp_path / "one.wav")
    events = []
    with pytest.raises(
        RvcError, match=r"1 of 4 recordings could not be converted: empty\.wav"
    ) as caught:  # a text is no recording
        for event in convert_files(voice, [folder, other], tmp_path / "out", settings(format="flac"), None, workspace):
            events.append(event)
    assert caught.value.exit_code == 1
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["one-2.flac", "one.flac"]
    skipped = {os.path.basename(e.item): e.reason for e in events if isinstance(e, ItemSkipped)}
    assert set(skipped) == {"text.txt", "empty.wav"}
    assert all(skipped.values())


def test_nothing_usable_fails(voice, tmp_path, workspace):
    (tmp_path / "a.wav").write_text("no sound")
    with pytest.raises(RvcError, match="No recording") as caught:
        convert(voice, [tmp_path / "a.wav"], tmp_path / "b.wav", workspace)
    assert caught.value.exit_code == 1
    assert not (tmp_path / "b.wav").exists()


def test_equal_seed_equal_file(voice, tmp_path, workspace):
    source = save_wave(tmp_path / "a.wav")
    for name, seed in (("1", 7), ("2", 7), ("3", 8)):
        convert(voice, [source], tmp_path / f"{name}.wav", workspace, seed=seed)
    first, again, other = ((tmp_path / f"{n}.wav").read_bytes() for n in "123")
    assert first == again != other


def refused(call, match):
    with pytest.raises(BadInput, match=match) as caught:
        call()
    assert caught.value.exit_code == 2


def test_bad_arguments_are_refused_before_anything_is_written(voice, tmp_path, workspace):
    source, second = save_wave(tmp_path / "a.wav"), save_wave(tmp_path / "b.wav")
    before = source.read_bytes()
    out = tmp_path / "out"

    def now(inputs, output, **values):
        return lambda: convert_files(voice, inputs, output, settings(**values), None, workspace)

    (tmp_path / "void").mkdir()
    (tmp_path / "file").write_text("x")
    refused(now([tmp_path / "none.wav"], out), "There is no file")
    refused(now([tmp_path / "void"], out), "no files")
    refused(now([], out), "No recordings")
    refused(now([source], tmp_path / "x.xyz"), "Unknown format")
    refused(now([source], source), "one of the recordings")
    refused(now([source, second], tmp_path), "one of the recordings")
    refused(now([source, second], tmp_path / "file"), "is a file")
    refused(now([source], tmp_path / "file"), "is a file")
    refused(now([source, second], tmp_path / "o.wav"), "one file for several")
    refused(now([source], tmp_path / "file" / "o.wav"), "not a folder")
    refused(now([source], out, speaker=4), "no speaker 4")
    refused(now([source], out, sample_rate=100), "too low")
    refused(now([source], out, device="cuda:77"), "not available")
    assert not out.exists()
    assert source.read_bytes() == before


def test_files_that_are_no_voice(tmp_path, workspace):
    source = save_wave(tmp_path / "a.wav")
    for number, data in enumerate((b"", b"PK\x03\x04 damaged", source.read_bytes())):
        path = tmp_path / f"{number}.pth"
        path.write_bytes(data)
        refused(
            lambda path=path: convert_files(path, [source], tmp_path / "o.wav", settings(), None, workspace), path.name
        )


@pytest.mark.parametrize(
    ("preset", "name", "search"), [("starter", "x_starter-1", (16, 2)), ("v2-40k", "x_v2", (8, 1))]
)
def test_an_index_of_our_own_encoder_is_searched_in_more_lists(tmp_path, preset, name, search):
    """RVC programs look into one list for eight rows: with their voices, so do we."""
    config = model_config(preset)
    index = tmp_path / f"{name}.index"
    write_index(build_index(np.random.RandomState(0).randn(100, config.feature_dim).astype(np.float32), 2), index)
    voice = replace(read_voice(save_voice(tmp_path / "v.pth", f"{preset}-tiny")), config=config)
    loaded = load_index(index, voice)
    assert (loaded.neighbours, loaded.index.nprobe) == search
    assert loaded.search(np.zeros((1, config.feature_dim), np.float32))[0].shape == (1, search[0])


def test_other_encoders_index_is_refused(tmp_path, workspace):
    voice = save_voice(tmp_path / "v.pth", "v2-40k-tiny")
    source = save_wave(tmp_path / "a.wav")
    index = tmp_path / "x_v2.index"  # its name says HuBERT, the voice has a random encoder
    write_index(build_index(np.random.RandomState(0).randn(50, 768).astype(np.float32), 1), index)
    refused(lambda: convert_files(voice, [source], tmp_path / "o.wav", settings(), index, workspace), "does not belong")
    index.write_bytes(index.read_bytes()[:-1])
    refused(
        lambda: convert_files(voice, [source], tmp_path / "o.wav", settings(), index, workspace), "not a usable index"
    )
    convert(voice, [source], tmp_path / "o.wav", workspace, index, index_rate=0)


def test_results_have_names_of_their_own(tmp_path):
    files = [
        save_wave(tmp_path / d / n, 0.1) for d, n in (("1", "a.wav"), ("2", "a.mp3"), ("2", "A.wav"), ("3", "a-2.wav"))
    ]
    plan = plan_outputs(files, tmp_path / "out", settings())
    assert [target.name for _, target, _ in plan] == ["a.wav", "a-2.wav", "A-3.wav", "a-2-2.wav"]
    (tmp_path / "there").mkdir()
    assert plan_outputs(files[:1], tmp_path / "there", settings(format="ogg"))[0][1:] == (
        tmp_path / "there/a.ogg",
        "ogg",
    )
    assert plan_outputs(files[:1], tmp_path / "no suffix", settings())[0][1] == tmp_path / "no suffix" / "a.wav"
    assert plan_outputs(files[:1], tmp_path / "x.OGG", settings())[0][1:] == (tmp_path / "x.OGG", "ogg")


def test_which_voice(voice, workspace, tmp_path):
    assert resolve_voice("it's 声", workspace, None) == (voice, None)
    assert resolve_voice(str(voice), workspace, None) == (voice, None)
    assert resolve_voice("it's 声.pth", workspace, "none") == (voice, None)
    experiment = workspace.experiment("it's 声")
    older, newer = experiment.index_path(3, "v2"), experiment.index_path(4, "v2")
    experiment.folder.mkdir(parents=True)
    for path, age in ((older, 50), (newer, 100)):  # a copy of a workspace has any times
        path.touch()
        os.utime(path, (time.time() - age, time.time() - age))
    assert resolve_voice("it's 声", workspace, None) == (voice, newer)
    assert resolve_voice("it's 声", workspace, "none") == (voice, None)
    assert resolve_voice("it's 声", workspace, str(older)) == (voice, older)
    later, latest = experiment.small_model_at(7, 70), experiment.small_model_at(10, 100)
    for path, age in ((later, -100), (latest, 100)):
        path.touch()
        os.utime(path, (time.time() - age, time.time() - age))
    (workspace.weights / "it's 声_else_e11_s200.pth").touch()
    assert resolve_voice("it's 声", workspace, None)[0] == voice, "NAME.pth, whatever the times say"
    voice.unlink()
    assert resolve_voice("it's 声", workspace, None)[0] == latest, "then the highest epoch"
    voice.touch()
    refused(lambda: resolve_voice("it's 声", workspace, "gone.index"), "no index file")
    refused(lambda: resolve_voice(str(tmp_path), workspace, None), "is a folder")
    refused(lambda: resolve_voice("./gone.pth", workspace, None), "no voice")
    with pytest.raises(BadInput) as caught:
        resolve_voice("other", workspace, None)
    assert "it's 声" in caught.value.hint
    untrained = workspace.experiment("untrained")
    untrained.folder.mkdir()
    untrained.save_settings(for_preset("starter"))
    refused(lambda: resolve_voice("untrained", workspace, None), "no voice yet")
