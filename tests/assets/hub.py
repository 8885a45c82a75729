"""A server on this machine that imitates the hub: HEAD reports size and sum, GET redirects to a store that knows
ranges; and it misbehaves as the test asks."""

from __future__ import annotations

import hashlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

BLOCK = 16 << 10


@dataclass
class Published:
    """One file and its faults. `cuts`: after how many bytes each next connection is cut, `reset`: by a TCP reset.
    `slow` in bytes/s."""

    content: bytes
    gives_size: bool = True  # size and sum in the answer to HEAD
    given_sha256: str = ""
    cuts: list[int] = field(default_factory=list)
    reset: bool = False
    slow: float = 0.0
    stall: bool = False
    ranges: bool = True
    status: int = 200
    sends_on: str = ""  # another address than the store's
    extra: int = 0  # bytes that follow after the content; -1: without end, and no length is given
    given_bytes: int = 0  # another size in the answer to HEAD
    starts: list[int] = field(default_factory=list)  # where each GET began

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


class Hub:
    """`files` by path in the repository someone/weights."""

    def __init__(self) -> None:
        self.files: dict[str, Published] = {}
        self.at_once = 0
        self.most_at_once = 0
        self.lock = threading.Lock()

    def publish(self, home: Path, names: dict[str, bytes], preset: str = "v2-40k") -> None:
        """Files that a manifest in this workspace names."""
        rows = []
        for name, content in names.items():
            self.files[name] = Published(content)
            sha256 = self.files[name].sha256
            rows.append(
                f'[[weight]]\nname = "{name}"\nrepository = "someone/weights"\npath = "{name}"\nsha256 = '
                f'"{sha256}"\npresets = ["{preset}"]'
            )
        (home / "pretrained").mkdir(exist_ok=True)
        (home / "pretrained" / "manifest.toml").write_text("version = 1\n" + "\n".join(rows) + "\n")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *words: Any) -> None: ...

    def _file(self) -> Published | None:
        name = self.path.rpartition("/main/")[2]
        file = self.hub.files.get(name)
        if file is None or file.status != 200:
            self.send_response(404 if file is None else file.status)
            self.send_header("Content-Length", "0")
            self.send_header("X-Error-Code", "EntryNotFound")
            self.end_headers()
            return None
        return file

    def _redirect(self, file: Published) -> None:
        self.send_response(302)
        port = self.headers["Host"].rpartition(":")[2]  # the store is another host, as the hub's is
        self.send_header(
            "Location", file.sends_on or f"http://localhost:{port}/store/main/{self.path.rpartition('/main/')[2]}"
        )
        self.send_header("X-Repo-Commit", "0" * 40)
        if file.gives_size:
            self.send_header("X-Linked-Size", str(file.given_bytes or len(file.content)))
            self.send_header("X-Linked-Etag", f'"{file.given_sha256 or file.sha256}"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_HEAD(self) -> None:
        if file := self._file():
            self._redirect(file)

    def do_GET(self) -> None:
        file = self._file()
        if file is None:
            return
        if not self.path.startswith("/store/"):
            self._redirect(file)
            return
        wanted = self.headers.get("Range", "")
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and file.ranges else 0
        file.starts.append(start)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(file.content) - 1}/{len(file.content)}")
        if file.extra >= 0:
            self.send_header("Content-Length", str(len(file.content) - start + file.extra))
        else:
            self.close_connection = True
        self.end_headers()
        with self.hub.lock:
            self.hub.at_once += 1
            self.hub.most_at_once = max(self.hub.most_at_once, self.hub.at_once)
        try:
            self._send(file, start)
        except OSError:
            pass
        finally:
            with self.hub.lock:
                self.hub.at_once -= 1

    def _send(self, file: Published, start: int) -> None:
        end = start + file.cuts.pop(0) if file.cuts else len(file.content)
        for at in range(start, min(end, len(file.content)), BLOCK):
            part = file.content[at : min(at + BLOCK, end)]
            self.wfile.write(part)
            if file.slow:
                time.sleep(len(part) / file.slow)
        self.wfile.write(bytes(max(0, file.extra)))
        while file.extra < 0:
            self.wfile.write(bytes(BLOCK))
        self.wfile.flush()
        if end < len(file.content):
            if file.stall:
                time.sleep(20)
            if file.reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True


@contextmanager
def serving() -> Iterator[tuple[Hub, str]]:
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OneHandler", (Handler,), {"hub": hub}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
