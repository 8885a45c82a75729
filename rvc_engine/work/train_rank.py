"""One of the processes that train a voice together; torchrun starts it with the path of a train_parallel.Spec."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import torch

from rvc_engine.errors import RvcError
from rvc_engine.events import Event, Paused, TrainStepped, to_dict
from rvc_engine.messages.wire import with_codes
from rvc_engine.training.ranks import Together
from rvc_engine.work.train import one_of_several
from rvc_engine.work.train_parallel import MARK, Spec

DONE, FAILED, ORPHANED = 0, 1, 3


def say(kind: str, content: Any) -> None:
    """The line goes out whole: several processes write to one pipe, where print's two writes, text and newline, have
    met another's."""
    line = f"{MARK}{json.dumps({kind: content})}\n".encode()
    while line:
        line = line[os.write(sys.stdout.fileno(), line) :]


def report(event: Event) -> bool:
    """Is the training to stop after it? Ends the process when nobody listens any more."""
    say("event", to_dict(event))
    answer = sys.stdin.readline().strip()
    if not answer:
        os._exit(ORPHANED)
    return answer == "stop"


def train(spec: Spec, ranks: Together, device: torch.device) -> None:
    steps, stop = one_of_several(spec, ranks, device), False
    while True:
        try:
            event = next(steps)
        except StopIteration as end:
            if end.value is not None:
                say("fault", with_codes(asdict(end.value)))
                leave_at_once(FAILED)
            return
        if ranks.first:
            stop = report(event) or stop
            if stop and isinstance(event, Paused):
                steps.close()
                leave_at_once(FAILED)
        if isinstance(event, TrainStepped) and ranks.of_first(int(stop)):
            steps.close()
            return


def leave_at_once(code: int) -> NoReturn:
    """Without the interpreter's end. After a failure the others wait for this process in the middle of a step: torchrun
    ends them."""
    sys.stdout.flush()
    os._exit(code)


def main() -> None:
    spec = Spec.read(Path(sys.argv[1]))
    device = torch.device(spec.devices[int(os.environ["LOCAL_RANK"])])
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    ranks = Together(device)
    try:
        train(spec, ranks, device)
    except RvcError as error:
        say("error", with_codes({"title": error.title, "message": error.message, "hint": error.hint}))
        leave_at_once(FAILED)
    # all is saved; at the interpreter's end a library's thread that still lives has aborted a process, once in CI
    leave_at_once(DONE)


if __name__ == "__main__":
    main()
