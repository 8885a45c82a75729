"""Recordings that are no longer there in the middle of a run, as when a disk is unmounted: they are waited for, not
left out."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rvc_engine.common.opening import open_file
from rvc_engine.common.waiting import Waiting
from rvc_engine.errors import RvcError
from rvc_engine.events import Event
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
    names = verbatim(repr(paths[0].name))
    if len(paths) > 1:
        names = Message("dataset.and_more_names", name=paths[0].name, count=len(paths) - 1)
    waiting = Waiting(stage, Message("dataset.vanished", folder=settings.dataset, names=names))
    while any(map(is_gone, paths)):
        if waiting.seconds > settings.train.disk_wait_s:
            raise RvcError("dataset.vanished_for_good", folder=settings.dataset, names=names)
        yield from waiting.pause()
    yield from waiting.ended()
