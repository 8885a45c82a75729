"""Counts about the structure of the program, for `python -m tools.structure [CHECKOUT]`.

How many files know the name of one thing of a kind says how many must be touched to add another: a method, an encoder,
a decoder, a stage, a screen. Names are looked for as whole string constants (a screen: as a class) in the syntax trees
of rvc_engine and rvc_tui; tests and documents are left out.
"""

from __future__ import annotations

import argparse
import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median

PACKAGES = ("rvc_engine", "rvc_tui")
EXAMPLES = {
    "pitch method (crepe)": "crepe",
    "pitch method (rmvpe)": "rmvpe",
    "content encoder (phonetic-256-1)": "phonetic-256-1",
    "content encoder (hubert-768)": "hubert-768",
    "decoder (istft)": "istft",
    "stage (features)": "features",
}
SCREEN = "AuditionScreen"
LONG_LINE = 100
OUTPUTS, OWN = ("stdout", "stderr"), ("sys", "subprocess")
LAST_LINE = "last_line_of"
ONE_WAY = "rvc_engine/machine/children.py"  # starts processes and reads what they report, for all
COMPARED = ("features", "pitch", "train", "index", "preprocess", "encoder", "convert", "base")


def sources(root: Path) -> dict[Path, str]:
    paths = (path for package in PACKAGES for path in sorted((root / package).rglob("*.py")))
    return {path: path.read_text(encoding="utf-8") for path in paths}


def strings(tree: ast.AST) -> Iterator[str]:
    """String constants that are not docstrings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def knows(tree: ast.AST, name: str) -> bool:
    return any(text == name for text in strings(tree))


def comparisons(tree: ast.AST, names: tuple[str, ...]) -> int:
    """Branches on the name of a stage, method or encoder: `x == "train"`, `x in ("hubert-256", ...)`."""
    found = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            values = [value for side in node.comparators for value in strings(side)]
            found += any(value in names for value in values)
    return found


def is_inside_function(tree: ast.AST) -> int:
    """Imports that wait until a function is called."""
    inside = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inside |= {id(child) for child in ast.walk(node) if isinstance(child, ast.Import | ast.ImportFrom)}
    return len(inside)


def starts(tree: ast.AST) -> int:
    """Command lines of Python processes: `[sys.executable, ...]`."""
    commands = [node for node in ast.walk(tree) if isinstance(node, ast.List | ast.Tuple)]
    return sum(any(ast.unparse(item) == "sys.executable" for item in node.elts) for node in commands)


def own_protocols(tree: ast.AST) -> int:
    """Functions that read what another process of this program wrote to a pipe or a log, each in its own way."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return sum(any(map(reads_a_process, ast.walk(node))) for node in ast.walk(tree) if isinstance(node, kinds))


def reads_a_process(node: ast.AST) -> bool:
    """`done.stdout`, `late.stderr`, `sys.stdin.read()`, `last_line_of(log)`."""
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func)
        return called == LAST_LINE or (called.startswith("sys.stdin.") and called.endswith((".read", ".readline")))
    return isinstance(node, ast.Attribute) and node.attr in OUTPUTS and ast.unparse(node.value) not in OWN


def functions(tree: ast.AST) -> list[int]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [(node.end_lineno or node.lineno) - node.lineno + 1 for node in ast.walk(tree) if isinstance(node, kinds)]


def rows_of(root: Path) -> list[tuple[str, str]]:
    texts = sources(root)
    trees = {path: ast.parse(text) for path, text in texts.items()}
    lines = [line for text in texts.values() for line in text.splitlines()]
    sizes = sorted(len(text.splitlines()) for text in texts.values())
    lengths = sorted(length for tree in trees.values() for length in functions(tree))
    methods = (
        "praat",
        "harvest",
        "dio",
        "fcpe",
        "crepe",
        "rmvpe",
        "hubert-256",
        "hubert-768",
        "phonetic-256-1",
        "istft",
    )
    rows = [
        (f"files that know the {what}", str(sum(knows(t, n) for t in trees.values()))) for what, n in EXAMPLES.items()
    ]
    screen = sum(SCREEN in text for text in texts.values())
    rows.append((f"files that know the screen {SCREEN}", str(screen)))
    rows.append(("branches on the name of a stage", str(sum(comparisons(tree, COMPARED) for tree in trees.values()))))
    rows.append(("branches on other names", str(sum(comparisons(tree, methods) for tree in trees.values()))))
    others = [tree for path, tree in trees.items() if path.relative_to(root).as_posix() != ONE_WAY]
    rows.append(("places that start a Python process", str(sum(map(starts, trees.values())))))
    rows.append(("functions that read a process in a way of their own", str(sum(map(own_protocols, others)))))
    rows.append(("imports inside functions", str(sum(map(is_inside_function, trees.values())))))
    rows.append(("modules", str(len(texts))))
    rows.append(("modules directly in rvc_engine", str(len(list((root / "rvc_engine").glob("*.py"))))))
    rows.append(("lines", f"{len(lines):,}"))
    rows.append(("lines of a file, median and longest", f"{median(sizes):.0f}, {sizes[-1]}"))
    rows.append(("lines of a function, median and longest", f"{median(lengths):.0f}, {lengths[-1]}"))
    over = sum(len(line) > LONG_LINE for line in lines) / len(lines)
    rows.append((f"lines over {LONG_LINE} columns", f"{over:.1%}"))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkouts", nargs="*", type=Path, default=[Path(__file__).resolve().parent.parent])
    tables = [dict(rows_of(root)) for root in parser.parse_args().checkouts]
    for what in tables[-1]:
        print(f"| {what} | {' | '.join(table.get(what, '-') for table in tables)} |")


if __name__ == "__main__":
    main()
