"""Seeded damage to valid files: to their bytes, and to the parts inside them with the checksums put right again."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np

EXTREMES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
NAMES = (
    b"cposix\nsystem\n",
    b"c__builtin__\neval\n",
    b"csubprocess\nPopen\n",
    b"ctorch\nload\n",
    b"cos\nsystem\n(S'touch /tmp/pwned_marker'\ntR.",
)


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """One of several kinds of damage, drawn by `rng`."""
    inner = content.startswith(b"PK\x03\x04") and rng.random() < 0.5
    return _inside_zip(content, rng) if inner else _damaged(content, rng)


def _damaged(content: bytes, rng: np.random.Generator) -> bytes:
    data = bytearray(content)
    kind = rng.integers(0, 7)
    place = _place(len(data), rng)
    if kind == 0:
        return bytes(data[:place])
    if kind == 1:
        for _ in range(int(rng.integers(1, 20))):
            data[_place(len(data), rng)] ^= 1 << int(rng.integers(0, 8))
    elif kind == 2:
        width = int(rng.choice([1, 2, 4, 8]))
        value = int(EXTREMES[rng.integers(0, len(EXTREMES))]) & (256**width - 1)
        data[place : place + width] = value.to_bytes(width, "little")
    elif kind == 3:
        data[place:place] = rng.bytes(int(rng.integers(1, 64)))
    elif kind == 4:
        del data[place : place + int(rng.integers(1, 64))]
    elif kind == 5:
        source = _place(len(data), rng)
        piece = bytes(data[source : source + int(rng.integers(1, 256))])
        data[place : place + len(piece)] = piece
    else:
        name = NAMES[rng.integers(0, len(NAMES))]
        data[place : place + (len(name) if rng.random() < 0.5 else 0)] = name
    return bytes(data)


def _place(size: int, rng: np.random.Generator) -> int:
    """Anywhere, but mostly in the first and last 4 KB, where the sizes and names are."""
    where = rng.random()
    edge = min(4096, size)
    if where < 0.4:
        return int(rng.integers(0, edge)) if edge else 0
    if where < 0.7:
        return int(size - rng.integers(1, edge + 1)) if edge else 0
    return int(rng.integers(0, max(1, size)))


def _inside_zip(content: bytes, rng: np.random.Generator) -> bytes:
    """One member damaged (mostly the description), the archive whole."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    readable = [i for i, (name, _) in enumerate(members) if name.endswith((".pkl", ".json", ".safetensors"))]
    chosen = int(rng.choice(readable)) if readable and rng.random() < 0.8 else int(rng.integers(0, len(members)))
    name, data = members[chosen]
    if name.endswith(".json") and rng.random() < 0.5:
        data = _other_json(data, rng)
    else:
        data = _damaged(data, rng) if data else rng.bytes(8)
    members[chosen] = (name, data)
    if rng.random() < 0.1:
        members.append((str(rng.choice(["../../evil", "/tmp/pwned_marker", "data.pkl", name])), data))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED if rng.random() < 0.1 else zipfile.ZIP_STORED) as archive:
        for member, inner in members:
            archive.writestr(member, inner)
    return made.getvalue()


def _other_json(data: bytes, rng: np.random.Generator) -> bytes:
    """An entry of a JSON object replaced by something else."""
    content = json.loads(data)
    if not isinstance(content, dict) or not content:
        return data
    key = str(rng.choice(sorted(content)))
    others = [
        None,
        -1,
        1e308,
        10**30,
        "../../x",
        [],
        {},
        True,
        "__import__('os').system('touch /tmp/pwned_marker')",
        [[]] * 1000,
    ]
    content[key] = others[rng.integers(0, len(others))]
    return json.dumps(content).encode()
