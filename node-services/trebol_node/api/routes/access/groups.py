"""`/access/groups`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from trebol_node.access import changes, listings, rules
from trebol_node.api.context import TheContext
from trebol_node.api.forms import Parameters, arguments, no_arguments
from trebol_node.api.identity import SignedIn
from trebol_node.api.rights import requires
from trebol_node.api.routing import api_router

router = api_router("/groups")

_ALLOCATE = requires(rules.GROUPS, "Group.Allocate")


class NewGroup(Parameters):
    """A group, without members."""

    groupid: Annotated[str, Field(min_length=1, max_length=64)]
    comment: str = ""


class OtherGroup(Parameters):
    """What is not given stays as it is."""

    comment: str | None = None


@router.get("", dependencies=[no_arguments])
async def get_groups(who: SignedIn, context: TheContext) -> list[dict[str, Any]]:
    """The groups that one may see."""
    return listings.groups(context.accounts.read(), who)


@router.post("", dependencies=[_ALLOCATE])
async def create_group(context: TheContext, given: Annotated[NewGroup, arguments(NewGroup)]) -> None:
    """A new group."""
    await context.accounts.change(
        lambda accounts: changes.create_group(accounts, given.groupid, comment=given.comment)
    )


@router.get(
    "/{groupid}", dependencies=[requires(rules.GROUPS, "Sys.Audit", "Group.Allocate", any=True), no_arguments]
)
async def get_group(groupid: str, context: TheContext) -> dict[str, Any]:
    """One group and its members."""
    return listings.group(context.accounts.read(), groupid)


@router.put("/{groupid}", dependencies=[_ALLOCATE])
async def modify_group(
    groupid: str, context: TheContext, given: Annotated[OtherGroup, arguments(OtherGroup)]
) -> None:
    """Another comment."""
    await context.accounts.change(lambda accounts: changes.modify_group(accounts, groupid, comment=given.comment))


@router.delete("/{groupid}", dependencies=[_ALLOCATE, no_arguments])
async def delete_group(groupid: str, context: TheContext) -> None:
    """Without the group; its members stay."""
    await context.accounts.change(lambda accounts: changes.delete_group(accounts, groupid))
