"""What starts fast imports little: checked by what is loaded, not by a clock."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import rvc_environment

HEAVY = ("torch", "torchaudio", "numpy", "scipy", "faiss", "av", "textual", "rich")


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
    "module", ["settings", "experiment", "events", "journal", "pipeline", "errors", "status", "launcher", "advise"]
)
def test_the_light_modules_are_light(module: str) -> None:
    assert not loaded_after(f"import rvc_engine.{module}") & set(HEAVY)


def test_the_app_loads_neither_torch_nor_numpy() -> None:
    assert not loaded_after("import rvc_tui.app") & {"torch", "torchaudio", "numpy", "scipy", "faiss", "av"}


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
