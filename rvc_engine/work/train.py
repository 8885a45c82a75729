"""Training: from clips, features and pitch to a voice."""

from __future__ import annotations

import operator
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch

from rvc_engine.disk import write_whole
from rvc_engine.errors import BadInput
from rvc_engine.events import Event, Noted, Warned
from rvc_engine.experiment import Experiment
from rvc_engine.machine.device import (
    choose_devices,
    choose_precision,
    free_memory,
    memory_errors,
    name_of,
    name_with_driver,
    set_threads,
    use_device,
    without_shortcuts,
)
from rvc_engine.machine.numerics import Choice, choose_mode, earlier_choice
from rvc_engine.messages import NOTHING, Message, joined, verbatim
from rvc_engine.messages.message import cause_of, fix_of
from rvc_engine.presets import default_batch_size
from rvc_engine.pretrain.moving import adopt
from rvc_engine.settings import ExperimentSettings
from rvc_engine.training.dataset import ClipDataset
from rvc_engine.training.fitting import check_candidates, check_start
from rvc_engine.training.hooks import begin_hooks, installed_hooks
from rvc_engine.training.ranks import Ranks
from rvc_engine.training.recovery import Recovery, TrainingFault
from rvc_engine.training.store import CheckpointStore
from rvc_engine.training.train_config import TrainConfig
from rvc_engine.voices.small_model import read_voice
from rvc_engine.work import train_parallel as parallel
from rvc_engine.work.rvc_config import write_config
from rvc_engine.work.speakers import check_speakers
from rvc_engine.work.train_attempt import Attempt
from rvc_engine.work.train_memory import may_turn_on, with_checkpointing
from rvc_engine.work.train_start import NAME, find_start
from rvc_engine.work.training_clips import changes, mute_rows, training_set, usable_rows
from rvc_engine.work.training_clips import used_all_inputs as used_all_inputs
from rvc_engine.work.trials import try_mode
from rvc_engine.workspace import Workspace

MIN_CLIPS_S = 60.0


def check_ready(experiment: Experiment, settings: ExperimentSettings, *, fresh: bool = False) -> None:
    """Raises BadInput when a file to start from, a GPU or the speaker's row is missing, a file to start or continue
    from does not fit, or a training hook cannot be loaded. `fresh`: what is there is moved to a backup, it is no
    start."""
    if settings.train.speaker >= settings.model.speakers:
        about = {"preset": settings.preset, "speakers": settings.model.speakers}
        raise BadInput("work.no_speaker_row", speaker=settings.train.speaker, **about)
    check_speakers(experiment, settings)
    installed_hooks()
    if settings.train.gpus:
        choose_devices(settings.train.gpus)
    brought = experiment.incoming / "train.pt"
    candidates = [] if fresh else CheckpointStore(experiment).candidates() or [[brought]] * brought.is_file()
    check_candidates(candidates, settings.preset, settings.model)
    if not candidates:
        for kind, path in find_start(experiment, settings).items():
            if path is not None:
                check_start(path, kind, settings.preset, settings.model)


def run(experiment: Experiment, settings: ExperimentSettings) -> Iterator[Event]:
    """Train up to settings.train.epochs, resuming from the last checkpoint; auto is a time, and a number as soon as
    steps have been timed. Raises RvcError with a fix.

    When memory runs out, the data leaves the GPU, gradient checkpointing is turned on or the batch size is halved, in
    `settings` and in experiment.toml too.
    """
    check_ready(experiment, settings)
    device = use_device(settings.train.device)
    set_threads(settings.train.threads)
    with memory_errors():
        yield from _train(experiment, settings, device)


