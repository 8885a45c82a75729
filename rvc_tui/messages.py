"""What workers tell the screen."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from rvc_engine.client.engine_client import Update
from rvc_engine.client.machine import Machine
from rvc_engine.client.state import Outlook
from rvc_engine.messages import Message as EngineMessage


@dataclass
class Happened(Message):
    """A tenth of a second's worth of the journal."""

    update: Update


@dataclass
class Looked(Message):
    outlook: Outlook


@dataclass
class MachineRead(Message):
    machine: Machine


@dataclass
class Refused(Message):
    """A start or a stop that did not work; `why` in one line."""

    why: EngineMessage
