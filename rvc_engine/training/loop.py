"""Epochs of steps as a stream of events. Closing it saves; going on from there gives what an uninterrupted run gives."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from rvc_engine.errors import RvcError
from rvc_engine.events import CheckpointSaved, EpochFinished, Event, Progressed, TrainStepped, Warned
from rvc_engine.training.dataset import Batch, ClipDataset
from rvc_engine.training.precision import set_rate
from rvc_engine.training.sampler import BucketSampler
from rvc_engine.training.scalars import Scalars
from rvc_engine.training.state import CheckpointStore, TrainingState
from rvc_engine.training.trainer import Trainer

SAVE_AFTER_EPOCH_S, SAVE_INSIDE_EPOCH_S = 60.0, 300.0
SAVING_SHARE = 20  # saving on the way takes at most a twentieth of the time
OVERFLOWS = 20  # steps in a row that the fp16 scaler may skip
PROGRESS_S = 0.5


class TrainingLoop:
    """`small(state)` writes the model to share at a checkpoint and returns its events."""

    def __init__(
        self, state: TrainingState, dataset: ClipDataset, sampler: BucketSampler, store: CheckpointStore, scalars: Scalars,
        small: Callable[[TrainingState], list[Event]],
    ) -> None:  # fmt: skip
        self.state, self.dataset, self.sampler = state, dataset, sampler
        self.store, self.scalars, self.small = store, scalars, small
        self.course = state.course
        self.trainer = Trainer(state.generator, state.optimizer, state.adversary, state.precision, self.course)
        self.total = state.step + (self.course.epochs - state.epoch) * len(sampler) - state.position
        self._saved, self._saved_time, self._save_s = state.at, time.monotonic(), 0.0
        self._told, self._overflows = 0.0, 0

    def run(self) -> Iterator[Event]:
        """Until course.epochs are done. Raises RvcError naming the clips when a loss is not finite."""
        yield from self._check_place()
        yield self._progress()
        try:
            while self.state.epoch < self.course.epochs:
                yield from self._epoch()
        except GeneratorExit:
            self._save()
            raise

    def _check_place(self) -> Iterator[Event]:
        """An epoch under way goes on only among the same batches."""
        state = self.state
        if state.position and state.order != self._order(self.sampler.batches(state.epoch + 1)):
            self.total += state.position
            state.begin_epoch()
            yield Warned(title="The epoch under way starts again", message="its clips or its batch size changed", stage="train")

    def _order(self, batches: list[list[int]]) -> str:
        return hashlib.sha256(json.dumps([[row.name for row in self.dataset.rows], batches]).encode()).hexdigest()[:16]

    def _epoch(self) -> Iterator[Event]:
        state, epoch = self.state, self.state.epoch + 1
        batches = self.sampler.batches(epoch)
        state.order = self._order(batches)
        for optimizer in (state.optimizer, state.adversary.optimizer):
            set_rate(optimizer, self.course.rate_in(epoch))
        for batch in self._load(batches[state.position :]):
            yield self._step(batch, epoch)
            if time.monotonic() - self._told > PROGRESS_S:
                yield self._progress()
            if self._due(SAVE_INSIDE_EPOCH_S) and state.position < len(batches):
                yield from self._save()
        means = {name: value / state.position for name, value in state.sums.items()}
        finished = EpochFinished(epoch=epoch, epochs=self.course.epochs, step=state.step, losses=shown(means), seconds=state.seconds)
        state.epoch = epoch
        state.begin_epoch()
        self.scalars.add(state.step, {**means, "learning_rate": self.course.rate_in(epoch)}, now=True)
        yield finished
        yield self._progress()
        if self._checkpoint_due() or self._due(SAVE_AFTER_EPOCH_S):
            yield from self._save()

    def _load(self, batches: list[list[int]]) -> Iterator[Batch]:
        """Batches on the device; the next one is read while a GPU works on this one."""
        device = self.state.noise.device
        if device.type != "cuda":
            for rows in batches:
                yield self.dataset.batch(rows)
            return
        with ThreadPoolExecutor(1) as reader:
            coming = reader.submit(self.dataset.batch, batches[0]) if batches else None
            for following in [*batches[1:], None]:
                if coming is None:
                    return
                ready = coming.result()
                coming = reader.submit(self.dataset.batch, following) if following else None
                yield ready.to(device)

    def _step(self, batch: Batch, epoch: int) -> TrainStepped:
        state, started = self.state, time.monotonic()
        numbers = self.trainer.step(batch, state.noise).numbers()
        self._check_finite(numbers, batch)
        seconds = time.monotonic() - started
        state.step, state.position, state.seconds = state.step + 1, state.position + 1, state.seconds + seconds
        for name, value in numbers.items():
            state.sums[name] = state.sums.get(name, 0.0) + value
        rate = self.course.rate_in(epoch)
        self.scalars.add(state.step, {**numbers, "learning_rate": rate})
        norms = {"g": numbers["grad_norm_g"], "d": numbers["grad_norm_d"]}
        return TrainStepped(
            step=state.step,
            epoch=epoch,
            epochs=self.course.epochs,
            losses=shown(numbers),
            learning_rate=rate,
            grad_norms=norms,
            seconds=seconds,
        )

    def _check_finite(self, numbers: dict[str, float], batch: Batch) -> None:
        """The fp16 scaler skips a step that overflows and lowers its scale; anything else that is not finite has spoilt the weights."""
        finite = all(math.isfinite(value) for value in numbers.values())
        self._overflows = 0 if finite else self._overflows + 1
        if finite or (self.state.precision.scaler.is_enabled() and self._overflows <= OVERFLOWS):
            if not finite:
                numbers.update({name: 0.0 for name, value in numbers.items() if not math.isfinite(value)})
            return
        named = ", ".join(name for name, value in numbers.items() if not math.isfinite(value))
        clips = ", ".join(dict.fromkeys(batch.names))
        hint = "lower --learning-rate, or look at these clips; the next run goes on from the last checkpoint"
        raise RvcError(f"Training broke down at step {self.state.step + 1}", f"{named} is not finite; the clips were {clips}", hint)

    def _progress(self) -> Progressed:
        self._told = time.monotonic()
        return Progressed(stage="train", done=self.state.step, total=max(self.total, self.state.step), unit="steps")

    def _due(self, after_s: float) -> bool:
        return time.monotonic() - self._saved_time > max(after_s, SAVING_SHARE * self._save_s)

    def _checkpoint_due(self) -> bool:
        """Does the state stand at an epoch's end that is to be kept?"""
        epoch = self.state.epoch
        return self.state.position == 0 and epoch > 0 and (epoch % self.course.save_every == 0 or epoch == self.course.epochs)

    def _save(self) -> list[Event]:
        """Save if anything was done since; at the end of an epoch that is to be kept, with its small model."""
        state = self.state
        if state.at == self._saved:
            return []
        started, keep = time.monotonic(), self._checkpoint_due()
        self.store.save(state, keep=keep)
        events: list[Event] = []
        if keep:
            path = str(self.store.path("G", state.step))
            events = [CheckpointSaved(path=path, kind="checkpoint", epoch=state.epoch, step=state.step), *self.small(state)]
        events.append(CheckpointSaved(path=str(self.store.resume), kind="resume", epoch=state.epoch, step=state.step))
        self.store.prune(self.course.keep_last)
        self._saved, self._saved_time = state.at, time.monotonic()
        self._save_s = self._saved_time - started
        return events


SHOWN = {
    "total": "loss/g/total",
    "mel": "loss/g/mel",
    "kl": "loss/g/kl",
    "feature": "loss/g/fm",
    "discriminator": "loss/d/total",
}


def shown(numbers: dict[str, float]) -> dict[str, float]:
    """The losses that events carry, by plain names; the TensorBoard names are those of the RVC programs."""
    losses = {name: numbers[key] for name, key in SHOWN.items() if key in numbers}
    parts = [value for name, value in numbers.items() if name.startswith("loss/g/") and name[7:].isdigit()]
    return {**losses, "adversarial": sum(parts)} if parts else losses
