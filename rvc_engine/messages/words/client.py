"""Words of the engine: the journal in words, and what front ends are answered."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    # lines of the journal
    "run_started": "run {run} of {name} ({preset}): {stages}",
    "conversion_started": "run {run} of {name}: {stages}",
    "stage_started": "{stage}: started ({reason})",
    "stage_skipped": "{stage}: skipped ({reason})",
    "stage_done": "{stage}: done in {duration}",
    "stage_failed": "{stage}: failed: {title}",
    "stage_stopped": "{stage}: {how}",
    "item_skipped": "{stage}: left out {item!r}: {reason}",
    "moved_to_backup": "{stage}: old work moved to {path} ({reason})",
    "warning": "warning: {warning}",
    "noted": "{stage}: {text}",
    "epoch_finished": "train: epoch {epoch}/{epochs}  step {step}  {losses}  ({duration})",
    "saved": "{stage}: saved {path}",
    "audition": "train: audition of epoch {epoch}: {path}",
    "converted": "convert: {source} -> {path} ({seconds:.2f} s)",
    "paused": "{stage}: paused, {reason}",
    "resumed": "{stage}: continues after {duration}",
    "resumes_after": "{stage}: resumes after step {step}",
    "failed": "failed: {title}",
    "finished": "finished",
    # what, why, what to do; where one is missing, two of them
    "two_sentences": "{first}: {second}",
    "three_sentences": "{first}: {second}; {third}",
    # how a run was stopped
    "stopped": "stopped",
    "stopped_saved": "stopped; progress is saved",
    "not_saved": "ended without saving; {kept}",
    "not_saved_because": "ended without saving ({reason}); {kept}",
    "items_are_kept": "finished {unit} are kept, the last one may be processed again",
    "training_resumes_after_step": "training resumes after step {step}",
    "training_resumes_at_checkpoint": "training resumes from the last checkpoint",
    "training_resumes_at_start": "training resumes at the start",
    "stage_restarts": "this stage restarts",
    # experiments
    "experiment_exists": "there is an experiment {name!r} already",
    "no_experiment": "there is no experiment yet",
    "no_experiment_chosen": "no experiment is chosen",
    "new_experiment": "a new experiment: {do.new} chooses the recordings",
    "nothing_runs": "nothing is running",
    "stop_first": "{name} is running; stop it first",
    # commands that were started
    "command_failed": "rvc {command} ended with exit code {number}",
    "command_slow": "rvc {command} took more than {seconds:.0f} s",
    # the GPUs of this machine
    "gpus_hidden": "CUDA_VISIBLE_DEVICES hides them",
}
