"""Every message of the engine has a code, words and parameters that fit: nothing that it says is a sentence of its own,
which no catalogue could translate."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from string import Formatter

import pytest

from rvc_engine.messages import templates
from rvc_engine.messages.actions import ACTIONS
from rvc_engine.messages.words import CAUSE, FIX, Plural
from rvc_engine.registry import STAGES
from tests.messages.scan import ROOT, codes_named, fields, made, needed, sentences, trees

TREES = list(trees())
TEXTS = [
    (code, text)
    for code, template in templates().items()
    for text in (template if isinstance(template, Plural) else (template,))
]
# Calls whose texts are not displayed by a front end: for programmers, for files, for the command line alone.
CALLS = """
    setting add_argument add_parser add_argument_group ArgumentParser ArgumentTypeError Command comment print
    AssertionError AttributeError TypeError RuntimeError Registry understood startswith endswith
    PydanticCustomError N_ _ Place CurveName OutOfMemoryError compile
"""
OWN_WORDS = frozenset(CALLS.split())
# Files whose sentences are no messages. File: what they are.
NO_MESSAGES = {
    "rvc_engine/work/model_card.py": "the text of a model card",
}
# Texts that look like sentences. File and text (X for what is filled in): what they are.
NAMES_IN_FILES = {
    ("rvc_engine/pitch/crepe.py", "torchcrepe torchaudio"): "packages for pip",
    ("rvc_engine/pitch/fcpe.py", "torchfcpe torchaudio"): "packages for pip",
    ("rvc_engine/voices/bundle.py", "rvc-tui voice 1"): "the format's name, in every bundle",
    ("rvc_engine/voices/extract.py", "extracted by rvc-tui X"): "the entry info of the voice that is written",
}
# Files below the command line that spell flags. File: whose they are.
OWN_FLAGS = {
    "rvc_engine/client/engine_client.py": "the app's requests, as commands",
    "rvc_engine/run/launcher.py": "of the engine's process, which nobody types",
    "rvc_engine/run/runner.py": "of the engine's process, which nobody types",
    "rvc_engine/run/supervisor.py": "of the engine's process, which nobody types",
    "rvc_engine/training/measure.py": "of a process that measures, which nobody types",
    "rvc_engine/work/model_card.py": "the command that makes the same base again",
    "rvc_engine/work/train_parallel.py": "torchrun's",
}
FOLDERS_WITH_WORDS = ("rvc_engine/commands/", "rvc_engine/models/", "rvc_tui/")  # the command line, tensors, the app


def test_every_code_has_words():
    unknown = [
        f"{one.place}: {one.code}" for path, tree in TREES for one in made(path, tree) if one.code not in templates()
    ]
    assert not unknown


def test_every_code_is_used():
    own = ast.parse((ROOT / "rvc_engine/messages/message.py").read_text(encoding="utf-8"))
    used = codes_named(own).union(*(codes_named(tree) for _, tree in TREES))
    parts = {code for code in templates() for part in (CAUSE, FIX) if code.endswith(part)}
    assert sorted(templates().keys() - used - parts) == []


def test_no_parameter_decides_a_format():
    """In a journal of a stranger it could ask for a number of a million digits."""
    formats = [format_spec for _, text in TEXTS for _, _, format_spec, _ in Formatter().parse(text)]
    assert not [format_spec for format_spec in formats if format_spec and "{" in format_spec]


def test_parameters_are_those_of_the_words():
    wrong = []
    for path, tree in TREES:
        for one in made(path, tree):
            lacking = needed(one.code) - one.params if one.code in templates() and not one.open else set()
            if lacking:
                wrong.append(f"{one.place}: {one.code} lacks {sorted(lacking)}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("place", ["do", "set", "flag"])
def test_actions_settings_and_flags_of_the_words_exist(place: str):
    named = {(code, found) for code, text in TEXTS for found in re.findall(rf"{{{place}\.([\w.]+)}}", text)}
    settings = {
        f"{stage.name}.{name}"
        for stage in STAGES.all()
        if (model := stage.settings_class)
        for name in model.model_fields
    }
    known = {"do": ACTIONS.keys(), "set": settings}
    assert not [pair for pair in named if place in known and pair[1] not in known[place]]


def test_words_name_no_command_and_no_flag():
    """They name actions, settings and flags, which an app shows in its own way. Commands of other programs are fine."""
    others = r"--(audio-format|force-reinstall|upgrade|repo-type|local-dir|shm-size)\b"
    named = [
        (code, text)
        for code, text in TEXTS
        if re.search(r"\brvc [a-z]", text) or re.search(r"(?<![\w-])--[a-z]", re.sub(others, "", text))
    ]
    assert not named, "\n".join(map(str, named))


@pytest.mark.soak
def test_actions_of_a_message_get_their_parameters():
    lacking = []
    for code, text in TEXTS:
        base = code.removesuffix(CAUSE).removesuffix(FIX)
        for action in re.findall(r"{do\.(\w+)}", text):
            for name in fields(ACTIONS.get(action, "")):
                if not any(
                    name in one.params or one.open
                    for path, tree in TREES
                    for one in made(path, tree)
                    if one.code == base
                ):
                    lacking.append(f"{code}: {action} needs {name}")
    assert not lacking, "\n".join(lacking)


def test_the_engine_holds_no_sentence_of_its_own():
    found = []
    for path, tree in TREES:
        name = str(path.relative_to(ROOT))
        if not name.startswith(FOLDERS_WITH_WORDS) and name not in NO_MESSAGES:
            found += [
                f"{name}:{line}: {text[:80]}"
                for line, text in sentences(tree, OWN_WORDS)
                if (name, text) not in NAMES_IN_FILES
            ]
    assert not found, "\n".join(found)


def test_no_flag_below_the_command_line():
    found = []
    for path, _ in TREES:
        name = str(path.relative_to(ROOT))
        if not name.startswith(("rvc_engine/commands/", "rvc_tui/")) and name not in OWN_FLAGS:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
            found += [
                f"{name}:{number}"
                for number, line in enumerate(lines, 1)
                if re.search(r"[\"' ]--[a-z][a-z-]+", line.partition("  #")[0]) and '"""' not in line
            ]
    assert not found, "\n".join(found)
