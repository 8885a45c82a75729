"""rvc assets: the published weights that presets need: what they are, fetching them, checking them."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

from rvc_engine.assets.download import pull as fetch
from rvc_engine.assets.hub import Offline
from rvc_engine.assets.manifest import Asset, needs, read_manifest
from rvc_engine.assets.verify import DIFFERS, MISSING, Checked, Receipts, check
from rvc_engine.client.words import size
from rvc_engine.commands.flags import TAKE_OVER
from rvc_engine.commands.transfers import choose_watch
from rvc_engine.common.given_paths import clean_path
from rvc_engine.common.lines import Failed, report
from rvc_engine.common.printable import FACT, printable
from rvc_engine.common.streams import say, say_json
from rvc_engine.errors import BadInput, RvcError
from rvc_engine.messages import Message
from rvc_engine.presets import PUBLIC_PRESETS
from rvc_engine.workspace import Workspace

CHOICES = ", ".join([*PUBLIC_PRESETS, "all"])


def build(parser: argparse.ArgumentParser, name: str) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|pull|verify")
    listing = actions.add_parser("list", help="the published weights: bytes, sha256, origin, and which are here")
    pulling = actions.add_parser("pull", help="fetch what a preset needs and is not here; resumes where it was cut off")
    verifying = actions.add_parser(
        "verify", help="compare what is here with the published sums; --file reads any weights file safely"
    )
    for action in (listing, pulling, verifying):
        action.add_argument("presets", nargs="*", metavar="PRESET", help=f"one or more of {CHOICES}")
        action.add_argument("--no-pitch", action="store_true", help="what the variant without pitch needs")
        action.add_argument("--json", action="store_true", help="JSON on standard output and nothing else")
        action.add_argument("--home", default=argparse.SUPPRESS, metavar="DIR", help="workspace")
    pulling.add_argument(
        TAKE_OVER, action="store_true", help="take the lock of a download on another host that is gone"
    )
    pulling.add_argument("--plain", action="store_true", help="plain lines, also on a terminal")
    verifying.add_argument(
        "--file", metavar="PATH", help="say what this file is and whether it is whole; exit code 2 when it is refused"
    )


def execute(options: argparse.Namespace, name: str) -> int:
    if options.action == "verify" and options.file:
        return _describe(Path(clean_path(options.file)), as_json=options.json)
    workspace = Workspace.find(options.home)
    manifest = read_manifest(workspace)
    if options.action == "pull" and not options.presets:
        raise BadInput("commands.which_preset", choices=CHOICES, preset="v2-40k")
    assets = _chosen(manifest, options.presets, pitched=not options.no_pitch)
    if options.action == "list":
        return _list(workspace, assets, as_json=options.json)
    if options.action == "verify":
        return _verify(workspace, assets, complete=bool(options.presets), as_json=options.json)
    again = [*options.presets, *(["--no-pitch"] if options.no_pitch else [])] + (
        ["--home", options.home] if hasattr(options, "home") else []
    )
    return pull(workspace, assets, again, plain=options.plain, as_json=options.json, take_over=options.take_over)


def _chosen(manifest: tuple[Asset, ...], presets: list[str], *, pitched: bool) -> list[Asset]:
    """What these presets need together; everything for none or `all`."""
    if not presets or "all" in presets:
        return list(manifest)
    return list(dict.fromkeys(asset for preset in presets for asset in needs(manifest, preset, pitched=pitched)))


# --- list and verify -------------------------------------------------------------------------------
def _list(workspace: Workspace, assets: list[Asset], *, as_json: bool) -> int:
    receipts = Receipts(workspace)
    rows = [check(workspace, asset, receipts, compute=False) for asset in assets]
    if as_json:
        say_json([{**_row(row), "bytes": receipts.bytes_of(row.asset)} for row in rows])
        return 0
    for row in rows:
        known = receipts.bytes_of(row.asset)
        say(
            f"{row.asset.name:16} {size(known) if known else 'size not known':>14}  {row.state:15} "
            f"{' '.join(row.asset.presets)}"
        )
        say(f"  sha256 {row.asset.sha256}", f"  {row.asset.display_url}  {row.asset.licence}")
    return 0


def _verify(workspace: Workspace, assets: list[Asset], *, complete: bool, as_json: bool) -> int:
    """Exit code 1 when a file differs, or, for a preset that was named, when one is missing."""
    receipts = Receipts(workspace)
    rows = [check(workspace, asset, receipts) for asset in assets]
    if as_json:
        say_json([_row(row) for row in rows])
    else:
        for row in rows:
            say(f"{row.asset.name:16} {row.state:13}{_explain(row)}")
    bad = [row.asset.name for row in rows if row.state == DIFFERS or (complete and row.state == MISSING)]
    if bad:
        wrong = Message("commands.not_as_published", names=bad)
        say(f"rvc assets: {wrong}", error=True)
        report(Failed.of(RvcError(wrong)))
    return 1 if bad else 0


def _explain(row: Checked) -> str:
    if row.path is None:
        return ""
    if row.state == DIFFERS:
        return f" {size(row.bytes or 0)}, sha256 {row.sha256}, published {row.asset.sha256}: {row.path}"
    return f" {size(row.bytes) if row.bytes else ''} {row.path}"


def _row(row: Checked) -> dict[str, Any]:
    asset = row.asset
    return {
        "name": asset.name,
        "state": row.state,
        "bytes": row.bytes,
        "path": str(row.path) if row.path else None,
        "sha256": row.sha256,
        "published_sha256": asset.sha256,
        "published_bytes": asset.bytes,
        "url": asset.display_url,
        "licence": asset.licence,
        "presets": list(asset.presets),
        "pitch": asset.pitch,
    }


def _describe(path: Path, *, as_json: bool) -> int:
    from rvc_engine.voices.identify import describe_file

    facts = describe_file(path)
    if as_json:
        say_json({"path": str(path), "kind": facts.kind, "bytes": facts.bytes, "sha256": facts.sha256, **facts.facts})
        return 0
    say(f"{path}: {facts.kind}")
    for key, value in {**facts.facts, "bytes": str(facts.bytes), "sha256": facts.sha256}.items():
        say(f"  {printable(key, FACT):14} {printable(value, FACT)}")
    return 0


# --- pull ------------------------------------------------------------------------------------------
def pull(
    workspace: Workspace,
    assets: list[Asset],
    words: list[str],
    *,
    plain: bool = False,
    as_json: bool = False,
    take_over: bool = False,
) -> int:
    """Fetch what is missing of `assets`, with a display of the progress. `words`: the arguments that name them, for
    hints. Raises RvcError; when the hub cannot be reached, what to copy by hand is printed first."""
    watch = choose_watch(plain=plain, as_json=as_json)
    try:
        with watch:
            fetched = fetch(workspace, assets, watch, take_over=take_over, note=lambda text: say(text, error=True))
    except KeyboardInterrupt:
        note = f"what is here is kept; the same command resumes: rvc assets pull {shlex.join(words)}"
        say(note, error=as_json)
        raise
    except Offline:
        _say_by_hand(workspace, assets, words, as_json=as_json)
        raise
    if as_json:
        say_json(
            {"event": "finished", "fetched": [t.asset.name for t in fetched], "files": [asset.name for asset in assets]}
        )
    elif not assets:
        say(f"{' '.join(words)} needs no download")
    else:
        say(f"{len(assets)} files in place, {len(fetched)} fetched now, all as published: {workspace.pretrained}")
    return 0


def _say_by_hand(workspace: Workspace, assets: list[Asset], words: list[str], *, as_json: bool) -> None:
    receipts = Receipts(workspace)
    missing = [
        row.asset for row in (check(workspace, asset, receipts) for asset in assets) if row.state in (MISSING, DIFFERS)
    ]
    if as_json:
        rows = [
            {
                "url": a.display_url,
                "bytes": receipts.bytes_of(a),
                "sha256": a.sha256,
                "to": str(workspace.pretrained / a.name),
            }
            for a in missing
        ]
        say_json({"event": "by_hand", "files": rows})
        return
    say("These files can be fetched on another machine and copied here:")
    for asset in missing:
        known = receipts.bytes_of(asset)
        say(
            "",
            f"  {asset.display_url}",
            f"    to      {workspace.pretrained / asset.name}",
            f"    sha256  {asset.sha256}",
        )
        say(*([f"    bytes   {known}"] if known else []))
    folders = sorted({str((workspace.pretrained / asset.name).parent) for asset in missing})
    say("", f"make the folders: mkdir -p {shlex.join(folders)}")
    say("copy from there:")
    say(
        *(
            f"  scp {shlex.quote(asset.name.rpartition('/')[2])} "
            f"USER@THIS_MACHINE:{shlex.quote(str(workspace.pretrained / asset.name))}"
            for asset in missing
        )
    )
    say(f"then check them:  rvc assets verify {shlex.join(words)}")
