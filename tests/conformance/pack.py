"""Packs a part of the conformance kit small enough to commit, and unpacks it into files that check.py reads.

    python tests/conformance/pack.py KIT_FOLDER [NAME...]      writes tests/conformance/kit.xz, kit_rmvpe.xz, or those
    named

Every array of one subject of each kind, inputs and final outputs of others; `make soak` runs the whole kit by its path
(RVC_KIT).
"""

from __future__ import annotations

import json
import lzma
import sys
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
WHOLE = (
    "change_rms",
    "chunks",
    "f0_coarse",
    "f0_pm",
    "highpass",
    "index_768",
    "int16",
    "preprocess",
    "slicer",
    "infer_v1_40k_f0",
    "train_v2_40k_f0",
    "mel_32k",
)
FINAL = {
    "infer_v1_40k_nof0": ("y",),
    "infer_v2_32k_nof0": ("y",),
    "infer_v2_40k_f0": ("y",),
    "infer_v2_40k_f0_exported": ("y",),
    "infer_v2_48k_f0": ("y",),
    "mel_48k": ("mel",),
}
RMVPE = {
    "rmvpe_decode": ("cents", "f0", "f0_threshold_0.3"),
    "rmvpe_network": (
        "mel",
        "mel_filterbank",
        "encoder_0",
        "encoder_4",
        "intermediate",
        "decoder_0",
        "decoder_4",
        "salience",
        "f0",
    ),
}
PACKS: dict[str, dict[str, tuple[str, ...] | None]] = {
    "kit": {**dict.fromkeys(WHOLE), **FINAL},
    "kit_rmvpe": dict(RMVPE),
}
"""What each file holds: subjects, with the names of those of their outputs that are kept (None: all)."""
PACK_OF_MANIFEST = {"rmvpe_e2e": "kit_rmvpe", "hubert": ""}  # the others are in the first one
SUBJECTS = [name for subjects in PACKS.values() for name in subjects]


def packed(name: str) -> Path:
    return HERE / f"{name}.xz"


def pack(kit: Path, name: str) -> None:
    header: dict[str, Any] = {"json": {}, "arrays": []}
    planes = []
    for path in sorted((kit / "manifests").glob("*.json")):
        if PACK_OF_MANIFEST.get(path.stem, "kit") == name:
            header["json"][f"manifests/{path.name}"] = json.loads(path.read_text())
    for subject, final in PACKS[name].items():
        document = json.loads((kit / "golden" / f"{subject}.json").read_text())
        data = np.load(kit / "golden" / f"{subject}.npz")
        if final is not None:
            document["arrays"] = {k: v for k, v in document["arrays"].items() if v["role"] == "input" or k in final}
        header["json"][f"golden/{subject}.json"] = document
        for key in data.files:
            if key in document["arrays"]:
                array = np.asarray(data[key], order="C")
                header["arrays"].append([subject, key, array.dtype.str, list(array.shape)])
                # bytes of equal weight side by side: floats pack better
                planes.append(np.frombuffer(array.tobytes(), np.uint8).reshape(-1, array.itemsize).T.tobytes())
    head = json.dumps(header, separators=(",", ":")).encode()
    content = len(head).to_bytes(8, "little") + head + b"".join(planes)
    packed(name).write_bytes(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME))


def unpack(folder: Path) -> None:
    """Write the files of every pack below `folder`: golden/*.json, golden/*.npz, manifests/*.json."""
    for name in PACKS:
        _unpack(packed(name), folder)


def _unpack(path: Path, folder: Path) -> None:
    content = lzma.decompress(path.read_bytes())
    offset = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:offset])
    for name, document in header["json"].items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(document))
    subjects: dict[str, dict[str, np.ndarray]] = {}
    for name, key, kind, _ in header["arrays"]:
        shape = header["json"][f"golden/{name}.json"]["arrays"][key]["shape"]
        dtype = np.dtype(kind)
        count = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        plane = np.frombuffer(content, np.uint8, count, offset).reshape(dtype.itemsize, -1)
        subjects.setdefault(name, {})[key] = plane.T.copy().view(dtype).reshape(shape)
        offset += count
    for name, arrays in subjects.items():
        np.savez(folder / "golden" / f"{name}.npz", **arrays)


if __name__ == "__main__":
    for name in sys.argv[2:] or PACKS:
        pack(Path(sys.argv[1]), name)
        print(f"{packed(name)}: {packed(name).stat().st_size:,} bytes")
