"""The flags that messages advise are flags that a command takes."""

from __future__ import annotations

import argparse
import importlib
import re

from rvc_engine.commands.cli import commands
from rvc_engine.messages import templates
from rvc_engine.messages.actions import ACTIONS, Flags
from rvc_engine.messages.words import Plural

OF_THE_APP = {"--ascii"}


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    found = {"--home"}
    for action in parser._actions:
        found |= set(action.option_strings)
        for inner in action.choices.values() if isinstance(action, argparse._SubParsersAction) else ():
            found |= options_of(inner)
    return found


def parsers() -> dict[str, set[str]]:
    found = {}
    for command in commands():
        parser = argparse.ArgumentParser(prog=command.name)
        importlib.import_module(f"rvc_engine.commands.{command.module}").build(parser, command.name)
        found[command.name] = options_of(parser)
    return found


def test_a_flag_or_setting_of_the_words_is_one_of_a_command() -> None:
    known = set().union(*parsers().values()) | OF_THE_APP
    texts = [
        (code, text)
        for code, words in templates().items()
        for text in (words if isinstance(words, Plural) else (words,))
    ]
    named = {(code, place) for code, text in texts for place in re.findall(r"{((?:set|flag)\.[\w.]+)}", text)}
    rendered = {(code, ("{" + place + "}").format(set=Flags(), flag=Flags())) for code, place in named}
    assert rendered and not {pair for pair in rendered if pair[1] not in known}


def test_the_flags_of_an_action_are_those_of_its_command() -> None:
    known = parsers()
    advised = [command.split() for command in ACTIONS.values() if "STAGE" not in command]
    assert not [words for words in advised if {w for w in words if w.startswith("--")} - known[words[1]]]
