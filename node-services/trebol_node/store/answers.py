"""What etcd's JSON gateway answers, read: messages, and what its refusals mean. Pure.

As seen on etcd 3.5.16: what is 0, false or empty is left out; 64-bit numbers are strings; keys and values are base64;
an error is {"code": …, "message": …}, in a stream below "error".
"""

from __future__ import annotations

import json
from typing import Any

from trebol_node.store.errors import TooLarge, Unavailable

OK = 200

HINT = "see: systemctl status trebol-store, journalctl -u trebol-store"

#: What is added where a write was asked for, and nobody knows what became of it.
UNKNOWN = "; whether the change was made is not known: read again"

#: gRPC's codes, which the gateway hands on.
INVALID, NOT_FOUND, EXHAUSTED, UNAVAILABLE = 3, 5, 8, 14

#: Said before anything is begun, so that even a write may be asked of another member.
_BEFORE = ("etcdserver: no leader", "etcdserver: rpc not supported for learner")

#: Every member would say so.
UNHEALTHY = "etcdserver: unhealthy cluster"


class Failure(Unavailable):
    """What one member did not answer, or refused: `code` is gRPC's, 0 for none; `said` etcd's own words.

    `elsewhere`: another member may do better. `untouched`: nothing was begun, so that a write may be repeated there.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str,
        hint: str = HINT,
        code: int = 0,
        said: str = "",
        elsewhere: bool = True,
        untouched: bool = False,
    ) -> None:
        super().__init__(what, where=where, hint=hint)
        self.code = code
        self.said = said
        self.elsewhere = elsewhere
        self.untouched = untouched


def parsed(text: str, url: str) -> dict[str, Any]:
    """One message. Raises Failure for what is none."""
    try:
        message = json.loads(text)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise Failure("answers with something else than etcd's JSON", where=url)
    return message


def answer(status: int, text: str, url: str, *, writes: bool = False) -> dict[str, Any]:
    """What a request was answered with. Raises what `refusal` makes of any other status than 200."""
    if status != OK:
        raise refusal(status, text, url, writes=writes)
    return parsed(text, url)


def refusal(status: int, text: str, url: str, *, writes: bool = False) -> Failure | TooLarge:
    """What an answer other than 200 means; `writes`: it was asked to change something."""
    try:
        said = json.loads(text)
        said = said.get("error", said)
        code, message = int(said["code"]), str(said["message"])
    except (ValueError, KeyError, TypeError, AttributeError):
        # Whatever answers there is no etcd, and a proxy on the way may have handed the request on.
        told = f"HTTP status {status}"
        return Failure(told + (UNKNOWN if writes else ""), where=url)
    if code == INVALID and "too large" in message:
        return TooLarge(message, where=url)
    if code == EXHAUSTED:
        hint = "see: trebol node store status"
        return Failure(f"takes no more: {message}", where=url, hint=hint, code=code, said=message, elsewhere=False)
    untouched = message in _BEFORE
    elsewhere = code == UNAVAILABLE and message != UNHEALTHY
    unknown = UNKNOWN if writes and elsewhere and not untouched else ""
    return Failure(message + unknown, where=url, code=code, said=message, elsewhere=elsewhere, untouched=untouched)
