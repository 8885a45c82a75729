"""Japanese and Chinese: whole catalogues, the language by locale, the engine's sentences, and screens that keep their
columns."""

from __future__ import annotations

import gettext
import io
import re
import string
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pretended_assets import assets_app, choose
from pretended_dataset import dataset_app
from pretended_queue import entry, queue_app
from pretended_voices import wait_for
from rich.cells import cell_len
from scenes import SCENES, Scene
from snapshot_app import app_of, client_of, settle, text_of
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from rvc_engine.client.engine_client import Ended
from rvc_engine.client.words import line_of
from rvc_engine.events import ItemSkipped
from rvc_engine.messages import Message, templates
from rvc_engine.messages.actions import ACTIONS
from rvc_tui import engine_texts, texts
from rvc_tui.app import RvcApp
from rvc_tui.engine_texts import translated
from rvc_tui.keymap import every_key
from rvc_tui.places import PLACES
from rvc_tui.texts import LANGUAGES, language_of, use
from rvc_tui.widgets.convert import result_lines, result_row
from tests.messages.scan import needed
from tools import catalogues

PLACEHOLDER = re.compile(r"{[a-z_.]+}")
ROOT = Path(__file__).resolve().parents[2]
FOREIGN = [language for language in LANGUAGES if language != "en"]
KEPT = {"experiments", "dataset", "train"}  # their look is kept


class Page(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT
    file_extension = "txt"
    _file_extension = "txt"


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    yield
    use("en")


# --- catalogues ------------------------------------------------------------------------------------
def names_in(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_catalogue_is_whole(language: str) -> None:
    """Every text of the source, translated, with the same names to fill in. If this fails: make texts."""
    known = {(message.context, message.id): message for message in catalogues.read(language) if message.id}
    wanted = {(message.context, message.id) for message in catalogues.template() if message.id}
    assert wanted - set(known) == set(), "not in the catalogue"
    for (_, text), message in known.items():
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(strings) and not message.fuzzy, f"not translated: {text!r}"
        one = text[-1] if isinstance(text, tuple) else text
        assert all(names_in(translation) == names_in(one) for translation in strings), f"other names in {text!r}"
        assert all(translation.count("\n") == one.count("\n") for translation in strings), f"other lines in {text!r}"


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_compiled_catalogue_is_that_of_the_text(language: str) -> None:
    path = catalogues.po_path(language)
    assert texts_of(path.with_suffix(".mo").read_bytes()) == texts_of(catalogues.compiled(catalogues.read(language)))


def texts_of(compiled: bytes) -> dict[object, str]:
    """Every text but the heading, which names the version of Babel."""
    catalogue: dict[object, str] = vars(gettext.GNUTranslations(io.BytesIO(compiled)))["_catalog"]
    return {id: text for id, text in catalogue.items() if id != ""}


def test_a_catalogue_is_read_in_no_time() -> None:
    took = []
    for _ in range(5):
        began = time.perf_counter()
        use("ja")
        took.append(time.perf_counter() - began)
        gettext._translations.clear()  # type: ignore[attr-defined]
    assert min(took) < 0.010
    assert texts._("quit") == "終了"


# --- which language --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "POSIX", "LANGUAGE": "ja"}, "en"),
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "zh_TW.UTF-8"}, "zh"),
        ({"LANG": "zh-Hans"}, "zh"),
        ({"LANG": "ja_JP.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "ja_JP.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8", "LC_ALL": "en_US.UTF-8"}, "en"),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": ""}, "ja"),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "fr:zh_HK:ja"}, "zh"),
        ({"LANG": "de_DE@euro"}, "en"),
    ],
)
def test_language_by_locale(environment: dict[str, str], language: str) -> None:
    assert language_of(environment) == language


def test_asked_for_goes_before_locale_and_seven_bits_are_english(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "ja_JP.UTF-8")
    assert texts.chosen_language("", ascii=False) == "ja"
    assert texts.chosen_language("zh", ascii=False) == "zh"
    assert texts.chosen_language("zh", ascii=True) == "en"


# --- what the engine says --------------------------------------------------------------------------
def test_messages_within_messages() -> None:
    silent = Message("audio.silent_throughout", silent_db=-60)
    line = Message("client.item_skipped", stage="preprocess", item="train", reason=silent)
    use("ja")
    assert translated(Message("client.stage_started", stage="pitch", reason=Message("run.not_done_yet"))) == (
        "ピッチ: 開始（未実行）"
    )
    assert translated(line).startswith("前処理: 'train' を")
    assert translated("what nobody knows") == "what nobody knows"
    use("en")
    assert translated(line) == str(line)


