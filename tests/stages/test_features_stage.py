"""The features stage: a file a clip, resumed, bad clips skipped, and the clip of silence."""

import numpy as np
import pytest
import torch

from rvc_engine.audio.io import read_wav, write_wav
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


def test_batches_give_what_each_clip_alone_gives(experiment, monkeypatch):
    """As on a GPU: the clips, three lengths of them, go through the encoder together."""
    settings = for_preset("v2-40k-tiny")
    encoder = load_encoder(settings.model.encoder, None)
    seen = []

    class Watched(HubertEncoder):
        def encode(self, waves):
            seen.append([len(wave) for wave in waves])
            return super().encode(waves)

    together = Watched(encoder.name, encoder.dim, encoder.network, "cpu", batch_size=8)
    monkeypatch.setattr(features, "load_encoder", lambda *_: together)
    monkeypatch.setattr(features, "use_device", lambda _: torch.device("cuda"))
    list(features.run(experiment, settings))
    assert [8001, 9000, 16000, 16000] in seen
    for clip in experiment.clips():
        wave, _ = read_wav(experiment.wavs_16k / f"{clip}.wav")
        alone = encoder.encode([wave])[0]
        assert np.abs(np.load(experiment.features(768) / f"{clip}.npy") - alone).max() < 1e-4


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
