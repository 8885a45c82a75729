"""A hub on this machine, and a workspace whose manifest names four small files on it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from rvc_engine.assets import download
from rvc_engine.assets import hub as client
from rvc_engine.assets.manifest import Asset, read_manifest
from rvc_engine.workspace import Workspace
from tests.assets.hub import Hub, serving

NAMES = ("hubert_base.pt", "rmvpe.pt", "v2/f0G40k.pth", "v2/f0D40k.pth")


@pytest.fixture
def served(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setattr(download, "WAIT_S", 0.02)
    with serving() as (hub, endpoint):
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        hub.publish(home, {name: random.Random(name).randbytes(300_000) for name in NAMES})
        yield hub


@pytest.fixture
def workspace(home: Path) -> Workspace:
    return Workspace(home)


@pytest.fixture
def assets(served: Hub, workspace: Workspace) -> list[Asset]:
    return list(read_manifest(workspace))


@pytest.fixture
def stalls_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection without a byte for half a second counts as broken."""
    monkeypatch.setattr(client.hub().constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.5)
