"""The screens by name; each is made when it is first shown, and kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rvc_tui.screens.assets import AssetsScreen
from rvc_tui.screens.convert import ConvertScreen
from rvc_tui.screens.dataset import DatasetScreen
from rvc_tui.screens.experiments import ExperimentsScreen
from rvc_tui.screens.queue import QueueScreen
from rvc_tui.screens.stage import FeaturesScreen, IndexScreen, PitchScreen, PreprocessScreen
from rvc_tui.screens.train import TrainScreen
from rvc_tui.screens.voices import VoicesScreen

SHOWN = (
    ExperimentsScreen,
    DatasetScreen,
    PreprocessScreen,
    PitchScreen,
    FeaturesScreen,
    TrainScreen,
    IndexScreen,
    ConvertScreen,
    VoicesScreen,
    QueueScreen,
    AssetsScreen,
)
SCREENS: dict[str, Callable[[], Any]] = {screen.place: screen for screen in SHOWN}
