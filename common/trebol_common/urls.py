"""URLs as they may be shown."""

from __future__ import annotations

import re

#: From "://" to the last "@": a name without ":" and "/", and a password that may itself hold any character.
_USER = re.compile(r"(?<=://)(?:[^/]*|[^/:]*:.*)@")


def without_user(text: str) -> str:
    """A URL, or a word that ends in one, without a user's name and password."""
    return _USER.sub("", text)
