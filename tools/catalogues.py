"""Catalogues of the app's texts: `python -m tools.catalogues` extracts the texts, updates every .po and compiles it (make texts)."""

from __future__ import annotations

import ast
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("rvc_tui/**/*.py", "rvc_engine/settings.py", "rvc_engine/pipeline.py")
DOMAIN = "rvc_tui"
LANGUAGES = ("ja", "zh_CN")
# Calls that hold texts: the places of positional arguments, and the names of keyword arguments.
CALLS: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {
    "_": ((0,), ()),
    "N_": ((0,), ()),
    "counted": ((0, 1), ()),
    "Binding": ((2,), ("tooltip",)),
    "setting": ((1,), ("unit", "effect")),
    "Stage": ((0, 1, 2), ()),
    "Place": ((1, 2), ()),
    "Curve": ((3, 4, 5), ()),
}
VARIABLES = ("TITLE",)  # of classes


@dataclass(frozen=True)
class Found:
    """A text of the source; `many`: its plural."""

    text: str
    many: str
    place: str


def texts() -> list[Found]:
    """Every text of the app, in the order of the source."""
    paths = sorted({path for pattern in SOURCES for path in ROOT.glob(pattern)})
    return [found for path in paths for found in texts_in(path)]


def texts_in(path: Path) -> Iterator[Found]:
    place = str(path.relative_to(ROOT))
    for node in in_order(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
            places, names = CALLS[node.func.id]
            held = [text_of(node.args[at]) for at in places if at < len(node.args)]
            held += [text_of(keyword.value) for keyword in node.keywords if keyword.arg in names]
            if node.func.id == "counted":
                held = [(held[0], held[1])] if all(held) else []  # type: ignore[list-item]
            for text in held:
                if text:
                    one, many = text if isinstance(text, tuple) else (text, "")
                    yield Found(one, many, place)
        elif isinstance(node, ast.Assign) and any(isinstance(goal, ast.Name) and goal.id in VARIABLES for goal in node.targets):
            yield from (Found(text, "", place) for text in [text_of(node.value)] if text)


def in_order(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        yield from in_order(child)


def text_of(node: ast.expr) -> str:
    """Empty for what is no text as it stands."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


# --- files ----------------------------------------------------------------------------------------------------------------
def po_path(language: str) -> Path:
    return ROOT / "rvc_tui" / "catalogues" / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def template() -> Catalog:
    """Without line numbers: a moved line is no change."""
    made = Catalog(domain=DOMAIN, project="rvc-tui", fuzzy=False)
    for found in texts():
        id: str | tuple[str, str] = (found.text, found.many) if found.many else found.text
        made.add(id, locations=[(found.place, 0)], flags=["python-brace-format"] if "{" in found.text else [])
    return made


def read(language: str) -> Catalog:
    path = po_path(language)
    if not path.exists():
        return Catalog(locale=language, domain=DOMAIN, project="rvc-tui", fuzzy=False)
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
