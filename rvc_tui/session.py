"""What every screen shares: the experiment that is watched, what is known of it, and what the user has chosen but not yet started."""

from __future__ import annotations

from dataclasses import dataclass, field

from rvc_tui.engine_client import Client
from rvc_tui.state import ScreenState


@dataclass
class Session:
    """`pace`: how many times slower everything is told and drawn. `dataset` and `preset`: what the form was left with, until the engine
    has written it down. `unfinished`: what leaving the app would cut off, in words, by who does it (empty: it is stopped
    without a question). `results`: files that the app had made; told on leaving."""

    client: Client
    ascii: bool = False
    pace: int = 1
    dataset: str = ""
    preset: str = ""
    unfinished: dict[str, str] = field(default_factory=dict)
    results: list[str] = field(default_factory=list)
    state: ScreenState = field(default_factory=ScreenState)

    def begin(self, client: Client) -> None:
        """Watch another experiment from its first line on."""
        self.client, self.dataset, self.preset = client, "", ""
        self.state = ScreenState(machine=self.state.machine)
        self.state.view.name, self.state.view.folder = client.name, client.folder
        self.state.begun = -1  # the journal panel forgets the former experiment

    @property
    def recordings(self) -> str:
        return self.dataset or self.state.outlook.dataset
