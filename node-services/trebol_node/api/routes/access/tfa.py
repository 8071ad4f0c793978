"""`/access/tfa`: second factors. Who changes them shows their own password again."""

from __future__ import annotations

import secrets
import uuid
from typing import Annotated, Any, Literal

from fastapi import Request
from pydantic import Field, SecretStr

from trebol_node.access import Identity, factors, listings, rules, totp
from trebol_node.api import login
from trebol_node.api.audit import origin
from trebol_node.api.context import Context, TheContext
from trebol_node.api.errors import wrong
from trebol_node.api.forms import MISSING, Parameters, arguments, no_arguments
from trebol_node.api.identity import SignedIn
from trebol_node.api.routing import api_router

router = api_router("/tfa")


class Confirmed(Parameters):
    """`password` is that of whoever asks; `root@pam` need not show it."""

    password: Annotated[SecretStr | None, Field(max_length=4096)] = None


class NewFactor(Confirmed):
    """For `totp`: its otpauth URI, and the number that the device shows now as `value`."""

    type: Literal["totp", "recovery"]
    description: str | None = None
    totp: Annotated[SecretStr | None, Field(max_length=2048)] = None
    value: Annotated[SecretStr | None, Field(max_length=16)] = None


class OtherFactor(Confirmed):
    """What is not given stays as it is."""

    description: str | None = None
    enable: bool | None = None


@router.get("", dependencies=[no_arguments])
async def get_all(who: SignedIn, context: TheContext) -> list[dict[str, Any]]:
    """Second factors of all whom one may see."""
    return listings.tfa(context.accounts.read(), who)


@router.get("/{userid}", dependencies=[no_arguments])
async def get_of_user(userid: str, who: SignedIn, context: TheContext) -> list[dict[str, Any]]:
    """Second factors of one user."""
    accounts = context.accounts.read()
    rules.require_self_or_user(accounts, who, userid, rules.SEE, change=False)
    return listings.user_tfa(accounts, userid)


@router.get("/{userid}/{id}", dependencies=[no_arguments])
async def get_one(userid: str, id: str, who: SignedIn, context: TheContext) -> dict[str, Any]:
    """One second factor."""
    accounts = context.accounts.read()
    rules.require_self_or_user(accounts, who, userid, rules.SEE, change=False)
    return listings.tfa_entry(accounts, userid, id)


@router.post("/{userid}")
async def add(
    userid: str,
    request: Request,
    who: SignedIn,
    context: TheContext,
    given: Annotated[NewFactor, arguments(NewFactor)],
) -> dict[str, Any]:
    """A device that shows one-time passwords, or ten recovery keys, which this answer alone shows."""
    await _may_change(context, request, who, userid, given)
    now = context.clock.now()
    if given.type == "recovery":
        keys = totp.new_keys()
        await context.accounts.change(
            lambda accounts: factors.add_recovery(accounts, userid, keys, salt=secrets.token_hex(32), now=now)
        )
        return {"id": factors.RECOVERY, "recovery": list(keys)}
    if given.totp is None or given.value is None:
        raise wrong(**{name: MISSING for name in ("totp", "value") if getattr(given, name) is None})
    identity, uri, code = str(uuid.uuid4()), given.totp.get_secret_value(), given.value.get_secret_value()
    await context.accounts.change(
        lambda accounts: factors.add_totp(
            accounts, userid, identity=identity, description=given.description, uri=uri, code=code, now=now
        )
    )
    return {"id": identity}


@router.put("/{userid}/{id}")
async def modify(
    userid: str,
    id: str,
    request: Request,
    who: SignedIn,
    context: TheContext,
    given: Annotated[OtherFactor, arguments(OtherFactor)],
) -> None:
    """Another description of a device, or whether it counts."""
    await _may_change(context, request, who, userid, given)
    await context.accounts.change(
        lambda accounts: factors.modify(accounts, userid, id, description=given.description, enable=given.enable)
    )


@router.delete("/{userid}/{id}")
async def delete(
    userid: str,
    id: str,
    request: Request,
    who: SignedIn,
    context: TheContext,
    given: Annotated[Confirmed, arguments(Confirmed)],
) -> None:
    """Without that second factor."""
    await _may_change(context, request, who, userid, given)
    await context.accounts.change(lambda accounts: factors.delete(accounts, userid, id))


async def _may_change(context: Context, request: Request, who: Identity, userid: str, given: Confirmed) -> None:
    """Raises Denied, Missing, Invalid, NotAuthenticated."""
    rules.require_person(who)
    rules.require_self_or_user(context.accounts.read(), who, userid)
    password = None if given.password is None else given.password.get_secret_value()
    await login.confirm(context, who, password, origin(request.scope), argument="password")
