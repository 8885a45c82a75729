"""Files of the program have at most 400 lines, functions at most 50."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LINES_OF_A_FILE = 400
LINES_OF_A_FUNCTION = 50
LONGER_FOR_NOW = {"rvc_engine/dataset/findings.py"}


def sources() -> dict[str, str]:
    paths = (path for package in ("rvc_engine", "rvc_tui") for path in sorted((ROOT / package).rglob("*.py")))
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def test_files_are_short() -> None:
    lengths = {name: len(text.splitlines()) for name, text in sources().items()}
    assert len(lengths) > 300
    long = {name: length for name, length in lengths.items() if length > LINES_OF_A_FILE}
    assert not {name: length for name, length in long.items() if name not in LONGER_FOR_NOW}


def test_functions_are_short() -> None:
    long = [
        f"{name}:{node.lineno} {node.name}"
        for name, text in sources().items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= LINES_OF_A_FUNCTION
    ]
    assert not long
