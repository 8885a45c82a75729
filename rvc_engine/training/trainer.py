"""One step of training: the discriminators learn on what the generator made, then the generator learns from their
losses."""

from __future__ import annotations

from contextlib import nullcontext
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from rvc_engine.audio.spectrogram import MelScale, log_mel, spectrogram
from rvc_engine.models.checkpointing import set_checkpointing
from rvc_engine.models.noise import NoiseSource
from rvc_engine.models.synthesizer import Synthesizer, slices
from rvc_engine.models.tuning import tuned
from rvc_engine.presets import ModelConfig
from rvc_engine.training.adversary import Adversary
from rvc_engine.training.dataset import Batch
from rvc_engine.training.losses import kl_loss
from rvc_engine.training.precision import Precision
from rvc_engine.training.ranks import Alone, Ranks
from rvc_engine.training.step_weights import StepWeights
from rvc_engine.training.train_config import TrainConfig


class StepResult(NamedTuple):
    """Scalars on the device, by the names that RVC programs give them in TensorBoard. `host` holds them in one pinned
    tensor as soon as `copied` has come."""

    scalars: dict[str, Tensor]
    ranks: Ranks = Alone()
    together: Tensor | None = None
    host: Tensor | None = None
    copied: torch.cuda.Event | None = None

    def gathered(self) -> StepResult:
        """With all of them in one tensor."""
        if self.together is not None:
            return self
        return self._replace(together=torch.stack([value.detach().float() for value in self.scalars.values()]))

    def on_its_way(self) -> StepResult:
        """Of a GPU: its copy to the host is put on the queue, so that `numbers` waits for this step alone, and not for
        what comes after it."""
        together = self.gathered().together
        assert together is not None
        host = torch.empty_like(together, device="cpu", pin_memory=True).copy_(together, non_blocking=True)
        copied = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
        copied.record()
        return self._replace(together=together, host=host, copied=copied)

    def numbers(self) -> dict[str, float]:
        """Waits for the device, once. The mean over all processes."""
        if self.host is not None and self.copied is not None:
            self.copied.synchronize()
            return dict(zip(self.scalars, self.host.tolist(), strict=True))
        together = self.gathered().together
        assert together is not None
        return dict(zip(self.scalars, self.ranks.mean(together).tolist(), strict=True))


class Trainer:
    """Borrows networks and optimizers from a training state; owns nothing that a checkpoint must hold."""

    def __init__(
        self,
        generator: Synthesizer,
        optimizer: torch.optim.Optimizer,
        adversary: Adversary,
        precision: Precision,
        train_config: TrainConfig,
        ranks: Ranks | None = None,
    ) -> None:
        self.generator, self.optimizer, self.adversary = generator, optimizer, adversary
        self.ranks = ranks or Alone()
        self._generate, self._discriminate = self.ranks.shared(generator), self.ranks.shared(adversary.network)
        self.weights = StepWeights(generator, precision.name)
        self.precision, self.train_config = precision, train_config
        self.tunings = train_config.tunings
        self.use_checkpointing(train_config.checkpointing)
        self.config: ModelConfig = generator.config
        c = self.config
        self.mel_scale = MelScale(c.sample_rate, c.filter_length, c.n_mels, c.mel_fmin, c.mel_fmax)

    def use_checkpointing(self, on: bool) -> None:
        """Gradient checkpointing; gradients too are then in memory only as long as they are used."""
        set_checkpointing(self.generator, on)
        set_checkpointing(self.adversary.network, on)
        self.frees_gradients = on
        # a CPU gains nothing by fewer operations, and copies take its time
        on_gpu = self.precision.device.type == "cuda"
        for weights in (self.weights, self.adversary.weights):
            weights.together = on_gpu and self._generate is self.generator and not on

    def step(self, batch: Batch, noise: NoiseSource) -> StepResult:
        """`batch` is on the generator's device."""
        with tuned(self.tunings), self.weights.prepared():
            return self._prepared_step(batch, noise)

    def _prepared_step(self, batch: Batch, noise: NoiseSource) -> StepResult:
        b, config = batch, self.config
        if self.frees_gradients:
            self.optimizer.zero_grad(set_to_none=True)
        with self.precision.autocast():
            made = self._generate(
                b.phone,
                b.lengths,
                b.pitch,
                b.pitch_hz,
                b.spec,
                b.speaker,
                self.ranks.noise(noise),
                self.train_config.prior_share,
            )
        wave = made.wave.float()
        real = slices(b.wave, made.start_frames * config.hop_samples, config.segment_samples)

        real_part, made_part = self._discriminator_input(real), self._discriminator_input(wave)
        d_losses = self.adversary.learn(real_part, made_part.detach(), self._discriminate)
        if self.frees_gradients:
            self.adversary.optimizer.zero_grad(set_to_none=True)

        with nullcontext() if self.frees_gradients else self.adversary.weights.prepared(constant=True):
            g_losses = self.adversary.losses_of_fake(real_part, made_part)
            mel = self.train_config.c_mel * F.l1_loss(*self.mels(b.spec, made.start_frames, wave))
            kl = self.train_config.c_kl * kl_loss(
                made.z_p, made.logs_q, made.m_p, made.logs_p, made.mask, b.frames_a_part
            )
            total = torch.stack(g_losses.adversarial).sum() + g_losses.features + mel + kl
            norm = self.precision.descend(total, self.optimizer)
        self.precision.scaler.update()

        scalars = {
            "loss/g/total": total,
            "loss/d/total": d_losses.total,
            "grad_norm_d": d_losses.grad_norm,
            "grad_norm_g": norm,
        }
        scalars |= {"loss/g/fm": g_losses.features, "loss/g/mel": mel, "loss/g/kl": kl}
        scalars |= {f"loss/g/{i}": part for i, part in enumerate(g_losses.adversarial)}
        scalars |= {f"loss/d_r/{i}": part for i, part in enumerate(d_losses.real)}
        scalars |= {f"loss/d_g/{i}": part for i, part in enumerate(d_losses.fake)}
        return StepResult(scalars, self.ranks)

    def _discriminator_input(self, wave: Tensor) -> Tensor:
        """What the discriminators get of a slice (B, 1, T)."""
        config = self.config
        side = (config.segment_frames - config.judged_frames) // 2 * config.hop_samples if config.judged_frames else 0
        return wave[:, :, side : wave.shape[2] - side]

    def mels(self, spec: Tensor, starts: Tensor, wave: Tensor) -> tuple[Tensor, Tensor]:
        """Log-mels (B, n_mels, segment) of the true slice, cut out of the whole clip's, and of the made one, with
        reflected edges."""
        config = self.config
        true = log_mel(slices(spec, starts, config.segment_frames), self.mel_scale)
        made = log_mel(
            spectrogram(wave.squeeze(1), config.filter_length, config.hop_samples, config.filter_length), self.mel_scale
        )
        return true, made
