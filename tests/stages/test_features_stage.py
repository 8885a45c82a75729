"""The features stage: a file a clip, resumed, bad clips skipped, and the clip of silence."""

from itertools import chain

import numpy as np
import pytest
import torch

from rvc_engine.audio.io import read_wav, write_wav
from rvc_engine.content import checked
from rvc_engine.content.base import load_encoder
from rvc_engine.content.hubert_content import HubertEncoder
from rvc_engine.errors import BadInput, RvcError
from rvc_engine.events import ItemSkipped, Progressed, Warned
from rvc_engine.settings import for_preset
from rvc_engine.work import features
from rvc_engine.workspace import Workspace


@pytest.fixture
def experiment(tmp_path):
    experiment = Workspace(tmp_path).experiment("声 it's")
    rng = np.random.RandomState(1)
    for name, length in (("0_0", 16000), ("0_1", 9000), ("1_0", 16000), ("10_0", 8001)):
        wave = 0.1 * rng.randn(length)
        write_wav(experiment.wavs_16k / f"{name}.wav", wave, 16000)
        write_wav(experiment.ground_truth / f"{name}.wav", wave, 16000)
    return experiment


@pytest.mark.parametrize(("preset", "dim"), [("starter", 256), ("v2-40k-tiny", 768), ("v1-48k-tiny", 256)])
def test_every_clip_gets_its_features(experiment, preset, dim):
    settings = for_preset(preset)
    features.check_ready(experiment, settings)
    events = list(features.run(experiment, settings))
    progress = [e for e in events if isinstance(e, Progressed)]
    assert [(p.done, p.total) for p in progress] == [(n, 4) for n in range(5)]
    for clip, frames in (("0_0", 50), ("0_1", 29), ("1_0", 50), ("10_0", 26)):
        made = np.load(experiment.features(dim) / f"{clip}.npy")
        assert made.shape == (frames, dim)
        assert made.dtype == np.float32
    assert not list(experiment.folder.rglob("*.part"))


def test_it_resumes_from_what_is_there(experiment):
    settings = for_preset("starter")
    run = features.run(experiment, settings)
    for event in run:
        if isinstance(event, Progressed) and event.done == 2:
            break
    run.close()
    stamps = {p: p.stat().st_mtime_ns for p in experiment.features(256).iterdir()}
    assert len(stamps) == 2
    first = next(iter(features.run(experiment, settings)))
    assert (first.done, first.total) == (2, 4)
    list(features.run(experiment, settings))
    assert len(list(experiment.features(256).iterdir())) == 4
    assert all(p.stat().st_mtime_ns == stamp for p, stamp in stamps.items())


class Watched(HubertEncoder):
    """Notes the lengths of what goes through it together."""

    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        self.seen = []

    def encode(self, waves):
        self.seen.append([len(wave) for wave in waves])
        return super().encode(waves)


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    """The stage uses an encoder of this class as it does on a GPU."""

    def use(kind):
        alone = load_encoder("hubert-random-768", None)
        encoder = kind(alone.name, alone.dim, alone.network, "cpu", batch_size=8)
        monkeypatch.setattr(features, "load_encoder", lambda *_: encoder)
        monkeypatch.setattr(features, "use_device", lambda _: torch.device("cuda"))
        monkeypatch.setattr(checked, "free_memory", lambda _: None)  # torch may be without CUDA
        return encoder, alone

    return use


def made_of(experiment, encoder):
    """The largest difference from what each clip alone gives, of the clips that have features."""
    worst = 0.0
    for path in experiment.features(768).iterdir():
        wave, _ = read_wav(experiment.wavs_16k / f"{path.stem}.wav")
        worst = max(worst, np.abs(np.load(path) - encoder.encode([wave])[0]).max())
    return worst


def test_batches_give_what_each_clip_alone_gives(experiment, as_on_a_gpu):
    """The clips, three lengths of them, go through the encoder together."""
    encoder, alone = as_on_a_gpu(Watched)
    events = list(features.run(experiment, for_preset("v2-40k-tiny")))
    assert encoder.seen == [[48000], [8001, 9000, 16000, 16000]]
    assert [event.done for event in events if isinstance(event, Progressed)] == [0, 1, 2, 3, 4]
    assert len(list(experiment.features(768).iterdir())) == 4 and made_of(experiment, alone) < 1e-4


def test_clips_of_one_length_go_together_first():
    sizes = {**{f"a{i}": 100 for i in range(70)}, "b": 30, "c": 99, "d": 300}
    parts = features.batches(sizes, 32)
    assert [len(part) for part in parts] == [32, 32, 9] and sorted(chain(*parts)) == sorted(sizes)
    assert parts[2] == ["b", "c", *(f"a{i}" for i in range(64, 70)), "d"]
    assert all(len(part) * max(sizes[clip] for clip in part) <= 1000 for part in features.batches(sizes, 32, 1000))
    assert [len(part) for part in features.batches(sizes, 32, 50)] == [1] * 73
    assert features.batches({}, 32) == []


class Small(Watched):
    """The GPU has memory for two waves."""

    def encode(self, waves):
        made = super().encode(waves)
        if len(waves) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return made


