"""What we claim about GPU support, and the page docs/gpu.md that says how each of them is tested."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parent.parent / "docs" / "gpu.md"
NOT_YET = "not yet measured"


@dataclass(frozen=True)
class Claim:
    """`pretended`: the file of its tests on a simulated GPU, empty where only a real one can show it. `key`: of the
    figure that a part of this program measures, empty where there is none."""

    text: str
    pretended: str = ""
    key: str = ""


@dataclass(frozen=True)
class Figure:
    key: str
    value: str
    holds: bool | None = None  # None: a number alone, nothing was claimed


CLAIMS = (
    Claim(
        "With precision `auto`, a GPU of compute capability 8.0 or higher uses bf16, an older one fp16",
        "test_device",
        "machine",
    ),
    Claim("The gradients of a training step agree with those of float32 on the CPU: starter", "", "numerics starter"),
    Claim("The gradients of a training step agree with those of float32 on the CPU: v2-40k", "", "numerics v2-40k"),
    Claim(
        "A training step synchronises with the GPU once, copies no data to it, and has no more operations than the "
        "test allows",
        "test_steps",
    ),
    Claim("With CUDA graphs, a training step is one graph launch, and the loss falls", "test_steps", "graph"),
    Claim("Time of a training step with and without CUDA graphs: v2-40k, batch size 8, bf16", "", "step v2-40k"),
    Claim("Time of a training step with and without CUDA graphs: starter, batch size 8, bf16", "", "step starter"),
    Claim(
        "Other ways of computing a step (channels-last, products, cuDNN's benchmark) are tried once on each GPU, "
        "and those that are right and faster are used (times: in the rows of gradients)",
        "test_tuning",
    ),
    Claim(
        "With training data in GPU memory, a batch is one small copy, and equals one that the CPU makes (spectrograms "
        "up to rounding)",
        "test_data",
        "data",
    ),
    Claim("Time of a training step with and without training data in GPU memory: v2-40k, bf16", "", "data step"),
    Claim("GPU memory that a v2-40k training needs, by batch size, bf16", "test_steps", "memory v2-40k"),
    Claim(
        "GPU memory and time of a v2-40k training step with gradient checkpointing, by batch size, bf16: less memory "
        "than without",
        "test_checkpointing",
        "checkpointing v2-40k",
    ),
    Claim("Gradient checkpointing turns on where the batch does not fit, or when memory runs out", "test_runs"),
    Claim("The advisor's memory estimate is at most 10 % off", "", "advisor"),
    Claim("Share of a training step without CUDA graphs in which the GPU computes", "", "busy"),
    Claim(
        "HuBERT on the GPU, also in fp16 and bf16, gives the features of float32 on the CPU (cosine similarity above "
        "0.999)",
        "test_listening",
        "hubert",
    ),
    Claim(
        "Content features of up to 32 clips of one length take as many operations, copies and waits as those of one, "
        "and equal those of one at a time (cosine similarity above 0.9999)",
        "test_listening",
        "together",
    ),
    Claim("Features that run out of GPU memory halve their batch size", "test_listening"),
    Claim(
        "Pitch that runs out of GPU memory continues with fewer clips, then smaller parts, then on the CPU",
        "test_pitch_memory",
    ),
    Claim(
        "Features, pitch and conversion run on the GPU and wait no more often than the test allows", "test_listening"
    ),
    Claim(
        "While the GPU converts a recording, a CPU reads the next one, with its pitch where a CPU tracks it, and "
        "levels and writes the last",
        "test_listening",
    ),
    Claim("FCPE gives the same pitch on the GPU as on the CPU, within 1 Hz", "test_listening", "fcpe"),
    Claim(
        "A run saves, stops and resumes without losing or repeating a step (simulated: all stages; real: training)",
        "test_runs",
        "training",
    ),
    Claim(
        "Training continues while a checkpoint is written; it stops only for the copy to the host",
        "test_saves",
        "saves",
    ),
    Claim("Training with `train.gpus` (simulated: two GPUs; real: one process, with NCCL)", "test_runs", "ranks"),
    Claim(
        "A training that runs out of GPU memory halves its batch size and finishes",
        "test_runs",
        "memory runs out",
    ),
    Claim("A run that is out of GPU memory elsewhere ends with a clear error", "test_runs"),
    Claim(
        "Resuming is exact: 3 steps, saving, loading and 3 more steps differ from 6 steps at most three times as much "
        "as two runs of 6 steps differ from each other",
        "",
        "resume",
    ),
)


def table(results: list[dict[str, Any]]) -> str:
    """`results`: oldest first; a later figure replaces an earlier one of its key."""
    figures = {
        figure["key"]: {**figure, "when": f"{result['commit']}, {result['date']}"}
        for result in results
        for figure in result["figures"]
    }
    lines = [
        "# GPU support: what we claim, and how it is checked",
        "",
        "- **Simulated GPU**: `tests/gpu` runs torch's CUDA build on stubs of the CUDA driver and runtime, on",
        "  Linux without a GPU. Memory, operations, copies, synchronisation and running out of memory behave as on a",
        "  GPU, but nothing is computed: for claims about results or speed, the tests only show that the code runs.",
        "- **Real GPU**: `make gpu-check` measures it on a machine with an NVIDIA GPU, and writes this page.",
        "",
    ]
    if not figures:
        lines += ["**No real GPU has been measured yet.**", ""]
    lines += ["| claim | simulated GPU | real GPU | commit, date |", "|---|---|---|---|"]
    for claim in CLAIMS:
        test = f"`tests/gpu/{claim.pretended}.py`" if claim.pretended else ""
        figure = figures.get(claim.key)
        real, when = (NOT_YET if claim.key else ""), ""
        if figure is not None:
            mark = {True: "holds: ", False: "**does not hold**: ", None: ""}[figure["holds"]]
            real, when = mark + figure["value"].replace("|", "/"), figure["when"]
        lines.append(f"| {claim.text} | {test} | {real} | {when} |")
    unfinished = results[-1].get("unfinished", {}) if results else {}
    if unfinished:
        parts = "; ".join(f"{name} ({why})" for name, why in unfinished.items())
        lines += ["", f"Parts of `make gpu-check` that did not finish: {parts}."]
    return "\n".join([*lines, *launches(), *half_precision()]) + "\n"


@dataclass(frozen=True)
class Work:
    """Counted by gpu_operations.py. `key`: there."""

    key: str
    text: str
    operations: int
    copies: int
    waits: int
    gflop: float

    @property
    def bound_above(self) -> float:
        """TFLOP/s of a GPU that has done an operation when Python has started the next."""
        return self.gflop / self.operations * 1e-3 / (STARTED_US * 1e-6)


STARTED_US = 10
"""Assumed: what Python takes to start an operation."""
WORK = (
    Work("features", "HuBERT base, 32 clips of 3.7 s", 227, 2, 1, 1688.6),
    Work("convert 3 s", "`rvc convert`, a recording of 3 s (v2-40k, RMVPE, no index)", 1721, 10, 3, 503.3),
    Work("convert 60 s", "`rvc convert`, a recording of 60 s", 3291, 11, 3, 7780.7),
)


def launches() -> list[str]:
    lines = [
        "",
        "## Is it launch bound?",
        "",
        "An estimate: **no real GPU was measured for this table.** Operations, copies and waits are counted on the",
        "simulated GPU, the arithmetic by torch's FlopCounterMode for the same shapes",
        "(`benchmarks/gpu_operations.py`). The last column assumes that Python starts an operation in",
        f"{STARTED_US} µs: a GPU that computes faster than this waits for Python, a slower one is itself the limit.",
        "Networks are in fp16, RMVPE is in float32. What is done to each element, and reading memory, is not in the",
        "GFLOP, so a GPU needs longer than they say.",
        "",
        "| work | operations | copies | waits | GFLOP | launch bound above |",
        "|---|---|---|---|---|---|",
    ]
    for work in WORK:
        counts = f"{work.operations:,} | {work.copies} | {work.waits} | {work.gflop:,.0f}"
        lines.append(f"| {work.text} | {counts} | {work.bound_above:.0f} TFLOP/s |")
    return [
        *lines,
        "",
        "So by this estimate content features and long recordings are not launch bound, and short recordings are, on a",
        "GPU that is not slow. Still they are neither put together nor into CUDA graphs: HuBERT and RMVPE look at the",
        "whole recording, so padding it to a common length would change the result, and what a graph gives cannot be",
        "compared with the right samples without a GPU.",
    ]


def half_precision() -> list[str]:
    """Measured by benchmarks/numerics_limits.py; see there."""
    return [
        "",
        "## How far off a step in bf16 is",
        "",
        "Relative error of the gradients of the part that is furthest off, beside float32, for two draws of the random",
        "numbers. `python benchmarks/numerics_limits.py` on a CPU with bf16, torch 2.14.1, commit 068aec4, 2026-11-29.",
        "The limit of the test before a training is 0.3.",
        "",
        "| preset | part | error |",
        "|---|---|---|",
        *(f"| `{preset}` | `{part}` | {error} |" for preset, part, error in BF16),
        "",
        "To this end half precision leaves in float32 (`rvc_engine/models/float32.py`): the embedding of the content",
        "features and the attention of the prior encoder; the decoder's source and its convolutions, its last",
        "convolution, and the sums of its last two stages. Before, prior encoder and decoder of `v2-40k` were off by",
        "0.26 each. A step (batch size 4, simulated GPU) now takes 3.20 GB instead of 3.11.",
    ]


BF16 = (
    ("starter", "enc_p", "0.013, 0.018"),
    ("v1-32k", "dec", "0.094, 0.160"),
    ("v1-40k", "dec", "0.074, 0.102"),
    ("v1-48k", "dec", "0.101, 0.116"),
    ("v2-32k", "dec", "0.047, 0.052"),
    ("v2-40k", "dec", "0.060, 0.060"),
    ("v2-48k", "dec", "0.046, 0.052"),
)
