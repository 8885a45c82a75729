"""The app with the toy stage of tests/plugins, which is on PYTHONPATH; what is seen, as JSON. In a process of its own:
stages of other packages are looked for once."""

from __future__ import annotations

import asyncio
import json


async def seen() -> dict[str, object]:
    from snapshot_app import app_of, client_of, settle, text_of

    from rvc_tui.keymap import template

    app = app_of("idle", first="train")
    pages: dict[str, object] = {}
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("colon", *"screen: lou")
        await pilot.pause(0.2)
        pages["palette"] = text_of(app)
        await pilot.press("enter")
        await settle(pilot)
        pages["form"] = text_of(app)
        await pilot.press("enter", "home", *["delete"] * 5, *"0.5", "enter")
        await settle(pilot)
        pages["changed"] = text_of(app)
        await pilot.resize_terminal(140, 30)
        await settle(pilot)
        pages["wide"] = text_of(app)
    client = client_of(app)
    pages["calls"] = [list(call) for call in client.calls]
    pages["kept"] = client.kept.section("loudness").model_dump()["quiet_below"]
    pages["keys file"] = template({})
    return pages


if __name__ == "__main__":
    print(json.dumps(asyncio.run(seen())))
