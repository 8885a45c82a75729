"""How a process reports to another process of this program why it failed: a last line of JSON on standard error, with
the codes of the words, where its environment asks for that. People read the line before it."""

from __future__ import annotations

import json
import os

from rvc_engine.common.streams import as_json, say
from rvc_engine.messages import NOTHING, Message, verbatim
from rvc_engine.messages.wire import with_messages

ASKING = "RVC_PROBLEM_AS_JSON"
ASK = {ASKING: "1"}
"""For the environment of a command."""
START = '{"problem":'
_asked = False


def take_request() -> bool:
    """At the beginning of a process: is it asked? What it starts itself is not."""
    global _asked
    _asked = bool(os.environ.pop(ASKING, ""))
    return _asked


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


def without_problem(output: str) -> tuple[list[str], Message]:
    """The lines of what was printed on standard error without the last one, where that reports the problem, and the
    problem; NOTHING where it does not."""
    lines = output.rstrip().splitlines()
    problem = problem_in(lines[-1]) if lines else None
    return (lines, NOTHING) if problem is None else (lines[:-1], problem)
