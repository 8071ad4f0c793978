"""`/access/users`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, SecretStr

from trebol_node.access import changes, factors, listings, passwords, rules
from trebol_node.access.totp import is_locked
from trebol_node.api import login
from trebol_node.api.context import TheContext
from trebol_node.api.forms import Parameters, arguments, no_arguments
from trebol_node.api.identity import SignedIn
from trebol_node.api.routes.access.ticket import UserId
from trebol_node.api.routing import api_router

router = api_router("/users")

Seconds = Annotated[int, Field(ge=0)]
Groups = Annotated[str | None, Field(max_length=8192)]


class Which(Parameters):
    """`full` shows groups and tokens too."""

    enabled: bool | None = None
    full: bool = False


class Particulars(Parameters):
    """What is not given is as by default, or stays as it is; lengths are for `trebol_node.access` to say."""

    comment: str | None = None
    email: str | None = None
    enable: bool | None = None
    expire: Seconds | None = None
    firstname: str | None = None
    groups: Groups = None
    lastname: str | None = None


class NewUser(Particulars):
    """`password` is for users of realm trebol."""

    userid: UserId
    password: Annotated[SecretStr | None, Field(max_length=64)] = None


class OtherUser(Particulars):
    """`append` adds to the groups instead of replacing them."""

    append: bool = False


@router.get("")
async def get_users(
    who: SignedIn, context: TheContext, wanted: Annotated[Which, arguments(Which)]
) -> list[dict[str, Any]]:
    """Oneself, and whom one may see."""
    return listings.users(context.accounts.read(), who, enabled=wanted.enabled, full=wanted.full)


@router.post("")
async def create_user(who: SignedIn, context: TheContext, given: Annotated[NewUser, arguments(NewUser)]) -> None:
    """A new user."""
    rules.require_new_user(context.accounts.read(), who, given.userid, groups=given.groups)
    hashed = None
    if given.password is not None:
        password = passwords.require_good(given.password.get_secret_value())
        hashed = await login.in_thread(lambda: passwords.hash_password(password))
    particulars = given.model_dump(exclude={"userid", "password"}, exclude_none=True)
    await context.accounts.change(
        lambda accounts: changes.create_user(
            accounts, given.userid, now=context.clock.now(), password_hash=hashed, **particulars
        )
    )


@router.get("/{userid}", dependencies=[no_arguments])
async def get_user(userid: str, who: SignedIn, context: TheContext) -> dict[str, Any]:
    """One user."""
    accounts = context.accounts.read()
    rules.require_self_or_user(accounts, who, userid, rules.SEE, change=False)
    return listings.user(accounts, userid)


@router.put("/{userid}")
async def modify_user(
    userid: str, who: SignedIn, context: TheContext, given: Annotated[OtherUser, arguments(OtherUser)]
) -> None:
    """Other particulars of a user."""
    rules.require_user(context.accounts.read(), who, userid, groups=given.groups)
    particulars = given.model_dump(exclude_none=True)
    await context.accounts.change(lambda accounts: changes.modify_user(accounts, userid, **particulars))


@router.delete("/{userid}", dependencies=[no_arguments])
async def delete_user(userid: str, who: SignedIn, context: TheContext) -> None:
    """Without the user, its tokens, second factors and entries in the ACL."""
    rules.require_no_user(context.accounts.read(), who, userid)
    await context.accounts.change(lambda accounts: changes.delete_user(accounts, userid))


class HowMany(Parameters):
    """`multiple`: all kinds of second factors, not the one of old."""

    multiple: bool = False


@router.get("/{userid}/tfa")
async def get_kinds(
    userid: str, who: SignedIn, context: TheContext, wanted: Annotated[HowMany, arguments(HowMany)]
) -> dict[str, Any]:
    """Which kinds of second factors the user has."""
    accounts = context.accounts.read()
    rules.require_self_or_user(accounts, who, userid, rules.SEE, change=False)
    return listings.tfa_types(accounts, userid, multiple=wanted.multiple)


@router.put("/{userid}/unlock-tfa", dependencies=[no_arguments])
async def unlock(userid: str, who: SignedIn, context: TheContext) -> bool:
    """Let one-time passwords count again after too many wrong ones; whether they did not."""
    accounts = context.accounts.read()
    rules.require_user(accounts, who, userid)
    was_locked = userid in accounts.tfa and is_locked(accounts.tfa[userid])
    await context.accounts.change(lambda accounts: factors.unlock(accounts, userid))
    return was_locked
