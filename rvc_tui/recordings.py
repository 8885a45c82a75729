"""What `rvc dataset --json` reports of a folder, as lines: the sum, findings, the table, one file. No Textual here."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from rvc_engine.client.words import duration, histogram, size
from rvc_engine.common.printable import printable
from rvc_tui.drawing import aligned, padded, shortened
from rvc_tui.engine_texts import translated
from rvc_tui.texts import N_, _, counted, meant

File = dict[str, Any]  # of files in the report
Report = dict[str, Any]
ORDERS = ("worst", N_("length"), N_("loudness"), N_("noise"), N_("bandwidth"), N_("clipping"))
STYLE = {"problem": "bold red", "warning": "yellow", "note": "", "good": "green"}
WEIGHTS = {N_("problem"): 100, N_("warning"): 10, N_("note"): 1, N_("good"): 0}
COLUMNS = (
    (N_("length"), 7),
    ("kHz", 5),
    (N_("band"), 5),
    ("LUFS", 6),
    (N_("noise"), 5),
    ("SNR", 4),
    (N_("clip"), 6),
    (N_("pitch"), 5),
)
CHANNEL_KINDS = (N_("mono"), N_("same"), N_("different"), N_("opposite"), N_("one_sided"))  # of channel_kind
WIDE = 1e9  # where nothing was measured: last


def header() -> str:
    """Above the files, without the column of their names."""
    return columns([_(head) for head, _cells in COLUMNS])


def columns(texts: Sequence[str]) -> str:
    return " ".join(
        aligned(text, max(cells, cell_len(_(head)))) for text, (head, cells) in zip(texts, COLUMNS, strict=True)
    )


# --- the folder ------------------------------------------------------------------------------------
def summary(report: Report) -> list[Text]:
    s = report
    files = _("{used} of {count} files can be used: ").format(used=s["used"], count=s["count"])
    used = Text.assemble(files, (duration(s["usable_seconds"]), "bold"))
    lines = [used.append(_(" of sound in {time}").format(time=duration(s["total_seconds"])))]
    if s["used"]:
        presets = _(", then ").join(s["suggested_presets"])
        fits = Text.assemble(
            _("a model at {rate} kHz fits: ").format(rate=s["suggested_sample_rate"] // 1000), (presets, "bold")
        )
        lines.append(fits.append(f"  {printable(translated(s['suggestion_reason']))}", "dim"))
    if s["pitch_hz"]:
        lines.append(Text(f"{_('pitch')} {pitch_words(s['pitch_hz'])}", "dim"))
    return lines


def finding_line(finding: dict[str, Any]) -> Text:
    severity = finding["severity"]
    return Text.assemble(
        (padded(_(severity), 8) + " ", STYLE.get(severity, "")), printable(translated(finding["what"]))
    )


def about_finding(finding: dict[str, Any]) -> list[Text]:
    """What it means, the fix, and which files."""
    lines = [Text(printable(translated(finding["what"])), "bold")]
    lines += [Text(printable(translated(finding["why_it_matters"])))] if finding["why_it_matters"] else []
    lines += [Text.assemble((_("fix") + "  ", "bold"), printable(translated(finding["fix"])))] if finding["fix"] else []
    names = [printable(name) for name in finding["files"]]
    more = _(" and {count} more").format(count=len(names) - 6) if len(names) > 6 else ""
    return lines + ([Text(f"{meant('label', 'files')}  {', '.join(names[:6])}{more}", "dim")] if names else [])


# --- the files -------------------------------------------------------------------------------------
def ordered(report: Report, order: str) -> list[File]:
    """Worst first: the shortest, the farthest from the median loudness, the least above its noise, the lowest band, the
    most clipped."""
    weight: Counter[str] = Counter()
    for finding in report["findings"]:
        for name in finding["files"]:
            weight[name] += WEIGHTS.get(finding["severity"], 0)
    levels = [f["loudness_lufs"] for f in report["files"] if f["loudness_lufs"] is not None]
    middle = statistics.median(levels) if levels else 0.0

    def known(value: float | None) -> float:
        return WIDE if value is None else value

    keys: dict[str, Callable[[File], float]] = {
        "worst": lambda f: -weight[f["name"]],
        "length": lambda f: f["seconds"],
        "loudness": lambda f: WIDE if f["loudness_lufs"] is None else -abs(f["loudness_lufs"] - middle),
        "noise": lambda f: known(f["snr_db"]),
        "bandwidth": lambda f: known(f["bandwidth_hz"]),
        "clipping": lambda f: -f["clipped_share"],
    }
    return sorted(report["files"], key=lambda f: (keys[order](f), f["name"]))


def file_line(file: File, name_width: int) -> Text:
    name = Text(set_cell_size(tail(printable(file["name"]), name_width), name_width) + " ", "bold")
    if not file["readable"]:
        return Text.assemble(name, (printable(translated(file["unusable"])), "red"))
    pitch = file["pitch_hz"][1] if file["pitch_hz"] else None
    clip = f"{100 * file['clipped_share']:.2g}%" if file["clipped_share"] else "-"
    parts = [
        length(file["seconds"]),
        f"{file['sample_rate'] / 1000:.4g}",
        number(file["bandwidth_hz"], 1000, 1),
        number(file["loudness_lufs"], 1, 1),
        number(file["noise_dbfs"]),
        number(file["snr_db"]),
        clip,
        number(pitch),
    ]
    return Text.assemble(name, (columns(parts), "yellow" if file["unusable"] else ""))


def about_file(report: Report, file: File) -> list[Text]:
    """Everything that was measured, and each finding that names it."""
    lines = [Text.assemble((printable(file["name"]), "bold"), f"  {size(file['bytes'])}")]
    if file["unusable"]:
        lines.append(Text(_("left out: {reason}").format(reason=printable(translated(file["unusable"]))), "bold red"))
    if file["readable"]:
        lines += [Text(form(file)), Text(levels(file)), Text(clipping_and_pitch(file))]
    for finding in report["findings"]:
        if file["name"] in finding["files"]:
            lines.append(finding_line(finding))
    return lines


def form(file: File) -> str:
    channels = counted("{count} channel", "{count} channels", file["channels"])
    kind = f" ({printable(_(file['channel_kind']))})" if file["channel_kind"] else ""
    band = _("sound up to {band}").format(band=khz(file["bandwidth_hz"])) + (
        _(", it ends at a wall") if file["low_passed"] else ""
    )
    return f"{printable(file['codec'])}, {file['sample_rate']} Hz, {channels}{kind}; {band}"


def levels(file: File) -> str:
    return _(
        "{seconds} s, {usable} s usable, {silence} % silence; loudness {lufs} LUFS, peak {peak} dBFS, noise {noise} "
        "dBFS, SNR {snr} dB"
    ).format(
        seconds=f"{file['seconds']:.1f}",
        usable=f"{file['usable_seconds']:.1f}",
        silence=f"{100 * file['silence_share']:.0f}",
        lufs=number(file["loudness_lufs"], 1, 1),
        peak=number(file["peak_dbfs"], 1, 1),
        noise=number(file["noise_dbfs"]),
        snr=number(file["snr_db"]),
    )


def clipping_and_pitch(file: File) -> str:
    low, middle, high = file["pitch_hz"] or (0.0, 0.0, 0.0)
    pitch = _("no voice")
    if file["pitch_hz"]:
        pitch = _("{middle} Hz, mostly {low} to {high}").format(
            middle=f"{middle:.0f}", low=f"{low:.0f}", high=f"{high:.0f}"
        )
    clipped, offset = f"{100 * file['clipped_share']:.2g}", f"{file['dc_offset']:.3f}"
    return _("clipped {share} %, offset {offset}, pitch {pitch}").format(share=clipped, offset=offset, pitch=pitch)


def pitch_words(hz: list[float]) -> str:
    low, middle, high = (f"{value:.0f}" for value in hz)
    return _("{middle} Hz, mostly {low} to {high} Hz").format(middle=middle, low=low, high=high)


def khz(hz: float | None) -> str:
    return "n/a" if hz is None else f"{hz / 1000:.1f} kHz"


def number(value: float | None, unit: float = 1, digits: int = 0) -> str:
    return "-" if value is None else f"{value / unit:.{digits}f}"


def length(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f}s"
    whole = int(seconds)
    return (
        f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}" if whole >= 3600 else f"{whole // 60}:{whole % 60:02}"
    )


def tail(name: str, width: int) -> str:
    """The end of a long name says more than its beginning."""
    return shortened(name, width, ascii=True)


# --- pictures --------------------------------------------------------------------------------------
def pictures(report: Report, width: int, *, ascii: bool) -> list[Text]:
    """Histograms of the files, as many beside each other as fit."""
    files = [f for f in report["files"] if f["readable"]]
    named = (
        (_("length"), "s", "seconds", 1),
        (_("loudness"), "LUFS", "loudness_lufs", 1),
        ("SNR", "dB", "snr_db", 1),
        (_("band"), "kHz", "bandwidth_hz", 1000),
    )
    blocks = []
    for title, unit, key, divisor in named:
        values = [f[key] / divisor for f in files if f[key] is not None]
        blocks += [histogram(title, values, unit, ascii)] if values else []
    pitches = [f["pitch_hz"][1] for f in files if f["pitch_hz"]]
    blocks += [histogram(_("pitch"), pitches, "Hz", ascii)] if pitches else []
    beside = max(1, width // 40)
    lines: list[Text] = []
    for first in range(0, len(blocks), beside):
        row = blocks[first : first + beside]
        height = max(map(len, row))
        lines += [
            Text("".join(padded(block[y] if y < len(block) else "", 40) for block in row).rstrip())
            for y in range(height)
        ]
        lines.append(Text())
    return lines[:-1]
