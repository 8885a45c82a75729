"""Training: from clips, features and pitch to a voice."""

from __future__ import annotations

import gc
import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from rvc_engine.assets.pretrained import has_own, pretrained_names
from rvc_engine.common.opening import require_file
from rvc_engine.common.user import expanded
from rvc_engine.disk import write_whole
from rvc_engine.errors import BadInput
from rvc_engine.events import Audition, CheckpointSaved, Event, StepsSuperseded, Warned
from rvc_engine.experiment import Experiment, Workspace, journals
from rvc_engine.faults import Faults
from rvc_engine.machine.device import (
    choose_device,
    choose_devices,
    choose_precision,
    name_of,
    out_of_memory,
    set_threads,
    without_shortcuts,
)
from rvc_engine.machine.measurements import keep_use
from rvc_engine.machine.memory_table import CONTEXT_BYTES
from rvc_engine.machine.numerics import choose_mode
from rvc_engine.presets import default_batch_size
from rvc_engine.pretrain.moving import adopt
from rvc_engine.settings import ExperimentSettings
from rvc_engine.training.audition import Auditions
from rvc_engine.training.dataset import ClipDataset
from rvc_engine.training.epoch_budget import EpochBudget
from rvc_engine.training.fitting import check_candidates, check_start
from rvc_engine.training.loop import TrainingLoop
from rvc_engine.training.measure import forget_peak, peak_bytes
from rvc_engine.training.ranks import Alone, Ranks
from rvc_engine.training.recovery import Recovery, StepFailed, TrainingFault
from rvc_engine.training.retention import Keeping
from rvc_engine.training.sampler import BucketSampler
from rvc_engine.training.saving import Saver, SilentSaver
from rvc_engine.training.scalars import Scalars
from rvc_engine.training.state import TrainingState, load_pretrained
from rvc_engine.training.store import CheckpointStore, Restored
from rvc_engine.training.train_config import TrainConfig
from rvc_engine.voices.about import about_recordings
from rvc_engine.voices.small_model import read_voice, write_small_model
from rvc_engine.work import train_parallel as parallel
from rvc_engine.work.features import other_encoder
from rvc_engine.work.rvc_config import write_config
from rvc_engine.work.speakers import check_speakers
from rvc_engine.work.training_clips import changes, mute_rows, training_set, usable_rows
from rvc_engine.work.training_clips import used_all_inputs as used_all_inputs
from rvc_engine.work.trials import try_mode

MIN_CLIPS_S = 60.0
NAME = "train"


def check_ready(experiment: Experiment, settings: ExperimentSettings, *, fresh: bool = False) -> None:
    """Raises BadInput when a file to start from, a GPU or the speaker's row is missing, or a file to start or continue
    from does not fit. `fresh`: what is there is moved to a backup, it is no start."""
    if settings.train.speaker >= settings.model.speakers:
        why = f"{settings.preset} has {settings.model.speakers}"
        raise BadInput(f"There is no speaker {settings.train.speaker}", why, "use --speaker 0")
    check_speakers(experiment, settings)
    if settings.train.gpus:
        choose_devices(settings.train.gpus)
    brought = experiment.incoming / "train.pt"
    candidates = [] if fresh else CheckpointStore(experiment).candidates() or [[brought]] * brought.is_file()
    check_candidates(candidates, settings.preset, settings.model)
    if not candidates:
        for kind, path in find_start(experiment, settings).items():
            if path is not None:
                check_start(path, kind, settings.preset, settings.model)


def find_start(experiment: Experiment, settings: ExperimentSettings) -> dict[str, Path | None]:
    """The pretrained G and D to start from; None is from nothing. Raises BadInput for one that is not there."""
    asked = {"G": settings.train.pretrained_g, "D": settings.train.pretrained_d}
    return {kind: _find_pretrained(experiment, settings, kind, value) for kind, value in asked.items()}


