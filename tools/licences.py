"""The licences of what the program needs at run time: `python -m tools.licences` writes the table of docs/licences.md,
`--check` compares.

What is installed says its licence itself (importlib.metadata); licences.toml says what its metadata leaves out.
Versions are left out, and `--check` compares kinds of licences, so that the table changes only where something changes
for those who pass the program on.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import tomlkit
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "licences.md"
NOTES = ROOT / "tools" / "licences.toml"
BEGIN, END = "<!-- table: written by tools/licences.py -->", "<!-- end of the table -->"
NOT_SHIPPED = ("dev",)
CUDA, CUDA_ROW = re.compile(r"(nvidia|cuda)-(?!ml-py)"), "nvidia-* and cuda-*"  # which ones changes with each torch
UNKNOWN = "unknown"

# By the strictest word in a licence; the first that fits.
KINDS = {
    "strong copyleft": re.compile(r"(?<!L)(?<!Lesser )\bA?GPL|(?<!Lesser )GNU (Affero )?General Public", re.IGNORECASE),
    "weak copyleft": re.compile(r"LGPL|Lesser General|MPL|Mozilla|EPL-|CDDL", re.IGNORECASE),
    "proprietary": re.compile(r"Proprietary|LicenseRef", re.IGNORECASE),
    "permissive": re.compile(
        r"MIT|BSD|Apache|ISC|PSF|Python Software|Zlib|CC0|Unlicense|HPND|BSL-1|Boost", re.IGNORECASE
    ),
}
SHORT = {
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "BSD License": "BSD",
}
STRICTNESS = ["permissive", "weak copyleft", "strong copyleft", "proprietary", UNKNOWN]


@dataclass(frozen=True)
class Row:
    """`extras`: those that bring it along; "" is the program itself. `direct`: named in pyproject.toml."""

    name: str
    licence: str
    extras: tuple[str, ...]
    direct: bool
    brings: str = ""
    wheels: str = ""

    @property
    def kind(self) -> str:
        """Of the package as it is installed, with what its wheels bring along."""
        return max(kind_of(self.licence), kind_of(self.wheels or self.licence), key=STRICTNESS.index)

    @property
    def line(self) -> str:
        where = ", ".join(f"extra `{extra}`" if extra else "always" for extra in self.extras)
        return (
            f"| {self.name} | {self.licence} | {self.kind} | {where}{'' if self.direct else ', through others'} | "
            f"{self.brings} |"
        )


def kind_of(licence: str) -> str:
    """The kind of an SPDX expression, or of what a package calls its licence: of several that hold together the
    strictest, of a choice the freest. A part that is not known makes the whole unknown."""
    choices = [
        re.split(r"\bAND\b|;", choice) for choice in re.split(r"\bOR\b", licence.replace("(", "").replace(")", ""))
    ]
    kinds = [max((_kind(part) for part in parts), key=STRICTNESS.index) for parts in choices]
    return min(kinds, key=STRICTNESS.index)


def _kind(part: str) -> str:
    part = part.partition(" WITH ")[0]
    return next((kind for kind, words in KINDS.items() if words.search(part)), UNKNOWN)


# --- what is needed ---------------------------------------------------------------------------------------------------
def declared() -> dict[str, set[tuple[str, frozenset[str]]]]:
    """The direct needs by extra, "" the program itself: (name, extras asked for)."""
    project: dict[str, Any] = tomlkit.parse((ROOT / "pyproject.toml").read_text(encoding="utf-8")).unwrap()["project"]
    groups = {"": project["dependencies"], **project.get("optional-dependencies", {})}
    return {
        extra: {(canonicalize_name(need.name), frozenset(need.extras)) for need in map(Requirement, texts)}
        for extra, texts in groups.items()
        if extra not in NOT_SHIPPED
    }


def needs_of(name: str, extras: frozenset[str], notes: dict[str, Any]) -> Iterator[tuple[str, frozenset[str]]]:
    """What a package needs here, by its metadata, else by the notes."""
    try:
        texts = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        yield from ((canonicalize_name(need), frozenset()) for need in notes.get(name, {}).get("needs", []))
        return
    for need in map(Requirement, texts):
        if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in {"", *extras}):
            name = canonicalize_name(need.name)
            yield (CUDA_ROW, frozenset()) if CUDA.match(name) else (name, frozenset(need.extras))


def licence_of(name: str, notes: dict[str, Any]) -> str:
    """From the notes, else as its metadata says it: expression, classifiers, or a short text. Else unknown."""
    if licence_given := notes.get(name, {}).get("licence"):
        return str(licence_given)
    try:
        facts = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return UNKNOWN
    if expression := facts.get("License-Expression"):
        return expression
    licence_given = _in_words(facts)
    return SHORT.get(licence_given, licence_given)


def _in_words(facts: Any) -> str:
    """Of metadata without an expression: a short text, else the classifiers."""
    classes = [
        text.rpartition(" :: ")[2] for text in facts.get_all("Classifier") or [] if text.startswith("License :: ")
    ]
    named = [text for text in classes if kind_of(text) not in (UNKNOWN, "proprietary")]
    text = (facts.get("License") or "").strip().partition("\n")[0]
    if 0 < len(text) < 40 and kind_of(text) != UNKNOWN and "Copyright" not in text:
        return text if len(named) != 1 or kind_of(text) != kind_of(named[0]) else min(text, named[0], key=len)
    return "; ".join(named) or UNKNOWN


def rows() -> list[Row]:
    """Every package that is needed at run time on this system, by name."""
    notes: dict[str, Any] = tomlkit.parse(NOTES.read_text(encoding="utf-8")).unwrap()["package"]
    needs, reached = declared(), dict[str, set[str]]()
    for extra, first in needs.items():
        waiting, seen = list(first), set[tuple[str, frozenset[str]]]()
        while waiting:
            need = waiting.pop()
            if need not in seen:
                seen.add(need)
                reached.setdefault(need[0], set()).add(extra)
                waiting += needs_of(*need, notes)
    direct = {name for first in needs.values() for name, _ in first}
    found = []
    for name, extras in sorted(reached.items()):
        note = notes.get(name, {})
        where = ("",) if "" in extras else tuple(sorted(extras - {"all"} or extras))
        found.append(
            Row(name, licence_of(name, notes), where, name in direct, note.get("brings", ""), note.get("wheels", ""))
        )
    return found


# --- the table --------------------------------------------------------------------------------------------------------
def table(found: list[Row]) -> str:
    head = "| package | licence | kind | needed | its wheels bring along |\n|---|---|---|---|---|"
    return "\n".join([head, *(row.line for row in found)])


def written(text: str) -> dict[str, str]:
    """Package to kind of licence, of a table."""
    _, begin, rest = text.partition(BEGIN)
    lines = rest.partition(END)[0].splitlines() if begin else []
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")][1:]
    return {row[0]: row[2] for row in cells if len(row) == 5}


def problems(found: list[Row], text: str) -> list[str]:
    """What is wrong with a table; empty when it says of every package what holds."""
    kinds, names = written(text), {row.name for row in found}
    unknown = [
        f"{row.name}: its licence is not known; look it up and write it into tools/{NOTES.name}"
        for row in found
        if row.kind == UNKNOWN
    ]
    absent = [f"{row.name} is needed and has no row" for row in found if row.name not in kinds]
    others = [
        f"{row.name} is {row.kind}, not {kinds[row.name]}" for row in found if kinds.get(row.name, row.kind) != row.kind
    ]
    direct = {name for first in declared().values() for name, _ in first}
    stale = [
        f"{name} is no longer needed" for name in kinds if name not in names and name in _once_direct(text) - direct
    ]
    return unknown + absent + others + stale


def _once_direct(text: str) -> set[str]:
    """What a table says that pyproject.toml names."""
    lines = text.partition(BEGIN)[2].partition(END)[0].splitlines()
    return {line.split("|")[1].strip() for line in lines if line.startswith("| ") and "through others" not in line}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.licences", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the table is out of date")
    options = parser.parse_args(arguments)
    found, text = rows(), TABLE.read_text(encoding="utf-8")
    if not options.check:
        before, _, rest = text.partition(BEGIN)
        text = f"{before}{BEGIN}\n{table(found)}\n{END}{rest.partition(END)[2]}"
        TABLE.write_text(text, encoding="utf-8")
    wrong = problems(found, text)
    for problem in wrong:
        print(f"docs/{TABLE.name}: {problem}", file=sys.stderr)
    if wrong and options.check:
        print("make licences writes the table anew", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
