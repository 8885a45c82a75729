"""Recordings that are no longer there in the middle of a run, as when a disk is unmounted: they are waited for, not
left out."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rvc_engine.common.opening import open_file
from rvc_engine.errors import RvcError
from rvc_engine.events import Event, Paused, Resumed
from rvc_engine.messages import Message, verbatim

if TYPE_CHECKING:
    from rvc_engine.settings import ExperimentSettings

GONE = (
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EIO,
    errno.ENXIO,
    errno.ENODEV,
    errno.ESTALE,
    errno.ENOTCONN,
    errno.ETIMEDOUT,
    errno.EHOSTDOWN,
)
"""What reading a file answers when the disk under it was unmounted or unplugged."""
LOOK_S, REPORT_S = 1.0, 5.0
"""Recordings that vanished are looked for, and waiting for them is reported, this often."""


def is_gone(path: Path) -> bool:
    """False for a file that only lacks permissions: it is there."""
    try:
        with open_file(path) as file:
            file.read(1)
    except OSError as error:
        return error.errno in GONE
    return False


def wait_for(paths: Sequence[Path], settings: ExperimentSettings, stage: str) -> Iterator[Event]:
    """Until all are back. The events on the way let a stop through. Raises RvcError after train.disk_wait_s."""
    started, reported = time.monotonic(), 0.0
    names = verbatim(repr(paths[0].name))
    if len(paths) > 1:
        names = Message("dataset.and_more_names", name=paths[0].name, count=len(paths) - 1)
    while any(map(is_gone, paths)):
        now = time.monotonic()
        if now - started > settings.train.disk_wait_s:
            raise RvcError("dataset.vanished_for_good", folder=settings.dataset, names=names)
        if not reported or now - reported >= REPORT_S:
            reported = now
            yield Paused(stage=stage, reason=Message("dataset.vanished", folder=settings.dataset, names=names))
        time.sleep(LOOK_S)
    yield Resumed(stage=stage, waited_s=time.monotonic() - started)
