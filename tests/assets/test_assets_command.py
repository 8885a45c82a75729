"""`rvc assets` as a real process: what it says and how it ends."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rvc_engine.commands.cli import main
from tests.assets.conftest import NAMES
from tests.assets.hub import Hub
from tests.conftest import Rvc, rvc_environment


def test_list_pull_verify(rvc: Rvc, served: Hub, home: Path) -> None:
    listed = json.loads(rvc("assets", "list", "v2-40k", "--json").stdout)
    assert [(row["name"], row["state"], row["bytes"]) for row in listed] == [(name, "missing", None) for name in NAMES]
    assert rvc("assets", "verify", "v2-40k").returncode == 1
    pulled = rvc("assets", "pull", "v2-40k", "--json")
    assert pulled.returncode == 0, pulled.stderr
    events = [json.loads(line) for line in pulled.stdout.splitlines()]
    assert events[-1]["event"] == "finished" and events[-1]["fetched"] == list(NAMES)
    assert {event["file"] for event in events if event["event"] == "done"} == set(NAMES)
    listed = json.loads(rvc("assets", "list", "--json").stdout)
    assert {(row["state"], row["bytes"]) for row in listed} == {("verified", 300_000)}, (
        "sizes are known from the first verified download"
    )
    assert rvc("assets", "verify", "v2-40k").returncode == 0
    (home / "pretrained" / "rmvpe.pt").write_bytes(bytes(300_000))
    verified = rvc("assets", "verify")
    assert verified.returncode == 1 and "rmvpe.pt         differs" in verified.stdout and "rmvpe.pt" in verified.stderr


def test_without_a_preset_it_lists_the_choices(rvc: Rvc) -> None:
    asked = rvc("assets", "pull")
    assert asked.returncode == 2 and "v2-40k" in asked.stderr and "all" in asked.stderr
    unknown = rvc("assets", "pull", "v3-40k")
    assert unknown.returncode == 2 and "v3-40k" in unknown.stderr and "v1-48k" in unknown.stderr


@pytest.mark.soak
def test_the_shipped_manifest(rvc: Rvc) -> None:
    rows = json.loads(rvc("assets", "list", "--json").stdout)
    assert len(rows) == 26 and len({row["published_sha256"] for row in rows}) == 26
    for preset in ("v1-32k", "v1-40k", "v1-48k", "v2-32k", "v2-40k", "v2-48k"):
        own = [row for row in rows if preset in row["presets"]]
        folder, rate = ("v2/" if preset.startswith("v2") else ""), preset[3:]
        assert {row["name"] for row in own if row["pitch"] is not False} == {
            "hubert_base.pt",
            "rmvpe.pt",
            f"{folder}f0G{rate}.pth",
            f"{folder}f0D{rate}.pth",
        }
        assert {row["name"] for row in own if row["pitch"] is not True} == {
            "hubert_base.pt",
            f"{folder}G{rate}.pth",
            f"{folder}D{rate}.pth",
        }


@pytest.mark.parametrize("how", ["unreachable", "HF_HUB_OFFLINE"])
def test_offline_it_says_what_to_copy_by_hand(
    rvc: Rvc, served: Hub, home: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    if how == "unreachable":
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    else:
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    started = time.monotonic()
    done = rvc("assets", "pull", "v2-40k")
    assert done.returncode == 1 and time.monotonic() - started < 15 and len(done.stderr.strip().splitlines()) == 1
    for name in NAMES:
        assert f"{os.environ['HF_ENDPOINT']}/someone/weights/resolve/main/{name}" in done.stdout
        assert served.files[name].sha256 in done.stdout and str(home / "pretrained" / name) in done.stdout
    assert "rvc assets verify v2-40k" in done.stdout and "scp" in done.stdout


def test_ctrl_c_keeps_what_is_here(rvc: Rvc, served: Hub, home: Path) -> None:
    file = served.files["rmvpe.pt"]
    file.slow = 100_000
    process = rvc.start("assets", "pull", "v2-40k", "--plain")
    part = home / "pretrained" / ".downloads"
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not any(p.stat().st_size > 30_000 for p in part.glob("rmvpe*.part")):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=10)
    assert process.returncode == 130 and "what is here is kept" in out
    assert not (home / "pretrained" / "rmvpe.pt").exists()
    file.slow = 0
    assert rvc("assets", "pull", "v2-40k").returncode == 0
    assert file.starts[-1] >= 30_000 and (home / "pretrained" / "rmvpe.pt").read_bytes() == file.content


# --- what a run offers -----------------------------------------------------------------------------
def test_a_run_names_exactly_what_its_preset_lacks(
    served: Hub, home: Path, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refusal(*words: str) -> str:
        command = [
            "run",
            "voice",
            "--dataset",
            str(dataset),
            "--preset",
            "v2-40k",
            "--batch-size",
            "4",
            "--home",
            str(home),
            *words,
        ]
        assert main(command) == 2 and not (home / "logs").exists()
        said = capsys.readouterr().err
        assert len(said.splitlines()) == 1
        return said

    assert ": hubert_base.pt, rmvpe.pt, v2/f0G40k.pth, v2/f0D40k.pth (rvc assets pull v2-40k fetches them" in refusal()
    assert ": hubert_base.pt, v2/f0G40k.pth (rvc" in refusal("--method", "praat", "--pretrained-d", "none")
    other = home / "pretrained" / "pretrained_v2"
    other.mkdir()
    (other / "f0G40k.pth").write_bytes(b"here already")
    assert ": hubert_base.pt, rmvpe.pt, v2/f0D40k.pth (rvc" in refusal()
    assert ": hubert_base.pt, rmvpe.pt (rvc" in refusal("--until", "features"), "nothing is trained"
    assert "rvc assets pull v2-40k --no-pitch fetches" in refusal("--no-pitch")


@pytest.mark.soak
def test_at_a_terminal_it_asks_and_fetches(served: Hub, home: Path, dataset: Path) -> None:
    leader, follower = pty.openpty()
    words = ["run", "voice", "--dataset", str(dataset), "--preset", "v2-40k", "--batch-size", "4", "--home", str(home)]
    process = subprocess.Popen(
        [sys.executable, "-m", "rvc_engine", *words],
        stdin=follower,
        stdout=follower,
        stderr=subprocess.PIPE,
        env=rvc_environment(),
    )
    os.close(follower)
    printed, answered, deadline = b"", False, time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if select.select([leader], [], [], 0.1)[0]:
            try:
                printed += os.read(leader, 4096)
            except OSError:
                break
        if not answered and b"[y/N]" in printed:
            os.write(leader, b"y\n")
            answered = True
    try:
        process.wait(timeout=30)
    finally:
        process.kill()
        os.close(leader)
    assert b"Download them now (4 files)?" in printed
    assert all((home / "pretrained" / name).read_bytes() == served.files[name].content for name in NAMES)
    assert process.returncode == 2, "these files are noise: the run refuses them before it writes anything"
    assert not (home / "logs").exists()
