"""What is to be said of a recording that is used all the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rvc_engine.messages import Message, joined


@dataclass(frozen=True)
class Note:
    """`code` is stable and names the kind; `text` speaks of one recording ("its ...")."""

    code: str
    text: Message


def with_notes(reason: Message, notes: Sequence[Note]) -> Message:
    """Why a recording is not used, with what else is to be said of it."""
    return joined(reason, *(note.text for note in notes))


class Notices:
    """Says what is to be said of many recordings: each kind for the first few of them, then how many more there
    were."""

    LISTED = 3

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.first: dict[str, Message] = {}

    def of(self, name: str, notes: Sequence[Note]) -> list[Message]:
        """A line for each note on a recording that is not the same as many before."""
        lines = []
        for note in notes:
            self.counts[note.code] += 1
            line = Message("audio.of_recording", name=name, note=note.text)
            self.first.setdefault(note.code, line)
            if self.counts[note.code] <= self.LISTED:
                lines.append(line)
        return lines

    def rest(self) -> list[Message]:
        """A line for each kind of which more recordings were met than `of` named."""
        more = {code: count - self.LISTED for code, count in self.counts.items() if count > self.LISTED}
        return [Message("audio.more_recordings", count=count, first=self.first[code]) for code, count in more.items()]
