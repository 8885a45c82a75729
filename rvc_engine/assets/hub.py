"""Talks to the hub, or to the mirror that HF_ENDPOINT names, by huggingface_hub: what a file is, and its bytes from any
place on.

huggingface_hub's own hf_hub_download throws away what it has when it fails, so that the next process starts over; here
a cut download resumes. HF_HUB_OFFLINE, HF_TOKEN, HF_HUB_DOWNLOAD_TIMEOUT and the proxy variables hold as they do there.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

from rvc_engine.assets.manifest import Asset, endpoint
from rvc_engine.errors import RvcError
from rvc_engine.messages import Message, message_of

ANSWER_S = 5.0
"""How long the hub may take to say what a file is."""


class Offline(RvcError):
    """The hub cannot be reached from here."""


class Refused(RvcError):
    """The hub answered, and asking again will not help."""


class Cut(Exception):
    """The connection broke or stalled."""

    def __init__(self, reason: Message) -> None:
        super().__init__(reason)


@dataclass(frozen=True)
class Remote:
    """What the hub reports of a file. None: it does not say."""

    bytes: int | None
    sha256: str | None


def hub() -> ModuleType:
    """Raises RvcError when huggingface_hub is not installed."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import huggingface_hub
    except ImportError as error:
        raise RvcError("assets.no_hub_package") from error
    module: ModuleType = huggingface_hub
    module.logging.set_verbosity_error()
    return module


def is_offline() -> bool:
    return bool(hub().constants.HF_HUB_OFFLINE)


def _token() -> str | bool:
    """Only a token that was given on purpose: a stale one on the disk would make the hub refuse public files."""
    return os.environ.get("HF_TOKEN") or False


def ask(asset: Asset) -> Remote:
    """Raises Refused, Offline or Cut."""
    module = hub()
    try:
        metadata = module.get_hf_file_metadata(asset.url, token=_token(), timeout=ANSWER_S)
    except module.errors.OfflineModeIsEnabled as error:
        raise Offline("assets.downloads_forbidden") from error
    except module.errors.HfHubHTTPError as error:
        code = error.response.status_code
        if code in (405, 501):  # a mirror that knows no HEAD
            return Remote(None, None)
        raise _refusal(asset, code) from error
    except _client_error(module) as error:
        raise _broken(asset, error) from error
    _refuse_other_scheme(asset, str(metadata.location or ""))
    etag = (metadata.etag or "").strip('"').lower()
    is_sum = len(etag) == 64 and not set(etag) - set("0123456789abcdef")
    return Remote(metadata.size, etag if is_sum else None)


def receive(asset: Asset, start: int, stop: threading.Event) -> Iterator[tuple[int, bytes]]:
    """The file's bytes from `start` on, as (offset, block). The first offset is 0 when the server cannot resume from
    `start`.

    Ends early when `stop` is set. Raises Refused or Cut.
    """
    module = hub()
    headers = {**module.utils.build_hf_headers(token=_token()), "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        with module.get_session().stream(
            "GET", asset.url, headers=headers, timeout=module.constants.HF_HUB_DOWNLOAD_TIMEOUT
        ) as response:
            code = response.status_code
            if code == 416:  # nothing behind `start`
                return
            if code >= 500 or code in (408, 429):
                raise Cut(Message("assets.answers", status=code))
            if code not in (200, 206):
                raise _refusal(asset, code)
            at = start if code == 206 else 0
            for block in response.iter_bytes():
                if stop.is_set():
                    return
                yield at, block
                at += len(block)
    except _client_error(module) as error:
        raise _broken(asset, error) from error


def _refuse_other_scheme(asset: Asset, location: str) -> None:
    scheme = location.partition(":")[0].lower() if "://" in location or location.startswith("file:") else "https"
    if scheme not in ("http", "https"):
        raise Refused("assets.other_scheme", endpoint=endpoint(), name=asset.name, location=location, scheme=scheme)


def _broken(asset: Asset, error: Exception) -> Exception:
    """A connection that broke may hold the next time; an address that nothing can be fetched from will not."""
    if type(error).__name__ in ("UnsupportedProtocol", "TooManyRedirects"):
        return Refused("assets.other_address", message_of(error), endpoint=endpoint(), name=asset.name)
    return Cut(message_of(error))


def _client_error(module: ModuleType) -> type[Exception]:
    """HTTPError of the HTTP client that this version of huggingface_hub uses (httpx or its successor): HfHubHTTPError
    is one of them."""
    bases = module.errors.HfHubHTTPError.__mro__
    found: type[Exception] = next(base for base in bases if base.__name__ == "HTTPError")
    return found


def _refusal(asset: Asset, code: int) -> RvcError:
    if code == 404:
        return Refused("assets.not_there", name=asset.name, url=asset.display_url)
    if code in (401, 403):
        return Refused("assets.not_allowed", endpoint=endpoint(), name=asset.name, status=code)
    return Refused("assets.refused", endpoint=endpoint(), name=asset.name, status=code)
