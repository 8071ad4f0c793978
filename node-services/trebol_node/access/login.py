"""Logging in: password, ticket and second factor, to a ticket.

It takes as long as a password's hash, so it runs in a thread. The writes of its answer must be made before the answer
is given: they are what uses up a one-time password.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from trebol_node.access import csrf, passwords, tickets, totp
from trebol_node.access.accounts import Accounts, Write, Writes
from trebol_node.access.errors import Denied, Invalid, Missing, NotAuthenticated
from trebol_node.access.lockout import LockOut
from trebol_node.access.names import ROOT, Identity, user_id
from trebol_node.access.realms import OWN, PAM

#: Asks the system whether a password is that of a user of its own; both without the realm.
Pam = Callable[[str, str], bool]


@dataclass(frozen=True)
class Attempt:
    """What POST /access/ticket was given. `password` may be a ticket; with `challenge`, it answers that."""

    user: str
    password: str = field(repr=False)
    otp: str | None = field(default=None, repr=False)
    challenge: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Outcome:
    """A ticket, with `needs_tfa` one that only serves to answer with a second factor, or a refusal with its reason.

    `writes` are to be made in either case: they count wrong one-time passwords too.
    """

    user: str
    ticket: str = field(default="", repr=False)
    csrf: str = field(default="", repr=False)
    needs_tfa: bool = False
    writes: Writes = ()
    refused: str | None = None


def log_in(accounts: Accounts, attempt: Attempt, *, address: str, now: float, pam: Pam, lock_out: LockOut) -> Outcome:
    """The outcome of an attempt from `address`. Raises nothing of its own but NotAuthenticated, without any writes.

    Its cost does not depend on whether the user is there. Unlike all else, renewing a ticket counts no failures: a
    client with an old one does that all day.
    """
    try:
        user = user_id(attempt.user)
    except Invalid as error:
        raise NotAuthenticated(str(error)) from error
    if attempt.challenge is None and tickets.looks_like_ticket(attempt.password):
        return _renew(accounts, user, attempt.password, now)
    if not lock_out.begin(user, address):
        raise NotAuthenticated("locked out")
    outcome = (
        _by_password(accounts, user, attempt, now, pam)
        if attempt.challenge is None
        else _by_challenge(accounts, user, attempt.challenge, attempt.password, now)
    )
    if outcome.refused is None:
        # The password alone clears nothing of the user, but is no failure of the address: many people may share it.
        lock_out.succeeded(None if outcome.needs_tfa else user, address)
    return outcome


def password_is_right(accounts: Accounts, user: str, password: str, *, pam: Pam) -> bool:
    """Whether it is the password of a user who is there; it takes as long for others. Confirms changes, too."""
    name, _, realm = user.rpartition("@")
    there = user in accounts.users
    if realm == PAM:
        return pam(name, password) and there
    kept = accounts.passwords.get(user) if realm == OWN and there else None
    return passwords.matches(password, None if kept is None else kept.hash)


def _renew(accounts: Accounts, user: str, text: str, now: float) -> Outcome:
    ticket = tickets.check(accounts, text, now)
    if ticket.user not in (user, ROOT):
        raise NotAuthenticated("the ticket is of another user")
    _require_enabled(accounts, ticket.user, now)
    _require_enabled(accounts, user, now)
    return _let_in(accounts, user, now)


def _by_password(accounts: Accounts, user: str, attempt: Attempt, now: float, pam: Pam) -> Outcome:
    right = password_is_right(accounts, user, attempt.password, pam=pam)
    _require_enabled(accounts, user, now)
    if not right:
        raise NotAuthenticated("wrong password")
    asked = _challenge(accounts, user)
    if asked is None:
        if attempt.otp is not None:
            raise NotAuthenticated("no such challenge")
        return _let_in(accounts, user, now)
    if attempt.otp is not None:
        return _answered(accounts, user, attempt.otp, now)
    ticket = tickets.make_challenge(accounts.keys, user, asked, now)
    return Outcome(user, ticket, csrf.make(accounts.keys, user, now), needs_tfa=True)


def _by_challenge(accounts: Accounts, user: str, challenge: str, answer: str, now: float) -> Outcome:
    tickets.check_challenge(accounts.keys, challenge, user, now)
    _require_enabled(accounts, user, now)
    if _challenge(accounts, user) is None:
        raise NotAuthenticated("no such challenge")
    return _answered(accounts, user, answer, now)


def _challenge(accounts: Accounts, user: str) -> dict[str, object] | None:
    if f"tfa/{user}" in accounts.unreadable:
        raise NotAuthenticated("the user's second factors cannot be read")
    return totp.challenge(accounts.tfa.get(user))


def _answered(accounts: Accounts, user: str, answer: str, now: float) -> Outcome:
    tfa = accounts.tfa[user]
    right, after = totp.answer(tfa, answer, now)
    writes = () if after == tfa else (Write(f"tfa/{user}", after.value()),)
    if not right:
        reason = "TOTP is locked" if totp.is_locked(after) else "wrong second factor"
        return Outcome(user, writes=writes, refused=reason)
    outcome = _let_in(accounts, user, now)
    return Outcome(user, outcome.ticket, outcome.csrf, writes=writes)


def _let_in(accounts: Accounts, user: str, now: float) -> Outcome:
    return Outcome(user, tickets.make(accounts, user, now), csrf.make(accounts.keys, user, now))


def _require_enabled(accounts: Accounts, user: str, now: float) -> None:
    try:
        accounts.require_enabled(Identity(user), now)
    except (Denied, Missing) as error:
        raise NotAuthenticated(str(error)) from error
