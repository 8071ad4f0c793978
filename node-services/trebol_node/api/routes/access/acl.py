"""`/access/acl`: who has which role where."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from trebol_node.access import Accounts, Writes, changes, listings, rules
from trebol_node.api.context import TheContext
from trebol_node.api.forms import Parameters, arguments, no_arguments
from trebol_node.api.identity import SignedIn
from trebol_node.api.routing import api_router

router = api_router("/acl")

Names = Annotated[str | None, Field(max_length=8192)]


class Grant(Parameters):
    """Give `roles` on `path` to users, groups and tokens, or, with `delete`, take them away."""

    path: Annotated[str, Field(min_length=1, max_length=512)]
    roles: Annotated[str, Field(min_length=1, max_length=8192)]
    users: Names = None
    groups: Names = None
    tokens: Names = None
    propagate: bool = True
    delete: bool = False


@router.get("", dependencies=[no_arguments])
async def get_acl(who: SignedIn, context: TheContext) -> list[dict[str, Any]]:
    """The entries that one may see."""
    return listings.acl(context.accounts.read(), who)


@router.put("")
async def update_acl(who: SignedIn, context: TheContext, given: Annotated[Grant, arguments(Grant)]) -> None:
    """Change entries of one path."""
    details = given.model_dump(exclude={"path"})

    def change(accounts: Accounts) -> Writes:
        rules.require_acl_change(accounts, who, given.path)
        return changes.update_acl(accounts, who, given.path, **details)

    await context.accounts.change(change)
