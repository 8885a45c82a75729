"""A process that looks at files from strangers as `rvc assets verify --file` does, with limits; a line of JSON for
each."""

from __future__ import annotations

import json
import resource
import signal
import sys
import time
from pathlib import Path
from types import FrameType

import psutil

SECONDS = 5
BYTES = 1 << 30


class TooLong(BaseException):
    pass


def on_alarm(number: int, frame: FrameType | None) -> None:
    raise TooLong


def look_at(path: Path) -> str:
    """`read KIND` or `refused REASON`; anything else is a defect."""
    from rvc_engine.conversion.retrieval import Retrieval
    from rvc_engine.errors import BadInput
    from rvc_engine.voices.identify import describe_file

    try:
        facts = describe_file(path)
        if path.suffix == ".index":
            Retrieval.load(path)
        return f"read {facts.kind}"
    except BadInput as refusal:
        words = str(refusal)
        return (
            f"refused {words}" if len(words.splitlines()) == 1 else f"broke: {len(words.splitlines())} lines: {words}"
        )
    except TooLong:
        return f"broke: more than {SECONDS} s"
    except BaseException as error:
        return f"broke: {type(error).__name__}: {error}"


def listed_size(path: Path) -> int:
    """Characters of what the lists of voices would show of it."""
    from rvc_engine.voices.metadata import peek_metadata

    return len(json.dumps(peek_metadata(path)))


def highest_memory(of: str = "VmRSS") -> int:
    """Bytes of this process: now, after which the mark is set anew, or (VmHWM) the most since then. Without Linux's
    marks: now."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        if of == "VmRSS":
            Path("/proc/self/clear_refs").write_text("5")
        return int(next(line.split()[1] for line in lines if line.startswith(of))) << 10
    except OSError:
        return int(psutil.Process().memory_info().rss)


def main() -> None:
    import faiss  # noqa: F401
    import torch

    import rvc_engine.content.hubert
    import rvc_engine.models.synthesizer  # noqa: F401

    torch.set_num_threads(1)
    warm = Path(sys.argv[1])
    look_at(warm)
    size = psutil.Process().memory_info().vms + BYTES
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    signal.signal(signal.SIGALRM, on_alarm)
    for line in sys.stdin:
        path = Path(line.rstrip("\n"))
        before, started, busy = highest_memory(), time.monotonic(), time.process_time()
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        result = look_at(path)
        signal.setitimer(signal.ITIMER_REAL, 0)
        seconds, cpu, grown = (
            time.monotonic() - started,
            time.process_time() - busy,
            highest_memory(of="VmHWM") - before,
        )
        busy = time.process_time()
        listed = {"listed": listed_size(path), "listed_cpu": time.process_time() - busy}
        print(
            json.dumps({"path": str(path), "result": result, "seconds": seconds, "cpu": cpu, "bytes": grown, **listed}),
            flush=True,
        )


if __name__ == "__main__":
    main()
