"""The app with a pretended engine in one of the scenarios: idle, training, finished, failed."""

from __future__ import annotations

import pretended
from textual.pilot import Pilot

from rvc_tui.app import RvcApp


def app_of(scenario: str, *, ascii: bool = False, first: str = "") -> RvcApp:
    client = pretended.PretendedClient()
    if scenario != "idle":
        client.waiting = getattr(pretended, scenario)()
    client.alive = scenario == "training"
    return RvcApp(client, ascii=ascii, first=first)


def client_of(app: RvcApp) -> pretended.PretendedClient:
    client = app.session.client
    assert isinstance(client, pretended.PretendedClient)
    return client


async def settle(pilot: Pilot[None]) -> None:
    """Wait until the workers have reported everything and it is drawn."""
    app = pilot.app
    assert isinstance(app, RvcApp)
    session = app.session
    for _ in range(100):
        await pilot.pause(0.02)
        read = session.state.outlook.advice is not None and session.state.machine.at
        if read and not client_of(app).waiting and (session.state.view.run or not client_of(app).alive):
            break
    await pilot.pause(0.15)
    app.draw()
    await pilot.pause()


def text_of(app: RvcApp) -> str:
    """What is on the screen, line by line."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())
