"""What the fault suite shares: an untouched run to compare with, and the table that every scenario writes a row of."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest

from tests.faults.harness import EPOCHS, NAME, SETTINGS, Voice, copy_prepared
from tests.faults.table import git

TABLE = "RVC_FAULT_TABLE"
REPORT = pytest.StashKey[pytest.TestReport]()


@dataclass
class Row:
    """What a scenario saw. `runs` counts engine processes that were put to the test."""

    scenario: str = ""
    promise: str = ""
    runs: int = 0
    seen: list[str] = field(default_factory=list)
    result: str = "failed"
    seconds: float = 0.0
    test: str = ""
    commit: str = ""

    def of(self, scenario: str, promise: str) -> None:
        self.scenario, self.promise = scenario, promise

    def saw(self, what: str, runs: int = 1) -> None:
        self.seen.append(what)
        self.runs += runs


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.stash[REPORT] = report
    return report


@pytest.fixture(scope="session", autouse=True)
def same_threads() -> Iterator[None]:
    """Results are equal bit for bit for the same number of threads: engines started from here have one, as those of
    `rvc` in tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Iterator[Row]:
    """A row of the table; it is written to the file that RVC_FAULT_TABLE names, if it names one."""
    filled, started = Row(test=request.node.nodeid, commit=git("rev-parse", "--short", "HEAD")), time.monotonic()
    yield filled
    report = request.node.stash.get(REPORT, None)
    filled.result = report.outcome if report else "failed"
    filled.seconds = round(time.monotonic() - started, 1)
    if report and report.failed:
        filled.seen.append(str(report.longrepr).strip().splitlines()[-1])
    if target := os.environ.get(TABLE):
        with Path(target).open("a") as file:  # several processes may add theirs
            file.write(json.dumps(asdict(filled)) + "\n")


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory, speech: list[Path]) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    for path in speech:
        shutil.copy2(path, folder / path.name)
    return folder


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory, recordings: Path) -> Voice:
    """One run from start to end that nothing disturbed."""
    voice = Voice(tmp_path_factory.mktemp("reference"))
    words = [word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}")]
    voice.finish("--dataset", recordings, "--preset", "starter-tiny", *words)
    return voice


@pytest.fixture
def prepared(reference: Voice) -> Callable[[Path], Voice]:
    """Copies of the experiment as it was before training."""
    return lambda home: copy_prepared(reference.experiment, home)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, reference: Voice) -> Voice:
    """Trained one epoch less than the untouched run, in two runs, so that there is more than one state to resume
    from."""
    voice = copy_prepared(reference.experiment, tmp_path_factory.mktemp("trained"))
    assert voice.name == NAME
    for epochs in (EPOCHS - 2, EPOCHS - 1):
        voice.finish("--set", f"train.epochs={epochs}")
    return voice
