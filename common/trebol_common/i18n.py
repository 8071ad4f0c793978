"""Text for people in their language, by gettext: English in the code, translations in `locale/`.

The language is that of the environment (LANGUAGE, LC_ALL, LC_MESSAGES, LANG, in this order). Catalogues are compiled
when the Debian package is built; without them, and for languages that there are none of, text stays English.
"""

from __future__ import annotations

import gettext
import os
from functools import cache
from pathlib import Path

DOMAIN = "trebol"
LOCALE = Path(__file__).parent / "locale"

#: What the screens speak, each in its own words: who looks for one reads no other.
LANGUAGES = {"en": "English", "es": "Español"}


@cache
def catalogue(folder: Path | None = None, language: str | None = None) -> gettext.NullTranslations:
    """The translations below `folder` (LOCALE) for `language` ("es"), by default that of the environment."""
    return gettext.translation(DOMAIN, folder or LOCALE, languages=[language] if language else None, fallback=True)


def use(language: str) -> None:
    """Speak another language from now on, in this process and those that it starts."""
    os.environ["LANGUAGE"] = language
    catalogue.cache_clear()


def _(message: str) -> str:
    """`message` in the user's language."""
    return catalogue().gettext(message)


def counted(one: str, many: str, count: int, **others: object) -> str:
    """The text for `count` of something in the user's language, formatted with it and with `others`.

    `one` and `many` are the English forms, "{count} disk" and "{count} disks"; a language may have more or fewer.
    """
    return catalogue().ngettext(one, many, count).format(count=count, **others)
