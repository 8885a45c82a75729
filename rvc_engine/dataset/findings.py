"""What the measurements of a folder mean: what is wrong, why it matters, and how to fix it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rvc_engine.dataset import thresholds as limits
from rvc_engine.dataset.files import PassedOver
from rvc_engine.dataset.folder import Folder, suggest_rate
from rvc_engine.dataset.report import FileReport
from rvc_engine.dataset.voices import spread_semitones, two_voices
from rvc_engine.settings import for_preset

Severity = Literal["good", "note", "warning", "problem"]
SEVERITIES: tuple[Severity, ...] = ("problem", "warning", "note", "good")


@dataclass(frozen=True)
class Finding:
    """`code` is stable and names the kind; `numbers` are those in `what`, for other languages and for pictures."""

    severity: Severity
    code: str
    what: str
    why_it_matters: str = ""
    way_out: str = ""
    files: list[str] = field(default_factory=list)
    numbers: dict[str, float] = field(default_factory=dict)


def findings_of(files: Sequence[FileReport], passed: PassedOver | None = None) -> list[Finding]:
    """Worst first; what is in order last. `passed`: what lies in the folder and was not measured."""
    folder = Folder(files)
    found = [finding for check in CHECKS for finding in check(folder)]
    if passed is not None and passed.total:
        numbers = {kind: float(count) for kind, count in passed.counts.items()}
        found.append(
            Finding(
                "note", "passed_over", passed.sentence, "They are no part of the minutes.", passed.hint, [], numbers
            )
        )
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))


def _names(files: Sequence[FileReport]) -> list[str]:
    return [f.name for f in files]


def _count(files: Sequence[object], what: str = "recording") -> str:
    return f"{len(files)} {what}{'s' if len(files) != 1 else ''}"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} minutes" if seconds >= 60 else f"{seconds:.0f} seconds"


def check_minutes(folder: Folder) -> list[Finding]:
    seconds = folder.usable_seconds
    numbers = {"seconds": round(seconds, 1)}
    if not seconds:
        why = "There is nothing to train on; rvc run refuses this folder."
        return [
            Finding(
                "problem",
                "nothing_usable",
                "No usable sound",
                why,
                "See the reasons of the files.",
                _names(folder.files),
                numbers,
            )
        ]
    what = f"{_minutes(seconds)} of usable sound"
    if seconds < limits.FEW_S:
        why = "With so little a voice sounds flat and learns the noise of its few sentences by heart."
        way_out = "Add recordings: 15 minutes make a first good voice, 30 to 40 a natural one."
        return [
            Finding("problem" if seconds < limits.LEAST_S else "warning", "little", what, why, way_out, [], numbers)
        ]
    if seconds < limits.BEGINNER_S:
        why = "Enough for a first voice; 15 minutes and more sound more natural."
        return [Finding("note", "little", what, why, "Add recordings if there are more.", [], numbers)]
    if seconds > limits.MUCH_S:
        why = "More than an hour gains little, and every epoch takes as much longer."
        return [Finding("note", "much", what, why, "Keep the cleanest hour.", [], numbers)]
    return [Finding("good", "minutes", what, numbers=numbers)]


def check_clipping(folder: Folder) -> list[Finding]:
    files = sorted((f for f in folder.used if f.clipped_share >= limits.CLIPPED_SHARE), key=lambda f: -f.clipped_share)
    if not files:
        return [Finding("good", "clipping", "No clipping")] if folder.used else []
    badly = [f for f in files if f.clipped_share >= limits.CLIPPED_BADLY]
    worst = files[0].clipped_share
    return [
        Finding(
            "problem" if folder.share(badly) >= limits.MANY else "warning",
            "clipping",
            f"{_count(files)} clipped, the worst in {100 * worst:.2g} % of the samples",
            "The crackle of flat tops is learned as part of the voice.",
            "Record again at a lower gain, use the original before it was turned up, or leave these out. A declipper "
            "helps a little.",
            _names(files),
            {"files": len(files), "worst_share": worst},
        )
    ]


def check_noise(folder: Folder) -> list[Finding]:
    measured = [f for f in folder.used if f.noise_dbfs is not None and f.snr_db is not None]
    near = [f for f in measured if (f.snr_db or 0) < limits.SNR_DB]
    high = [f for f in measured if f not in near and (f.noise_dbfs or 0) > limits.NOISE_DBFS]
    noise, snr = folder.median(lambda f: f.noise_dbfs), folder.median(lambda f: f.snr_db)
    if noise is None or snr is None:
        return []
    numbers = {"noise_dbfs": noise, "snr_db": snr}
    if not near and not high:
        return [
            Finding(
                "good", "noise", f"Quiet background: {noise:.0f} dBFS, {snr:.0f} dB below the voice", numbers=numbers
            )
        ]
    way_out = (
        "Remove music and noise with a separation tool (UVR, PyMSS) or a gentle denoiser, or record nearer to "
        "the microphone."
    )
    found = []
    if near:
        what = f"{_count(near)} with noise less than {limits.SNR_DB:.0f} dB below the voice"
        why = "The voice learns the room, the hum or the music along with the sound."
        severity: Severity = "problem" if folder.share(near) >= limits.MANY else "warning"
        found.append(Finding(severity, "noise", what, why, way_out, _names(near), numbers))
    if high:
        what = f"{_count(high)} with a background above {limits.NOISE_DBFS:.0f} dBFS"
        why = "Pauses are found by their level (-42 dB); breath and hiss this loud may stay in the clips."
        found.append(Finding("note", "noise_level", what, why, way_out, _names(high), numbers))
    return found


def check_loudness(folder: Folder) -> list[Finding]:
    spread, level = folder.loudness_spread, folder.median(lambda f: f.loudness_lufs)
    found = []
    if spread is not None and level is not None:
        numbers = {"spread_lu": round(spread, 1), "median_lufs": level}
        if spread > limits.SPREAD_LU:
            far = [
                f
                for f in folder.used
                if f.loudness_lufs is not None and abs(f.loudness_lufs - level) > limits.SPREAD_LU
            ]
            why = "Clips are levelled by three quarters only: loud and soft takes still teach the voice two volumes."
            way_out = "Bring all files to one loudness, for example -23 LUFS (not to one peak)."
            found.append(
                Finding(
                    "warning", "loudness", f"Loudness varies by {spread:.1f} LU", why, way_out, _names(far), numbers
                )
            )
        else:
            found.append(
                Finding(
                    "good", "loudness", f"Even loudness: {level:.0f} LUFS, varying by {spread:.1f} LU", numbers=numbers
                )
            )
    quiet = [f for f in folder.readable if f.loudness_lufs is not None and f.loudness_lufs < limits.QUIET_LUFS]
    if quiet:
        why = "What is below -42 dB is cut away as silence: in a recording this soft, ends of words go too."
        way_out = "Raise their loudness to about -23 LUFS, or lower --threshold-db of rvc preprocess."
        found.append(
            Finding(
                "warning",
                "quiet",
                f"{_count(quiet)} softer than {limits.QUIET_LUFS:.0f} LUFS",
                why,
                way_out,
                _names(quiet),
            )
        )
    return found


def check_bandwidth(folder: Folder) -> list[Finding]:
    rate, reason = suggest_rate(folder)
    hz = folder.bandwidth_hz
    if hz is None:
        return []
    found = []
    numbers = {"bandwidth_hz": hz, "sample_rate": float(rate)}
    if hz <= limits.LOW_HZ:
        why = "A model at a higher rate has nothing to learn from in its upper band: it sounds dull, or hisses."
        way_out = (
            "Find the recordings at their original quality, or train at 16 kHz (--preset starter); v2-32k "
            "works, with an empty top."
        )
        found.append(
            Finding("warning", "bandwidth", f"The sound ends at {hz / 1000:.1f} kHz", why, way_out, [], numbers)
        )
    else:
        found.append(Finding("good", "bandwidth", f"{rate // 1000} kHz fits: {reason}", numbers=numbers))
    need = limits.FILLED * min(rate, 2 * hz) / 2
    low = [f for f in folder.used if f.bandwidth_hz is not None and f.bandwidth_hz < need]
    low = [f for f in low if f.low_passed or f.seconds >= limits.MIN_BANDWIDTH_S or 2 * need > f.sample_rate]
    if low:
        lowest = min(f.bandwidth_hz or 0.0 for f in low)
        what = f"{_count(low)} that end below {need / 1000:.1f} kHz, the lowest at {lowest / 1000:.1f} kHz"
        why = f"At {rate // 1000} kHz the model hears the same voice bright in some clips and dull in others."
        way_out = "Use better originals, leave them out, or choose the preset of the rate that all of them fill."
        found.append(
            Finding(
                "warning", "bandwidth_mixed", what, why, way_out, _names(low), {"lowest_hz": lowest, "needed_hz": need}
            )
        )
    less = [f for f in folder.used if f.low_passed and (f.bandwidth_hz or 0) < limits.UPSAMPLED * f.sample_rate / 2]
    if less:
        what = f"{_count(less)} with less in them than their sample rate says"
        why = "The spectrum ends at a wall: an MP3, a call, or a file that was made larger from a lower rate."
        found.append(
            Finding(
                "note",
                "low_passed",
                what,
                why,
                "Choose the preset by the true bandwidth, not by the rate.",
                _names(less),
            )
        )
    return found


def check_silence(folder: Folder) -> list[Finding]:
    # of the others too much counts as silence
    audible = [f for f in folder.used if (f.loudness_lufs or 0.0) >= limits.QUIET_LUFS]
    files = [f for f in audible if f.silence_share > limits.SILENCE_SHARE]
    if not files:
        return []
    lost = sum(f.seconds - f.usable_seconds for f in files)
    why = f"Long pauses are cut out before training ({_minutes(lost)} here); the minutes above count without them."
    what = f"{_count(files)} of which more than half is silence"
    return [
        Finding(
            "note", "silence", what, why, "Nothing has to be done, unless speech was taken for silence.", _names(files)
        )
    ]


def check_rates(folder: Folder) -> list[Finding]:
    rates = sorted({f.sample_rate for f in folder.used})
    if len(rates) < 2:
        return []
    common = statistics.mode(f.sample_rate for f in folder.used)
    others = [f for f in folder.used if f.sample_rate != common]
    what = f"Sample rates differ: {', '.join(f'{rate / 1000:g}' for rate in rates)} kHz"
    why = "All are resampled, so this is no fault by itself; files with a low rate have no treble."
    return [Finding("note", "rates", what, why, "Use the originals with the highest rate.", _names(others))]


def check_channels(folder: Folder) -> list[Finding]:
    found = []
    opposite = [f for f in folder.readable if f.channel_kind == "opposite"]
    if opposite:
        why = "Mixed to one they cancel each other: the louder channel is used alone."
        way_out = "Nothing has to be done, if the voice is in that channel."
        found.append(
            Finding("problem", "opposite", f"{_count(opposite)} with opposite channels", why, way_out, _names(opposite))
        )
    different = [f for f in folder.used if f.channel_kind == "different"]
    if different:
        why = "Two microphones, a room or music in stereo: mixed to one channel they smear the voice."
        way_out = "Keep the better channel, or remove the music first."
        found.append(
            Finding("note", "stereo", f"{_count(different)} with different channels", why, way_out, _names(different))
        )
    offset = [f for f in folder.used if f.dc_offset > limits.DC_OFFSET]
    if offset:
        why = "It takes headroom away. The 48 Hz high-pass of rvc preprocess removes it."
        found.append(
            Finding(
                "note",
                "dc_offset",
                f"{_count(offset)} with a constant offset",
                why,
                "Nothing has to be done.",
                _names(offset),
            )
        )
    return found


def check_unused(folder: Folder) -> list[Finding]:
    found = []
    unreadable = [f for f in folder.files if not f.readable]
    if unreadable:
        what = f"{_count(unreadable, 'file')} cannot be read"
        why = f"Left out: {_reasons(unreadable)}."
        found.append(
            Finding(
                "warning", "unreadable", what, why, "Fetch or export them again, or remove them.", _names(unreadable)
            )
        )
    least = for_preset("starter").preprocess.min_clip_s
    short = [f for f in folder.used if f.longest_seconds < least]
    if short:
        what = f"{_count(short)} shorter than the preset starter takes"
        why = f"Its clips have at least {least:g} s between two pauses; of the other presets shorter ones do."
        found.append(Finding("note", "short", what, why, "Nothing has to be done with another preset.", _names(short)))
    unusable = [f for f in folder.readable if f.unusable]
    if unusable:
        what = f"{_count(unusable)} too short, too quiet or silent"
        way_out = "Nothing has to be done; join short takes of one sentence if they are needed."
        found.append(Finding("note", "unusable", what, f"Left out: {_reasons(unusable)}.", way_out, _names(unusable)))
    return found


READ_OTHERWISE: dict[str, tuple[Severity, str, str, str]] = {
    "repaired": (
        "warning",
        "{} with samples that are not finite",
        "They are set to 0, which can be heard as clicks.",
        "Export these recordings again.",
    ),
    "track": (
        "warning",
        "{} whose first audio track is silent",
        "The first track with sound is used.",
        "If it is the wrong one, take the right one out: ffmpeg -i FILE -map 0:a:NUMBER OUTPUT, counting from 0.",
    ),
    "left_out": (
        "warning",
        "{} longer than the header says",
        "What follows there is left out.",
        "Open and save them with an audio editor.",
    ),
    "cut": (
        "note",
        "{} whose last frame is cut off",
        "They may have been longer.",
        "Fetch them again if something is missing.",
    ),
    "channels": (
        "note",
        "{} with channels that are much quieter",
        "Those channels are left out.",
        "Nothing has to be done.",
    ),
}
"""Notes on how a recording is read: what the finding says, why, and what to do."""


def check_reading(folder: Folder) -> list[Finding]:
    found = []
    for code, (severity, what, why, way_out) in READ_OTHERWISE.items():
        files = [f for f in folder.readable if code in f.notes]
        if files:
            found.append(
                Finding(severity, code, what.format(_count(files)), why, way_out, _names(files), {"files": len(files)})
            )
    return found


def _reasons(files: Sequence[FileReport]) -> str:
    kinds = list(dict.fromkeys(f.unusable for f in files))
    return "; ".join(kinds[:3]) + (f"; and {len(kinds) - 3} more reasons" if len(kinds) > 3 else "")


def check_voices(folder: Folder) -> list[Finding]:
    if not folder.used:
        return []
    if not any(f.pitch_hz for f in folder.used):
        why = "No pitch was found: this is noise, whispering or music, not a voice that RVC can learn."
        return [
            Finding("problem", "no_voice", "Nobody seems to speak or sing", why, "Check that this is the right folder.")
        ]
    voices, spread = two_voices(folder.used), spread_semitones(folder.used)
    found = []
    certain = voices is not None and voices.share >= limits.OTHER_VOICE_SHARE and voices.seconds >= limits.OTHER_VOICE_S
    if voices is not None:
        what = f"Two pitch ranges: around {voices.low_hz:.0f} Hz and around {voices.high_hz:.0f} Hz"
        why = "Perhaps two speakers, and the model would become a mixture of both; or one who sings and speaks."
        way_out = "Listen to these files, and move those of somebody else to a folder of their own."
        numbers = {"low_hz": voices.low_hz, "high_hz": voices.high_hz, "share": round(voices.share, 3)}
        found.append(Finding("warning" if certain else "note", "two_voices", what, why, way_out, voices.files, numbers))
    if not certain and spread is not None and spread > limits.SPREAD_SEMITONES:
        what = f"The pitch differs from recording to recording by {spread:.1f} semitones"
        why = (
            "One reader stays within two: perhaps several speakers, and the model would become a mixture; or "
            "somebody who sings."
        )
        way_out = "Check that one person speaks in all."
        found.append(Finding("note", "many_voices", what, why, way_out, numbers={"semitones": round(spread, 1)}))
    return found


def check_duplicates(folder: Folder) -> list[Finding]:
    from rvc_engine.audio.fingerprint import alike

    found = []
    groups: dict[str, list[str]] = {}
    for f in folder.used:
        groups.setdefault(f.sha256, []).append(f.name)
    copies = [name for names in groups.values() for name in names[1:]]
    if copies:
        why = "What is there twice counts twice in training; the minutes above count it once."
        found.append(
            Finding("warning", "duplicates", f"{_count(copies, 'exact duplicate')}", why, "Remove the copies.", copies)
        )
    single = [f for f in folder.used if f.name not in copies]
    pairs = alike([f.fingerprint for f in single], [f.seconds for f in single])
    if pairs:
        later = list(dict.fromkeys(single[j].name for _, j in pairs))
        first = single[pairs[0][0]].name
        what = f"{_count(later)} that seem to be there in another format too"
        why = f"For example {later[0]} sounds the same as {first}. What is there twice counts twice in training."
        found.append(Finding("warning", "near_duplicates", what, why, "Keep the better of the two.", later))
    return found


CHECKS: tuple[Callable[[Folder], list[Finding]], ...] = (
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