def _find_pretrained(experiment: Experiment, settings: ExperimentSettings, kind: str, value: str) -> Path | None:
    flag = f"--pretrained-{kind.lower()}"
    if value == "none":
        return None
    if value:
        path = expanded(value)
        require_file(path, f"There is no file {path}", f"check the path, or use {flag} none", f"{flag} names it")
        return path
    names = pretrained_names(settings.preset, kind, settings.model)
    if not names:
        return None
    found = experiment.workspace.find_pretrained(*names)
    if found is None and not has_own(settings.preset):
        missing = (
            f"The pretrained weights of {settings.preset} are missing",
            f"{names[0]} is not in {experiment.workspace.pretrained}",
        )
        raise BadInput(*missing, f"put that file there, or use {flag} none")
    return found


def run(experiment: Experiment, settings: ExperimentSettings) -> Iterator[Event]:
    """Train up to settings.train.epochs, resuming from the last checkpoint; auto is a time, and a number as soon as
    steps have been timed. Raises RvcError with a fix.

    When memory runs out the batch size is halved, in `settings` and in experiment.toml too.
    """
    check_ready(experiment, settings)
    device = choose_device(settings.train.device)
    set_threads(settings.train.threads)
    try:
        yield from _train(experiment, settings, device)
    except (RuntimeError, MemoryError) as error:
        memory_error = out_of_memory(error)
        if memory_error is None:
            raise
        raise memory_error from error


