"""What every screen shares: the experiment that is watched, what is known of it, and what the user has chosen but not
yet started."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rvc_engine.client.engine_client import Client
from rvc_engine.client.state import ScreenState
from rvc_engine.errors import RvcError
from rvc_tui.engine_texts import translated

if TYPE_CHECKING:  # made from pydantic, which takes a fifth of a second to import
    from rvc_engine.settings import ExperimentSettings


@dataclass
class Session:
    """`pace`: how many times slower everything is read and drawn. `dataset` and `preset`: what the form was left with,
    until the engine has written it down. `unfinished`: what leaving the app would cut off, in words, by who does it
    (empty: it is stopped without a question). `conversion`: one that continues when the app is left. `results`: files
    that the app had made; printed on leaving."""

    client: Client
    ascii: bool = False
    pace: int = 1
    dataset: str = ""
    preset: str = ""
    unfinished: dict[str, str] = field(default_factory=dict)
    conversion: str = ""
    results: list[str] = field(default_factory=list)
    state: ScreenState = field(default_factory=lambda: ScreenState(translate=translated))

    def begin(self, client: Client) -> None:
        """Watch another experiment from its first line on."""
        self.client, self.dataset, self.preset = client, "", ""
        self.state = ScreenState(machine=self.state.machine, translate=translated)
        self.state.view.name, self.state.view.folder = client.name, client.folder
        self.state.begun = -1  # the journal panel forgets the former experiment

    def settings(self) -> ExperimentSettings | None:
        """None where there are none, or none that can be read: the outlook says so."""
        try:
            return self.client.settings()
        except RvcError:
            return None

    @property
    def recordings(self) -> str:
        return self.dataset or self.state.outlook.dataset
