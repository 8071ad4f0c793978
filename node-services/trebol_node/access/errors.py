"""Why a change of accounts is not made, in the words of Proxmox VE's API: clients look for them.

They stay English. None holds a secret; names are shown so that they can neither break a line nor fill a screen.
"""

from __future__ import annotations

import unicodedata

from trebol_common.errors import BadInput, TrebolError

_SHOWN = 64


def shown(name: str) -> str:
    """A name as an error shows it: at most 64 characters of it, those that steer or are not seen escaped."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name[:_SHOWN])
    return f"{text}…" if len(name) > _SHOWN else text


class Invalid(BadInput):
    """An argument cannot be what it is (400); `argument` is its name as the API has it, or empty."""

    def __init__(self, what: str, *, argument: str = "") -> None:
        self.argument = argument
        super().__init__(what)


class Missing(TrebolError):
    """What is named is not there: "no such user", "does not exist"."""


class Exists(TrebolError):
    """What is to be made is there already."""


class Denied(TrebolError):
    """Who asks may not (403)."""

    @classmethod
    def of_check(cls, path: str, *privileges: str) -> Denied:
        """Proxmox VE's words: any of the `privileges` on `path` would have done."""
        return cls(f"Permission check failed ({path}, {'|'.join(privileges)})")


class NotAuthenticated(TrebolError):
    """Who asks did not show who they are (401).

    `reason` is for the node's log. What the client reads is always the same, so that nothing can be learnt from it.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__("authentication failure")


def require_text(text: str, *, argument: str) -> str:
    """`text` where it is one, in lines; Invalid where it could steer a terminal, or cannot be written at all."""
    if any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in text):
        raise Invalid("value contains control characters", argument=argument)
    return text
