"""`/nodes/{node}/hostname` and `/nodes/{node}/sshkeys`: what the node is called, and who gets in as its root."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field

from trebol_common.answers.values import Fqdn
from trebol_node.access import Identity, rules
from trebol_node.access.names import ROOT
from trebol_node.api.context import TheContext
from trebol_node.api.errors import wrong
from trebol_node.api.forms import Parameters, arguments, no_arguments
from trebol_node.api.rights import requires
from trebol_node.api.routes.nodes.common import NODE, ask, extended, subtree
from trebol_node.api.routes.nodes.view import NodeView
from trebol_node.system.names import read_name
from trebol_node.worker.operation import TEXT
from trebol_node.worker.operations import SSH_KEYS, ReadSshKeys, SetHostname, SetSshKeys

_AUDIT = requires(NODE, "Sys.Audit")
Modifier = Annotated[Identity, requires(NODE, "Sys.Modify")]


class Name(Parameters):
    """The node's full name."""

    fqdn: Fqdn


class Keys(Parameters):
    """Lines of an authorized_keys, and the digest of the one that was read."""

    keys: Annotated[str, Field(max_length=TEXT)]
    digest: Annotated[str | None, Field(max_length=64)] = None


def router(view: NodeView) -> APIRouter:
    """The routes."""
    made = subtree("", "nodes")

    @made.get("/hostname", dependencies=[_AUDIT, no_arguments])
    async def get_hostname() -> dict[str, str]:
        """`fqdn`, and `hostname` without its domain."""
        return read_name(view.root)

    @made.put("/hostname")
    async def set_hostname(who: Modifier, context: TheContext, given: Annotated[Name, arguments(Name)]) -> None:
        """Give the node another name. Its paths have it in them: this daemon restarts with the new one."""
        await ask(context, SetHostname(fqdn=given.fqdn), who.user)

    @made.get("/sshkeys", dependencies=[no_arguments])
    async def get_keys(who: Annotated[Identity, _AUDIT], context: TheContext) -> Response:
        """Lines of root's authorized_keys that let somebody in; beside them the file's `digest`."""
        found: dict[str, Any] = await ask(context, ReadSshKeys(), who.user)
        return extended(found["keys"], digest=found["digest"])

    @made.put("/sshkeys")
    async def set_keys(who: Modifier, context: TheContext, given: Annotated[Keys, arguments(Keys)]) -> None:
        """Let these keys get root in, and no others. Comments and lines of other kinds stay in the file.

        A key is all rights there are: as with root's password, only `root@pam` changes them.
        """
        rules.require_root(context.accounts.read(), who, ROOT)
        lines = [line for line in given.keys.split("\n") if line.strip()]
        if len(lines) > SSH_KEYS:
            raise wrong(keys=f"more than {SSH_KEYS} lines")
        await ask(context, SetSshKeys(keys=lines, digest=given.digest), who.user)

    return made
