"""Who runs this program and where their files go, also where the system knows neither a name nor a home for them.

In a container started with `--user 54321` there is no entry in the list of users and no HOME, and libraries fail in the
middle of their work (torch asks for the user's name to name a cache folder). `complete` sets what they ask for, once,
for this process or for a child.
"""

from __future__ import annotations

import getpass
import os
import pwd
import stat
import tempfile
from collections.abc import MutableMapping
from functools import lru_cache
from pathlib import Path

from rvc_engine.errors import BadInput

OURS = "rvc-tui"
# Where libraries keep files in a home folder; torch.hub, huggingface_hub and matplotlib go by XDG_CACHE_HOME.
IN_CACHE = {
    "TRITON_HOME": "triton",
    "TRITON_CACHE_DIR": "triton/cache",
    "MPLCONFIGDIR": "matplotlib",
    "NUMBA_CACHE_DIR": "numba",
}


def home() -> Path | None:
    """The user's home folder; None where nobody knows one."""
    text = os.environ.get("HOME", "")
    if not text:
        try:
            text = pwd.getpwuid(os.getuid()).pw_dir
        except KeyError:
            return None
    return Path(text) if text.startswith(os.sep) else None


def expanded(path: str | Path) -> Path:
    """The path with ~ replaced by the home folder. Raises BadInput where there is none."""
    text = str(path)
    if text != "~" and not text.startswith(f"~{os.sep}"):
        return Path(os.path.expanduser(text))
    folder = home()
    if folder is None:
        raise BadInput("common.no_home", path=text)
    return folder / text[1:].lstrip(os.sep)


def cache_folder() -> Path:
    """For what can be found out again: in $XDG_CACHE_HOME, ~/.cache, or where neither can be had a folder for temporary
    files."""
    return (_own_cache() or _temporary() / "cache") / OURS


def config_folder() -> Path:
    """For what the user chose: in $XDG_CONFIG_HOME, ~/.config, or without a home a folder for temporary files."""
    return (_own("XDG_CONFIG_HOME", ".config") or _temporary() / "config") / OURS


def complete(environment: MutableMapping[str, str]) -> None:
    """Set what libraries need to know about the user, for a process with this environment. What is set already
    stays."""
    if not _has_name(environment):
        environment.update(dict.fromkeys(("LOGNAME", "USER"), str(os.getuid())))
    if _own_cache() is None:
        cache = _temporary() / "cache"
        environment["XDG_CACHE_HOME"] = str(cache)
        for name, folder in IN_CACHE.items():
            environment.setdefault(name, str(cache / folder))
    if _own("XDG_CONFIG_HOME", ".config") is None:
        environment["XDG_CONFIG_HOME"] = str(_temporary() / "config")
    if can_write(cache_folder()):  # else torch takes one beside the temporary files, named after the user
        environment.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_folder() / "torchinductor"))


def can_write(folder: Path) -> bool:
    """Could files be made in it, or it itself where it is not there yet?"""
    try:
        about = os.stat(folder)
    except FileNotFoundError:
        return folder != folder.parent and can_write(folder.parent)
    except OSError:  # in a folder of somebody else's
        return False
    return stat.S_ISDIR(about.st_mode) and os.access(folder, os.W_OK | os.X_OK)


def _has_name(environment: MutableMapping[str, str]) -> bool:
    """As getpass.getuser asks."""
    if any(environment.get(name) for name in ("LOGNAME", "USER", "LNAME", "USERNAME")):
        return True
    try:
        return bool(getpass.getuser())
    except (KeyError, OSError, ImportError):  # OSError from Python 3.13 on
        return False


def _own(variable: str, folder: str) -> Path | None:
    """The folder that the environment names, else the one in the user's home; None without either."""
    chosen, own = os.environ.get(variable, ""), home()
    if chosen and (own is not None or not chosen.startswith("~")):
        return expanded(chosen)
    return None if own is None else own / folder


def _own_cache() -> Path | None:
    found = _own("XDG_CACHE_HOME", ".cache")
    return found if found is not None and (os.environ.get("XDG_CACHE_HOME") or can_write(found)) else None


@lru_cache(maxsize=1)
def _temporary() -> Path:
    """A folder that only this user can write, the same one each time; where somebody else has its name, a new one."""
    try:
        path = Path(tempfile.gettempdir()) / f"{OURS}-{os.getuid()}"
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022:
            return path
        return Path(tempfile.mkdtemp(prefix=f"{OURS}-"))
    except OSError:  # nothing can be written: what would have been kept there is found out again each time
        return Path(os.devnull)
