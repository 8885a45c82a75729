"""Users whom the system gives neither a name nor a home, and errors that are not a file's fault."""

from __future__ import annotations

import errno
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from rvc_engine.commands.cli import main
from rvc_engine.common import user
from rvc_engine.common.given_paths import clean_path
from rvc_engine.conversion.retrieval import Retrieval
from rvc_engine.errors import BadInput, RvcError
from rvc_engine.machine.environment import engine_environment
from rvc_engine.models.synthesizer import Synthesizer
from rvc_engine.pitch.rmvpe_frames import load as load_rmvpe
from rvc_engine.presets import PRESETS
from rvc_engine.training.state import TrainingState, load_pretrained
from rvc_engine.training.store import CheckpointStore
from rvc_engine.training.train_config import TrainConfig
from rvc_engine.voices import small_model
from rvc_engine.voices.extract import read_generator
from rvc_engine.voices.small_model import read_voice, write_small_model
from rvc_engine.workspace import Workspace
from tests.conftest import SAMPLES, rvc_environment

UID = "54321"
NAMELESS = [
    "setpriv",
    "--reuid",
    UID,
    "--regid",
    UID,
    "--clear-groups",
    "--inh-caps",
    "+dac_read_search",
    "--ambient-caps",
    "+dac_read_search",
]
SHORT = ("--epochs", "1", "--set", "pitch.method=praat", "--until", "train")
UNSET = ("HOME", "USER", "LOGNAME", "LNAME", "USERNAME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """This process as that user sees it. Its temporary folder."""

    def unknown(number: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    for name in (*UNSET, "TORCHINDUCTOR_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    user._temporary.cache_clear()
    yield tmp_path
    user._temporary.cache_clear()


def reachable() -> str:
    """Why such a user cannot run python here; empty when it can."""
    if os.getuid() != 0 or not shutil.which("setpriv"):
        return "only root can become another user, with setpriv"
    done = subprocess.run([*NAMELESS, sys.executable, "-c", ""], capture_output=True, text=True)
    return "" if done.returncode == 0 else f"python is not reachable for another user: {done.stderr.strip()}"


@pytest.mark.skipif(bool(reachable()), reason=reachable() or "-")
@pytest.mark.soak
def test_a_user_without_name_and_home_trains_and_converts(tmp_path: Path) -> None:
    """As `docker run --user 54321`. It may read what is root's here, and write only where it is let."""
    folder = Path(tempfile.mkdtemp(prefix="rvct-"))
    try:
        for name in ("recordings", "home", "tmp"):
            (folder / name).mkdir(mode=0o777)
            (folder / name).chmod(0o777)
        folder.chmod(0o755)
        shutil.copy(min((SAMPLES / "target").glob("*.flac"), key=lambda p: p.stat().st_size), folder / "recordings")
        environment = {
            key: value for key, value in rvc_environment().items() if key not in (*UNSET, "TORCHINDUCTOR_CACHE_DIR")
        }
        environment["TMPDIR"] = str(folder / "tmp")

        def rvc(*words: str) -> None:
            command = [*NAMELESS, sys.executable, "-m", "rvc_engine", *words, "--home", str(folder / "home")]
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=300, env=environment, stdin=subprocess.DEVNULL
            )
            assert done.returncode == 0, done.stdout[-800:] + done.stderr[-800:]

        recordings = str(folder / "recordings")
        rvc("run", "voice", "--dataset", recordings, "--preset", "starter-tiny", *SHORT)
        rvc("convert", "voice", recordings, "--output", str(folder / "home" / "out"), "--pitch-method", "praat")
        assert [path.name for path in (folder / "tmp").iterdir()] == [f"rvc-tui-{UID}"]
        assert list((folder / "home" / "out").glob("*.wav"))
    finally:
        shutil.rmtree(folder)


