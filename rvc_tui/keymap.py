"""The user's own keys: every binding has an id, and keys.toml gives other keys by id. What is wrong in the file is
reported, never fatal."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import REPLACED_KEYS, key_to_character
from textual.keys import Keys as KeyNames
from textual.screen import ModalScreen

import rvc_tui
from rvc_engine.common.opening import read_bytes, read_hand_edited
from rvc_engine.common.user import config_folder
from rvc_engine.disk import write_whole
from rvc_tui.textual_private import normalized_keys

HEAD = """\
# Keys of rvc-tui. Each line below is an id with its keys as they come; take the # away and write others.
# Several keys are separated by commas: "run.all" = "r,ctrl+r". A letter with shift is a capital: "G".
# An empty text, "", takes all keys away.
# Names: space enter escape tab backspace delete up down left right home end pageup pagedown f1 comma ctrl+x
# Keys belong to the screen that is displayed; a letter typed into a field is text, whatever it is bound to.
"""
MODIFIERS = {"ctrl", "alt", "shift", "super", "meta", "hyper"}
NAMES = {key.value for key in KeyNames}
NO_KEY = "none:"  # with an id: what no terminal sends


@dataclass(frozen=True)
class Key:
    """One binding: its id, keys as Textual names them, what it does, and the class of the screen or widget that has
    it."""

    id: str
    keys: tuple[str, ...]
    what: str
    owner: type[DOMNode]
    priority: bool = False


@dataclass(frozen=True)
class UserKeys:
    """`keymap`: {id: "r,ctrl+r"}; an empty text takes the keys away. `problems`: one line each."""

    keymap: dict[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def keys_file() -> Path:
    return config_folder() / "keys.toml"


# --- every binding of the app ----------------------------------------------------------------------
def owners() -> list[type[DOMNode]]:
    """Every class of the app that may have bindings, in a fixed order."""
    for module in pkgutil.walk_packages(rvc_tui.__path__, "rvc_tui."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found: dict[str, type[DOMNode]] = {}

    def walk(kind: type[DOMNode]) -> None:
        for child in kind.__subclasses__():
            if child.__module__.startswith("rvc_tui"):
                found[f"{child.__module__}.{child.__qualname__}"] = child
            walk(child)

    walk(DOMNode)
    return sorted(found.values(), key=lambda kind: (not issubclass(kind, App), kind.__module__, kind.__qualname__))


def own_keys(owner: type[DOMNode]) -> list[Key]:
    keys = []
    for binding in owner.__dict__.get("BINDINGS", []):
        if isinstance(binding, Binding):
            names = tuple(normalized_keys(binding.key).split(","))
            keys.append(
                Key(
                    binding.id or "",
                    names,
                    binding.tooltip or binding.description or binding.action,
                    owner,
                    binding.priority,
                )
            )
    return keys


def every_key() -> list[Key]:
    return [key for owner in owners() for key in own_keys(owner)]


# --- the user's file -------------------------------------------------------------------------------
def read_keys(path: Path) -> UserKeys:
    """Nothing where there is no file."""
    import tomlkit

    try:
        text = read_hand_edited(path)
    except FileNotFoundError:
        return UserKeys()
    except (OSError, ValueError) as error:
        return UserKeys(problems=(f"{path} cannot be read: {error}",))
    try:
        table = tomlkit.parse(text).unwrap()
    except ValueError as error:
        return UserKeys(problems=(f"{path} is not valid: {error}; the keys are as they come",))
    keymap, problems = checked(dict(flat(table)))
    return UserKeys(keymap, tuple(f"{path.name}: {problem}" for problem in problems))


def flat(table: dict[str, object], before: str = "") -> Iterator[tuple[str, object]]:
    """Without quotes, TOML takes the dots of an id for tables."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from flat(value, f"{before}{name}.")
        else:
            yield before + name, value


def checked(given: dict[str, object]) -> tuple[dict[str, str], list[str]]:
    """What can be used of a file, and what is wrong with the rest."""
    known = {key.id: key for key in every_key() if key.id}
    keymap, problems = {}, []
    for id, value in given.items():
        problem = problem_of(known.get(id), id, value)
        if problem:
            problems.append(problem)
        else:
            keymap[id] = ",".join(keys_in(value))
    return keymap, problems + clashes(keymap)


def keys_in(value: object) -> list[str]:
    words = value if isinstance(value, list) else str(value).split(",")
    return [normalized_keys(word.strip()) for word in words if word.strip()]


