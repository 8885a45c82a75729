"""Every key of the app does what it says: the table in actions_table.py holds each id of each screen, and each is
pressed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from actions import BY_NAME, Action
from actions_table import ACTIONS

from rvc_tui.app import RvcApp
from rvc_tui.keymap import every_key

KEYS = {(key.owner.__name__, key.id): key.keys[0] for key in every_key()}


def test_no_action_is_missing_and_none_is_there_twice() -> None:
    """A new binding fails here until somebody has said in actions_table.py what can be seen of it."""
    counts = Counter((action.owner, action.id) for action in ACTIONS)
    assert set(KEYS) - set(counts) == set()
    assert set(counts) - set(KEYS) == set()
    assert [action for action, count in counts.items() if count > 1] == []


# the same in every box: the long tests press them
MOVES = (
    "down",
    "up",
    "page-down",
    "page-up",
    "first",
    "last",
    "back",
    "close",
)


def case(action: Action) -> ParameterSet:
    later = action.owner not in ("RvcApp", "AppScreen") and action.id.rpartition(".")[2] in MOVES
    return pytest.param(action, id=f"{action.owner}-{action.id}", marks=[pytest.mark.soak] if later else [])


@pytest.mark.few(30)
@pytest.mark.parametrize("action", map(case, ACTIONS))
async def test_does_what_it_says(action: Action, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(RvcApp, "action_suspend_process", lambda self: setattr(self, "suspended", True))
    scene = BY_NAME[action.where]
    app = scene.make()
    async with app.run_test(size=action.size) as pilot:
        await scene.ready(pilot)
        for key in (*scene.keys, *action.keys):
            await pilot.press(key)
            await pilot.pause(0.02)
        if action.doing:
            action.doing(app)
            await pilot.pause(0.05)
        before = action.effect(app)
        assert before is not True, "it is so already: this would show nothing"
        await pilot.press(KEYS[(action.owner, action.id)])
        for _ in range(100):
            await pilot.pause(0.01)
            after = action.effect(app)
            if after != before:
                break
        assert after is True if isinstance(before, bool) else after != before, (before, after)
        app.exit()
