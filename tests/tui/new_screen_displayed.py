"""`python new_screen_displayed.py FOLDER`: the app with a screen more, whose file is in FOLDER; what is seen, as JSON.

In a process of its own: keys of the app are made when it is imported.
"""

from __future__ import annotations

import asyncio
import json
import sys

from rvc_tui import places

ROW = places.Place("W", "written", "out", "rvc_tui.screens.written:WrittenScreen")


async def seen() -> dict[str, object]:
    from snapshot_app import app_of, settle, text_of
    from textual.pilot import Pilot

    from rvc_tui.app import RvcApp
    from rvc_tui.keymap import every_key, template

    app = app_of("idle", first="train")
    app.session.results.append("/home/me/out.wav")
    pages: dict[str, object] = {}

    async def press(pilot: Pilot[None], *keys: str) -> str:
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.05)
        before = ""
        for _ in range(50):  # until nothing moves any more, and the footer is there
            await pilot.pause(0.1)
            if before == text_of(app) and before.split("\n")[-1].strip():
                break
            before = text_of(app)
        return before

    def place() -> str:
        assert isinstance(app, RvcApp)
        return app.displayed.place if app.displayed else ""

    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        pages["before"] = text_of(app)
        pages["by key"] = await press(pilot, "W")
        pages["place by key"] = place()
        pages["help"] = await press(pilot, "question_mark")
        await press(pilot, "escape", "1")
        pages["palette"] = await press(pilot, "colon", *"screen: wr")
        pages["by palette"] = await press(pilot, "enter")
        pages["place by palette"] = place()
        await press(pilot, "right")
        pages["after it"] = place()
        await press(pilot, "left")
        pages["forgotten"] = await press(pilot, "x")
        await pilot.resize_terminal(140, 30)
        pages["wide"] = await press(pilot)
    pages["ids"] = [key.id for key in every_key()]
    pages["keys file"] = template({})
    return pages


if __name__ == "__main__":
    places.PLACES += (ROW,)  # before anything has read it
    import rvc_tui.screens

    rvc_tui.screens.__path__.append(sys.argv[1])  # as if the file stood in rvc_tui/screens/
    print(json.dumps(asyncio.run(seen())))
