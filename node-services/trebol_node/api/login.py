"""Signing in, and showing one's password again: what `trebol_node.access.login` decides, with the node's own users.

A password's hash takes long: it has threads of its own, so that who guesses passwords holds up nobody else.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from pydantic import SecretStr

from trebol_node.access import Identity, keys, listings, login, rules
from trebol_node.access.errors import Invalid, NotAuthenticated
from trebol_node.api.context import Context
from trebol_node.api.forms import MISSING
from trebol_node.store.errors import Conflict, Unavailable
from trebol_node.worker.errors import AuthenticationFailed
from trebol_node.worker.operations import Authenticate

log = logging.getLogger(__name__)

DEFAULT_REALM = "pam"

#: Seconds between two looks at whether it is time for another key.
KEYS = 10.0

#: Logins at once; the others wait.
_THREADS = ThreadPoolExecutor(4, thread_name_prefix="login")

Value = TypeVar("Value")


def full_name(username: str, realm: str | None) -> str:
    """The id of the user that a client means: realm in the name, beside it, or the default one."""
    return username if "@" in username else f"{username}@{realm or DEFAULT_REALM}"


async def sign_in(context: Context, attempt: login.Attempt, address: str) -> dict[str, Any]:
    """The answer to POST /access/ticket. Raises NotAuthenticated, and Unavailable where a one-time password is right
    and cannot be used up, or where no key signs yet and the store takes none."""
    await renew_keys(context)
    read = context.accounts.snapshot()
    now = context.clock.now()
    pam = _pam(context)
    outcome = await in_thread(
        lambda: login.log_in(read.accounts, attempt, address=address, now=now, pam=pam, lock_out=context.lockout)
    )
    try:
        await context.accounts.write(read, outcome.writes)
    except Conflict as error:
        # Somebody used the same one-time password at the same time, or is changing the user.
        raise NotAuthenticated("the account was changed meanwhile") from error
    if outcome.refused is not None:
        raise NotAuthenticated(outcome.refused)
    answer = {"CSRFPreventionToken": outcome.csrf, "ticket": outcome.ticket, "username": outcome.user}
    if outcome.needs_tfa:
        return {**answer, "NeedTFA": 1}
    return {**answer, "cap": listings.capabilities(read.accounts, Identity(outcome.user))}


async def confirm(context: Context, who: Identity, password: str | None, address: str, *, argument: str) -> None:
    """Have `who` show their own password where that is needed. Raises Invalid without one, NotAuthenticated."""
    if not rules.needs_own_password(who):
        return
    if password is None:
        raise Invalid(MISSING, argument=argument)
    accounts, pam = context.accounts.read(), _pam(context)
    if not context.lockout.begin(who.user, address):
        raise NotAuthenticated("locked out")
    if not await in_thread(lambda: login.password_is_right(accounts, who.user, password, pam=pam)):
        raise NotAuthenticated("wrong password to confirm a change")
    context.lockout.succeeded(who.user, address)


async def in_thread(function: Callable[[], Value]) -> Value:
    """Run what takes as long as a password's hash."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, function)


def _pam(context: Context) -> login.Pam:
    """The system's passwords, by the worker, for a thread that may wait."""
    loop = asyncio.get_running_loop()

    def right(name: str, password: str) -> bool:
        asked = context.worker.call(Authenticate(user=name, password=SecretStr(password)), who="trebold")
        try:
            asyncio.run_coroutine_threadsafe(asked, loop).result()
        except AuthenticationFailed:
            return False
        return True

    return right


async def keep_keys(context: Context) -> None:
    """Have a key that signs on every member of a cluster, before anybody needs one; until cancelled."""
    while True:
        if context.others.members.is_member and context.records.quorate:
            with contextlib.suppress(Unavailable):
                await renew_keys(context)
        await context.clock.sleep(KEYS)


async def renew_keys(context: Context) -> None:
    """Sign with a key of today where it can be written; else that of yesterday goes on. Raises Unavailable where
    there is none of yesterday."""
    try:
        await context.accounts.change(
            lambda accounts: keys.rotation(accounts, context.clock.now(), keys.new_secret())
        )
    except (Conflict, Unavailable) as error:
        log.warning("the key that signs tickets was not renewed: %s", error)
        if context.accounts.read().keys is None:
            raise Unavailable("takes no key to sign with", where="store", hint="try again in some seconds") from error
