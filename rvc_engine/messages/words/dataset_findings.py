"""Words of the engine: what is found in a folder of recordings. Each finding has what, why it matters, and how to fix
it."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import CAUSE, FIX, Plural, Words


def recordings(text: str) -> Plural:
    return Plural("{count} recording " + text, "{count} recordings " + text)


REMOVE_NOISE = (
    "Remove music and noise with a separation tool (UVR, PyMSS) or a gentle denoiser, or record nearer to the "
    "microphone."
)

FINDINGS: dict[str, tuple[str | Plural, str, str]] = {
    # minutes
    "nothing_usable": (
        "No usable sound",
        "There is nothing to train on; a run refuses this folder.",
        "See the reason given for each file.",
    ),
    "little": (
        "{length} of usable sound",
        "With so little audio, a voice sounds flat and overfits the noise of its few sentences.",
        "Add recordings: 15 minutes make a first good voice, 30 to 40 a natural one.",
    ),
    "enough_to_begin": (
        "{length} of usable sound",
        "Enough for a first voice; 15 minutes or more sound more natural.",
        "Add recordings if there are more.",
    ),
    "much": (
        "{length} of usable sound",
        "More than an hour improves little, and makes every epoch longer.",
        "Keep the cleanest hour.",
    ),
    "minutes": ("{length} of usable sound", "", ""),
    # clipping and noise
    "no_clipping": ("No clipping", "", ""),
    "clipping": (
        recordings("clipped, the worst in {worst_percent:.2g} % of the samples"),
        "The distortion of clipped peaks is learned as part of the voice.",
        "Record again at a lower gain, use the original from before it was amplified, or leave these out. A "
        "declipper helps a little.",
    ),
    "quiet_background": ("Quiet background: {noise_dbfs:.0f} dBFS, {snr_db:.0f} dB below the voice", "", ""),
    "noise": (
        recordings("with noise less than {snr_db:.0f} dB below the voice"),
        "The model learns the room, hum or music as part of the voice.",
        REMOVE_NOISE,
    ),
    "noise_level": (
        recordings("with a background above {noise_dbfs:.0f} dBFS"),
        "Pauses are found by their level (-42 dB); breath and hiss this loud may stay in the clips.",
        REMOVE_NOISE,
    ),
    # loudness
    "even_loudness": ("Even loudness: {lufs:.0f} LUFS, varying by {spread_lu:.1f} LU", "", ""),
    "loudness": (
        "Loudness varies by {spread_lu:.1f} LU",
        "Clips are normalised by three quarters only, so the model still learns two volumes from loud and quiet takes.",
        "Bring all files to one loudness, for example -23 LUFS (not to one peak).",
    ),
    "quiet": (
        recordings("quieter than {lufs:.0f} LUFS"),
        "Everything below -42 dB is cut as silence; in a recording this quiet, that includes the ends of words.",
        "Raise their loudness to about -23 LUFS, or lower {set.preprocess.threshold_db}.",
    ),
    # bandwidth and sample rates
    "rate_fits": ("{rate_khz} kHz fits: {reason}", "", ""),
    "bandwidth": (
        "The sound ends at {khz:.1f} kHz",
        "A model at a higher rate has nothing to learn from in its upper band: it sounds dull, or hisses.",
        "Find the recordings at their original quality, or train at 16 kHz ({flag.preset} starter); v2-32k works, but "
        "its upper band stays empty.",
    ),
    "bandwidth_mixed": (
        recordings("ending below {needed_khz:.1f} kHz, the lowest at {lowest_khz:.1f} kHz"),
        "At {rate_khz} kHz the model hears the same voice bright in some clips and dull in others.",
        "Use better originals, leave them out, or choose the preset of the rate that all of them fill.",
    ),
    "low_passed": (
        recordings("with a bandwidth below that of their sample rate"),
        "The spectrum ends abruptly: an MP3, a phone call, or a file that was upsampled from a lower rate.",
        "Choose the preset by the true bandwidth, not by the rate.",
    ),
    "rates": (
        "Sample rates differ: {rates} kHz",
        "All are resampled, so this is not a fault by itself; files with a low rate lack high frequencies.",
        "Use the originals with the highest rate.",
    ),
    # silence and channels
    "silence": (
        recordings("of which more than half is silence"),
        "Long pauses are cut out before training ({length} here); the minutes above do not include them.",
        "Nothing has to be done, unless speech was mistaken for silence.",
    ),
    "opposite": (
        recordings("with channels of opposite phase"),
        "Mixed to mono they would cancel each other, so only the louder channel is used.",
        "Nothing has to be done, if the voice is in that channel.",
    ),
    "stereo": (
        recordings("with different channels"),
        "Two microphones, a room or music in stereo: mixed to mono they blur the voice.",
        "Keep the better channel, or remove the music first.",
    ),
    "dc_offset": (
        recordings("with a DC offset"),
        "It reduces the headroom. The 48 Hz high-pass of preprocessing removes it.",
        "Nothing has to be done.",
    ),
    # recordings that are not used, or not as a whole
    "unreadable": (
        Plural("{count} file cannot be read", "{count} files cannot be read"),
        "Left out: {reasons}.",
        "Fetch or export them again, or remove them.",
    ),
    "short": (
        recordings("too short for the preset starter"),
        "Its clips need at least {least_s:g} s between two pauses; other presets accept shorter ones.",
        "Nothing has to be done with another preset.",
    ),
    "unusable": (
        recordings("too short, too quiet or silent"),
        "Left out: {reasons}.",
        "Nothing has to be done; join short takes of one sentence if they are needed.",
    ),
    "repaired": (
        recordings("with samples that are not finite"),
        "They are set to 0, which can be audible as clicks.",
        "Export these recordings again.",
    ),
    "track": (
        recordings("whose first audio track is silent"),
        "The first track with sound is used.",
        "If it is the wrong one, extract the right one: ffmpeg -i FILE -map 0:a:NUMBER OUTPUT, counted from 0.",
    ),
    "left_out": (
        recordings("longer than the header says"),
        "The rest is left out.",
        "Open and save them with an audio editor.",
    ),
    "cut": (
        recordings("whose last frame is cut off"),
        "They may have been longer.",
        "Fetch them again if something is missing.",
    ),
    "channels": (
        recordings("with channels that are much quieter"),
        "Those channels are left out.",
        "Nothing has to be done.",
    ),
    # voices and duplicates
    "no_voice": (
        "Nobody seems to speak or sing",
        "No pitch was found: this is noise, whispering or music, not a voice that RVC can learn.",
        "Check that this is the right folder.",
    ),
    "two_voices": (
        "Two pitch ranges: around {low_hz:.0f} Hz and around {high_hz:.0f} Hz",
        "Perhaps two speakers, and the model would become a mixture of both; or one who sings and speaks.",
        "Listen to these files, and move those of somebody else to a folder of their own.",
    ),
    "many_voices": (
        "The pitch differs from recording to recording by {semitones:.1f} semitones",
        "One speaker usually stays within two: perhaps there are several, and the model would become a mixture of "
        "them; or somebody sings.",
        "Check that the same person speaks in all of them.",
    ),
    "duplicates": (
        Plural("{count} exact duplicate", "{count} exact duplicates"),
        "Duplicates count twice in training; the minutes above count them once.",
        "Remove the copies.",
    ),
    "near_duplicates": (
        recordings("apparently present in another format too"),
        "For example {later} sounds the same as {first}. Duplicates count twice in training.",
        "Keep the better of the two.",
    ),
}

WORDS: dict[str, str | Plural | Words] = {
    **{
        code + part: text
        for code, texts in FINDINGS.items()
        for part, text in zip(("", CAUSE, FIX), texts, strict=True)
        if text
    },
    "not_counted": "They do not count towards the minutes.",
    # parts of the above
    "minutes_long": "{minutes:.1f} minutes",
    "seconds_long": "{seconds:.0f} seconds",
    "more_reasons": Plural("{reasons}; and {count} more reason", "{reasons}; and {count} more reasons"),
}
