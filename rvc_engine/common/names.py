"""Names of experiments and voices: which can be used, and how a file name that would be too long is shortened."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from pathlib import Path

from rvc_engine.messages import NOTHING, Message

LONGEST = 200
"""Bytes that the name of an experiment or a voice may have."""
FILE_NAME_BYTES = 255
"""What most file systems take; encrypted ones (eCryptfs) take 143."""
HASH_LETTERS = 8
SHORT_BYTES = 100
ENDING = re.compile(r"(_e\d+_s\d+)?(\.\w{1,12})?$")
VOICE_FILES = (".pth", ".rvcvoice", ".pt", ".bin", ".zip")
"""A name with such an end is taken for a file wherever a voice is asked for."""
CHECKPOINT = re.compile(r"_e\d+_s\d+$")
RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])\s*(\..*)?", re.IGNORECASE | re.DOTALL)
JOINERS = "\u200c\u200d"  # invisible, but parts of emoji and of some scripts


# --- length -----------------------------------------------------------------------------------------------------------
def size_of(name: str) -> int:
    """Bytes of a name on the disk."""
    return len(name.encode("utf-8", "surrogatepass"))


def fitted(name: str, tail: str, limit: int, head: str = "") -> str:
    """head + name + tail in at most `limit` bytes: the end of a name that is too long gives way to a hash of the whole
    name, so that two long names stay two."""
    if size_of(head + name + tail) <= limit:
        return head + name + tail
    mark = "~" + _hash(name)
    room = limit - size_of(head + mark + tail)
    start = name
    while start and size_of(start) > room:
        start = start[:-1]
    return head + start + mark + tail


def short(name: str) -> str:
    """The name of a file, so short that what is added to it fits wherever the file itself does; numbers of a checkpoint
    and suffix stay."""
    ending = ENDING.search(name)
    tail = ending[0] if ending else ""
    return fitted(name.removesuffix(tail), tail, SHORT_BYTES)


def is_name_of(displayed: str, name: str) -> bool:
    """Is `displayed` this name, or what `fitted` made of it?"""
    start, tilde, end = displayed.rpartition("~")
    return displayed == name or (bool(tilde) and end == _hash(name) and name.startswith(start))


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_LETTERS]


def room_in(folder: Path) -> int:
    """Bytes that a file's name may have in this folder, or where it will be made."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        return min(FILE_NAME_BYTES, os.pathconf(folder, "PC_NAME_MAX"))
    except (OSError, ValueError):
        return FILE_NAME_BYTES


# --- what can be a name -----------------------------------------------------------------------------------------------
def why_impossible(name: str) -> Message:
    """Why nothing can have this name; empty where something can, wise or not."""
    if not name or name in (".", ".."):
        return Message("common.name_of_no_folder")
    if "\0" in name or "/" in name or os.sep in name:
        return Message("common.name_with_separator")
    if name.startswith("-"):
        return Message("common.name_begins_dash")
    if size_of(name) > LONGEST:
        return Message("common.name_bytes", size=size_of(name), longest=LONGEST)
    return NOTHING


def why_unwise(name: str) -> Message:
    """Why something new should not get this name: it would be lost on another system, or taken for something else.
    Empty where it may."""
    if why := why_impossible(name):
        return why
    if name != name.strip():
        return Message("common.name_spaces")
    if name.startswith("."):
        return Message("common.name_begins_dot")
    if name.endswith("."):
        return Message("common.name_ends_dot")
    if any(map(_is_invisible, name)):
        return Message("common.name_invisible")
    if "\\" in name or "|" in name:
        return Message("common.name_backslash")
    if RESERVED.fullmatch(name):
        return Message("common.name_reserved")
    if name.lower().endswith(VOICE_FILES):
        return Message("common.name_of_voice_file", endings=VOICE_FILES)
    return NOTHING


def why_no_experiment(name: str) -> Message:
    """As `why_unwise`, also for names that saved voices of another experiment have."""
    if why := why_unwise(name):
        return why
    return Message("common.name_of_saved_voice") if CHECKPOINT.search(name) else NOTHING


def _is_invisible(character: str) -> bool:
    """Control and format characters and line separators; not those that emoji and some scripts need."""
    return unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp") and character not in JOINERS


SIDECAR = ".json"
"""After the name of an index: what is known of it."""


def index_name(name: str, lists: int, version: str, folder: Path) -> str:
    """The file name of a voice's index, as RVC programs write it, so short that it and its sidecar fit into the
    folder."""
    head = f"added_IVF{lists}_Flat_nprobe_1_"
    return fitted(name, f"_{version}.index", room_in(folder) - len(SIDECAR), head)


def voice_of_stem(stem: str) -> str:
    """The name of a voice, from its file's: alice of alice and of alice_e12_s340."""
    return re.sub(r"_e\d+_s\d+$", "", stem) or stem
