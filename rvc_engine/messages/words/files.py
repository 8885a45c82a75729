"""Words of the readers of files that anybody may have made: weights, pickles, zips and JSON."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    # what a foreign value is
    "number_bits": "a number of {bits} bits",
    "bytes": Plural("{count} byte", "{count} bytes"),
    "dictionary": Plural("a dictionary of {count} entry", "a dictionary of {count} entries"),
    "list": Plural("a list of {count} value", "a list of {count} values"),
    "tensor": "a tensor of the shape [{shape}]",
    "some": "{some}",
    "some_and_more": "{some} and {count} more",
    # any file
    "too_large": "it is too large: more than {kib:,} KiB",
    "needs_memory": "it needs more memory than there is",
    "damaged": "it is damaged: {reason}",
    "no_weights": "it is not a weights file: neither torch's format nor safetensors",
    # JSON
    "no_json": "it is not valid JSON: {reason}",
    "long_number": "it holds a number of more than {digits} digits",
    # how much there may be in it
    "holds_itself": "its values are nested too deeply (more than {levels} levels): one holds itself",
    "too_deep": "its values are nested too deeply (more than {levels} levels)",
    "many_values": "it holds more than {most:,} values",
    "much_text": "it holds more than {millions} million characters of text",
    "large_header": "its header is larger than {mib} MiB",
    # zips
    "large_zip_list": "it is a zip whose list of records is larger than {mib} MiB",
    "many_records": "it is a zip of more than {most:,} records",
    "zip_no_weights": "it is a zip, but not a weights file",
    "several_pickles": "it has several pickles",
    "record_twice": "it has a record twice",
    "compressed": "it is compressed, which a weights file never is",
    "records_too_large": "its records are larger than the file",
    "big_endian": "its numbers are big endian",
    # stored tensors
    "no_tensors": "it holds no dictionary of tensors",
    "more_than_tensors": "it holds more than tensors: {other}",
    "no_tensor": "{name} is not a tensor",
    "tensor_cut_short": "a stored tensor is cut short",
    "tensor_missing": "a stored tensor is missing or has another size than it says",
    "tensor_size": "a stored tensor has another size than it says",
    "tensors_disagree": "two tensors disagree about what they share",
    "tensors_too_large": "its tensors are larger than the file",
    "tensors_missing": "it lacks some of its stored tensors",
    "tensor_misplaced": "it stores a tensor where there is none",
    "old_format": "it is of a version of torch's old format that is not known",
    "unknown_type": "its weights are of the unknown type {type}",
    # weights that cannot be used
    "other_type": "its weights are {type}, for example {name}: get the file in float16 or float32",
    "type_fp8": "8-bit floats (fp8, {type})",
    "type_float": "floats of an unusual kind ({type})",
    "type_bool": "booleans (bool)",
    "type_complex": "complex numbers ({type})",
    "type_integer": "integers ({type})",
    "not_finite": "some of its weights are not finite, for example {name}",
    # plain data
    "configuration_too_large": "its configuration is too large or too deep",
    "configuration_holds": "its configuration holds {kind}",
    "configuration_not_plain": "its configuration holds something that is not plain data",
}
