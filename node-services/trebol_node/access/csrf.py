"""Tokens against cross-site requests: `HEXTIME:SIGNATURE` over the user, beside the cookie where data change."""

from __future__ import annotations

import re

from trebol_node.access import keys as signing
from trebol_node.access.errors import NotAuthenticated
from trebol_node.access.records import Keys

_PURPOSE = "csrf"
_FORM = re.compile(r"([0-9A-F]{8,10}):([A-Za-z0-9+/=]{1,512})")


def make(keys: Keys | None, user: str, now: float) -> str:
    """A token for `user`."""
    time = signing.stamp(now)
    return f"{time}:{signing.sign(keys, _PURPOSE, f'{time}:{user}', now)}"


def check(keys: Keys | None, text: str, user: str, now: float) -> None:
    """Raise NotAuthenticated unless `text` is a token of `user`."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise NotAuthenticated("Permission denied - invalid csrf token")
    signing.age(keys, _PURPOSE, f"{found[1]}:{user}", found[1], found[2], now)
