"""What the tests of `rvc pretrain` need beyond the program itself: the extra `pretrain`."""

from __future__ import annotations

import importlib.util

import pytest

ABSENT = [name for name in ("pyworld", "pocketsphinx") if importlib.util.find_spec(name) is None]
needs_packages = pytest.mark.skipif(bool(ABSENT), reason=f"{', '.join(ABSENT)}: not installed")
