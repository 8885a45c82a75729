"""Epochs of steps as a stream of events. Closing it saves; resuming from there gives what an uninterrupted run
gives."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import zip_longest

from rvc_engine.disk import DiskFull
from rvc_engine.errors import RvcError
from rvc_engine.events import EpochFinished, Event, EventsLeft, Progressed, TrainStepped, Warned
from rvc_engine.machine.device import out_of_memory
from rvc_engine.messages import NOTHING, Message, message_of, verbatim
from rvc_engine.messages.message import cause_of, fix_of
from rvc_engine.training.dataset import Batch, ClipDataset
from rvc_engine.training.device_dataset import DeviceDataset
from rvc_engine.training.epoch_budget import EpochBudget
from rvc_engine.training.graphs import GraphedSteps, GraphFailed, padded_length
from rvc_engine.training.hooks import Hooks
from rvc_engine.training.precision import set_rate
from rvc_engine.training.ranks import Alone, Ranks
from rvc_engine.training.recovery import GRAPH, MEMORY, NOT_FINITE, StepFailed, TrainingFault
from rvc_engine.training.sampler import BucketSampler
from rvc_engine.training.saving import Saver
from rvc_engine.training.scalars import Scalars
from rvc_engine.training.state import TrainingState
from rvc_engine.training.trainer import StepResult, Trainer

OVERFLOWS = 20  # steps in a row that the fp16 scaler may skip
PROGRESS_S = 0.5


@dataclass(frozen=True)
class Begun:
    """A step that was put on the device's queue. `waited`: seconds for its batch."""

    step: int
    epoch: int
    clips: tuple[str, ...]
    result: StepResult
    waited: float
    at: float


