"""Words of the engine: run."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "made_preset_not": "{name} was made with preset {preset}, not {preset_2}",
    "trains_voice_not_base": "{name} trains a voice, not a base",
    "made_pitch": "{name} was made with{value} pitch",
    "use_another_name_fresh_moves": "use another name, or --fresh, which moves the old work to a backup",
    "weights_not_here_rvc_assets": (
        "the weights of {default_preset} are not here ({missing}; rvc assets pull {default_preset} fetches them)"
    ),
    "use_workspace_can_be_written": "use a workspace that can be written (--home DIR)",
    "runs_not_folder": Words("{runs} is not a folder", "the journals of its runs belong there", "move it away"),
    "check_disk": "check the disk that it is on",
    "correct_permissions": "ask its owner, or correct its permissions",
    "lines_mistyped": (
        "{journal} has lines with values of wrong types, which are ignored: restore that file from a copy"
    ),
    "no_journal": "{path} is not the journal of a run and is ignored: move it away",
    "broken_link": Words(
        "{folder} is a link to {target}, which is not there", "", "is that disk mounted? Else remove the link"
    ),
    "settings_link": "{path} is a link to nothing: restore it",
    "engine_did_not_start": Words(
        "The engine did not start",
        "no answer for {start_s:.0f} s",
        "its log is {engine_log}",
    ),
    "runs_another_machine_another_container": Words(
        "{thing} runs on another machine, or in another container",
        "",
        "stop it there",
    ),
    "engine_did_not_start_2": "The engine did not start",
    "no_run_yet": Words("{name} has no run yet", "", "rvc run {name} --dataset FOLDER starts one"),
    "runs_another_user": Words("{thing} runs as another user", "process {pid}{owner}"),
    "cause_not_known": "the cause is not known",
    "log": "its log is {log}",
    "killed_signal": "it was killed by signal {number}",
    "ended_exit_code": "it ended with exit code {number}",
    "engine_did_not_start_3": "The engine did not start",
    "user_can_stop_so_can": "that user can stop it; so can root: sudo kill -TERM {pid}",
    "log_cannot_be_written": "its log {log} cannot be written: {reason}",
    "disk_full_s": "The disk is full, and was for {now:.0f} s",
    "missing_after": Words("{path} is missing after {stage}", "", "run the same command again"),
    "changed_since": "changed since",
    "free_some_space_run_same": "free some space and run the same command again: {stage} resumes where it stopped",
    "disk_full": "the disk is full",
    "no_entry_queue": Words("There is no entry {number} in the queue", "", "rvc queue list shows them"),
    "no_time_limit": Words("{text!r} is no time limit", "", "write 8h, 90m, or a time of day such as 06:00"),
    "cannot_be_read_2": Words("{path} cannot be read", "", "correct it, or move it away to start an empty queue"),
    "entry_runs": Words("Entry {number} ({entry}) runs", "", "rvc stop {entry} first"),
    "use_another_workspace_home_dir": "use another workspace (--home DIR)",
    "no_entry_correct_rvc_queue": "no entry of {path}: {reason}; correct it there, or rvc queue remove {number}",
    "no_list_entries": "it has no list of entries",
    "must_be_done_again_recordings": "{stage} must be done again, and the recordings are not there",
    "would_restart_training_step_0": "This would restart the training of {name} from step 0",
    "would_train_other_recordings": "This would train {name} on other recordings",
    "up_date": "up to date",
    "bring_recordings_back_undo_change": "bring the recordings back, or undo the change ({changed})",
    "recordings_not_what_made_them": "the recordings are not there ({why}): what was made of them is used",
    "undo_change_use_another_name": (
        "undo the change, use another name, or --yes: the old work moves to a backup, its voice stays until "
        "the new one is whole"
    ),
    "none_recordings_made": "none of the recordings that it was made of is in {dataset}",
    "use_another_name_another_speaker": (
        "use another name for another speaker; --yes resumes the training on these recordings, --fresh begins anew"
    ),
    "not_finished": "was not finished",
    "input_changed": "its input changed",
    "more_asked": "more is asked for: {differences}",
    "some_files_missing_changed": "some of its files are missing or changed",
    "files_without_receipt_place": "files without a receipt are in its place",
    "not_done_yet": "not done yet",
    "input": "its input",
    "model_shape": "the model's shape",
    "unexpected": Words("Unexpected {kind}", "", "details are in {engine_log}"),
    "asked_second_time": "asked a second time",
    "step_took_longer_than_s": "a step took longer than {patience_s:.0f} s",
    "another_run_taken_experiment_over": "Another run has taken this experiment over",
    "run_saves_nothing_more": "this run saves nothing more",
    "no_stage_experiment": Words("There is no stage {last!r} in this experiment", "", "it has {names}"),
    "holds_nothing_run_wrote": Words(
        "{files} holds nothing that a run wrote",
        "",
        "move it away; the runs before it are in the same folder",
    ),
    "last_event": "its last event was at {strftime}",
    "killed_user_system_because_memory": (
        "; it was killed by a user, or by the system because memory ran out (see dmesg): then lower the batch size"
    ),
    "engine_killed": "The engine was killed ({name}, {when})",
    "engine_ended_unexpectedly_exit_code": "The engine ended unexpectedly (exit code {number}, {when})",
    "crashed_native_code_log_details": "; it crashed in native code: its log has the details",
    "grad_norm": "grad norm ",
    "learning_rate": "learning rate",
    "engine_ended_unexpectedly_last_event": "The engine ended unexpectedly (last event at {when})",
    "killed_together_supervisor_machine_restarted": (
        "it was killed together with its supervisor, or the machine restarted"
    ),
    "training_checkpoints_only_extract_makes": "training checkpoints only; extract makes a voice of the newest",
    "cannot_be_read_3": "it cannot be read: {reason}",
    "weights_needs_missing": Words(
        "Weights that {preset} needs are missing",
        "",
        "{command} fetches them; a new experiment with --preset starter needs none",
    ),
    "rvc_assets_pull": "rvc assets pull {preset}{value}",
}
