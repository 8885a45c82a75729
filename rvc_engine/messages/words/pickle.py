"""What is wrong with the pickle in a file of weights."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

WORDS: dict[str, str | Plural | Words] = {
    "no_end": "its pickle has no end",
    "tensors_overlap": "its tensors overlap: they are larger than the file",
    "long_text": "its pickle has a text of {count:,} bytes: more than {most:,}",
    "too_large": "its pickle is larger than {mib} MiB",
    "empty_stack": "its pickle takes something from an empty stack",
    "no_mark": "its pickle has no mark where it needs one",
    "copies": "its pickle copies more than {most:,} values",
    "not_stored": "its pickle reads a memo that it never wrote",
    "no_list": "it appends to something that is not a list",
    "key_without_value": "a dictionary has a key without a value",
    "name_no_text": "it names something with no text",
    "quantised": "its weights are quantised integers: get the file in float16 or float32",
    "asks_for": "it asks for {found}, which no weights file needs",
    "calls": "it calls {called}, which is not allowed",
    "many_tensors": "it holds more than {most:,} tensors",
    "makes": "it makes {kind}, which is not allowed",
    "state_no_dictionary": "an object has a state that is not a dictionary",
    "no_stored_tensor": "it refers to something that is not a stored tensor",
    "unknown_storage": "it refers to a storage in an unknown way",
    "long_line": "its pickle has a line of more than {most:,} bytes",
    "many_opcodes": "its pickle has more than {most:,} opcodes",
    "no_state": "it changes something that has no state",
    "left_over": "its pickle ends with something left over",
    "opcode": "its pickle has the opcode {name}, which no weights file needs",
    "tensor_no_numbers": "a tensor is described by something other than numbers",
    "dimensions": "a tensor has {dimensions} dimensions and {strides} strides",
    "tensor_outside": "a tensor of [{size}] lies outside its {numbers} stored numbers",
    "tensor_type": "a tensor is of an unknown type",
    "no_tensor": "a parameter holds no tensor",
    "no_sequence": "it gives something else where a list belongs",
    "bytes_encoded": "bytes are encoded as {encoding}",
    "no_name": "something without a name",
    "numpy_number": "a numpy number is of an unknown kind",
    "no_dictionary": "it sets an entry of something that is not a dictionary",
    "key_kind": "a dictionary has a key that is neither text nor a number",
    "key_large": "a dictionary has a key that is too large a number",
}
