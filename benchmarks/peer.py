"""What another RVC program's own code does, for benchmarks/engine_speed.py: run inside its checkout, by a Python that
has what it needs.

    python peer.py hubert FOLDER            a random HuBERT base of its kind, as transformers keeps it
    python peer.py fcpe CLIPS OUT           pitch of each clip by FCPE
    python peer.py step BATCH FRAMES STEPS  seconds of a v2-40k training step
    python peer.py convert VOICE INDEX OUT FILE...

Nothing of the other program is kept here: its modules are imported from the current folder.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
import warnings
from pathlib import Path
from typing import Any

warnings.filterwarnings("ignore")
sys.path.insert(0, os.getcwd())
ASKED, sys.argv = sys.argv[1:], sys.argv[:1]  # its configuration reads the command line


def hubert(folder: str) -> None:
    import torch
    from infer.hubert import HubertModelWithFinalProj
    from transformers import HubertConfig, Wav2Vec2FeatureExtractor

    torch.manual_seed(0)
    HubertModelWithFinalProj(HubertConfig()).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=False).save_pretrained(folder)


def fcpe(clips: str, out: str) -> None:
    import numpy as np
    import torch
    from infer.audio import load_audio
    from infer.fcpe import FCPEInfer

    model = FCPEInfer(torch.device("cpu"))
    for path in sorted(Path(clips).glob("*.wav")):
        wave = load_audio(str(path), 16000)
        with torch.no_grad():
            pitch = model.infer(torch.from_numpy(wave).unsqueeze(0).float(), sr=16000)
        np.save(Path(out) / path.name, pitch.squeeze().cpu().numpy())


def step(batch: int, frames: int, steps: int) -> None:
    import torch
    from infer.module import commons, models
    from train.losses import discriminator_loss, feature_loss, generator_loss, kl_loss
    from train.mel_processing import mel_spectrogram_torch, spec_to_mel_torch

    config = json.loads(Path("configs/v1/40k.json").read_text())
    data, shape = config["data"], config["model"]
    hop, size, segment = data["hop_length"], data["filter_length"], config["train"]["segment_size"]
    torch.manual_seed(0)
    generator = models.SynthesizerTrnMs768NSFsid(
        size // 2 + 1, segment // hop, **shape, is_half=False, sr=40000
    ).train()
    critics = models.MultiPeriodDiscriminatorV2(False).train()
    optimizers = [
        torch.optim.AdamW(network.parameters(), 1e-4, betas=(0.8, 0.99), eps=1e-9) for network in (generator, critics)
    ]
    phone, lengths = torch.randn(batch, frames, 768), torch.full((batch,), frames)
    coarse, hz = torch.randint(1, 255, (batch, frames)), 100 + 200 * torch.rand(batch, frames)
    spec, wave = torch.rand(batch, size // 2 + 1, frames), 0.1 * torch.randn(batch, 1, frames * hop)
    speaker = torch.zeros(batch, dtype=torch.long)
    mel_of = (size, data["n_mel_channels"], 40000)

    def once() -> None:
        made, starts, _, mask, (_, z_p, m_p, logs_p, _, logs_q) = generator(
            phone, lengths, coarse, hz, spec, lengths, speaker
        )
        mel = spec_to_mel_torch(spec, *mel_of, data["mel_fmin"], data["mel_fmax"])
        true = commons.slice_segments(mel, starts, segment // hop)
        predicted = mel_spectrogram_torch(
            made.float().squeeze(1), *mel_of, hop, data["win_length"], data["mel_fmin"], data["mel_fmax"]
        )
        real = commons.slice_segments(wave, starts * hop, segment)
        scores, fakes, _, _ = critics(real, made.detach())
        loss = discriminator_loss(scores, fakes)[0]
        descend(loss, optimizers[1], critics)
        scores, fakes, real_maps, fake_maps = critics(real, made)
        loss = 45 * torch.nn.functional.l1_loss(true, predicted) + kl_loss(z_p, logs_q, m_p, logs_p, mask)
        loss = loss + feature_loss(real_maps, fake_maps) + generator_loss(fakes)[0]
        descend(loss, optimizers[0], generator)
        loss.item()

    def descend(loss: Any, optimizer: Any, network: Any) -> None:
        optimizer.zero_grad()
        loss.backward()
        commons.clip_grad_value_(network.parameters(), None)
        optimizer.step()

    once()
    times = []
    for _ in range(steps):
        started = time.perf_counter()
        once()
        times.append(time.perf_counter() - started)
    print(json.dumps({"seconds": statistics.median(times)}))


def convert(voice: str, index: str, out: str, *files: str) -> None:
    import soundfile

    os.environ["weight_root"] = str(Path(voice).parent)  # noqa: SIM112
    from configs.config import Config
    from infer.vc.modules import VC

    speaker = VC(Config())
    speaker.get_vc(Path(voice).name)
    for file in files:
        message, (rate, wave) = speaker.vc_single(0, file, 0, "pm", index, 0.75, 0, 0.25, 0.33)
        if wave is None:
            raise SystemExit(message)
        soundfile.write(Path(out) / f"{Path(file).stem}.wav", wave, rate)


if __name__ == "__main__":
    action, *words = ASKED
    if action == "step":
        step(*(int(word) for word in words))
    else:
        {"hubert": hubert, "fcpe": fcpe, "convert": convert}[action](*words)