def test_what_libraries_ask_for_is_set_for_every_child(nobody: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = engine_environment()
    assert made["USER"] == made["LOGNAME"] == str(os.getuid())
    assert made["XDG_CACHE_HOME"].startswith(str(nobody)) and made["TORCHINDUCTOR_CACHE_DIR"].startswith(str(nobody))
    assert user.cache_folder().is_relative_to(nobody) and user.config_folder().is_relative_to(nobody)
    assert "HOME" not in made  # ~ shall not name a folder for temporary files
    assert (nobody / f"rvc-tui-{os.getuid()}").stat().st_mode & 0o077 == 0
    monkeypatch.setenv("USER", "me")
    monkeypatch.setenv("HOME", str(nobody))
    made = engine_environment()
    assert (
        made["USER"] == "me" and "LOGNAME" not in made and "XDG_CACHE_HOME" not in made and "MPLCONFIGDIR" not in made
    )
    assert made["TORCHINDUCTOR_CACHE_DIR"] == str(nobody / ".cache" / "rvc-tui" / "torchinductor")


def test_a_home_that_cannot_be_written_is_no_place_for_caches(nobody: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """docker sets HOME=/ for such a user."""
    monkeypatch.setenv("HOME", "/")
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != Path("/"))
    assert user.cache_folder().is_relative_to(nobody)
    assert user.config_folder() == Path("/.config/rvc-tui")  # there it may be read


def test_somebody_elses_folder_of_that_name_is_not_used(nobody: Path) -> None:
    (nobody / f"rvc-tui-{os.getuid()}").symlink_to("/")
    assert user.cache_folder().is_relative_to(nobody) and f"rvc-tui-{os.getuid()}" not in user.cache_folder().parts


@pytest.mark.parametrize("text", ["~", "~/recordings"])
def test_a_path_from_a_home_that_is_not_there_is_refused(
    nobody: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for read in (user.expanded, clean_path, Workspace.find):
        with pytest.raises(BadInput, match="~"):
            read(text)
    with pytest.raises(BadInput, match="~"):
        Workspace(nobody).experiment(f"{text}/")
    assert main(["list", "--home", text]) == 2
    assert "home folder" in capsys.readouterr().err


def test_other_paths_need_no_home(nobody: Path) -> None:
    assert user.expanded("a/~/b") == Path("a/~/b") and user.expanded("~nobody-of-this-name/a") == Path(
        "~nobody-of-this-name/a"
    )


def test_fields_of_the_app_take_any_text(nobody: Path) -> None:
    from rvc_tui.typed import clean_path as typed

    assert typed(" ~/recordings ") == "~/recordings"


# --- errors of the environment ---------------------------------------------------------------------
REFUSED = [
    PermissionError(errno.EACCES, "Permission denied"),
    OSError(errno.EMFILE, "Too many open files"),
    OSError(errno.ESTALE, "Stale"),
]


@pytest.mark.parametrize("error", REFUSED, ids=lambda error: str(error.strerror))
def test_a_file_that_cannot_be_read_now_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    path = tmp_path / "voice.pth"
    path.write_bytes(b"PK\x03\x04" + bytes(200))
    opened = os.open

    def refuse(name: Any, *words: Any, **named: Any) -> Any:
        if name == path:
            raise error
        return opened(name, *words, **named)

    monkeypatch.setattr(os, "open", refuse)
    network = Synthesizer(PRESETS["starter-tiny"])
    for read in (read_voice, read_generator, lambda p: load_rmvpe(p, "cpu"), lambda p: load_pretrained(network, p)):
        with pytest.raises(RvcError, match="cannot be read") as caught:
            read(path)
        assert error.strerror in caught.value.message and "again" not in caught.value.hint


def test_an_index_that_cannot_be_read_now_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.index"
    path.write_bytes(bytes(100))

    def refuse(*words: Any, **named: Any) -> Any:
        raise REFUSED[0]

    monkeypatch.setattr("numpy.memmap", refuse)
    with pytest.raises(BadInput, match=r"a\.index cannot be read"):
        Retrieval.load(path)


@pytest.mark.parametrize(
    "error", [*REFUSED, RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")]
)
def test_a_checkpoint_that_cannot_be_read_now_stays_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """It was moved away as damaged, and training began with an older one."""
    config, train_config = PRESETS["starter-tiny"], TrainConfig(epochs=1)
    experiment = Workspace(tmp_path).experiment("voice")
    experiment.folder.mkdir(parents=True)
    import torch

    state, store = TrainingState.fresh(config, train_config, torch.device("cpu")), CheckpointStore(experiment)
    store.write_state(state)
    state.step = 1
    store.write_state(state)
    before = sorted(path.name for path in experiment.folder.iterdir())

    def refuse(*words: Any, **named: Any) -> Any:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr("rvc_engine.training.store.read_state", refuse)
        with pytest.raises(RvcError, match=r"resume\.pt cannot be read"):
            store.restore(state)
    assert sorted(path.name for path in experiment.folder.iterdir()) == before
    restored = store.restore(state)
    assert restored is not None and restored.damaged == []


def test_a_torch_that_builds_no_network_does_not_spoil_a_voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = PRESETS["starter-tiny"]
    weights = Synthesizer(config).state_dict()
    write_small_model(tmp_path / "v.pth", weights, config, epoch=1, step=1, extra={})

    class Broken:
        def __init__(self, *words: Any, **named: Any) -> None:
            raise RuntimeError("libtorch is of another version")

    with monkeypatch.context() as patch:
        patch.setattr(small_model, "Synthesizer", Broken)
        with pytest.raises(RvcError, match="torch cannot build") as caught:
            read_voice(tmp_path / "v.pth")
        assert "train" not in caught.value.hint
    assert read_voice(tmp_path / "v.pth").epoch == 1
