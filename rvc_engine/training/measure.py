"""Memory and speed of real steps, in a process of its own: `python -m rvc_engine.training.measure PRESET PRECISION
DEVICE BATCH...`.

Reports a Measured a batch size. memory_bytes is the peak of the process (its resident set on a CPU, what torch reserved
on a GPU); where the system cannot forget an earlier peak, batch sizes are best given in rising order.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from rvc_engine.common.lines import Writer, run_reporting
from rvc_engine.machine.device import free_memory, use_device
from rvc_engine.machine.measurements import CHECKPOINTED, Measured
from rvc_engine.models.noise import Noise
from rvc_engine.presets import ModelConfig, model_config
from rvc_engine.training.dataset import Batch
from rvc_engine.training.graphs import FIRST_STEPS, GraphedSteps, GraphFailed
from rvc_engine.training.state import TrainingState
from rvc_engine.training.train_config import TrainConfig
from rvc_engine.training.trainer import Trainer

PRECISIONS = ("fp32", "fp16", "bf16")
FRAMES = 400
STEPS = 3


def random_batch(config: ModelConfig, size: int, frames: int = FRAMES) -> Batch:
    """Clips of noise with a plausible pitch, on the CPU."""
    generator = torch.Generator().manual_seed(0)
    hz = 100 + 200 * torch.rand(size, frames, generator=generator)
    return Batch(
        phone=torch.randn(size, frames, config.feature_dim, generator=generator),
        lengths=torch.full((size,), frames),
        pitch=torch.randint(1, 256, (size, frames), generator=generator) if config.pitch else None,
        pitch_hz=hz if config.pitch else None,
        spec=torch.rand(size, config.spec_bins, frames, generator=generator),
        wave=0.1 * torch.randn(size, 1, frames * config.hop_samples, generator=generator),
        speaker=torch.zeros(size, dtype=torch.long),
    )


def measure(
    preset: str,
    precision: str,
    device: torch.device,
    sizes: list[int],
    *,
    pitch: bool = True,
    frames: int = FRAMES,
    steps: int = STEPS,
    graphs: bool = True,
    checkpointing: bool = False,
) -> Iterator[Measured]:
    """One row a batch size, after warm-up steps; on a GPU with CUDA graphs where they work. Raises what torch raises
    when memory runs out."""
    config = model_config(preset, pitch=pitch)
    train_config = TrainConfig(epochs=1, precision=precision, checkpointing=checkpointing)
    state = TrainingState.fresh(config, train_config, device)
    trainer = Trainer(state.generator, state.optimizer, state.adversary, state.precision, state.train_config)
    for size in sizes:
        free_memory(device)
        forget_peak(device)
        batch = random_batch(config, size, frames).to(device)
        seconds = _seconds(trainer, batch, state.noise, steps, graphs=graphs and device.type == "cuda")
        yield Measured(size, peak_bytes(device), size / seconds)


def _seconds(trainer: Trainer, batch: Batch, noise: Noise, steps: int, *, graphs: bool) -> float:
    """Seconds a step. A graph's memory is free again when this returns: the next batch size needs it."""
    step = _warm_step(trainer, batch, noise, graphs=graphs)
    started = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - started) / steps


def _warm_step(trainer: Trainer, batch: Batch, noise: Noise, *, graphs: bool) -> Callable[[], object]:
    """A function that runs one step, after the first, slower ones."""

    def plain() -> object:
        return trainer.step(batch, noise).numbers()

    if not graphs:
        plain()
        return plain
    graphed = GraphedSteps(trainer, noise.device, noise.generator)
    try:
        for _ in range(FIRST_STEPS + 1):
            graphed.step(batch, noise).numbers()
    except GraphFailed:
        return plain
    return lambda: graphed.step(batch, noise).numbers()


def forget_peak(device: torch.device) -> None:
    """Start a new peak for peak_bytes. Where the system cannot do it the peak stays that of the process's
    whole life."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    try:  # on Linux ru_maxrss starts with what the parent held when it started this process
        own = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
        return int(own.split()[1]) * 1024
    except (OSError, StopIteration):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def main(writer: Writer) -> None:
    parser = argparse.ArgumentParser(prog="python -m rvc_engine.training.measure", description=__doc__)
    parser.add_argument("preset")
    parser.add_argument("precision", choices=[name + end for end in ("", CHECKPOINTED) for name in PRECISIONS])
    parser.add_argument("device")
    parser.add_argument("batch", type=int, nargs="+")
    parser.add_argument("--no-pitch", action="store_true")
    parser.add_argument("--no-graphs", action="store_true", help="on a GPU too")
    parser.add_argument("--frames", type=int, default=FRAMES, help="of a clip")
    parser.add_argument("--steps", type=int, default=STEPS, help="that are timed")
    asked = parser.parse_args()
    size = {"frames": asked.frames, "steps": asked.steps, "graphs": not asked.no_graphs}
    size["checkpointing"] = asked.precision.endswith(CHECKPOINTED)
    precision, device = asked.precision.removesuffix(CHECKPOINTED), use_device(asked.device)
    for row in measure(asked.preset, precision, device, asked.batch, pitch=not asked.no_pitch, **size):
        writer.send(row)


if __name__ == "__main__":
    raise SystemExit(run_reporting(main))
