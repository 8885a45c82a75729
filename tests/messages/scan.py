"""Where the engine's source makes messages, and where it holds sentences of its own."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import NamedTuple

from rvc_engine.messages import templates
from rvc_engine.messages.words import CAUSE, FIX, Plural

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    path
    for package in ("rvc_engine", "rvc_tui")
    for path in sorted((ROOT / package).rglob("*.py"))
    if "messages" not in path.relative_to(ROOT).parts
]
CODE = re.compile(r"[a-z_]+(\.[a-z0-9_]+)+")
SENTENCE = re.compile(r"[A-Za-z]{2,} +(.* )?[a-z]{2,}", re.DOTALL)
PLACES = ("do", "set", "flag")  # in templates: no parameters


class Made(NamedTuple):
    """A call with a code: Message("run.stopped", name=name), BadInput("run.no_name")."""

    place: str
    code: str
    params: frozenset[str]
    open: bool  # **params


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in SOURCES:
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def made(path: Path, tree: ast.Module) -> Iterator[Made]:
    known = templates()
    for node in ast.walk(tree):
        for code in codes_of(node) if isinstance(node, ast.Call) and node.args else []:
            if isinstance(code, str) and (code in known or (is_maker(node) and CODE.fullmatch(code))):
                names = [keyword.arg for keyword in node.keywords]
                yield Made(
                    f"{path.relative_to(ROOT)}:{node.lineno}", code, frozenset(filter(None, names)), None in names
                )


def codes_of(node: ast.Call) -> list[object]:
    """The first argument of a call; of "a" if ... else "b" both."""
    first = node.args[0]
    ways = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
    return [way.value for way in ways if isinstance(way, ast.Constant)]


def is_maker(node: ast.Call) -> bool:
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    return name in {"Message", "RvcError", "BadInput", "Busy", "Stopped", "DiskFull", "Offline", "Refused"}


def codes_named(tree: ast.Module) -> set[str]:
    return {
        node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    } & templates().keys()


def fields(template: str | Plural) -> set[str]:
    """The parameters of a template; those of its actions are not among them."""
    texts = template if isinstance(template, Plural) else (template,)
    names = {name for text in texts for _, name, _, _ in Formatter().parse(text) if name}
    return {re.split(r"[.\[]", name)[0] for name in names if name.split(".")[0] not in PLACES}


def needed(code: str) -> set[str]:
    """The parameters that a code takes, its cause and its fix included."""
    return set().union(*(fields(templates()[code + part]) for part in ("", CAUSE, FIX) if code + part in templates()))


def sentences(tree: ast.Module, allowed_calls: frozenset[str]) -> Iterator[tuple[int, str]]:
    """String constants and f-strings that are sentences, with their lines; docstrings, comparisons and arguments of
    `allowed_calls` are left out."""
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        parent = parents.get(node)
        if not isinstance(node, ast.Constant | ast.JoinedStr) or isinstance(
            parent, ast.JoinedStr | ast.Expr | ast.Compare
        ):
            continue
        text = text_of(node)
        if SENTENCE.search(text) and not calls_around(node, parents) & allowed_calls:
            yield node.lineno, text


def text_of(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "".join(str(value.value) if isinstance(value, ast.Constant) else "X" for value in node.values)


def calls_around(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> set[str]:
    found: set[str] = set()
    while (node := parents.get(node)) is not None and not isinstance(node, ast.stmt):  # type: ignore[assignment]
        if isinstance(node, ast.Call):
            found.add(node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", ""))
    return found
