"""What people give where a folder or a file is asked for: addresses, Windows paths, patterns, archives, each with what
to do instead."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path, PureWindowsPath
from urllib.parse import unquote, urlsplit

from rvc_engine.common.opening import open_file
from rvc_engine.common.user import expanded
from rvc_engine.errors import BadInput
from rvc_engine.messages import NOTHING, Message

DRIVE = re.compile(r"/?[A-Za-z]:([\\/]|$)")
ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
BARE_ADDRESS = re.compile(
    r"(www\.|youtu\.be/|(m\.|music\.)?youtube\.com/|huggingface\.co/|github\.com/)", re.IGNORECASE
)
VIDEOS = ("youtube.com", "youtu.be", "bilibili.com", "soundcloud.com", "vimeo.com", "nicovideo.jp", "tiktok.com")
ARCHIVES = {
    b"PK\x03\x04": "common.zip_archive",
    b"Rar!\x1a\x07": "common.rar_archive",
    b"7z\xbc\xaf\x27\x1c": "common.seven_zip_archive",
    b"\x1f\x8b": "common.packed_file",
    b"BZh": "common.packed_file",
    b"\xfd7zXZ\x00": "common.packed_file",
    b"\x28\xb5\x2f\xfd": "common.packed_file",
}
TAR = (257, b"ustar")
UNPACK = {
    "common.zip_archive": "common.unpack_zip",
    "common.rar_archive": "common.unpack_rar",
    "common.seven_zip_archive": "common.unpack_7z",
    "common.tar_archive": "common.unpack_tar",
    "common.packed_file": "common.unpack_tar",
}
"""A kind of archive: the command that unpacks it."""


def refuse_no_path(text: str, wanted: Message) -> None:
    """Raises BadInput where the text is no path of this machine: an address, or a path of Windows. `wanted`: what was
    asked for."""
    text = text.strip().strip("\"'")
    if os.path.lexists(text):
        return
    plain = re.sub(r"^file:/*(?=/?[A-Za-z]:)", "", text, flags=re.IGNORECASE)
    if DRIVE.match(plain) or text.startswith("\\\\"):
        raise BadInput("common.windows_path", NOTHING, _from_windows(plain.lstrip("/")), text=text)
    scheme = ADDRESS.match(text)
    if scheme is None and not BARE_ADDRESS.match(text):
        return
    kind = scheme[1].lower() if scheme else "https"
    host = urlsplit(text).netloc if scheme and "[" not in text else text.split("/")[0]
    if kind == "file" and host.lower() in ("", "localhost", os.uname().nodename.lower()):
        return
    raise BadInput("common.address", NOTHING, _fetch(text, kind, host.lower(), wanted), text=text, wanted=wanted)


def _fetch(text: str, kind: str, host: str, wanted: Message) -> Message:
    word = shlex.quote(text)
    if any(host == name or host.endswith(f".{name}") for name in VIDEOS):
        return Message("common.fetch_sound", word=word, wanted=wanted)
    if kind == "hf" or host in ("huggingface.co", "hf.co"):
        return Message("common.fetch_from_hub", wanted=wanted)
    if kind in ("http", "https", "ftp"):
        return Message("common.fetch_file", word=word, wanted=wanted)
    if kind in ("file", "smb", "nfs", "afp", "cifs", "sftp", "ssh", "davs", "dav"):
        if host:
            return Message("common.mount_host", host=host, wanted=wanted)
        return Message("common.mount_other_machine", wanted=wanted)
    return Message("common.copy_here", wanted=wanted)


def _from_windows(text: str) -> Message:
    path = PureWindowsPath(text)
    parts = path.parts[1:]
    if not path.drive.startswith("\\\\"):
        there = "/".join(("/mnt", path.drive[:1].lower(), *parts))
        return Message("common.windows_drive", path=shlex.quote(there))
    server, _, share = path.drive[2:].partition("\\")
    if server.lower() in ("wsl$", "wsl.localhost"):
        return Message("common.wsl_path", path=shlex.quote("/" + "/".join(parts)))
    drive = shlex.quote(path.drive)
    if share:
        return Message("common.windows_share", share=share, server=server, drive=drive)
    return Message("common.windows_server", server=server, drive=drive)


def why_no_folder(text: str, *, survey: bool = False) -> BadInput:
    """What to do about a folder of recordings that is not there, or is a file. `survey`: it was given to `rvc dataset`,
    else as the dataset of an experiment."""
    refuse_no_path(text, Message("common.folder_of_recordings"))
    path = Path(text).expanduser()
    if os.path.isdir(path):
        return BadInput("common.cannot_be_read", NOTHING, Message("common.check_permissions"), path=path)
    if os.path.exists(path):
        return _is_file(path, survey=survey)
    if any(c in path.name for c in "*?["):
        return BadInput("common.pattern", path=path, give=_given(path.parent, survey=survey))
    if "\\" in text:
        return BadInput("common.backslashes", path=path, with_slashes=text.replace("\\", "/"))
    hint = Message("common.check_path") if survey else Message("common.check_given_dataset")
    return BadInput("common.no_folder", NOTHING, hint, path=path)


def _given(folder: Path, *, survey: bool) -> Message:
    """How this folder is given."""
    if survey:
        return Message("common.with_survey", path=folder)
    return Message("common.with_dataset", path=shlex.quote(str(folder)))


def _is_file(path: Path, *, survey: bool) -> BadInput:
    kind = archive_of(path)
    if not kind:
        hint = Message("common.give_its_folder", give=_given(path.parent, survey=survey))
        return BadInput("common.file_not_folder", NOTHING, hint, path=path)
    name = path.name.split(".")[0] or "recordings"
    folder = path.with_name(name if name != path.name else f"{name}-unpacked")
    command = Message(UNPACK[kind.code], folder=shlex.quote(str(folder)), file=shlex.quote(str(path)))
    give = _given(folder, survey=survey)
    hint = NOTHING if survey else Message("common.unpack_subfolders", command=command, give=give)
    return BadInput("common.archive", NOTHING, hint, path=path, thing=kind, command=command, give=give)


def archive_of(path: Path) -> Message:
    """What kind of archive it is, by its content; empty for another file."""
    if not path.is_file():  # a device or a pipe is not opened
        return NOTHING
    try:
        with open_file(path) as file:
            head = file.read(TAR[0] + len(TAR[1]))
    except OSError:
        return NOTHING
    if head[TAR[0] :] == TAR[1]:
        return Message("common.tar_archive")
    return next((Message(code) for magic, code in ARCHIVES.items() if head.startswith(magic)), NOTHING)


INVISIBLE = (
    "\u202a\u202c\u200e\u200f\ufeff\u2066\u2069"  # marks that come along when a path is copied on Windows or macOS
)


def clean_path(text: str) -> str:
    """An absolute path from pasted text: ~ expanded, without surrounding quotes, invisible marks and file://, unless
    there is a file that is called so. Empty stays empty."""
    if text and os.path.lexists(there := os.path.abspath(os.path.expanduser(text))):
        return there
    text = text.strip(INVISIBLE + " ")
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" and not os.path.exists(text):
        text = text[1:-1].strip(INVISIBLE)
    if text[:5].lower() == "file:" and not os.path.lexists(text):
        text = _path_of_url(text)
    return os.path.abspath(expanded(text)) if text else ""


def _path_of_url(text: str) -> str:
    """The path that a file: URL of this machine means; the text itself where it means another's."""
    try:
        host = urlsplit(text).netloc
    except ValueError:
        return text
    here = host.lower() in ("", "localhost", os.uname().nodename.lower())
    return unquote(text[5:].removeprefix(f"//{host}"), errors="surrogateescape") if here else text
