"""Words of the published weights: their list, and fetching them from a hub."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

OTHER_MIRROR = "set HF_ENDPOINT to another mirror"
RESUMES = "run the same command again: it resumes"

WORDS: dict[str, str | Plural | Words] = {
    # the list of published weights
    "no_manifest": Words(
        "There is no manifest of published weights",
        "pretrained/manifest.toml is missing",
        "install the program again",
    ),
    "manifest_unusable": Words("{path} cannot be used", "", "correct it, or remove it to use the built-in one"),
    "entry_lacks": "an entry has no {key}: {entry}",
    "entry_unknown": "{name} has an entry that is not known: {key}",
    "no_sha256": "the sha256 of {name} is not 64 hexadecimal digits",
    "no_size": "the value of bytes for {name} is not a whole number",
    "leaves_folder": "the {key} {value!r} points outside its folder",
    # states of a file
    "unchecked": "not checked yet",
    "other_form": "another form",
    # before a download
    "no_hub_package": Words(
        "huggingface_hub is not installed",
        "",
        "pip install huggingface_hub, or copy the files by hand",
    ),
    "bad_endpoint": Words("HF_ENDPOINT is not the address of a hub", "", "write it as https://host, or unset it"),
    "downloads_forbidden": "HF_HUB_OFFLINE forbids downloads",
    "busy": Words(
        "Another process is downloading into this workspace",
        "",
        "wait for it, then run the same command again",
    ),
    "no_room": Words(
        "There is not enough disk space in {folder}",
        "{missing:.0f} MB are left to download, {free:.0f} MB are free",
        "free {wanted:.0f} MB, or use another {flag.home}",
    ),
    # what the hub answers
    "hub_unreachable": "{endpoint} cannot be reached",
    "no_answer": "no answer within {seconds:.0f} s",
    "answers": "the server answers {status}",
    "not_there": Words(
        "{name} is not at {url}",
        "the server answers 404",
        "check that HF_ENDPOINT is a complete mirror",
    ),
    "not_allowed": Words(
        "{endpoint} refuses to send {name}",
        "it answers {status}",
        "set HF_TOKEN to an access token, or use another mirror",
    ),
    "refused": Words(
        "{endpoint} refuses to send {name}",
        "it answers {status}",
        "try again later, or set HF_ENDPOINT to a mirror",
    ),
    "other_scheme": Words(
        "{endpoint} redirects {name} to {location}",
        "redirects to {scheme} are not followed",
        OTHER_MIRROR,
    ),
    "other_address": Words(
        "{endpoint} redirects {name} to an address that is not followed",
        "",
        "use another mirror",
    ),
    "unreadable_answer": Words("{name} cannot be fetched from {endpoint}", "", OTHER_MIRROR),
    # what arrives
    "ended_early": "the server ended it early",
    "cut_off": Words(
        "The download of {name} was cut off {tries} times",
        "{reason}; {done:.1f} MB of it are downloaded",
        RESUMES,
    ),
    "longer_than_announced": Words(
        "{name} from {endpoint} is longer than expected",
        "the server sends more than the {limit} bytes that it announced; nothing was kept",
        OTHER_MIRROR,
    ),
    "longer_than_any": Words(
        "{name} from {endpoint} is longer than expected",
        "the server sends more than the {limit} bytes of the largest published file; nothing was kept",
        OTHER_MIRROR,
    ),
    "other_sum": Words(
        "{name} from {endpoint} is not the published file",
        "its sha256 is {found}..., the manifest says {published}...; it was not kept",
        "try again, or set HF_ENDPOINT to another mirror",
    ),
    "other_size": Words(
        "{name} from {endpoint} is not the published file",
        "the server reports {found} bytes; the published file has {published}",
        OTHER_MIRROR,
    ),
    "too_large": Words(
        "{name} from {endpoint} is not the published file",
        "the server reports {found} bytes; published files have at most {most}",
        OTHER_MIRROR,
    ),
    "disk_full": Words(
        "The disk is full: {path}",
        "",
        "free some space, then run the same command again: it resumes from there",
    ),
    "disk_nearly_full": Words(
        "The disk is full: {folder}",
        "{free:.0f} MB are free",
        "free some space, then run the same command again",
    ),
    "some_failed": Words("{count} of {total} files could not be downloaded", "", RESUMES),
}
