"""Words of the engine: dataset."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "cannot_be_used": Words(
        "{path} cannot be used",
        "",
        "put the old file back, or move it away: the recordings are then cut anew",
    ),
    "folder": "it is a folder",
    "holds_zero_byte_line": "it holds a zero byte in line {count}",
    "no_column_first_line": "it has no column {lacking!r}; its first line is {partition!r}",
    "no_name_clip": "{values!r} is no name of a clip",
    "missing": "{field} is missing",
    "no_file": "there is no file in {dataset}",
    "no_recordings_given": Words("No recordings are given", "", "--dataset FOLDER names the folder of recordings"),
    "cannot_be_read": Words("{folder} cannot be read", "", "check its permissions"),
    "folder_recordings": "the folder of recordings",
    "file_sub_folders": "file in sub-folders",
    "files_sub_folders": "files in sub-folders",
    "link_folder": "link to a folder",
    "links_folders": "links to folders",
    "link_nothing": "link to nothing",
    "links_nothing": "links to nothing",
    "pipe_device": "pipe or device",
    "pipes_devices": "pipes or devices",
    "not_used": "{words} {value} not used",
    "subfolders_includes_files_sub_folders": "--subfolders includes files in sub-folders",
    "copy_what_links_name": "copy there what the links name",
    "usable_sound": "{minutes} of usable sound",
    "remove_music_noise_separation_tool": (
        "Remove music and noise with a separation tool (UVR, PyMSS) or a gentle denoiser, or record nearer to "
        "the microphone."
    ),
    "long_pauses_cut_out_before": (
        "Long pauses are cut out before training ({minutes} here); the minutes above count without them."
    ),
    "more_than_half_silence": "{count} of which more than half is silence",
    "sample_rates_differ_khz": "Sample rates differ: {rates} kHz",
    "all_resampled_so_no_fault": (
        "All are resampled, so this is no fault by itself; files with a low rate have no treble."
    ),
    "nothing_train_rvc_run_refuses": "There is nothing to train on; rvc run refuses this folder.",
    "so_little_voice_sounds_flat": (
        "With so little a voice sounds flat and learns the noise of its few sentences by heart."
    ),
    "add_recordings_15_minutes_make": "Add recordings: 15 minutes make a first good voice, 30 to 40 a natural one.",
    "enough_first_voice_15_minutes": "Enough for a first voice; 15 minutes and more sound more natural.",
    "more_than_hour_gains_little": "More than an hour gains little, and every epoch takes as much longer.",
    "noise_less_than_db_below": "{count} with noise less than {snr_db:.0f} dB below the voice",
    "voice_learns_room_hum_music": "The voice learns the room, the hum or the music along with the sound.",
    "background_above_dbfs": "{count} with a background above {noise_dbfs:.0f} dBFS",
    "pauses_found_their_level_42": (
        "Pauses are found by their level (-42 dB); breath and hiss this loud may stay in the clips."
    ),
    "what_below_42_db_cut": (
        "What is below -42 dB is cut away as silence: in a recording this soft, ends of words go too."
    ),
    "raise_their_loudness_about_23": (
        "Raise their loudness to about -23 LUFS, or lower --threshold-db of rvc preprocess."
    ),
    "model_higher_rate_nothing_learn": (
        "A model at a higher rate has nothing to learn from in its upper band: it sounds dull, or hisses."
    ),
    "find_recordings_their_original_quality": (
        "Find the recordings at their original quality, or train at 16 kHz (--preset starter); v2-32k works, "
        "with an empty top."
    ),
    "end_below_khz_lowest_khz": "{count} that end below {need:.1f} kHz, the lowest at {lowest:.1f} kHz",
    "khz_model_hears_same_voice": (
        "At {rate} kHz the model hears the same voice bright in some clips and dull in others."
    ),
    "use_better_originals_leave_them": (
        "Use better originals, leave them out, or choose the preset of the rate that all of them fill."
    ),
    "less_them_than_their_sample": "{count} with less in them than their sample rate says",
    "spectrum_ends_wall_mp3_call": (
        "The spectrum ends at a wall: an MP3, a call, or a file that was made larger from a lower rate."
    ),
    "mixed_one_they_cancel_each": "Mixed to one they cancel each other: the louder channel is used alone.",
    "nothing_be_done_if_voice": "Nothing has to be done, if the voice is in that channel.",
    "two_microphones_room_music_stereo": (
        "Two microphones, a room or music in stereo: mixed to one channel they smear the voice."
    ),
    "keep_better_channel_remove_music": "Keep the better channel, or remove the music first.",
    "takes_headroom_away_48_hz": "It takes headroom away. The 48 Hz high-pass of rvc preprocess removes it.",
    "cannot_be_read_2": "{count} cannot be read",
    "left_out": "Left out: {reasons}.",
    "shorter_than_preset_starter_takes": "{count} shorter than the preset starter takes",
    "clips_least_s_between_two": (
        "Its clips have at least {least:g} s between two pauses; of the other presets shorter ones do."
    ),
    "too_short_too_quiet_silent": "{count} too short, too quiet or silent",
    "nothing_be_done_join_short": "Nothing has to be done; join short takes of one sentence if they are needed.",
    "samples_not_finite": "{{}} with samples that are not finite",
    "they_set_0_can_be": "They are set to 0, which can be heard as clicks.",
    "export_these_recordings_again": "Export these recordings again.",
    "whose_first_audio_track_silent": "{{}} whose first audio track is silent",
    "first_track_sound_used": "The first track with sound is used.",
    "if_wrong_one_take_right": (
        "If it is the wrong one, take the right one out: ffmpeg -i FILE -map 0:a:NUMBER OUTPUT, counting from 0."
    ),
    "longer_than_header_says": "{{}} longer than the header says",
    "what_follows_left_out": "What follows there is left out.",
    "open_save_them_audio_editor": "Open and save them with an audio editor.",
    "whose_last_frame_cut_off": "{{}} whose last frame is cut off",
    "they_may_been_longer": "They may have been longer.",
    "fetch_them_again_if_something": "Fetch them again if something is missing.",
    "channels_much_quieter": "{{}} with channels that are much quieter",
    "those_channels_left_out": "Those channels are left out.",
    "nothing_be_done": "Nothing has to be done.",
    "no_pitch_found_noise_whispering": (
        "No pitch was found: this is noise, whispering or music, not a voice that RVC can learn."
    ),
    "two_pitch_ranges_around_hz": "Two pitch ranges: around {low_hz:.0f} Hz and around {high_hz:.0f} Hz",
    "perhaps_two_speakers_model_would": (
        "Perhaps two speakers, and the model would become a mixture of both; or one who sings and speaks."
    ),
    "listen_these_files_move_those": (
        "Listen to these files, and move those of somebody else to a folder of their own."
    ),
    "pitch_differs_recording_recording_semitones": (
        "The pitch differs from recording to recording by {spread:.1f} semitones"
    ),
    "one_reader_stays_within_two": (
        "One reader stays within two: perhaps several speakers, and the model would become a mixture; or "
        "somebody who sings."
    ),
    "check_one_person_speaks_all": "Check that one person speaks in all.",
    "what_twice_counts_twice_training": (
        "What is there twice counts twice in training; the minutes above count it once."
    ),
    "seem_be_another_format_too": "{count} that seem to be there in another format too",
    "example_sounds_same_what_twice": (
        "For example {later} sounds the same as {first}. What is there twice counts twice in training."
    ),
    "clipped_worst_samples": "{count} clipped, the worst in {worst:.2g} % of the samples",
    "crackle_flat_tops_learned_part": "The crackle of flat tops is learned as part of the voice.",
    "record_again_lower_gain_use": (
        "Record again at a lower gain, use the original before it was turned up, or leave these out. A "
        "declipper helps a little."
    ),
    "clips_levelled_three_quarters_only": (
        "Clips are levelled by three quarters only: loud and soft takes still teach the voice two volumes."
    ),
    "bring_all_files_one_loudness": "Bring all files to one loudness, for example -23 LUFS (not to one peak).",
    "nothing_be_done_unless_speech": "Nothing has to be done, unless speech was taken for silence.",
    "use_originals_highest_rate": "Use the originals with the highest rate.",
    "they_no_part_minutes": "They are no part of the minutes.",
    "no_usable_sound": "No usable sound",
    "see_reasons_files": "See the reasons of the files.",
    "add_recordings_if_more": "Add recordings if there are more.",
    "keep_cleanest_hour": "Keep the cleanest hour.",
    "quiet_background_dbfs_db_below": "Quiet background: {noise:.0f} dBFS, {snr:.0f} dB below the voice",
    "softer_than_lufs": "{count} softer than {quiet_lufs:.0f} LUFS",
    "sound_ends_khz": "The sound ends at {hz:.1f} kHz",
    "khz_fits": "{rate} kHz fits: {reason}",
    "choose_preset_true_bandwidth_not": "Choose the preset by the true bandwidth, not by the rate.",
    "opposite_channels": "{count} with opposite channels",
    "different_channels": "{count} with different channels",
    "constant_offset": "{count} with a constant offset",
    "fetch_export_them_again_remove": "Fetch or export them again, or remove them.",
    "nothing_be_done_another_preset": "Nothing has to be done with another preset.",
    "nobody_seems_speak_sing": "Nobody seems to speak or sing",
    "check_right_folder": "Check that this is the right folder.",
    "remove_copies": "Remove the copies.",
    "keep_better_two": "Keep the better of the two.",
    "no_clipping": "No clipping",
    "loudness_varies_lu": "Loudness varies by {spread:.1f} LU",
    "even_loudness_lufs_varying_lu": "Even loudness: {level:.0f} LUFS, varying by {spread:.1f} LU",
    "exact_duplicate": "exact duplicate",
    "audio_reaches_khz": "the audio reaches {hz:.1f} kHz",
    "audio_ends_khz_model_16": "the audio ends at {hz:.1f} kHz, and a model at 16 kHz uses 8 kHz",
    "nothing_could_be_measured": "nothing could be measured",
    "32_khz_lowest_rate_published": "{reach}; 32 kHz is the lowest rate of the published models",
    "model_khz_uses_khz": "{reach}, and a model at {candidate} kHz uses {candidate_2} kHz",
    "folder_empty": Words("The folder {folder!r} is empty", "there is no file in it"),
    "cannot_be_measured_process_read": "cannot be measured: the process that read it ended",
    "no_permission": "no permission",
    "cannot_be_read_3": "cannot be read",
    "cannot_be_measured": "cannot be measured",
    "cannot_be_measured_2": "cannot be measured: {reason}",
    "recordings_vanished_during_run": "Recordings in {dataset} vanished during the run",
    "mount_disk_again_run_same": (
        "mount the disk again and run the same command: it resumes; what was removed on purpose is then left out"
    ),
    "recordings_vanished": "recordings in {dataset} vanished: {names}",
}
