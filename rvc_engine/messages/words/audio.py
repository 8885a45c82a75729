"""Words of the engine: audio."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "less_than_0_01": "less than 0.01 %",
    "holds_samples_not_finite_them": "holds samples that are not finite: {percent} of them",
    "samples_not_finite_they_set": "{percent} of its samples are not finite: they are set to 0",
    "channels_cancel_each_other_channel": "its channels cancel each other: channel {names} is used alone",
    "channel": "channel {names} is",
    "channels": "channels {names} are",
    "channels_used_others_db_more": (
        "of its {channels} channels {thing} used: the others are {near_db:.0f} dB and more below"
    ),
    "too_quiet_peak_db_raise": (
        "too quiet (peak {log10:.0f} dB): raise its level, or lower --threshold-db ({threshold_db:g} dB)"
    ),
    "too_short_s_clip_needs": "too short: {seconds} s, a clip needs {min_clip_s:g} s",
    "silent_nothing_louder_than_db": "silent: nothing in it is louder than {silent_db:g} dB",
    "too_short_none_sounding_stretches": "too short: none of its {count} sounding stretches has {min_clip_s:g} s",
    "too_quiet_peak_db_raise_2": "it is too quiet (peak {log10:.0f} dB): raise its level for a better result",
    "not_finite": "not finite",
    "too_loud_peaks_above": "too loud: it peaks at {peak:.2f}, above {max_peak:g}",
    "bytes_after_s_if_they": "{left_out} bytes after that ({more:.1f} s, if they are sound) are left out",
    "header_damaged_hz_no_sample": "its header is damaged: {sample_rate} Hz is no sample rate of a recording",
    "channels_up_can_be_read": "it has {channels} channels; up to {most_channels} can be read",
    "ends_early": "ends early",
    "s_s_decoded": "{kind}: {seconds:.1f} s of {promised:.1f} s decoded",
    "damaged_packets_cannot_be_decoded": "damaged: {damaged} of {packets} packets cannot be decoded ({reason})",
    "no_permission_read": "no permission to read it",
    "cannot_be_read": "cannot be read: {reason}",
    "file_empty": "the file is empty",
    "cannot_be_decoded": "cannot be decoded: {reason}",
    "no_audio": "no audio in it",
    "header_ends_after_s": "its header ends it after {seconds:.1f} s: {thing}",
    "last_frame_cut_off_after": "its last frame is cut off after {seconds:.1f} s: more may be missing",
    "list_other_files_not_recording": "it is a list of other files, not a recording",
    "not_audio_damaged_start": "not audio, or damaged at its start ({reason})",
    "cannot_be_decoded_no_decoder": "cannot be decoded: no decoder for its audio",
    "header_damaged_decodes_more_sound": (
        "its header is damaged: it decodes to more sound than a file of its size can hold"
    ),
    "not_mono_float32_wav": "{path} is not a mono float32 WAV",
    "cannot_be_read_2": "{path} cannot be read: {reason}",
    "samples_not_finite": "the samples are not finite",
    "more_recording_like": "{count} more recording{value} like {first}",
    "first_audio_track_silent_sound": "its first audio track is silent; {named} sound",
    "track_used_ffmpeg_i_file": (
        "track {audible} is used (ffmpeg -i FILE -map 0:a:NUMBER OUTPUT takes one out, counting from 0)"
    ),
    "samples_too_few_spectrogram": "{shape} samples are too few for a spectrogram of {filter_length}",
}
