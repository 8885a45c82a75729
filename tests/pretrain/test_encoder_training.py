"""The training of a content encoder: it learns, and resuming gives what an uninterrupted training gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from rvc_engine.content.phonetic import PhoneticConfig
from rvc_engine.errors import BadInput, RvcError
from rvc_engine.events import CheckpointSaved, Event, TrainStepped
from rvc_engine.pretrain.encoder_data import EncoderData, Source, augmented, echoed, masked
from rvc_engine.pretrain.encoder_network import LossWeights
from rvc_engine.pretrain.encoder_training import EncoderLoop, EncoderState, EncoderTrainConfig, previous_of, restore
from rvc_engine.pretrain.moving import read_parts, write_parts
from rvc_engine.pretrain.probes import pitch_fit, probe, speaker_accuracy

Make = Callable[..., EncoderData]
TINY = PhoneticConfig(width=16, blocks=1, dim=32)
WEIGHTS = LossWeights(phones=0.7, reconstruction=6.0, consistency=0.3, speaker=0.3)
CONFIG = EncoderTrainConfig(
    steps=8, batch=2, crop=40, learning_rate=5e-3, weights=WEIGHTS, seed=1, bf16=False, dropout=0.1, save_every=4
)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def fresh(data: EncoderData, config: PhoneticConfig = TINY) -> EncoderState:
    return EncoderState.fresh(config, data.phones, data.speakers, 1, torch.device("cpu"))


def steps_of(events: list[Event]) -> list[dict[str, float]]:
    return [event.losses for event in events if isinstance(event, TrainStepped)]


@pytest.mark.soak
def test_losses_have_plain_names_and_fall(make_data: Make, tmp_path: Path) -> None:
    data = make_data()
    state = fresh(data)
    train_config = replace(CONFIG, steps=60, batch=4, learning_rate=1e-2, dropout=0.0, save_every=100)
    steps = steps_of(list(EncoderLoop(state, data, train_config, tmp_path / "s.safetensors").run()))
    assert list(steps[0]) == ["phones", "reconstruction", "consistency", "speaker"]
    assert np.mean([s["phones"] for s in steps[-5:]]) < 0.8 * steps[0]["phones"]
    found = probe(state, data)
    assert found["held_out"] == ["eve"] and found["phone_accuracy"] > 0.6
    assert 0 < found["spectrum_r2"] < 1
    assert found["speaker"]["chance"] == pytest.approx(1 / 3, abs=1e-3)


def test_resuming_gives_what_an_uninterrupted_training_gives(make_data: Make, tmp_path: Path) -> None:
    data = make_data()
    whole = fresh(data)
    expected = steps_of(list(EncoderLoop(whole, data, CONFIG, tmp_path / "whole.safetensors").run()))

    path = tmp_path / "state.safetensors"
    first = EncoderLoop(fresh(data), data, CONFIG, path).run()
    begun = list(islice(first, 4))  # the progress, then three steps
    first.close()  # saves, though no save was due
    again = fresh(data)
    assert restore(again, path) == [] and again.step == 3
    events = list(EncoderLoop(again, data, CONFIG, path).run())
    assert steps_of(begun) + steps_of(events) == expected
    assert [event.step for event in events if isinstance(event, CheckpointSaved)] == [4, 8]
    for key, value in whole.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[key]), key
    assert not list(tmp_path.glob("*.part"))


def test_a_damaged_state_gives_way_to_the_one_before(make_data: Make, tmp_path: Path) -> None:
    data, path = make_data(), tmp_path / "state.safetensors"
    list(EncoderLoop(fresh(data), data, CONFIG, path).run())
    path.write_bytes(path.read_bytes()[:-100])
    state = fresh(data)
    assert "state.safetensors" in restore(state, path)[0]
    assert state.step == 4
    previous_of(path).write_bytes(b"nothing")
    with pytest.raises(RvcError, match="can be read"):
        restore(fresh(data), path)


def test_a_state_of_another_training_is_refused(make_data: Make, tmp_path: Path) -> None:
    data, path = make_data(), tmp_path / "state.safetensors"
    fresh(data).save(path)
    with pytest.raises(RvcError, match="another training") as caught:
        restore(fresh(data, PhoneticConfig(width=8, blocks=1, dim=32)), path)
    assert "settings" in caught.value.message


def test_numbers_that_are_not_finite_end_it_with_a_fix(make_data: Make, tmp_path: Path) -> None:
    data = make_data()
    state = fresh(data)
    with torch.no_grad():
        state.network.out.weight.fill_(float("nan"))
    with pytest.raises(RvcError, match="diverged at step 1") as caught:
        list(EncoderLoop(state, data, CONFIG, tmp_path / "s.safetensors").run())
    assert "learning-rate" in caught.value.hint and not list(tmp_path.glob("s*"))


def test_without_labels_the_other_losses_remain(make_data: Make, tmp_path: Path) -> None:
    data = make_data(labelled=False)
    state = fresh(data)
    steps = steps_of(list(EncoderLoop(state, data, CONFIG, tmp_path / "s.safetensors").run()))
    assert {step["phones"] for step in steps} == {0.0}
    assert probe(state, data)["phone_accuracy"] is None


def test_augmentation_keeps_the_shape_and_is_drawn_from_its_generator() -> None:
    x = torch.randn(2, 80, 60)
    once, twice, other = (augmented(x, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert once.shape == x.shape and torch.equal(once, twice) and not torch.equal(once, other)
    holes = masked(torch.ones(4, 80, 60), torch.Generator().manual_seed(1))
    assert set(holes.unique().tolist()) == {0.0, 1.0}


def test_an_echo_fades_as_asked_and_touches_the_chosen_alone() -> None:
    click = torch.full((2, 3, 100), -13.0)
    click[:, :, 20] = 0.0
    chosen = torch.tensor([True, False])[:, None, None]
    wet = echoed(click, chosen, torch.full((2, 1, 1), 0.3), torch.full((2, 1, 1), -1.0))
    assert torch.equal(wet[1], click[1])
    # nothing of the click before it; the quiet gets a tail of its own
    assert torch.allclose(wet[0, :, :21], click[0, :, :21], atol=0.08)
    tail = wet[0, 0, 21:51]
    assert torch.allclose(tail.diff(), torch.full((29,), -6.908 / 30), atol=1e-2)  # 60 dB in 0.3 s
    assert torch.exp(2 * wet[0, 0, 21:61]).sum().log() / 2 == pytest.approx(-1.0, abs=0.01)


def test_dropout_is_drawn_from_the_step_and_of_the_training_alone(make_data: Make, tmp_path: Path) -> None:
    data = make_data()
    train_config = replace(CONFIG, dropout=0.5)
    first, second = (
        steps_of(list(EncoderLoop(fresh(data), data, train_config, tmp_path / f"{n}.safetensors").run()))
        for n in (1, 2)
    )
    assert first == second
    assert first != steps_of(list(EncoderLoop(fresh(data), data, CONFIG, tmp_path / "3.safetensors").run()))
    network, x = fresh(data).network, torch.randn(1, 80, 40)
    assert not torch.equal(network.hidden(x, 0.5), network.hidden(x))
    network.eval()
    assert torch.equal(network.hidden(x, 0.5), network.hidden(x))


def test_probes_tell_what_is_there_from_what_is_not(make_data: Make) -> None:
    data = make_data()
    sources = [*data.train, *data.held]
    draw = np.random.default_rng(0)

    def f0_of(source: Source) -> np.ndarray:
        with np.load(source.labels) as held:
            return np.log(held["f0"][1::2])[:, None] * np.ones(4)

    def noise(source: Source) -> np.ndarray:
        return draw.normal(size=(75, 4))

    def voice(source: Source) -> np.ndarray:
        return noise(source) * 0.1 + np.eye(4)[("ann", "bob", "eve").index(source.speaker)]

    assert (pitch_fit(sources, f0_of) or 0) > 0.99 > 0.1 > (pitch_fit(sources, noise) or 0)
    assert speaker_accuracy(sources, voice) == 1.0
    assert speaker_accuracy(data.held, voice) is None


def test_parts_are_small_whole_and_checked(make_data: Make, tmp_path: Path) -> None:
    numbers = torch.arange(5000, dtype=torch.float32)
    content = {
        "a": {0: numbers, "b": [torch.tensor(3.0), (1, None, float("inf"))]},
        "c": torch.ones(2, 3, dtype=torch.uint8),
        "d": "x",
    }
    written = write_parts(tmp_path, "train", content, part_bytes=4096)
    assert len(written) > 5 and all(path.stat().st_size < 4096 + 2048 for path in written[:-1])
    again = read_parts(tmp_path, "train")
    assert torch.equal(again["a"][0], numbers) and again["a"]["b"][1] == (1, None, float("inf")) and again["d"] == "x"
    assert again["c"].dtype == torch.uint8 and again["c"].shape == (2, 3)
    written[1].write_bytes(written[1].read_bytes()[:-1] + b"?")
    with pytest.raises(BadInput, match=r"train\.json") as caught:
        read_parts(tmp_path, "train")
    assert written[1].name in caught.value.message
    written[0].unlink()
    with pytest.raises(BadInput, match=r"train\.json"):
        read_parts(tmp_path, "train")
