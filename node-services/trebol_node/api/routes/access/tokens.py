"""`/access/users/{userid}/token`: API tokens."""

from __future__ import annotations

from typing import Annotated, Any

from trebol_node.access import changes, listings, rules, tokens
from trebol_node.api.context import TheContext
from trebol_node.api.forms import Parameters, arguments, no_arguments
from trebol_node.api.identity import SignedIn
from trebol_node.api.routes.access.users import Seconds
from trebol_node.api.routing import api_router

router = api_router("/users/{userid}/token")


class NewToken(Parameters):
    """With `privsep` a token has only what it is given itself, and no more than its user."""

    comment: str = ""
    expire: Seconds = 0
    privsep: bool = True


class OtherToken(Parameters):
    """`regenerate` gives it another secret."""

    comment: str | None = None
    expire: Seconds | None = None
    privsep: bool | None = None
    regenerate: bool = False


@router.get("", dependencies=[no_arguments])
async def get_tokens(userid: str, who: SignedIn, context: TheContext) -> list[dict[str, Any]]:
    """The tokens of a user, without their secrets."""
    accounts = context.accounts.read()
    rules.require_self_or_user(accounts, who, userid, rules.SEE, change=False)
    return listings.tokens(accounts, userid)


@router.get("/{tokenid}", dependencies=[no_arguments])
async def get_token(userid: str, tokenid: str, who: SignedIn, context: TheContext) -> dict[str, Any]:
    """One token."""
    accounts = context.accounts.read()
    rules.require_self_or_user(accounts, who, userid, rules.SEE, change=False)
    return listings.token(accounts, userid, tokenid)


@router.post("/{tokenid}")
async def create_token(
    userid: str,
    tokenid: str,
    who: SignedIn,
    context: TheContext,
    given: Annotated[NewToken, arguments(NewToken)],
) -> dict[str, Any]:
    """A new token: the only answer that shows its secret."""
    rules.require_self_or_user(context.accounts.read(), who, userid)
    secret = tokens.new_secret()
    await context.accounts.change(
        lambda accounts: changes.create_token(accounts, userid, tokenid, secret=secret, **given.model_dump())
    )
    return listings.new_token(context.accounts.read(), userid, tokenid, secret)


@router.put("/{tokenid}")
async def modify_token(
    userid: str,
    tokenid: str,
    who: SignedIn,
    context: TheContext,
    given: Annotated[OtherToken, arguments(OtherToken)],
) -> dict[str, Any]:
    """Other particulars of a token, or another secret, which is then shown."""
    rules.require_self_or_user(context.accounts.read(), who, userid)
    secret = tokens.new_secret() if given.regenerate else None
    particulars = given.model_dump(exclude={"regenerate"}, exclude_none=True)
    await context.accounts.change(
        lambda accounts: changes.modify_token(accounts, userid, tokenid, secret=secret, **particulars)
    )
    accounts = context.accounts.read()
    if secret is None:
        return listings.token(accounts, userid, tokenid)
    return listings.new_token(accounts, userid, tokenid, secret)


@router.delete("/{tokenid}", dependencies=[no_arguments])
async def delete_token(userid: str, tokenid: str, who: SignedIn, context: TheContext) -> None:
    """Without the token and its entries in the ACL."""
    rules.require_self_or_user(context.accounts.read(), who, userid)
    await context.accounts.change(lambda accounts: changes.delete_token(accounts, userid, tokenid))
