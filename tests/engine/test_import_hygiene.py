"""What starts fast imports little: checked by what is loaded, not by a clock."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
import tomlkit

from tests.conftest import ROOT, rvc_environment

HEAVY = ("torch", "numpy", "scipy", "faiss", "av", "textual", "rich")


def loaded_after(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=rvc_environment(), check=True
    )
    return {name.partition(".")[0] for name in done.stdout.split("\n")}


def test_help_loads_neither_settings_nor_numbers() -> None:
    loaded = loaded_after("from rvc_engine.commands.cli import main; main(['--help'])")
    assert not loaded & {*HEAVY, "pydantic"}


@pytest.mark.parametrize(
    "module",
    [
        "settings",
        "experiment",
        "events",
        "errors",
        "registry",
        "run.journal",
        "run.pipeline",
        "run.status",
        "run.launcher",
        "machine.advisor",
        "client.engine_client",
        "client.state",
    ],
)
def test_the_light_modules_are_light(module: str) -> None:
    assert not loaded_after(f"import rvc_engine.{module}") & set(HEAVY)


def test_a_plan_loads_neither_torch_nor_numpy() -> None:
    code = "from pathlib import Path; from rvc_engine.workspace import Workspace\n"
    code += "from rvc_engine.settings import for_preset; from rvc_engine.run.stage_list import stages_of\n"
    code += "from rvc_engine.run.receipts import plan; settings = for_preset('v2-40k', dataset='samples/sources')\n"
    code += "plan(Workspace(Path('/nowhere')).experiment('x'), settings, stages_of(settings))"
    assert not loaded_after(code) & {"torch", "numpy", "scipy", "faiss", "av"}


def test_the_app_loads_neither_torch_nor_numpy() -> None:
    assert not loaded_after("import rvc_tui.app") & {"torch", "numpy", "scipy", "faiss", "av"}


def test_the_engine_loads_no_textual() -> None:
    code = "import rvc_engine.run.runner, rvc_engine.commands.cli, rvc_engine.commands.pipeline\n"
    code += "from rvc_engine.registry import STAGES\n"
    assert "textual" not in loaded_after(code + "[stage.load() for stage in STAGES.all()]")


def test_training_needs_torch_and_numbers_alone() -> None:
    code = "import rvc_engine.training.loop, rvc_engine.training.measure, rvc_engine.models.synthesizer"
    assert not loaded_after(code) & {
        "pydantic",
        "av",
        "soundfile",
        "soxr",
        "faiss",
        "textual",
        "tomlkit",
        "rich",
        "psutil",
    }


# --- names of modules in strings: what is started by -m and -c, and what is imported later ---------
NAMED = re.compile(r"\brvc_engine\.(\w+)")
LOOKED_UP = {"registry.py": "its rows name a class for each thing there is; the class is imported when it is asked for"}


def layers() -> dict[str, int]:
    """Each package and module of rvc_engine, the lowest layer first: from the contract of `make check`."""
    contracts = tomlkit.parse((ROOT / "pyproject.toml").read_text()).unwrap()["tool"]["importlinter"]["contracts"]
    (rows,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    return {name.strip(): rank for rank, row in enumerate(reversed(rows)) for name in row.split(":")}


def strings_in(tree: ast.AST) -> Iterator[str]:
    """Without docstrings."""
    documents = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
            yield node.value


def upward(name: str, source: str, ranks: dict[str, int]) -> list[str]:
    """The modules of higher layers that a module of `name` names in its strings."""
    named = [found for text in strings_in(ast.parse(source)) for found in NAMED.findall(text)]
    return [f"{name} names rvc_engine.{other}" for other in named if ranks.get(other, -1) > ranks[name]]


def test_names_of_modules_in_strings_go_one_way_too() -> None:
    """A process that is started by the name of its module is an import as well. `python -m rvc_engine`, the command
    line, is what any program may call."""
    ranks, found = layers(), []
    for path in sorted((ROOT / "rvc_engine").rglob("*.py")):
        first = path.relative_to(ROOT / "rvc_engine").parts[0]
        if first not in LOOKED_UP and (name := first.removesuffix(".py")) in ranks:
            found += upward(name, path.read_text(), ranks)
    assert not found, found


@pytest.mark.parametrize(
    "source",
    [
        'COMMAND = [sys.executable, "-m", "rvc_engine.training.numerics"]',
        'MEASURING = "import rvc_engine.work.train, os; os.getcwd()"',
        'importlib.import_module(f"rvc_engine.stages.{name}")',
    ],
)
def test_a_name_that_goes_up_is_found(source: str) -> None:
    assert len(upward("machine", source, layers())) == 1
    assert upward("commands", source, layers()) == []
    assert upward("machine", f"def f():\n    '''{source}'''", layers()) == []


EACH_FIRST = """
import os, pkgutil, sys, textual.app, textual.widgets, rvc_tui
for module in pkgutil.walk_packages(rvc_tui.__path__, "rvc_tui."):
    if not (process := os.fork()):
        try:
            __import__(module.name)
        except BaseException as error:
            print(module.name, error, flush=True)
        os._exit(0)
    os.waitpid(process, 0)
"""


@pytest.mark.soak
def test_each_module_of_the_app_can_be_the_first_that_is_imported() -> None:
    """Some import others by name when they are asked for: no checker of imports sees a circle of these."""
    command = [sys.executable, "-c", EACH_FIRST]
    done = subprocess.run(command, capture_output=True, text=True, env=rvc_environment(), check=True)
    assert done.stdout == ""


BUILT_WITHOUT_WEIGHTS = """
import sys
from rvc_engine.content.hubert import Hubert
from rvc_engine.content.hubert_config import HubertConfig
from rvc_engine.models.discriminators import Discriminators
from rvc_engine.models.synthesizer import Synthesizer
from rvc_engine.models.without_weights import without_weights
from rvc_engine.pitch.rmvpe_network import Rmvpe
from rvc_engine.presets import model_config
before = "torch._dynamo" in sys.modules
with without_weights():
    for preset in ("v2-40k", "starter"):
        config = model_config(preset, pitch=True)
        Synthesizer(config), Discriminators(config.discriminator)
    Hubert(HubertConfig(), 12, projected=False), Rmvpe()
print(before, "torch._dynamo" in sys.modules)
"""


def test_networks_are_built_without_torchs_compiler() -> None:
    """Its import takes more than a second; some operations need it on the device "meta", such as a norm."""
    command = [sys.executable, "-c", BUILT_WITHOUT_WEIGHTS]
    done = subprocess.run(command, capture_output=True, text=True, env=rvc_environment(), check=True)
    assert done.stdout.split() == ["False", "False"]
