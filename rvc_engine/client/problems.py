"""How a command reports to another process of this program why it failed: a last line of JSON on standard error, with
the codes of the words, where its environment asks for that. People read the line before it."""

from __future__ import annotations

import json
import os

from rvc_engine.common.streams import as_json, say
from rvc_engine.messages import Message, verbatim
from rvc_engine.messages.wire import with_messages

ASKING = "RVC_PROBLEM_AS_JSON"
ASK = {ASKING: "1"}
"""For the environment of a command."""
START = '{"problem":'
_asked = False


def take_request() -> None:
    """At the beginning of a command: was it asked? What it starts itself is not."""
    global _asked
    _asked = bool(os.environ.pop(ASKING, ""))


def say_problem(problem: Message) -> None:
    if _asked:
        say(as_json({"problem": problem}), error=True)


def problem_in(line: str) -> Message | None:
    """The problem that a line of a command reports; None for another line."""
    if not line.startswith(START):
        return None
    try:
        record = json.loads(line)
    except ValueError:
        return None
    problem = with_messages(record)["problem"]
    return verbatim(problem) if isinstance(problem, str) else None
