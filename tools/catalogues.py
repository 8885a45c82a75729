"""Catalogues of the app's texts: `python -m tools.catalogues` extracts the texts, updates every .po and compiles it
(make texts)."""

from __future__ import annotations

import ast
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from rvc_engine.messages import templates
from rvc_engine.messages.words import Plural

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("rvc_tui/**/*.py", "rvc_engine/settings.py", "rvc_engine/train_settings.py", "rvc_engine/stages/*.py")
DOMAIN = "rvc_tui"
LANGUAGES = ("ja", "zh_CN")
BEGUN = datetime(2026, 11, 23, tzinfo=timezone.utc)
# Calls that hold texts: the places of positional arguments, and the names of keyword arguments.
CALLS: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {
    "_": ((0,), ()),
    "N_": ((0,), ()),
    "Binding": ((2,), ("tooltip",)),
    "setting": ((1,), ("unit", "effect")),
    "Place": ((1,), ()),
    "Curve": ((3, 4, 5), ()),
}
VARIABLES = ("TITLE",)  # of classes
STAGES, STAGE_VARIABLES = "rvc_engine/stages/", ("title", "unit")  # a stage is called as its module is
CONTEXTS: dict[str, tuple[tuple[int | str, int], ...]] = {"meant": ((0, 1),), "Place": (("short", 2),)}
"""Calls that hold a context, or have one, and the place of the text."""


@dataclass(frozen=True)
class Found:
    """A text of the source; `many`: its plural; `context`: which of its meanings."""

    text: str
    place: str
    many: str = ""
    context: str = ""


def texts() -> list[Found]:
    """Every text of the app, in the order of the source; then those of the engine."""
    paths = sorted({path for pattern in SOURCES for path in ROOT.glob(pattern)})
    return [*(found for path in paths for found in texts_in(path)), *messages()]


def messages() -> Iterator[Found]:
    """What the engine says: the words of every code."""
    for code, words in templates().items():
        place = f"rvc_engine/messages/words/{code.partition('.')[0]}.py"
        yield Found(words.one, place, many=words.many) if isinstance(words, Plural) else Found(words, place)


def texts_in(path: Path) -> Iterator[Found]:
    place = str(path.relative_to(ROOT))
    variables = (*VARIABLES, *STAGE_VARIABLES) if place.startswith(STAGES) else VARIABLES
    for node in in_order(ast.parse(path.read_text(encoding="utf-8"))):
        held: list[Found] = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            held = [*plain_texts(node, node.func.id, place), *meanings(node, node.func.id, place)]
        elif isinstance(node, ast.Assign) and any(
            isinstance(goal, ast.Name) and goal.id in variables for goal in node.targets
        ):
            held = [Found(text_of(node.value), place)]
            if place.startswith(STAGES) and any(
                isinstance(goal, ast.Name) and goal.id == "title" for goal in node.targets
            ):
                held.append(Found(path.stem, place))
        yield from (found for found in held if found.text)


def plain_texts(node: ast.Call, name: str, place: str) -> list[Found]:
    if name == "counted":
        return [Found(argument(node, 0), place, many=argument(node, 1))]
    places, names = CALLS.get(name, ((), ()))
    found = [Found(argument(node, at), place) for at in places]
    return found + [Found(text_of(keyword.value), place) for keyword in node.keywords if keyword.arg in names]


def meanings(node: ast.Call, name: str, place: str) -> list[Found]:
    pairs = CONTEXTS.get(name, ())
    return [
        Found(argument(node, at), place, context=argument(node, of) if isinstance(of, int) else of) for of, at in pairs
    ]


def argument(node: ast.Call, at: int) -> str:
    return text_of(node.args[at]) if at < len(node.args) else ""


def in_order(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        yield from in_order(child)


def text_of(node: ast.expr) -> str:
    """Empty for what is no text as it stands."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


# --- files -----------------------------------------------------------------------------------------
def po_path(language: str) -> Path:
    return ROOT / "rvc_tui" / "catalogues" / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def blank(language: str | None = None) -> Catalog:
    """Dates stay as they are: an update that finds nothing new changes nothing."""
    comment = "# Texts of rvc-tui. CONTRIBUTING.md says how they are translated."
    return Catalog(
        language,
        DOMAIN,
        header_comment=comment,
        project="rvc-tui",
        version="1",
        creation_date=BEGUN,
        revision_date=BEGUN,
        fuzzy=False,
    )


def template() -> Catalog:
    """Without line numbers: a moved line is no change."""
    made = blank()
    for found in texts():
        id: str | tuple[str, str] = (found.text, found.many) if found.many else found.text
        flags = ["python-brace-format"] if "{" in found.text else []
        made.add(id, locations=[(found.place, 0)], flags=flags, context=found.context or None)
    return made


def read(language: str) -> Catalog:
    path = po_path(language)
    if not path.exists():
        return blank(language)
    with path.open("rb") as file:
        return read_po(file, locale=language, domain=DOMAIN)


def compiled(catalogue: Catalog) -> bytes:
    made = io.BytesIO()
    write_mo(made, catalogue)
    return made.getvalue()


def update(language: str) -> None:
    """New texts come in untranslated, changed ones fuzzy with the old translation; texts that are gone go."""
    catalogue = read(language)
    catalogue.update(template(), no_fuzzy_matching=False, update_header_comment=False, keep_user_comments=True)
    catalogue.obsolete.clear()
    path = po_path(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    made = io.BytesIO()
    write_po(made, catalogue, width=120, include_lineno=False, omit_header=False, ignore_obsolete=True)
    path.write_bytes(made.getvalue())
    path.with_suffix(".mo").write_bytes(compiled(read(language)))
    left = [message for message in catalogue if message.id and (not message.string or message.fuzzy)]
    print(f"{path.relative_to(ROOT)}: {len(catalogue)} texts, {len(left)} to translate")


if __name__ == "__main__":
    for language in LANGUAGES:
        update(language)
