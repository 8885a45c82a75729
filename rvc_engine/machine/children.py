"""Starting processes of this program that report to this one, in the lines of common/lines.py."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import IO, TypeVar

from rvc_engine.common.lines import CHANNEL, Failed, Line, Mistyped, Pieces, decode, encode
from rvc_engine.errors import RvcError
from rvc_engine.machine.environment import engine_environment
from rvc_engine.messages import Message, verbatim

KEPT_LINES = 200
PIECE_BYTES = 1 << 16
CLOSING_S = 5.0  # for the last that it prints: a process that it started may hold the pipe open

ChildT = TypeVar("ChildT", bound="Child")


def command_of(module: str, arguments: Sequence[str] = ()) -> list[str]:
    """Every command that starts a process of this program."""
    return [sys.executable, "-m", module, *arguments]


class Child:
    """`python -m MODULE ARGUMENTS` in the environment of engines. In a `with` block it does not outlive the block.

    `session`: in a session of its own, so that it outlives this process and its terminal. `listening`: it gets lines on
    its standard input. `output`: where it and its libraries print; without it the last lines are kept for
    `problem`, and each is given to `printed`, in a thread. Raises OSError when it cannot be started.
    """

    error: RvcError | None = None  # what it reports itself
    late = False  # it has not ended in time
    _listener: threading.Thread | None = None

    def __init__(
        self,
        module: str,
        arguments: Sequence[str] = (),
        *,
        session: bool = False,
        listening: bool = False,
        output: IO[bytes] | None = None,
        printed: Callable[[str], None] | None = None,
    ) -> None:
        descriptor, theirs = os.pipe()
        try:
            self.process = subprocess.Popen(
                command_of(module, arguments),
                stdin=subprocess.PIPE if listening else subprocess.DEVNULL,
                stdout=output or subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**engine_environment(), CHANNEL: str(theirs)},
                start_new_session=session,
                pass_fds=(theirs,),
            )
        except BaseException:
            os.close(descriptor)
            raise
        finally:
            os.close(theirs)
        self._set_up(os.fdopen(descriptor, "rb", buffering=0))
        if output is None:
            self._listener = threading.Thread(target=self._listen, args=(printed,), daemon=True)
            self._listener.start()

    @classmethod
    def over_stdout(cls: type[ChildT], module: str, arguments: Sequence[str], variables: dict[str, str]) -> ChildT:
        """One whose lines come on its standard output, because another program stands between; it listens.
        What it prints beside goes where this process prints."""
        child = cls.__new__(cls)
        child.process = subprocess.Popen(
            command_of(module, arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**engine_environment(), **variables},
        )
        assert child.process.stdout is not None
        child._set_up(child.process.stdout)
        return child

    def _set_up(self, reports: IO[bytes]) -> None:
        self._reports, self._pieces = reports, Pieces()
        self._waiting: deque[Line] = deque()
        self._printed: deque[str] = deque(maxlen=KEPT_LINES)

    def _listen(self, printed: Callable[[str], None] | None) -> None:
        """Read what it prints, so that it never blocks."""
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            for line in stream:
                text = line.decode(errors="replace").rstrip("\n")
                self._printed.append(text)
                if printed is not None:
                    printed(text)

    # --- lines -------------------------------------------------------------------------------------
    def send(self, line: Line) -> None:
        """To one that listens; nothing when it has ended."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError, ValueError):
            self.process.stdin.write(encode(line))
            self.process.stdin.flush()

    def lines(self, timeout_s: float | None = None) -> Iterator[Line]:
        """What it reports, as it comes, until it ends or, `late`, so many seconds are over. Its error is kept in
        `error`."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            while self._waiting:
                yield self._waiting.popleft()
            if not self._receive(deadline):
                return

    def _receive(self, deadline: float | None) -> bool:
        """Wait for more. False at the end, and after the deadline."""
        poll = select.poll()
        poll.register(self._reports, select.POLLIN)
        if not poll.poll(None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000):
            self.late = True
            return False
        piece = os.read(self._reports.fileno(), PIECE_BYTES)
        for data in self._pieces.add(piece):
            with suppress(Mistyped):
                line = decode(data, Line)
                if isinstance(line, Failed):
                    self.error = self.error or line.error()
                elif line is not None:
                    self._waiting.append(line)
        return bool(piece)

    # --- its end -----------------------------------------------------------------------------------
    def wait(self, timeout_s: float | None = None) -> int | None:
        """Its exit code; None when it still runs."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout_s)
        if self._listener is not None and self.process.returncode is not None:
            self._listener.join(CLOSING_S)
        return self.process.returncode

    @property
    def problem(self) -> Message:
        """Why it ended badly, in one line: its own error, else the last that it printed; NOTHING when it said
        nothing."""
        if self.error is not None:
            return self.error.line
        return verbatim(next((text.strip() for text in reversed(self._printed) if text.strip()), ""))

    def leave(self) -> None:
        """Write and read no more; it continues."""
        for pipe in (self.process.stdin, self._reports):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def end(self, grace_s: float = 0.0) -> None:
        """Nothing of it is left. `grace_s`: how long it may take to end by itself when it is asked to."""
        self.leave()
        if grace_s and self.process.poll() is None:
            self.process.terminate()
            self.wait(grace_s)
        if self.process.poll() is None:
            self.process.kill()
        self.wait()

    def __enter__(self: ChildT) -> ChildT:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()
