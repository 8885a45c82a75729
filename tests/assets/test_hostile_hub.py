"""A hub that sends too much or elsewhere, and an address with a password in it."""

from __future__ import annotations

import io
import json
import os
import traceback
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path

import pytest

from rvc_engine.assets import download
from rvc_engine.assets.download import pull
from rvc_engine.assets.manifest import Asset, endpoint, read_manifest
from rvc_engine.commands import cli
from rvc_engine.common.redact import redacted
from rvc_engine.disk import DiskFull
from rvc_engine.errors import BadInput, RvcError
from rvc_engine.workspace import Workspace
from tests.assets.hub import Hub

CONTENT = 300_000


def left(workspace: Workspace) -> int:
    """Bytes of a download that lie on the disk."""
    return sum(path.stat().st_size for path in workspace.pretrained.rglob("*rmvpe*"))


@pytest.fixture
def one(assets: list[Asset]) -> Asset:
    return next(asset for asset in assets if asset.name == "rmvpe.pt")


# --- how much --------------------------------------------------------------------------------------
@pytest.mark.parametrize("bound", ["manifest", "hub", "none"])
@pytest.mark.parametrize("extra", [-1, 5_000_000])
def test_a_body_without_end_is_cut_at_what_is_known(
    bound: str, extra: int, served: Hub, workspace: Workspace, one: Asset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "LARGEST_BYTES", 2 * CONTENT)
    file = served.files["rmvpe.pt"]
    file.extra, file.gives_size = extra, bound == "hub"
    asset = replace(one, bytes=CONTENT) if bound == "manifest" else one
    with pytest.raises(
        RvcError, match=r"rmvpe\.pt from http\S+ is longer than expected: the server sends more than the \d+ bytes"
    ):
        pull(workspace, [asset])
    assert left(workspace) == 0


def test_a_size_that_is_not_the_published_one_is_said_before_a_byte_is_fetched(
    served: Hub, workspace: Workspace, one: Asset
) -> None:
    served.files["rmvpe.pt"].given_bytes = 10**13
    for asset in (one, replace(one, bytes=CONTENT)):
        with pytest.raises(RvcError, match=r"rmvpe\.pt .* not the published file.* 10000000000000 bytes"):
            pull(workspace, [asset])
    assert served.files["rmvpe.pt"].starts == []


