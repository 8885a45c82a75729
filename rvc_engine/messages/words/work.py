"""Words of the stages' work: preprocessing, pitch, features, training, index, encoder, base and conversion."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    # clips
    "folder_in_place": "{path} is a folder: move it away",
    "unexpected": "unexpected {kind}: {reason}",
    # preprocessing
    "recordings_changed": "recordings were removed or changed",
    # speakers
    "no_folder_of_speaker": Words(
        "A recording has no speaker",
        "it is in {dataset} itself",
        "move it into a folder of its speaker's name",
    ),
    "one_number_twice": Words("Two speakers have the same number", "{names}", "give each folder a number of its own"),
    "too_many_speakers": Words("There are too many speakers", "", "use fewer folders, or numbers as their names"),
    "folders_reach": Plural(
        "{count} folder reaches row {highest}, and {preset} has rows 0..{last}",
        "{count} folders reach row {highest}, and {preset} has rows 0..{last}",
    ),
    "subfolders_off": Words(
        "Speakers by folder need sub-folders",
        "preprocess.subfolders is off",
        "add {flag.set} preprocess.subfolders=true",
    ),
    # pitch and features
    "no_clip_to_track": Words(
        "No clip to track the pitch of",
        "{folder} has none that can be read",
        "run preprocess again",
    ),
    "out_of_memory_in_tracker": Words(
        "Out of memory in the pitch tracker", "", "free memory, or use {set.pitch.device} cpu"
    ),
    "no_features": Words("No clip gives content features", "", "run preprocess again with {flag.fresh}"),
    "clips_tried": Plural("{count} clip was tried", "{count} clips were tried"),
    "out_of_memory_in_encoder": Words(
        "Out of memory in the content encoder",
        "",
        "free memory, or use {set.features.device} cpu",
    ),
    "features_not_finite": "its content features are not finite",
    # index
    "nothing_to_index": Words("There are no features to index", "", "{do.features} makes them"),
    "unusable_files": Plural("{count} file cannot be used: {reason}", "{count} files cannot be used: {reason}"),
    "nothing_usable_to_index": Words("There are no features to index", "none of them can be used"),
    "unusable_features": "its features cannot be used: {reason}",
    "index_replaced": "another index took its place",
    "no_index": Words("{name} has no index", "", "{do.index} builds it"),
    "index_of_other_encoder": Words(
        "{path} was made with another encoder", "{encoder}, {dim} wide", "{do.index_fresh}"
    ),
    # which clips a training uses
    "no_clip": Words(
        "There is no clip to train on",
        "",
        "{do.run_any} runs the stages before it; longer recordings give longer clips",
    ),
    "no_clip_there": "{folder} is empty",
    "no_clip_usable": Plural("{count} clip, because {reason}", "{count} clips, the first because {reason}"),
    "clip_lacks": Plural("it has no {folders}", "it has none of these: {folders}"),
    "clip_too_short": "it is shorter than a training slice of {least} ms",
    "of_another_clip": "{path} belongs to another clip: {seconds:.1f} s of {whole:.1f} s",
    "changes": "{changes}",
    "clips_added": Plural("{count} clip added", "{count} clips added"),
    "clips_removed": Plural("{count} clip removed", "{count} clips removed"),
    "clips_changed": Plural("{count} clip of changed recordings", "{count} clips of changed recordings"),
    "few_clips": Words(
        "Only {seconds:.0f} s of clips",
        "a voice needs 5 to 60 minutes",
        "add recordings",
    ),
    # what a training starts from
    "no_speaker_row": Words(
        "There is no speaker {speaker}",
        "{preset} has {speakers}",
        "use {set.train.speaker} 0",
    ),
    "pretrained_missing": Words("The pretrained weights of {preset} are missing", "{file} is not in {folder}"),
    "pretrained_g": "{set.train.pretrained_g}",
    "pretrained_d": "{set.train.pretrained_d}",
    "setting_names_it": "{setting} names it",
    "check_path_or_none": "check the path, or use {setting} none",
    "put_there_or_none": "put that file there, or use {setting} none",
    "other_speakers": "{path} has other speakers",
    "other_encoder": Words(
        "{path} was made with another content encoder",
        "the features are those of {used}: put the base's own encoder.safetensors there, or the voice learns much "
        "more slowly",
    ),
    "state_brought": "Training resumes from a loaded training state",
    "resumes_on_other_clips": "Training resumes on a changed set of clips",
    "resumes_with_other_settings": "Training continues with other settings",
    "damaged_checkpoints": Words(
        "Resuming from step {step}: newer checkpoints are damaged",
        "{damaged}; moved to {backup}",
    ),
    "newer_pairs": Words(
        "Resuming from step {step}, though there are newer pairs",
        "G_ and D_ of steps {steps} are not used",
        "to resume from them, move resume.pt and resume-previous.pt away",
    ),
    "no_resume_state": Words(
        "The checkpoint of step {step} has no resume state",
        "the order of clips and the random draws differ from those of an uninterrupted run",
    ),
    "not_trained_on_changed": Words(
        "Nothing was trained on the changed set of clips",
        "epoch {epoch} of {epochs} is reached",
        "{set.train.epochs} {more} continues the training; {flag.fresh} starts over with all of it",
    ),
    "no_tensorboard": Words("No TensorBoard log", "", "pip install tensorboard"),
    # a part of a recording
    "part_at": "{name} at {start:.1f} s",
    # the precision of a training
    "no_graphs": "training runs without CUDA graphs, which may be slower: {reason}",
    "no_checkpointing": "training runs without gradient checkpointing: {reason}",
    "checkpointing": (
        "gradient checkpointing is on, which makes steps slower: {size} clips a step would need about {needed:.1f} GB "
        "of the {free:.1f} GB that are free; {set.train.checkpointing} off prevents it"
    ),
    "data_on_gpu": "the training data is kept on the GPU, where it takes {megabytes:.0f} MB",
    "data_not_on_gpu": (
        "the training data stays in main memory: on the GPU it would take {needed:.1f} GB of the {free:.1f} GB that "
        "are free"
    ),
    "trying_precision": "testing once whether {mode} computes correctly on {device}; this may take some minutes",
    "precision_tried": "{mode} computes correctly on {device}; the test took {seconds:.0f} s",
    "tuned": "on {device} a training step takes {after:.1f} ms with {names}, {before:.1f} ms without: used from now on "
    "({set.train.tuning})",
    "precision_untried": Words(
        "Whether {mode} computes correctly on {device} could not be tested",
        "{reason}",
        "training uses it anyway; {do.numerics} tests it again",
    ),
    "other_precision": "Training in {mode} instead of {asked}",
    "no_precision": "No precision computes correctly on {device}",
    "see_numerics": "{do.numerics} shows it; another driver or torch may fix it",
    "use_cpu": "use {set.train.device} cpu",
    # a training in several processes
    "process_ended": Words(
        "A training process ended",
        "exit code {status}",
        "details are in engine.log; the same command resumes from the last checkpoint",
    ),
    "processes_did_not_save": Words(
        "The training processes were stopped and did not save",
        "",
        "the same command resumes from the last checkpoint",
    ),
    "did_not_end": "they did not end",
    "exit_code": "exit code {status}",
    # the content encoder of a base
    "empty_dataset": Words(
        "The folder {dataset!r} is empty",
        "",
        "put a folder of recordings for each speaker into it",
    ),
    "no_recording": Words("There is no recording to train the encoder on", "", "give other recordings"),
    "recordings_tried": Plural("{count} was tried", "{count} were tried"),
    "encoder_setting_names_it": "{set.encoder.source} {asked} asks for it",
    "train_encoder_or_check_path": "use {set.encoder.source} train, or check the path",
    "not_encoder": Words("{path} is not a content encoder", "", "choose another {set.encoder.source}"),
    "smaller_encoder_batch": "lower {set.encoder.batch}, or free memory that other programs hold",
    "no_labels": Words("No recording has labels", "the encoder learns from the other losses alone"),
    "encoder_state_brought": "The encoder's training resumes from a loaded training state",
    "encoder_state_damaged": "A newer state of the encoder's training is damaged",
    # a base
    "row_of_new_voices": Words(
        "The folder {folder!r} takes row 0",
        "a base keeps that row for new voices",
        "give the folder another name, or a number from 1 on",
    ),
    "no_pair": Words(
        "There is no G_ and D_ pair to make a base from",
        "{folder} has none",
        "run the same command again",
    ),
    "weight_not_finite": Words(
        "The weight {key} cannot be written",
        "it is not finite in half precision",
        "train again with a lower learning rate",
    ),
    "result_unreadable": Words("{path} cannot be read", "", "run the same command again"),
    # training states on their way to another machine
    "no_training_state": Words(
        "{name} has no training state",
        "",
        "training saves one regularly and when it is stopped",
    ),
    "no_training_state_in": Words(
        "There is no training state in {folder}",
        "it has no encoder.json and no train.json",
        "{flag.save_state} makes them",
    ),
    "other_training_state": Words(
        "{path} is not a training state of this version",
        "",
        "save it again with this version",
    ),
    "no_state_readable": Words(
        "No training state of {name} can be read", "", "continue the training to make a new one"
    ),
    # conversion
    "sample_rate_too_low": Words(
        "A sample rate of {sample_rate} Hz is too low",
        "",
        "use 0 for the voice's own, or at least {lowest}",
    ),
    "voice_lacks_speaker": Words("{name} has no speaker {speaker}", "", "use 0..{last}"),
    "name_what_links_name": "give their folders, or what the links point to",
    "out_of_memory": Words(
        "Out of memory", "", "free memory that other programs hold, or use {set.convert.device} cpu"
    ),
    "target_is_folder": Words(
        "{path} is a folder",
        "",
        "choose another {flag.output}, or move that folder out of the way",
    ),
    "target_not_written": Words(
        "{path} cannot be written: {reason}",
        "",
        "choose another {flag.output}, or change its permissions",
    ),
    "try_another_player": "check the recordings with another player",
    "convert_to_wav": "convert it to WAV with another program, and try that",
    "none_converted": "No recording could be converted",
    "some_not_converted": "{count} of {total} recordings could not be converted",
    "first_of_failures": "{name}: {reason} (and {count} more)",
}
