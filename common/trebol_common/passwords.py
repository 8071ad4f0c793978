"""Passwords as screens speak of them."""

from __future__ import annotations

from trebol_common.i18n import _


def strength(password: str) -> str:
    """How long a password would stand, in words, by its length and its kinds of characters."""
    kinds = sum(
        any(test(character) for character in password)
        for test in (str.islower, str.isupper, str.isdigit, lambda character: not character.isalnum())
    )
    score = len(password) + 2 * kinds
    if score < 14:
        return _("weak: longer is better than stranger; four words are good")
    return _("fair") if score < 20 else _("strong")