def test_a_hub_without_sizes_does_not_take_the_last_of_the_disk(
    served: Hub, workspace: Workspace, one: Asset, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Disk:
        total, free = 10**9, 1000

    monkeypatch.setattr(download.shutil, "disk_usage", lambda folder: Disk)
    served.files["rmvpe.pt"].extra, served.files["rmvpe.pt"].gives_size = -1, False
    with pytest.raises(DiskFull):
        pull(workspace, [one])
    assert left(workspace) <= download.LOOK_BYTES


def test_a_link_in_the_place_of_a_download_is_not_followed(
    served: Hub, workspace: Workspace, one: Asset, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    part = download._transfer(workspace, workspace.pretrained / ".downloads", one).part
    part.parent.mkdir()
    part.symlink_to(victim)
    pull(workspace, [one])
    assert victim.read_text() == "kept" and (workspace.pretrained / "rmvpe.pt").stat().st_size == CONTENT


# --- where to --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/", "http://[::1/x", "data:,x"]
)
def test_it_is_not_sent_on_to_what_is_no_web_address(
    address: str, served: Hub, workspace: Workspace, one: Asset
) -> None:
    served.files["rmvpe.pt"].sends_on = address
    with pytest.raises(RvcError) as caught:
        pull(workspace, [one])
    assert "rmvpe.pt" in str(caught.value) and "root:" not in str(caught.value)
    assert not (workspace.pretrained / "rmvpe.pt").exists() and left(workspace) == 0


@pytest.mark.parametrize("address", ["file:///srv", "huggingface.co", "http://", "http://[::1", "ftp://host"])
def test_an_endpoint_that_is_no_web_address_is_named(address: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", address)
    with pytest.raises(BadInput, match="HF_ENDPOINT is not the address"):
        endpoint()
    with redirect_stderr(io.StringIO()) as said:
        assert cli.main(["assets", "pull", "v2-40k", "--home", str(home)]) == 2
    assert "HF_ENDPOINT" in said.getvalue() and len(said.getvalue().splitlines()) == 1


# --- secrets ---------------------------------------------------------------------------------------
SECRET = "s3cr3t-of-mine"
FORMS = {
    "password": "http://user:{secret}@{host}",
    "user": "http://{secret}@{host}",
    "token": "http://{host}?token={secret}",
    "any value": "http://{host}/mirror?x={secret}",
}


def said_by(*words: str) -> str:
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        cli.main(list(words))
    return out.getvalue() + err.getvalue()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("fault", ["", "404", "403", "wrong sum", "cut", "unreachable", "offline"])
def test_a_secret_in_the_endpoint_is_never_displayed(
    form: str, fault: str, served: Hub, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = "127.0.0.1:9" if fault == "unreachable" else os.environ["HF_ENDPOINT"].removeprefix("http://")
    monkeypatch.setenv("HF_ENDPOINT", FORMS[form].format(secret=SECRET, host=host))
    monkeypatch.setattr(download, "TRIES", 1)
    file = served.files["rmvpe.pt"]
    if fault.isdigit():
        file.status = int(fault)
    elif fault == "wrong sum":
        file.given_sha256 = "ab" * 32
    elif fault == "cut":
        file.cuts = [0] * 9
    elif fault == "offline":
        monkeypatch.setattr(download, "is_offline", lambda: True)
    for words in (["list"], ["list", "--json"], ["pull", "v2-40k"], ["pull", "v2-40k", "--json"], ["verify", "v2-40k"]):
        said = said_by("assets", *words, "--home", str(home))
        assert said and SECRET not in said and SECRET[:6] not in said, said
        if words[0] == "list":
            assert "127.0.0.1" in said and "***" in said


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_in_the_endpoint_is_used(
    form: str, served: Hub, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is sent, and the file arrives: the query follows after the path."""
    host = os.environ["HF_ENDPOINT"].removeprefix("http://")
    monkeypatch.setenv("HF_ENDPOINT", FORMS[form].format(secret=SECRET, host=host))
    (asset, *_) = read_manifest(workspace)
    where, _, query = asset.url.partition("?")
    assert SECRET in asset.url and where.endswith(f"/someone/weights/resolve/main/{asset.name}")
    assert query in ("", f"token={SECRET}", f"x={SECRET}") and SECRET not in asset.display_url
    served.files = {f"{name}{'?' + query if query else ''}": file for name, file in served.files.items()}
    assert json.dumps([t.state for t in pull(workspace, [asset])]) == '["done"]'


@pytest.mark.parametrize(
    ("text", "redaction"),
    [
        ("see https://u:p@host/x and more", "see https://***@host/x and more"),
        ("https://u:p/a@ss@host/x", "https://***@host/x"),
        ("GET https://host/a?X-Amz-Signature=0123&b=1", "GET https://host/a?X-Amz-Signature=***&b=1"),
        ("https://host/a?access_token=q;x=1", "https://host/a?access_token=***;x=1"),
        ("hf_abcdefghijklmnop is wrong", "*** is wrong"),
        ("Authorization: Bearer abcdefghij", "Authorization: ***"),
        ("voice@home.wav: me@host", "voice@home.wav: me@host"),
        ("https://host:8080/x", "https://host:8080/x"),
    ],
)
def test_redacted(text: str, redaction: str) -> None:
    assert redacted(text) == redaction


def test_errors_and_their_traces_hold_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    try:
        raise RvcError(f"a {SECRET}", f"https://u:{SECRET}@host", SECRET)
    except RvcError as error:
        assert SECRET not in str(error) + repr(error) and SECRET not in "".join(traceback.format_exception_only(error))
