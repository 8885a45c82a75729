"""Audio and pitch: slicer, preprocess, highpass, f0_pm, f0_coarse. Names and shapes only; the engine computes."""

import numpy as np

from rvc_engine.audio.filters import high_pass, high_pass_coefficients
from rvc_engine.audio.slicing import SilenceRules, slice_recording


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
