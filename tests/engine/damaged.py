"""Ways in which an experiment can be damaged, as sync programs, editors and people leave them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rvc_engine.events import Event, Progressed, RunFinished, RunStarted, StageStarted, TrainStepped
from rvc_engine.experiment import Experiment
from rvc_engine.run.journal import Journal
from rvc_engine.settings import for_preset
from rvc_engine.workspace import Workspace

Damage = Callable[[Experiment], object]
FAR = "9" * 400  # a number that no field can hold


def events_of(name: str, *, steps: int = 3, pid: int = 2**22 - 5) -> list[Event]:
    """A run that finished."""
    start = RunStarted(
        run=1, name=name, folder="", pid=pid, host="h", version="0", preset="starter-tiny", stages=["train"]
    )
    events: list[Event] = [start, StageStarted(stage="train")]
    for step in range(1, steps + 1):
        losses = {"total": 3.0 / step, "kl": float("nan")}
        events.append(
            TrainStepped(
                step=step, epoch=1, epochs=2, losses=losses, learning_rate=1e-4, grad_norms={"g": 1.0}, seconds=0.1
            )
        )
        events.append(Progressed(stage="train", done=step, total=steps, unit="steps"))
    return [*events, RunFinished(seconds=9.0)]


def add(workspace: Workspace, name: str, events: list[Event] | None = None) -> Experiment:
    experiment = workspace.experiment(name)
    experiment.save_settings(for_preset("starter-tiny"))
    with Journal.next_in(experiment.runs)[1] as journal:
        for event in events_of(name) if events is None else events:
            journal.append(event)
    return experiment


def journal_of(experiment: Experiment) -> Path:
    return experiment.runs / "0001.jsonl"


# --- damages ----------------------------------------------------------------------------------------------------------
def settings_are(content: bytes) -> Damage:
    return lambda experiment: experiment.settings_toml.write_bytes(content)


def settings_become(make: Callable[[Path], object]) -> Damage:
    def damage(experiment: Experiment) -> None:
        experiment.settings_toml.unlink()
        make(experiment.settings_toml)

    return damage


def beside(name: str, make: Callable[[Path], object]) -> Damage:
    return lambda experiment: make(experiment.runs / name)


def folder_becomes(make: Callable[[Path], object]) -> Damage:
    def damage(experiment: Experiment) -> None:
        shutil.rmtree(experiment.folder)
        make(experiment.folder)

    return damage


def runs_are_a_file(experiment: Experiment) -> None:
    shutil.rmtree(experiment.runs)
    experiment.runs.write_text("")


def line(record: Any) -> Damage:
    """One more line at the end of the journal, JSON that Python can write or bytes."""
    content = record if isinstance(record, bytes) else json.dumps(record).encode()

    def damage(experiment: Experiment) -> None:
        with journal_of(experiment).open("ab") as file:
            file.write(content + b"\n")

    return damage


def field(event: str, key: str, text: str) -> Damage:
    """A line as a whole event, but for one field with this JSON."""
    whole: dict[str, dict[str, Any]] = {
        "RunStarted": {
            "run": 1,
            "name": "n",
            "folder": "",
            "pid": 5,
            "host": "h",
            "version": "0",
            "preset": "starter-tiny",
            "stages": ["train"],
            "supervisor": 0,
        },
        "StageStarted": {"stage": "train"},
        "Progressed": {"stage": "train", "done": 1, "total": 2, "unit": "steps"},
        "TrainStepped": {
            "step": 4,
            "epoch": 1,
            "epochs": 2,
            "losses": {"total": 1.0},
            "learning_rate": 1e-4,
            "grad_norms": {},
            "seconds": 0.1,
            "data_seconds": 0.1,
        },
        "EpochFinished": {"epoch": 1, "epochs": 2, "step": 4, "losses": {"total": 1.0}, "seconds": 1.0},
        "StepsSuperseded": {"after_step": 1, "epoch": 0},
        "MemorySampled": {"rss_bytes": 5, "gpus": []},
        "Warned": {"title": "t"},
        "ItemSkipped": {"stage": "train", "item": "a.wav", "reason": "short"},
        "StageFinished": {"stage": "train", "seconds": 1.0},
        "StageFailed": {"stage": "train", "title": "t"},
        "RunFinished": {"seconds": 1.0, "artefacts": []},
    }
    record = {"event": event, "at": 1.7e9, **whole[event]}
    record.setdefault(key, None)
    parts = [f'"{name}":{text if name == key else json.dumps(value)}' for name, value in record.items()]
    return line(("{" + ",".join(parts) + "}").encode())


def heartbeat(content: bytes) -> Damage:
    return lambda experiment: experiment.heartbeat.write_bytes(content)


SETTINGS: dict[str, Damage] = {
    "settings are a folder": settings_become(Path.mkdir),
    "settings are a FIFO": settings_become(os.mkfifo),
    "settings are a broken link": settings_become(lambda path: path.symlink_to("nowhere")),
    "settings are a link to themselves": settings_become(lambda path: path.symlink_to(path.name)),
    "settings are no UTF-8": settings_are(b"preset = \xff\xfe\n"),
    "settings are of wrong types": settings_are(b"preset = [1]\ntrain = 5\n"),
    "settings are no TOML": settings_are(b"\x00\x01 = ="),
    "settings are nested deeply": settings_are(b"a = " + b"[" * 20_000),
}
JOURNAL: dict[str, Damage] = {
    "a conflicted copy": beside("0001 (conflicted copy).jsonl", lambda path: path.write_text("{}\n")),
    "another conflicted copy": beside("0001.sync-conflict-20261122-0930.jsonl", lambda path: path.write_text("")),
    "digits of another script": beside("\u0660\u0660\u0660\u0662.jsonl", lambda path: path.write_text("{}\n")),
    "a number beyond bounds": beside("9" * 40 + ".jsonl", lambda path: path.write_text("{}\n")),
    "a folder for a journal": beside("0002.jsonl", Path.mkdir),
    "a FIFO for a journal": beside("0002.jsonl", os.mkfifo),
    "a broken link for a journal": beside("0002.jsonl", lambda path: path.symlink_to("nowhere")),
    "a link to itself for a journal": beside("0002.jsonl", lambda path: path.symlink_to(path.name)),
}
LINES: dict[str, Damage] = {
    "a line of a deep list": line(b"[" * 100_000),
    "a deep event": line(b'{"event":"Warned","title":' + b"[" * 100_000),
    "a kind that is a list": line({"event": ["RunFinished"]}),
    "a kind that is an object": line({"event": {}, "at": 1}),
    "fields that are missing": line({"event": "TrainStepped", "at": 1.7e9}),
    **{
        f"{event}.{key} is {text[:12]}": field(event, key, text)
        for event, key, text in (
            ("TrainStepped", "losses", "[1]"),
            ("TrainStepped", "losses", "null"),
            ("TrainStepped", "losses", '{"total":"x"}'),
            ("TrainStepped", "losses", f'{{"total":{FAR}}}'),
            ("TrainStepped", "losses", '{"total":[1]}'),
            ("TrainStepped", "grad_norms", '"x"'),
            ("TrainStepped", "step", FAR),
            ("TrainStepped", "step", "-1"),
            ("TrainStepped", "step", "null"),
            ("TrainStepped", "step", "NaN"),
            ("TrainStepped", "step", "true"),
            ("TrainStepped", "seconds", '"1"'),
            ("TrainStepped", "seconds", "Infinity"),
            ("TrainStepped", "data_seconds", "[]"),
            ("TrainStepped", "epoch", "{}"),
            ("TrainStepped", "at", '"now"'),
            ("TrainStepped", "at", "NaN"),
            ("Progressed", "at", "1e300"),
            ("Progressed", "at", "-5"),
            ("Progressed", "stage", "[]"),
            ("Progressed", "done", '"1"'),
            ("Progressed", "total", "1e400"),
            ("StageStarted", "stage", "{}"),
            ("StageStarted", "stage", "null"),
            ("EpochFinished", "epoch", FAR),
            ("EpochFinished", "losses", "[]"),
            ("StepsSuperseded", "after_step", '"0"'),
            ("MemorySampled", "gpus", "[1]"),
            ("MemorySampled", "gpus", '[{"uuid":5}]'),
            ("Warned", "title", "5"),
            ("Warned", "message", "null"),
            ("ItemSkipped", "item", "[]"),
            ("StageFinished", "seconds", "NaN"),
            ("StageFailed", "exit_code", '"1"'),
            ("StageFailed", "title", "{}"),
            ("RunFinished", "artefacts", "[5]"),
            ("RunFinished", "artefacts", '[{"path":"x"}]'),
            ("RunFinished", "artefacts", '[{"path":1,"bytes":"x","sha256":null}]'),
            ("RunStarted", "stages", '"train"'),
            ("RunStarted", "stages", "[[]]"),
            ("RunStarted", "pid", FAR),
            ("RunStarted", "supervisor", str(2**40)),
            ("RunStarted", "name", "null"),
        )
    },
}
UNREADABLE: dict[str, Damage] = {
    "a broken link": folder_becomes(lambda path: path.symlink_to("/nowhere/at/all")),
    "a link to itself": folder_becomes(lambda path: path.symlink_to(path.name)),
    "runs are a file": runs_are_a_file,
    "a journal of bytes": lambda experiment: journal_of(experiment).write_bytes(bytes(range(256)) * 40 + b"\n"),
}
HEARTBEATS = (
    b"[]",
    b"5",
    b'"x"',
    b"null",
    b"{}",
    b"NaN",
    b"\xff",
    b"[" * 100_000,
    b'{"at":"x"}',
    b'{"at":1,"pid":[],"event_at":null}',
    b'{"at":NaN,"pid":1,"stage":"","event_at":NaN,"stuck_after_s":NaN}',
    b'{"at":1e999,"event_at":-1e999,"stuck_after_s":"5"}',
)