class TrainingLoop:
    """The state in memory is consistent whenever an event is out: between two steps.

    On a GPU a step's losses are read when the next step is on its queue, so that it never waits for Python: the event
    of a step comes one step late there, and a save comes after the event of the last step that is in it."""

    def __init__(
        self,
        state: TrainingState,
        dataset: ClipDataset,
        sampler: BucketSampler,
        saver: Saver,
        scalars: Scalars,
        budget: EpochBudget | None = None,
        ranks: Ranks | None = None,
        hooks: Hooks = (),
        on_device: DeviceDataset | None = None,
    ) -> None:
        """`on_device`: the dataset there, where batches are made of it."""
        self.state, self.dataset, self.sampler, self.saver, self.scalars = state, dataset, sampler, saver, scalars
        self.train_config, self.ranks, self.hooks = state.train_config, ranks or Alone(), hooks
        self.trainer = Trainer(
            state.generator, state.optimizer, state.adversary, state.precision, self.train_config, self.ranks
        )
        self.graphs = (
            GraphedSteps(self.trainer, state.noise.device, state.noise.generator) if self.train_config.graphs else None
        )
        self.budget = budget  # where a time is asked for, not a number of epochs
        self.total = self._steps_in_all()
        self._reported_at, self._overflows, self._ended_at = 0.0, 0, 0.0
        self._late = state.noise.device.type == "cuda" and isinstance(self.ranks, Alone)
        self._begun: Begun | None = None
        self._on_device, self._gave_up = on_device, NOTHING

    def _steps_in_all(self) -> int:
        state = self.state
        return state.step + (self.train_config.epochs - state.epoch) * len(self.sampler) - state.position

    def run(self) -> Iterator[Event]:
        """Until train_config.epochs are done. Raises StepFailed when a step cannot be used, DiskFull after a long wait
        for room, EventsLeft when it is closed with a step on a GPU's queue."""
        yield from self._check_place()
        yield self._progress()
        try:
            self._set_rate(max(self.state.epoch, 1))  # a pair holds the rate it was made with
            yield from self.saver.repair()
            if self.budget:
                self.budget.begin(self.state.epoch)
            while not self.train_config.epochs or self.state.epoch < self.train_config.epochs:
                yield from self._epoch()
            yield from self.saver.finish()
        except StepFailed:
            yield from self.saver.finish()  # training resumes from there
            raise
        except DiskFull:
            raise
        except RvcError:
            ended = list(self._end_begun())
            self.saver.save_now()
            yield from ended
            raise
        except GeneratorExit:
            if left := self._save_now():
                raise EventsLeft(left) from None
            raise
        finally:
            self.saver.leave()

    def _save_now(self) -> list[Event]:
        """After the step that is on the queue; its event is returned. Raises RvcError for weights that cannot be
        used."""
        try:
            left: list[Event] = list(self._end_begun())
            saved = self.saver.save_now()
        except StepFailed:
            saved = False
        if not saved:
            raise RvcError("training.stopped_not_saved", step=self.saver.saved_step) from None
        return left

    def _check_place(self) -> Iterator[Event]:
        """An unfinished epoch continues only with the same batches."""
        state = self.state
        if state.position and state.order != self._order(self.sampler.batches(state.epoch + 1)):
            self.total += state.position
            state.begin_epoch()
            title = Message("training.epoch_starts_again")
            yield Warned(title=title, message=cause_of(title), stage="train")

    def _order(self, batches: list[list[int]]) -> str:
        return hashlib.sha256(json.dumps([[row.name for row in self.dataset.rows], batches]).encode()).hexdigest()[:16]

    def _epoch(self) -> Iterator[Event]:
        state, epoch = self.state, self.state.epoch + 1
        batches = self.sampler.batches(epoch)
        state.order = self._order(batches)
        self._set_rate(epoch)
        asked = time.monotonic()
        for batch in self._load(batches[state.position :]):
            yield from self._data_left()
            begun = self._begin(batch, epoch, time.monotonic() - asked)
            before, self._begun = self._begun, begun
            if before:
                yield self._end(before)
            if not self._late:
                yield from self._end_begun()
            if (
                self.budget
                and (self.budget.add(time.monotonic() - asked) or state.position == len(batches))
                and not self.train_config.epochs
            ):
                self._set_epochs(self.budget.first_guess(state.position, len(batches)))
            if time.monotonic() - self._reported_at > PROGRESS_S:
                yield self._progress()
            if state.position < len(batches):
                if self.saver.is_due_inside_epoch:
                    yield from self._end_begun()
                yield from self.saver.inside_epoch()
            asked = time.monotonic()
        yield from self._end_begun()
        if self.budget:
            self._set_epochs(self.budget.corrected(epoch))  # before the epoch is reported: it may be the last
        means = {name: value / state.position for name, value in state.sums.items()}
        finished = EpochFinished(
            epoch=epoch,
            epochs=self.train_config.epochs,
            step=state.step,
            losses=event_losses(means),
            seconds=state.seconds,
        )
        state.epoch, state.mel = epoch, means["loss/g/mel"]
        state.begin_epoch()
        self.scalars.add(state.step, {**means, "learning_rate": self.train_config.rate_in(epoch)}, now=True)
        yield finished
        yield self._progress()
        if self.scalars.broken:
            yield Warned(title=Message("training.tensorboard_ends"), message=self.scalars.broken, stage="train")
            self.scalars.broken = NOTHING
        yield from self.saver.end_of_epoch()

    def _set_epochs(self, epochs: int) -> None:
        """All processes take what the first one timed."""
        epochs = self.ranks.of_first(epochs)
        if epochs != self.train_config.epochs:
            self.train_config = self.state.train_config = self.trainer.train_config = replace(
                self.train_config, epochs=epochs
            )
            self.total = self._steps_in_all()

    def _set_rate(self, epoch: int) -> None:
        for optimizer in (self.state.optimizer, self.state.adversary.optimizer):
            set_rate(optimizer, self.train_config.rate_in(epoch))

    def _load(self, batches: list[list[int]]) -> Iterator[Batch]:
        """Batches on the device; the next one is read and copied there while a GPU works on this one."""
        if self.state.noise.device.type != "cuda":
            for rows in batches:
                yield self._read(rows)
            return
        with ThreadPoolExecutor(1) as reader:
            coming = [reader.submit(self._read, rows) for rows in batches[:1]]
            for rows, following in zip_longest(batches, batches[1:]):
                try:
                    ready = coming.pop().result()
                except (RuntimeError, MemoryError) as error:
                    names = tuple(self.dataset.rows[row].name for row in rows)
                    raise self._failed(error, self.state.step + 1, names) from None
                if following:
                    coming.append(reader.submit(self._read, following))
                yield ready

    def _read(self, rows: list[int]) -> Batch:
        """This process's part of a batch, on the device."""
        lengths = [self.sampler.lengths[row] for row in rows]
        frames = padded_length(max(lengths)) if self.graphs else 0
        part = self.ranks.part(rows)
        if self._on_device is not None:
            try:
                return self._on_device.batch(part, lengths, frames)
            except RuntimeError as error:
                if out_of_memory(error):
                    raise
                self._on_device, self._gave_up = None, message_of(error)
        return self.dataset.batch(part, lengths, frames).to(self.state.noise.device)

    def _data_left(self) -> Iterator[Warned]:
        """Where batches could not be made of the data on the device."""
        if self._gave_up:
            title, why, self._gave_up = Message("training.no_data_on_gpu"), self._gave_up, NOTHING
            yield Warned(title=title, message=why, hint=fix_of(title), stage="train")

    def _begin(self, batch: Batch, epoch: int, waited: float) -> Begun:
        """Raises StepFailed when memory runs out; the step may be half done then."""
        state, at = self.state, time.monotonic()
        self.saver.clips = batch.names
        step = state.step + 1
        try:
            for hook in self.hooks:
                batch = hook.batch(step, batch)
            result: StepResult = (self.graphs or self.trainer).step(batch, state.noise)
            if self._late:
                result = result.on_its_way()
        except GraphFailed as error:
            raise StepFailed(TrainingFault(GRAPH, step, message_of(error), list(batch.names))) from None
        except (RuntimeError, MemoryError) as error:
            raise self._failed(error, step, batch.names) from None
        state.step, state.position = step, state.position + 1
        return Begun(step, epoch, batch.names, result, waited, at)

    def _end_begun(self) -> Iterator[TrainStepped]:
        """The step that was begun last, if it has not ended."""
        if begun := self._begun:
            self._begun = None
            yield self._end(begun)

    def _end(self, begun: Begun) -> TrainStepped:
        """Waits for its losses. Raises StepFailed when they are not finite."""
        state = self.state
        try:
            numbers = begun.result.numbers()
        except (RuntimeError, MemoryError) as error:
            raise self._failed(error, begun.step, begun.clips) from None
        self._check_finite(numbers, begun)
        now = time.monotonic()
        seconds, self._ended_at = now - max(begun.at, self._ended_at), now
        state.seconds += seconds
        for name, value in numbers.items():
            state.sums[name] = state.sums.get(name, 0.0) + value
        rate = self.train_config.rate_in(begun.epoch)
        self.scalars.add(begun.step, {**numbers, "learning_rate": rate})
        norms = {"g": numbers["grad_norm_g"], "d": numbers["grad_norm_d"]}
        return TrainStepped(
            step=begun.step,
            epoch=begun.epoch,
            epochs=self.train_config.epochs,
            losses=event_losses(numbers),
            learning_rate=rate,
            grad_norms=norms,
            seconds=seconds,
            data_seconds=begun.waited,
        )

    def _failed(self, error: RuntimeError | MemoryError, step: int, clips: tuple[str, ...]) -> Exception:
        """The fault that it means, or itself."""
        memory_error, held = out_of_memory(error), self._on_device is not None
        return StepFailed(TrainingFault(MEMORY, step, memory_error.message, [*clips], held)) if memory_error else error

    def _check_finite(self, numbers: dict[str, float], begun: Begun) -> None:
        """The fp16 scaler skips a step whose gradients overflow and lowers its scale; anything else that is not finite
        has spoilt the weights. A loss is made before the scale is applied, so no scale explains it."""
        wrong = [name for name, value in numbers.items() if not math.isfinite(value)]
        self._overflows = self._overflows + 1 if wrong else 0
        explained = self.state.precision.scaler.is_enabled() and all(name.startswith("grad_norm") for name in wrong)
        if wrong and not (explained and self._overflows <= OVERFLOWS):
            wrong_ones = verbatim(", ".join(wrong))
            raise StepFailed(TrainingFault(NOT_FINITE, begun.step, wrong_ones, list(begun.clips)))
        numbers.update(dict.fromkeys(wrong, 0.0))

    def _progress(self) -> Progressed:
        self._reported_at = time.monotonic()
        return Progressed(
            stage="train",
            done=self.state.step,
            total=max(self.total, self.state.step) if self.train_config.epochs else 0,
            unit="steps",
        )


EVENT_LOSSES = {
    "total": "loss/g/total",
    "mel": "loss/g/mel",
    "kl": "loss/g/kl",
    "feature": "loss/g/fm",
    "discriminator": "loss/d/total",
}


def event_losses(numbers: dict[str, float]) -> dict[str, float]:
    """The losses that events carry, by plain names; the TensorBoard names are those of the RVC programs."""
    losses = {name: numbers[key] for name, key in EVENT_LOSSES.items() if key in numbers}
    parts = [value for name, value in numbers.items() if name.startswith("loss/g/") and name[7:].isdigit()]
    return {**losses, "adversarial": sum(parts)} if parts else losses
