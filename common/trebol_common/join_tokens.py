"""What a text needs that nodes join by and that was agreed beforehand: for answer files and clusters alike. Pure."""

from __future__ import annotations

import re
from itertools import pairwise

from trebol_common.i18n import _

#: How a token begins that a cluster printed, of any version. What it says inside is not known here.
PRINTED = re.compile(r"trebol[0-9]+-")

#: What a text needs: whoever listens at the address of a member gets a proof to try texts on, without asking anybody.
SHORTEST, DISTINCT, LONGEST = 24, 10, 1024


def is_printed(text: str) -> bool:
    """Whether `text` is meant as a token that a cluster printed, not as one that was agreed beforehand."""
    return PRINTED.match(text) is not None


def is_word(text: str) -> bool:
    """Whether it can be a token of any kind: one word of ASCII."""
    return 0 < len(text) <= LONGEST and text.isascii() and text.isprintable() and " " not in text


def weakness(text: str) -> str:
    """Why a text cannot be agreed on, in words that do not show it; empty where it can."""
    if text and not is_word(text):
        return _("is not one word of letters, digits and signs, at most 1024")
    if len(text) < SHORTEST:
        told = _("has {count} characters, and is too easily guessed: it needs {least}")
        return told.format(count=len(text), least=SHORTEST)
    if len(set(text)) < DISTINCT:
        told = _("has only {count} different characters, and is too easily guessed: it needs {least}")
        return told.format(count=len(set(text)), least=DISTINCT)
    if _repeats(text) or _counts(text):
        return _("repeats itself or counts up, and is too easily guessed")
    return ""


def advice() -> str:
    """How to come by a good one."""
    return _("have one made: openssl rand -hex 16")


def _repeats(text: str) -> bool:
    """Whether it is a shorter text again and again, the last time perhaps not to its end."""
    return any(text[period:] == text[:-period] for period in range(1, len(text) // 2 + 1))


def _counts(text: str) -> bool:
    """Whether most characters follow on the one before as in the alphabet: "abcd…", "9876…"."""
    steps = [ord(after) - ord(before) for before, after in pairwise(text)]
    return sum(step in (-1, 0, 1) for step in steps) * 2 > len(steps)
