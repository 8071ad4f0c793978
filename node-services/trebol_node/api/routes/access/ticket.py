"""`/access/ticket`, `/access/password`, `/access/permissions`: who somebody is, and what they may."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Request
from pydantic import Field, SecretStr

from trebol_node.access import changes, listings, passwords, rules
from trebol_node.access.login import Attempt
from trebol_node.access.names import realm_of
from trebol_node.access.realms import PAM
from trebol_node.api import login
from trebol_node.api.audit import noted, origin
from trebol_node.api.context import TheContext
from trebol_node.api.forms import Parameters, arguments, no_arguments
from trebol_node.api.identity import SignedIn
from trebol_node.api.routing import api_router
from trebol_node.worker.operations import ChangePassword

router = api_router()

UserId = Annotated[str, Field(min_length=1, max_length=64)]


class Credentials(Parameters):
    """`password` is a password, a ticket to renew, or, with the challenge of a first answer, `totp:123456`."""

    username: UserId
    password: Annotated[SecretStr, Field(max_length=4096)]
    realm: Annotated[str | None, Field(max_length=32)] = None
    otp: Annotated[SecretStr | None, Field(max_length=64)] = None
    tfa_challenge: Annotated[SecretStr | None, Field(max_length=4096)] = None
    new_format: bool = True


@router.get("/ticket", dependencies=[no_arguments])
async def get_ticket() -> None:
    """Nothing: tickets are made, not read."""


@router.post("/ticket")
async def create_ticket(
    request: Request, context: TheContext, given: Annotated[Credentials, arguments(Credentials)]
) -> dict[str, Any]:
    """Sign in: a ticket for the cookie, good for two hours, and the token that goes with it."""
    attempt = Attempt(
        user=login.full_name(given.username, given.realm),
        password=given.password.get_secret_value(),
        otp=_answer(given.otp),
        challenge=None if given.tfa_challenge is None else given.tfa_challenge.get_secret_value(),
    )
    about = noted(request.scope)
    about.user, about.since = attempt.user, context.clock.monotonic()
    return await login.sign_in(context, attempt, origin(request.scope))


def _answer(otp: SecretStr | None) -> str | None:
    """What was typed, as an answer to a challenge: the bare number is that of a device."""
    if otp is None:
        return None
    text = otp.get_secret_value()
    return text if ":" in text else f"totp:{text}"


class NewPassword(Parameters):
    """`confirmation-password` is the present one of whoever asks; `root@pam` need not show it."""

    userid: UserId
    password: Annotated[SecretStr, Field(max_length=64)]
    confirmation_password: Annotated[SecretStr | None, Field(max_length=4096)] = None


@router.put("/password")
async def set_password(
    request: Request, who: SignedIn, context: TheContext, given: Annotated[NewPassword, arguments(NewPassword)]
) -> None:
    """Change one's own password, or that of another, as far as one may."""
    user = given.userid
    rules.require_new_password(context.accounts.read(), who, user)
    password = passwords.require_good(given.password.get_secret_value())
    shown = given.confirmation_password
    await login.confirm(
        context,
        who,
        None if shown is None else shown.get_secret_value(),
        origin(request.scope),
        argument="confirmation-password",
    )
    if realm_of(user) == PAM:
        name = user.rpartition("@")[0]
        await context.worker.call(ChangePassword(user=name, password=SecretStr(password)), who=str(who))
        return
    hashed = await login.in_thread(lambda: passwords.hash_password(password))
    await context.accounts.change(
        lambda accounts: changes.set_password(accounts, user, hashed, by=who.user, now=context.clock.now())
    )


class WhoseRights(Parameters):
    """By default one's own, on all paths that the ACL has entries for."""

    userid: Annotated[str | None, Field(max_length=130)] = None
    path: Annotated[str | None, Field(max_length=512)] = None


@router.get("/permissions")
async def get_permissions(
    who: SignedIn, context: TheContext, given: Annotated[WhoseRights, arguments(WhoseRights)]
) -> dict[str, dict[str, int]]:
    """Path → privilege → whether it holds for all below, too."""
    return listings.permissions(context.accounts.read(), who, userid=given.userid, path=given.path)
