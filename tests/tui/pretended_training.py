"""A long training on a GPU that others use too, and the app that shows it."""

from __future__ import annotations

import math
import random

import pretended
from snapshot_app import app_of, client_of

from rvc_engine import events as ev
from rvc_engine.client.machine import Machine
from rvc_engine.machine.gpus import Gpu
from rvc_engine.messages import Message
from rvc_tui.app import RvcApp

GIB = 1 << 30
H100 = Gpu(0, "NVIDIA H100 80GB HBM3", "GPU-aa", 80 * GIB, 45 * GIB, 35 * GIB, 97, 61, 310.0, 700.0, (9, 0))
ROWS = [{"batch_size": n, "memory_bytes": GIB * n, "samples_per_s": 5.0 + n} for n in (1, 2, 4, 8, 16, 32)]
REASONS = [
    Message("machine.few_minutes", minutes=3.0),
    Message("machine.left_free", share=0.1),
    Message("machine.measured_now", sizes=[1, 2, 4, 8, 16, 32]),
    Message("machine.others_not_reported"),
]
ADVICE = {**pretended.ADVICE, "batch": ROWS, "recommended": 8, "largest": 40, "source": "measured", "reasons": REASONS}


def long_training(steps: int = 900) -> list[ev.Event]:
    """Noisy losses that fall, ten epochs, and what the engine holds."""
    chance, events, at = random.Random(1), pretended.prepared(), pretended.T0 + 10
    for step in range(1, steps + 1):
        at += 0.1
        total = 30 + 60 * math.exp(-step / 120) + chance.gauss(0, 4)
        losses = {
            "total": total,
            "mel": total * 0.6,
            "kl": 1.2,
            "feature": 3.4,
            "discriminator": 3.3,
            "adversarial": 2.2,
        }
        norms = {"g": 100 * math.exp(chance.gauss(0, 0.7)), "d": 20.0}
        epoch = 1 + (step - 1) // 100
        events.append(ev.Progressed(at=at, stage="train", done=step, total=3000, unit="steps"))
        events.append(
            ev.TrainStepped(
                at=at,
                step=step,
                epoch=epoch,
                epochs=30,
                losses=losses,
                learning_rate=1e-4,
                grad_norms=norms,
                seconds=0.09,
                data_seconds=0.001,
            )
        )
        if step % 100 == 0:
            at += chance.random()
            events.append(
                ev.EpochFinished(at=at, epoch=epoch, epochs=30, step=step, losses={"total": total}, seconds=9.0)
            )
    held = [{"uuid": "GPU-aa", "index": 0, "reserved": 40 * GIB, "context": GIB // 2}]
    return [*events, ev.MemorySampled(at=at, rss_bytes=3 * GIB, gpu_bytes=40 * GIB, gpus=held)]


def training(*, ascii: bool = False, gpu: bool = False) -> RvcApp:
    app = app_of("training", ascii=ascii, first="train")
    client = client_of(app)
    client.waiting, client.clock = long_training(), pretended.T0 + 110
    if gpu:
        client.machine = lambda: Machine(client.clock, (H100,), "", 12.0, 128 * GIB, 20 * GIB, GIB, 0.0)  # type: ignore[method-assign]
    return app
