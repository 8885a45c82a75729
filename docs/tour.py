"""The tour: the real app over a real small run, by keys alone, and a picture at each stop.

    make tour     trains the starter preset on samples/ for two minutes, in a temporary folder

Writes docs/tour/*.svg, docs/tour/README.md, and the part of README.md that shows them; both say with what they were
made.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HOME = Path(tempfile.mkdtemp(prefix="rvc-tour-"))
os.environ.update(TEXTUAL_COLOR_SYSTEM="truecolor", LC_ALL="C.UTF-8", XDG_CONFIG_HOME=str(HOME / "config"))
for _name in ("LANGUAGE", "TEXTUAL_THEME", "NO_COLOR", "TMUX", "RVC_HOME"):
    os.environ.pop(_name, None)

from textual.pilot import Pilot  # noqa: E402

from rvc_engine.client.engine_client import EngineClient  # noqa: E402
from rvc_tui.app import RvcApp  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
GOAL = ROOT / "docs" / "tour"
RECORDINGS = HOME / "recordings" / "kathleen"
PRESET = "starter"
EPOCHS, PICTURED_EPOCH = 8, 7
SIZE = (100, 30)
PATIENCE_S = 2400
FAMILY = "'Fira Code', 'DejaVu Sans Mono', Menlo, Consolas, monospace"

STOPS = {  # picture: what is said below it
    "dataset": "The recordings before training: how much can be used, which preset fits, what is wrong and how to "
    "fix it.",
    "train": "Training, live: losses, gradients, pace and time left, what holds it up, the machine, the batch size, "
    "the log.",
    "batch": "Which batch size fits and which is recommended, measured with real steps on this machine.",
    "experiments": "The experiments, and the stages of the one that is watched.",
    "convert": "Recordings of other speakers in the new voice.",
    "voices": "The voices of the workspace: from here they are converted with, merged, exported.",
    "assets": "The published weights: what each preset needs and what is missing.",
}

NOT_SHORT = ("train",)  # it stands at the top already
BEGIN, END = "<!-- tour: written by docs/tour.py -->", "<!-- end of the tour -->"


class Tour:
    def __init__(self, app: RvcApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
            await self.pilot.pause(0.05)

    async def type_in(self, text: str) -> None:
        """Into the field that has the focus, and enter."""
        await self.press(*(f"{character}" if character.isalnum() else NAMES[character] for character in text), "enter")

    async def until(self, true: Callable[[], object], what: str) -> None:
        end = time.monotonic() + PATIENCE_S
        while not true():
            if time.monotonic() > end:
                raise SystemExit(f"{what}: not within {PATIENCE_S} s\n{self.app.session.state.refused}")
            await self.pilot.pause(0.2)
        await self.pilot.pause(0.5)

    async def picture(self, name: str) -> None:
        self.app.clear_notifications()
        for _ in range(3):  # a panel of another height is laid out after it was drawn
            await self.pilot.pause(0.7)
            self.app.draw()
        await self.pilot.pause(0.7)
        path = GOAL / f"{name}.svg"
        path.write_text(cleaned(self.app.export_screenshot(title=f"rvc-tui: {name}")), encoding="utf-8")
        print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1024:.0f} KiB", flush=True)


NAMES = {"/": "slash", "-": "minus", ".": "full_stop", "_": "underscore", "*": "asterisk"}


def cleaned(svg: str) -> str:
    """Nothing is fetched from elsewhere: the reader's own monospaced letters."""
    svg = re.sub(r"@font-face\s*{[^}]*}", "", svg)
    svg = re.sub(r"font-family: [^;]*Fira Code[^;]*;", f"font-family: {FAMILY};", svg)
    svg = re.sub(r"<!--.*?-->", "", svg)
    return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"


