"""Words of the engine: doctor."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "codecs": "codecs in",
    "codecs_out": "codecs out",
    "terminal_size": "terminal size",
    "pip_install_av": "pip install av",
    "none_only_preset_starter_works": "none: only the preset starter works",
    "rvc_assets_pull_v2_40k": "rvc assets pull v2-40k",
    "output_does_not_go_terminal": "output does not go to a terminal",
    "app_needs_one_rvc_run": "the app needs one; rvc run works without",
    "export_term_xterm_256color_use": "export TERM=xterm-256color, or use rvc-tui --plain",
    "app_wants_80x24_more": "the app wants 80x24 or more",
    "export_lc_all_c_utf": "export LC_ALL=C.UTF-8, or use rvc-tui --ascii",
    "pip_install_force_reinstall_av": "pip install --force-reinstall av (its wheel has them)",
    "not_published_file": "{path} is not the published file",
    "rvc_assets_pull_replaces": "rvc assets pull {presets} replaces it",
    "rvc_assets_pull": "rvc assets pull {preset}",
    "not_set": "not set",
    "gb_free_gb": "{gpu}: {free} GB free of {total} GB{capability}",
    "compute_capability": ", compute capability {capability}.{capability_2}",
    "pip_install_torch_built_cuda": "pip install a torch built for CUDA: https://pytorch.org/get-started/locally",
    "bf16_fp16": "bf16 and fp16",
    "unknown_version": "of unknown version",
    "hidden_cuda_visible_devices": "{found}; hidden by CUDA_VISIBLE_DEVICES={chosen}",
    "unset_use_gpu": "unset it to use this GPU",
    "other_programs_hold_memory_nvidia": (
        "other programs hold its memory: nvidia-smi names them; rvc advise finds what fits"
    ),
    "update_driver_cuda_install_torch": (
        "update the driver for CUDA {cuda}, or install a torch built for an older CUDA"
    ),
    "install_torch_whose_cuda_supports": "install a torch whose CUDA supports this GPU, or use --device cpu",
    "computes_wrong_sums": "it computes wrong sums",
    "use_another_gpu": "use another GPU",
    "pynvml_not_installed": "pynvml is not installed",
    "pip_install_nvidia_ml_py": "pip install nvidia-ml-py",
    "gpu_needs_nvidia_driver_nvidia": (
        "a GPU needs NVIDIA's driver (nvidia-smi shows it); without one --preset starter trains"
    ),
    "switched": "switched on",
    "cuda_visible_devices_mig_chooses": "CUDA_VISIBLE_DEVICES=MIG-... chooses a slice (nvidia-smi -L lists them)",
    "pip_install_torch": "pip install torch",
    "torch_built_cpus": "torch is built for CPUs",
    "torch_sees_no_gpu": "torch sees no GPU",
    "gradients_right_worst_off_s": (
        "gradients are right: the worst, of {part}, is off by {reason:.2%}; {seconds:.1f} s"
    ),
    "each_mode_against_float32_cpu": "{preset} on {name_of}, each mode against float32 on the CPU",
    "training_here_does_not_use": "a training here does not use this mode by itself",
    "no_mode_computes_right_here": "no mode computes right here",
    "use_device_cpu_another_driver": "use --device cpu, another driver or another torch",
    "training_here_uses": "a training here uses {mode}",
    "training_here_uses_instead": "a training here uses {mode} instead of {precision}",
    "another_driver_torch_may_fix": "another driver or torch may fix it",
    "pip_install_upgrade_torch_newer": "pip install --upgrade torch ({map} or newer)",
    "pip_install_rvc_tui_all": 'pip install "rvc-tui[all]" brings every method',
    "gb_free_gb_cores": "{available:.1f} GB free of {total:.1f} GB, {cpu_count} cores",
    "start_container_shm_size_1g": "start the container with --shm-size=1g",
    "free_some_space_use_another": "free some space, or use another --home: a training takes 2 to 5 GB",
    "use_preset_starter_small_batches": "use --preset starter and small batches",
    "shared_memory": "shared memory",
    "mb_free_dev_shm": "{room:.0f} MB free in /dev/shm",
    "gb_free": "{free:.1f} GB free for {home}",
    "use_python_3_10_newer": "use Python 3.10 or newer",
    "not_usable": "not usable: {missing} ({first}: {first_2})",
    "pip_install_upgrade_rvc_tui": "pip install --upgrade rvc-tui",
    "all_can_be_imported": "all {count} can be imported",
    "pip_install_huggingface_hub_copy": (
        "pip install huggingface_hub, or copy weights by hand (rvc assets list names them)"
    ),
    "pip_install_psutil": "pip install psutil",
    "not_virtual_environment": "{found}, not in a virtual environment",
    "pip_install_upgrade": "pip install --upgrade {install}",
    "can_be_written": "{home} can be written to",
    "use_folder_your_own_home": "use a folder of your own: --home DIR or RVC_HOME",
    "pip_install": "pip install {name}",
    "cannot_be_examined": "cannot be examined: {reason}",
    "pip_install_force_reinstall_rvc": "pip install --force-reinstall rvc-tui",
}
