"""A node's report: one text for whoever is asked for help. No secret is in it, wherever it came from. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from trebol_common.urls import without_user

_HIDDEN = "***"

#: What may hold a secret, and where in it: the rest says which one it was.
_SECRETS = (
    # key=value, key: value and "key": "value" of whatever is called like a secret.
    re.compile(
        # It begins with a word: from within it, a long one would be looked through again for each of its characters.
        r"""(?ix) ((?<![\w.-]) ["']? [\w.-]* (?: passw(?:or)?d | passphrase | secret | credential | api[_-]?key
            | private[_-]?key | (?<![a-z])token | csrf\w*+ ) ["']? \s* [:=] \s*)
            (?! \*\*\* ) ( "[^"\n]*" | '[^'\n]*' | [^\s,;&]+ )"""
    ),
    # What the API itself signs people in by.
    re.compile(r"(PVEAPIToken=[^\s=]+=)([^\s,;]+)"),
    re.compile(r"(PVE(?:AuthCookie)?[:=][^\s:;=]+:[0-9A-F]{8}::)([A-Za-z0-9+/=%-]+)"),
    re.compile(r"(?i)(authorization:\s*(?:bearer|basic)\s+)(\S+)"),
    # crypt(5) and scrypt hashes.
    re.compile(r"(\$(?:[1-9a-z]|2[abxy]|gy|7|scrypt|argon2\w*)\$)([^\s:\"',]+)"),
)
_KEYS = re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)


def report(sections: Iterable[tuple[str, Any]]) -> str:
    """Sections of a title and a text, a list of lines, or a value that is shown as JSON."""
    return "\n".join(f"==== {title} ====\n\n{redacted(_shown(value))}\n" for title, value in sections)


def redacted(text: str) -> str:
    """`text` with whatever looks like a secret as `***`; users' names in URLs go too."""
    text = _KEYS.sub(rf"\1{_HIDDEN}\2", text)
    for secret in _SECRETS:
        text = secret.sub(rf"\1{_HIDDEN}", text)
    return "\n".join(
        " ".join(map(without_user, line.split(" "))) if "://" in line else line for line in text.split("\n")
    )


def _shown(value: object) -> str:
    match value:
        case str():
            return value.rstrip("\n")
        case [*lines] if lines:
            return "\n".join(map(_line, lines))
    return json.dumps(value, indent=1, ensure_ascii=False)


def _line(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
