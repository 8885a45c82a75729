"""Words of the engine: training."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "does_not_fit": Words(
        "{path} does not fit",
        "it has {found_rate} Hz and {ndim} axes, the model takes {rate} Hz mono",
    ),
    "damaged": Words("{coarse} is damaged", "coarse pitch lies outside of 0..255"),
    "cannot_be_read": "{path} cannot be read",
    "damaged_2": "it is damaged",
    "too_short": "{wave} is too short",
    "does_not_fit_experiment": Words(
        "{path} does not fit this experiment",
        "it is {thing}{unusual}, this experiment is {preset} and needs {own}",
    ),
    "no_pretrained_file_can_be": "{path} is no pretrained file that can be read",
    "does_not_fit_experiment_2": "{path} does not fit this experiment",
    "use_files_preset_none_start": "use files of this preset, or none to start from nothing",
    "move_g_d_away_use": "move G_ and D_ away, or use an experiment with the preset that they were made with",
    "unusual_shape": " of an unusual shape{wrong_tensors}",
    "use_new_experiment_preset_move": "use a new experiment with --preset {fitting}{value}, or move G_ and D_ away",
    "speaker_table_rows": "its speaker table has {speakers} rows, that of {preset} has {speakers_2}",
    "start_weights_move_g_d": (
        "to start from its weights, move G_ and D_ to another folder and give them as --pretrained-g and --pretrained-d"
    ),
    "training_stopped_not_saved": Words(
        "The training was stopped and not saved",
        "its weights are no longer finite",
    ),
    "training_resumes_after_step": "training resumes after step {saved_step}",
    "not_finite": "not finite",
    "epoch_under_way_starts_again": "The epoch under way starts again",
    "clips_batch_size_changed": "its clips or its batch size changed",
    "tensorboard_log_ends_here": "The TensorBoard log ends here",
    "not_finite_2": "not finite: {value}",
    "gradients_off_more_than": "gradients of {worst} are off by {errors:.0%}, more than {limits:.0%}",
    "out_memory_step_one_clip": "Out of memory at step {step} with one clip a step",
    "text": "{message}; {before}",
    "batch_size_now_instead_stays": (
        "the batch size is now {size} instead of {size_2}, and stays so; the steps since the last save are done again"
    ),
    "training_broke_down_step": "Training broke down at step {step}",
    "clips_not_finite": "the clips were {clips}; not finite: {thing}",
    "look_these_clips_if_happens": "look at these clips if it happens again",
    "step": "{kind} at step {step}: {thing}",
    "use_smaller_preset_device_cpu": "use a smaller preset or --device cpu, or free memory that other programs hold",
    "did_step_too": "it did at step {broke_at} too",
    "lower_learning_rate_look_these": (
        "lower --learning-rate, or look at these clips; the next run resumes from the last checkpoint"
    ),
    "once_more": "once more",
    "fp32_instead_until_run_ends": "in fp32 instead of {old} until this run ends",
    "out_memory_step": "Out of memory at step {step}",
    "steps_since_last_save_done": "{message}; the steps since the last save are done {how}",
    "free_some_space_training_resumes": "free some space; training resumes from step {at}",
    "disk_full_s": "The disk is full, and was for {now:.0f} s",
    "steps_not_saved": "{step} steps are not saved; {message}",
    "mb_free_save_needs_mb": "{free} MB are free, a save needs {needed} MB",
    "written_again": "{names} are written again",
    "they_damaged_not_training": "they were damaged, or not of this training",
    "disk_full": "the disk is full",
    "holds_no_weights": Words("{name} holds no weights", "its model is no dictionary", "choose another file"),
    "does_not_fit_model": Words(
        "{name} does not fit this model",
        "",
        "use the preset it was made with, or another file",
    ),
    "does_not_fit_model_2": Words(
        "{name} does not fit this model",
        "its optimizer does not have the {count} expected entries",
    ),
    "does_not_fit_model_3": Words(
        "{path} does not fit this model",
        "",
        "use the file of this preset, or none to start from nothing",
    ),
    "does_not_fit_model_4": Words("{name} does not fit this model", "", "use another file"),
    "does_not_fit_model_5": Words(
        "{name} does not fit this model",
        "its optimizer's entry {number} has another shape",
    ),
    "move_file_away_resume_older": "move the file away to resume from an older one, or train again with --fresh",
    "fetch_file_again_use_none": "fetch the file again, or use none to start from nothing",
    "missing": "{key} is missing",
    "not_known": "{key} is not known",
    "training_needs": "it is {thing}, this training needs {thing_2}",
    "speaker_table_rows_model_copied": (
        "its speaker table has {count} rows, this model {count_2}: {count_3} were copied"
    ),
    "holds_no_state_beside_g": "it holds no state beside G and D",
    "sums_no_numbers": "its sums are no numbers",
    "more": " and {count} more",
    "text_2": "its {name} is {value}",
    "expected": "{key} is {getattr}, expected {shape}",
    "no_checkpoint_can_be_read": Words(
        "No checkpoint can be read",
        "",
        "put back whole files, or train again with --fresh",
    ),
    "cannot_be_read_2": "{names} cannot be read",
    "not_written_whole": "{path} was not written whole",
    "nothing_changed_run_same_command": "nothing was changed: run the same command again when they can be read",
    "no_resume_file_version": "it is no resume file of this version",
    "holds_no_g_d": "it holds no G and D",
    "no_training_checkpoint": "{path} is no training checkpoint",
    "does_not_say_after_epoch": "{path} does not say after which epoch it was saved",
    "checksum_record_wrong": "the checksum of its record {bad} is wrong",
    "g_d_different_epochs": "G_ and D_ are of different epochs",
    "disk_memory_faulty_training_resumes": (
        "the disk or the memory is faulty; training resumes from the last checkpoint"
    ),
}
