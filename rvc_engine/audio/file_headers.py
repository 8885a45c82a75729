"""What an MP3, WAV or AIFF file says of its own length, so that a broken download is distinguished from a whole file.

ffmpeg drops that number when the file is shorter than its header says, which is just when it is wanted. Layouts: ISO
11172-3 and 13818-3 (frame header), the Xing/Info tag of LAME, the VBRI tag of Fraunhofer's encoder, RIFF and RF64 (EBU
Tech 3306). One field may be wrong in a file that is whole: it only counts where the others do not contradict it.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from rvc_engine.common.opening import open_file

SEARCHED_BYTES = 1 << 16
BITRATES_KBPS = {
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""(MPEG 1 or 2, layer III) -> rates by index; MPEG 2.5 has those of MPEG 2."""
SAMPLE_RATES = (44100, 48000, 32000)
MOST_CHUNKS = 10_000
OPEN_SIZE = 0x7FFFF000
"""From here on a size was left open, as a program that streams leaves it."""
PLACEHOLDER = 4096
"""A data chunk of fewer bytes with sound behind it: the header was never written to the end."""
TRAILERS = (b"TAG", b"ID3", b"APETAGEX")
"""Tags that follow the chunks of some files."""


@dataclass(frozen=True)
class FrameHeader:
    """Layer III only. `size_bytes` is the whole frame's size, 0 for free format."""

    version: float
    sample_rate: int
    samples: int
    size_bytes: int
    side_bytes: int

    @classmethod
    def parse(cls, data: bytes) -> FrameHeader | None:
        """None when these bytes do not begin a layer III frame."""
        if len(data) < 4:
            return None
        word = int.from_bytes(data[:4], "big")
        version = {0: 2.5, 2: 2.0, 3: 1.0}.get(word >> 19 & 3)
        layer, bitrate, rate = word >> 17 & 3, word >> 12 & 15, word >> 10 & 3
        if word >> 21 != 0x7FF or version is None or layer != 1 or bitrate == 15 or rate == 3:
            return None
        sample_rate = SAMPLE_RATES[rate] // {1.0: 1, 2.0: 2, 2.5: 4}[version]
        kbps = BITRATES_KBPS[1 if version == 1.0 else 2, 3][bitrate]
        samples = 1152 if version == 1.0 else 576
        size = samples // 8 * kbps * 1000 // sample_rate + (word >> 9 & 1) if kbps else 0
        mono = word >> 6 & 3 == 3
        side = (17 if mono else 32) if version == 1.0 else (9 if mono else 17)
        return cls(version, sample_rate, samples, size, side)


def mp3_seconds(path: Path) -> float | None:
    """Length by the Xing, Info or VBRI tag in the first frame; None without one, or where all of its bytes are
    there."""
    with open_file(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        start = file.read(10)
        skip = 0
        if start[:3] == b"ID3" and len(start) == 10:
            skip = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(start[6:10], (21, 14, 7, 0), strict=True))
        file.seek(skip)
        data = file.read(SEARCHED_BYTES)
    for at in range(len(data) - 4):
        if data[at] != 0xFF:
            continue
        header = FrameHeader.parse(data[at : at + 4])
        if header:
            return _tag_seconds(header, data[at:], size - skip - at)
    return None


def _tag_seconds(header: FrameHeader, frame: bytes, there: int) -> float | None:
    """`there`: bytes from this frame to the end of the file."""
    frames = promised = 0
    xing = frame[4 + header.side_bytes :][:16]
    if xing[:4] in (b"Xing", b"Info") and len(xing) == 16 and xing[7] & 1:
        frames, promised = struct.unpack(">II", xing[8:])
        promised = promised if xing[7] & 2 else 0
    elif frame[36:40] == b"VBRI" and len(frame) >= 54:
        promised, frames = struct.unpack(">II", frame[46:54])
    whole = 0 < promised <= there
    return frames * header.samples / header.sample_rate if frames and not whole else None