def artefacts(experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
    """The small model, read again. Raises RvcError when it is missing or damaged."""
    read_voice(experiment.small_model)
    return [experiment.small_model]


def _train(experiment: Experiment, settings: ExperimentSettings, device: torch.device) -> Iterator[Event]:
    devices = choose_devices(settings.train.gpus) if settings.train.gpus else []
    free_memory(device)  # what the stages before reserved there
    used = [torch.device(name) for name in devices] or [device]
    rows, skipped = usable_rows(experiment, settings)
    yield from skipped
    rows += mute_rows(experiment, settings)
    dataset = ClipDataset(rows, settings.model)
    frames = [dataset.frames(row) for row in rows]
    clips_s = (
        sum(length for row, length in zip(rows, frames, strict=True) if row.wave.parent == experiment.ground_truth)
        / 100
    )
    if clips_s < MIN_CLIPS_S:
        title = Message("work.few_clips", seconds=clips_s)
        yield Warned(title=title, message=cause_of(title), hint=fix_of(title), stage=NAME)
    computing = yield from _right_precision(settings, used)
    train_config = yield from _steps_of(settings, used, computing, frames)
    write_config(experiment, settings, train_config)
    learnt = training_set(experiment, rows)
    difference = changes(experiment, learnt)
    write_whole(experiment.filelist, "\n".join(row.line() for row in rows).encode("utf-8", "surrogateescape"))

    may_checkpoint = may_turn_on(settings, used, computing.no_checkpointing)
    recovery = Recovery(train_config, device, may_checkpoint=may_checkpoint)
    store = CheckpointStore(experiment, begin_hooks(again=False))
    store.remove_halves()
    if not store.candidates() and adopt(experiment.incoming / "train.pt", experiment.resume_state):
        yield Warned(title=Message("work.state_brought"), stage=NAME)
    if difference and store.candidates():
        yield Warned(title=Message("work.resumes_on_other_clips"), message=difference, stage=NAME)
    attempt = Attempt(experiment, settings, dataset, frames, store, learnt)
    while fault := (
        yield from (
            _in_parallel(attempt, recovery.train_config, devices)
            if devices
            else attempt.run(recovery.train_config, device)
        )
    ):
        yield recovery.after(fault)
        _keep_what_fits(experiment, settings, train_config, recovery.train_config)
        attempt.again = True
        free_memory(device)


def _keep_what_fits(
    experiment: Experiment, settings: ExperimentSettings, before: TrainConfig, after: TrainConfig
) -> None:
    """What a recovery from full memory changed holds for later runs too."""
    if after.batch_size != before.batch_size:
        settings.train.batch_size = after.batch_size
    if after.checkpointing != before.checkpointing:
        settings.train.checkpointing = "on"
    if after.data_on_gpu != before.data_on_gpu:
        settings.train.data_on_gpu = "off"
    what = operator.attrgetter("batch_size", "checkpointing", "data_on_gpu")
    if what(after) != what(before):
        experiment.save_settings(settings)


class Computing(NamedTuple):
    """How steps are computed. `no_graphs`: why they are not CUDA graphs; `no_checkpointing`: why not with gradient
    checkpointing; `tunings`: names of models/tuning.py."""

    precision: str
    no_graphs: Message = NOTHING
    no_checkpointing: Message = NOTHING
    tunings: tuple[str, ...] = ()


def _steps_of(
    settings: ExperimentSettings, devices: Sequence[torch.device], computing: Computing, frames: Sequence[int]
) -> Generator[Event, None, TrainConfig]:
    """With CUDA graphs, tunings and gradient checkpointing, where they are wanted and right."""
    train_config = train_config_of(settings, computing.precision, devices[0].type)
    if devices[0].type == "cuda" and not settings.train.gpus and settings.train.cuda_graphs == "auto":
        train_config = replace(train_config, graphs=not computing.no_graphs)
        if computing.no_graphs:
            yield Noted(text=Message("work.no_graphs", reason=computing.no_graphs), stage=NAME)
    if settings.train.tuning == "auto":
        train_config = replace(train_config, tunings=computing.tunings)
    return (yield from with_checkpointing(settings, train_config, devices, computing.no_checkpointing, frames))


def _right_precision(
    settings: ExperimentSettings, devices: Sequence[torch.device]
) -> Generator[Event, None, Computing]:
    """The precision that was asked for, or the next that computes correctly on these GPUs (numerics.py): each kind of
    them is tried. `auto` is what all of them have."""
    wanted = [choose_precision(settings.train.precision, device) for device in devices]
    asked = wanted[0] if len(set(wanted)) == 1 else "fp16"
    no_graphs = no_checkpointing = NOTHING
    tunings: list[tuple[str, ...]] = []
    for device in {name_of(device): device for device in devices if device.type == "cuda"}.values():
        choice = yield from _tried(settings.preset, asked, device)
        no_graphs = no_graphs or choice.no_graphs
        no_checkpointing = no_checkpointing or choice.no_checkpointing
        tunings.append(choice.tunings)
        if choice.mode == asked:
            if trial := choice.untried:
                title = Message("work.precision_untried", mode=asked, device=name_of(device), reason=trial.why)
                yield Warned(title=title, message=cause_of(title), hint=fix_of(title), stage=NAME)
            continue
        yield _instead(asked, choice, device)
        asked = "fp32"
    shared = tuple(name for name in tunings[0] if all(name in each for each in tunings)) if tunings else ()
    return Computing(asked, no_graphs, no_checkpointing, shared)


def _instead(asked: str, choice: Choice, device: torch.device) -> Warned:
    """From now on this process computes in float32, without cuDNN where that is wrong too."""
    wrong = [trial for trial in choice.trials if not trial.ok]
    why = joined(*(Message("training.of_file", name=trial.mode, reason=trial.why) for trial in wrong))
    if choice.mode.endswith("-safe") or not choice.mode:
        without_shortcuts()
    title, hint = Message("work.other_precision", mode=choice.mode, asked=asked), Message("work.see_numerics")
    if not choice.mode:
        title = Message("work.no_precision", device=name_of(device))
        hint = joined(Message("work.use_cpu"), hint)
    return Warned(title=title, message=why, hint=hint, stage=NAME)


def _tried(preset: str, precision: str, device: torch.device) -> Generator[Event, None, Choice]:
    """By a trial on this GPU, or by an earlier one."""
    machine = name_with_driver(device)
    if earlier := earlier_choice(preset, precision, machine):
        return earlier
    yield Noted(text=Message("work.trying_precision", mode=precision, device=name_of(device)), stage=NAME)
    started = time.monotonic()
    choice = choose_mode(preset, precision, str(device), machine, try_mode)
    if choice.mode == precision and not choice.untried:
        took_s = time.monotonic() - started
        text = Message("work.precision_tried", mode=precision, device=name_of(device), seconds=took_s)
        yield Noted(text=text, stage=NAME)
    if choice.tunings:
        before, *_, after = choice.step_seconds.values()
        times = {"before": 1000 * before, "after": 1000 * after}
        text = Message("work.tuned", device=name_of(device), names=verbatim(", ".join(choice.tunings)), **times)
        yield Noted(text=text, stage=NAME)
    return choice


def _in_parallel(
    attempt: Attempt, train_config: TrainConfig, devices: list[str]
) -> Generator[Event, None, TrainingFault | None]:
    """The attempt in a process for each device. What they settled is read back."""
    experiment, settings = attempt.experiment, attempt.settings
    spec = parallel.Spec(
        str(experiment.folder),
        str(experiment.workspace.home),
        settings,
        train_config,
        devices,
        attempt.again,
        safe=not torch.backends.cudnn.enabled,
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
    store = CheckpointStore(experiment, begin_hooks(again=spec.again))
    attempt = Attempt(
        experiment, spec.settings, dataset, frames, store, training_set(experiment, rows), spec.again, ranks
    )
    return (yield from attempt.run(spec.train_config, device))


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
        data_on_gpu=t.data_on_gpu,
    )
