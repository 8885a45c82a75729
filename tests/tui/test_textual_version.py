"""Private parts of Textual: only rvc_tui/textual_private.py touches them, and the installed Textual has them as it
takes them to be. A new Textual fails here, by the name of the part, and not somewhere on a screen."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType, NoneType
from typing import Any

import pytest
import textual
import tomlkit
from packaging.requirements import Requirement
from textual import _compositor, keys
from textual.app import App
from textual.dom import DOMNode
from textual.driver import Driver
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, _footer

from rvc_tui import changed_cells
from rvc_tui.keymap import owners

ROOT = Path(__file__).resolve().parents[2]
PRIVATE = ROOT / "rvc_tui" / "textual_private.py"
OTHERS = sorted(path for path in (ROOT / "rvc_tui").rglob("*.py") if path != PRIVATE)


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name != "_"


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


# --- who touches what ------------------------------------------------------------------------------
def own_names(tree: ast.AST) -> set[str]:
    """Private names that a class (or all classes of a module) have by themselves: methods, variables of the class, and
    what is set on `self`."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            names.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_self(node.value):
            names.add(node.attr)
        elif isinstance(node, ast.ClassDef):
            goals = [goal for line in node.body if isinstance(line, ast.Assign) for goal in line.targets]
            goals += [line.target for line in node.body if isinstance(line, ast.AnnAssign)]
            names |= {goal.id for goal in goals if isinstance(goal, ast.Name)}
    return set(filter(is_private, names))


def is_self(node: ast.expr) -> bool:
    """`self`, `cls`, `super()`."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "super"
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


@cache
def privates_of(kind: type) -> frozenset[str]:
    """The private names that Textual gives a class and its bases."""
    names: set[str] = set()
    for base in kind.__mro__:
        if base.__module__.partition(".")[0] == "textual":
            names |= set(filter(is_private, vars(base)))
            names |= set_in(base.__module__).get(base.__name__, set())
    return frozenset(names)


@cache
def set_in(module: str) -> dict[str, set[str]]:
    """The private names of each class of a module of Textual, by its source: `vars` does not tell what is set on
    `self`."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: own_names(node) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}


@cache
def known_privates() -> frozenset[str]:
    """Of everything of Textual that the app has in hand."""
    kinds: set[type] = {App, Screen, Widget, DOMNode, MessagePump, Driver, *owners()}
    return frozenset(name for kind in kinds for name in privates_of(kind))


