"""The published weights: what pretrained/manifest.toml says of each, and which of them a preset needs."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

from rvc_engine.common.opening import read_hand_edited
from rvc_engine.common.redact import redacted
from rvc_engine.errors import BadInput
from rvc_engine.messages import Message, message_of, verbatim
from rvc_engine.presets import PUBLIC_PRESETS
from rvc_engine.registry import CONTENT_ENCODERS, PITCH_TRACKERS
from rvc_engine.workspace import Workspace

if TYPE_CHECKING:
    from rvc_engine.content.base import ContentEncoder
    from rvc_engine.pitch.base import PitchTracker

DEFAULT_ENDPOINT = "https://huggingface.co"
REQUIRED = ("name", "repository", "path", "sha256")


@dataclass(frozen=True)
class Asset:
    """One published file. `name` is its place below pretrained/; `bytes` None: not publicly stated; `pitch` None: with
    and without."""

    name: str
    repository: str
    path: str
    sha256: str
    revision: str = "main"
    licence: str = ""
    presets: tuple[str, ...] = ()
    pitch: bool | None = None
    bytes: int | None = None

    def needed_by(self, preset: str, *, pitched: bool) -> bool:
        return preset in self.presets and self.pitch in (None, pitched)

    @property
    def url(self) -> str:
        """Where it is downloaded from; $HF_ENDPOINT names a mirror of the hub."""
        base = _endpoint()
        place = f"{base.path.rstrip('/')}/{self.repository}/resolve/{quote(self.revision, safe='')}/{quote(self.path)}"
        return urlunsplit(base._replace(path=place))

    @property
    def display_url(self) -> str:
        """Without a password or token of $HF_ENDPOINT: for people, logs and JSON."""
        return redacted(self.url)


def endpoint() -> str:
    """The hub, or the mirror that $HF_ENDPOINT names, as it is displayed: without password and query. Raises BadInput
    when it is no web address."""
    base = _endpoint()
    return redacted(urlunsplit(base._replace(query=""))).rstrip("/")


def _endpoint() -> SplitResult:
    text = (os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT).strip()
    try:
        base = urlsplit(text)
        known = base.scheme in ("http", "https") and bool(base.hostname) and (base.port or 1) > 0
    except ValueError:
        known = False
    if not known:
        raise BadInput("assets.bad_endpoint", verbatim(text))
    return base._replace(fragment="")


def read_manifest(workspace: Workspace) -> tuple[Asset, ...]:
    """The workspace's own pretrained/manifest.toml, else the one that ships with the program. Raises BadInput when it
    is damaged."""
    import tomlkit

    path = workspace.find_pretrained("manifest.toml")
    if path is None:
        raise BadInput("assets.no_manifest")
    try:
        table = tomlkit.parse(read_hand_edited(path)).unwrap()
        return tuple(_asset(row) for row in table.get("weight", []))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise BadInput("assets.manifest_unusable", message_of(error), path=path) from error


def _asset(row: dict[str, Any]) -> Asset:
    absent = [key for key in REQUIRED if not isinstance(row.get(key), str)]
    if absent:
        raise ValueError(Message("assets.entry_lacks", key=absent[0], entry=row.get("name", row)))
    unknown = sorted(set(row) - set(Asset.__dataclass_fields__))
    if unknown:
        raise ValueError(Message("assets.entry_unknown", name=row["name"], key=unknown[0]))
    if not re.fullmatch(r"[0-9a-f]{64}", row["sha256"]):
        raise ValueError(Message("assets.no_sha256", name=row["name"]))
    for key in ("name", "repository", "path"):
        if row[key].startswith(("/", ".")) or "\\" in row[key] or ".." in row[key].split("/"):
            raise ValueError(Message("assets.leaves_folder", key=key, value=row[key]))
    if not isinstance(row.get("bytes", 0), int) or row.get("bytes", 1) < 1:
        raise ValueError(Message("assets.no_size", name=row["name"]))
    return Asset(**{**row, "presets": tuple(row.get("presets", ()))})


def needs(manifest: tuple[Asset, ...], preset: str, *, pitched: bool = True) -> list[Asset]:
    """What a preset trains with: the content encoder, the pitch tracker where there is pitch, its G and D. Raises
    BadInput for a preset that there is not."""
    if preset not in PUBLIC_PRESETS:
        raise BadInput("settings.no_preset", preset=preset, choices=PUBLIC_PRESETS)
    return [asset for asset in manifest if asset.needed_by(preset, pitched=pitched)]


def tracker_of(asset: Asset) -> PitchTracker | None:
    """The pitch tracker whose weights it holds."""
    return next((tracker for tracker in PITCH_TRACKERS.all() if asset.name in tracker.weights), None)


def encoder_of(asset: Asset) -> ContentEncoder | None:
    """The content encoder whose weights it holds; one file may do for several, and the first is as good."""
    return next((encoder for encoder in CONTENT_ENCODERS.all() if asset.name in encoder.weights), None)


def find(workspace: Workspace, asset: Asset) -> Path | None:
    """Where this file is, or another form of it that is as good (a HuBERT as a folder, v2 weights in
    pretrained_v2/)."""
    user = tracker_of(asset) or encoder_of(asset)
    names = list(user.weights) if user else [asset.name]
    if asset.name.startswith("v2/"):
        names.append(f"pretrained_{asset.name}")
    return workspace.find_pretrained(*names)
