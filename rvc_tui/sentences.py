"""Sentences of the engine that the app shows in the user's language; the words are the engine's own."""

from __future__ import annotations

from rvc_tui.texts import N_

SENTENCES: tuple[str, ...] = (N_("up to date"),)