async def walk(tour: Tour) -> None:
    app, state = tour.app, tour.app.session.state
    await tour.until(lambda: app.session.state.outlook.problem, "the empty workspace")
    await tour.press("n", "n")  # a new experiment: its name, recordings, preset
    for text in ("kathleen", str(RECORDINGS), PRESET):
        await tour.type_in(text)
    await tour.press("enter")
    await tour.until(
        lambda: app.session.client.name == "kathleen" and app.session.state.outlook.plan, "the new experiment"
    )
    await tour.press("2")
    await tour.until(lambda: getattr(app.screen, "report", None), "the report of the recordings")
    await tour.picture("dataset")
    await tour.press("6", "enter")  # train: its first setting is the number of epochs
    app.screen.query_one("#entry").clear()  # type: ignore[attr-defined]
    await tour.type_in(str(EPOCHS))
    await tour.press("r", "enter")
    state = app.session.state
    await tour.until(lambda: state.view.epoch >= PICTURED_EPOCH, "the training")
    await tour.pilot.resize_terminal(SIZE[0] + 10, SIZE[1] + 8)
    await tour.picture("train")
    await tour.pilot.resize_terminal(*SIZE)
    await tour.until(lambda: state.view.state != "running", "the end of the run")
    await tour.press("1")
    await tour.picture("experiments")
    await tour.press("6", "m")
    await tour.until(
        lambda: not app.session.unfinished.get("advise") and (state.outlook.advice or {}).get("source") == "measured",
        "measuring",
    )
    await tour.picture("batch")
    await tour.press("8", "v", "enter", "f")
    await tour.type_in(str(HOME / "songs"))
    await tour.press("x")
    await tour.until(lambda: not app.screen.conversion.running, "the conversion")  # type: ignore[attr-defined]
    await tour.picture("convert")
    await tour.press("9")
    await tour.until(lambda: getattr(app.screen, "voices", None), "the voices")
    await tour.picture("voices")
    await tour.press("a")
    await tour.until(lambda: getattr(app.screen, "assets", None), "the weights")
    await tour.press("G", "k")
    await tour.picture("assets")


def made(seconds: float) -> str:
    """With what, when, from which commit."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    day = time.strftime("%Y-%m-%d")
    return (
        f"Made by `make tour` on {day} at commit {commit or 'unknown'}, in {seconds / 60:.0f} minutes: the real app, "
        "by keys alone,\n"
        f"over a real run of the preset `{PRESET}`, {EPOCHS} epochs on `samples/target`, without a GPU."
    )


def alt(name: str) -> str:
    return f"The screen {name}. {STOPS[name]}"


def page(words: str) -> str:
    stops = [f"## {name.capitalize()}\n\n![{alt(name)}]({name}.svg)\n\n{what}\n" for name, what in STOPS.items()]
    return "\n".join([f"# A tour\n\n{words}\n", *stops])


def short(words: str) -> str:
    """For the README of the project: the pictures in pairs."""
    pictured = [name for name in STOPS if name not in NOT_SHORT]
    pictures = [f'<img src="docs/tour/{name}.svg" width="49%" alt="{alt(name)}">' for name in pictured]
    return f"{BEGIN}\n{chr(10).join(pictures)}\n\n{words} [The whole tour, with captions](docs/tour/README.md).\n{END}"


def write_pages(seconds: float) -> None:
    words = made(seconds)
    (GOAL / "README.md").write_text(page(words), encoding="utf-8")
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    if BEGIN in text and END in text:
        before, _, rest = text.partition(BEGIN)
        readme.write_text(before + short(words) + rest.partition(END)[2], encoding="utf-8")


async def main() -> None:
    begun = time.monotonic()
    shutil.copytree(ROOT / "samples" / "target", RECORDINGS)
    shutil.copytree(ROOT / "samples" / "sources", HOME / "songs")
    GOAL.mkdir(exist_ok=True)
    app = RvcApp(EngineClient(HOME, ""))
    try:
        async with app.run_test(size=SIZE) as pilot:
            await walk(Tour(app, pilot))
    finally:
        app.session.client.stop()
    write_pages(time.monotonic() - begun)
    shutil.rmtree(HOME, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main())
