"""What starts fast imports little: checked by what is loaded, not by a clock."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import rvc_environment

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
