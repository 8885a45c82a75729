"""Words of the content encoders and of the readers of their weights."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "precision_not_finite": Words(
        "{encoder} continues in fp32",
        "in {precision} on {device} its features were not finite",
        "precision fp32 uses it from the start",
    ),
    # what an encoder is
    "about_hubert_256": "HuBERT/ContentVec base, layer 9 through final_proj (RVC v1)",
    "about_hubert_768": "HuBERT/ContentVec base, layer 12 (RVC v2)",
    "about_phonetic": "our own small network, trained to classify phones; built in, needs no download",
    # its weights are not there
    "weights_missing": Words(
        "The weights of the content encoder {name} are missing",
        "there is no {weights} in pretrained/, nor another form of it",
        "{do.pull_any} fetches it, or put {weights} there, or use {flag.preset} starter, which needs no download",
    ),
    "shipped_missing": Words(
        "The content encoder {weights} is missing",
        "it is a part of this program",
        "install it again",
    ),
    # a file that is none
    "not_encoder": Words("{path} is not a content encoder that this program can read", "", "fetch the file again"),
    "install_again": "install the program again",
    "not_phonetic": "it holds no phonetic encoder: {reason}",
    "phonetic_size": "its {name} is {value}, which is not a whole number from 1 to {high}",
    "not_hubert": "it is not a HuBERT checkpoint",
    "hubert_no_model": "it is not a HuBERT checkpoint: it has no model",
    "hubert_no_options": "it is not a HuBERT checkpoint: it has neither cfg nor args",
    "folder_no_weights": "there is no {first} or {second} beside its config.json",
    # waves
    "no_wave": "a wave must be (T,) with at least one sample",
    "short_wave": "a wave must have at least {samples} samples",
    # weights of HuBERT
    "model_no_weights": "its model is not a dictionary of weights",
    "file_no_weights": "{name} is not a dictionary of weights",
    "weights_overlap": "its weights overlap: they are larger than the file",
    "weight_no_name": "it has a weight without a name",
    "weight_no_tensor": "its weight {name!r:.120} is not a tensor",
    "weight_twice": "it has two weights for {name!r:.120}",
    "lacks_weights": "it lacks {count} of its weights, for example {name!r:.120}",
    "unknown_weights": Plural(
        "it has {count} unknown weight: {name!r:.120}", "it has {count} unknown weights, for example {name!r:.120}"
    ),
    "weights_shape": "it has another shape for {count} of its weights, for example {name!r:.120}",
    "no_final_proj": "it has no final_proj, which the content of RVC v1 needs",
    "width_final_proj": "its final_proj gives {width} numbers a frame, not {expected}",
    "width_last_layer": "its last layer gives {width} numbers a frame, not {expected}",
    "frame_length": "its frames are not RVC's 20 ms",
    # configurations
    "damaged": "{name} is damaged: {reason}",
    "no_configuration": "{name} is not a configuration",
    "configuration": "its configuration is not understood",
    "configuration_because": "its configuration is not understood: {reason}",
    "configuration_number": "its configuration's {field} is not a whole number from {low} to {high}",
    "configuration_bool": "its configuration's {field} is neither true nor false",
    "wave_eps": "its configuration's wave_eps is not a number from 0 to 0.001",
    "other_option": "its {name} is not {value}, the only one known here",
    "width_multiple": "its width is not a multiple of its heads and of the groups of its positional convolution",
    "extractor_mode": "its extractor_mode is neither default nor layer_norm",
    "normalize": "its task's normalize is neither true nor false",
    "feat_extract_norm": "its feat_extract_norm is neither group nor layer",
    # convolutions
    "convolutions_width": "its convolutions are not as wide as its layers and nothing projects them",
    "convolutions_count": "its convolutions are not 1 to {most} layers",
    "convolution_numbers": "a convolution is not given by its channels, kernel and stride",
    "convolution_size": "a convolution has a size that no HuBERT has",
    "convolutions_lengths": "its conv_dim, conv_kernel and conv_stride have different lengths",
    "convolutions_more": "its conv_feature_layers is more than lists of numbers",
    "convolutions_repeat": "its conv_feature_layers repeats a layer by something that is not a small number",
    "convolutions_unclear": "its conv_feature_layers is not understood",
}
