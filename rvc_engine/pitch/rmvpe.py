"""RMVPE (https://arxiv.org/abs/2306.15412), the method of most RVC programs; its weights are a download."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rvc_engine.messages import Message
from rvc_engine.pitch.base import Hz, PitchTracker, Wave

if TYPE_CHECKING:
    from rvc_engine.workspace import Workspace


class RmvpeTracker(PitchTracker):
    is_network = True
    together = 16
    weights = ("rmvpe.pt", "rmvpe.safetensors")
    pulled_with = "v2-40k"
    kind = Message("pitch.rmvpe")

    def preference(self, preset: str) -> int:
        return 40

    def load(self, device: str, workspace: Workspace | None) -> None:
        from rvc_engine.pitch import rmvpe_frames

        rmvpe_frames.load(self._path(workspace), device)

    def release(self) -> None:
        from rvc_engine.pitch import rmvpe_frames

        rmvpe_frames.release()

    def track(self, waves: Sequence[Wave], device: str, workspace: Workspace | None) -> Iterator[Hz]:
        from rvc_engine.pitch.rmvpe_frames import rmvpe

        yield from rmvpe(waves, self._path(workspace), device)

    def tensors_of(self, path: Path, content: Mapping[Any, Any]) -> Mapping[str, Any] | None:
        if not any(isinstance(key, str) and key.startswith("unet.encoder.") for key in content):
            return None
        from rvc_engine.pitch.rmvpe_network import read_rmvpe

        return read_rmvpe(path).state_dict()

    def _path(self, workspace: Workspace | None) -> Path:
        path = self.find_weights(workspace)
        assert path is not None  # `check` has looked
        return path
