"""Words of the published weights: their list, and fetching them from a hub."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

OTHER_MIRROR = "use another mirror in HF_ENDPOINT"
RESUMES = "run the same command again: it resumes"

WORDS: dict[str, str | Plural | Words] = {
    # the list of published weights
    "no_manifest": Words(
        "There is no manifest of published weights",
        "pretrained/manifest.toml is missing",
        "install the program again",
    ),
    "manifest_unusable": Words("{path} cannot be used", "", "correct it, or remove it to use the built-in one"),
    "entry_lacks": "a weight without {key}: {entry}",
    "entry_unknown": "{name} has an entry that is not known: {key}",
    "no_sha256": "the sha256 of {name} is not 64 hexadecimal digits",
    "no_size": "the bytes of {name} are not a count",
    "leaves_folder": "the {key} {value!r} leaves its folder",
    # states of a file
    "unchecked": "not checked yet",
    "other_form": "another form",
    # before a download
    "no_hub_package": Words(
        "huggingface_hub is not installed",
        "",
        "pip install huggingface_hub, or copy the files by hand",
    ),
    "bad_endpoint": Words("HF_ENDPOINT is no address of a hub", "", "write it as https://host, or unset it"),
    "downloads_forbidden": "HF_HUB_OFFLINE forbids downloads",
    "busy": Words(
        "Another process downloads into this workspace",
        "",
        "wait for it, then run the same command again",
    ),
    "no_room": Words(
        "There is not enough room in {folder}",
        "{missing:.0f} MB are to come, {free:.0f} MB are free",
        "free {wanted:.0f} MB, or use another {flag.home}",
    ),
    # what the hub answers
    "hub_unreachable": "{endpoint} cannot be reached",
    "no_answer": "no answer within {seconds:.0f} s",
    "answers": "the server answers {status}",
    "not_there": Words(
        "{name} is not at {url}",
        "the server answers 404",
        "see whether HF_ENDPOINT names a complete mirror",
    ),
    "not_allowed": Words(
        "{endpoint} does not give out {name}",
        "it answers {status}",
        "give a token in HF_TOKEN, or use another mirror",
    ),
    "refused": Words(
        "{endpoint} does not give out {name}",
        "it answers {status}",
        "try again later, or name a mirror in HF_ENDPOINT",
    ),
    "other_scheme": Words(
        "{endpoint} sends {name} on to {location}",
        "{scheme} is not followed",
        OTHER_MIRROR,
    ),
    "other_address": Words(
        "{endpoint} sends {name} on to an address that is not followed",
        "",
        "use another mirror",
    ),
    "unreadable_answer": Words("{name} cannot be fetched from {endpoint}", "", OTHER_MIRROR),
    # what arrives
    "ended_early": "the server ended it early",
    "cut_off": Words(
        "The download of {name} was cut off {tries} times",
        "{reason}; {done:.1f} MB of it are here",
        RESUMES,
    ),
    "longer_than_announced": Words(
        "{name} from {endpoint} does not end",
        "it sends more than the {limit} bytes that it announced; nothing was kept",
        OTHER_MIRROR,
    ),
    "longer_than_any": Words(
        "{name} from {endpoint} does not end",
        "it sends more than the {limit} bytes that any published file has; nothing was kept",
        OTHER_MIRROR,
    ),
    "other_sum": Words(
        "{name} from {endpoint} is not the published file",
        "its sha256 is {found}..., the manifest says {published}...; it was not kept",
        "try again, or another mirror in HF_ENDPOINT",
    ),
    "other_size": Words(
        "{name} from {endpoint} is not the published file",
        "it says that the file has {found} bytes; published are {published}",
        OTHER_MIRROR,
    ),
    "too_large": Words(
        "{name} from {endpoint} is not the published file",
        "it says that the file has {found} bytes; published are at most {most}",
        OTHER_MIRROR,
    ),
    "disk_full": Words(
        "The disk is full: {path}",
        "",
        "make room, then run the same command again: it resumes from there",
    ),
    "disk_nearly_full": Words(
        "The disk is full: {folder}",
        "{free:.0f} MB are free",
        "make room, then run the same command again",
    ),
    "some_failed": Words("{count} of {total} files could not be downloaded", "", RESUMES),
}