def artefacts(experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
    """The small model, read again. Raises RvcError when it is missing or damaged."""
    read_voice(experiment.small_model)
    return [experiment.small_model]


def _train(experiment: Experiment, settings: ExperimentSettings, device: torch.device) -> Iterator[Event]:
    precision = yield from _right_precision(settings, device)
    config, train_config = settings.model, train_config_of(settings, precision, device.type)
    rows, skipped = usable_rows(experiment, settings)
    yield from skipped
    rows += mute_rows(experiment, settings)
    dataset = ClipDataset(rows, config)
    frames = [dataset.frames(row) for row in rows]
    clips_s = (
        sum(length for row, length in zip(rows, frames, strict=True) if row.wave.parent == experiment.ground_truth)
        / 100
    )
    if clips_s < MIN_CLIPS_S:
        yield Warned(
            title=f"Only {clips_s:.0f} s of clips",
            message="a voice needs 5 to 60 minutes",
            hint="add recordings",
            stage=NAME,
        )
    write_config(experiment, settings, train_config)
    learnt = training_set(experiment, rows)
    difference = changes(experiment, learnt)
    write_whole(experiment.filelist, "\n".join(row.line() for row in rows).encode("utf-8", "surrogateescape"))

    recovery = Recovery(train_config, device)
    store = CheckpointStore(experiment, Faults.from_environment())
    store.remove_halves()
    if not store.candidates() and adopt(experiment.incoming / "train.pt", experiment.resume_state):
        yield Warned(title="Training resumes from a state that was brought here", stage=NAME)
    if difference and store.candidates():
        yield Warned(title="Training resumes on a changed set of clips", message=difference, stage=NAME)
    attempt = _Attempt(experiment, settings, dataset, frames, store, learnt)
    devices = choose_devices(settings.train.gpus) if settings.train.gpus else []
    while fault := (
        yield from (
            _in_parallel(attempt, recovery.train_config, devices)
            if devices
            else attempt.run(recovery.train_config, device)
        )
    ):
        yield recovery.after(fault)
        if recovery.train_config.batch_size != train_config.batch_size:
            settings.train.batch_size = recovery.train_config.batch_size
            experiment.save_settings(settings)
        attempt.again = True
        free_memory(device)


@dataclass
class _Attempt:
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
            yield from _report_restored(restored, train_config, again=self.again)
        else:
            yield from _start(experiment, settings, state)
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
                yield Warned(
                    title="No TensorBoard log", message=scalars.missing, hint="pip install tensorboard", stage=NAME
                )
            budget = EpochBudget(t.minutes * 60, self._settle) if t.epochs == "auto" else None
            forget_peak(device)
            together = train_config.batch_size * self.ranks.count
            sampler = BucketSampler(self.frames, together, seed=train_config.seed)
            yield from TrainingLoop(state, self.dataset, sampler, saver, scalars, budget, self.ranks).run()
            if self.ranks.first and state.step > (restored.step if restored else 0):
                held = peak_bytes(device) + (CONTEXT_BYTES if device.type == "cuda" else 0)
                minutes = sum(self.frames) / 6000
                keep_use(
                    settings.preset,
                    train_config.precision,
                    device.type,
                    name_of(device),
                    train_config.batch_size,
                    held,
                    minutes,
                )
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
            hint = f"--epochs {state.epoch + max(1, state.epoch // 2)} trains on; --fresh begins anew on all of it"
            reached = f"epoch {state.epoch} of {train_config.epochs} is reached"
            yield Warned(
                title="Nothing was trained on the changed set of clips", message=reached, hint=hint, stage=NAME
            )

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

    def _to_share(self, state: TrainingState, anew: bool) -> list[Event]:
        """What comes with a pair: the small model, and a clip spoken by it."""
        return [*self._small(state, anew), *self._audition(state)]

    def _audition(self, state: TrainingState) -> list[Audition]:
        auditions = Auditions(self.dataset, self.frames, self.experiment.auditions)
        return auditions.make(state) if self.settings.train.audition and not auditions.made(state) else []

    def _small(self, state: TrainingState, anew: bool) -> list[Event]:
        path = self.experiment.small_model_at(state.epoch, state.step)
        if not self.settings.train.save_small or (not anew and _is_written(path, state)):
            return []
        return [_write_small(path, state, self.settings, self.about)]

    @cached_property
    def about(self) -> dict[str, Any]:
        """What the small model says beyond its weights."""
        return about_recordings(self.experiment, self.settings)


def _right_precision(settings: ExperimentSettings, device: torch.device) -> Generator[Event, None, str]:
    """The precision that was asked for, or the next that computes correctly on this GPU (numerics.py)."""
    asked = choose_precision(settings.train.precision, device)
    if device.type == "cpu":
        return asked
    choice = choose_mode(settings.preset, asked, str(device), name_of(device), try_mode)
    if choice.mode == asked:
        return asked
    why = "; ".join(f"{trial.mode}: {trial.why}" for trial in choice.trials if not trial.ok)
    if choice.mode.endswith("-safe") or not choice.mode:
        without_shortcuts()
    hint = "rvc doctor --numerics shows it; another driver or torch may fix it"
    if not choice.mode:
        yield Warned(
            title=f"No precision computes right on {name_of(device)}",
            message=why,
            hint=f"use --device cpu; {hint}",
            stage=NAME,
        )
    else:
        yield Warned(title=f"Training in {choice.mode} instead of {asked}", message=why, hint=hint, stage=NAME)
    return "fp32"


def _in_parallel(
    attempt: _Attempt, train_config: TrainConfig, devices: list[str]
) -> Generator[Event, None, TrainingFault | None]:
    """The attempt in a process for each device. What they settled is read back."""
    experiment, settings = attempt.experiment, attempt.settings
    spec = parallel.Spec(
        str(experiment.folder), str(experiment.workspace.home), settings, train_config, devices, attempt.again
    )
    try:
        return (yield from parallel.run(spec))
    finally:
        if settings.train.epochs == "auto":
            settings.train.epochs = experiment.load_settings().train.epochs


def one_of_several(
    spec: parallel.Spec, ranks: Ranks, device: torch.device
) -> Generator[Event, None, TrainingFault | None]:
    """What each of those processes does."""
    experiment = Experiment(Path(spec.folder), Workspace(Path(spec.home)))
    rows = usable_rows(experiment, spec.settings)[0] + mute_rows(experiment, spec.settings)
    dataset = ClipDataset(rows, spec.settings.model)
    frames = [dataset.frames(row) for row in rows]
    # what struck in an attempt before does not strike again
    faults = Faults([]) if spec.again else Faults.from_environment()
    store = CheckpointStore(experiment, faults)
    attempt = _Attempt(
        experiment, spec.settings, dataset, frames, store, training_set(experiment, rows), spec.again, ranks
    )
    return (yield from attempt.run(spec.train_config, device))


def free_memory(device: torch.device) -> None:
    """Networks hold themselves in cycles: collect them before the next ones are made."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def train_config_of(settings: ExperimentSettings, precision: str, device_type: str) -> TrainConfig:
    t = settings.train
    return TrainConfig(
        epochs=0 if t.epochs == "auto" else t.epochs,
        batch_size=default_batch_size(settings.preset, device_type) if t.batch_size == "auto" else t.batch_size,
        learning_rate=t.learning_rate,
        lr_decay=1.0 if t.lr_decay == "auto" else t.lr_decay,
        falls=t.lr_decay == "auto",
        c_mel=t.c_mel,
        c_kl=t.c_kl,
        prior_share=t.prior_share,
        seed=t.seed,
        precision=precision,
        mutes=t.mutes,
        save_every=t.save_every,
    )


# --- start and end ---------------------------------------------------------------------------------
def _start(experiment: Experiment, settings: ExperimentSettings, state: TrainingState) -> Iterator[Event]:
    networks = {"G": state.generator, "D": state.adversary.network}
    for kind, path in find_start(experiment, settings).items():
        if path is not None:
            said = {"has other speakers": load_pretrained(networks[kind], path)}
            said["was made with another content encoder"] = other_encoder(experiment, settings, path)
            yield from (Warned(title=f"{path} {what}", message=why, stage=NAME) for what, why in said.items() if why)


def _report_restored(restored: Restored, train_config: TrainConfig, *, again: bool) -> Iterator[Event]:
    if restored.damaged:
        message = f"{'; '.join(restored.damaged)}; moved to {restored.backup}"
        yield Warned(
            title=f"Resuming from step {restored.step}: newer checkpoints are damaged", message=message, stage=NAME
        )
    if restored.newer:
        title = f"Resuming from step {restored.step}, though there are newer pairs"
        message = f"G_ and D_ of steps {', '.join(map(str, restored.newer))} are not used"
        yield Warned(
            title=title,
            message=message,
            hint="to resume from them, move resume.pt and resume-previous.pt away",
            stage=NAME,
        )
    if restored.entry is None:
        message = "the order of clips and the random draws differ from those of an uninterrupted run"
        yield Warned(title=f"The checkpoint of step {restored.step} has no resume state", message=message, stage=NAME)
        return
    old, new = restored.entry["course"], train_config.numbers()
    changed = ", ".join(f"{key} {old.get(key)} -> {value}" for key, value in new.items() if old.get(key) != value)
    if changed and not again:
        yield Warned(title="Training continues with other settings", message=changed, stage=NAME)


def _write_small(
    path: Path, state: TrainingState, settings: ExperimentSettings, about: dict[str, Any]
) -> CheckpointSaved:
    write_small_model(
        path, state.generator.state_dict(), settings.model, epoch=state.epoch, step=state.step, extra=about
    )
    return CheckpointSaved(path=str(path), kind="small", epoch=state.epoch, step=state.step)


def _is_written(path: Path, state: TrainingState) -> bool:
    """Is the small model at `path` that of this state? One of a training before may have its epoch and step too."""
    try:
        voice = read_voice(path)
    except BadInput:
        return False
    own = state.generator.state_dict()
    same = all(key in own and torch.equal(value.half(), own[key].cpu().half()) for key, value in voice.weights.items())
    return same and (voice.epoch, voice.step) == (state.epoch, state.step)
