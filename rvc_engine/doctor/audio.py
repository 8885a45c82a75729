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
from rvc_engine.messages import NOTHING, Message, verbatim
from rvc_engine.presets import PUBLIC_PRESETS
from rvc_engine.workspace import Workspace

DECODERS = {"wav": "pcm_s16le", "mp3": "mp3", "m4a": "aac", "flac": "flac", "ogg": "vorbis", "opus": "opus"}


def codecs(home: Path) -> Iterator[Finding]:
    """Each format that a recording may have and that a conversion may write."""
    av, reason = load("av")
    if av is None:
        yield Finding("codecs", FAIL, reason, Message("doctor.install_package", name="av"))
        return
    from rvc_engine.audio.io import CODECS

    for name, direction, wanted in (
        (Message("doctor.codecs_in"), "r", DECODERS),
        (Message("doctor.codecs_out"), "w", CODECS),
    ):
        lacking = []
        for form, codec in wanted.items():
            try:
                av.Codec(codec, direction)
            except (ValueError, av.error.FFmpegError):
                lacking.append(form)
        here = [form for form in wanted if form not in lacking]
        if lacking:
            found = Message("doctor.formats_lacking", formats=here, lacking=lacking)
            yield Finding(name, WARN, found, Message("doctor.reinstall_av"))
        else:
            yield Finding(name, OK, Message("doctor.formats", formats=here, version=av.__version__))


def weights(home: Path) -> Iterator[Finding]:
    """What the presets need: complete and as published, or what is missing. Sums are computed once and cached."""
    workspace = Workspace(home)
    manifest, receipts = read_manifest(workspace), Receipts(workspace)
    rows = {asset.name: check(workspace, asset, receipts) for asset in manifest}
    here = [row for row in rows.values() if row.state not in (MISSING, DIFFERS)]
    for row in rows.values():
        if row.state == DIFFERS:
            advice = Message("doctor.pull_again", preset=row.asset.presets[0])
            yield Finding("weights", FAIL, Message("doctor.not_as_published", path=row.path), advice)
    if not here:
        yield Finding("weights", WARN, Message("doctor.no_weights"), Message("doctor.pull", preset="v2-40k"))
        return
    for preset in PUBLIC_PRESETS:
        wanted = needs(manifest, preset)
        lacking = [asset.name for asset in wanted if rows[asset.name].state == MISSING]
        if wanted and not lacking and not any(rows[asset.name].state == DIFFERS for asset in wanted):
            names = [asset.name for asset in wanted]
            yield Finding(f"weights {preset}", OK, Message("doctor.weights_complete", names=names))
        elif lacking and len(lacking) < len(wanted):
            found = Message("doctor.weights_lacking", names=lacking)
            yield Finding(f"weights {preset}", NONE, found, Message("doctor.pull", preset=preset))


def terminal(home: Path) -> Iterator[Finding]:
    """What the app can draw here."""
    if not sys.stdout.isatty():
        yield Finding("terminal", NONE, Message("doctor.no_terminal"), Message("doctor.run_without_terminal"))
        return
    kind, color_term = os.environ.get("TERM", ""), os.environ.get("COLORTERM", "")
    if kind in ("", "dumb"):
        found = verbatim(f"TERM={kind}") if kind else Message("doctor.term_not_set")
        yield Finding("terminal", WARN, found, Message("doctor.set_term"))
    else:
        yield Finding("terminal", OK, _drawn_with(kind, color_term))
    columns, lines = shutil.get_terminal_size()
    small = columns < 80 or lines < 24
    yield Finding(
        Message("doctor.terminal_size"),
        WARN if small else OK,
        verbatim(f"{columns}x{lines}"),
        Message("doctor.terminal_small") if small else NOTHING,
    )
    encoding = locale.getpreferredencoding(False)
    plain = "utf" not in encoding.lower()
    advice = Message("doctor.set_locale") if plain else NOTHING
    yield Finding("locale", WARN if plain else OK, verbatim(encoding), advice)


def _drawn_with(kind: str, color_term: str) -> Message:
    """`kind`, `color_term`: as TERM and COLORTERM have it."""
    colours: Message | int = 256 if "256" in kind else 16
    if color_term in ("truecolor", "24bit"):
        colours = Message("doctor.true_colours")
    inside = "tmux" if os.environ.get("TMUX") else "screen" if os.environ.get("STY") else ""
    if inside:
        return Message("doctor.terminal_inside", kind=kind, colours=colours, program=inside)
    return Message("doctor.terminal", kind=kind, colours=colours)
