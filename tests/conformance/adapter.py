"""Joins our code to the conformance kit: one function a kind of subject. Names and shapes only; the engine computes."""

import contextlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

with contextlib.suppress(ImportError):
    from adapter_networks import *  # noqa: F403
with contextlib.suppress(ImportError):
    from adapter_audio import *  # noqa: F403
with contextlib.suppress(ImportError):
    from adapter_conversion import *  # noqa: F403
with contextlib.suppress(ImportError):
    from adapter_pitch import *  # noqa: F403
with contextlib.suppress(ImportError):
    from adapter_content import *  # noqa: F403
