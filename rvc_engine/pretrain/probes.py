"""What the features of a content encoder hold: phones and the spectrum (as much as possible), the speaker and the pitch
(as little).

Spectrum, speaker and pitch are read by linear probes, fitted on one half of the recordings and tested on the other; the
last two by the same probes on plain log-mels too, for comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rvc_engine.messages import Message
from rvc_engine.pretrain.encoder_data import EncoderData, Source
from rvc_engine.pretrain.encoder_network import STATES
from rvc_engine.pretrain.encoder_training import EncoderState

RIDGE = 1e-2  # of the features' own variance
MOST = 400  # recordings that are probed
FRAMES = 60_000  # frames of pitch that are probed
Array = NDArray[np.float64]
Features = Callable[[Source], Array]


def probe(state: EncoderState, data: EncoderData) -> dict[str, Any]:
    """Phones and pitch of the speakers that were kept out, pitch of all where too few were; speakers of all."""
    network = state.network.eval()

    def encoded(source: Source, view: int = 0) -> torch.Tensor:
        with torch.inference_mode():
            return network.hidden(network.levelled(data.mels(source, view)[None].to(state.device)))[0].float()

    def features(source: Source) -> Array:
        return np.asarray(encoded(source).cpu().numpy(), dtype=np.float64)

    def mels(source: Source) -> Array:
        """(F50, 2 mels): both mel frames of a feature frame."""
        x = data.mels(source, 0).numpy().T.astype(np.float64)
        return np.asarray(x[: len(x) // 2 * 2].reshape(len(x) // 2, -1))

    def levelled(source: Source) -> Array:
        """(F50, mels): the spectrum at each feature frame, without level and colour."""
        with torch.inference_mode():
            x = network.levelled(data.mels(source, 0)[None].to(state.device))[0].cpu().numpy().T.astype(np.float64)
        return np.asarray(x[: len(x) // 2 * 2].reshape(len(x) // 2, 2, -1).mean(1))

    enough = len({s.speaker for s in data.held}) > 1
    everyone = _some([*data.train, *data.held])
    some = _some(data.held) if enough else everyone
    result: dict[str, Any] = {
        "held_out": sorted({s.speaker for s in data.held}),
        "phone_accuracy": _phone_accuracy(state, data, encoded, 0),
        "phone_accuracy_perturbed": _phone_accuracy(state, data, encoded, 1),
        "probed_on": Message("pretrain.held_out_speakers") if enough else Message("pretrain.all_speakers"),
        "speaker": {"features": speaker_accuracy(everyone, features), "log_mels": speaker_accuracy(everyone, mels)},
        "spectrum_r2": explained(some, features, levelled),
        "pitch_r2": {"features": pitch_fit(some, features), "log_mels": pitch_fit(some, mels)},
    }
    speakers = len({s.speaker for s in everyone})
    result["speaker"]["chance"] = round(1 / max(speakers, 1), 4)
    state.network.train()
    return result


def _some(sources: Sequence[Source]) -> list[Source]:
    """Spread over all of them, by name."""
    ordered = sorted(sources, key=lambda s: s.name)
    step = max(1, -(-len(ordered) // MOST))
    return ordered[::step]


def _phone_accuracy(
    state: EncoderState, data: EncoderData, encoded: Callable[..., torch.Tensor], view: int
) -> float | None:
    """Share of the held-out speakers' frames whose phone is right; None without labels."""
    right = count = 0
    classes = state.heads.classes
    for source in _some(data.held) if classes is not None else []:
        assert classes is not None
        targets = torch.from_numpy(data.classes(source))
        with torch.inference_mode():
            guess = classes(encoded(source, view)).argmax(1).cpu()
        size = min(len(targets), len(guess))
        targets, guess = targets[:size], guess[:size]
        known = targets >= 0
        right += int((guess[known] // STATES == targets[known] // STATES).sum())
        count += int(known.sum())
    return round(right / count, 4) if count else None


def speaker_accuracy(sources: Sequence[Source], features: Features) -> float | None:
    """A linear classifier of the speaker on the means of quarters of recordings, fitted on one recording of each and
    tested on the next, or on the halves of one where speakers have no second. None with fewer than two speakers."""
    by_speaker: dict[str, list[Source]] = {}
    for source in sources:
        by_speaker.setdefault(source.speaker, []).append(source)
    two = sorted(name for name, own in by_speaker.items() if len(own) > 1)
    names = two if len(two) > max(1, len(by_speaker) // 2) else sorted(by_speaker)
    if len(names) < 2:
        return None
    rows: list[list[Array]] = [[], []]
    who: list[list[int]] = [[], []]
    for number, name in enumerate(names):
        for place, source in enumerate(by_speaker[name]):
            for quarter, part in enumerate(np.array_split(features(source), 4)):
                side = place % 2 if len(by_speaker[name]) > 1 else quarter // 2
                rows[side].append(part.mean(0))
                who[side].append(number)
    targets = np.eye(len(names))[who[0]]
    guess = _fitted(np.stack(rows[0]), targets)(np.stack(rows[1])).argmax(1)
    return round(float((guess == np.array(who[1])).mean()), 4)


def pitch_fit(sources: Sequence[Source], features: Features) -> float | None:
    """R2 of a linear regression of log F0 on voiced frames. None where there are too few."""
    return explained(sources, features, _log_pitch)


def explained(sources: Sequence[Source], features: Features, wanted: Features) -> float | None:
    """R2 of a linear regression of `wanted`, (F50, K), on the features, fitted on every second recording and tested on
    the others. Frames where something wanted is NaN are left out; None where too few are left."""
    rows: list[list[Array]] = [[], []]
    targets: list[list[Array]] = [[], []]
    each = max(20, FRAMES // max(len(sources), 1))
    for place, source in enumerate(sources):
        x, y = features(source), wanted(source)
        size = min(len(x), len(y))
        there = np.flatnonzero(np.isfinite(y[:size]).all(1))
        there = there[:: max(1, -(-len(there) // each))]
        rows[place % 2].append(x[there])
        targets[place % 2].append(y[there])
    parts = [(np.concatenate(r), np.concatenate(t)) for r, t in zip(rows, targets, strict=True) if r]
    if len(parts) < 2 or min(len(t) for _, t in parts) < 20:
        return None
    (x, y), (x_test, y_test) = parts
    rest = y_test - _fitted(x, y)(x_test)
    spread = float(((y_test - y_test.mean(0)) ** 2).sum())
    return round(1 - float((rest**2).sum()) / spread, 4) if spread else None


def _log_pitch(source: Source) -> Array:
    """(F50, 1), NaN where there is no pitch."""
    with np.load(source.labels) as held:
        f0 = held["f0"][1::2].astype(np.float64)
    return np.log(np.where(f0 > 0, f0, np.nan))[:, None]


def _fitted(x: Array, y: Array) -> Callable[[Array], Array]:
    """Ridge regression of y (N, K) on the standardised columns of x (N, D)."""
    middle, width, base = x.mean(0), x.std(0) + 1e-9, y.mean(0)
    z = (x - middle) / width
    weights = np.linalg.solve(z.T @ z + RIDGE * len(z) * np.eye(z.shape[1]), z.T @ (y - base))
    return lambda other: (other - middle) / width @ weights + base
