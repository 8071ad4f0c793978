"""What of a text can be drawn. Pure.

Much on the screens comes from outside: what a disk calls itself, a switch, a file on a stick, a server. None of it
steers the terminal, and each character takes the columns that it is counted with.
"""

from __future__ import annotations

import unicodedata
from dataclasses import fields, is_dataclass, replace
from typing import Any, cast

from trebol_common.errors import printable
from trebol_common.tui.page import Input, Page

#: What stands for a character that has no width, or none that everybody agrees on: controls, formats such as those
#: that turn the direction, halves of pairs, what is not assigned, and marks, which urwid cannot draw alone.
SIGN = "\N{REPLACEMENT CHARACTER}"
_WITHOUT_WIDTH = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me", "Zl", "Zp"))

#: What is told back when somebody changes something: it is not drawn.
_TOLD_BACK = frozenset(("key", "name", "value", "values"))


def legible(page: Page) -> Page:
    """The same page, of what can be drawn. What is typed into keeps its length, by which its cursor stands."""
    return cast("Page", _replaced(page))


def width(text: str) -> int:
    """The columns of a legible line."""
    return len(text) if text.isascii() else sum(1 + (unicodedata.east_asian_width(each) in "FW") for each in text)


def _legible(part: Any) -> Any:
    match part:
        case str():
            return part if _is_plain(part) else _text(part)
        case tuple():
            return tuple(map(_legible, part))
        case _ if is_dataclass(part) and not isinstance(part, type):
            return _replaced(part)
    return part


def _replaced(part: Any) -> Any:
    """Only what differs is made anew: a page is drawn after each key."""
    changed = {}
    for each in fields(part):
        old = getattr(part, each.name)
        if each.name not in _TOLD_BACK and (new := _legible(old)) != old:
            changed[each.name] = new
    if isinstance(part, Input) and not part.secret and not _is_plain(part.value):
        changed["value"] = _one_for_one(part.value)
    return replace(part, **changed) if changed else part


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _text(text: str) -> str:
    return "\n".join(_one_for_one(line) for line in printable(text).expandtabs(1).split("\n"))


def _one_for_one(text: str) -> str:
    return "".join(SIGN if unicodedata.category(each) in _WITHOUT_WIDTH else each for each in text)
