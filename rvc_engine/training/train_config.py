"""The hyperparameters of a training: the numbers that may change between two runs of the same training."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from rvc_engine.presets import BATCH_SIZE

LAST_RATE = 0.1
SAME_NUMBERS = ("epochs", "save_every", "graphs", "checkpointing", "tunings", "data_on_gpu")


@dataclass(frozen=True)
class TrainConfig:
    """`epochs`: 0 as long as they are not known (epoch_budget.py). `falls`: the rate falls to LAST_RATE of it over all
    epochs, and lr_decay is not used. `precision`: fp32, fp16 or bf16. `mutes`: rows of silence in the set.
    `graphs`: steps as CUDA graphs, on one GPU. `checkpointing`: what a step can compute again is not kept.
    `tunings`: names of models/tuning.py. `data_on_gpu`: auto, on or off."""

    epochs: int
    batch_size: int = BATCH_SIZE
    learning_rate: float = 1e-4
    lr_decay: float = 0.999875
    falls: bool = False
    c_mel: float = 45.0
    c_kl: float = 1.0
    prior_share: float = 0.0
    seed: int = 1234
    precision: str = "fp32"
    mutes: int = 0
    save_every: int = 5
    graphs: bool = False
    checkpointing: bool = False
    tunings: tuple[str, ...] = ()
    data_on_gpu: str = "auto"

    def rate_in(self, epoch: int) -> float:
        """Learning rate in an epoch, counted from 1."""
        if self.falls:
            return self.learning_rate * math.exp(math.log(LAST_RATE) * min(1.0, (epoch - 1) / max(1, self.epochs - 1)))
        return self.learning_rate * self.lr_decay ** (epoch - 1)

    def numbers(self) -> dict[str, Any]:
        """Those that change how training continues, for comparing with an earlier run."""
        return {key: value for key, value in asdict(self).items() if key not in SAME_NUMBERS}
