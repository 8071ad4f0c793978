"""What one member of a cluster tells another of a request that it hands on: `WHO.HEXTIME.SIGNATURE`. Pure.

WHO is base64url of JSON: whose request it is, from where it came, which member hands it on. It is signed with the key
that tickets are signed with, over the node that it is for, the method and the target, so that it is good for that
request alone. Whoever has that key could make a ticket of any user: nobody may more by it than without.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass

from trebol_node.access import keys as signing
from trebol_node.access.accounts import Accounts
from trebol_node.access.errors import Denied, Invalid, Missing, NotAuthenticated
from trebol_node.access.names import ROOT, Identity, identity
from trebol_node.access.records import Keys

#: The header that it comes in.
HEADER = "trebol-handed"

_PURPOSE = "handed"
_FORM = re.compile(r"([A-Za-z0-9_=-]{4,1024})\.([0-9A-F]{8,10})\.([A-Za-z0-9+/=]{1,512})")


@dataclass(frozen=True)
class Handed:
    """`identity` asks, from `origin` (an address, or "socket"), through the member `by`."""

    identity: Identity
    origin: str
    by: str


@dataclass(frozen=True)
class Asked:
    """What is asked: of which node, by which method, for which target (path and query as they are sent)."""

    node: str
    method: str
    target: str


def make(keys: Keys | None, handed: Handed, asked: Asked, now: float) -> str:
    """The header's value; raises NotAuthenticated before there is a key to sign with."""
    words = [str(handed.identity), handed.origin, handed.by]
    who = base64.urlsafe_b64encode(json.dumps(words, separators=(",", ":")).encode()).decode()
    time = signing.stamp(now)
    return f"{who}.{time}.{signing.sign(keys, _PURPOSE, _signed(who, time, asked), now)}"


def check(accounts: Accounts, text: str, asked: Asked, now: float) -> Handed:
    """Who asks, as the member says; raises NotAuthenticated.

    Where it was not made for this request, not by a member, not within the minutes that clocks may differ by; or
    where whoever asks is not let in any more.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise NotAuthenticated("not handed on by a member")
    who, time, signature = found.groups()
    if signing.age(accounts.keys, _PURPOSE, _signed(who, time, asked), time, signature, now) > signing.GRACE_SECONDS:
        raise NotAuthenticated("handed on too long ago")
    try:
        name, origin, by = json.loads(base64.urlsafe_b64decode(who))
        handed = Handed(identity(name), origin, by)
        # Root of a node, and the daemons, need no account that is enabled; whoever showed a ticket was asked for one.
        if handed.identity != Identity(ROOT):
            accounts.require_enabled(handed.identity, now)
    except (ValueError, Invalid, Denied, Missing) as error:
        raise NotAuthenticated(str(error)) from error
    return handed


def _signed(who: str, time: str, asked: Asked) -> str:
    # None of these can hold a NUL: targets are printable, names are of the cluster's records.
    return "\0".join((who, time, asked.node, asked.method, asked.target))
