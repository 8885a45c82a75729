"""Words of the training: clips, files to start and resume from, saving, and what it recovers from."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

OR_FRESH = "move the file away to resume from an older one, or train again with {flag.fresh}"

WORDS: dict[str, str | Plural | Words] = {
    # files, and what is to be said of them
    "of_file": "{name}: {reason}",
    "two": "{first} and {second}",
    "is_damaged": "it is damaged",
    # clips
    "wave_unfit": Words(
        "{path} does not fit",
        "it has {found_rate} Hz and {axes} axes, the model takes {rate} Hz mono",
    ),
    "wave_too_short": "{path} is too short",
    "coarse_pitch_range": Words("{path} is damaged", "coarse pitch lies outside of 0..255"),
    # does a file fit an experiment?
    "not_pretrained": "{path} is not a pretrained file that can be read",
    "unfit": "{path} does not fit this experiment",
    "other_kind": "it is {found}, this experiment is {preset} and needs {needed}",
    "unusual_shape": "it is {found} of an unusual shape, this experiment is {preset} and needs {needed}",
    "unusual_tensors": "it is {found} of an unusual shape ({tensors}), this experiment is {preset} and needs {needed}",
    "other_speaker_table": "its speaker table has {rows} rows, that of {preset} has {expected}",
    "use_preset_files": "use files of this preset, or none to train from scratch",
    "start_from_weights": (
        "to start from its weights, move G_ and D_ to another folder and give them as {set.train.pretrained_g} and "
        "{set.train.pretrained_d}"
    ),
    "fitting_preset": "use a new experiment with {flag.preset} {preset}, or move G_ and D_ away",
    "fitting_preset_unpitched": (
        "use a new experiment with {flag.preset} {preset} {flag.no_pitch}, or move G_ and D_ away"
    ),
    "move_pair_away": "move G_ and D_ away, or use an experiment with the preset that they were made with",
    # does a file fit a model?
    "no_weights": Words("{path} holds no weights", "its model is not a dictionary", "choose another file"),
    "unusable_weights": Words("{path} does not fit this model", "", "use another file"),
    "wrong_tensors": Words(
        "{path} does not fit this model",
        "",
        "use the preset it was made with, or another file",
    ),
    "wrong_kind": Words(
        "{path} does not fit this model",
        "it is {found}, this training needs {needed}",
        "use the file of this preset, or none to train from scratch",
    ),
    "wrong_moment_count": Words(
        "{path} does not fit this model",
        "its optimizer does not have the {count} expected entries",
        OR_FRESH,
    ),
    "wrong_moment": Words(
        "{path} does not fit this model",
        "its optimizer's entry {number} has another shape",
        OR_FRESH,
    ),
    "tensor_missing": "{key} is missing",
    "tensor_unknown": "{key} is not known",
    "tensor_shape": "{key} is {found}, expected {expected}",
    "fetch_again": "fetch the file again, or use none to train from scratch",
    "speakers_copied": "its speaker table has {rows} rows, this model {own}: {copied} were copied",
    # checkpoints: reading
    "no_checkpoint": Words(
        "No checkpoint can be read",
        "",
        "restore intact files, or train again with {flag.fresh}",
    ),
    "nothing_changed": "nothing was changed: run the same command again when they can be read",
    "other_resume_format": "it is not a resume file of this version",
    "no_pair": "it holds no G and D",
    "no_state": "it holds no state beside G and D",
    "wrong_state": "its {name} is {value}",
    "wrong_sums": "its sums are not numbers",
    "pair_of_two_epochs": "G_ and D_ are from different epochs",
    "not_checkpoint": "{name} is not a training checkpoint",
    "no_epoch": "{name} does not say after which epoch it was saved",
    "wrong_checksum": "the checksum of its record {record} is wrong",
    # checkpoints: writing
    "not_written_whole": Words(
        "{path} was not written completely",
        "",
        "the disk or the memory is faulty; training resumes from the last checkpoint",
    ),
    "pair_written_again": Words(
        "{first} and {second} are written again",
        "they were damaged, or not of this training",
    ),
    "disk_stays_full": "The disk is full, and has been for {seconds:.0f} s",
    "no_room": "{free} MB are free, a save needs {needed} MB",
    "steps_not_saved": Plural("{count} step is not saved; {reason}", "{count} steps are not saved; {reason}"),
    "free_space": "free some space; training resumes from step {step}",
    "stopped_not_saved": Words(
        "The training was stopped and not saved",
        "its weights are no longer finite",
        "training resumes after step {step}",
    ),
    # epochs
    "epoch_starts_again": Words("The current epoch starts again", "its clips or its batch size changed"),
    "tensorboard_ends": "The TensorBoard log ends here",
    # what a training recovers from
    "no_graphs": Words(
        "CUDA graphs cannot be used here",
        "",
        "training continues without them, which may be slower; with {set.train.cuda_graphs} off they are not tried",
    ),
    "no_data_on_gpu": Words(
        "Batches cannot be made on the GPU here",
        "",
        "training continues with the data in main memory; with {set.train.data_on_gpu} off that is not tried",
    ),
    "out_of_memory": "Out of memory at step {step}",
    "checkpointing": (
        "gradient checkpointing is now on, and stays on: a step keeps less in memory and is slower; "
        "the steps since the last save are repeated"
    ),
    "data_off_gpu": (
        "the training data now stays in main memory, also in later runs; the steps since the last save are repeated"
    ),
    "smaller_batch": (
        "the batch size is now {size} instead of {before}, and stays at that; the steps since the last save "
        "are repeated"
    ),
    "out_of_memory_with_one": Words(
        "Out of memory at step {step} with one clip a step",
        "",
        "use a smaller preset or {set.train.device} cpu, or free memory that other programs hold",
    ),
    "broke_down": "Training diverged at step {step}",
    "not_finite": "the clips were {clips}; not finite: {what}",
    "a_weight": "a weight",
    "once_more": "the steps since the last save are repeated",
    "in_fp32": "the steps since the last save are repeated, in fp32 instead of {precision} until this run ends",
    "look_at_clips": "check these clips if it happens again",
    "broke_before": "it did at step {step} too",
    "lower_rate": (
        "lower {set.train.learning_rate}, or check these clips; the next run resumes from the last checkpoint"
    ),
    # the trial of a precision
    "loss_not_finite": "not finite: the loss",
    "gradients_not_finite": "not finite: gradients of {part}",
    "gradients_off": "gradients of {part} are off by {error:.0%}, more than {limit:.0%}",
}
