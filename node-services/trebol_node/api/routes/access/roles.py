"""`/access/roles`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends
from pydantic import Field

from trebol_node.access import changes, listings
from trebol_node.api.context import TheContext
from trebol_node.api.forms import Parameters, arguments, no_arguments
from trebol_node.api.identity import identify
from trebol_node.api.rights import requires
from trebol_node.api.routing import api_router

router = api_router("/roles")

_MODIFY = requires("/access", "Sys.Modify")
_SIGNED_IN = Depends(identify)

Privileges = Annotated[str | None, Field(max_length=8192)]


class NewRole(Parameters):
    """`privs` is a list of privileges in one text."""

    roleid: Annotated[str, Field(min_length=1, max_length=64)]
    privs: Privileges = None


class OtherRole(Parameters):
    """`append` adds to the privileges instead of replacing them."""

    privs: Privileges = None
    append: bool = False


@router.get("", dependencies=[_SIGNED_IN, no_arguments])
async def get_roles(context: TheContext) -> list[dict[str, Any]]:
    """All roles."""
    return listings.roles(context.accounts.read())


@router.post("", dependencies=[_MODIFY])
async def create_role(context: TheContext, given: Annotated[NewRole, arguments(NewRole)]) -> None:
    """A new role."""
    await context.accounts.change(lambda accounts: changes.create_role(accounts, given.roleid, privs=given.privs))


@router.get("/{roleid}", dependencies=[_SIGNED_IN, no_arguments])
async def get_role(roleid: str, context: TheContext) -> dict[str, Any]:
    """The privileges of one role."""
    return listings.role(context.accounts.read(), roleid)


@router.put("/{roleid}", dependencies=[_MODIFY])
async def modify_role(roleid: str, context: TheContext, given: Annotated[OtherRole, arguments(OtherRole)]) -> None:
    """Other privileges."""
    await context.accounts.change(
        lambda accounts: changes.modify_role(accounts, roleid, privs=given.privs, append=given.append)
    )


@router.delete("/{roleid}", dependencies=[_MODIFY, no_arguments])
async def delete_role(roleid: str, context: TheContext) -> None:
    """Without the role and its entries in the ACL."""
    await context.accounts.change(lambda accounts: changes.delete_role(accounts, roleid))
