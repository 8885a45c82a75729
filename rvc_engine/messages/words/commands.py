"""Words of the engine: commands."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "no_preset": Words("There is no preset {preset!r}", "", "choose one of: {public_presets}"),
    "preset": Words("Which preset?", "there are {choices}", "for example: rvc assets pull v2-40k"),
    "no_usable_recording": "No usable recording in {folder!r}",
    "set_no_value": Words(
        "--set {text!r} has no value",
        "",
        "write it as STAGE.KEY=VALUE, for example train.batch_size=4",
    ),
    "save_state_load_state_cannot": Words(
        "--save-state and --load-state cannot go together",
        "",
        "give one of them",
    ),
    "trains_voice_not_base": Words(
        "{name} trains a voice, not a base",
        "",
        "only the training of a base is carried in parts",
    ),
    "queue_does_not_run": Words("The queue does not run", "", "rvc queue run starts it"),
    "no_command": Words("{then!r} is no command", "", "close the quotes of --then"),
    "queue_did_not_start": Words("The queue did not start", "", "its log is {log}"),
    "exit_code": "exit code {returncode}",
    "cannot_be_run": Words("{action} cannot be run", "", "check the command given with --then"),
    "folder": Words("{path} is a folder", "", "give --output a file"),
    "already": Words("{path} is there already", "", "choose another --output, or add --replace"),
    "epoch_step_choose_among_experiment": Words(
        "--epoch and --step choose among an experiment's checkpoints",
        "{path} is one file",
        "name the experiment instead",
    ),
    "nothing_says_where_write_voice": Words(
        "Nothing says where to write the voice",
        "",
        "give --output FILE, or --name NAME for weights/NAME.pth",
    ),
    "no_experiment": Words(
        "There is no experiment {name!r} in {logs}",
        "there is: {there}",
        "rvc run NAME --dataset FOLDER makes one",
    ),
}
