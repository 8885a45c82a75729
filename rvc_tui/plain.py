"""The app without a screen: how the experiment is, then a line for what happens, until the run ends."""

from __future__ import annotations

import time

from rvc_engine.client.engine_client import Client
from rvc_engine.commands.display import PlainDisplay
from rvc_engine.common.streams import say
from rvc_engine.run.view import RunView

POLL_S = 0.2


def follow_plainly(client: Client) -> int:
    """Print the newest run whole and follow it while it lives. Returns what its end means; ctrl+c leaves it running."""
    if not client.name:
        say(f"no experiment in {client.home}; rvc run NAME --dataset FOLDER makes one")
        return 0
    view, display = RunView(name=client.name, folder=client.folder), PlainDisplay()
    try:
        while True:
            update = client.poll()
            for event in update.events:
                view.fold(event)
                display.show(view.own(event), view)
            if not update.more and not update.alive:
                break
            if not update.more:
                time.sleep(POLL_S)
    except KeyboardInterrupt:
        say(f"{client.name} continues; rvc stop {client.name} stops it")
        return 0
    if view.state == "idle":
        say(f"{client.name}: no run yet; rvc run {client.name} --dataset FOLDER starts one")
        return 0
    if view.state == "running":
        view.note_gone()
    display.end(view)
    return view.exit_code or 0
