"""The interface in the user's language: gettext catalogues, catalogues/LANGUAGE/LC_MESSAGES/rvc_tui.po; English is in
the source.

Texts in functions are `_("...")`, with {names} for what is filled in afterwards. Texts that are made at import (keys,
titles, tables) stay English there and are translated where they are displayed; tools/catalogues.py knows where
they stand.
"""

from __future__ import annotations

import gettext
import locale
import os
from collections.abc import Mapping
from pathlib import Path

CATALOGUES = Path(__file__).with_name("catalogues")
DOMAIN = "rvc_tui"
LANGUAGES = {"en": "en", "ja": "ja", "zh": "zh_CN"}
"""What may be asked for -> its catalogue. All of zh is written in simplified characters."""

_source = gettext.NullTranslations()
_catalogue = _source
_language = "en"


def use(language: str) -> None:
    """Show texts in one of LANGUAGES from now on; in English where there is no catalogue."""
    global _catalogue, _language
    _language = language
    _catalogue = (
        _source if language == "en" else gettext.translation(DOMAIN, CATALOGUES, [LANGUAGES[language]], fallback=True)
    )


def language() -> str:
    return _language


def is_english() -> bool:
    return _language == "en"


def _(text: str) -> str:
    """An empty text stays empty: gettext would give the catalogue's heading."""
    return _catalogue.gettext(text) if text else text


def meant(context: str, text: str) -> str:
    """gettext's pgettext: where one English text has several meanings."""
    return _catalogue.pgettext(context, text)


def plural(one: str, many: str, count: int) -> str:
    """gettext's ngettext."""
    return _catalogue.ngettext(one, many, count)


def counted(one: str, many: str, count: int) -> str:
    """The plural with {count} filled in."""
    return plural(one, many, count).format(count=count)


def N_(text: str) -> str:
    """Marks a text that is translated where it is displayed."""
    return text


# --- which language --------------------------------------------------------------------------------
def language_of(environment: Mapping[str, str]) -> str:
    """The key of LANGUAGES that the locale asks for: the first of LC_ALL, LC_MESSAGES and LANG that is set; LANGUAGE
    goes before it, unless it is C, as in GNU gettext."""
    name = next((value for key in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := environment.get(key, ""))), "C")
    if bare(name) in ("c", "posix"):
        return "en"
    for wanted in (*environment.get("LANGUAGE", "").split(":"), name):
        if (language := bare(wanted).partition("_")[0]) in LANGUAGES:
            return language
    return "en"


def bare(name: str) -> str:
    """ja_JP.UTF-8 -> ja_jp"""
    return name.partition(".")[0].partition("@")[0].replace("-", "_").lower()


def is_unicode_terminal() -> bool:
    """Python takes the C locale for UTF-8 (PEP 540), but who asks for C wants its letters."""
    name = next((value for key in ("LC_ALL", "LC_CTYPE", "LANG") if (value := os.environ.get(key, ""))), "")
    return name not in ("C", "POSIX") and "UTF" in locale.getpreferredencoding(False).upper()


def chosen_language(asked: str, *, ascii: bool) -> str:
    """Asked for on the command line, else by locale; English where only 7-bit characters are displayed."""
    return "en" if ascii else asked or language_of(os.environ)
