"""A training from its last checkpoint to the end, or to a fault that recovery.py may answer."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from rvc_engine.disk import write_whole
from rvc_engine.errors import BadInput
from rvc_engine.events import CheckpointSaved, Event, StepsSuperseded, Warned
from rvc_engine.experiment import Experiment, journals
from rvc_engine.machine.device import name_of
from rvc_engine.machine.measurements import cost_key, keep_use
from rvc_engine.machine.memory_table import CONTEXT_BYTES
from rvc_engine.messages import Message
from rvc_engine.messages.message import cause_of, fix_of
from rvc_engine.settings import ExperimentSettings
from rvc_engine.training.audition import Auditions
from rvc_engine.training.dataset import ClipDataset
from rvc_engine.training.epoch_budget import EpochBudget
from rvc_engine.training.loop import TrainingLoop
from rvc_engine.training.measure import forget_peak, peak_bytes
from rvc_engine.training.ranks import Alone, Ranks
from rvc_engine.training.recovery import StepFailed, TrainingFault
from rvc_engine.training.retention import Keeping
from rvc_engine.training.sampler import BucketSampler
from rvc_engine.training.saving import Saver, Share, SilentSaver
from rvc_engine.training.scalars import Scalars
from rvc_engine.training.snapshot import Savable
from rvc_engine.training.state import TrainingState
from rvc_engine.training.store import CheckpointStore, Restored
from rvc_engine.training.train_config import TrainConfig
from rvc_engine.voices.about import about_recordings
from rvc_engine.voices.small_model import read_voice, write_small_model
from rvc_engine.work.train_memory import data_on_gpu
from rvc_engine.work.train_start import NAME, report_restored, start
from rvc_engine.work.training_clips import changes


@dataclass
class Attempt:
    """From the last checkpoint to the end, or to a fault. `learnt`: the clips by the content of their recordings.
    `again`: not the first attempt of this run. `ranks`: this process is one of several."""

    experiment: Experiment
    settings: ExperimentSettings
    dataset: ClipDataset
    frames: list[int]
    store: CheckpointStore
    learnt: dict[str, str]
    again: bool = False
    ranks: Ranks = field(default_factory=Alone)

    def run(self, train_config: TrainConfig, device: torch.device) -> Generator[Event, None, TrainingFault | None]:
        """Returns facts alone, so that the memory of what failed is free for the next attempt."""
        try:
            yield from self._train(train_config, device)
        except StepFailed as error:
            return error.fault
        return None

    def _train(self, train_config: TrainConfig, device: torch.device) -> Iterator[Event]:
        experiment, settings = self.experiment, self.settings
        if settings.train.epochs != "auto":
            train_config = replace(train_config, epochs=settings.train.epochs)  # settled in an attempt before
        state = TrainingState.fresh(settings.model, train_config, device)
        restored = self._restored(state)
        if restored:
            yield from report_restored(restored, train_config, again=self.again)
        else:
            yield from start(experiment, settings, state)
        # a base has an encoder's steps before
        if restored or self.again or settings.base or len(journals(experiment.runs)) > 1:
            yield StepsSuperseded(after_step=state.step, epoch=state.epoch)
        if self.ranks.first:
            yield from self._note_set(state, train_config)
        t = settings.train
        keeping = Keeping(t.keep_last, t.keep_every * t.save_every, t.keep_best, int(t.disk_budget_gb * 1e9))
        saver = (Saver if self.ranks.first else SilentSaver)(state, self.store, keeping, self._to_share, t.disk_wait_s)
        with Scalars(experiment.tensorboard, state.step, off=not self.ranks.first) as scalars:
            if scalars.missing and not self.again:
                title = Message("work.no_tensorboard")
                yield Warned(title=title, message=scalars.missing, hint=fix_of(title), stage=NAME)
            budget = EpochBudget(t.minutes * 60, self._settle) if t.epochs == "auto" else None
            forget_peak(device)
            together = train_config.batch_size * self.ranks.count
            sampler = BucketSampler(self.frames, together, seed=train_config.seed)
            on_gpu = yield from data_on_gpu(settings, train_config, self.dataset, self.frames, device)
            data_bytes = on_gpu.bytes if on_gpu else 0
            loop = TrainingLoop(
                state, self.dataset, sampler, saver, scalars, budget, self.ranks, self.store.hooks, on_gpu
            )
            del on_gpu  # the loop may give it up
            yield from loop.run()
            if self.ranks.first and state.step > (restored.step if restored else 0):
                held = peak_bytes(device) - data_bytes + (CONTEXT_BYTES if device.type == "cuda" else 0)
                minutes = sum(self.frames) / 6000
                words = (settings.preset, train_config.precision, device.type, name_of(device))
                key = cost_key(*words, checkpointing=train_config.checkpointing)
                keep_use(key, train_config.batch_size, held, minutes)
        if self.ranks.first and not _is_written(experiment.small_model, state):
            yield _write_small(experiment.small_model, state, settings, self.about)

    def _note_set(self, state: TrainingState, train_config: TrainConfig) -> Iterator[Event]:
        """Write down which clips are learnt from; where no epoch is left for those that changed, say so."""
        experiment = self.experiment
        if (
            state.epoch < train_config.epochs
            or not train_config.epochs
            or not state.epoch
            or not changes(experiment, self.learnt)
        ):
            write_whole(experiment.training_set, json.dumps(self.learnt, indent=0))
        else:
            epoch, epochs, more = state.epoch, train_config.epochs, state.epoch + max(1, state.epoch // 2)
            title = Message("work.not_trained_on_changed", epoch=epoch, epochs=epochs, more=more)
            yield Warned(title=title, message=cause_of(title), hint=fix_of(title), stage=NAME)

    def _restored(self, state: TrainingState) -> Restored | None:
        """The first process moves damaged files out of the way; the others read what it read."""
        if self.ranks.first:
            restored = self.store.restore(state)
            self.ranks.wait()
        else:
            self.ranks.wait()
            restored = self.store.restore(state)
        self.ranks.wait()  # nobody writes before all have read
        return restored

    def _settle(self, epochs: int) -> None:
        """The number is written down: a killed run resumes up to it."""
        self.settings.train.epochs = epochs
        if not self.ranks.first:
            return
        self.experiment.save_settings(self.settings)

    def _to_share(self, state: TrainingState) -> Share:
        """What comes with a pair: the small model, and a clip, which is spoken now and written later."""
        auditions = Auditions(self.dataset, self.frames, self.experiment.auditions)
        wanted = self.settings.train.audition and not auditions.made(state)
        spoken = auditions.speak(state) if wanted else None

        def write(held: Savable, anew: bool) -> list[Event]:
            return [*self._small(held, anew), *(auditions.write(held, spoken) if spoken else [])]

        return write

    def _small(self, state: Savable, anew: bool) -> list[Event]:
        path = self.experiment.small_model_at(state.epoch, state.step)
        if not self.settings.train.save_small or (not anew and _is_written(path, state)):
            return []
        return [_write_small(path, state, self.settings, self.about)]

    @cached_property
    def about(self) -> dict[str, Any]:
        """What the small model says beyond its weights."""
        return about_recordings(self.experiment, self.settings)


def _write_small(path: Path, state: Savable, settings: ExperimentSettings, about: dict[str, Any]) -> CheckpointSaved:
    write_small_model(path, state.weights(), settings.model, epoch=state.epoch, step=state.step, extra=about)
    return CheckpointSaved(path=str(path), kind="small", epoch=state.epoch, step=state.step)


def _is_written(path: Path, state: Savable) -> bool:
    """Is the small model at `path` that of this state? One of a training before may have its epoch and step too."""
    try:
        voice = read_voice(path)
    except BadInput:
        return False
    own = state.weights()
    same = all(key in own and torch.equal(value.half(), own[key].cpu().half()) for key, value in voice.weights.items())
    return same and (voice.epoch, voice.step) == (state.epoch, state.step)
