"""From where on something in a data set is worth a word, and why from there."""

LEAST_S = 60.0
"""Less than a minute is a handful of clips: a few steps an epoch."""
FEW_S = 5 * 60.0
"""Half of the ten minutes that guides name as the least for a usable voice."""
BEGINNER_S = 15 * 60.0
"""AI Hub's guide to data sets: 15 minutes for beginners."""
MUCH_S = 60 * 60.0
"""Guides see no need for more than 40 minutes; what an epoch takes grows with every minute."""
CLIPPED_SHARE = 1e-4
"""Five samples a second at 48 kHz, one or two flat tops: audible as crackle on the loudest syllables."""
CLIPPED_BADLY = 1e-3
NOISE_DBFS = -50.0
"""8 dB below the level that preprocessing takes for silence: nearer than that, pauses are not found."""
SNR_DB = 20.0
"""The voice is then a hundred times the background in power; below it the background is learned as part of the
voice."""
SPREAD_LU = 6.0
"""Standard deviation: a third of the files differ from the mean by more than a factor of two."""
QUIET_LUFS = -36.0
"""Soft syllables lie 10 dB and more below the mean: under the -42 dB that are cut away as silence."""
SILENCE_SHARE = 0.5
LOW_HZ = 9000.0
"""Just above what a recording at 16 kHz can hold."""
FILLED = 7 / 8
"""Share of a model's band that recordings should fill; an empty top is noise to its discriminators."""
MIN_BANDWIDTH_S = 10.0
"""A shorter file may hold no sibilant, and then says little of its band unless it ends at a wall."""
UPSAMPLED = 0.75
"""A wall below this share of half the rate: the file holds less than its rate says."""
DC_OFFSET = 0.01
MANY = 0.25
"""Share of the audio from which on a fault is a problem, not a warning."""
SPREAD_SEMITONES = 3.5
"""Standard deviation of the pitch of recordings: about 1 for one who reads, 5 for men and women mixed."""
OTHER_VOICE_SHARE, OTHER_VOICE_S = 0.05, 5.0
"""Less voice at another pitch may be an error of the pitch tracker by an octave."""
