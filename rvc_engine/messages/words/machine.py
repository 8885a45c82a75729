"""Words of the engine: devices, GPUs, worker processes, memory and the batch size that fits."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    # devices
    "no_device": Words("There is no device {name!r}", "", "use auto, cpu, cuda or cuda:N"),
    "device_not_available": Words("Device {name} is not available", "", "use {set.train.device} cpu or auto"),
    "gpus_seen_by_torch": Plural("torch sees {count} CUDA device", "torch sees {count} CUDA devices"),
    "gpus_visible": Plural("{count} GPU is visible", "{count} GPUs are visible"),
    "all_of_no_gpu": Words(
        "train.gpus is all, but there is no GPU", "torch sees no CUDA device", "leave train.gpus empty"
    ),
    "gpus_mixed": Words("train.gpus = {gpus!r} names devices of two kinds, or one twice", "", "write it as 0,1 or all"),
    "fp16_does_not_train_on_cpu": Words("fp16 does not train on a CPU", "", "use precision fp32 or bf16"),
    "fp16_no_use_on_cpu": Words(
        "fp16 is not useful on a CPU", "CPUs compute it slower than fp32", "use precision fp32 or bf16"
    ),
    "out_of_memory": Words(
        "Out of memory", "{reason}", "lower {set.train.batch_size}, or free memory that other programs hold"
    ),
    # GPUs
    "no_pynvml": "pynvml is not installed",
    "no_gpu_of_driver": "the driver shows no GPU",
    "no_driver": "no NVIDIA driver ({reason})",
    "gpus_not_listed": "the driver does not list its GPUs ({reason})",
    "gpus_hidden": "CUDA_VISIBLE_DEVICES hides them",
    "driver_fails": "the NVIDIA driver fails ({reason})",
    "driver_silent": "the NVIDIA driver does not answer",
    # there is a GPU, and torch cannot use it
    "gpu_unused": "{title} ({cause}); {fix}.",
    "driver_too_old": Words(
        "The CPU is used instead of {gpu}: the NVIDIA driver is too old",
        "torch's CUDA {cuda} needs driver {needed} or newer; this one is {driver}",
        "update the NVIDIA driver, or install a torch for an older CUDA",
    ),
    "gpu_not_usable": Words(
        "The CPU is used instead of {gpu}: torch cannot use this GPU",
        "torch is built for CUDA {cuda}, the driver is {driver}",
        "{do.doctor} shows what is wrong",
    ),
    "torch_without_cuda": Words(
        "The CPU is used instead of {gpu}: torch has no CUDA support",
        "the installed torch is built for CPUs",
        "pip install a torch built for CUDA: https://pytorch.org/get-started/locally",
    ),
    # which batch size: its reasons
    "short_windows": "The starter trains on a short window of each clip: a step takes 8 of them.",
    "unknown_minutes": "The amount of audio is not known before preprocess; 4 suits less than 30 minutes.",
    "few_minutes": "{minutes:.1f} minutes of audio: below 30, small batches of 4 learn more from each clip.",
    "many_minutes": "{minutes:.0f} minutes of audio: from 30 on, 8 is steadier.",
    "few_clips": "With so few clips, {size} still makes about {steps} steps an epoch.",
    "largest": "No more than {size} fits in memory.",
    "nothing_fits": "Not even 1 fits: free memory, or choose a smaller preset.",
    "checkpointing_on": "With gradient checkpointing; without it, which is faster, {without} would fit.",
    "checkpointing_off": (
        "With gradient checkpointing ({set.train.checkpointing} on), which makes steps slower, {size} would fit."
    ),
    "only_checkpointed": (
        "{recommended} fits only with gradient checkpointing, which {set.train.checkpointing} auto then turns on; "
        "without it {without} fits, with it {size}."
    ),
    "left_free": "Keeps {share:.0%} of the free memory as headroom.",
    "smallest_decides": "The batch size is per GPU; of {count}, {device} has the least free memory.",
    "no_gpu": "No GPU: {reason}.",
    "mig": "MIG is on: the numbers are those of the whole GPU, a slice has less memory.",
    "memory_not_reported": "{gpu} does not report memory: this is the main memory.",
    "memory_of_mig_not_reported": "{gpu} does not report memory (MIG is on): this is the main memory.",
    "others_not_reported": "The memory that other processes use is not reported here.",
    # where its numbers come from
    "estimated": "Memory is estimated from the preset's shapes; {do.measure} runs real steps.",
    "measured_now": "Measured now at batch sizes {sizes}.",
    "measured_before": "Measured on this machine before at batch sizes {sizes}.",
    "last_use": (
        "The last training here, with {batch_size}, used {gigabytes:.2f} GB: {error_percent} % off the prediction."
    ),
    "measurement_not_kept": "The measurement could not be kept in {path}: {reason}.",
    "measurement_ended": "The measurement ended early: {reason}.",
    # processes
    "killed": "the system killed it, most likely because memory ran out",
    "exit_code": "it ended with exit code {exit_code}",
    "too_slow": "it took longer than {seconds:.0f} s",
    "ended_early": "it ended early: {reason}",
    "ended_early_exit_code": "it ended early: exit code {exit_code}",
    "no_shared_memory": Words(
        "Worker processes cannot share memory",
        "/dev/shm: {reason}",
        "make /dev/shm writable and large enough: docker run --shm-size 1g, or mount -o remount,rw,size=1g /dev/shm",
    ),
    "worker_ended": Words(
        "A worker process ended unexpectedly",
        "most often the machine's memory ran out",
        "run the same command again; with {flag.workers} 1 it needs the least memory",
    ),
}
