"""Checks on a real GPU what we claim about GPU support, in less than ten minutes, and writes docs/gpu.md.

    python benchmarks/gpu_check.py [--only PART]... [--json FILE] [--no-table]
    python benchmarks/gpu_check.py --table FILE...   makes docs/gpu.md from results that were written before

Each part is a process with a time limit, so one that hangs or crashes does not stop the others. Results and page are
written after each figure: what was measured is kept whenever this program is ended. Of the large packages it needs
torch, numpy and scipy alone. Exit code 1: a claim does not hold, or a part did not finish; 2: there is no GPU.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gpu_claims import PAGE, Figure, table
from gpu_parts import run

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

RESULTS = ROOT / "benchmarks" / "gpu_results.json"
STARTER, LARGE = "starter", "v2-40k"
suffix = ""
"""Of the presets: -tiny to run this program itself, where its numbers mean nothing."""


# --- parts: each prints its figures as lines of JSON ------------------------------------------------------------------
def machine() -> Iterator[Figure]:
    import torch

    from rvc_engine.machine.device import choose_precision
    from rvc_engine.machine.gpus import has_bf16, read_gpus

    capability = torch.cuda.get_device_capability(0)
    chosen = choose_precision("auto", torch.device("cuda"))
    state = read_gpus()
    uuid = str(torch.cuda.get_device_properties(0).uuid)
    same = bool(state.gpus) and state.gpus[0].uuid.endswith(uuid)
    name = f"{torch.cuda.get_device_name(0)}, {capability[0]}.{capability[1]}, driver {state.driver or '?'}"
    value = f"{chosen} on {name}, torch {torch.__version__}; NVML's first GPU is torch's first: {same}"
    yield Figure("machine", value, chosen == ("bf16" if has_bf16(capability) else "fp16") and same)


def numerics() -> Iterator[Figure]:
    from rvc_engine.work.trials import try_mode

    for preset in (STARTER, LARGE):
        found, holds = [], True
        for mode in ("fp32", "fp32-safe", "bf16", "fp16"):
            trial = try_mode(preset + suffix, "cuda", mode)
            holds = holds and trial.ok
            part, error = trial.worst
            verdict = f"off by {error:.1%} at most ({part})" if trial.ok else f"wrong: {trial.why}"
            graphs = "" if not trial.no_graphs else f", no CUDA graphs: {trial.no_graphs}"
            times = [f"{name or 'as it is'} {1000 * s:.1f} ms" for name, s in trial.step_seconds.items()]
            found.append(f"{mode} {verdict}{graphs}{'; a step: ' * bool(times)}{', '.join(times)}")
        yield Figure(f"numerics {preset}", "; ".join(found), holds)


def _measured(preset: str, precision: str, sizes: tuple[int, ...], *more: str) -> list[Any]:
    from rvc_engine.machine.children import Child
    from rvc_engine.machine.measurements import Measured

    words = [preset + suffix, precision, "cuda", *map(str, sizes), "--steps", "15", *more]
    with Child("rvc_engine.training.measure", words) as child:
        return [line for line in child.lines(200) if isinstance(line, Measured)]


def speed() -> Iterator[Figure]:
    for preset in (STARTER, LARGE):
        ways = []
        for way, more in (("graph", ()), ("without", ("--no-graphs",))):
            rows = _measured(preset, "bf16", (8,), *more)
            ways.append(f"{way} {1e3 * 8 / rows[0].samples_per_s:.1f} ms" if rows else f"{way}: nothing measured")
        yield Figure(f"step {preset}", "; ".join(ways))


def memory() -> Iterator[Figure]:
    import torch

    from rvc_engine.machine.measurements import CHECKPOINTED
    from rvc_engine.machine.memory_table import CONTEXT_BYTES, bytes_per_sample, fixed_bytes
    from rvc_engine.presets import PRESETS

    rows = _measured(LARGE, "bf16", (4, 8, 16, 32))
    yield Figure("memory v2-40k", "; ".join(f"batch {r.batch_size} {r.memory_bytes / 1e9:.2f} GB" for r in rows))
    lean = _measured(LARGE, f"bf16{CHECKPOINTED}", (4, 8, 16, 32))
    held = (f"batch {r.batch_size} {r.memory_bytes / 1e9:.2f} GB" for r in lean)
    steps = (f"{1e3 * r.batch_size / r.samples_per_s:.0f} ms" for r in lean if r.samples_per_s)
    less = all(a.memory_bytes < b.memory_bytes for a, b in zip(lean, rows, strict=False)) if lean and rows else None
    yield Figure("checkpointing v2-40k", "; ".join(" ".join(pair) for pair in zip(held, steps, strict=False)), less)
    preset, worst = PRESETS[LARGE + suffix], 0.0
    for row in rows:
        estimate = fixed_bytes(preset, "cuda") + row.batch_size * bytes_per_sample(preset, "bf16")
        worst = max(worst, abs(estimate - row.memory_bytes - CONTEXT_BYTES) / (row.memory_bytes + CONTEXT_BYTES))
    before = torch.cuda.mem_get_info()[0]  # the context of this process is there now
    yield Figure("advisor", f"at most {worst:.0%} off; {before / 1e9:.1f} GB free beside a context", worst <= 0.1)


def profile() -> Iterator[Figure]:
    import torch
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiled

    trainer, state, batch = _trainer(LARGE, 8, "bf16")
    for _ in range(4):
        trainer.step(batch, state.noise).numbers()
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(5):
        trainer.step(batch, state.noise).numbers()
    wall = (time.perf_counter() - started) / 5
    with profiled(activities=[ProfilerActivity.CUDA]) as profiler:
        trainer.step(batch, state.noise).numbers()
        torch.cuda.synchronize()
    kernels = [event for event in profiler.events() if event.device_type.name == "CUDA"]
    busy = sum(event.device_time for event in kernels) / 1e6
    yield Figure("busy", f"{busy / wall:.0%}: {1e3 * busy:.1f} ms of {1e3 * wall:.1f}, {len(kernels)} kernels")
    print(profiler.key_averages().table(sort_by="self_cuda_time_total", row_limit=25, max_name_column_width=70))


def graph() -> Iterator[Figure]:
    import torch

    from rvc_engine.training.graphs import GraphedSteps

    trainer, state, batch = _trainer(LARGE, 8, "bf16")
    steps = GraphedSteps(trainer, torch.device("cuda"), state.noise.generator)
    losses = [steps.step(batch, state.noise).numbers()["loss/g/mel"] for _ in range(30)]
    falls = sum(losses[-5:]) < sum(losses[:5])
    yield Figure("graph", f"the mel loss of 30 steps on one batch: {losses[0]:.2f} to {losses[-1]:.2f}", falls)


def saves() -> Iterator[Figure]:
    import tempfile
    from threading import Thread

    import torch

    from rvc_engine.training.graphs import GraphedSteps
    from rvc_engine.training.snapshot import HostMemory
    from rvc_engine.training.store import CheckpointStore
    from rvc_engine.workspace import Workspace

    trainer, state, batch = _trainer(LARGE, 8, "bf16")
    steps = GraphedSteps(trainer, torch.device("cuda"), state.noise.generator)

    def seconds(work: Callable[[], Any]) -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    def step() -> None:
        steps.step(batch, state.noise).numbers()

    alone = [seconds(step) for _ in range(30)][-20:]
    memory = HostMemory()
    held = [memory.snapshot(state)]
    stops = seconds(state.is_finite) + seconds(lambda: memory.snapshot(state))
    with tempfile.TemporaryDirectory() as folder:
        store = CheckpointStore(Workspace(Path(folder)).experiment("voice"))
        thread, meanwhile = Thread(target=store.write_state, args=held), []
        started = time.perf_counter()
        thread.start()
        while thread.is_alive():
            meanwhile.append(seconds(step))
        wrote = time.perf_counter() - started
    means = [1e3 * sum(times) / max(1, len(times)) for times in (alone, meanwhile)]
    value = f"{held[0].bytes / 1e9:.2f} GB: stops for {stops:.2f} s, written in {wrote:.2f} s; a step meanwhile"
    yield Figure("saves", f"{value} {means[1]:.1f} ms, alone {means[0]:.1f} ms", len(meanwhile) > 1 and stops < wrote)


def _trainer(preset: str, size: int, precision: str) -> Any:
    import torch

    from rvc_engine.presets import model_config
    from rvc_engine.training.measure import random_batch
    from rvc_engine.training.state import TrainingState
    from rvc_engine.training.train_config import TrainConfig
    from rvc_engine.training.trainer import Trainer

    config, device = model_config(preset + suffix), torch.device("cuda")
    state = TrainingState.fresh(config, TrainConfig(epochs=1, precision=precision), device)
    trainer = Trainer(state.generator, state.optimizer, state.adversary, state.precision, state.train_config)
    return trainer, state, random_batch(config, size).to(device)


def listening() -> Iterator[Figure]:
    import copy

    import numpy as np
    import torch

    from rvc_engine.content.hubert import Hubert
    from rvc_engine.content.hubert_config import HubertConfig
    from rvc_engine.content.hubert_content import HubertEncoder
    from rvc_engine.machine.device import use_device

    use_device("cuda")
    torch.manual_seed(0)
    network = Hubert(HubertConfig(), 12, projected=False).eval().requires_grad_(False)
    lengths = [16000 * seconds + 77 * i for i, seconds in enumerate((1, 1, 2, 3, 9))]
    waves = [np.random.default_rng(i).standard_normal(n).astype(np.float32) * 0.1 for i, n in enumerate(lengths)]
    wanted = HubertEncoder("hubert", 768, copy.deepcopy(network), "cpu").encode(waves)
    found, holds = [], True
    for precision in ("fp32", "fp16", "bf16"):
        made = HubertEncoder("hubert", 768, copy.deepcopy(network), "cuda", precision=precision).encode(waves)
        cosines = [
            float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b)) for a, b in zip(made, wanted, strict=True)
        ]
        holds = holds and all(cosine > 0.999 for cosine in cosines)  # not where one is not a number
        found.append(f"{precision} {min(cosines):.5f}")
    yield Figure("hubert", "; ".join(found), holds)


def together() -> Iterator[Figure]:
    import copy

    import numpy as np
    import torch

    from rvc_engine.content.base import TOGETHER
    from rvc_engine.content.hubert import Hubert
    from rvc_engine.content.hubert_config import HubertConfig
    from rvc_engine.content.hubert_content import HubertEncoder
    from rvc_engine.machine.device import use_device

    use_device("cuda")
    torch.manual_seed(0)
    network = Hubert(HubertConfig(), 12, projected=False).eval().requires_grad_(False)
    waves = [np.random.default_rng(i).standard_normal(48000).astype(np.float32) * 0.1 for i in range(4 * TOGETHER)]
    made, speeds = [], []
    for size in (1, TOGETHER):
        encoder = HubertEncoder("hubert", 768, copy.deepcopy(network), "cuda", size, "fp16")
        encoder.encode(waves)
        started = time.perf_counter()
        made.append(encoder.encode(waves))
        speeds.append(len(waves) / (time.perf_counter() - started))
    cosines = [float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b)) for a, b in zip(*made, strict=True)]
    value = f"{min(cosines):.6f}; clips of 3 s a second, fp16: {speeds[1]:.0f}, one at a time {speeds[0]:.0f}"
    yield Figure("together", value, min(cosines) > 0.9999)


def pitch() -> Iterator[Figure]:
    import numpy as np

    from rvc_engine.pitch import track

    phase = 2 * np.pi * np.cumsum(150 + 50 * np.sin(np.arange(48000) / 8000)) / 16000
    wave = (0.3 * np.sin(phase)).astype(np.float32)
    on_gpu, on_cpu = (track("fcpe", wave, device=device) for device in ("cuda", "cpu"))
    off = float(np.abs(on_gpu - on_cpu).max())
    yield Figure("fcpe", f"at most {off:.3f} Hz apart", off < 1.0)


def training() -> Iterator[Figure]:
    from gpu_training import stopped_and_resumed

    yield Figure("training", *stopped_and_resumed(LARGE + suffix, 32 if suffix else 96))


def ranks() -> Iterator[Figure]:
    from gpu_training import in_one_rank

    yield Figure("ranks", *in_one_rank(STARTER + suffix))


def full() -> Iterator[Figure]:
    from gpu_training import out_of_memory

    yield Figure("memory runs out", *out_of_memory(LARGE + suffix, (64 << 20) if suffix else (5 << 30)))


def data() -> Iterator[Figure]:
    from gpu_training import batches, steps_with_data

    clips = 32 if suffix else 96
    yield Figure("data", *batches(LARGE + suffix, clips))
    yield Figure("data step", steps_with_data(LARGE + suffix, clips))


def resume() -> Iterator[Figure]:
    def after(made: Any, steps: int) -> Any:
        """The state after so many steps with what `_trainer` gives."""
        trainer, state, batch = made
        for _ in range(steps):
            trainer.step(batch, state.noise).numbers()
        return state

    def fresh() -> Any:
        return _trainer(STARTER, 4, "bf16")

    def apart(a: Any, b: Any) -> float:
        pairs = zip(a.generator.state_dict().values(), b.generator.state_dict().values(), strict=True)
        return max(float((x - y).abs().max() / x.abs().max().clamp(min=1e-9)) for x, y in pairs)

    whole, again, half, resumed = after(fresh(), 6), after(fresh(), 6), after(fresh(), 3), fresh()
    resumed[1].load_pair(half.pair(), {"G": "G", "D": "D"})
    resumed[1].load_rest(half.rest())
    twice, stopped = apart(whole, again), apart(whole, after(resumed, 3))
    value = f"6 and 6 steps: {twice:.2g} apart; 6 and 3 + 3: {stopped:.2g}"
    yield Figure("resume", value, stopped <= max(3 * twice, 1e-6))


PARTS: dict[str, tuple[Callable[[], Iterator[Figure]], int]] = {
    "machine": (machine, 25),
    "pitch": (pitch, 25),
    "listening": (listening, 30),
    "together": (together, 30),
    "resume": (resume, 25),
    "graph": (graph, 30),
    "profile": (profile, 30),
    "saves": (saves, 30),
    "speed": (speed, 50),
    "data": (data, 30),
    "memory": (memory, 50),
    "training": (training, 50),
    "ranks": (ranks, 30),
    "full": (full, 35),
    "numerics": (numerics, 100),
}
"""Name: what it does, and its seconds. What a part does not need, the ones after it may use."""


# --- all of them ------------------------------------------------------------------------------------------------------
def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=PARTS, help="run only this part; may be repeated")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where to write the results")
    parser.add_argument("--no-table", action="store_true", help="do not write docs/gpu.md")
    parser.add_argument("--table", type=Path, nargs="*", metavar="FILE", help="only make docs/gpu.md of these results")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--tiny", action="store_true", help=argparse.SUPPRESS)  # small networks, no claims
    options = parser.parse_args()
    if options.part:
        global suffix
        suffix = "-tiny" if options.tiny else ""
        for figure in PARTS[options.part][0]():
            print(json.dumps(asdict(figure)), flush=True)
        return 0
    if options.table is not None:
        PAGE.write_text(table([json.loads(path.read_text()) for path in options.table]))
        return 0
    import torch

    from rvc_engine.disk import write_whole

    if not torch.cuda.is_available():
        print("There is no GPU here that torch can use; rvc doctor shows why.", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no part is left

    def keep(result: dict[str, Any]) -> None:
        write_whole(options.json, json.dumps(result, indent=1) + "\n")
        if not options.no_table and not options.tiny:
            write_whole(PAGE, table([result]))

    limits = {name: PARTS[name][1] for name in options.only or PARTS}
    words = ["--tiny"] if options.tiny else []
    result = run(limits, lambda name: [sys.executable, __file__, "--part", name, *words], keep)
    return 0 if not result["unfinished"] and all(row["holds"] is not False for row in result["figures"]) else 1


if __name__ == "__main__":
    raise SystemExit(main())
