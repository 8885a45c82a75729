"""The published weights as `rvc assets` lists them: what a preset needs, what is missing, how to copy it by hand. No
Textual here."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rvc_engine.client.replies import FileTransfer
from rvc_engine.client.words import duration, size
from rvc_tui.drawing import padded
from rvc_tui.texts import _

MISSING, DIFFERS = "missing", "differs"
Row = dict[str, Any]  # of rvc assets list --json


@dataclass(frozen=True)
class Need:
    """What a preset needs with pitch. `lacking`: what is missing or not as published."""

    preset: str
    rows: tuple[Row, ...]

    @property
    def lacking(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row["state"] in (MISSING, DIFFERS))

    @property
    def size(self) -> str:
        """Of what is lacking; some sizes are not publicly stated."""
        return total_of([bytes_of(row) for row in self.lacking])


def need_of(preset: str, rows: list[Row]) -> Need:
    return Need(preset, tuple(row for row in rows if preset in row["presets"] and row["pitch"] in (None, True)))


def bytes_of(row: Row) -> int | None:
    count = row.get("bytes") or row.get("published_bytes")
    return int(count) if count else None


def total_of(sizes: list[int | None]) -> str:
    known = [count for count in sizes if count]
    if not known:
        return _("size not stated") if sizes else ""
    unknown = len(sizes) - len(known)
    return size(sum(known)) + (_(" and {count} of unknown size").format(count=unknown) if unknown else "")


def place_of(home: Path, row: Row) -> str:
    return str(row.get("path") or home / "pretrained" / row["name"])


def by_hand(home: Path, need: Need) -> list[str]:
    """What to do on a machine that cannot download."""
    lines = [_("Fetch these on a machine that reaches the hub:")]
    for row in need.lacking:
        lines += [
            "",
            row["url"],
            f"  {padded(_('to'), 6)}  {home / 'pretrained' / row['name']}",
            f"  sha256  {row['published_sha256']}",
        ]
        known = bytes_of(row)
        lines += [f"  {padded(_('bytes'), 6)}  {known}"] if known else []
    folders = sorted({str((home / "pretrained" / row["name"]).parent) for row in need.lacking})
    lines += ["", _("make the folders here:"), f"  mkdir -p {shlex.join(folders)}", _("copy from there:")]
    for row in need.lacking:
        lines += [
            f"  scp {row['name'].rpartition('/')[2]} "
            f"USER@THIS_MACHINE:{shlex.quote(str(home / 'pretrained' / row['name']))}"
        ]
    return [*lines, _("then check:"), f"  rvc assets verify {need.preset}"]


def progress_of(transfer: FileTransfer) -> str:
    """In words."""
    done, total, rate = transfer.done, transfer.total, transfer.bytes_per_s
    if transfer.state == "downloading":
        text = (
            _("{done} of {total} MB").format(done=f"{done / 1e6:.1f}", total=f"{total / 1e6:.1f}")
            if total
            else f"{done / 1e6:.1f} MB"
        )
        text += f"  {rate / 1e6:.1f} MB/s" if rate else ("  " + _("resuming") if transfer.resumed_at else "")
        return text + ("  " + _("{time} left").format(time=duration((total - done) / rate)) if total and rate else "")
    error = transfer.error or {}
    return " ".join(filter(None, [_(transfer.state), error.get("title"), error.get("message")]))
