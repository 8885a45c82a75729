"""The content encoder of a base: prepare each recording once, train, measure, write; or take a file, or the program's
own."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from rvc_engine.common.opening import require_file
from rvc_engine.common.user import expanded
from rvc_engine.content.phonetic import PhoneticConfig, read_phonetic, write_phonetic
from rvc_engine.dataset.files import dataset_files, source_name
from rvc_engine.dataset.vanished import is_gone, wait_for
from rvc_engine.disk import copy_whole, remove_temporaries, sha256_of, write_whole
from rvc_engine.errors import BadInput, RvcError, cannot_read, of_environment
from rvc_engine.events import Event, ItemSkipped, Progressed, StepsSuperseded, Warned
from rvc_engine.experiment import Experiment
from rvc_engine.files.weights import Unreadable
from rvc_engine.machine.device import choose_device, choose_precision, memory_errors, set_threads, use_device
from rvc_engine.machine.workers import results_of, worker_count
from rvc_engine.messages import Message, message_of
from rvc_engine.messages.message import cause_of
from rvc_engine.pretrain.encoder_data import EncoderData, Source
from rvc_engine.pretrain.encoder_network import LossWeights
from rvc_engine.pretrain.encoder_training import EncoderLoop, EncoderState, EncoderTrainConfig, restore
from rvc_engine.pretrain.labels import check_packages
from rvc_engine.pretrain.moving import adopt
from rvc_engine.pretrain.probes import probe
from rvc_engine.pretrain.recordings import Files, Prepared, RecordingTask, prepare
from rvc_engine.pretrain.transcripts import Transcripts
from rvc_engine.registry import CONTENT_ENCODERS
from rvc_engine.settings import ExperimentSettings
from rvc_engine.work.speakers import check_speakers, folder_of

STAGE = "encoder"
FEW = 8
"""A worker process takes seconds to start: fewer recordings are prepared without one."""


def check_ready(experiment: Experiment, settings: ExperimentSettings, *, fresh: bool = False) -> None:
    """Raises BadInput for a file that is no encoder, a recogniser or device that is not there, or speakers that do not
    fit."""
    if not settings.encoder.is_trained:
        _given(experiment, settings)
        return
    check_speakers(experiment, settings)
    check_packages(settings.encoder.recogniser)
    choose_device(settings.encoder.device)
    Transcripts.read(expanded(settings.dataset))


def _given(experiment: Experiment, settings: ExperimentSettings) -> Path:
    """The file that the setting names, read. Raises BadInput."""
    asked = settings.encoder.source
    shipped = CONTENT_ENCODERS.get(settings.model.encoder)
    path = shipped.find_weights(experiment.workspace) if settings.encoder.is_shipped else expanded(asked)
    why, hint = Message("work.encoder_setting_names_it", asked=asked), Message("work.train_encoder_or_check_path")
    if path is None:
        raise BadInput("common.no_file", why, hint, path=f"pretrained/{shipped.weights[0]}")
    require_file(path, Message("common.no_file", path=path), hint, why)
    try:
        read_phonetic(path)
    except (OSError, Unreadable) as error:
        if of_environment(error):
            raise cannot_read(path, error) from error
        raise BadInput("work.not_encoder", message_of(error), path=path) from error
    return path


def run(experiment: Experiment, settings: ExperimentSettings) -> Iterator[Event]:
    """encoder/encoder.safetensors and probes.json. Raises RvcError when no recording is left or numbers are no longer
    finite."""
    folder = experiment.encoder
    folder.mkdir(parents=True, exist_ok=True)
    remove_temporaries(folder)
    if not settings.encoder.is_trained:
        path = _given(experiment, settings)
        copy_whole(path, experiment.own_encoder)
        write_whole(folder / "probes.json", json.dumps({"taken_from": path.name, "sha256": sha256_of(path)}, indent=1))
        yield Progressed(stage=STAGE, done=1, total=1, unit="files")
        return
    set_threads(settings.encoder.threads)
    sources = yield from _prepared(experiment, settings)
    data = EncoderData(sources, held_out(sources, settings.encoder.held_out))
    with memory_errors(lambda known: RvcError(known.title, known.message, Message("work.smaller_encoder_batch"))):
        yield from _trained(experiment, settings, data)


def _trained(experiment: Experiment, settings: ExperimentSettings, data: EncoderData) -> Iterator[Event]:
    s, device = settings.encoder, use_device(settings.encoder.device)
    data.load_to(device)
    if not data.phones and s.recogniser != "none":
        title = Message("work.no_labels")
        yield Warned(title=title, message=cause_of(title), stage=STAGE)
    config = PhoneticConfig(width=s.width, blocks=s.blocks, dim=settings.model.feature_dim)
    state = EncoderState.fresh(config, data.phones, data.speakers, s.seed, device)
    path = experiment.encoder / "state.safetensors"
    if adopt(experiment.incoming / "encoder.safetensors", path):
        yield Warned(title=Message("work.encoder_state_brought"), stage=STAGE)
    for damaged in restore(state, path):
        yield Warned(title=Message("work.encoder_state_damaged"), message=damaged, stage=STAGE)
    yield StepsSuperseded(stage=STAGE, after_step=state.step, epoch=0)
    yield from EncoderLoop(state, data, train_config_of(settings, device), path).run()
    about = {
        "step": str(state.step),
        "seed": str(s.seed),
        "seconds": f"{data.seconds:.0f}",
        "speakers": str(len(data.speakers)),
    }
    write_phonetic(experiment.own_encoder, state.network, about)
    yield Progressed(stage=STAGE, done=state.step, total=max(s.steps, state.step), unit="steps", item="probes")
    facts = {
        "step": state.step,
        "seconds": round(data.seconds, 1),
        "speakers": len(data.speakers),
        "phones": data.phones,
    }
    write_whole(experiment.encoder / "probes.json", json.dumps({**facts, **probe(state, data)}, indent=1))


def train_config_of(settings: ExperimentSettings, device: Any) -> EncoderTrainConfig:
    s = settings.encoder
    weights = LossWeights(
        phones=s.phones, reconstruction=s.reconstruction, consistency=s.consistency, speaker=s.speaker
    )
    bf16 = choose_precision(s.precision, device) == "bf16"
    return EncoderTrainConfig(
        steps=s.steps,
        batch=s.batch,
        crop=int(s.crop_s * 50) * 2,
        learning_rate=s.learning_rate,
        weights=weights,
        seed=s.seed,
        bf16=bf16,
        dropout=s.dropout,
        save_every=s.save_every,
    )


def held_out(sources: list[Source], every: int) -> list[str]:
    """Every Nth speaker; none when there are fewer."""
    speakers = sorted({source.speaker for source in sources})
    return speakers[every - 1 :: every] if every > 1 else []


# --- preparing -------------------------------------------------------------------------------------
def _prepared(experiment: Experiment, settings: ExperimentSettings) -> Generator[Event, None, list[Source]]:
    tasks = recording_tasks(experiment, settings)
    folder = tasks[0].folder
    folder.mkdir(parents=True, exist_ok=True)
    remove_temporaries(folder)
    sources: list[Source] = []
    waiting = {task.name: task for task in tasks}
    yield Progressed(stage=STAGE, done=0, total=len(tasks), unit="recordings")
    while waiting:
        results = _results(list(waiting.values()), settings.encoder.workers)
        try:
            for prepared in results:
                if prepared is not None and (prepared.key or not is_gone(waiting[prepared.name].path)):
                    del waiting[prepared.name]
                    if prepared.note:
                        yield ItemSkipped(stage=STAGE, item=prepared.name, reason=prepared.note)
                    if prepared.key:
                        files = Files.of(folder, prepared.key)
                        sources.append(Source(prepared.name, folder_of(prepared.name), files.mels, files.labels))
                done, item = len(tasks) - len(waiting), prepared.name if prepared else ""
                yield Progressed(stage=STAGE, done=done, total=len(tasks), unit="recordings", item=item)
        finally:
            results.close()
            remove_temporaries(folder)
        if waiting:
            yield from wait_for([task.path for task in waiting.values()], settings, STAGE)
    if not sources:
        raise RvcError("work.no_recording", Message("work.recordings_tried", count=len(tasks)))
    return sorted(sources, key=lambda source: source.name)


def recording_tasks(experiment: Experiment, settings: ExperimentSettings) -> list[RecordingTask]:
    """Raises BadInput when there is no recording. Speech in another language than English is not labelled."""
    s, transcripts = settings.encoder, Transcripts.read(expanded(settings.dataset))
    tasks = []
    for path in dataset_files(settings):
        name = source_name(path, settings)
        spoken = transcripts.of(name)
        text = spoken.text if s.recogniser != "none" and spoken.is_english else None
        tasks.append(RecordingTask(name, path, text, s.versions, s.seed, experiment.encoder / "recordings"))
    if not tasks:
        raise BadInput("work.empty_dataset", dataset=settings.dataset)
    return tasks


def _results(tasks: list[RecordingTask], workers: int) -> Generator[Prepared | None, None, None]:
    count = worker_count(workers, len(tasks))
    if len(tasks) <= FEW:
        yield from map(prepare, tasks)
    else:
        yield from results_of(prepare, tasks, count)


def artefacts(experiment: Experiment, settings: ExperimentSettings) -> list[Path]:
    """The encoder, read again. Raises RvcError when it is missing or damaged."""
    try:
        read_phonetic(experiment.own_encoder)
    except (OSError, Unreadable) as error:
        raise RvcError("work.result_unreadable", message_of(error), path=experiment.own_encoder) from error
    return [experiment.own_encoder, experiment.encoder / "probes.json"]
