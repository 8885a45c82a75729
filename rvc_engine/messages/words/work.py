"""Words of the engine: work."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "folder_takes_row_0": Words("The folder {taken!r} takes row 0", "a base keeps that row for new voices"),
    "no_g_d_pair_make": Words(
        "There is no G_ and D_ pair to make a base of",
        "{folder} has none",
        "run the same command again",
    ),
    "weight_cannot_be_written": Words(
        "The weight {key} cannot be written",
        "it is not finite in half precision",
        "train again with a lower learning rate",
    ),
    "cannot_be_read": Words("{path} cannot be read", "", "run the same command again"),
    "give_folder_another_name_number": "give the folder another name, or a number from 1 on",
    "no_training_state": Words(
        "{name} has no training state",
        "",
        "a training saves one as it goes and when it is stopped",
    ),
    "no_training_state_2": Words(
        "There is no training state in {folder}",
        "it has no encoder.json and no train.json",
        "--save-state makes them",
    ),
    "json_no_training_state_version": Words(
        "{folder}.json is no training state of this version",
        "",
        "save it again with this version",
    ),
    "no_training_state_can_be": Words("No training state of {name} can be read", "", "train on to make a new one"),
    "sample_rate_hz_too_low": Words(
        "A sample rate of {sample_rate} Hz is too low",
        "",
        "use 0 for the voice's own, or at least {lowest_rate}",
    ),
    "no_speaker": Words("{voice_path} has no speaker {speaker}", "", "use 0..{speakers}"),
    "text": "{name}: {reason}{more}",
    "out_memory": Words("Out of memory", "", "free memory that other programs hold, or use --device cpu"),
    "no_recording_could_be_converted": "No recording could be converted",
    "recordings_could_not_be_converted": "{count} of {total} recordings could not be converted",
    "folder": "{target} is a folder",
    "choose_another_output_move_folder": "choose another --output, or move that folder out of the way",
    "more": " (and {count} more)",
    "check_recordings_another_player": "check the recordings with another player",
    "cannot_be_written": "{target} cannot be written: {reason}",
    "choose_another_output_change_permissions": "choose another --output, or change its permissions",
    "convert_wav_another_program_try": "convert it to WAV with another program, and try that",
    "name_their_folders_what_links": "name their folders or what the links name",
    "no_recording_train_encoder": Words(
        "There is no recording to train the encoder on",
        "{count} were tried",
        "give other recordings",
    ),
    "folder_empty": Words(
        "The folder {dataset!r} is empty",
        "",
        "put a folder of recordings for each speaker into it",
    ),
    "no_content_encoder": Words("{path} is no content encoder", "", "choose another --encoder"),
    "lower_encoder_batch_free_memory": "lower --encoder-batch, or free memory that other programs hold",
    "cannot_be_read_2": Words("{own_encoder} cannot be read", "", "run the same command again"),
    "encoder_asks": "--encoder {asked} asks for it",
    "use_encoder_train_check_path": "use --encoder train, or check the path",
    "no_file": "There is no file {path}",
    "no_file_pretrained": "There is no file pretrained/{weights}",
    "no_recording_labels": "No recording has labels",
    "encoder_learns_other_losses_alone": "the encoder learns from the other losses alone",
    "encoder_training_resumes_state_brought": "The encoder's training resumes from a state that was brought here",
    "newer_state_encoder_training_damaged": "A newer state of the encoder's training is damaged",
    "no_clip_gives_content_features": Words(
        "No clip gives content features",
        "{failed} clips were tried",
        "run preprocess again with --fresh",
    ),
    "out_memory_content_encoder": Words(
        "Out of memory in the content encoder",
        "",
        "free memory, or use --device cpu",
    ),
    "features_those_put_base_own": (
        "the features are those of {used}: put the base's own encoder.safetensors there, or the voice learns "
        "much slower"
    ),
    "folder_move_away": "{path} is a folder: move it away",
    "hz_instead_16000": "{path} is at {rate} Hz instead of 16000",
    "content_features_not_finite": "its content features are not finite",
    "no_features_index": Words("There are no features to index", "", "rvc features {name} makes them"),
    "no_index": Words("{name} has no index", "", "rvc index {name} builds it"),
    "another_encoder": Words("{path} is of another encoder", "{encoder}, {dim} wide", "rvc index {name} --fresh"),
    "no_features_index_2": Words("There are no features to index", "none of them can be used"),
    "files_cannot_be_used": "{count} files cannot be used: {skipped}",
    "another_index_took_place": "another index took its place",
    "features_cannot_be_used": "its features cannot be used: {reason}",
    "base_voices": "# {name}: a base for voices",
    "made_rvc_tui_preset_hz": (
        "Made by rvc-tui {version} for the preset {preset} ({version_2}, {sample_rate} Hz, {value} pitch, "
        "content encoder {encoder})."
    ),
    "minutes_clips_recordings_speakers": (
        "{seconds:.1f} minutes of clips from {count} recordings of {count_2} speakers."
    ),
    "how_made": "## How it was made",
    "g_d_steps_batch_seed": "G and D: {step} steps, batch {batch_size}, seed {seed}.",
    "row_0_speaker_table_where": (
        "Row 0 of the speaker table, where a new voice is trained, is the mean of all rows that were trained."
    ),
    "probes_content_encoder": "## Probes of the content encoder",
    "phones_pitch_kept_out_speakers": "Phones and pitch on {found} (kept out: {kept_out}), speakers on all.",
    "phones_right_another_voice": "- phones right: {number}; in another voice: {number_2}",
    "spectrum_without_level_colour_r2": "- spectrum without level and colour, R2 of a linear regression: {number}",
    "speakers_recognised_linear_classifier_log": (
        "- speakers recognised by a linear classifier: {number} (by log-mels {number_2}, by chance {number_3})"
    ),
    "pitch_r2_linear_regression_log": "- pitch, R2 of a linear regression: {number} (from log-mels {number_2})",
    "not_measured": "not measured",
    "steps_batch_seed": "{steps} steps, batch {batch}, seed {seed}",
    "taken": "taken from {base}",
    "dataset_no_catalogue_so_their": "The dataset has no catalogue, so their licences are not known here.",
    "no_licence_given": "No licence is given",
    "no_clip_track_pitch": Words(
        "No clip to track the pitch of",
        "{wavs_16k} has none that can be read",
        "run preprocess again",
    ),
    "out_memory_pitch_tracker": Words("Out of memory in the pitch tracker", "", "free memory, or use --device cpu"),
    "hz_not_16000": "{path} is at {rate} Hz, not at 16000",
    "no_usable_recording": "No usable recording in {dataset!r}",
    "folder_empty_2": Words("The folder {dataset!r} is empty", "there is no file in it"),
    "give_folder_recordings_one_voice": ("give a folder with recordings of one voice, in any format that ffmpeg reads"),
    "more_2": "; and {count} more",
    "recordings_removed_changed": "recordings were removed or changed",
    "recording_no_speaker": Words(
        "A recording has no speaker",
        "it is in {dataset} itself",
        "move it into a folder of its speaker's name",
    ),
    "two_speakers_one_number": Words("Two speakers have one number", "", "give each folder a number of its own"),
    "too_many_speakers": Words("There are too many speakers", "", "use fewer folders, or numbers as their names"),
    "speakers_folder_need_their_folders": Words(
        "Speakers by folder need their folders",
        "preprocess.subfolders is off",
        "add --set preprocess.subfolders=true",
    ),
    "folders_reach_row_rows_0": "{count} folders reach row {highest}, and {preset} has rows 0..{speakers}",
    "training_process_ended": Words("A training process ended", "exit code {number}"),
    "training_processes_stopped_did_not": "The training processes were stopped and did not save",
    "details_engine_log_same_command": ("details are in engine.log; the same command resumes from the last checkpoint"),
    "same_command_resumes_last_checkpoint": "the same command resumes from the last checkpoint",
    "they_did_not_end": "they did not end",
    "exit_code": "exit code {returncode}",
    "no_clip_train": Words(
        "There is no clip to train on",
        "",
        "rvc run does the stages before; longer recordings give longer clips",
    ),
    "changed_recordings": "of changed recordings",
    "shorter_than_training_slice_ms": "it is shorter than a training slice of {least} ms",
    "clips_first_because": "{count} clips, the first because {reason}",
    "empty": "{ground_truth} is empty",
    "another_clip_s_s": "{path} is of another clip: {frames:.1f} s of {whole:.1f} s",
    "no": " and no ",
}
