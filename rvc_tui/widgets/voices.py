"""Voices as rows and lines."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from rich.text import Text

from rvc_engine.client.words import size
from rvc_engine.common.printable import FACT, printable
from rvc_tui.drawing import aligned, cut, fitted, padded
from rvc_tui.engine_texts import translated
from rvc_tui.texts import N_, _
from rvc_tui.widgets.paths import within

NAME = 22


def heads() -> list[tuple[str, int]]:
    """The columns with their cells; below 0: aligned at the right."""
    named = (
        (N_("voice"), NAME),
        (N_("version"), 9),
        (N_("rate"), 4),
        (N_("pitch"), 5),
        (N_("encoder"), 10),
        (N_("epochs"), -6),
        (N_("size"), -10),
    )
    widths = [(_(head), cells) for head, cells in named]
    return [(head, max(cells, cell_len(head)) if cells > 0 else min(cells, -cell_len(head))) for head, cells in widths]


def columns(texts: Sequence[str]) -> str:
    return " ".join(
        padded(text, cells) if cells > 0 else aligned(text, -cells)
        for text, (_head, cells) in zip(texts, heads(), strict=True)
    )


def header(width: int) -> Text:
    return Text(f"{columns([head for head, _cells in heads()])}  {_('where') if width > 90 else ''}".rstrip(), "dim")


def voice_row(row: dict[str, Any], home: Path, width: int) -> Text:
    """One voice; what cannot be used says so instead of its facts."""
    line = Text(f"{fitted(name_of(row), NAME)} ", no_wrap=True)
    if row["problem"]:
        problem = translated(row["problem"])
        why = problem if row["what"] == "checkpoints" else _("unusable: {reason}").format(reason=problem)
        return line.append(printable(why), "yellow")
    rate = f"{int(row['sample_rate'] or 0) // 1000}k"
    pitch = _("yes") if row["pitch"] else _("no")
    epochs = "?" if row["epochs"] is None else printable(row["epochs"])
    cells = (
        cut(printable(row["version"] or "?"), 9),
        rate,
        pitch,
        cut(printable(row["encoder"] or "?"), 10),
        epochs,
        size(row["bytes"]),
    )
    line = Text(columns([fitted(name_of(row), NAME), *cells]), no_wrap=True)
    return line.append(f"  {printable(within(row['path'], home))}", "dim") if width > 90 else line


def name_of(row: dict[str, Any]) -> str:
    """The name where it is enough, else the file's."""
    return str(row["name"] if row["voice"] == row["name"] else Path(row["path"]).name)


def voice_lines(row: dict[str, Any], home: Path) -> list[Text]:
    """What the list knows of one voice."""
    rows = [
        (
            _("file"),
            f"{within(row['path'], home)}  {size(row['bytes'])}  "
            f"{time.strftime('%Y-%m-%d %H:%M', time.localtime(row['at']))}",
        ),
        (_("spoken as"), "" if row["problem"] else f"rvc convert {shlex.quote(within(row['voice'], home))} ..."),
        (_("pitch"), pitch_in_words(row["pitch_hz"]) if row["pitch_hz"] else ""),
        (_("trained on"), _("{minutes} minutes").format(minutes=f"{row['minutes']:.1f}") if row["minutes"] else ""),
        (_("licence") if row["what"] == "bundle" else _("info"), row["info"] or ""),
        (_("index"), _("in the bundle") if row["has_index"] else within(row["index"], home) if row["index"] else ""),
        (_("problem"), translated(row["problem"])),
    ]
    return [Text.assemble((padded(label, 11), "dim"), printable(text)) for label, text in rows if text]


def fact_lines(facts: dict[str, Any]) -> list[str]:
    """Everything that `rvc voice info` reports."""
    flat = {**facts, **(facts.get("other") or {})}
    flat.pop("other", None)
    rows = {
        printable(key.replace("_", " "), FACT): in_words(key, value)
        for key, value in flat.items()
        if value not in (None, "")
    }
    width = max(map(len, rows), default=0)
    return [f"{key:<{width}}  {text}" for key, text in rows.items()]


def in_words(key: str, value: Any) -> str:
    if key.endswith("pitch_hz") and isinstance(value, list) and len(value) == 3:
        return pitch_in_words(value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    units = {"sample_rate": " Hz", "minutes": " minutes", "transpose": " semitones"}
    return f"{value:,} bytes ({size(value)})" if key == "bytes" else printable(f"{value}{units.get(key, '')}", FACT)


def pitch_in_words(hz: list[float]) -> str:
    return _("{middle} Hz in the middle, {low} to {high} Hz for most of it").format(
        middle=f"{hz[1]:.0f}", low=f"{hz[0]:.0f}", high=f"{hz[2]:.0f}"
    )
