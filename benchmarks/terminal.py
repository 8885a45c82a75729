"""The app on a pseudo-terminal, with a picture of what it has painted."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
PART = re.compile(rb"\x1b\[([0-9;?]*)([A-Za-z])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[^\[\]]|([^\x1b]+)")
APART_S = 0.01  # what comes so long after the last byte is another repaint


class Ended(RuntimeError):
    """The app is gone though nobody asked it to leave: nothing that was measured counts."""


class Picture:
    """The characters on a terminal, from the few sequences that the app writes. Letters of two cells are not known
    here."""

    def __init__(self, columns: int, lines: int) -> None:
        self.rows = [[" "] * columns for _ in range(lines)]
        self.y = self.x = 0
        self._rest = b""

    def take(self, data: bytes) -> None:
        data = self._rest + data
        whole = self._whole(data)
        self._rest = data[whole:]
        for numbers, kind, text in PART.findall(data[:whole]):
            if text:
                self._write(text.decode(errors="replace"))
            elif kind == b"H":
                row, _, column = numbers.partition(b";")
                self.y, self.x = int(row or 1) - 1, int(column or 1) - 1
            elif kind == b"J":
                self.rows = [[" "] * len(row) for row in self.rows]

    def _whole(self, data: bytes) -> int:
        """Without a sequence or a letter at the end that has been cut off."""
        last = data.rfind(b"\x1b")
        if last >= 0 and not re.match(rb"\x1b(\[[0-9;?]*[A-Za-z]|[^\[\]]|\][^\x07]*(\x07|$))", data[last:]):
            return last
        start = next((len(data) - back for back in (1, 2, 3) if back <= len(data) and data[-back] >= 0xC0), len(data))
        needed = 0 if start == len(data) else 2 + (data[start] >= 0xE0) + (data[start] >= 0xF0)
        return start if len(data) - start < needed else len(data)

    def _write(self, text: str) -> None:
        for letter in text:
            if letter == "\r":
                self.x = 0
            elif letter == "\n":
                self.y = min(self.y + 1, len(self.rows) - 1)
            elif letter >= " " and self.y < len(self.rows) and self.x < len(self.rows[0]):
                self.rows[self.y][self.x] = letter
                self.x += 1

    def __contains__(self, words: str) -> bool:
        return any(words in "".join(row) for row in self.rows)

    def __str__(self) -> str:
        return "\n".join("".join(row).rstrip() for row in self.rows)


class Terminal:
    """The app on a terminal of `size` (columns, lines). `took` holds (time, bytes) of what was read while counting."""

    def __init__(self, home: Path, *words: str, size: tuple[int, int] = (80, 24)) -> None:
        self.picture = Picture(*size)
        self.took: list[tuple[float, int]] = []
        self.started = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update({"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "PYTHONPATH": str(ROOT)})
            os.environ.update({"COLUMNS": str(size[0]), "LINES": str(size[1])})
            os.execv(sys.executable, [sys.executable, "-m", "rvc_tui", "--home", str(home), *words])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))

    def _take(self, seconds: float) -> bytes:
        """What comes first within so many seconds; nothing if nothing does. Raises Ended."""
        if not select.select([self.fd], [], [], max(seconds, 0.0))[0]:
            return b""
        try:
            data = os.read(self.fd, 1 << 16)
        except OSError:
            data = b""
        if not data:
            raise Ended(f"the app has ended; last on its screen:\n{self.picture}")
        self.picture.take(data)
        self.took.append((time.monotonic(), len(data)))
        return data

    def read(self, seconds: float) -> bytes:
        """Everything that comes within so many seconds."""
        got, end = b"", time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            got += self._take(left)
        return got

    def until(self, words: str, limit_s: float = 60.0) -> float:
        """Seconds until `words` stand on the screen."""
        begun = time.monotonic()
        while words not in self.picture:
            left = begun + limit_s - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{words!r} was not painted within {limit_s} s:\n{self.picture}")
            self._take(left)
        return time.monotonic() - begun

    def type(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def press(self, key: str, words: str) -> float:
        """Seconds from a key to the repaint that shows what it does."""
        assert words not in self.picture, f"{words!r} stands there already"
        self.type(key)
        return self.until(words, 10.0)

    def train_screen(self) -> None:
        """With its live curves. Raises TimeoutError where it shows none."""
        self.until("Stages")
        self.type("6")
        self.until("Losses: smoothing")
        self.until("steps", 60.0)

    def cpu_seconds(self) -> float:
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)

    def repaints(self) -> int:
        return sum(
            1 for before, (at, _) in zip([(0.0, 0), *self.took], self.took, strict=False) if at - before[0] > APART_S
        )

    def largest_second(self) -> int:
        """Most bytes within any second."""
        most, total, first = 0, 0, 0
        for at, count in self.took:
            total += count
            while self.took[first][0] < at - 1:
                total -= self.took[first][1]
                first += 1
            most = max(most, total)
        return most

    def close(self) -> None:
        """As a user leaves; killed if it does not."""
        try:
            self.type("q")
            self.read(5.0)
            os.kill(self.pid, signal.SIGKILL)
        except (Ended, OSError):
            pass  # it has left
        os.close(self.fd)
        os.waitpid(self.pid, 0)
