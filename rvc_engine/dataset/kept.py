"""Measurements that are kept in the user's cache folder, so that a second look takes no time."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from pathlib import Path

from pydantic import ValidationError

from rvc_engine.common.opening import read_text
from rvc_engine.common.user import cache_folder
from rvc_engine.dataset.report import VERSION, FileReport
from rvc_engine.disk import write_whole
from rvc_engine.errors import RvcError
from rvc_engine.messages.wire import with_codes, with_messages

SAVE_EVERY_S = 5.0


class Kept:
    """The measurements of a folder's files in the user's cache. Whatever cannot be read is measured again, what cannot
    be written is not kept: two commands at once each write all that they know."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:32]
        self.path = cache_folder() / "dataset" / f"{name}.json"
        self.reports = self._read()
        self.saved = time.monotonic()
        self.changed = False

    def _read(self) -> dict[str, FileReport]:
        try:
            kept = json.loads(read_text(self.path))
            if kept["version"] != VERSION:
                return {}
            records = list(kept["files"])
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return {}
        found = {}
        for record in records:
            try:
                report = FileReport.model_validate(with_messages(record))
            except (ValidationError, AttributeError):
                continue
            if report.unusable.code or not report.unusable:  # else written by an older version, without codes
                found[report.name] = report
        return found

    def of(self, name: str, bytes: int, mtime_ns: int) -> FileReport | None:
        """What is known of the file as it is now."""
        report = self.reports.get(name)
        return report if report and (report.bytes, report.mtime_ns) == (bytes, mtime_ns) else None

    def add(self, report: FileReport) -> None:
        self.reports[report.name] = report
        self.changed = True
        if time.monotonic() - self.saved >= SAVE_EVERY_S:
            self.save()

    def save(self) -> None:
        if not self.changed:
            return
        there = [report for name, report in {**self._read(), **self.reports}.items() if (self.folder / name).is_file()]
        records = [with_codes(report.model_dump()) for report in there]
        text = json.dumps({"version": VERSION, "folder": str(self.folder), "files": records})
        with contextlib.suppress(OSError, RvcError):
            write_whole(self.path, text, durable=False)
        self.saved, self.changed = time.monotonic(), False