@dataclass(frozen=True)
class WavSize:
    """Of a RIFF file's sound. `missing`: it says to be so many times as long as it is, 0 where nothing is missing;
    `left_out`: bytes after its end that are no chunks; `stated`: bytes by its header; `patch`: (where, bytes) that make
    its size open."""

    stated: int
    missing: float = 0.0
    left_out: int = 0
    patch: tuple[int, bytes] | None = None


def wav_size(path: Path) -> WavSize | None:
    """None where it is no RIFF, RIFX, RF64 or BW64 file with a data chunk."""
    with open_file(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        head = file.read(12)
        if head[:4] not in (b"RIFF", b"RIFX", b"RF64", b"BW64") or head[8:] != b"WAVE":
            return None
        order = "big" if head[:4] == b"RIFX" else "little"
        outer, wide, field = _number(head[4:8], order), -1, 0
        for name, stated, body in _chunks(file, 12, size, order):
            if name == b"ds64":
                outer, wide = struct.unpack("<QQ", file.read(16).ljust(16, b"\0"))
                field = body + 8
            if name == b"data" and wide >= 0:
                return _data_size(file, body, wide, outer, order, (field, b"\xff" * 7 + b"\x0f"))
            if name == b"data":
                stated = 0 if stated >= OPEN_SIZE and stated > size - body else stated
                return _data_size(file, body, stated, outer, order, (body - 4, b"\xff" * 4))
    return None


def _data_size(file: BinaryIO, body: int, stated: int, outer: int, order: str, patch: tuple[int, bytes]) -> WavSize:
    """`stated` bytes of sound from `body` on, 0 where that was left open; `outer`: bytes of the whole file by its
    header."""
    size = file.seek(0, os.SEEK_END)
    there = size - body
    if not stated:
        return WavSize(0, patch=patch)
    if stated > there:  # of a download that was cut, the outer size says so too
        cut = not outer or outer >= OPEN_SIZE or outer + 8 > size
        return WavSize(stated, missing=stated / there if there and cut else 0.0)
    end = body + stated
    rest = 0 if _is_trailer(file, end, size, order) or _is_trailer(file, end + stated % 2, size, order) else size - end
    if stated < PLACEHOLDER <= rest:
        return WavSize(0, patch=patch)
    return WavSize(stated, left_out=rest)


def _number(data: bytes, order: str) -> int:
    return int.from_bytes(data, "big" if order == "big" else "little")


def _chunks(file: BinaryIO, at: int, size: int, order: str) -> Iterator[tuple[bytes, int, int]]:
    """(name, stated bytes, where its body begins) of each chunk from `at` on."""
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return
        length = _number(head[4:], order)
        yield head[:4], length, at + 8
        at += 8 + length + length % 2
        if at > size:
            return


def _is_trailer(file: BinaryIO, at: int, size: int, order: str) -> bool:
    """What a whole file may have after its sound: chunks, tags, a few zeros, or nothing."""
    file.seek(at)
    start = file.read(64)
    if start.startswith(TRAILERS) or (size - at <= len(start) and not any(start)):
        return True
    end = at
    for name, length, body in _chunks(file, at, size, order):
        if not all(32 <= byte < 127 for byte in name):
            return False
        end = body + length
    return at < end <= size <= end + 9


def iff_is_whole(path: Path) -> bool:
    """An AIFF or AIFC file none of whose bytes is missing, whatever its other fields say."""
    with open_file(path) as file:
        head = file.read(8)
        return head[:4] == b"FORM" and int.from_bytes(head[4:], "big") + 8 <= file.seek(0, os.SEEK_END) + 1


class LastFrame:
    """Watches an MP3's packets: was the last one cut off?"""

    def __init__(self) -> None:
        self.cut_off = False

    def see(self, packet: Any) -> None:
        if packet.stream.codec_context.name not in ("mp3", "mp3float"):
            return
        header = FrameHeader.parse(bytes(memoryview(packet)[:4]))
        self.cut_off = bool(header and packet.size < header.size_bytes)
