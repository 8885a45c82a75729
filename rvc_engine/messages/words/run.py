"""Words of the engine: runs, their plan, their records and the queue."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    # what a run is asked to do
    "other_preset": "{name} was made with preset {preset}, not {wanted}",
    "made_with_pitch": "{name} was made with pitch",
    "made_without_pitch": "{name} was made without pitch",
    "no_base": "{name} trains a voice, not a base",
    "no_stage": Words("There is no stage {name!r} in this experiment", "", "it has {names}"),
    "another_name_or_fresh": "use another name, or {flag.fresh}, which moves the old work to a backup",
    "preset_because": (
        "preset: {chosen}, because the weights of {preset} are not here ({missing}; {do.pull} fetches them)"
    ),
    "weights_missing": Words(
        "Weights that {preset} needs are missing",
        "",
        "{do.pull} fetches them; a new experiment with {flag.preset} starter needs none",
    ),
    "weights_missing_unpitched": Words(
        "Weights that {preset} needs are missing",
        "",
        "{do.pull_unpitched} fetches them; a new experiment with {flag.preset} starter needs none",
    ),
    "writable_workspace": "use a workspace that can be written ({flag.home} DIR)",
    "another_workspace": "use another workspace ({flag.home} DIR)",
    # the plan: why a stage runs or does not
    "not_done_yet": "not done yet",
    "unfinished": "unfinished; resumes",
    "input_changed": "its input changed",
    "extended": "extended: {settings}",
    "changed": "changed: {settings}",
    "its_input": "its input",
    "model_shape": "the model's shape",
    "outputs_changed": "some of its files are missing or changed",
    "no_receipt": "files without a receipt exist",
    "after": "after {stages}",
    "up_to_date": "up to date",
    "recordings_missing": "the recordings are missing ({why}): their outputs are used",
    "fresh": "{flag.fresh}",
    # the plan: what is refused
    "needs_recordings": Words(
        "{stage} must be done again, and the recordings are missing",
        "",
        "bring the recordings back, or undo the change ({changed})",
    ),
    "would_restart": Words(
        "This would restart the training of {name} from step 0",
        "",
        "undo the change, use another name, or {flag.yes}: the old work moves to a backup, its voice stays until the "
        "new one is complete",
    ),
    "other_recordings": Words(
        "This would train {name} on other recordings",
        "none of its recordings is in {folder}",
        "use another name for another speaker; {flag.yes} resumes the training on these recordings, {flag.fresh} "
        "starts over",
    ),
    # a stage that runs
    "disk_is_full": "the disk is full",
    "disk_stayed_full": Words(
        "The disk is full, and has been for {seconds:.0f} s",
        "",
        "free some space and run the same command again: {stage} resumes where it stopped",
    ),
    "missing_after": Words("{path} is missing after {stage}", "", "run the same command again"),
    "see_log": "details are in {path}",
    # starting, stopping and losing an engine
    "engine_did_not_start": "The engine did not start",
    "no_answer": "no answer for {seconds:.0f} s",
    "cause_unknown": "the cause is not known",
    "exit_code": "it ended with exit code {number}",
    "signal": "it was killed by signal {number}",
    "its_log": "its log is {path}",
    "log_not_written": "its log {path} cannot be written: {reason}",
    "on_another_machine": Words("{name} is running on another machine, or in another container", "", "stop it there"),
    "of_another_user": Words(
        "{name} is running as another user",
        "process {pid}",
        "that user can stop it; so can root: sudo kill -TERM {pid}",
    ),
    "of_user": "process {pid} of {user}",
    "the_queue": "The queue",
    "stopped_twice": "stopped a second time",
    "slow_step": "a step took longer than {seconds:.0f} s",
    "taken_over": Words("Another run has taken this experiment over", "", "this run saves nothing more"),
    "killed_by": "The engine was killed ({signal}, {when})",
    "killed_by_number": "The engine was killed (signal {number}, {when})",
    "ended_unexpectedly": "The engine ended unexpectedly (exit code {number}, {when})",
    "last_event": "its last event was at {at}",
    "last_event_killed": (
        "its last event was at {at}; it was killed by a user, or by the system because memory ran out (see dmesg): "
        "then lower the batch size"
    ),
    "last_event_crashed": "its last event was at {at}; it crashed in native code: its log has the details",
    "gone": Words(
        "The engine ended unexpectedly (last event at {when})",
        "it was killed together with its supervisor, or the machine restarted",
    ),
    # the files of an experiment
    "no_run_yet": Words("{name} has no run yet", "", "{do.choose_dataset} starts one"),
    "runs_not_folder": Words("{runs} is not a folder", "the journals of its runs belong there", "move it away"),
    "empty_journal": Words(
        "{path} holds nothing that a run wrote", "", "move it away; the runs before it are in the same folder"
    ),
    "no_journal": "{path} is not the journal of a run and is ignored: move it away",
    "lines_mistyped": (
        "{journal} has lines with values of wrong types, which are ignored: restore that file from a copy"
    ),
    "broken_link": Words(
        "{folder} is a link to {target}, which does not exist", "", "mount the disk that it is on, or remove the link"
    ),
    "settings_link": "{path} is a broken link: restore the file that it points to",
    "check_disk": "check the disk that it is on",
    "correct_permissions": "ask its owner, or correct its permissions",
    "not_read": "it cannot be read: {reason}",
    "only_checkpoints": "only training checkpoints; {do.extract} makes a voice",
    # the queue
    "no_entry": Words("There is no entry {number} in the queue", "", "{do.queue_list} shows them"),
    "entry_runs": Words("Entry {number} ({name}) is running", "", "{do.stop} first"),
    "damaged_entry": "damaged entry of {path}: {reason}; correct it there, or {do.queue_remove}",
    "impossible_words": "these arguments cannot be given to a program",
    "no_list": "it has no list of entries",
    "correct_queue": "correct it, or move it away to start an empty queue",
    "no_time_limit": Words("{text!r} is not a time limit", "", "write 8h, 90m, or a time of day such as 06:00"),
}
