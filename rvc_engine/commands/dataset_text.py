"""The report on a folder of recordings as text of 80 columns."""

from __future__ import annotations

import sys
import textwrap
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.cells import cell_len, set_cell_size

from rvc_engine.client.words import duration, histogram
from rvc_engine.common.printable import printable
from rvc_engine.dataset.report import FileReport

WIDTH = 80
ROWS = 20
NAME_WIDTH = 27
NAMED = 3
HEADER = "recording".ljust(NAME_WIDTH) + "  length   kHz  band   LUFS noise  SNR   clip pitch"
MARKS = {"problem": "!!", "warning": "! ", "note": "- ", "good": "ok"}
WEIGHTS = {"problem": 100, "warning": 10, "note": 1, "good": 0}


def text_of(
    folder: Path,
    files: Sequence[FileReport],
    summary: dict[str, Any],
    findings: Sequence[dict[str, Any]],
    *,
    plain: bool,
) -> str:
    ascii_only = plain or not _is_unicode()
    parts = [
        _heading(folder, summary),
        *_pictures(files, ascii_only),
        _table(files, findings),
        "\n".join(map(_finding, findings)),
    ]
    text = "\n\n".join(part for part in parts if part)
    encoding = "ascii" if ascii_only else "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _is_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")


def _heading(folder: Path, summary: dict[str, Any]) -> str:
    s = summary
    lines = [
        printable(str(folder)),
        f"{s['used']} of {s['count']} files can be used: {duration(s['usable_seconds'])} of "
        f"{duration(s['total_seconds'])}",
    ]
    if s["used"]:
        rate = s["suggested_sample_rate"] // 1000
        lines += textwrap.wrap(
            f"model at {rate} kHz ({', then '.join(s['suggested_presets'])}): {s['suggestion_reason']}", WIDTH
        )
    if s["pitch_hz"]:
        low, median, high = s["pitch_hz"]
        lines.append(f"pitch: {median:.0f} Hz, mostly {low:.0f} to {high:.0f} Hz")
    return "\n".join(lines)


# --- pictures --------------------------------------------------------------------------------------
def _pictures(files: Sequence[FileReport], ascii_only: bool) -> list[str]:
    """Histograms of lengths and of loudness, side by side; none for so few files that the table says it all."""
    lengths = [f.seconds for f in files if f.readable]
    levels = [f.loudness_lufs for f in files if f.loudness_lufs is not None]
    if len(lengths) < 4:
        return []
    left = histogram("length", lengths, "s", ascii_only)
    right = histogram("loudness", levels, "LUFS", ascii_only) if len(levels) > 3 else []
    height = max(len(left), len(right))
    rows = zip(left + [""] * (height - len(left)), right + [""] * (height - len(right)), strict=True)
    return ["\n".join(f"{one:<40}{other}".rstrip() for one, other in rows)]


# --- the table -------------------------------------------------------------------------------------
def _table(files: Sequence[FileReport], findings: Sequence[dict[str, Any]]) -> str:
    weight: Counter[str] = Counter()
    for finding in findings:
        for name in finding["files"]:
            weight[name] += WEIGHTS[finding["severity"]]
    worst = sorted(files, key=lambda f: (-weight[f.name], f.name))
    lines = [HEADER, *(_row(file) for file in worst[:ROWS])]
    if len(files) > ROWS:
        remarked = sum(1 for f in worst[ROWS:] if weight[f.name])
        lines.append(f"and {len(files) - ROWS} more, {remarked or 'none'} of them with a remark")
    return "\n".join(lines)


def _row(file: FileReport) -> str:
    name = _fitted(file.name)
    if not file.readable:
        return f"{name}  {textwrap.shorten(file.unusable, WIDTH - NAME_WIDTH - 2, placeholder=' ...')}"
    clip = f"{100 * file.clipped_share:.2g}%" if file.clipped_share else "-"
    pitch = f"{file.pitch_hz[1]:.0f}" if file.pitch_hz else "-"
    return (
        f"{name} {_length(file.seconds):>7} {file.sample_rate / 1000:>5.4g} {_number(file.bandwidth_hz, 1000, 1):>5} "
        f"{_number(file.loudness_lufs, 1, 1):>6} {_number(file.noise_dbfs):>5} {_number(file.snr_db):>4} {clip:>6} "
        f"{pitch:>5}"
    )


def _number(value: float | None, unit: float = 1, digits: int = 0) -> str:
    return "-" if value is None else f"{value / unit:.{digits}f}"


def _length(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f}s"
    whole = int(seconds)
    return (
        f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}" if whole >= 3600 else f"{whole // 60}:{whole % 60:02}"
    )


def _fitted(name: str) -> str:
    """The end of a long name says more than its beginning."""
    name = printable(name)
    if cell_len(name) > NAME_WIDTH:
        while cell_len(name) > NAME_WIDTH - 3:
            name = name[1:]
        name = f"...{name}"
    return set_cell_size(name, NAME_WIDTH)


# --- findings --------------------------------------------------------------------------------------
def _finding(finding: dict[str, Any]) -> str:
    lines = [f"{MARKS[finding['severity']]} {printable(finding['what'])}"]
    for text in (finding["why_it_matters"], finding["fix"]):
        lines += textwrap.wrap(printable(text), WIDTH, initial_indent="   ", subsequent_indent="   ")
    names = [printable(name) for name in finding["files"]]
    if names:
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        lines += textwrap.wrap(
            f"files: {', '.join(names[:NAMED])}{more}", WIDTH, initial_indent="   ", subsequent_indent="   "
        )
    return "\n".join(lines)
