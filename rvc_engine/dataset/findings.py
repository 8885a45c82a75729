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
from rvc_engine.messages import Message
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
                "note",
                "passed_over",
                passed.sentence,
                Message("dataset.they_no_part_minutes"),
                passed.hint,
                [],
                numbers,
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
        why = Message("dataset.nothing_train_rvc_run_refuses")
        return [
            Finding(
                "problem",
                "nothing_usable",
                Message("dataset.no_usable_sound"),
                why,
                Message("dataset.see_reasons_files"),
                _names(folder.files),
                numbers,
            )
        ]
    what = Message("dataset.usable_sound", minutes=_minutes(seconds))
    if seconds < limits.FEW_S:
        why = Message("dataset.so_little_voice_sounds_flat")
        way_out = Message("dataset.add_recordings_15_minutes_make")
        return [
            Finding("problem" if seconds < limits.LEAST_S else "warning", "little", what, why, way_out, [], numbers)
        ]
    if seconds < limits.BEGINNER_S:
        why = Message("dataset.enough_first_voice_15_minutes")
        return [Finding("note", "little", what, why, Message("dataset.add_recordings_if_more"), [], numbers)]
    if seconds > limits.MUCH_S:
        why = Message("dataset.more_than_hour_gains_little")
        return [Finding("note", "much", what, why, Message("dataset.keep_cleanest_hour"), [], numbers)]
    return [Finding("good", "minutes", what, numbers=numbers)]


