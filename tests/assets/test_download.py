"""Downloads against a hub that misbehaves: what arrives is whole and as published, or does not appear; nothing is
fetched twice."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rvc_engine.assets.download import Transfer, pull
from rvc_engine.assets.hub import Offline
from rvc_engine.assets.manifest import Asset
from rvc_engine.disk import DiskFull
from rvc_engine.errors import Busy, RvcError
from rvc_engine.workspace import Workspace
from tests.assets.hub import Hub


def in_place(workspace: Workspace, assets: list[Asset], hub: Hub) -> bool:
    return all((workspace.pretrained / asset.name).read_bytes() == hub.files[asset.path].content for asset in assets)


def parts(workspace: Workspace) -> list[Path]:
    return sorted((workspace.pretrained / ".downloads").glob("*.part"))


def test_all_arrive_together_and_only_once(served: Hub, workspace: Workspace, assets: list[Asset]) -> None:
    for file in served.files.values():
        file.slow = 1e6
    fetched = pull(workspace, assets)
    assert [t.state for t in fetched] == ["done"] * 4 and in_place(workspace, assets, served) and parts(workspace) == []
    assert 2 <= served.most_at_once <= 4
    assert pull(workspace, assets) == []
    assert all(file.starts == [0] for file in served.files.values())


@pytest.mark.parametrize("reset", [False, True])
def test_cut_connections_resume_where_they_were_cut(
    served: Hub, workspace: Workspace, assets: list[Asset], reset: bool
) -> None:
    file = served.files["rmvpe.pt"]
    file.cuts, file.reset = [100_000, 64_000, 0], reset
    pull(workspace, assets)
    assert in_place(workspace, assets, served)
    assert len(file.starts) == 4 and file.starts == sorted(file.starts) and file.starts[-1] > 0
    if not reset:  # a reset may take what is under way with it
        assert file.starts == [0, 100_000, 164_000, 164_000]


def test_a_stalled_connection_is_given_up_and_resumed(
    served: Hub, workspace: Workspace, assets: list[Asset], stalls_fast: None
) -> None:
    file = served.files["rmvpe.pt"]
    file.cuts, file.stall = [100_000], True
    pull(workspace, assets)
    assert file.starts == [0, 100_000] and in_place(workspace, assets, served)


def test_a_download_that_never_ends_fails_and_the_next_command_resumes(
    served: Hub, workspace: Workspace, assets: list[Asset]
) -> None:
    file = served.files["v2/f0G40k.pth"]
    file.cuts = [50_000] + [0] * 20
    with pytest.raises(RvcError, match=r"f0G40k.pth was cut off .* resumes"):
        pull(workspace, assets)
    assert not (workspace.pretrained / "v2/f0G40k.pth").exists() and [p.stat().st_size for p in parts(workspace)] == [
        50_000
    ]
    assert (workspace.pretrained / "rmvpe.pt").exists(), "the others are in place"
    file.cuts, file.starts = [], []
    fetched = pull(workspace, assets)
    assert [t.asset.name for t in fetched] == ["v2/f0G40k.pth"] and fetched[0].resumed_at == 50_000
    assert file.starts == [50_000] and in_place(workspace, assets, served)


def test_a_server_without_ranges_starts_over(served: Hub, workspace: Workspace, assets: list[Asset]) -> None:
    file = served.files["rmvpe.pt"]
    file.cuts, file.ranges = [100_000], False
    pull(workspace, assets)
    assert file.starts == [0, 0] and in_place(workspace, assets, served)


def test_a_wrong_sum_never_appears_and_the_old_file_stays(
    served: Hub, workspace: Workspace, assets: list[Asset]
) -> None:
    good = served.files["rmvpe.pt"].content
    served.files["rmvpe.pt"].content = good[:-1] + b"?"
    served.files["rmvpe.pt"].gives_size = False
    old = workspace.pretrained / "rmvpe.pt"
    old.write_bytes(b"mine")
    with pytest.raises(RvcError, match=r"rmvpe\.pt from http\S+ is not the published file.*sha256"):
        pull(workspace, assets)
    assert old.read_bytes() == b"mine" and parts(workspace) == []
    served.files["rmvpe.pt"].content = good
    pull(workspace, assets)
    assert old.read_bytes() == good
    assert [p.read_bytes() for p in (workspace.pretrained / "aside").rglob("rmvpe.pt")] == [b"mine"], (
        "moved to a backup, not deleted"
    )


def test_another_sum_on_the_hub_is_said_before_a_byte_is_fetched(
    served: Hub, workspace: Workspace, assets: list[Asset]
) -> None:
    served.files["rmvpe.pt"].given_sha256 = "ab" * 32
    with pytest.raises(RvcError, match=r"rmvpe\.pt .* not the published file.*abababababab"):
        pull(workspace, assets)
    assert served.files["rmvpe.pt"].starts == []


@pytest.mark.parametrize("status", [404, 403])
def test_a_file_that_is_refused_is_named(served: Hub, workspace: Workspace, assets: list[Asset], status: int) -> None:
    served.files["rmvpe.pt"].status = status
    with pytest.raises(RvcError, match=rf"rmvpe\.pt.*{status}"):
        pull(workspace, assets)
    assert in_place(workspace, [asset for asset in assets if asset.name != "rmvpe.pt"], served)


def test_slow_is_displayed_as_it_comes(served: Hub, workspace: Workspace, assets: list[Asset]) -> None:
    served.files["rmvpe.pt"].slow = 300_000
    seen: list[tuple[int, int | None]] = []

    def watch(transfers: list[Transfer]) -> None:
        seen.extend((t.done, t.total) for t in transfers)

    pull(workspace, [asset for asset in assets if asset.name == "rmvpe.pt"], watch)
    assert len({done for done, _ in seen}) > 4 and all(total == 300_000 for _, total in seen)


def test_a_server_that_does_not_answer_is_offline(
    served: Hub, workspace: Workspace, assets: list[Asset], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(Offline, match=r"http://127\.0\.0\.1:9 cannot be reached"):
        pull(workspace, assets)


def test_one_download_at_a_time(served: Hub, workspace: Workspace, assets: list[Asset]) -> None:
    served.files["rmvpe.pt"].slow = 200_000
    first = threading.Thread(target=pull, args=(workspace, assets))
    first.start()
    try:
        deadline = time.monotonic() + 10
        while not parts(workspace) and time.monotonic() < deadline:
            time.sleep(0.01)
        with pytest.raises(Busy, match="Another process is downloading"):
            pull(workspace, assets)
    finally:
        first.join()
    assert in_place(workspace, assets, served)


# --- full disks ------------------------------------------------------------------------------------
@pytest.fixture
def small_disk(home: Path) -> Iterator[Path]:
    """24 MB, on which the workspace's pretrained/ lies."""
    folder = home / "pretrained"
    folder.mkdir(exist_ok=True)
    kept = {path.name: path.read_bytes() for path in folder.iterdir()}
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a tmpfs is not permitted here")
    for name, content in kept.items():
        (folder / name).write_bytes(content)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("known", [True, False])
def test_a_full_disk(served: Hub, workspace: Workspace, assets: list[Asset], small_disk: Path, known: bool) -> None:
    """With the size known, it fails before a byte is fetched; else it ends cleanly, and resumes once there is room."""
    served.publish(workspace.home, {"rmvpe.pt": random.Random(1).randbytes(9_000_000)})
    file = served.files["rmvpe.pt"]
    file.gives_size = known
    asset = Asset("rmvpe.pt", "someone/weights", "rmvpe.pt", file.sha256)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(18_000_000))
    with pytest.raises(DiskFull, match=r"free|room"):
        pull(workspace, [asset])
    assert not (small_disk / "rmvpe.pt").exists() and bool(file.starts) is not known
    filler.unlink()
    if known:
        subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    pull(workspace, [asset])
    assert (small_disk / "rmvpe.pt").read_bytes() == file.content
    if not known:
        assert file.starts[-1] > 4_000_000, "it resumed from what it had"
