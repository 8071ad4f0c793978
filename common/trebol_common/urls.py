"""URLs as they may be shown."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

#: From "://" to the last "@": a name without ":" and "/", and a password that may itself hold any character.
_USER = re.compile(r"(?<=://)(?:[^/]*|[^/:]*:.*)@")


def without_user(text: str) -> str:
    """A URL, or a word that ends in one, without a user's name and password."""
    return _USER.sub("", text)


def place(url: str) -> str:
    """The server that a URL names, with nothing of what may be secret: user, path, query."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port is not None else "")