def touched(path: Path, ours: set[str]) -> Iterator[str]:
    """Each line of a module that leans on something private of Textual. `ours`: names that the app's classes give
    themselves."""
    tree = tree_of(path)
    where = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    module = None if where.endswith("__main__") else importlib.import_module(where.removesuffix(".__init__"))
    modules = {
        alias.asname or alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    yield from (f"{path.name}:{line}: {what}" for line, what in private_imports(tree))

    def walk(node: ast.AST, privates: frozenset[str]) -> Iterator[str]:
        if isinstance(node, ast.ClassDef):
            kind = getattr(module, node.name, object)
            privates = privates_of(kind)
            for name in sorted(own_names(node) & privates):
                yield f"{path.name}:{node.lineno}: {node.name}.{name} stands in the place of Textual's"
        elif isinstance(node, ast.Attribute) and is_private(node.attr):
            of_module = isinstance(node.value, ast.Name) and node.value.id in modules
            theirs = privates if is_self(node.value) else known_privates() - ours
            if node.attr in theirs and not of_module:
                yield f"{path.name}:{node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.Constant) and node.value in known_privates() - ours:
            yield f"{path.name}:{node.lineno}: {node.value!r}"  # getattr, setattr
        for child in ast.iter_child_nodes(node):
            yield from walk(child, privates)

    yield from walk(tree, frozenset())


def private_imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            first, *rest = name.split(".")
            if first == "textual" and any(map(is_private, rest)):
                yield node.lineno, name


def test_only_one_module_touches_private_parts() -> None:
    ours = {name for path in OTHERS for name in own_names(tree_of(path))}
    found = [line for path in OTHERS for line in touched(path, ours)]
    assert found == [], "these belong in rvc_tui/textual_private.py"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("from textual._compositor import ChopsUpdate", "textual._compositor.ChopsUpdate"),
        ("from textual.keys import _character_to_key as known", "textual.keys._character_to_key"),
        ("import textual._xterm_parser", "textual._xterm_parser"),
        ("def f(app): return app._driver", "app._driver"),
        ("def f(app): app.screen._compositor.clear()", "app.screen._compositor"),
        ("def f(app): return getattr(app, '_exit')", "'_exit'"),
        ("class ConfirmScreen:\n    def _on_message(self, message): ...", "ConfirmScreen._on_message"),
        ("class ConfirmScreen:\n    def f(self): self._running = True", "ConfirmScreen._running"),
        ("class ConfirmScreen:\n    def f(self): return super()._on_message(self)", "super()._on_message"),
    ],
)
def test_each_way_to_touch_them_is_found(
    line: str, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rvc_tui" / "screens" / "confirm.py"
    path.parent.mkdir(parents=True)
    path.write_text(line + "\n")
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    assert found in "\n".join(touched(path, set()))


# --- what the installed Textual has ----------------------------------------------------------------
METHODS: dict[tuple[Any, str], list[str]] = {
    (App, "_display"): ["self", "screen", "renderable"],
    (App, "_fatal_error"): ["self"],
    (MessagePump, "_close_messages_no_wait"): ["self"],
    (MessagePump, "_on_message"): ["self", "message"],
    (keys, "_normalize_key_list"): ["keys"],
    (_compositor.LayoutUpdate, "__init__"): ["self", "strips", "region"],
    (_compositor.ChopsUpdate, "__init__"): ["self", "chops", "spans", "chop_ends"],
    (_compositor.CompositorUpdate, "render_segments"): ["self", "console"],
}
ATTRIBUTES: dict[str, type] = {  # of an app that does not run yet
    "_running": bool,
    "_closed": bool,
    "_batch_count": int,
    "_exit": bool,
    "_exception": NoneType,
    "_driver": NoneType,
    "_clipboard": str,
}
PROPERTIES: dict[tuple[type, str], str] = {(Input, "_value"): "Text"}
MODULES: dict[str, tuple[ModuleType, tuple[str, ...]]] = {
    "_compositor": (_compositor, ("ChopsUpdate", "CompositorUpdate", "LayoutUpdate")),
    "_footer": (_footer, ("FooterKey",)),
}
CALLED = (  # by Textual itself: where nobody calls it, what stands in its place does nothing
    (Screen, "app._display("),
    (App, "self._fatal_error()"),
    (MessagePump, "self._on_message("),
    (Input, "self._value"),
)


def problem(part: str) -> str:
    return f"Textual {textual.__version__} has no {part} as rvc_tui/textual_private.py takes it to be"


@pytest.mark.parametrize(("of", "name"), METHODS, ids=lambda value: getattr(value, "__name__", value))
def test_a_method_is_there_and_takes_what_we_give(of: Any, name: str) -> None:
    part = f"{of.__name__}.{name}({', '.join(METHODS[of, name])})"
    method = getattr(of, name, None)
    assert isinstance(method, Callable), problem(part)  # type: ignore[arg-type]
    assert list(inspect.signature(method).parameters) == METHODS[of, name], problem(part)
    assert inspect.iscoroutinefunction(method) == (name == "_on_message"), problem(f"{part}, awaited or not")


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_an_attribute_of_the_app_is_there(name: str) -> None:
    app: App[None] = App()
    assert isinstance(getattr(app, name, app), ATTRIBUTES[name]), problem(f"App.{name}")


@pytest.mark.parametrize(("of", "name"), PROPERTIES)
def test_a_property_is_there(of: type, name: str) -> None:
    there = vars(of).get(name)
    assert isinstance(there, property), problem(f"property {of.__name__}.{name}")
    assert inspect.signature(there.fget).return_annotation == PROPERTIES[of, name], problem(f"{of.__name__}.{name}")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", MODULES)
def test_a_class_of_a_private_module_is_there(name: str) -> None:
    module, classes = MODULES[name]
    for kind in classes:
        assert isinstance(getattr(module, kind, None), type), problem(f"{module.__name__}.{kind}")


def test_keys_of_the_footer_have_what_we_read() -> None:
    key = _footer.FooterKey("a", "A", "does it", "do_it(1)")
    assert (key.key, key.key_display, key.description, key.action) == ("a", "A", "does it", "do_it(1)"), problem(
        "FooterKey"
    )


@pytest.mark.parametrize(("of", "call"), CALLED, ids=lambda value: getattr(value, "__name__", value))
def test_textual_calls_what_we_put_in_its_place(of: type, call: str) -> None:
    assert call in inspect.getsource(sys.modules[of.__module__]), problem(f"{call} in {of.__module__}")


async def test_cells_are_forgotten_when_another_program_had_the_terminal() -> None:
    app = changed_cells.ChangedCells()
    async with app.run_test():
        app.cells.rows[0] = []
        app.app_resume_signal.publish(app)
        assert app.cells.rows == {}


def test_every_private_part_is_held_by_a_test() -> None:
    """A part that is used and not tested here fails, and so does one that is tested and no longer used."""
    tree = tree_of(PRIVATE)
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} | own_names(tree)
    for _line, name in private_imports(tree):
        used |= set(name.split("."))
    tested = {name for _of, name in (*METHODS, *PROPERTIES)} | {*ATTRIBUTES, *MODULES}
    assert set(filter(is_private, used)) == set(filter(is_private, tested))


def test_the_installed_version_is_one_that_pyproject_allows() -> None:
    project = tomlkit.parse((ROOT / "pyproject.toml").read_text(encoding="utf-8")).unwrap()["project"]
    allowed = next(
        wanted for line in project["dependencies"] if (wanted := Requirement(line)).name == "textual"
    ).specifier
    assert textual.__version__ in allowed, f"Textual {textual.__version__} is installed, pyproject.toml says {allowed}"
    assert any(part.operator in ("<", "<=", "==", "~=") for part in allowed), "a next major version is not tried yet"
