"""What is said in the recordings of a folder: transcripts.csv (or catalogue.csv), or NAME.txt beside a recording."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from rvc_engine.common.opening import read_hand_edited
from rvc_engine.errors import BadInput
from rvc_engine.messages import message_of

TABLE_BYTES = 1 << 28
TABLES = ("transcripts.csv", "catalogue.csv")
ENGLISH = ("", "en", "eng", "english")


@dataclass(frozen=True)
class Spoken:
    """`language` is empty where it is not given: it is then treated as English. `licence` and `attribution` go into the
    model card."""

    text: str = ""
    language: str = ""
    licence: str = ""
    attribution: str = ""

    @property
    def is_english(self) -> bool:
        return self.language.lower().replace("_", "-").split("-")[0] in ENGLISH


@dataclass
class Transcripts:
    """Rows by path inside the folder, and by file name where that is the only one of its name."""

    folder: Path
    by_path: dict[str, Spoken] = field(default_factory=dict)
    by_stem: dict[str, Spoken | None] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Transcripts:
        """Raises BadInput for a table that cannot be read or lacks its columns."""
        found = cls(folder)
        for name in TABLES:
            if (folder / name).is_file():
                found._read(folder / name)
                break
        return found

    def _read(self, path: Path) -> None:
        try:
            rows = list(csv.DictReader(io.StringIO(read_hand_edited(path, most_bytes=TABLE_BYTES), newline="")))
        except (OSError, ValueError, csv.Error) as error:
            raise BadInput("pretrain.transcripts_unreadable", message_of(error), path=path) from error
        if rows and not {"path", "transcript"} <= rows[0].keys():
            raise BadInput("pretrain.transcripts_lack", path=path, columns=list(rows[0]))
        for row in rows:
            texts = {
                name: (row.get(name) or "").strip() for name in ("transcript", "language", "licence", "attribution")
            }
            spoken = Spoken(texts.pop("transcript"), **texts)
            place = PurePath(row["path"] or "")
            self.by_path[str(place)] = spoken
            self.by_stem[place.stem] = None if place.stem in self.by_stem else spoken

    def of(self, name: str) -> Spoken:
        """Of a recording by its path inside the folder."""
        spoken = self.by_path.get(name) or self.by_stem.get(PurePath(name).stem)
        if spoken is not None:
            return spoken
        beside = (self.folder / name).with_suffix(".txt")
        try:
            return Spoken(read_hand_edited(beside).strip()) if beside.is_file() else Spoken()
        except (OSError, ValueError) as error:
            raise BadInput("pretrain.text_unreadable", message_of(error), path=beside) from error
