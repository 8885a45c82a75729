"""When a training is saved, and what happens when the disk is full."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from rvc_engine.common.waiting import Waiting
from rvc_engine.disk import DiskFull, free_bytes, is_full
from rvc_engine.events import CheckpointSaved, Event, Warned
from rvc_engine.messages import NOTHING, Message, message_of
from rvc_engine.messages.message import cause_of
from rvc_engine.training.recovery import NOT_FINITE, StepFailed, TrainingFault
from rvc_engine.training.retention import Keeping, note_best, prune
from rvc_engine.training.state import TrainingState
from rvc_engine.training.store import CheckpointStore

INSIDE_EPOCH_S = 300.0
SHARE = 10  # at an epoch's end saving takes at most a tenth of the time
MARGIN_BYTES = 16 << 20
TRY_S = 5.0  # how often a large file is tried again when there seems to be room: a quota


class Saver:
    """`small(state, anew)` writes the model to share, or only makes sure of it, and returns its events.
    `wait_s`: how long a full disk is waited for."""

    def __init__(
        self,
        state: TrainingState,
        store: CheckpointStore,
        keeping: Keeping,
        small: Callable[[TrainingState, bool], list[Event]],
        wait_s: float,
    ) -> None:
        self.state, self.store, self.keeping, self.small, self.wait_s = state, store, keeping, small, wait_s
        self.clips: tuple[str, ...] = ()  # of the last batch
        self._at = state.at
        self._time, self._took_s = time.monotonic(), 0.0

    def repair(self) -> Iterator[Event]:
        """The pair that is to stand here, when the process that was to write it was killed or its files were
        damaged."""
        if not self.pair_due():
            return
        if self.store.pair_is_of(self.state):
            yield from self._save_small(anew=False, size=0)
        else:
            if any(path.exists() for path in self.store.pair_paths(self.state.step)):
                first, second = (path.name for path in self.store.pair_paths(self.state.step))
                title = Message("training.pair_written_again", first=first, second=second)
                yield Warned(title=title, message=cause_of(title), stage="train")
            yield from self._save_pair()

    def inside_epoch(self) -> Iterator[Event]:
        """Save if that was long ago."""
        if time.monotonic() - self._time > INSIDE_EPOCH_S:
            yield from self._save_state()

    def end_of_epoch(self) -> Iterator[Event]:
        """Save unless that takes too large a share of the time; a pair that is due always comes with its
        full training state."""
        due = self.pair_due()
        if due or time.monotonic() - self._time > min(SHARE * self._took_s, INSIDE_EPOCH_S):
            yield from self._save_state()
        if due:
            yield from self._save_pair()

    def save_now(self) -> bool:
        """At the end: one attempt. False for weights that are not finite, which are not saved. Raises DiskFull that
        says what is lost."""
        if self.state.at == self._at:
            return True
        if not self.state.is_finite():
            return False
        try:
            self.store.write_state(self.state)
        except DiskFull as error:
            lost = Message("training.steps_not_saved", count=self.state.step - self._at[0], reason=error.message)
            raise DiskFull(error.title, lost, Message("training.free_space", step=self._at[0])) from error
        self._at = self.state.at
        return True

    @property
    def saved_step(self) -> int:
        """After which training resumes."""
        return self._at[0]

    def pair_due(self) -> bool:
        """Does the state stand at an epoch's end that a pair is kept of?"""
        epoch, train_config = self.state.epoch, self.state.train_config
        return (
            self.state.position == 0
            and epoch > 0
            and (epoch % train_config.save_every == 0 or epoch == train_config.epochs)
        )

    def _save_state(self) -> Iterator[Event]:
        state, started = self.state, time.monotonic()
        if state.at == self._at:
            return
        if not state.is_finite():
            raise StepFailed(TrainingFault(NOT_FINITE, state.step, Message("training.a_weight"), list(self.clips)))
        yield from self._when_room(lambda: self.store.write_state(state))
        self._at, self._time = state.at, time.monotonic()
        self._took_s = self._time - started
        yield CheckpointSaved(
            path=str(self.store.files.resume_state), kind="resume", epoch=state.epoch, step=state.step
        )

    def _save_pair(self) -> Iterator[Event]:
        state = self.state
        yield from self._when_room(lambda: self.store.write_pair(state))
        if self.keeping.best:
            yield from self._when_room(lambda: note_best(self.store, state), state.bytes // 1000)
        prune(self.store, self.keeping)
        yield CheckpointSaved(
            path=str(self.store.pair_paths(state.step)[0]), kind="checkpoint", epoch=state.epoch, step=state.step
        )
        yield from self._save_small(anew=True, size=state.bytes // 3)

    def _save_small(self, *, anew: bool, size: int) -> Iterator[Event]:
        made: list[Event] = []
        yield from self._when_room(lambda: made.extend(self.small(self.state, anew)), size)
        yield from made

    def _when_room(self, write: Callable[[], None], size: int | None = None) -> Iterator[Event]:
        """Write, waiting for room: for a full training state, or `size` bytes, 0 for what may not need any. The events
        on the way let a stop through. Raises DiskFull after `wait_s`."""
        needed = 0 if size == 0 else int(1.1 * (size or self.state.bytes)) + MARGIN_BYTES
        waiting = Waiting("train", Message("run.disk_is_full"), needed)
        while True:
            free, pause_s, tried = free_bytes(self.store.files.folder), 0.0, NOTHING
            if free >= needed:
                try:
                    write()
                    break
                except (DiskFull, OSError, RuntimeError) as error:
                    if not is_full(error):
                        raise
                    pause_s = TRY_S if needed > 2 * MARGIN_BYTES else 0.0
                    tried = error.line if isinstance(error, DiskFull) else message_of(error)
            if waiting.seconds > self.wait_s:
                why = tried or Message("training.no_room", free=free >> 20, needed=needed >> 20)
                hint = Message("training.free_space", step=self._at[0])
                raise DiskFull("training.disk_stays_full", why, hint, seconds=waiting.seconds)
            yield from waiting.pause(free, pause_s)
        yield from waiting.ended()


class SilentSaver(Saver):
    """Of a process beside the one that saves."""

    def repair(self) -> Iterator[Event]:
        return iter(())

    def inside_epoch(self) -> Iterator[Event]:
        return iter(())

    def end_of_epoch(self) -> Iterator[Event]:
        return iter(())

    def save_now(self) -> bool:
        return True
