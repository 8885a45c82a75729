"""The arguments of a command, and what is said where they are wrong: one line, which names the fix."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from rvc_engine.common.printable import printable_lines
from rvc_engine.common.streams import one_line, say
from rvc_engine.errors import BadInput
from rvc_engine.messages import NOTHING, Message, verbatim

SIMILAR = 0.7
"""Of difflib: from here on a name is suggested."""


class WrongArguments(SystemExit):
    """They are reported already; `error` says it again."""

    def __init__(self, error: BadInput) -> None:
        super().__init__(error.exit_code)
        self.error = error


class Parser(argparse.ArgumentParser):
    """With errors of one line: argparse's own repeat the usage, which is a page long for a command with many flags."""

    def error(self, message: str) -> NoReturn:
        self.refuse(explained(message, self))

    def refuse(self, error: BadInput) -> NoReturn:
        say(f"{self.prog}: {one_line(error)}", error=True)
        raise WrongArguments(error)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuses what is not known here, in the parser that it was meant for: argparse leaves it to the outermost."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.refuse(unknown_argument(unknown, self))
        return found, unknown

    def _print_message(self, message: str, file: Any = None) -> None:
        super()._print_message("\n".join(printable_lines(message)), file)


# --- argparse's complaints in our words ---------------------------------------------------------------------------
def explained(message: str, parser: Parser) -> BadInput:
    """What argparse says; its own words where they are not known."""
    for pattern, make in COMPLAINTS:
        if match := pattern.fullmatch(message):
            return make(parser, match)
    return BadInput(verbatim(message), NOTHING, _help(parser))


def unknown_argument(words: Sequence[str], parser: Parser) -> BadInput:
    name = next((word for word in words if word.startswith("-")), "").partition("=")[0]
    if not name:
        return BadInput("common.argument_unknown", name=words[0], program=parser.prog)
    if similar := nearest(name, [flag for action in parser._actions for flag in action.option_strings]):
        return BadInput("common.option_similar", name=name, similar=similar, program=parser.prog)
    return BadInput("common.option_unknown", name=name, program=parser.prog)


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that may be meant; empty where none is like it."""
    names = {one.lstrip("-"): one for one in known}
    return names[found[0]] if (found := difflib.get_close_matches(name.lstrip("-"), names, 1, SIMILAR)) else ""


def _missing(parser: Parser, match: re.Match[str]) -> BadInput:
    return BadInput("common.arguments_missing", names=match["names"], usage=_shortest(parser), program=parser.prog)


def _no_value(parser: Parser, match: re.Match[str]) -> BadInput:
    action = _action(parser, match["name"])
    usage = f"{match['name']} {action.metavar or action.dest.upper()}" if action else match["name"]
    return BadInput("common.option_without_value", name=match["name"], usage=usage, program=parser.prog)


def _no_choice(parser: Parser, match: re.Match[str]) -> BadInput:
    action, value = _action(parser, match["name"]), match["value"].strip("'\"")
    choices = [str(choice) for choice in (action.choices if action else None) or () if choice != ""]
    if isinstance(action, argparse._SubParsersAction):
        similar = nearest(value, choices)
        code = "common.action_similar" if similar else "common.action_unknown"
        return BadInput(code, name=value, program=parser.prog, choices=choices, similar=similar)
    why = Message("common.one_of", choices=choices) if choices else NOTHING
    return BadInput("setting.not_allowed", why, _help(parser), key=match["name"], value=value)


def _no_number(parser: Parser, match: re.Match[str]) -> BadInput:
    why = Message("setting.no_integer" if match["kind"] == "int" else "setting.no_number")
    return BadInput("setting.not_allowed", why, _help(parser), key=match["name"], value=match["value"].strip("'\""))


def _with_value(parser: Parser, match: re.Match[str]) -> BadInput:
    return BadInput("common.option_with_value", name=match["name"])


def _combined(parser: Parser, match: re.Match[str]) -> BadInput:
    return BadInput("common.options_combined", name=match["name"], other=match["other"])


def _other(parser: Parser, match: re.Match[str]) -> BadInput:
    return BadInput(verbatim(match["name"]), verbatim(match["reason"]), _help(parser))


COMPLAINTS: Sequence[tuple[re.Pattern[str], Callable[[Parser, re.Match[str]], BadInput]]] = (
    (re.compile(r"the following arguments are required: (?P<names>.+)"), _missing),
    (re.compile(r"one of the arguments (?P<names>.+) is required"), _missing),
    (re.compile(r"argument (?P<name>\S+): expected (one|at least one|\d+) arguments?"), _no_value),
    (re.compile(r"argument (?P<name>\S+): invalid choice: (?P<value>.*?) \(choose from .*\)"), _no_choice),
    (re.compile(r"argument (?P<name>\S+): invalid (?P<kind>int|float) value: (?P<value>.*)"), _no_number),
    (re.compile(r"argument (?P<name>\S+): ignored explicit argument .*"), _with_value),
    (re.compile(r"argument (?P<name>\S+): not allowed with argument (?P<other>\S+)"), _combined),
    (re.compile(r"argument (?P<name>\S+): (?P<reason>.*)"), _other),
)
"""What argparse writes, and who says it."""


def _help(parser: Parser) -> Message:
    return Message("common.help_of", program=parser.prog)


def _action(parser: Parser, name: str) -> argparse.Action | None:
    """By the name that argparse gives it in an error."""
    for action in parser._actions:
        if name in ("/".join(action.option_strings), action.metavar, action.dest):
            return action
    return None


def _shortest(parser: Parser) -> str:
    """The command with what it cannot do without: rvc convert VOICE INPUT... --output PATH."""
    parts = []
    for action in sorted((one for one in parser._actions if one.required), key=lambda one: bool(one.option_strings)):
        value = str(action.metavar or action.dest.upper())
        parts.append(" ".join((*action.option_strings[-1:], f"{value}..." if action.nargs == "+" else value)))
    return " ".join((parser.prog, *parts))
