"""Words of the engine: errors of the command line, and what the queue records."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    # what is asked for
    "which_preset": Words("No preset is given", "", "give one of {choices}, for example: {do.pull}"),
    "set_without_value": Words(
        "{flag.set} {text!r} has no value",
        "",
        "write it as STAGE.KEY=VALUE, for example train.batch_size=4",
    ),
    "state_twice": Words("{flag.save_state} and {flag.load_state} cannot be combined", "", "give one of them"),
    "only_bases": "only the training states of a base can be saved in parts",
    "no_experiment": Words("There is no experiment {name!r} in {logs}", "it holds {names}", "{do.new} makes one"),
    "no_experiment_yet": Words("There is no experiment {name!r} in {logs}", "there are none yet", "{do.new} makes one"),
    # where results go
    "is_folder": Words("{path} is a folder", "", "give {flag.output} a file"),
    "is_there": Words("{path} already exists", "", "choose another {flag.output}, or add {flag.replace}"),
    "another_output": "choose another {flag.output}",
    "no_output": Words(
        "Nothing says where to write the voice",
        "",
        "give {flag.output} FILE, or {flag.name} NAME for weights/NAME.pth",
    ),
    "one_file": Words(
        "{flag.epoch} and {flag.step} choose among an experiment's checkpoints",
        "{path} is one file",
        "name the experiment instead",
    ),
    # how a run ended
    "run_failed": "failed: {error}",
    "run_failed_in": "failed: {stage}: {error}",
    "run_stopped": "stopped: {name} during the start; {how}",
    "run_stopped_in": "stopped: {name} during {stage}; {how}",
    "progress_saved": "progress is saved",
    "unknown": "unknown",
    # a check that failed
    "not_as_published": "{names} missing or not as published ({do.pull_any} fetches them)",
    # the queue
    "queue_runs": Words(
        "Another process is running this queue", "", "{do.queue_list} shows its progress, {do.queue_stop} stops it"
    ),
    "queue_does_not_run": Words("The queue is not running", "", "{do.queue_run} starts it"),
    "queue_did_not_start": Words("The queue did not start", "", "its log is {path}"),
    "exit_code": "exit code {number}",
    "no_command": Words("{then!r} is not a command", "", "close the quotes of {flag.then}"),
    "command_not_run": Words("{command} cannot be run", "", "check the command given with {flag.then}"),
    "too_late": "the time limit was reached before its turn",
    "time_limit": "the time limit was reached; {how}",
    "queue_resumes": "{how}; {do.queue_run} resumes it",
    # --- conversions
    "queue_or_resume": Words("{flag.queue} and {flag.resume} cannot be combined", "", "give one of them"),
    "no_conversion_name": Words("{name} is not the name of a conversion", "", "write it as in conversions/3"),
    "no_conversion": Words("There is no conversion {name}", "", "leave out {flag.resume} to start a new one"),
}