def test_hints_name_keys_in_the_app_and_commands_elsewhere() -> None:
    hint = Message("common.attach_or_stop", name="my voice")
    assert str(hint) == "rvc attach 'my voice' follows it, rvc stop 'my voice' stops it"
    assert translated(hint) == "[1] follows it, [s] stops it"
    engine_texts.use_keys({"run.stop": ["ctrl+s"], "screen.experiments": []})
    try:
        assert translated(hint) == "rvc attach 'my voice' follows it, [ctrl+s] stops it"
    finally:
        engine_texts.use_keys({})


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_can_be_displayed(language: str) -> None:
    """With its parameters, one of them or several, and no placeholder left."""
    use(language)
    for code, template in templates().items():
        for count in (1, 2):
            params = dict.fromkeys(needed(code), count) | {"name": "alice", "path": "/a", "preset": "starter"}
            text = translated(Message.made(code, params | {"number": 1}))
            assert text and not PLACEHOLDER.search(text), (code, template, text)


def test_every_key_of_an_action_exists() -> None:
    there = {key.id for key in every_key()}
    assert {id for ids in engine_texts.KEYS_OF.values() for id in ids} <= there
    assert engine_texts.KEYS_OF.keys() <= ACTIONS.keys()


async def test_what_a_command_fails_with_is_in_the_users_language() -> None:
    """On each screen that says it."""
    wrong = Message("common.no_file", path="/a")
    failed: list[object] = [Ended(2, wrong)]
    cases: list[tuple[RvcApp, tuple[str, ...]]] = [
        (dataset_app(failed), ()),
        (assets_app(assets_verify=failed), ("v",)),
        (assets_app(assets_pull=failed), ("p", "y")),
        (queue_app([entry(1, "bob", "failed", outcome=wrong)]), ()),
        (app_of("finished", first="train"), ("m",)),
    ]
    client_of(cases[-1][0]).answers["advise alice"] = failed
    use("ja")
    meant = translated(wrong)
    assert meant != str(wrong)

    def displayed(app: RvcApp) -> bool:
        page = "\n".join([text_of(app), *(note.message for note in app._notifications)])
        return meant in page and str(wrong) not in page

    for app, keys in cases:
        async with app.run_test(size=(120, 40)) as pilot:
            await (choose(pilot) if "assets pull" in client_of(app).answers else settle(pilot))
            for key in keys:
                await pilot.press(key)
                await settle(pilot)
            await wait_for(pilot, lambda app=app: displayed(app))


def test_what_was_left_out_is_in_the_users_language() -> None:
    part = Message("work.part_at", name="a.wav", start=3.21)
    skipped = ItemSkipped(stage="preprocess", item=part, reason=Message("audio.silent"))
    failed = ItemSkipped(stage="convert", item="/a.wav", reason=Message("audio.silent"))
    use("ja")
    line = line_of(skipped)
    assert line is not None and translated(part) in translated(line) and str(part) not in translated(line)
    reason = translated(failed.reason)
    assert reason in result_row(failed).plain and reason in result_lines(failed, ("", "", ""))[-1].plain


# --- the screens -----------------------------------------------------------------------------------
OWN = {place.name for place in PLACES}  # a scene each
ALL = [pytest.param(scene, id=scene.name, marks=[] if scene.name in OWN else [pytest.mark.soak]) for scene in SCENES]


@pytest.mark.few(14)
@pytest.mark.parametrize("language", FOREIGN)
@pytest.mark.parametrize("scene", ALL)
async def test_screen(
    scene: Scene, language: str, snapshot: SnapshotAssertion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    use(language)
    help, leave, others = texts._("help"), texts._("quit"), texts._("{keys}: other screens").format(keys="1-9 0 a")
    app = scene.make()
    async with app.run_test(size=(80, 24)) as pilot:
        await scene.play(pilot)
        for width, height in ((80, 24), (60, 20)):
            await pilot.resize_terminal(width, height)
            await pilot.pause(0.05)
            app.draw()
            await pilot.pause()
            lines = text_of(app).split("\n")
            assert len(lines) == height and {cell_len(line) for line in lines} == {width}
            if scene.name in OWN:
                assert lines[-1].split()[-4:] == ["?", help, "q", leave]
                assert (
                    others in lines[2]
                    if width < 80
                    else lines[2].rstrip().endswith(("a 重み", "a 权重", "重み]", "权重]"))
                )
            if scene.name in KEPT and width == 80:
                assert "\n".join(line.rstrip() for line in lines) + "\n" == snapshot(
                    name=language, extension_class=Page
                )


def test_columns_of_rows_stand_below_their_heads() -> None:
    from rvc_tui import recordings
    from rvc_tui.widgets import voices

    for language in LANGUAGES:
        use(language)
        assert cell_len(recordings.columns(["1"] * 8)) == cell_len(recordings.header())
        assert (
            cell_len(voices.columns(["1"] * 7)) == cell_len(voices.columns([head for head, _ in voices.heads()])) <= 76
        )
