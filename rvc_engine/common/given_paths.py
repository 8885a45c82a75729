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

DRIVE = re.compile(r"/?[A-Za-z]:([\\/]|$)")
ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
BARE_ADDRESS = re.compile(
    r"(www\.|youtu\.be/|(m\.|music\.)?youtube\.com/|huggingface\.co/|github\.com/)", re.IGNORECASE
)
VIDEOS = ("youtube.com", "youtu.be", "bilibili.com", "soundcloud.com", "vimeo.com", "nicovideo.jp", "tiktok.com")
ARCHIVES = {
    b"PK\x03\x04": ("a zip archive", "python3 -m zipfile -e"),
    b"Rar!\x1a\x07": ("a rar archive", "unar -o"),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", "7z x"),
    b"\x1f\x8b": ("a packed file", "tar -xf"),
    b"BZh": ("a packed file", "tar -xf"),
    b"\xfd7zXZ\x00": ("a packed file", "tar -xf"),
    b"\x28\xb5\x2f\xfd": ("a packed file", "tar -xf"),
}
TAR = (257, b"ustar")


def refuse_no_path(text: str, wanted: str) -> None:
    """Raises BadInput where the text is no path of this machine: an address, or a path of Windows. `wanted`: what was
    asked for."""
    text = text.strip().strip("\"'")
    if os.path.lexists(text):
        return
    plain = re.sub(r"^file:/*(?=/?[A-Za-z]:)", "", text, flags=re.IGNORECASE)
    if DRIVE.match(plain) or text.startswith("\\\\"):
        raise BadInput(
            f"{text} is a path of Windows", "this program runs on another system", _from_windows(plain.lstrip("/"))
        )
    scheme = ADDRESS.match(text)
    if scheme is None and not BARE_ADDRESS.match(text):
        return
    kind = scheme[1].lower() if scheme else "https"
    host = urlsplit(text).netloc if scheme and "[" not in text else text.split("/")[0]
    if kind == "file" and host.lower() in ("", "localhost", os.uname().nodename.lower()):
        return
    raise BadInput(
        f"{text} is an address, not {wanted}", "nothing is fetched from there", _fetch(text, kind, host.lower(), wanted)
    )


def _fetch(text: str, kind: str, host: str, wanted: str) -> str:
    word, then = shlex.quote(text), f"then give {wanted}"
    if any(host == name or host.endswith(f".{name}") for name in VIDEOS):
        return f"fetch its sound first, if you may use it: yt-dlp -x --audio-format flac -P FOLDER {word}; {then}"
    if kind == "hf" or host in ("huggingface.co", "hf.co"):
        return f"fetch it first: hf download OWNER/NAME --repo-type dataset --local-dir FOLDER; {then}"
    if kind in ("http", "https", "ftp"):
        return f"fetch it first: curl -LO {word}, unpack it if it is an archive; {then}"
    if kind in ("file", "smb", "nfs", "afp", "cifs", "sftp", "ssh", "davs", "dav"):
        return f"it is on {host or 'another machine'}: mount it, or copy it here; {then}"
    return f"copy it to this machine first; {then}"


def _from_windows(text: str) -> str:
    path = PureWindowsPath(text)
    parts = path.parts[1:]
    if not path.drive.startswith("\\\\"):
        there = "/".join(("/mnt", path.drive[:1].lower(), *parts))
        return f"under WSL it is {shlex.quote(there)}; elsewhere copy it to this machine"
    server, _, share = path.drive[2:].partition("\\")
    if server.lower() in ("wsl$", "wsl.localhost"):
        return f"inside WSL it is {shlex.quote('/' + '/'.join(parts))}"
    return (
        f"mount {share or 'the share'} of {server} first (under WSL: mount -t drvfs {shlex.quote(path.drive)} "
        "/mnt/share), or copy it here"
    )


def why_no_folder(text: str, flag: str = "--dataset") -> BadInput:
    """What to do about a folder of recordings that is not there, or is a file. `flag`: the words that it is given
    after."""
    refuse_no_path(text, "the folder of recordings")
    path = Path(text).expanduser()
    if os.path.isdir(path):
        return BadInput(f"{path} cannot be read", "", "check its permissions")
    if os.path.exists(path):
        return _is_file(path, flag)
    if any(c in path.name for c in "*?["):
        return BadInput(
            f"{path} is a pattern, not a folder",
            "",
            f"{flag} {shlex.quote(str(path.parent))} takes every recording in it",
        )
    if "\\" in text:
        return BadInput(
            f"There is no folder {path}", "\\ is no separator here", f"write it with /: {text.replace(chr(92), '/')}"
        )
    return BadInput(
        f"There is no folder {path}",
        "",
        f"check the path given with {flag}" if flag.startswith("-") else "check the path",
    )


def _is_file(path: Path, flag: str) -> BadInput:
    what, tool = archive_of(path)
    if what:
        name = path.name.split(".")[0] or "recordings"
        folder = shlex.quote(str(path.with_name(name if name != path.name else f"{name}-unpacked")))
        word = shlex.quote(str(path))
        goal = {"unar -o": f"{folder} {word}", "7z x": f"-o{folder} {word}", "tar -xf": f"{word} -C {folder}"}.get(
            tool, f"{word} {folder}"
        )
        inside = " (with --subfolders where the recordings are in a folder inside it)" if flag == "--dataset" else ""
        make = f"mkdir -p {folder} && " if tool == "tar -xf" else ""
        return BadInput(
            f"{path} is {what}, not a folder", "", f"unpack it: {make}{tool} {goal}; then {flag} {folder}{inside}"
        )
    parent = shlex.quote(str(path.parent))
    hint = f"{flag} {parent} takes the folder it is in, with all recordings there; or put it into a folder of its own"
    return BadInput(f"{path} is a file, not a folder", "", hint)


def archive_of(path: Path) -> tuple[str, str]:
    """(what it is, the command that unpacks it) of an archive, by its content; empty for another file."""
    if not path.is_file():  # a device or a pipe is not opened
        return "", ""
    try:
        with open_file(path) as file:
            head = file.read(TAR[0] + len(TAR[1]))
    except OSError:
        return "", ""
    if head[TAR[0] :] == TAR[1]:
        return "a tar archive", "tar -xf"
    return next((description for magic, description in ARCHIVES.items() if head.startswith(magic)), ("", ""))


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
