"""When a training is saved, and what happens when the disk is full.

On a GPU a save is a copy to the host between two steps (snapshot.py), which a thread writes while the training
continues (background.py). On a CPU it stops the training.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from rvc_engine.common.waiting import Waiting
from rvc_engine.disk import DiskFull, free_bytes, is_full
from rvc_engine.events import CheckpointSaved, Event, Warned
from rvc_engine.messages import NOTHING, Message, message_of
from rvc_engine.messages.message import cause_of
from rvc_engine.training.background import BackgroundSave, GivenUp
from rvc_engine.training.recovery import NOT_FINITE, StepFailed, TrainingFault
from rvc_engine.training.retention import Keeping, note_best, prune
from rvc_engine.training.snapshot import HostMemory, Savable
from rvc_engine.training.state import TrainingState
from rvc_engine.training.store import CheckpointStore

INSIDE_EPOCH_S = 300.0
SHARE = 10
"""At an epoch's end saving takes at most a tenth of the time, in a thread too: it needs the disk that batches come
from, and the interpreter."""
IN_BACKGROUND = ("cuda",)
"""Types of devices. On a CPU the copy would take memory, and checksums a core, of the training itself: measured with
two threads, steps and a save took as long at once as one after the other."""
MARGIN_BYTES = 16 << 20
TRY_S = 5.0  # how often a large file is tried again when there seems to be room: a quota

Share = Callable[[Savable, bool], list[Event]]
"""Writes the model to share, anew or only where it is not there, and returns its events."""


class Saver:
    """`small` is asked for a Share between two steps, when a pair is due. `wait_s`: how long a full disk is waited for.

    At most one save is in flight: a pair that is due waits for it, a save by time is left out meanwhile."""

    def __init__(
        self,
        state: TrainingState,
        store: CheckpointStore,
        keeping: Keeping,
        small: Callable[[TrainingState], Share],
        wait_s: float,
    ) -> None:
        self.state, self.store, self.keeping, self.small, self.wait_s = state, store, keeping, small, wait_s
        self.clips: tuple[str, ...] = ()  # of the last batch
        self._at = state.at
        self._time, self._took_s = time.monotonic(), 0.0
        self._memory = HostMemory()
        self._writing: BackgroundSave | None = None
        self._leaving = threading.Event()  # the training ends: room is waited for no longer

    def repair(self) -> Iterator[Event]:
        """The pair that is to stand here, when the process that was to write it was killed or its files were
        damaged."""
        if not self.pair_due():
            return
        share = self.small(self.state)
        if self.store.pair_is_of(self.state):
            yield from self._save_small(self.state, share, anew=False, size=0)
        else:
            if any(path.exists() for path in self.store.pair_paths(self.state.step)):
                first, second = (path.name for path in self.store.pair_paths(self.state.step))
                title = Message("training.pair_written_again", first=first, second=second)
                yield Warned(title=title, message=cause_of(title), stage="train")
            yield from self._save_pair(self.state, share)

    @property
    def is_due_inside_epoch(self) -> bool:
        """The last save was long ago."""
        return self._is_time(INSIDE_EPOCH_S)

    def inside_epoch(self) -> Iterator[Event]:
        """Save if that is due."""
        yield from self._follow()
        if self.is_due_inside_epoch:
            yield from self._save()

    def end_of_epoch(self) -> Iterator[Event]:
        """Save unless that takes too large a share of the time; a pair that is due always comes with its
        full training state."""
        due = self.pair_due()
        yield from self._follow(to_end=due)
        if due or self._is_time(min(SHARE * self._took_s, INSIDE_EPOCH_S)):
            yield from self._save(self.small if due else None)

    def finish(self) -> Iterator[Event]:
        """The save in flight, to its end."""
        yield from self._follow(to_end=True)

    def leave(self) -> BaseException | None:
        """As `finish`, without its events: it no longer waits for room. Returns what ended it."""
        writing, self._writing = self._writing, None
        if writing is None:
            return None
        self._leaving.set()
        writing.join()
        self._leaving.clear()
        return writing.error

    def save_now(self) -> bool:
        """At the end: one attempt, after the save in flight. False for weights that are not finite, which are not
        saved. Raises DiskFull that says what is lost, and what ended the save in flight."""
        error = self.leave()
        saved = self._save_newest()
        if error is not None:
            raise error
        return saved

    def _save_newest(self) -> bool:
        if self.state.at == self._at:
            return True
        if not self.state.is_finite():
            return False
        try:
            self.store.write_state(self._held())
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

    def _is_time(self, after_s: float) -> bool:
        return self._writing is None and time.monotonic() - self._time > after_s

    def _follow(self, *, to_end: bool = False) -> Iterator[Event]:
        """What is new of the save in flight. Raises what ended it."""
        if writing := self._writing:
            try:
                yield from writing.news(to_end=to_end)
            finally:
                if writing.ended:
                    self._writing = None

    def _save(self, small: Callable[[TrainingState], Share] | None = None) -> Iterator[Event]:
        """`small`: where a pair is due."""
        state = self.state
        if state.at != self._at and not state.is_finite():
            raise StepFailed(TrainingFault(NOT_FINITE, state.step, Message("training.a_weight"), list(self.clips)))
        share, held = small(state) if small else None, self._held()
        if held is state:
            yield from self._write(held, share)
        else:
            self._writing = BackgroundSave(self._write(held, share))

    def _held(self) -> Savable:
        """What is written of the state as it is now."""
        in_background = self.state.noise.device.type in IN_BACKGROUND
        return self._memory.snapshot(self.state) if in_background else self.state

    def _write(self, state: Savable, share: Share | None) -> Iterator[Event]:
        """Looks at nothing of the training itself: that may be in a step."""
        yield from self._save_state(state)
        stands_still = self._leaving.is_set() and self.state.at == state.at
        if share and not stands_still:  # else the next run writes the pair
            yield from self._save_pair(state, share)

    def _save_state(self, state: Savable) -> Iterator[Event]:
        started = time.monotonic()
        if state.at == self._at:
            return
        yield from self._when_room(lambda: self.store.write_state(state), state.bytes)
        self._at, self._time = state.at, time.monotonic()
        self._took_s = self._time - started
        yield CheckpointSaved(
            path=str(self.store.files.resume_state), kind="resume", epoch=state.epoch, step=state.step
        )

    def _save_pair(self, state: Savable, share: Share) -> Iterator[Event]:
        yield from self._when_room(lambda: self.store.write_pair(state), state.bytes)
        if self.keeping.best:
            yield from self._when_room(lambda: note_best(self.store, state), state.bytes // 1000)
        prune(self.store, self.keeping)
        yield CheckpointSaved(
            path=str(self.store.pair_paths(state.step)[0]), kind="checkpoint", epoch=state.epoch, step=state.step
        )
        yield from self._save_small(state, share, anew=True, size=state.bytes // 3)

    def _save_small(self, state: Savable, share: Share, *, anew: bool, size: int) -> Iterator[Event]:
        made: list[Event] = []
        yield from self._when_room(lambda: made.extend(share(state, anew)), size)
        yield from made

    def _when_room(self, write: Callable[[], None], size: int) -> Iterator[Event]:
        """Write, waiting for room: for `size` bytes, 0 for what may not need any. The events on the way let a stop
        through. Raises DiskFull after `wait_s`, GivenUp where the training ends meanwhile."""
        needed = int(1.1 * size) + MARGIN_BYTES if size else 0
        waiting = Waiting("train", Message("run.disk_is_full"), needed, self._leaving.wait)
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
            if self._leaving.is_set():
                raise GivenUp
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
