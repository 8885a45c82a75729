"""Messages in records of JSON: a message is its text; `messages` of the same record has the code and the parameters.

    {"reason": "it needs 3 s", "messages": {"reason": {"code": "audio.too_short", "params": {"needed": 3}}}}

Other programs read the text. A list of messages is a list of texts, with a list in `messages`.
"""

from __future__ import annotations

from typing import Any

from rvc_engine.messages.message import Message, Value, verbatim

FIELD = "messages"
DEEPEST = 8  # messages in messages, records in records
LONGEST = 64  # parameters of a message, values of a list


def with_codes(record: dict[str, Any]) -> dict[str, Any]:
    """The record with `messages`, where it holds any; dicts and lists of dicts in it have their own."""
    result, codes = dict[str, Any](), dict[str, Any]()
    for key, value in record.items():
        result[key] = _with_codes(value)
        if (code := _coded(value)) is not None:
            codes[key] = code
    if codes:
        result[FIELD] = codes
    return result


def _with_codes(value: Any) -> Any:
    if isinstance(value, dict):
        return with_codes(value)
    if isinstance(value, list | tuple):
        return [_with_codes(one) for one in value]
    return str(value) if isinstance(value, Message) else value


def _coded(value: Any) -> Any:
    if isinstance(value, Message):
        return {"code": value.code, "params": _params(value)} if value.code else None
    if isinstance(value, list | tuple) and any(isinstance(one, Message) and one.code for one in value):
        return [_coded(one) for one in value]
    return None


def _params(message: Message) -> dict[str, Any]:
    return {key: _param(value) for key, value in message.params.items()}


def _param(value: Value) -> Any:
    if isinstance(value, Message):
        return {"text": str(value), **(_coded(value) or {})}
    return [_param(one) for one in value] if isinstance(value, list) else value


def with_messages(record: dict[str, Any], deepest: int = DEEPEST) -> dict[str, Any]:
    """The reverse: a copy with a Message wherever `messages` has a code. What is not of its form is left out: a record
    of a stranger gives verbatim texts at worst."""
    codes = record.get(FIELD)
    result = {key: _with_messages(value, deepest) for key, value in record.items() if key != FIELD}
    if isinstance(codes, dict):
        for key, code in codes.items():
            if key in result:
                result[key] = _message(result[key], code)
    return result


def _with_messages(value: Any, deepest: int) -> Any:
    if isinstance(value, dict) and deepest:
        return with_messages(value, deepest - 1)
    return [_with_messages(one, deepest - 1) for one in value] if isinstance(value, list) and deepest else value


def _message(text: Any, code: Any) -> Any:
    if isinstance(text, list) and isinstance(code, list) and len(text) == len(code):
        return [_message(one, its) for one, its in zip(text, code, strict=True)]
    return _made(text, code, DEEPEST) if isinstance(text, str) else text


def _made(text: str, code: Any, deepest: int) -> Message:
    if isinstance(code, dict) and isinstance(code.get("code"), str) and isinstance(code.get("params"), dict):
        params = code["params"]
        if deepest and len(params) <= LONGEST and all(isinstance(key, str) for key in params):
            message = Message.made(code["code"], {key: _read(value, deepest - 1) for key, value in params.items()})
            return message if message.code else verbatim(text)  # a code of another version
    return verbatim(text)


def _read(value: Any, deepest: int) -> Value:
    if isinstance(value, dict):
        text = value.get("text", "")
        return _made(text if isinstance(text, str) else "", value, deepest)
    if isinstance(value, list):
        return [_read(one, deepest - 1) for one in value[:LONGEST]] if deepest else []
    return value if value is None or isinstance(value, str | int | float) else str(value)
