"""Tickets: `PVE:USER:HEXTIME::SIGNATURE`, and, while a second factor is awaited, `PVE:!tfa!CHALLENGE:HEXTIME::…`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from trebol_node.access import keys as signing
from trebol_node.access.accounts import Accounts
from trebol_node.access.errors import Invalid, NotAuthenticated
from trebol_node.access.names import user_id
from trebol_node.access.records import Keys

_PURPOSE, _CHALLENGE = "ticket", "challenge"
_FORM = re.compile(r"PVE:([^:\s]+):([0-9A-F]{8,10})::([A-Za-z0-9+/=]{1,512})")
_TFA = "!tfa!"
_LONGEST = 2048

#: Seconds that somebody has to give the second factor.
CHALLENGE_SECONDS = 300


@dataclass(frozen=True)
class Ticket:
    """Whose it is, and when it was made (seconds since 1970)."""

    user: str
    made: int


def looks_like_ticket(text: str) -> bool:
    """Whether `text`, given as a password, is meant as a ticket: that is how clients renew one."""
    return text.startswith("PVE:") and "::" in text


def make(accounts: Accounts, user: str, now: float) -> str:
    """A ticket for `user`. It is not of before the user, whatever the clock of the node says that made the user."""
    made = max(int(now), _valid_from(accounts, user, now))
    plain = f"PVE:{user}:{signing.stamp(made)}"
    return f"{plain}::{signing.sign(accounts.keys, _PURPOSE, plain, now)}"


def check(accounts: Accounts, text: str, now: float) -> Ticket:
    """The ticket that `text` is; raises NotAuthenticated.

    Not one whose user was deleted since, even where another of the same name was made. Whether the user is enabled
    is for `Accounts.require_enabled` to say.
    """
    data, time, signature = _parts(text)
    signing.age(accounts.keys, _PURPOSE, f"PVE:{data}:{time}", time, signature, now)
    try:
        ticket = Ticket(user_id(data), int(time, 16))
    except Invalid as error:
        raise NotAuthenticated("bad ticket") from error
    if ticket.user not in accounts.users:
        raise NotAuthenticated("no such user")
    if ticket.made < _valid_from(accounts, ticket.user, now):
        raise NotAuthenticated("the ticket was revoked")
    return ticket


def make_challenge(keys: Keys | None, user: str, challenge: dict[str, Any], now: float) -> str:
    """What a client gives back with the second factor; good for `user` alone, whose name it does not hold."""
    data = _TFA + quote(json.dumps(challenge, separators=(",", ":"), sort_keys=True), safe="")
    plain = f"PVE:{data}:{signing.stamp(now)}"
    return f"{plain}::{signing.sign(keys, _CHALLENGE, f'{plain}:{user_id(user)}', now)}"


def check_challenge(keys: Keys | None, text: str, user: str, now: float) -> dict[str, Any]:
    """The challenge that `text` is for `user`; raises NotAuthenticated."""
    data, time, signature = _parts(text)
    seconds = signing.age(keys, _CHALLENGE, f"PVE:{data}:{time}:{user}", time, signature, now)
    if seconds > CHALLENGE_SECONDS:
        raise NotAuthenticated("expired")
    challenge = json.loads(unquote(data.removeprefix(_TFA)))
    assert isinstance(challenge, dict)  # We signed it.
    return challenge


def _valid_from(accounts: Accounts, user: str, now: float) -> int:
    """When the first ticket of `user` can have been made; a time in the future was written by a wrong clock."""
    first = accounts.user(user).tickets_from
    return first if first <= now + signing.GRACE_SECONDS else 0


def _parts(text: str) -> tuple[str, str, str]:
    found = _FORM.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        raise NotAuthenticated("bad ticket")
    return found[1], found[2], found[3]
