"""What the measurements of a folder mean: what is wrong, why it matters, and how to fix it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rvc_engine.dataset import thresholds as limits
from rvc_engine.dataset.files import LISTED, PassedOver
from rvc_engine.dataset.folder import Folder, suggest_rate
from rvc_engine.dataset.report import FileReport
from rvc_engine.dataset.voices import spread_semitones, two_voices
from rvc_engine.messages import NOTHING, Message, joined
from rvc_engine.messages.message import cause_of, fix_of
from rvc_engine.settings import for_preset

Severity = Literal["good", "note", "warning", "problem"]
SEVERITIES: tuple[Severity, ...] = ("problem", "warning", "note", "good")


@dataclass(frozen=True)
class Finding:
    """`code` is stable and names the kind; `numbers` are those in `what`, for pictures."""

    severity: Severity
    code: str
    what: Message
    why_it_matters: Message = NOTHING
    fix: Message = NOTHING
    files: list[str] = field(default_factory=list)
    numbers: dict[str, float] = field(default_factory=dict)


def findings_of(files: Sequence[FileReport], passed: PassedOver | None = None) -> list[Finding]:
    """Worst first; what is in order last. `passed`: what lies in the folder and was not measured."""
    folder = Folder(files)
    found = [finding for check in CHECKS for finding in check(folder)]
    if passed is not None and passed.total:
        why, numbers = Message("dataset_findings.not_counted"), {kind: float(n) for kind, n in passed.counts.items()}
        found.append(Finding("note", "passed_over", passed.sentence, why, passed.hint, [], numbers))
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))


def finding_of(
    what: str,
    severity: Severity,
    files: Sequence[FileReport | str] = (),
    *,
    code: str = "",
    numbers: dict[str, float] | None = None,
    **params: object,
) -> Finding:
    """`what`: a code of words/dataset_findings.py, with its parameters; `code`: of the finding, where it is another."""
    said = Message(what, **params)
    names = [file if isinstance(file, str) else file.name for file in files]
    return Finding(severity, code or what.partition(".")[2], said, cause_of(said), fix_of(said), names, numbers or {})


def _length(seconds: float) -> Message:
    if seconds >= 60:
        return Message("dataset_findings.minutes_long", minutes=seconds / 60)
    return Message("dataset_findings.seconds_long", seconds=seconds)


def _worse_if_much(folder: Folder, files: Sequence[FileReport]) -> Severity:
    return "problem" if folder.share(files) >= limits.MANY else "warning"


# --- the checks -------------------------------------------------------------------------------------------------------
def check_minutes(folder: Folder) -> Iterator[Finding]:
    seconds = folder.usable_seconds
    length, numbers = _length(seconds), {"seconds": round(seconds, 1)}
    if not seconds:
        yield finding_of("dataset_findings.nothing_usable", "problem", folder.files, numbers=numbers)
    elif seconds < limits.FEW_S:
        severity: Severity = "problem" if seconds < limits.LEAST_S else "warning"
        yield finding_of("dataset_findings.little", severity, numbers=numbers, length=length)
    elif seconds < limits.BEGINNER_S:
        yield finding_of("dataset_findings.enough_to_begin", "note", code="little", numbers=numbers, length=length)
    elif seconds > limits.MUCH_S:
        yield finding_of("dataset_findings.much", "note", numbers=numbers, length=length)
    else:
        yield finding_of("dataset_findings.minutes", "good", numbers=numbers, length=length)


def check_unused(folder: Folder) -> Iterator[Finding]:
    unreadable = [f for f in folder.files if not f.readable]
    if unreadable:
        reasons = _reasons(unreadable)
        yield finding_of("dataset_findings.unreadable", "warning", unreadable, count=len(unreadable), reasons=reasons)
    least = for_preset("starter").preprocess.min_clip_s
    if short := [f for f in folder.used if f.longest_seconds < least]:
        yield finding_of("dataset_findings.short", "note", short, count=len(short), least_s=least)
    if unusable := [f for f in folder.readable if f.unusable]:
        reasons = _reasons(unusable)
        yield finding_of("dataset_findings.unusable", "note", unusable, count=len(unusable), reasons=reasons)


def _reasons(files: Sequence[FileReport]) -> Message:
    """Up to LISTED different ones."""
    every = list(dict.fromkeys(f.unusable for f in files))
    reasons, more = joined(*every[:LISTED]), len(every) - LISTED
    return Message("dataset_findings.more_reasons", reasons=reasons, count=more) if more > 0 else reasons


READ_OTHERWISE: dict[str, Severity] = {
    "dataset_findings.repaired": "warning",
    "dataset_findings.track": "warning",
    "dataset_findings.left_out": "warning",
    "dataset_findings.cut": "note",
    "dataset_findings.channels": "note",
}
"""Of the notes on how a recording is read (audio/notes.py); each finding is called as its note."""


def check_reading(folder: Folder) -> Iterator[Finding]:
    for what, severity in READ_OTHERWISE.items():
        if files := [f for f in folder.readable if what.partition(".")[2] in f.notes]:
            yield finding_of(what, severity, files, numbers={"files": len(files)}, count=len(files))


def check_clipping(folder: Folder) -> Iterator[Finding]:
    files = sorted((f for f in folder.used if f.clipped_share >= limits.CLIPPED_SHARE), key=lambda f: -f.clipped_share)
    if files:
        severity = _worse_if_much(folder, [f for f in files if f.clipped_share >= limits.CLIPPED_BADLY])
        worst = files[0].clipped_share
        numbers = {"files": len(files), "worst_share": worst}
        yield finding_of(
            "dataset_findings.clipping", severity, files, numbers=numbers, count=len(files), worst_percent=100 * worst
        )
    elif folder.used:
        yield finding_of("dataset_findings.no_clipping", "good", code="clipping")


def check_noise(folder: Folder) -> Iterator[Finding]:
    noise, snr = folder.median(lambda f: f.noise_dbfs), folder.median(lambda f: f.snr_db)
    if noise is None or snr is None:
        return
    numbers = {"noise_dbfs": noise, "snr_db": snr}
    measured = [f for f in folder.used if f.noise_dbfs is not None and f.snr_db is not None]
    near = [f for f in measured if (f.snr_db or 0) < limits.SNR_DB]
    high = [f for f in measured if f not in near and (f.noise_dbfs or 0) > limits.NOISE_DBFS]
    if near:
        severity, count = _worse_if_much(folder, near), len(near)
        yield finding_of("dataset_findings.noise", severity, near, numbers=numbers, count=count, snr_db=limits.SNR_DB)
    if high:
        count, most = len(high), limits.NOISE_DBFS
        yield finding_of("dataset_findings.noise_level", "note", high, numbers=numbers, count=count, noise_dbfs=most)
    if not near and not high:
        yield finding_of(
            "dataset_findings.quiet_background", "good", code="noise", numbers=numbers, noise_dbfs=noise, snr_db=snr
        )


def check_bandwidth(folder: Folder) -> Iterator[Finding]:
    rate, reason = suggest_rate(folder)
    hz = folder.bandwidth_hz
    if hz is None:
        return
    numbers = {"bandwidth_hz": hz, "sample_rate": float(rate)}
    if hz <= limits.LOW_HZ:
        yield finding_of("dataset_findings.bandwidth", "warning", numbers=numbers, khz=hz / 1000)
    else:
        rate_khz = rate // 1000
        yield finding_of(
            "dataset_findings.rate_fits", "good", code="bandwidth", numbers=numbers, rate_khz=rate_khz, reason=reason
        )
    yield from _mixed_bandwidths(folder, rate, limits.FILLED * min(rate, 2 * hz) / 2)
    less = [f for f in folder.used if f.low_passed and (f.bandwidth_hz or 0) < limits.UPSAMPLED * f.sample_rate / 2]
    if less:
        yield finding_of("dataset_findings.low_passed", "note", less, count=len(less))


def _mixed_bandwidths(folder: Folder, rate: int, needed: float) -> Iterator[Finding]:
    """`rate` and `needed` in Hz."""
    low = [f for f in folder.used if f.bandwidth_hz is not None and f.bandwidth_hz < needed]
    low = [f for f in low if f.low_passed or f.seconds >= limits.MIN_BANDWIDTH_S or 2 * needed > f.sample_rate]
    if low:
        lowest = min(f.bandwidth_hz or 0.0 for f in low)
        yield finding_of(
            "dataset_findings.bandwidth_mixed",
            "warning",
            low,
            numbers={"lowest_hz": lowest, "needed_hz": needed},
            count=len(low),
            needed_khz=needed / 1000,
            lowest_khz=lowest / 1000,
            rate_khz=rate // 1000,
        )


def check_loudness(folder: Folder) -> Iterator[Finding]:
    spread, level = folder.loudness_spread, folder.median(lambda f: f.loudness_lufs)
    if spread is not None and level is not None:
        numbers = {"spread_lu": round(spread, 1), "median_lufs": level}
        if spread > limits.SPREAD_LU:
            known = [f for f in folder.used if f.loudness_lufs is not None]
            far = [f for f in known if abs((f.loudness_lufs or 0.0) - level) > limits.SPREAD_LU]
            yield finding_of("dataset_findings.loudness", "warning", far, numbers=numbers, spread_lu=spread)
        else:
            yield finding_of(
                "dataset_findings.even_loudness", "good", code="loudness", numbers=numbers, lufs=level, spread_lu=spread
            )
    quiet = [f for f in folder.readable if f.loudness_lufs is not None and f.loudness_lufs < limits.QUIET_LUFS]
    if quiet:
        yield finding_of("dataset_findings.quiet", "warning", quiet, count=len(quiet), lufs=limits.QUIET_LUFS)


def check_voices(folder: Folder) -> Iterator[Finding]:
    if not any(f.pitch_hz for f in folder.used):
        if folder.used:
            yield finding_of("dataset_findings.no_voice", "problem")
        return
    voices, spread = two_voices(folder.used), spread_semitones(folder.used)
    certain = voices is not None and voices.share >= limits.OTHER_VOICE_SHARE and voices.seconds >= limits.OTHER_VOICE_S
    if voices is not None:
        severity: Severity = "warning" if certain else "note"
        low, high = voices.low_hz, voices.high_hz
        numbers = {"low_hz": low, "high_hz": high, "share": round(voices.share, 3)}
        yield finding_of(
            "dataset_findings.two_voices", severity, voices.files, numbers=numbers, low_hz=low, high_hz=high
        )
    if not certain and spread is not None and spread > limits.SPREAD_SEMITONES:
        numbers = {"semitones": round(spread, 1)}
        yield finding_of("dataset_findings.many_voices", "note", numbers=numbers, semitones=spread)


def check_channels(folder: Folder) -> Iterator[Finding]:
    if opposite := [f for f in folder.readable if f.channel_kind == "opposite"]:
        yield finding_of("dataset_findings.opposite", "problem", opposite, count=len(opposite))
    if different := [f for f in folder.used if f.channel_kind == "different"]:
        yield finding_of("dataset_findings.stereo", "note", different, count=len(different))
    if offset := [f for f in folder.used if f.dc_offset > limits.DC_OFFSET]:
        yield finding_of("dataset_findings.dc_offset", "note", offset, count=len(offset))


def check_duplicates(folder: Folder) -> Iterator[Finding]:
    from rvc_engine.audio.fingerprint import alike

    groups: dict[str, list[str]] = {}
    for f in folder.used:
        groups.setdefault(f.sha256, []).append(f.name)
    copies = [name for names in groups.values() for name in names[1:]]
    if copies:
        yield finding_of("dataset_findings.duplicates", "warning", copies, count=len(copies))
    single = [f for f in folder.used if f.name not in copies]
    pairs = alike([f.fingerprint for f in single], [f.seconds for f in single])
    if pairs:
        later, first = list(dict.fromkeys(single[j].name for _, j in pairs)), single[pairs[0][0]].name
        yield finding_of(
            "dataset_findings.near_duplicates", "warning", later, count=len(later), later=later[0], first=first
        )


def check_silence(folder: Folder) -> Iterator[Finding]:
    # of the others too much counts as silence
    audible = [f for f in folder.used if (f.loudness_lufs or 0.0) >= limits.QUIET_LUFS]
    if files := [f for f in audible if f.silence_share > limits.SILENCE_SHARE]:
        lost = _length(sum(f.seconds - f.usable_seconds for f in files))
        yield finding_of("dataset_findings.silence", "note", files, count=len(files), length=lost)


def check_rates(folder: Folder) -> Iterator[Finding]:
    rates = sorted({f.sample_rate for f in folder.used})
    if len(rates) > 1:
        common = statistics.mode(f.sample_rate for f in folder.used)
        others = [f for f in folder.used if f.sample_rate != common]
        yield finding_of("dataset_findings.rates", "note", others, rates=[f"{rate / 1000:g}" for rate in rates])


CHECKS: tuple[Callable[[Folder], Iterator[Finding]], ...] = (
    check_minutes,
    check_unused,
    check_reading,
    check_clipping,
    check_noise,
    check_bandwidth,
    check_loudness,
    check_voices,
    check_channels,
    check_duplicates,
    check_silence,
    check_rates,
)
