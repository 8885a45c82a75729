"""What the engine says, in the user's language and with the app's keys: the code of a Message gives the words, its
parameters fill them. A text without a code stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from rvc_engine.errors import RvcError
from rvc_engine.messages import Message, templates
from rvc_engine.messages.actions import command
from rvc_engine.messages.message import Value, filled
from rvc_engine.messages.words import Plural
from rvc_tui.texts import _, plural

KEYS_OF: Mapping[str, tuple[str, ...]] = {
    "attach": ("screen.experiments",),
    "choose_dataset": ("screen.dataset", "dataset.folder"),
    "doctor": ("screen.assets", "assets.doctor"),
    "extract": ("screen.voices", "voice.extract"),
    "features": ("screen.features", "run.stage"),
    "index": ("screen.index", "run.stage"),
    "list": ("screen.voices",),
    "list_assets": ("screen.assets",),
    "measure": ("screen.train", "advice.measure"),
    "new": ("screen.experiments", "experiment.new"),
    "preprocess": ("screen.preprocess", "run.stage"),
    "pull": ("screen.assets", "assets.pull"),
    "pull_any": ("screen.assets", "assets.pull"),
    "queue_list": ("screen.queue",),
    "queue_remove": ("screen.queue", "queue.remove"),
    "queue_run": ("screen.queue", "queue.run"),
    "run": ("run.all",),
    "run_any": ("run.all",),
    "stop": ("run.stop",),
}
"""An action of the engine -> the ids of the keys that do it here, one after another. The other actions are commands in
the app too."""

NAMES = {"stage", "stages", "unit"}
"""Parameters with names that the app translates."""

_user_keys: dict[str, str] = {}


def use_keys(keymap: Mapping[str, str]) -> None:
    """The user's own keys, by id."""
    _user_keys.clear()
    _user_keys.update(keymap)


def translated(text: str) -> str:
    """The words for a message of the engine."""
    if not isinstance(text, Message) or not text.code:
        return str(text)
    params = {name: _parameter(name, value) for name, value in text.params.items()}
    return filled(_words(text), params, _Keys(text.params), _Settings())


def error_line(error: RvcError) -> str:
    """An error in one line: what, why, what to do."""
    what = ": ".join(translated(part) for part in (error.title, error.message) if part)
    return what + (f" ({translated(error.hint)})" if error.hint else "")


def _words(message: Message) -> str:
    template = templates()[message.code]
    if isinstance(template, Plural):
        count = message.params.get("count")
        return plural(template.one, template.many, count if isinstance(count, int) else 2)
    return _(template)


def _parameter(name: str, value: Value) -> Value:
    if isinstance(value, list):
        return _(", ").join(str(_parameter(name, one)) for one in value)
    if isinstance(value, Message) and value.code:
        return translated(value)
    return _(value) if name in NAMES and isinstance(value, str) else value


class _Keys:
    """`{do.NAME}` as the keys of an action, [a] [p], or as its command where the app has none."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self._params = params

    def __getattr__(self, name: str) -> str:
        keys = [_key(id) for id in KEYS_OF.get(name, ())]
        return " ".join(f"[{key}]" for key in keys) if keys and all(keys) else command(name, self._params)


def _key(id: str) -> str:
    """The first key of a binding; empty where the user has taken it away."""
    from rvc_tui.keymap import key_names, keys_in

    names = keys_in(_user_keys[id]) if id in _user_keys else _own_keys().get(id, ())
    return key_names(names[:1])


@cache
def _own_keys() -> dict[str, tuple[str, ...]]:
    from rvc_tui.keymap import every_key  # imports every screen: not before a message asks for it

    return {key.id: key.keys for key in every_key() if key.id}


class _Settings:
    """`{set.STAGE.NAME}` as the forms call it: STAGE.NAME."""

    def __init__(self, name: str = "") -> None:
        self._name = name

    def __getattr__(self, name: str) -> _Settings:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Settings(f"{self._name}.{name}".lstrip("."))

    def __str__(self) -> str:
        return self._name

    __format__ = object.__format__
