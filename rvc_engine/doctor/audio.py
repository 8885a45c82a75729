"""The doctor's look at what goes in and out: audio codecs, published weights, the terminal."""

from __future__ import annotations

import locale
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from rvc_engine.assets.manifest import needs, read_manifest
from rvc_engine.assets.verify import DIFFERS, MISSING, Receipts, check
from rvc_engine.doctor.findings import FAIL, NONE, OK, WARN, Finding, load
from rvc_engine.presets import PUBLIC_PRESETS
from rvc_engine.workspace import Workspace

DECODERS = {"wav": "pcm_s16le", "mp3": "mp3", "m4a": "aac", "flac": "flac", "ogg": "vorbis", "opus": "opus"}


def codecs(home: Path) -> Iterator[Finding]:
    """Each format that a recording may have and that a conversion may write."""
    av, reason = load("av")
    if av is None:
        yield Finding("codecs", FAIL, reason, "pip install av")
        return
    from rvc_engine.audio.io import CODECS

    for name, direction, wanted in (("codecs in", "r", DECODERS), ("codecs out", "w", CODECS)):
        lacking = []
        for form, codec in wanted.items():
            try:
                av.Codec(codec, direction)
            except (ValueError, av.error.FFmpegError):
                lacking.append(form)
        here = [form for form in wanted if form not in lacking]
        if lacking:
            yield Finding(
                name,
                WARN,
                f"{', '.join(here)}; not {', '.join(lacking)}",
                "pip install --force-reinstall av (its wheel has them)",
            )
        else:
            yield Finding(name, OK, f"{', '.join(here)} (PyAV {av.__version__})")


def weights(home: Path) -> Iterator[Finding]:
    """What the presets need: complete and as published, or what is missing. Sums are computed once and cached."""
    workspace = Workspace(home)
    manifest, receipts = read_manifest(workspace), Receipts(workspace)
    rows = {asset.name: check(workspace, asset, receipts) for asset in manifest}
    here = [row for row in rows.values() if row.state not in (MISSING, DIFFERS)]
    for row in rows.values():
        if row.state == DIFFERS:
            yield Finding(
                "weights",
                FAIL,
                f"{row.path} is not the published file",
                f"rvc assets pull {row.asset.presets[0]} replaces it",
            )
    if not here:
        yield Finding("weights", WARN, "none: only the preset starter works", "rvc assets pull v2-40k")
        return
    for preset in PUBLIC_PRESETS:
        wanted = needs(manifest, preset)
        lacking = [asset.name for asset in wanted if rows[asset.name].state == MISSING]
        if wanted and not lacking and not any(rows[asset.name].state == DIFFERS for asset in wanted):
            yield Finding(f"weights {preset}", OK, f"complete: {', '.join(asset.name for asset in wanted)}")
        elif lacking and len(lacking) < len(wanted):
            yield Finding(f"weights {preset}", NONE, f"without {', '.join(lacking)}", f"rvc assets pull {preset}")


def terminal(home: Path) -> Iterator[Finding]:
    """What the app can draw here."""
    if not sys.stdout.isatty():
        yield Finding("terminal", NONE, "output does not go to a terminal", "the app needs one; rvc run works without")
        return
    kind, color_term = os.environ.get("TERM", ""), os.environ.get("COLORTERM", "")
    if kind in ("", "dumb"):
        yield Finding(
            "terminal", WARN, f"TERM={kind or 'not set'}", "export TERM=xterm-256color, or use rvc-tui --plain"
        )
    else:
        colours = "16.7 million" if color_term in ("truecolor", "24bit") else "256" if "256" in kind else "16"
        inside = "tmux" if os.environ.get("TMUX") else "screen" if os.environ.get("STY") else ""
        yield Finding("terminal", OK, f"{kind}, {colours} colours{f', inside {inside}' if inside else ''}")
    columns, lines = shutil.get_terminal_size()
    small = columns < 80 or lines < 24
    yield Finding(
        "terminal size", WARN if small else OK, f"{columns}x{lines}", "the app wants 80x24 or more" if small else ""
    )
    encoding = locale.getpreferredencoding(False)
    plain = "utf" not in encoding.lower()
    yield Finding(
        "locale", WARN if plain else OK, encoding, "export LC_ALL=C.UTF-8, or use rvc-tui --ascii" if plain else ""
    )
