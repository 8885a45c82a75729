"""Phones of a recording, by PocketSphinx: aligned to its transcript, or to what it recognises where there is none.

PocketSphinx is optional (`pip install rvc-tui[pretrain]`) and brings a model of English. A decoder is made for each
recording, so that a result does not depend on what came before.
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rvc_engine.errors import BadInput
from rvc_engine.messages import Message, message_of

RATE = 16000
HOP = 160  # samples of a label
PAD = 20  # labels of silence around a recording: an utterance needs some
PEAK = 0.7
STATES = 3  # of a phone
WIDER = {"beam": 1e-80, "wbeam": 1e-60, "pbeam": 1e-80}
UNKNOWN = ""  # the phone of what has no label


class NotAligned(Exception):
    """A recording gets no labels."""

    def __init__(self, reason: Message) -> None:
        super().__init__(reason)


@dataclass(frozen=True)
class Labels:
    """100 a second: phone (UNKNOWN where there is none), its state 0..2, and how sure the label is, 0..1."""

    phone: NDArray[np.str_]
    state: NDArray[np.int8]
    sure: NDArray[np.float32]

    @classmethod
    def none(cls, count: int) -> Labels:
        return cls(np.full(count, UNKNOWN, dtype="U8"), np.zeros(count, np.int8), np.zeros(count, np.float32))

    @classmethod
    def joined(cls, parts: list[Labels]) -> Labels:
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("phone", "state", "sure")))


def check_packages(recogniser: str) -> None:
    """Raises BadInput that names a package of the extra `pretrain` that is missing."""
    if importlib.util.find_spec("pyworld") is None:
        raise BadInput("pretrain.no_world")
    if recogniser != "none" and importlib.util.find_spec("pocketsphinx") is None:
        raise BadInput("pretrain.no_pocketsphinx")


def words_of(transcript: str) -> str:
    """As the dictionary writes them: lower case, letters and apostrophes."""
    return " ".join(re.sub(r"[^a-z' ]", " ", transcript.lower().replace("\u2019", "'")).split())


def label(wave: NDArray[np.float32], transcript: str) -> Labels:
    """(T,) at 16 kHz and its words, empty where they are not known -> T // 160 labels. Raises NotAligned."""
    count = len(wave) // HOP
    loudest = float(np.abs(wave).max()) if len(wave) else 0.0
    if not loudest:
        raise NotAligned(Message("pretrain.silent"))
    pcm = (np.pad(wave / loudest * PEAK, PAD * HOP) * 32767).astype("<i2").tobytes()
    sure = np.ones(count + 2 * PAD, np.float32)
    words = words_of(transcript)
    if not words:
        words = _recognised(pcm, sure)
    try:
        aligned = _aligned(pcm, words, {})
    except (RuntimeError, ValueError):
        try:
            aligned = _aligned(pcm, words, WIDER)
        except (RuntimeError, ValueError) as error:
            raise NotAligned(Message("pretrain.not_aligned", reason=message_of(error))) from error
    phone, state = _spread(aligned, count + 2 * PAD)
    inside = slice(PAD, PAD + count)
    return Labels(phone[inside], state[inside], sure[inside])


def _decoder(beams: dict[str, float]) -> Any:
    from pocketsphinx import Decoder

    return Decoder(loglevel="FATAL", samprate=RATE, **beams)


def _decode(decoder: Any, pcm: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()


def _recognised(pcm: bytes, sure: NDArray[np.float32]) -> str:
    """The words, and in `sure` how likely each is. Raises NotAligned when nothing is recognised."""
    decoder = _decoder({})
    _decode(decoder, pcm)
    hypothesis = decoder.hyp()
    if hypothesis is None or not hypothesis.hypstr:
        raise NotAligned(Message("pretrain.no_words"))
    for word in decoder.seg():
        sure[word.start_frame : word.end_frame + 1] = word.prob
    return str(hypothesis.hypstr)


def _aligned(pcm: bytes, words: str, beams: dict[str, float]) -> list[tuple[str, int, int, int]]:
    """(phone, state, first label, count) by two passes, of words and then of states. Raises RuntimeError."""
    decoder = _decoder(beams)
    decoder.set_align_text(words)
    _decode(decoder, pcm)
    decoder.set_alignment()
    _decode(decoder, pcm)
    found = decoder.get_alignment()
    if found is None:
        raise RuntimeError(Message("pretrain.no_path"))
    return [
        (phone.name, place, s.start, s.duration) for word in found for phone in word for place, s in enumerate(phone)
    ]


def _spread(aligned: list[tuple[str, int, int, int]], count: int) -> tuple[NDArray[np.str_], NDArray[np.int8]]:
    phone, state = np.full(count, "SIL", dtype="U8"), np.zeros(count, np.int8)
    for name, place, start, length in aligned:
        phone[start : start + length], state[start : start + length] = name, place
    return phone, state
