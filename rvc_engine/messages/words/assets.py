"""Words of the engine: assets."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "text": "{name}: {reason}",
    "use_another_mirror_hf_endpoint": "use another mirror in HF_ENDPOINT",
    "does_not_end": Words(
        "{name} from {endpoint} does not end",
        "it sends more than the {limit} bytes that {said}; nothing was kept",
        "use another mirror in HF_ENDPOINT",
    ),
    "not_published_file": Words(
        "{name} from {endpoint} is not the published file",
        "its sha256 is {found}..., the manifest says {sha256}...; it was not kept",
        "try again, or another mirror in HF_ENDPOINT",
    ),
    "not_published_file_2": Words(
        "{name} from {endpoint} is not the published file",
        "it says that the file has {bytes} bytes; published are {bytes_2}",
        "use another mirror in HF_ENDPOINT",
    ),
    "hf_hub_offline_forbids_downloads": "HF_HUB_OFFLINE forbids downloads",
    "cannot_be_reached": "{endpoint} cannot be reached",
    "no_answer_within_s": "no answer within {reached_within_s:.0f} s",
    "not_enough_room": Words(
        "There is not enough room in {pretrained}",
        "{missing:.0f} MB are to come, {free:.0f} MB are free",
        "free {wanted:.0f} MB, or use another --home",
    ),
    "disk_full": Words(
        "The disk is full: {folder}",
        "{free:.0f} MB are free",
        "make room, then run the same command again",
    ),
    "files_could_not_be_downloaded": Words(
        "{count} of {count_2} files could not be downloaded",
        "",
        "run the same command again: it resumes",
    ),
    "disk_full_2": "The disk is full: {part}",
    "download_cut_off_times": Words(
        "The download of {name} was cut off {tries} times",
        "{cut}; {have}",
        "run the same command again: it resumes",
    ),
    "wait_then_run_same_command": "wait for it, then run the same command again",
    "cannot_be_fetched": "{name} cannot be fetched from {endpoint}",
    "use_another_workspace_home_dir": "use another workspace (--home DIR)",
    "another_process_downloads_workspace": "Another process downloads into this workspace",
    "announced": "it announced",
    "any_published_file": "any published file has",
    "make_room_then_run_same": "make room, then run the same command again: it resumes from there",
    "server_ended_early": "the server ended it early",
    "mb_here": "{done:.1f} MB of it are here",
    "does_not_give_out": Words(
        "{endpoint} does not give out {asset}",
        "it answers {number}",
        "try again later, or name a mirror in HF_ENDPOINT",
    ),
    "sends": Words(
        "{endpoint} sends {asset} on to {location}",
        "{scheme} is not followed",
        "use another mirror in HF_ENDPOINT",
    ),
    "sends_address_not_followed": Words(
        "{endpoint} sends {asset} on to an address that is not followed",
        "",
        "use another mirror",
    ),
    "not": Words(
        "{asset} is not at {display_url}",
        "the server answers 404",
        "see whether HF_ENDPOINT names a complete mirror",
    ),
    "does_not_give_out_2": Words(
        "{endpoint} does not give out {asset}",
        "it answers {number}",
        "give a token in HF_TOKEN, or use another mirror",
    ),
    "huggingface_hub_not_installed": Words(
        "huggingface_hub is not installed",
        "",
        "pip install huggingface_hub, or copy the files by hand",
    ),
    "server_answers": "the server answers {number}",
    "hf_endpoint_no_address_hub": Words(
        "HF_ENDPOINT is no address of a hub",
        "",
        "write it as https://host, or unset it",
    ),
    "no_manifest_published_weights": Words(
        "There is no manifest of published weights",
        "pretrained/manifest.toml is missing",
        "install the program again",
    ),
    "no_preset": Words("There is no preset {preset!r}", "", "choose one of {public_presets}"),
    "cannot_be_used": Words("{path} cannot be used", "", "correct it, or remove it to use the built-in one"),
    "weight_without": "a weight without {absent}: {get}",
    "entry_not_known": "{row} has an entry that is not known: {unknown}",
    "sha256_not_64_hexadecimal_digits": "the sha256 of {row} is not 64 hexadecimal digits",
    "bytes_not_count": "the bytes of {row} are not a count",
    "leaves_folder": "the {key} {row!r} leaves its folder",
    "not_checked_yet": "not checked yet",
    "another_form": "another form",
}
