"""The offer to fetch the published weights that a run lacks."""

from __future__ import annotations

from rvc_engine.assets.verify import Receipts
from rvc_engine.commands.assets import pull
from rvc_engine.common.streams import ask, say
from rvc_engine.run.weights_needed import WeightsMissing
from rvc_engine.workspace import Workspace


def offer(workspace: Workspace, missing: WeightsMissing) -> bool:
    """Ask a person at a terminal whether to fetch them now, and do so. False: no. Raises RvcError when fetching
    fails."""
    receipts = Receipts(workspace)
    sizes = [receipts.bytes_of(asset) for asset in missing.assets]
    known = sum(count or 0 for count in sizes)
    amount = f"{known / 1e6:.0f} MB{' and more' if None in sizes else ''}" if known else f"{len(sizes)} files"
    say(f"{missing.title}: {missing.message}")
    answer = ask(f"Download them now ({amount})? [y/N]")
    return answer.lower() in ("y", "yes") and pull(workspace, missing.assets, [missing.preset]) == 0
