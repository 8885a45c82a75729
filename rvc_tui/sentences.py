"""Sentences of the engine that the app shows in the user's language; the words are the engine's own.

{why}, {what} and {stage} are sentences or words of the engine themselves. The first that fits counts.
"""

from __future__ import annotations

from rvc_tui.texts import N_

PLAN = (
    N_("not done yet"), N_("was not finished"), N_("its input changed"), N_("some of its files are missing or changed"),
    N_("checkpoints of another program are here"), N_("files without a receipt are in its place"), N_("changed: {settings}"),
    N_("more is asked for: {settings}"), N_("after {stages}"), N_("the disk is full"), N_("no experiment is chosen"),
    N_("the recordings are not there ({what}): what was made of them is used"), N_("there is no file in {folder}"),
    N_("recordings in {folder} vanished: {names}"),
    N_("This would restart the training of {name} from step 0: {why}"),
    N_("This would train {name} on other recordings: none of the recordings that it was made of is in {folder}"),
    N_("a new experiment: n chooses the recordings"), N_("training checkpoints only; extract makes a voice of the newest"),
    N_("no NVIDIA driver ({error})"), N_("no NVIDIA driver"), N_("pynvml is not installed"), N_("CUDA_VISIBLE_DEVICES hides them"),
)  # fmt: skip
JOURNAL = (
    N_("run {number} of {name} ({preset}): {stages}"), N_("{stage}: started ({why})"), N_("{stage}: skipped ({why})"),
    N_("{stage}: left out {item}: {why}"), N_("{stage}: old work moved to {path} ({why})"), N_("warning: {why}"),
    N_("train: epoch {epoch}/{epochs}  step {step}  {losses}  ({time})"), N_("{stage}: saved {path}"),
    N_("train: epoch {epoch} to hear: {path}"), N_("{stage}: paused, {why}"), N_("{stage}: goes on after step {step}"),
    N_("{stage}: goes on after {time}"), N_("{stage}: done in {time}"), N_("{stage}: stopped; what is done is saved"),
    N_("stopped; what is done is saved"), N_("{stage}: stopped"), N_("stopped"), N_("{stage}: ended without saving; {what}"),
    N_("{stage}: ended without saving ({why}); {what}"), N_("a step took longer than {seconds} s"), N_("asked a second time"),
    N_("training resumes after step {step}"), N_("training resumes at the start"), N_("this stage starts again"),
    N_("training resumes from the last saved state"),
    N_("finished {unit} are kept, the latest may be done again"), N_("{stage}: failed: {error}"), N_("failed: {error}"),
)  # fmt: skip
ADVICE = (
    N_("table"),
    N_("cached"),
    N_("measured"),
    N_("The starter hears a short window of each clip: 8 fill a step."),
    N_("How much audio there is is not known before preprocess; 4 suits less than 30 minutes."),
    N_("{minutes} minutes of audio: below 30, small batches of 4 learn more from each clip."),
    N_("{minutes} minutes of audio: from 30 on, 8 is steadier."),
    N_("The batch is each GPU's own; of {count}, {device} has the least room."),
    N_("With so few clips, {size} still makes about {steps} steps an epoch."),
    N_("No more than {size} fits in memory."),
    N_("Not even 1 fits: free memory, or choose a smaller preset."),
    N_("{share} of the free memory is left free."),
    N_("Memory is estimated from the preset's shapes; rvc advise --measure runs real steps."),
    N_("Measured now at batch sizes {sizes}."),
    N_("Measured on this machine before at batch sizes {sizes}."),
    N_("What other processes hold is not told here."),
    N_("No GPU: {why}."),
    N_("MIG is on: the numbers are those of the whole card, a slice has less."),
)
FILES = (
    N_("too short: none of its {count} sounding stretches has {needed} s"), N_("too short: {seconds} s, a clip needs {needed} s"),
    N_("silent: nothing in it is louder than {level} dB"), N_("silent"), N_("too loud: it peaks at {peak}, above {highest}"),
    N_("no permission to read it"), N_("the file is empty"), N_("it is a list of other files, not a recording"),
    N_("cannot be read: {error}"), N_("mono"), N_("same"), N_("different"), N_("opposite"), N_("one_sided"),
)  # fmt: skip
RATES = (
    N_("nothing could be measured"),
    N_("the audio reaches {khz} kHz, and a model at {rate} kHz uses {used} kHz"),
    N_("the audio reaches {khz} kHz; 32 kHz is the lowest rate of the published models"),
    N_("the audio ends at {khz} kHz, and a model at 16 kHz uses 8 kHz"),
)
COUNTS = (
    N_("1 recording"),
    N_("{count} recordings"),
    N_("1 file"),
    N_("{count} files"),
    N_("1 exact duplicate"),
    N_("{count} exact duplicates"),
)
FOUND = (
    N_("No usable sound"), N_("{minutes} minutes of usable sound"), N_("{seconds} seconds of usable sound"), N_("No clipping"),
    N_("{what} clipped, the worst in {share} % of the samples"), N_("Quiet background: {noise} dBFS, {snr} dB below the voice"),
    N_("{what} with noise less than {snr} dB below the voice"), N_("{what} with a background above {noise} dBFS"),
    N_("Loudness varies by {spread} LU"), N_("Even loudness: {lufs} LUFS, varying by {spread} LU"), N_("{what} softer than {lufs} LUFS"),
    N_("The sound ends at {khz} kHz"), N_("{rate} kHz fits: {why}"),
    N_("{what} that end below {khz} kHz, the lowest at {lowest} kHz"), N_("{what} with less in them than their sample rate says"),
    N_("{what} of which more than half is silence"), N_("Sample rates differ: {rates} kHz"), N_("{what} with opposite channels"),
    N_("{what} with different channels"), N_("{what} with a constant offset"), N_("{what} cannot be read"),
    N_("{what} too short or silent"), N_("Nobody seems to speak or sing"), N_("Two pitch ranges: around {low} Hz and around {high} Hz"),
    N_("The pitch differs from recording to recording by {spread} semitones"),
    N_("{what} that seem to be there in another format too"),
)  # fmt: skip
WHY = (
    N_("There is nothing to train on; rvc run refuses this folder."),
    N_("With so little a voice sounds flat and learns the noise of its few sentences by heart."),
    N_("Enough for a first voice; 15 minutes and more sound more natural."),
    N_("More than an hour gains little, and every epoch takes as much longer."),
    N_("The crackle of flat tops is learned as part of the voice."),
    N_("The voice learns the room, the hum or the music along with the sound."),
    N_("Pauses are found by their level (-42 dB); breath and hiss this loud may stay in the clips."),
    N_("Clips are levelled by three quarters only: loud and soft takes still teach the voice two volumes."),
    N_("What is below -42 dB is cut away as silence: in a recording this soft, ends of words go too."),
    N_("A model at a higher rate has nothing to learn from in its upper band: it sounds dull, or hisses."),
    N_("At {rate} kHz the model hears the same voice bright in some clips and dull in others."),
    N_("The spectrum ends at a wall: an MP3, a call, or a file that was made larger from a lower rate."),
    N_("Long pauses are cut out before training ({length} minutes here); the minutes above count without them."),
    N_("Long pauses are cut out before training ({length} seconds here); the minutes above count without them."),
    N_("All are resampled, so this is no fault by itself; files with a low rate have no treble."),
    N_("The channels cancel each other when they are mixed to one: little of the voice is left."),
    N_("Two microphones, a room or music in stereo: mixed to one channel they smear the voice."),
    N_("It takes headroom away. The 48 Hz high-pass of rvc preprocess removes it."),
    N_("Left out: {why}."),
    N_("No pitch was found: this is noise, whispering or music, not a voice that RVC can learn."),
    N_("Perhaps two speakers, and the model would become a mixture of both; or one who sings and speaks."),
    N_("One reader stays within two: perhaps several speakers, and the model would become a mixture; or somebody who sings."),
    N_("What is there twice counts twice in training; the minutes above count it once."),
    N_("For example {later} sounds the same as {first}. What is there twice counts twice in training."),
)
WAYS_OUT = (
    N_("See the reasons of the files."),
    N_("Add recordings: 15 minutes make a first good voice, 30 to 40 a natural one."),
    N_("Add recordings if there are more."),
    N_("Keep the cleanest hour."),
    N_("Record again at a lower gain, use the original before it was turned up, or leave these out. A declipper helps a little."),
    N_("Remove music and noise with a separation tool (UVR, PyMSS) or a gentle denoiser, or record nearer to the microphone."),
    N_("Bring all files to one loudness, for example -23 LUFS (not to one peak)."),
    N_("Raise their loudness to about -23 LUFS, or lower --threshold-db of rvc preprocess."),
    N_("Find the recordings at their original quality, or train at 16 kHz (--preset starter); v2-32k works, with an empty top."),
    N_("Use better originals, leave them out, or choose the preset of the rate that all of them fill."),
    N_("Choose the preset by the true bandwidth, not by the rate."),
    N_("Nothing has to be done, unless speech was taken for silence."),
    N_("Use the originals with the highest rate."),
    N_("Keep one channel only, or invert one of them."),
    N_("Keep the better channel, or remove the music first."),
    N_("Nothing has to be done."),
    N_("Fetch or export them again, or remove them."),
    N_("Nothing has to be done; join short takes of one sentence if they are needed."),
    N_("Check that this is the right folder."),
    N_("Listen to these files, and move those of somebody else to a folder of their own."),
    N_("Check that one person speaks in all."),
    N_("Remove the copies."),
    N_("Keep the better of the two."),
)
SENTENCES: tuple[str, ...] = (*PLAN, *JOURNAL, *ADVICE, *FILES, *RATES, *COUNTS, *FOUND, *WHY, *WAYS_OUT)