def test_out_of_memory_halves_the_batch(experiment, as_on_a_gpu):
    encoder, alone = as_on_a_gpu(Small)
    events = list(features.run(experiment, for_preset("v2-40k-tiny")))
    assert [len(some) for some in encoder.seen] == [1, 4, 2, 2] and not any(isinstance(e, ItemSkipped) for e in events)
    assert len(list(experiment.features(768).iterdir())) == 4 and made_of(experiment, alone) < 1e-4


class Full(Watched):
    def encode(self, waves):
        if len(waves[0]) == 9000:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        if len(waves) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return super().encode(waves)


def test_no_memory_for_one_clip_ends_the_stage(experiment, as_on_a_gpu):
    encoder, _ = as_on_a_gpu(Full)
    with pytest.raises(RvcError, match="memory"):
        list(features.run(experiment, for_preset("v2-40k-tiny")))
    assert encoder.seen == [[48000], [8001]] and not list(experiment.features(768).iterdir())


class Choosy(Watched):
    """Refuses a clip."""

    def encode(self, waves):
        if any(len(wave) == 9000 for wave in waves):
            raise ValueError("not this one")
        return super().encode(waves)


def test_a_clip_that_the_encoder_refuses_is_named_and_alone(experiment, as_on_a_gpu):
    _, alone = as_on_a_gpu(Choosy)
    write_wav(experiment.wavs_16k / "1_0.wav", np.full(3000, np.nan), 16000)
    (experiment.wavs_16k / "10_0.wav").write_bytes(b"RIFF")
    events = list(features.run(experiment, for_preset("v2-40k-tiny")))
    skipped = {event.item: event.reason for event in events if isinstance(event, ItemSkipped)}
    assert set(skipped) == {"0_1", "1_0", "10_0"} and "not this one" in skipped["0_1"]
    assert [path.stem for path in experiment.features(768).iterdir()] == ["0_0"] and made_of(experiment, alone) < 1e-4


def test_a_stop_between_batches(experiment, as_on_a_gpu, monkeypatch):
    as_on_a_gpu(Watched)
    monkeypatch.setattr(features, "TOGETHER", 1)
    run = features.run(experiment, for_preset("v2-40k-tiny"))
    for event in run:
        if isinstance(event, Progressed) and event.done == 1:
            break
    run.close()
    kept = len(list(experiment.features(768).iterdir()))
    assert 1 <= kept <= 2 and not list(experiment.folder.rglob("*.part"))
    assert next(iter(features.run(experiment, for_preset("v2-40k-tiny")))).done == kept


class Overflowing(HubertEncoder):
    """As fp16 on a GTX 16: numbers that are not finite, and no error."""

    def encode(self, waves):
        return [np.full_like(features, np.nan) for features in super().encode(waves)]


def test_half_precision_that_fails_is_left(experiment, monkeypatch):
    settings = for_preset("v2-40k-tiny")
    settings.features.precision = "bf16"
    right = load_encoder(settings.model.encoder, None)
    wrong = Overflowing(right.name, right.dim, right.network, "cpu")

    def load(name, workspace, device, file, precision):
        return right if precision == "fp32" else wrong

    monkeypatch.setattr(features, "load_encoder", load)
    events = list(features.run(experiment, settings))
    (warning,) = [event for event in events if isinstance(event, Warned)]
    assert warning.title.endswith("continues in fp32") and warning.message.startswith("in bf16 on ")
    assert not any(isinstance(event, ItemSkipped) for event in events)
    assert all(np.isfinite(np.load(path)).all() for path in experiment.features(768).iterdir())
    assert np.isfinite(np.load(experiment.mute / "3_feature768" / "mute.npy")).all()


def test_bad_clips_are_skipped_until_none_is_left(experiment):
    (experiment.wavs_16k / "0_1.wav").write_bytes(b"RIFF")
    write_wav(experiment.wavs_16k / "1_0.wav", np.full(3000, np.nan), 16000)
    skipped = {e.item: e.reason for e in features.run(experiment, for_preset("starter")) if isinstance(e, ItemSkipped)}
    assert set(skipped) == {"0_1", "1_0"}
    for clip in experiment.clips():
        (experiment.wavs_16k / f"{clip}.wav").unlink()
        (experiment.features(256) / f"{clip}.npy").unlink(missing_ok=True)
    with pytest.raises(RvcError, match="No clip"):
        list(features.run(experiment, for_preset("starter")))


@pytest.mark.parametrize("pitched", [True, False])
def test_silence(experiment, pitched):
    list(features.run(experiment, for_preset("v2-48k-tiny", pitched=pitched)))
    assert np.load(experiment.mute / "3_feature768" / "mute.npy").shape == (150, 768)
    assert (experiment.mute / "0_gt_wavs" / "mute.wav").stat().st_size > 4 * 3 * 48000
    assert (experiment.mute / "2a_f0" / "mute.wav.npy").exists() is pitched
    if pitched:
        coarse, hz = (np.load(experiment.mute / f / "mute.wav.npy") for f in ("2a_f0", "2b-f0nsf"))
        assert coarse.shape == hz.shape == (300,)
        assert (coarse == 1).all() and coarse.dtype.kind == "i" and (hz == 0).all()


def test_missing_weights_are_reported_before_anything_is_written(experiment):
    settings = for_preset("v2-40k")
    with pytest.raises(BadInput, match="hubert-768"):
        features.check_ready(experiment, settings)
    assert not experiment.features(768).exists()
