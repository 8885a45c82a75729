"""Words of the engine: machine."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "no_device": Words("There is no device {device!r}", "", "use auto, cpu, cuda or cuda:N"),
    "device_not_available": Words("Device {device} is not available", "", "use --device cpu or auto"),
    "gpus_visible": "{count} GPUs are visible",
    "no_preset": Words("There is no preset {preset!r}", "", "choose one of: {public_presets}"),
    "fp16_does_not_train_cpu": Words("fp16 does not train on a CPU", "", "use precision fp32 or bf16"),
    "not_even_1_fits_free": "Not even 1 fits: free memory, or choose a smaller preset.",
    "free_memory_left_free": "{margin:.0%} of the free memory is left free.",
    "measured_now": "Measured now",
    "measured_machine_before": "Measured on this machine before",
    "batch_sizes": "{words} at batch sizes {rows}.",
    "mig_numbers_those_whole_card": "MIG is on: the numbers are those of the whole card, a slice has less.",
    "batch_each_gpu_own_least": "The batch is each GPU's own; of {count}, {device} has the least room.",
    "what_other_processes_hold_not": "What other processes hold is not told here.",
    "memory_estimated_preset_shapes_rvc": (
        "Memory is estimated from the preset's shapes; rvc advise --measure runs real steps."
    ),
    "does_not_report_memory_main": "{gpu} does not report memory{value}: this is the main memory.",
    "starter_hears_short_window_each": "The starter hears a short window of each clip: 8 fill a step.",
    "so_few_clips_still_makes": "With so few clips, {size} still makes about {steps_an_epoch} steps an epoch.",
    "no_more_than_fits_memory": "No more than {largest} fits in memory.",
    "how_much_audio_not_known": (
        "How much audio there is is not known before preprocess; 4 suits less than 30 minutes."
    ),
    "minutes_audio_below_30_small": (
        "{minutes:.1f} minutes of audio: below 30, small batches of 4 learn more from each clip."
    ),
    "minutes_audio_30_8_steadier": "{minutes:.0f} minutes of audio: from 30 on, 8 is steadier.",
    "cuda_visible_devices_hides_them": "CUDA_VISIBLE_DEVICES hides them",
    "out_memory": Words("Out of memory", "", "lower --batch-size, or free memory that other programs hold"),
    "device_not_available_2": Words(
        "Device {name} is not available",
        "torch sees {device_count} CUDA devices",
        "use --device cpu or auto",
    ),
    "train_gpus_all_but_no": Words(
        "train.gpus is all, but there is no GPU",
        "torch sees no CUDA device",
        "leave train.gpus empty",
    ),
    "train_gpus_names_devices_two": Words(
        "train.gpus = {gpus!r} names devices of two kinds, or one twice",
        "",
        "write it as 0,1 or all",
    ),
    "fp16_no_use_cpu": Words(
        "fp16 is no use on a CPU",
        "CPUs compute it slower than fp32",
        "use precision fp32 or bf16",
    ),
    "no_device_2": Words("There is no device {name!r}", "", "use auto, cpu, cuda or cuda:N"),
    "pynvml_not_installed": "pynvml is not installed",
    "driver_shows_no_gpu": "the driver shows no GPU",
    "no_nvidia_driver": "no NVIDIA driver ({words})",
    "driver_does_not_list_gpus": "the driver does not list its GPUs ({words})",
    "import_rvc_engine_work_train": (
        "import rvc_engine.work.train, rvc_engine.training.measure as measure; measure.main()"
    ),
    "last_training_here_held_gb": (
        "The last training here, with {batch_size}, held {memory_bytes:.2f} GB: {reason} % from what is predicted."
    ),
    "system_ended_most_likely_memory": "the system ended it, most likely for memory",
    "measurement_could_not_be_kept": "The measurement could not be kept in {path}: {why}.",
    "ended_exit_code": "it ended with exit code {number}",
    "took_longer_than_s": "it took longer than {measure_s:.0f} s",
    "measurement_ended_early": "The measurement ended early: {why}.",
    "exit_code": "exit code {returncode}",
    "ended_early": "it ended early: {last}",
    "took_longer_than_s_2": "it took longer than {trial_s:.0f} s",
    "worker_processes_cannot_share_memory": Words("Worker processes cannot share memory", "/dev/shm: {reason}"),
    "worker_process_ended_unexpectedly": Words(
        "A worker process ended unexpectedly",
        "most often the machine's memory ran out",
    ),
    "make_dev_shm_writable_large": (
        "make /dev/shm writable and large enough: docker run --shm-size 1g, or mount -o remount,rw,size=1g /dev/shm"
    ),
    "run_same_command_again_workers": "run the same command again; with --workers 1 it needs the least memory",
}
