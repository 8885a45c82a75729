"""Audio and pitch: slicer, preprocess, highpass, f0_pm, f0_coarse. Names and shapes only; the engine computes."""

import numpy as np

from rvc_engine.audio.clipping import ClipRules, clips_of
from rvc_engine.audio.filters import high_pass, high_pass_coefficients
from rvc_engine.audio.io import resample
from rvc_engine.audio.slicing import SilenceRules, slice_recording
from rvc_engine.pitch import track
from rvc_engine.pitch.coarse import coarse, fill_unvoiced, transpose
from rvc_engine.pitch.praat import praat_frames


def _wave(doc, inputs, name):
    return inputs[f"wave_{name}"].astype(np.float64) / 32768 * doc["waves"][name]["scale"]


def _rules(settings):
    return SilenceRules(
        threshold_db=settings["threshold"],
        min_length_ms=settings["min_length"],
        min_interval_ms=settings["min_interval"],
        hop_ms=settings["hop_size"],
        max_silence_ms=settings["max_sil_kept"],
    )


def slicer(doc, inputs, kit):
    found = {}
    for name, about in doc["waves"].items():
        for settings_name, settings in doc["slicer_settings"].items():
            spans = slice_recording(_wave(doc, inputs, name), about["rate"], _rules(settings))
            found[f"pos_{name}_{settings_name}"] = np.array(spans, dtype=np.int64).reshape(-1, 2)
    return found


def highpass(doc, inputs, kit):
    found = {}
    for key in doc["arrays"]:
        kind, _, rest = key.partition("_")
        if kind in "ba":
            found[key] = high_pass_coefficients(int(rest))["ba".index(kind)]
        elif kind == "lfilter":
            case = doc["cases"][rest]
            wave = kit.golden("slicer.npz")[f"wave_{rest}"].astype(np.float32) / np.float32(32768)
            filtered = high_pass(wave, case["rate"], "causal")
            scale = round(case["peak"] / np.abs(filtered).max())  # the stored wave's scale; the filter is linear
            found[key] = (filtered * scale)[::257]
        elif kind == "filtfilt":
            found[key] = high_pass(inputs[f"wave_{rest}"], 16000, "zero_phase")
    return found


def f0_pm(doc, inputs, kit):
    found = {}
    for name in (key.removeprefix("wave_") for key in inputs if key.startswith("wave_")):
        wave = inputs[f"wave_{name}"] / 32768
        tracked = track("praat", wave)
        found[f"praat_{name}"] = praat_frames(wave)
        found[f"train_f0_{name}"] = fill_unvoiced(tracked)
        found[f"train_coarse_{name}"] = coarse(found[f"train_f0_{name}"])
        for key in doc["arrays"]:
            if key.startswith(f"convert_f0_{name}_key"):
                f0 = transpose(fill_unvoiced(tracked), float(key.rpartition("_key")[2]))
                found[key] = f0
                found[key.replace("convert_f0_", "convert_coarse_")] = coarse(f0)
    return found


def f0_coarse(doc, inputs, kit):
    return {key.replace("f0", "coarse"): coarse(f0) for key, f0 in inputs.items()}


def preprocess(doc, inputs, kit):
    found = {}
    for name, case in doc["cases"].items():
        about = doc["waves"][case["wave"]]
        wave = (
            kit.golden(about["file"])[about["array"]].astype(np.float32)
            / np.float32(32768)
            * np.float32(about["scale"])
        )
        rules = ClipRules(
            about["rate"], SilenceRules(), high_pass="causal", clip_s=case["per"], overlap_s=0.3, min_clip_s=0
        )
        clips = {(clip.start, len(clip.samples)): clip.samples for clip in clips_of(wave, rules) if not clip.refused}
        named = {}
        for call in case["norm_write_calls"]:  # where the reference wrote a name twice, the last call counts
            if call["written"]:
                named[call["name"] + ".wav"] = clips[call["start"], call["samples"]]
        waves = [named[file["name"]] for file in case["files"]]
        for suffix, parts in (("", waves), ("16", [resample(part, about["rate"], 16000) for part in waves])):
            parts = [part.astype(np.float32) for part in parts]
            found[f"{name}:probe{suffix}"] = np.concatenate([part[::401] for part in parts] or [np.zeros(0)])
            found[f"{name}:head{suffix}"] = np.array([part[:50] for part in parts])
            found[f"{name}:tail{suffix}"] = np.array([part[-50:] for part in parts])
    return found
