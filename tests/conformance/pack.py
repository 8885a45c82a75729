"""Packs a part of the conformance kit small enough to commit, and unpacks it into files that check.py reads.

    python tests/conformance/pack.py KIT_FOLDER      writes tests/conformance/kit.xz

Every array of one subject of each kind, inputs and final outputs of others; `make soak` runs the whole kit by its path (RVC_KIT).
"""

from __future__ import annotations

import json
import lzma
import sys
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
PACKED = HERE / "kit.xz"
WHOLE = (
    "change_rms", "chunks", "f0_coarse", "f0_pm", "highpass", "index_768", "int16", "preprocess", "slicer",
    "infer_v1_40k_f0", "train_v2_40k_f0", "mel_32k",
)  # fmt: skip
FINAL = {
    "infer_v1_40k_nof0": ("y",),
    "infer_v2_32k_nof0": ("y",),
    "infer_v2_40k_f0": ("y",),
    "infer_v2_40k_f0_exported": ("y",),
    "infer_v2_48k_f0": ("y",),
    "mel_48k": ("mel",),
}


def pack(kit: Path, target: Path) -> None:
    header: dict[str, Any] = {"json": {}, "arrays": []}
    planes = []
    for path in sorted((kit / "manifests").glob("*.json")):
        if path.stem not in ("hubert", "rmvpe_e2e"):
            header["json"][f"manifests/{path.name}"] = json.loads(path.read_text())
    for name in (*WHOLE, *FINAL):
        document = json.loads((kit / "golden" / f"{name}.json").read_text())
        data = np.load(kit / "golden" / f"{name}.npz")
        if name in FINAL:
            document["arrays"] = {k: v for k, v in document["arrays"].items() if v["role"] == "input" or k in FINAL[name]}
        header["json"][f"golden/{name}.json"] = document
        for key in data.files:
            if key in document["arrays"]:
                array = np.asarray(data[key], order="C")
                header["arrays"].append([name, key, array.dtype.str, list(array.shape)])
                # bytes of equal weight side by side: floats pack better
                planes.append(np.frombuffer(array.tobytes(), np.uint8).reshape(-1, array.itemsize).T.tobytes())
    head = json.dumps(header, separators=(",", ":")).encode()
    content = len(head).to_bytes(8, "little") + head + b"".join(planes)
    target.write_bytes(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME))


def unpack(packed: Path, folder: Path) -> None:
    """Write the kit's files below `folder`: golden/*.json, golden/*.npz, manifests/*.json."""
    content = lzma.decompress(packed.read_bytes())
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
    pack(Path(sys.argv[1]), PACKED)
    print(f"{PACKED}: {PACKED.stat().st_size:,} bytes")
