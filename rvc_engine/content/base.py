"""Content encoders: what is said, 50 frames a second, with little of who says it. Every model and index names the one
that made it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from rvc_engine.assets.pretrained import HUBERT_NAMES, HasPretrained, find_hubert
from rvc_engine.errors import BadInput, cannot_read, of_environment
from rvc_engine.presets import ENCODERS

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from rvc_engine.content.hubert import Hubert
    from rvc_engine.content.phonetic import PhoneticEncoder

FRAME_SAMPLES = 320
STARTER_ENCODER = "starter/encoder.safetensors"


class ContentEncoder(Protocol):
    """Turns speech into content features."""

    @property
    def name(self) -> str: ...

    @property
    def dim(self) -> int: ...

    def encode(self, waves: list[np.ndarray]) -> list[np.ndarray]:
        """16 kHz waves (T,) -> for each (ceil(T / 320), D) float32. Frame k belongs to the samples from 320 k on. The
        result for a wave does not depend on the others. Raises ValueError for an empty wave."""
        ...


def check_encoder(name: str, workspace: HasPretrained | None) -> None:
    """Raises BadInput when the encoder is unknown or its weights are not there. Loads nothing."""
    if name not in ENCODERS:
        raise BadInput(f"There is no content encoder {name!r}", "", f"this program has: {', '.join(ENCODERS)}")
    if name in ("hubert-256", "hubert-768") and (workspace is None or find_hubert(workspace) is None):
        raise BadInput(
            f"The weights of the content encoder {name} are missing",
            f"there is no {HUBERT_NAMES[0]} in pretrained/, nor another form of it",
            f"fetch it by `rvc assets pull PRESET`, or put {HUBERT_NAMES[0]} there, or use --preset starter, which "
            "needs no download",
        )


def load_encoder(
    name: str,
    workspace: HasPretrained | None,
    device: torch.device | str = "cpu",
    file: Path | None = None,
    precision: str = "fp32",
) -> ContentEncoder:
    """The encoder that a model's `encoder` field names; `file`: its weights, where they are not those of the workspace
    or the program. `precision`: of HuBERT; the small encoder of our own is always float32. Raises BadInput when it is
    unknown or its weights are missing or damaged."""
    if file is None:
        check_encoder(name, workspace)
    if name == "phonetic-256-1":
        return PhoneticContent(name, _phonetic(workspace, file), device)
    from rvc_engine.content import hubert

    dim = ENCODERS[name][0]
    if name.startswith("hubert-random"):
        return HubertEncoder(name, dim, hubert.random_tiny(dim), device, precision=precision)
    path = find_hubert(workspace) if workspace else None
    assert path is not None  # check_encoder has looked
    try:
        network = hubert.read_hubert(path, dim)
    except (OSError, ValueError) as error:
        if of_environment(error):
            raise cannot_read(path, error) from error
        raise BadInput(f"{path} is no HuBERT that this program can read", str(error), "fetch the file again") from error
    return HubertEncoder(name, dim, network, device, precision=precision)


def _phonetic(workspace: HasPretrained | None, file: Path | None) -> PhoneticEncoder:
    from rvc_engine.content.phonetic import read_phonetic

    path = file or (workspace.find_pretrained(STARTER_ENCODER) if workspace else None)
    if path is None:
        raise BadInput(
            f"The starter's content encoder {STARTER_ENCODER} is missing",
            "it is a part of this program",
            "install it again",
        )
    try:
        return read_phonetic(path)
    except (OSError, ValueError) as error:
        if of_environment(error):
            raise cannot_read(path, error) from error
        raise BadInput(
            f"{path} is no content encoder that this program can read", str(error), "install the program again"
        ) from error


class PhoneticContent:
    """`phonetic-256-1`; see models/phonetic_encoder.py. Waves go one by one: it is quick, and the result does not
    depend on the others."""

    dim = 256

    def __init__(self, name: str, network: PhoneticEncoder, device: torch.device | str) -> None:
        self.name = name
        self.network = network.eval().to(device)
        self.device = device

    def encode(self, waves: list[np.ndarray]) -> list[np.ndarray]:
        import torch

        _refuse_empty(waves)
        results = []
        for wave in waves:
            padded = np.pad(np.asarray(wave, dtype=np.float32), (0, -len(wave) % FRAME_SAMPLES))
            with torch.inference_mode():
                frames = self.network(torch.from_numpy(padded).to(self.device).unsqueeze(0))[0]
            results.append(np.ascontiguousarray(frames.float().cpu().numpy()))
        return results


class HubertEncoder:
    """HuBERT. On a card up to `batch_size` waves of similar length go through together; each gets what it would get
    alone (hubert.content). On a processor each wave goes alone, because rounding depends on how many go together."""

    def __init__(
        self,
        name: str,
        dim: int,
        network: Hubert,
        device: torch.device | str,
        batch_size: int | None = None,
        precision: str = "fp32",
    ) -> None:
        from rvc_engine.files.half import rounded

        self.name = name
        self.dim = dim
        self.network = rounded(network.eval().to(device), precision)
        self.device = device
        self.precision = precision
        self.batch_size = batch_size or (1 if str(device) == "cpu" else 8)

    def encode(self, waves: list[np.ndarray]) -> list[np.ndarray]:
        _refuse_empty(waves)
        order = sorted(range(len(waves)), key=lambda i: len(waves[i]))
        results: dict[int, np.ndarray] = {}
        for start in range(0, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]
            results.update(zip(batch, self._content([waves[i] for i in batch]), strict=True))
        return [results[i] for i in range(len(waves))]

    def _content(self, waves: list[np.ndarray]) -> list[np.ndarray]:
        import torch

        from rvc_engine.files.half import autocast

        padded = [
            torch.from_numpy(pad_for_hubert(np.asarray(wave, dtype=np.float32))).to(self.device) for wave in waves
        ]
        with torch.inference_mode(), autocast(self.device, self.precision):
            return [np.ascontiguousarray(frames.float().cpu().numpy()) for frames in self.network.content(padded)]


def pad_for_hubert(wave: np.ndarray) -> np.ndarray:
    """(T,) -> (320 * ceil(T / 320) + 80,): HuBERT gives (T - 80) // 320 frames, one or two too few. Padding on the
    right alone, mirrored where the wave is long enough, leaves every frame where RVC has it and adds the missing
    ones."""
    wanted = -(-len(wave) // FRAME_SAMPLES) * FRAME_SAMPLES + 80
    spare = wanted - len(wave)
    return np.pad(wave, (0, spare), mode="reflect") if len(wave) > spare else np.pad(wave, (0, spare))


def _refuse_empty(waves: list[np.ndarray]) -> None:
    if any(wave.ndim != 1 or not len(wave) for wave in waves):
        raise ValueError("a wave must be (T,) with at least one sample")
