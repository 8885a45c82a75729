"""Which published weights are here, and whether each is what the manifest says. A sum is computed once and cached
by size and time."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rvc_engine.assets.manifest import Asset, find
from rvc_engine.common.opening import read_text
from rvc_engine.disk import DiskFull, sha256_of, write_whole
from rvc_engine.messages import Message
from rvc_engine.workspace import Workspace

OK = "verified"
DIFFERS = "differs"
MISSING = "missing"
UNCHECKED = Message("assets.unchecked")
OTHER = Message("assets.other_form")


@dataclass(frozen=True)
class Checked:
    """`state` is OK, DIFFERS, MISSING, UNCHECKED (only when asked not to compute) or OTHER: it is used in a form that
    the manifest does not describe, such as a HuBERT in a folder."""

    asset: Asset
    state: str
    path: Path | None = None
    bytes: int | None = None
    sha256: str | None = None


class Receipts:
    """pretrained/.verified.json: {file: {bytes, mtime_ns, sha256}}. What cannot be read or written is as if it were not
    there."""

    def __init__(self, workspace: Workspace) -> None:
        self.path = workspace.pretrained / ".verified.json"
        self.rows: dict[str, dict[str, Any]] = {}
        try:
            rows = json.loads(read_text(self.path))
            self.rows = {str(key): row for key, row in rows.items() if {"bytes", "mtime_ns", "sha256"} <= set(row)}
        except (OSError, ValueError, AttributeError, TypeError):
            pass

    def sum_of(self, path: Path) -> str | None:
        about, row = path.stat(), self.rows.get(str(path))
        known = row is not None and (row["bytes"], row["mtime_ns"]) == (about.st_size, about.st_mtime_ns)
        return str(row["sha256"]) if row is not None and known else None

    def note(self, path: Path, sha256: str) -> None:
        about = path.stat()
        self.rows[str(path)] = {"bytes": about.st_size, "mtime_ns": about.st_mtime_ns, "sha256": sha256}
        with suppress(OSError, DiskFull):  # then it is computed again the next time
            write_whole(self.path, json.dumps(self.rows, indent=1))

    def bytes_of(self, asset: Asset) -> int | None:
        """The size that the manifest states, else that of the first download that was verified."""
        seen = (int(row["bytes"]) for row in self.rows.values() if row["sha256"] == asset.sha256)
        return asset.bytes or next(seen, None)


def check(
    workspace: Workspace,
    asset: Asset,
    receipts: Receipts,
    *,
    compute: bool = True,
    progress: Callable[[int], None] | None = None,
) -> Checked:
    """Compare one file with the manifest. `compute=False`: only what is cached. Raises OSError when the file cannot
    be read."""
    path = find(workspace, asset)
    if path is None:
        return Checked(asset, MISSING)
    if path.name != Path(asset.name).name:
        return Checked(asset, OTHER, path)
    size, known = path.stat().st_size, receipts.sum_of(path)
    if known is None and not compute:
        return Checked(asset, UNCHECKED, path, size)
    if known is None:
        known = sha256_of(path, progress)
        receipts.note(path, known)
    return Checked(asset, OK if known == asset.sha256 else DIFFERS, path, size, known)
