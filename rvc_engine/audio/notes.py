"""What is to be said of a recording that is used all the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rvc_engine.messages import Message


@dataclass(frozen=True)
class Note:
    """`code` is stable and names the kind; `text` speaks of one recording ("its ...")."""

    code: str
    text: str


class Notices:
    """Says what is to be said of many recordings: each kind for the first few of them, then how many more there
    were."""

    LISTED = 3

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.first: dict[str, str] = {}

    def of(self, name: str, notes: Sequence[Note]) -> list[str]:
        """A line for each note on a recording that is not the same as many before."""
        lines = []
        for note in notes:
            self.counts[note.code] += 1
            line = f"{name}: {note.text}"
            self.first.setdefault(note.code, line)
            if self.counts[note.code] <= self.LISTED:
                lines.append(line)
        return lines

    def rest(self) -> list[str]:
        """A line for each kind of which more recordings were met than `of` named."""
        more = {code: count - self.LISTED for code, count in self.counts.items() if count > self.LISTED}
        return [
            Message("audio.more_recording_like", count=count, value="s" if count > 1 else "", first=self.first[code])
            for code, count in more.items()
        ]
