"""Words of the engine: content."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "weights_content_encoder_missing": Words(
        "The weights of the content encoder {name} are missing",
        "there is no {weights} in pretrained/, nor another form of it",
        (
            "fetch it by `rvc assets pull PRESET`, or put {weights} there, or use --preset starter, which "
            "needs no download"
        ),
    ),
    "content_encoder_missing": Words(
        "The content encoder {weights} is missing",
        "it is a part of this program",
        "install it again",
    ),
    "wave_must_be_t_least": "a wave must be (T,) with at least one sample",
    "no_content_encoder_program_can": "{path} is no content encoder that this program can read",
    "install_program_again": "install the program again",
    "fetch_file_again": "fetch the file again",
    "unknown": "has unknown",
    "another_shape": "has another shape for",
    "no_hubert_checkpoint": "it is no HuBERT checkpoint",
    "no_hubert_checkpoint_no_model": "it is no HuBERT checkpoint: it has no model",
    "no_hubert_checkpoint_neither_cfg": "it is no HuBERT checkpoint: it has neither cfg nor args",
    "no_beside_config_json": "there is no {folder_files} beside its config.json",
    "no_dictionary_weights": "{name} is no dictionary of weights",
    "no_configuration": "{path} is no configuration",
    "weights_overlap_they_larger_than": "its weights overlap: they are larger than the file",
    "frames_not_rvc_20_ms": "its frames are not RVC's 20 ms",
    "no_final_proj_content_rvc": "it has no final_proj, which the content of RVC v1 needs",
    "gives_numbers_frame_not": "its {value} gives {width} numbers a frame, not {dim}",
    "wave_must_least_samples": "a wave must have at least {window_samples} samples",
    "weights_example": "it {thing} {count} of its weights, for example {names!r:.120}",
    "model_no_dictionary_weights": "its model is no dictionary of weights",
    "damaged": "{path} is damaged: {reason}",
    "configuration_wave_eps_no_number": "its configuration's wave_eps is no number from 0 to 0.001",
    "width_no_multiple_heads_groups": (
        "its width is no multiple of its heads and of the groups of its positional convolution"
    ),
    "convolutions_not_wide_layers_nothing": (
        "its convolutions are not as wide as its layers and nothing projects them"
    ),
    "convolutions_not_1_layers": "its convolutions are not 1 to {max_convolutions} layers",
    "extractor_mode_neither_default_nor": "its extractor_mode is neither default nor layer_norm",
    "task_normalize_neither_true_nor": "its task's normalize is neither true nor false",
    "conv_feature_layers_more_than": "its conv_feature_layers is more than lists of numbers",
    "conv_feature_layers_repeats_something": "its conv_feature_layers repeats by something that is no small number",
    "convolution_not_given_channels_kernel": "a convolution is not given by its channels, kernel and stride",
    "feat_extract_norm_neither_group": "its feat_extract_norm is neither group nor layer",
    "conv_dim_conv_kernel_conv": "its conv_dim, conv_kernel and conv_stride have different lengths",
    "convolution_size_no_hubert": "a convolution has a size that no HuBERT has",
    "conv_feature_layers_not_understood": "its conv_feature_layers is not understood",
    "not_only_one_known_here": "its {name} is not {value}, the only one known here",
    "configuration_not_understood": "its configuration is not understood: {reason}",
    "configuration_not_understood_2": "its configuration is not understood",
    "configuration_no_whole_number": "its configuration's {field} is no whole number from {low} to {high}",
    "configuration_neither_true_nor_false": "its configuration's {field} is neither true nor false",
    "hubert_contentvec_base_layer_9": "HuBERT/ContentVec base, layer 9 through final_proj (RVC v1)",
    "hubert_contentvec_base_layer_12": "HuBERT/ContentVec base, layer 12 (RVC v2)",
    "weight_without_name": "it has a weight without a name",
    "weight_no_tensor": "its weight {name!r:.120} is no tensor",
    "two_weights": "it has two weights for {ours!r:.120}",
    "no_whole_number_1": "its {name} is {value}, which is no whole number from 1 to {high}",
    "holds_no_phonetic_encoder": "it holds no phonetic encoder: {reason}",
    "our_own_small_network_trained": ("our own small network, trained to classify phones; built in, needs no download"),
}
