"""Runs where fairseq is (requirements.txt beside this file), never in this program's own environment.

python reference.py make OPTIONS.json CHECKPOINT          a HuBERT of these model options with random weights python
reference.py features CHECKPOINT WAVES.npz OUT.npz each layer (L, B, F50, D) of `source` (B, T) under `padding_mask`,
and final_proj
"""

import json
import logging
import sys

import numpy as np
import torch

logging.disable(logging.INFO)

from fairseq import checkpoint_utils  # noqa: E402
from fairseq.data import Dictionary  # noqa: E402
from fairseq.models.hubert.hubert import HubertConfig, HubertModel  # noqa: E402
from fairseq.tasks.hubert_pretraining import HubertPretrainingConfig  # noqa: E402
from omegaconf import OmegaConf  # noqa: E402


def make(options_path, checkpoint_path):
    with open(options_path) as file:
        options = json.load(file)
    model_cfg = OmegaConf.merge(OmegaConf.structured(HubertConfig(label_rate=50.0)), options["model"])
    task_cfg = OmegaConf.merge(
        OmegaConf.structured(HubertPretrainingConfig(data="none", labels=["km"])), options["task"]
    )
    dictionary = Dictionary()
    for label in range(20):
        dictionary.add_symbol(str(label))
    torch.manual_seed(0)
    model = HubertModel(model_cfg, task_cfg, [dictionary])
    with torch.no_grad():
        for weight in model.parameters():  # norms and biases of a new model are 1 and 0, which hides mistakes
            weight.add_(0.05 * torch.randn_like(weight))
    cfg = {
        "model": OmegaConf.to_container(model_cfg, enum_to_str=True),
        "task": OmegaConf.to_container(task_cfg, enum_to_str=True),
        "common": {},
    }
    cfg["model"]["_name"], cfg["task"]["_name"] = "hubert", "hubert_pretraining"
    state = {"args": None, "cfg": cfg, "model": model.state_dict(), "task_state": {"dictionaries": [dictionary]}}
    state["optimizer_history"] = [
        {"criterion_name": "hubert", "optimizer_name": "", "lr_scheduler_state": {}, "num_updates": 0}
    ]
    state["extra_state"] = {"train_iterator": {"epoch": 1}}
    torch.save(state, checkpoint_path)


def features(checkpoint_path, waves_path, out_path):
    models, _, _ = checkpoint_utils.load_model_ensemble_and_task([checkpoint_path])
    model = models[0].float().eval()
    with np.load(waves_path) as waves, torch.no_grad():
        source, mask = torch.from_numpy(waves["source"]), torch.from_numpy(waves["padding_mask"])
        layers = [
            model.extract_features(source=source, padding_mask=mask, mask=False, output_layer=k)[0]
            for k in range(1, len(model.encoder.layers) + 1)
        ]
        projected = model.final_proj(layers[-1])
    np.savez(out_path, layers=torch.stack(layers).numpy(), projected=projected.numpy())


if __name__ == "__main__":
    {"make": make, "features": features}[sys.argv[1]](*sys.argv[2:])
