"""Words of the engine: recordings that are read."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    # opening and decoding
    "no_permission": "no permission to read it",
    "cannot_be_read": "cannot be read: {reason}",
    "empty": "the file is empty",
    "playlist": "it is a playlist, not a recording",
    "not_audio": "not audio, or damaged at its start ({reason})",
    "no_audio": "no audio in it",
    "no_decoder": "cannot be decoded: no decoder for its audio",
    "cannot_be_decoded": "cannot be decoded: {reason}",
    "no_sample_rate": "its header is damaged: {sample_rate} Hz is not a valid sample rate",
    "too_many_channels": "it has {channels} channels; up to {most} can be read",
    "too_much_sound": "its header is damaged: it decodes to more sound than a file of its size can hold",
    "damaged": "damaged: {seconds:.1f} s of {promised:.1f} s decoded",
    "ends_early": "ends early: {seconds:.1f} s of {promised:.1f} s decoded",
    "damaged_packets": "damaged: {damaged} of {packets} packets cannot be decoded ({reason})",
    "not_finite": "holds samples that are not finite: {share} of them",
    # of a recording that is used all the same; "its" is the recording's
    "repaired": "{share} of its samples are not finite: they are set to 0",
    "opposite_channels": "its channels cancel each other: channel {channel} is used alone",
    "quiet_channels": Plural(
        "of its {channels} channels, only channel {used} is used: the others are at least {near_db:.0f} dB quieter",
        "of its {channels} channels, only channels {used} are used: the others are at least {near_db:.0f} dB quieter",
    ),
    "other_track": Plural(
        "its first audio track is silent; track {audible} has sound: track {track} is used (ffmpeg -i FILE "
        "-map 0:a:NUMBER OUTPUT extracts one, counted from 0)",
        "its first audio track is silent; tracks {audible} have sound: track {track} is used (ffmpeg -i FILE "
        "-map 0:a:NUMBER OUTPUT extracts one, counted from 0)",
    ),
    "longer_than_header": (
        "its header gives a length of {seconds:.1f} s: the {left_out} bytes after that ({more:.1f} s, if they are "
        "audio) are left out"
    ),
    "last_frame_cut_off": "its last frame is cut off after {seconds:.1f} s: more may be missing",
    "quiet": "it is too quiet (peak {peak_db:.0f} dB): raise its level for a better result",
    "of_recording": "{name}: {note}",
    "more_recordings": Plural("{count} more recording like {first}", "{count} more recordings like {first}"),
    "less_than_0_01_percent": "less than 0.01 %",
    # why a recording gives no clip, or a clip is not used
    "silent": "silent",
    "silent_throughout": "silent: nothing in it is louder than {silent_db:g} dB",
    "too_quiet": (
        "too quiet (peak {peak_db:.0f} dB): raise its level, or lower {set.preprocess.threshold_db} "
        "({threshold_db:g} dB)"
    ),
    "too_loud": "too loud: it peaks at {peak:.2f}, above {max_peak:g}",
    "peak_not_finite": "not finite",
    "too_short": "too short: {seconds} s, a clip needs {min_clip_s:g} s",
    "stretches_too_short": "too short: none of its {count} stretches of sound lasts {min_clip_s:g} s",
    # clips and arrays
    "wav_cannot_be_read": "{path} cannot be read: {reason}",
    "not_our_wav": "{path} is not a mono float32 WAV",
    "samples_not_finite": "the samples are not finite",
    "too_few_samples": "{samples} samples are too few for a spectrogram of {filter_length}",
    "not_16k": "{path} is at {rate} Hz, not at 16000",
}
