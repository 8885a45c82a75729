"""A dataset for `rvc pretrain` out of a larger one: links to its speakers, without those that are kept out, and its
catalogue.

    python tools/base_folder.py SPEECH/base SPEECH/catalogue.csv OUT [--without NAME ...]

SPEECH/base has a sub-folder for each speaker; `path` in the catalogue ends with SPEAKER/FILE. OUT must not exist.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

KEPT_OUT = (
    "ls-1116",
    "ls-1624",
    "ls-2007",
    "ls-248",
    "ls-2952",
    "ls-332",
    "ls-3947",
    "ls-4297",
    "ls-4813",
    "ls-5514",
    "ls-6078",
    "ls-669",
    "ls-7278",
    "ls-8014",
    "ls-8425",
    "ls-911",
)
"""With all whose name begins with vctk-p: the speakers on whom the starter's checkpoints were chosen."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speakers", type=Path)
    parser.add_argument("catalogue", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--without", nargs="*", metavar="NAME", help="instead of those that the starter's base was made without"
    )
    options = parser.parse_args()
    there = sorted(path for path in options.speakers.iterdir() if path.is_dir())
    without = (
        set(options.without)
        if options.without is not None
        else {p.name for p in there if p.name.startswith("vctk-p")} | set(KEPT_OUT)
    )
    if unknown := without - {path.name for path in there}:
        print(f"{options.speakers} has no {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True)
    kept = {path.name: path for path in there if path.name not in without}
    for name, path in kept.items():
        (options.out / name).symlink_to(path.resolve())
    with open(options.catalogue, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    rows = [
        {**row, "path": "/".join(Path(row["path"]).parts[-2:])} for row in rows if Path(row["path"]).parent.name in kept
    ]
    with open(options.out / "catalogue.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    print(f"{options.out}: {len(kept)} speakers, {len(rows)} recordings; kept out: {', '.join(sorted(without))}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