def check_clipping(folder: Folder) -> list[Finding]:
    files = sorted((f for f in folder.used if f.clipped_share >= limits.CLIPPED_SHARE), key=lambda f: -f.clipped_share)
    if not files:
        return [Finding("good", "clipping", Message("dataset.no_clipping"))] if folder.used else []
    badly = [f for f in files if f.clipped_share >= limits.CLIPPED_BADLY]
    worst = files[0].clipped_share
    return [
        Finding(
            "problem" if folder.share(badly) >= limits.MANY else "warning",
            "clipping",
            Message("dataset.clipped_worst_samples", count=_count(files), worst=100 * worst),
            Message("dataset.crackle_flat_tops_learned_part"),
            Message("dataset.record_again_lower_gain_use"),
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
                "good",
                "noise",
                Message("dataset.quiet_background_dbfs_db_below", noise=noise, snr=snr),
                numbers=numbers,
            )
        ]
    way_out = Message("dataset.remove_music_noise_separation_tool")
    found = []
    if near:
        what = Message("dataset.noise_less_than_db_below", count=_count(near), snr_db=limits.SNR_DB)
        why = Message("dataset.voice_learns_room_hum_music")
        severity: Severity = "problem" if folder.share(near) >= limits.MANY else "warning"
        found.append(Finding(severity, "noise", what, why, way_out, _names(near), numbers))
    if high:
        what = Message("dataset.background_above_dbfs", count=_count(high), noise_dbfs=limits.NOISE_DBFS)
        why = Message("dataset.pauses_found_their_level_42")
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
            why = Message("dataset.clips_levelled_three_quarters_only")
            way_out = Message("dataset.bring_all_files_one_loudness")
            found.append(
                Finding(
                    "warning",
                    "loudness",
                    Message("dataset.loudness_varies_lu", spread=spread),
                    why,
                    way_out,
                    _names(far),
                    numbers,
                )
            )
        else:
            found.append(
                Finding(
                    "good",
                    "loudness",
                    Message("dataset.even_loudness_lufs_varying_lu", level=level, spread=spread),
                    numbers=numbers,
                )
            )
    quiet = [f for f in folder.readable if f.loudness_lufs is not None and f.loudness_lufs < limits.QUIET_LUFS]
    if quiet:
        why = Message("dataset.what_below_42_db_cut")
        way_out = Message("dataset.raise_their_loudness_about_23")
        found.append(
            Finding(
                "warning",
                "quiet",
                Message("dataset.softer_than_lufs", count=_count(quiet), quiet_lufs=limits.QUIET_LUFS),
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
        why = Message("dataset.model_higher_rate_nothing_learn")
        way_out = Message("dataset.find_recordings_their_original_quality")
        found.append(
            Finding("warning", "bandwidth", Message("dataset.sound_ends_khz", hz=hz / 1000), why, way_out, [], numbers)
        )
    else:
        found.append(
            Finding("good", "bandwidth", Message("dataset.khz_fits", rate=rate // 1000, reason=reason), numbers=numbers)
        )
    need = limits.FILLED * min(rate, 2 * hz) / 2
    low = [f for f in folder.used if f.bandwidth_hz is not None and f.bandwidth_hz < need]
    low = [f for f in low if f.low_passed or f.seconds >= limits.MIN_BANDWIDTH_S or 2 * need > f.sample_rate]
    if low:
        lowest = min(f.bandwidth_hz or 0.0 for f in low)
        what = Message("dataset.end_below_khz_lowest_khz", count=_count(low), need=need / 1000, lowest=lowest / 1000)
        why = Message("dataset.khz_model_hears_same_voice", rate=rate // 1000)
        way_out = Message("dataset.use_better_originals_leave_them")
        found.append(
            Finding(
                "warning", "bandwidth_mixed", what, why, way_out, _names(low), {"lowest_hz": lowest, "needed_hz": need}
            )
        )
    less = [f for f in folder.used if f.low_passed and (f.bandwidth_hz or 0) < limits.UPSAMPLED * f.sample_rate / 2]
    if less:
        what = Message("dataset.less_them_than_their_sample", count=_count(less))
        why = Message("dataset.spectrum_ends_wall_mp3_call")
        found.append(
            Finding(
                "note",
                "low_passed",
                what,
                why,
                Message("dataset.choose_preset_true_bandwidth_not"),
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
    why = Message("dataset.long_pauses_cut_out_before", minutes=_minutes(lost))
    what = Message("dataset.more_than_half_silence", count=_count(files))
    return [Finding("note", "silence", what, why, Message("dataset.nothing_be_done_unless_speech"), _names(files))]


def check_rates(folder: Folder) -> list[Finding]:
    rates = sorted({f.sample_rate for f in folder.used})
    if len(rates) < 2:
        return []
    common = statistics.mode(f.sample_rate for f in folder.used)
    others = [f for f in folder.used if f.sample_rate != common]
    what = Message("dataset.sample_rates_differ_khz", rates=", ".join(f"{rate / 1000:g}" for rate in rates))
    why = Message("dataset.all_resampled_so_no_fault")
    return [Finding("note", "rates", what, why, Message("dataset.use_originals_highest_rate"), _names(others))]


def check_channels(folder: Folder) -> list[Finding]:
    found = []
    opposite = [f for f in folder.readable if f.channel_kind == "opposite"]
    if opposite:
        why = Message("dataset.mixed_one_they_cancel_each")
        way_out = Message("dataset.nothing_be_done_if_voice")
        found.append(
            Finding(
                "problem",
                "opposite",
                Message("dataset.opposite_channels", count=_count(opposite)),
                why,
                way_out,
                _names(opposite),
            )
        )
    different = [f for f in folder.used if f.channel_kind == "different"]
    if different:
        why = Message("dataset.two_microphones_room_music_stereo")
        way_out = Message("dataset.keep_better_channel_remove_music")
        found.append(
            Finding(
                "note",
                "stereo",
                Message("dataset.different_channels", count=_count(different)),
                why,
                way_out,
                _names(different),
            )
        )
    offset = [f for f in folder.used if f.dc_offset > limits.DC_OFFSET]
    if offset:
        why = Message("dataset.takes_headroom_away_48_hz")
        found.append(
            Finding(
                "note",
                "dc_offset",
                Message("dataset.constant_offset", count=_count(offset)),
                why,
                Message("dataset.nothing_be_done"),
                _names(offset),
            )
        )
    return found


def check_unused(folder: Folder) -> list[Finding]:
    found = []
    unreadable = [f for f in folder.files if not f.readable]
    if unreadable:
        what = Message("dataset.cannot_be_read_2", count=_count(unreadable, "file"))
        why = Message("dataset.left_out", reasons=_reasons(unreadable))
        found.append(
            Finding(
                "warning",
                "unreadable",
                what,
                why,
                Message("dataset.fetch_export_them_again_remove"),
                _names(unreadable),
            )
        )
    least = for_preset("starter").preprocess.min_clip_s
    short = [f for f in folder.used if f.longest_seconds < least]
    if short:
        what = Message("dataset.shorter_than_preset_starter_takes", count=_count(short))
        why = Message("dataset.clips_least_s_between_two", least=least)
        found.append(
            Finding("note", "short", what, why, Message("dataset.nothing_be_done_another_preset"), _names(short))
        )
    unusable = [f for f in folder.readable if f.unusable]
    if unusable:
        what = Message("dataset.too_short_too_quiet_silent", count=_count(unusable))
        way_out = Message("dataset.nothing_be_done_join_short")
        found.append(
            Finding(
                "note",
                "unusable",
                what,
                Message("dataset.left_out", reasons=_reasons(unusable)),
                way_out,
                _names(unusable),
            )
        )
    return found


READ_OTHERWISE: dict[str, tuple[Severity, str, str, str]] = {
    "repaired": (
        "warning",
        Message("dataset.samples_not_finite"),
        Message("dataset.they_set_0_can_be"),
        Message("dataset.export_these_recordings_again"),
    ),
    "track": (
        "warning",
        Message("dataset.whose_first_audio_track_silent"),
        Message("dataset.first_track_sound_used"),
        Message("dataset.if_wrong_one_take_right"),
    ),
    "left_out": (
        "warning",
        Message("dataset.longer_than_header_says"),
        Message("dataset.what_follows_left_out"),
        Message("dataset.open_save_them_audio_editor"),
    ),
    "cut": (
        "note",
        Message("dataset.whose_last_frame_cut_off"),
        Message("dataset.they_may_been_longer"),
        Message("dataset.fetch_them_again_if_something"),
    ),
    "channels": (
        "note",
        Message("dataset.channels_much_quieter"),
        Message("dataset.those_channels_left_out"),
        Message("dataset.nothing_be_done"),
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
        why = Message("dataset.no_pitch_found_noise_whispering")
        return [
            Finding(
                "problem",
                "no_voice",
                Message("dataset.nobody_seems_speak_sing"),
                why,
                Message("dataset.check_right_folder"),
            )
        ]
    voices, spread = two_voices(folder.used), spread_semitones(folder.used)
    found = []
    certain = voices is not None and voices.share >= limits.OTHER_VOICE_SHARE and voices.seconds >= limits.OTHER_VOICE_S
    if voices is not None:
        what = Message("dataset.two_pitch_ranges_around_hz", low_hz=voices.low_hz, high_hz=voices.high_hz)
        why = Message("dataset.perhaps_two_speakers_model_would")
        way_out = Message("dataset.listen_these_files_move_those")
        numbers = {"low_hz": voices.low_hz, "high_hz": voices.high_hz, "share": round(voices.share, 3)}
        found.append(Finding("warning" if certain else "note", "two_voices", what, why, way_out, voices.files, numbers))
    if not certain and spread is not None and spread > limits.SPREAD_SEMITONES:
        what = Message("dataset.pitch_differs_recording_recording_semitones", spread=spread)
        why = Message("dataset.one_reader_stays_within_two")
        way_out = Message("dataset.check_one_person_speaks_all")
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
        why = Message("dataset.what_twice_counts_twice_training")
        found.append(
            Finding(
                "warning",
                "duplicates",
                f"{_count(copies, Message('dataset.exact_duplicate'))}",
                why,
                Message("dataset.remove_copies"),
                copies,
            )
        )
    single = [f for f in folder.used if f.name not in copies]
    pairs = alike([f.fingerprint for f in single], [f.seconds for f in single])
    if pairs:
        later = list(dict.fromkeys(single[j].name for _, j in pairs))
        first = single[pairs[0][0]].name
        what = Message("dataset.seem_be_another_format_too", count=_count(later))
        why = Message("dataset.example_sounds_same_what_twice", later=later[0], first=first)
        found.append(Finding("warning", "near_duplicates", what, why, Message("dataset.keep_better_two"), later))
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
