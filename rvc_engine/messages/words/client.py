"""Words of the engine: client."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "rvc_ended_exit_code": "rvc {words} ended with exit code {number}",
    "nothing_runs": "nothing runs",
    "experiment_already": "there is an experiment {name!r} already",
    "experiment_already_2": "there is an experiment {new!r} already",
    "runs_stop_first": "{name} runs; stop it first",
    "no_experiment_yet": "there is no experiment yet",
    "no_experiment_chosen": "no experiment is chosen",
    "new_experiment_n_chooses_recordings": "a new experiment: n chooses the recordings",
    "rvc_took_more_than_s": "rvc {words} took more than {start_s:.0f} s",
    "rvc_printed_no_json": "rvc {words} printed no JSON",
    "nvidia_driver_does_not_answer": "the NVIDIA driver does not answer",
    "cuda_visible_devices_hides_them": "CUDA_VISIBLE_DEVICES hides them",
    "nvidia_driver_fails": "the NVIDIA driver fails ({split})",
    "stage_starts_again": "this stage starts again",
    "run": "run {run} of {event} ({preset}): {stages}",
    "left_out": "{stage}: left out {item!r}: {reason}",
    "old_work_moved": "{stage}: old work moved to {path} ({reason})",
    "train_epoch_step": "train: epoch {epoch}/{epochs}  step {step}  {losses}  ({duration})",
    "train_epoch_hear": "train: epoch {epoch} to hear: {path}",
    "goes_after": "{stage}: goes on after {duration}",
    "goes_after_step": "{stage}: goes on after step {after_step}",
    "done": "{stage}: done in {duration}",
    "stopped_what_done_saved": "stopped; what is done is saved",
    "ended_without_saving": "ended without saving ({reason}); {kept}",
    "ended_without_saving_2": "ended without saving; {kept}",
    "finished_kept_latest_may_be": "finished {unit} are kept, the latest may be done again",
    "training_resumes_last_saved_state": "training resumes from the last saved state",
    "run_2": "run {run} of {event}: {stages}",
    "training_resumes_after_step": "training resumes after step {after_step}",
    "training_resumes_start": "training resumes at the start",
}