def problem_of(key: Key | None, id: str, value: object) -> str:
    if key is None:
        return f"there is no id {id!r}"
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in texts):
        return f'{id}: its keys are written as text, such as "r" or "r,ctrl+r"'
    if not keys_in(value) and key.priority:
        return f"{id}: it needs a key, so that the app can always be left"
    unknown = [name for name in keys_in(value) if not is_key(name)]
    if unknown:
        return f"{id}: there is no key {unknown[0]!r}"
    if key.priority and any(is_text(name) for name in keys_in(value)):
        return f"{id}: it works inside fields too, so a key that types something cannot be used"
    return ""


def is_key(name: str) -> bool:
    *modifiers, last = name.split("+")
    return set(modifiers) <= MODIFIERS and (len(last) == 1 or last in NAMES or character_of(last) is not None)


def character_of(name: str) -> str | None:
    """What a key types; None for one that types nothing."""
    return key_to_character(REPLACED_KEYS.get(name, name))


def is_text(name: str) -> bool:
    character = character_of(name)
    return character is not None and character.isprintable()


def clashes(keymap: dict[str, str]) -> list[str]:
    """Keys that mean two things on one screen, where the user's file is the cause."""
    problems: dict[tuple[str, ...], str] = {}
    for screen, keys in contexts():
        by_key: dict[str, dict[str, Key]] = {}
        for key in keys:
            for name in keys_in(keymap[key.id]) if key.id in keymap else key.keys:
                by_key.setdefault(name, {})[key.id] = key
        for name, there in by_key.items():
            mine = [id for id in there if id in keymap and name not in there[id].keys]
            if len(there) > 1 and mine:
                problems.setdefault(
                    (name, *sorted(there)), f"{name} is {' and '.join(there)} on {screen}; the first one counts"
                )
    return list(problems.values())


def contexts() -> Iterator[tuple[str, list[Key]]]:
    """What is asked for a key, in its order: a screen and then the app; a question alone."""
    from rvc_tui.app import RvcApp
    from rvc_tui.screens import SCREEN_CLASSES  # imports every screen

    def inherited(kind: type[DOMNode]) -> list[Key]:
        return [
            key
            for base in kind.__mro__
            if issubclass(base, DOMNode) and base.__module__.startswith("rvc_tui")
            for key in own_keys(base)
        ]

    for screen in SCREEN_CLASSES:
        yield screen.place, [*inherited(screen), *own_keys(RvcApp)]
    for owner in owners():
        if issubclass(owner, ModalScreen):
            yield owner.__name__, inherited(owner)


# --- writing it ------------------------------------------------------------------------------------
def template(keymap: dict[str, str]) -> str:
    """Every id with its keys and what it does; those of `keymap` are in use."""
    lines = [HEAD]
    section, listed = "", set()
    for key in every_key():
        if not key.id or key.id in listed:
            continue
        listed.add(key.id)
        if key.owner.__name__ != section:
            section = key.owner.__name__
            lines.append(f"\n# --- {section_name(key.owner)}")
        used = keys_in(keymap[key.id]) if key.id in keymap else filter(has_key, key.keys)
        keys = ",".join(map(as_written, used))
        lines.append(f'{"" if key.id in keymap else "# "}"{key.id}" = "{keys}"  # {key.what}')
    return "\n".join(lines) + "\n"


def as_written(name: str) -> str:
    """The character itself, where the file can hold it."""
    character = character_of(name)
    return character if character and character.isprintable() and character not in ' ,"\\' else name


def section_name(owner: type[DOMNode]) -> str:
    return (
        "everywhere"
        if issubclass(owner, App)
        else str(getattr(owner, "place", "")) or owner.__name__.removesuffix("Screen").lower()
    )


def write_keys(path: Path) -> str:
    """Write the file, or write it anew with the user's keys kept; the old one stays as keys.toml.old. What was done, in
    a line. Raises OSError."""
    before = read_keys(path)
    if path.exists() and before.problems and not before.keymap:
        return f"{path} is left as it is: {before.problems[0]}"
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        write_whole(path.with_suffix(".toml.old"), read_bytes(path))
    write_whole(path, template(before.keymap))
    return f"written: {path}"


def for_textual(keymap: dict[str, str]) -> dict[str, str]:
    """Textual leaves a binding as it is when its keys are empty."""
    return {id: keys or NO_KEY + id for id, keys in keymap.items()}


def has_key(name: str) -> bool:
    return not name.startswith(NO_KEY)


def key_names(names: Iterable[str]) -> str:
    """As a keyboard has them: "?" and not "question_mark"."""
    texts = []
    for name in filter(has_key, names):
        character = character_of(name)
        texts.append(
            character if character and character.isprintable() and character != " " else name.replace("escape", "esc")
        )
    return " ".join(texts)
