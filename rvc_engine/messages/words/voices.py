"""Words of the files of voices: small models, bundles, checkpoints and indexes, read, described, made and shared."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    # used in several places
    "because": "{name}: {reason}",
    "no_voice": "There is no voice {path}",
    "check_file": "check the file and its permissions",
    # what a file is
    "kind_voice": "voice",
    "kind_bundle": "voice bundle",
    "kind_index": "index",
    "kind_hubert": "content encoder (HuBERT)",
    "kind_pretrained": "pretrained {letter}",
    "kind_checkpoint": "training checkpoint {letter}",
    "kind_resume": "resume file of a training",
    "kind_tensors": "named tensors",
    "form_fairseq": "fairseq checkpoint",
    "form_transformers": "transformers folder",
    "not_stated": "not stated",
    "with": "with",
    "without": "without",
    "generator": "a {model} generator",
    "generator_with_pitch": "a {model} generator with pitch",
    "generator_without_pitch": "a {model} generator without pitch",
    "discriminators": "a {model} set of discriminators",
    "strange": "strange",
    "strange_rate": "strange {rate}",
    # what it is not
    "no_config_in_folder": Words(
        "{path} is a folder", "it holds no config.json of a content encoder", "give the path of a file"
    ),
    "refused": Words("{path} is refused", "", "fetch it again from where it was published"),
    "not_known": "its content is not known: it is neither a voice, a checkpoint, a content encoder nor named tensors",
    "no_dictionary": "it holds {content}, not a dictionary",
    "hubert_no_config": "it holds the weights of a HuBERT without its config.json, which belongs beside it",
    "not_resume": "it is not a resume file of this version",
    "not_voice_file": Words("{path} is not a voice file", "", "name a .pth, a bundle, or an experiment"),
    "is_no_voice": "it is not a voice",
    "cannot_be_read_because": "it cannot be read: {reason}",
    # a small model
    "not_a_voice": Words(
        "{path} is not a usable voice",
        "",
        "choose a .pth that an RVC program exported, or train the voice again",
    ),
    "check_path_list": "check the path; {do.list} shows the voices of this workspace",
    "not_a_model": "it is damaged or not a model at all: {reason}",
    "is_content_encoder": "it is a content encoder",
    "holds_no_voice": "it holds no voice",
    "is_checkpoint": "it is a training checkpoint, {what}",
    "is_checkpoint_epoch": "it is a training checkpoint, {what} after epoch {epoch}",
    "extract_it": "to make a voice from it: {do.extract_file}",
    "is_discriminators": "it is a training checkpoint, {what}, which has no voice",
    "is_discriminators_epoch": "it is a training checkpoint, {what} after epoch {epoch}, which has no voice",
    "generator_beside": "the G_ file beside it has one",
    "weight_no_dictionary": "its weight is not a dictionary",
    "other_tensors": Plural(
        "{count} of its tensors is missing, unknown or of another shape: {names}",
        "{count} of its tensors are missing, unknown or of another shape: {names}",
    ),
    "weights_not_finite": Words(
        "The voice has weights that are not finite", "", "train again from an older checkpoint"
    ),
    "torch_builds_none": Words(
        "torch cannot build a network here", "{kind}: {reason}", "{do.doctor} shows what is missing on this machine"
    ),
    # its version, rate, pitch, encoder and vocoder
    "unknown_version": "its version is {version}; the known versions are {versions}",
    "wrong_version": (
        "its version is wrong: it says {version}, whose features are {expected} wide, its own are {width} wide"
    ),
    "rate_of_version": "its rate is {rate} Hz; {version} voices have 32000, 40000 or 48000",
    "wrong_rate": "its rate is wrong: config says {rate} Hz, its decoder makes {samples} samples a second",
    "unknown_f0": "its f0 is {f0}, neither 0 nor 1",
    "f0_but_no_pitch": "its f0 is wrong: it says with pitch, its weights say without",
    "no_f0_but_pitch": "its f0 is wrong: it says without pitch, its weights say with",
    "other_encoder": "its features were made by {encoder}, a content encoder other than RVC's (contentvec)",
    "unknown_encoder": "its features were made by {encoder}, a content encoder that this version does not know",
    "wrong_encoder": "its encoder is wrong: {encoder} makes features {expected} wide, its own are {width} wide",
    "unknown_vocoder": "its vocoder is {vocoder}, which this program does not have (it has {known})",
    # its configuration
    "config_entries": Plural("config has {count} entry, expected 18", "config has {count} entries, expected 18"),
    "config_no_list": "config has no entries, expected 18",
    "config_number": "{entry} in config is {value}, which is not a number from {low} to {high}",
    "config_list": "{entry} in config is not a short list of numbers",
    "config_dropout": "p_dropout in config is out of bounds",
    "config_resblock": "its residual blocks are of kind {kind}, RVC's are of kind '1'",
    "config_dilations": "resblock_dilation_sizes in config do not fit its kernels",
    "config_upsampling": "upsample_kernel_sizes in config do not fit upsample_rates",
    "config_channels": "channels in config cannot be divided as its layers need",
    "unknown_flow": "its flow has no known layers",
    "no_table": "{name} is missing or not a table",
    # checkpoints
    "lacks_training": "it is a small model, which cannot be trained",
    "no_model": "it is not a checkpoint: it has no dictionary named model",
    "model_more_than_tensors": "its model holds more than tensors, or nothing",
    "model_of_neither": "its model is neither a generator nor discriminators of RVC",
    "no_checkpoints": Words("{name} has no checkpoints", "there is no G_ file in {folder}", "train it first"),
    "no_epoch": Words("{name} has no checkpoint of epoch {epoch}", "", "it has the epochs {epochs}"),
    "no_step": Words("{name} has no checkpoint of step {step}", "", "it has the steps {steps}"),
    # a voice out of a checkpoint
    "not_extracted": Words("No voice can be extracted from {path}", "", "name a G_ file, or an experiment"),
    "extracted_not_generator": Words(
        "No voice can be extracted from {path}", "it is {what}", "name the G_ file beside it"
    ),
    "cannot_be_voice": Words("{path} cannot be made into a voice", "", "put the config.json of its training beside it"),
    "not_of_rate": "it is {what}, not of {rate} Hz",
    "leave_rate_out": "leave {flag.sample_rate} out",
    "rate_unclear": "it is {what}, and its tensors do not determine its rate",
    "give_one_rate": "give {flag.sample_rate} {first} or {flag.sample_rate} {second}",
    "give_rate": "give {flag.sample_rate}",
    "unusual_shape": "it is {what} of an unusual shape",
    "config_not_of_it": "{path} does not describe it: {reason}",
    "no_rvc_config": "it is not a config.json of RVC",
    "config_no_rate": "the config.json beside it names no rate",
    "trained_otherwise": Words(
        "{checkpoint} was trained with another content encoder",
        "{source}: {reason}",
        "convert in the program that trained it, or train a voice of the same recordings here",
    ),
    "encoder_name_unreadable": Words(
        "{path}, which names the content encoder, cannot be read",
        "",
        "correct it, or remove it if the training used contentvec",
    ),
    # bundles
    "not_a_bundle": Words("{path} is not a usable bundle", "", "get the file again"),
    "no_index_in_bundle": Words("{path} has no index in it", "", "use another index, or {flag.index} none"),
    "model_card_form": "its model card is not of the form {form!r}, which this version reads",
    "model_card_no_parts": "its model card names no parts",
    "model_card_no_voice": "its model card describes no voice",
    "model_card_other_parts": "its model card names other parts than it has",
    "part_size": "{name} has another size than its model card says",
    "part_checksum": "{name} has another checksum than its model card says",
    "strange_parts": "it has parts that do not belong in it",
    "parts_too_large": "its parts are larger than the file",
    "part_not_stored": "{name} is compressed, encrypted or too large",
    # indexes
    "no_index_file": Words("There is no index file {path}", "", "check the path given with {flag.index}"),
    "index_too_large": Words(
        "The index {path} does not fit into memory", "{mib} MiB, {free} MiB are free", "use {flag.index} none"
    ),
    "not_an_index": Words(
        "{path} is not a usable index",
        "",
        "use an index that RVC or this program built, or {flag.index} none",
    ),
    "index_short": "it is too short",
    "index_ends": "it ends too early, or a size in it is wrong",
    "index_follows": "something follows after its end",
    "index_kind": "its kind is {value}",
    "index_state": "its state is {value}",
    "index_metric": "its metric is {value}",
    "index_rows": "it claims {rows} rows of width {width}",
    "index_rows_missing": "it claims {rows} rows of width {width}, more than it holds",
    "index_many_lists": "it has {lists} lists, more than {most}",
    "index_searched": "it has {lists} lists for {rows} rows, {searched} of them searched",
    "index_quantizer": "its quantizer is {value}",
    "index_quantizer_shape": "its quantizer's width and rows are {value}",
    "index_quantizer_size": "its quantizer's size is {value}",
    "index_direct_map": "its direct map is {value}",
    "index_direct_map_size": "its direct map's size is {value}",
    "index_lists": "its lists are {value}",
    "index_list_count": "its number of inverted lists is {value}",
    "index_row_bytes": "its bytes a row are {value}",
    "index_sizes_form": "its form of list sizes is {value}",
    "index_sizes_count": "its number of list sizes is {value}",
    "index_sizes_damaged": "its list sizes are damaged",
    "index_sizes_sum": "its lists hold {held} rows, its header says {rows}",
    "index_ids": "it names rows that it does not have",
    "index_ids_twice": "some rows are missing and others appear twice",
    "index_not_finite": "it holds numbers that are not finite",
    # export
    "not_for_rvc": Words(
        "{path} cannot be exported to RVC programs",
        "it is a {version} voice, whose network and encoder ({encoder}) they do not have",
        "train it again with {flag.preset} v2-40k; a bundle ({flag.format} bundle) works with this program",
    ),
    # import
    "bad_name": Words(
        "{name!r} cannot be the name of a voice",
        "",
        "choose another {flag.name} that is valid for a file on every system",
    ),
    "name_taken": Words("There is already a voice {name!r}", "{path} exists", "choose another {flag.name}"),
    "not_unpacked": Words("{path} cannot be unpacked", "", "get the file again"),
    "several_voices": Words(
        "{path} holds several voices", "{names}", "unpack it, and import the {suffix} that you want"
    ),
    "zip_voice_unusable": Words("{path} holds no usable voice", "{name}: {reason}", "get the file again"),
    "zip_no_voice": Words(
        "{path} holds no voice", "there is no .pth in it", "name a .pth, a bundle, or a zip with a .pth"
    ),
    "member_link": "{name} is a link",
    "member_locked": "it is protected with a password",
    "member_compressed": "it is compressed in an unusual way",
    "member_expands": ("{name} is too large: {mib} MiB, more than {times} times its {packed:,} bytes in the zip"),
    "member_too_large": "{name} is too large: {mib} MiB",
    "member_longer": "{name} is larger than it says",
    # merge
    "bad_share": Words("A weight of {share:g} is not possible", "it is the first voice's share", "use 0 to 1"),
    "not_merged": Words(
        "{first} and {second} cannot be merged",
        "they differ in {differences}",
        "merge voices of one version, rate and encoder, both with pitch or both without",
    ),
    "differ_version": "version {first} and {second}",
    "differ_rate": "rate {first} Hz and {second} Hz",
    "differ_pitch": "pitch with and without",
    "differ_no_pitch": "pitch without and with",
    "differ_encoder": "encoder {first} and {second}",
    "differ_shapes": "shapes, for example of {name}",
    # the pitch of a recording
    "recording_unusable": Words("{path} cannot be used", "", "name another recording"),
    "no_pitch_found": Words(
        "{path} has no voice in it", "no pitch was found", "name a recording in which somebody speaks or sings"
    ),
}
