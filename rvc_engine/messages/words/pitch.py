"""Words of the pitch trackers."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    # which method
    "no_method": Words("There is no pitch method {method!r}", "", "use one of {methods}"),
    "none_works": Words("No pitch method works here", "", "{do.doctor} says what is missing"),
    "package_missing": Words(
        "{name} needs the package {package}",
        "it is not installed",
        "pip install {install}, or choose another pitch method",
    ),
    "package_broken": Words(
        "{name} needs the package {package}, which does not work here",
        "",
        "pip install --upgrade {install}, or choose another pitch method",
    ),
    "weights_missing": Words(
        "The weights of {name} are missing",
        "there is no pretrained/{weights}",
        "put {weights} into pretrained/, or choose another pitch method",
    ),
    "weights_not_pulled": Words(
        "The weights of {name} are missing",
        "there is no pretrained/{weights}",
        "{do.pull} fetches it, or put {weights} into pretrained/, or choose another pitch method",
    ),
    # memory
    "on_cpu": "Out of GPU memory in the pitch tracker; what does not fit is tracked on the CPU",
    # the weights of RMVPE
    "rmvpe": "pitch tracker (RMVPE)",
    "not_rmvpe": Words(
        "{path} is not an RMVPE file that this program can read",
        "",
        "fetch the file again, or choose another pitch method",
    ),
    "no_tensors": "it is not a dictionary of tensors",
    "lacks_tensors": Plural("it lacks {count} tensor: {name!r}", "it lacks {count} tensors, for example {name!r}"),
    "unknown_tensors": Plural(
        "it has {count} unknown tensor: {name!r}", "it has {count} unknown tensors, for example {name!r}"
    ),
    "tensor_shape": "{name} has the shape [{shape}], not [{expected}]",
}
