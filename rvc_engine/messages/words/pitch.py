"""Words of the engine: pitch."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "no_pitch_method": Words("There is no pitch method {method!r}", "", "use one of {auto}, {available_methods}"),
    "no_pitch_method_works_here": Words("No pitch method works here", "", "rvc doctor says what is missing"),
    "needs_package": Words(
        "{name} needs the package {package}",
        "it is not installed",
        "pip install {install}, or choose another pitch method",
    ),
    "weights_missing": Words(
        "The weights of {name} are missing",
        "there is no pretrained/{weights}",
        "{pull}put {weights} into pretrained/, or choose another pitch method",
    ),
    "needs_package_does_not_work": Words(
        "{name} needs the package {package}, which does not work here",
        "",
        "pip install --upgrade {install}, or choose another pitch method",
    ),
    "rvc_assets_pull_fetches": "rvc assets pull {pulled_with} fetches it, or ",
    "torchcrepe_torchaudio": "torchcrepe torchaudio",
    "torchfcpe_torchaudio": "torchfcpe torchaudio",
    "pitch_tracker_rmvpe": "pitch tracker (RMVPE)",
    "no_rmvpe_program_can_read": Words(
        "{path} is no RMVPE that this program can read",
        "",
        "fetch the file again, or choose another pitch method",
    ),
    "unknown": "has unknown",
    "no_dictionary_tensors": "it is no dictionary of tensors",
    "tensors_example": "it {thing} {count} tensors, for example {keys!r}",
    "shape_not": "{key} has the shape {shape}, not {shape_2}",
}
