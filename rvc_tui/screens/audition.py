"""What the voice makes of one clip at each checkpoint, beside the recording: spectrograms, and the files to listen
to."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from rvc_engine.common.opening import read_text
from rvc_engine.common.printable import LONG, printable
from rvc_tui.picture import draw
from rvc_tui.texts import _

if TYPE_CHECKING:
    from rvc_tui.app import RvcApp

LINES = 7  # of the screen that are no picture


def pictures_in(folder: Path) -> list[Path]:
    """Of every checkpoint, oldest first."""
    found = [
        (int(m[2]), path) for path in folder.glob("e*_s*.json") if (m := re.fullmatch(r"e(\d+)_s(\d+)", path.stem))
    ]
    return [path for _place, path in sorted(found)]


class AuditionScreen(ModalScreen[None]):
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("h,left", "beside(-1)", "earlier", id="audition.earlier"),
        Binding("l,right", "beside(1)", "later", id="audition.later"),
        Binding("y", "copy", "copy paths", id="audition.copy"),
        Binding("q,escape,w,enter", "dismiss", "back", id="audition.back"),
    ]

    def __init__(self, pictures: list[Path]) -> None:
        super().__init__()
        self.pictures, self.place = pictures, len(pictures) - 1

    @property
    def rvc(self) -> RvcApp:
        return cast("RvcApp", self.app)

    @property
    def sounds(self) -> list[Path]:
        """The WAV of this checkpoint, and the recording's."""
        path = self.pictures[self.place]
        return [path.with_suffix(".wav"), path.with_name("target.wav")]

    def compose(self) -> ComposeResult:
        with Vertical(classes="box whole"):
            yield Static(id="picture")
            yield Static(
                _("h l  earlier, later    y  copy the paths of both WAV files    esc  back"),
                markup=False,
                classes="keys",
            )

    def on_mount(self) -> None:
        self.show()

    def on_resize(self) -> None:
        self.show()

    def show(self) -> None:
        self.query_one("#picture", Static).update(self.text())

    def text(self) -> Text:
        path = self.pictures[self.place]
        epoch, _between, step = path.stem[1:].partition("_s")
        width, height = max(20, self.app.size.width - 6), max(2, (self.app.size.height - LINES) // 2)
        head = _("{place} of {count}: epoch {epoch}, step {step}").format(
            place=self.place + 1, count=len(self.pictures), epoch=epoch, step=step
        )
        try:
            picture: dict[str, Any] = json.loads(read_text(path))
            parts = {kind: self.drawn(picture, kind, height, width) for kind in ("target", "generated")}
        except (OSError, ValueError, KeyError, TypeError) as error:
            return Text(
                f"{head}\n"
                + _("{file} cannot be displayed: {error}").format(
                    file=printable(path.name), error=printable(error, LONG)
                )
            )
        lines = [
            Text(_("the recording, {seconds} s").format(seconds=f"{picture['seconds']:.1f}"), "bold"),
            *parts["target"],
        ]
        lines += [
            Text(_("the voice: {which}").format(which=head), "bold"),
            *parts["generated"],
            Text(printable(self.sounds[0]), "dim", overflow="fold"),
        ]
        return Text("\n").join(lines)

    def drawn(self, picture: dict[str, Any], kind: str, height: int, width: int) -> list[Text]:
        plain = (
            self.app.no_color or self.app.console.color_system not in ("truecolor", "256") or self.rvc.session.pace > 1
        )
        return draw(
            bytes.fromhex(picture[kind]),
            picture["rows"],
            picture["columns"],
            height,
            width,
            ascii=self.rvc.ascii,
            colours=not plain,
        )

    def action_beside(self, step: int) -> None:
        self.place = max(0, min(len(self.pictures) - 1, self.place + step))
        self.show()

    def action_copy(self) -> None:
        self.rvc.copy_lines([str(path) for path in self.sounds])
