"""What an MP3 or WAV file says of its own length, so that a broken download is told from a whole file.

ffmpeg drops that number when the file is shorter than its header says, which is just when it is wanted. Layouts: ISO 11172-3 and
13818-3 (frame header), the Xing/Info tag of LAME, the VBRI tag of Fraunhofer's encoder, and RIFF.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rvc_engine.opening import open_file

SEARCHED_BYTES = 1 << 16
BITRATES_KBPS = {
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""(MPEG 1 or 2, layer III) -> rates by index; MPEG 2.5 has those of MPEG 2."""
SAMPLE_RATES = (44100, 48000, 32000)


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
    """Length by the Xing, Info or VBRI tag in the first frame; None without one."""
    with open_file(path) as file:
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
            return _tag_seconds(header, data[at:])
    return None


def _tag_seconds(header: FrameHeader, frame: bytes) -> float | None:
    frames = 0
    xing = frame[4 + header.side_bytes :][:12]
    if xing[:4] in (b"Xing", b"Info") and len(xing) == 12 and xing[7] & 1:
        (frames,) = struct.unpack(">I", xing[8:12])
    elif frame[36:40] == b"VBRI" and len(frame) >= 54:
        (frames,) = struct.unpack(">I", frame[50:54])
    return frames * header.samples / header.sample_rate if frames else None


def wav_seconds(path: Path) -> float | None:
    """Length by the sizes of a RIFF file's chunks; None where they are left open, as a program that streams leaves them."""
    with open_file(path) as file:
        if file.read(4) != b"RIFF":
            return None
        file.seek(12)
        bytes_per_second = 0
        while len(head := file.read(8)) == 8:
            name, size = head[:4], int.from_bytes(head[4:], "little")
            if name == b"data":
                return size / bytes_per_second if bytes_per_second and 0 < size < 0x7FFFF000 else None
            body = file.tell()
            if name == b"fmt ":
                bytes_per_second = int.from_bytes(file.read(12)[8:], "little")
            file.seek(body + size + size % 2)
    return None


class LastFrame:
    """Watches an MP3's packets: was the last one cut off?"""

    def __init__(self) -> None:
        self.cut_off = False

    def see(self, packet: Any) -> None:
        if packet.stream.codec_context.name not in ("mp3", "mp3float"):
            return
        header = FrameHeader.parse(bytes(memoryview(packet)[:4]))
        self.cut_off = bool(header and packet.size < header.size_bytes)
