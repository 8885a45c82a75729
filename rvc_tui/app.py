"""The app: routes, and stays small. The engine is another process; leaving the app never stops it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from rvc_tui.engine_client import Client
from rvc_tui.screens.run import RunScreen


class RvcApp(App[None]):
    CSS_PATH = Path(__file__).with_name("rvc.tcss")
    TITLE = "rvc-tui"
    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c,ctrl+q", "quit", show=False, priority=True)]

    def __init__(self, client: Client, *, ascii: bool = False, slow: bool = False) -> None:
        super().__init__()
        if "TEXTUAL_THEME" not in os.environ:
            self.theme = "ansi-dark"  # the terminal's own colours, whichever they are
        self.ascii = ascii
        self.run_screen = RunScreen(client, ascii=ascii, slow=slow)

    def on_mount(self) -> None:
        self.set_class(self.ascii, "-ascii")
        self.push_screen(self.run_screen)

    def parting_words(self) -> list[str]:
        """What is printed on leaving: that a run goes on, and where the results are."""
        state = self.run_screen.state
        lines = [f"artefact: {artefact['path']}" for artefact in state.view.artefacts]
        if state.running:
            name = state.view.name
            lines.append(f"{name} goes on as process {state.view.pid}: rvc-tui {name} shows it again, rvc stop {name} stops it")
        return lines
