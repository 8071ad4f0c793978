"""Signing in: password, ticket that is renewed, second factor; what a client gets for it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from trebol_node.access import Accounts, Identity, csrf, keys, passwords, tickets
from trebol_node.access.errors import Denied, Invalid, Missing, NotAuthenticated
from trebol_node.access.names import user_id
from trebol_node.api.context import Context
from trebol_node.store.errors import Conflict, Unavailable
from trebol_node.worker.errors import AuthenticationFailed
from trebol_node.worker.operations import Authenticate

log = logging.getLogger(__name__)

DEFAULT_REALM = "pam"
REALMS = ("pam", "trebol")

#: What a ticket's answer says of rights: by its name there, a path of the ACL tree.
_CAPABILITIES = {
    "access": "/access",
    "dc": "/",
    "mapping": "/mapping",
    "nodes": "/nodes",
    "sdn": "/sdn",
    "storage": "/storage",
    "vms": "/vms",
}


@dataclass(frozen=True)
class Attempt:
    """Somebody who says that they are `user`; `address` is where from. Secrets are not shown."""

    user: str
    address: str


def full_name(username: str, realm: str | None) -> str:
    """The id of the user that a client means: realm in the name, beside it, or the default one."""
    return username if "@" in username else f"{username}@{realm or DEFAULT_REALM}"


async def sign_in(
    context: Context, username: str, password: str, address: str, *, otp: str | None = None
) -> dict[str, Any]:
    """The answer to a password, or to a ticket given as one, which renews it. Raises NotAuthenticated."""
    await _renew_keys(context)
    user = _known_form(username)
    if tickets.looks_like_ticket(password):
        ticket = tickets.check(context.accounts.read(), password, context.clock.now())
        if ticket.user != user:
            raise NotAuthenticated("a ticket of somebody else")
        return _granted(context, user)
    if not context.lockout.begin(user, address):
        raise NotAuthenticated(f"too many failures of {user} or from {address}")
    await verify_password(context, user, password)
    context.lockout.succeeded(user, address)
    return _granted(context, user)


async def verify_password(context: Context, user: str, password: str) -> None:
    """Return if it is the user's; raises NotAuthenticated. It takes as long where there is no such user."""
    name, _, realm = user.rpartition("@")
    if realm == "pam":
        try:
            await context.worker.call(Authenticate(user=name, password=password), who="trebold")
        except AuthenticationFailed as error:
            raise NotAuthenticated(str(error)) from error
    else:
        kept = context.accounts.read().passwords.get(user)
        good = await asyncio.to_thread(passwords.matches, password, None if kept is None else kept.hash)
        if not good or realm not in REALMS:
            raise NotAuthenticated("wrong password")
    _require_enabled(context, user)


def capabilities(accounts: Accounts, identity: Identity) -> dict[str, dict[str, int]]:
    """What one may do, as the answer to a login says it: `{"nodes": {"Sys.Audit": 1}, …}`."""
    return {
        name: dict.fromkeys(sorted(accounts.permissions(identity, path)), 1) for name, path in _CAPABILITIES.items()
    }


def _known_form(username: str) -> str:
    try:
        return user_id(username)
    except Invalid as error:
        raise NotAuthenticated(str(error)) from error


def _require_enabled(context: Context, user: str) -> None:
    try:
        context.accounts.read().require_enabled(Identity(user), context.clock.now())
    except (Denied, Missing) as error:
        raise NotAuthenticated(str(error)) from error


def _granted(context: Context, user: str) -> dict[str, Any]:
    _require_enabled(context, user)
    accounts, now = context.accounts.read(), context.clock.now()
    return {
        "CSRFPreventionToken": csrf.make(accounts.keys, user, now),
        "cap": capabilities(accounts, Identity(user)),
        "ticket": tickets.make(accounts.keys, user, now),
        "username": user,
    }


async def _renew_keys(context: Context) -> None:
    """Sign with a key of today where it can be written; else that of yesterday goes on."""
    try:
        await context.accounts.change(
            lambda accounts: keys.rotation(accounts, context.clock.now(), keys.new_secret())
        )
    except (Conflict, Unavailable) as error:
        log.warning("the key that signs tickets was not renewed: %s", error)
