"""Content encoders that need no download: a small HuBERT with random weights."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from rvc_engine.content.base import ContentEncoder, LoadedEncoder

if TYPE_CHECKING:
    import torch

    from rvc_engine.content.hubert import Hubert

WIDTH = 32
SEED = 20230401


class RandomHubert(ContentEncoder):
    about = "a tiny HuBERT with seeded random weights, for tests"

    def read(self, path: Path | None, device: torch.device | str, precision: str) -> LoadedEncoder:
        from rvc_engine.content.hubert_content import HubertEncoder  # imports torch

        return HubertEncoder(self.name, self.dim, random_tiny(self.dim), device, precision=precision)


class RandomHubert256(RandomHubert):
    dim = 256


class RandomHubert768(RandomHubert):
    dim = 768


def random_tiny(dim: int) -> Hubert:
    """Two layers of width 32 with the same seeded weights on every machine, projected to `dim`."""
    import torch

    from rvc_engine.content.hubert import Hubert
    from rvc_engine.content.hubert_config import HubertConfig

    config = HubertConfig(
        convolutions=((16, 10, 5), *[(16, 3, 2)] * 4, *[(16, 2, 2)] * 2),
        width=WIDTH,
        layers=2,
        heads=4,
        inner_width=64,
        position_kernel=16,
        position_groups=4,
        projection=dim,
    )
    with torch.random.fork_rng(devices=[]):
        network = Hubert(config, 2, projected=True)
    generator = torch.Generator().manual_seed(SEED + dim)
    with torch.no_grad():
        for _, weight in sorted(network.state_dict().items()):
            draw = torch.randn(weight.shape, generator=generator)
            if weight.dim() > 1:
                weight.copy_(draw * (1.5 / math.sqrt(weight[0].numel())))
            elif weight.mean() > 0.5:  # the scales of the norm layers start at 1
                weight.copy_(1 + 0.02 * draw)
            else:
                weight.copy_(0.02 * draw)
    return network.eval()
