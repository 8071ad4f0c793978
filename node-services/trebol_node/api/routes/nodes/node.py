"""`/nodes`, and of one node: status, version, time, DNS, hosts, subscription, report."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BeforeValidator, Field

from trebol_common.answers.values import Peer
from trebol_node.access import Identity
from trebol_node.api.context import TheContext
from trebol_node.api.errors import wrong
from trebol_node.api.forms import MISSING, Parameters, arguments, no_arguments, split_words
from trebol_node.api.identity import SignedIn
from trebol_node.api.rights import requires
from trebol_node.api.routes.nodes.common import NODE, ask, subtree
from trebol_node.api.routes.nodes.reporting import make_report
from trebol_node.api.routes.nodes.view import NodeView
from trebol_node.api.routes.together import entries
from trebol_node.api.routing import api_router
from trebol_node.system.clock import time_of, time_servers, timezone
from trebol_node.system.names import read_dns, read_hosts
from trebol_node.system.subscription import subscription
from trebol_node.system.version import version
from trebol_node.worker.operation import TEXT
from trebol_node.worker.operations import (
    TIME_SERVERS,
    MakeReport,
    Power,
    SetDns,
    SetHosts,
    SetTimeServers,
    SetTimeZone,
)

_AUDIT = requires(NODE, "Sys.Audit")
_MODIFY = requires(NODE, "Sys.Modify")
Modifier = Annotated[Identity, _MODIFY]

#: Domains that the worker takes.
_DOMAINS = 6


class Command(Parameters):
    """What a node is to do."""

    command: Literal["reboot", "shutdown"]


#: Names or addresses, in one text or several.
Servers = Annotated[tuple[Peer, ...], BeforeValidator(split_words), Field(max_length=TIME_SERVERS)]


class Clock(Parameters):
    """A time zone, and the servers that the clock follows. What is not given stays; an empty text is no servers."""

    timezone: Annotated[str | None, Field(max_length=64, pattern=r"\A[A-Za-z0-9_+/-]+\z")] = None
    servers: Servers | None = None


class Dns(Parameters):
    """Servers, in their order, and domains to search, separated by spaces. What is not given is none."""

    search: Annotated[str, Field(max_length=1024)]
    dns1: Annotated[str | None, Field(max_length=64)] = None
    dns2: Annotated[str | None, Field(max_length=64)] = None
    dns3: Annotated[str | None, Field(max_length=64)] = None


class Hosts(Parameters):
    """The file, and the digest of the one that was read."""

    data: Annotated[str, Field(max_length=TEXT)]
    digest: Annotated[str | None, Field(max_length=64)] = None


def router(view: NodeView) -> APIRouter:
    """The routes that show and change what `view` reads."""
    made = api_router(tag="nodes")

    @made.get("/nodes", dependencies=[no_arguments])
    async def nodes(who: SignedIn, context: TheContext) -> list[Mapping[str, Any]]:
        """All nodes, with their numbers for those who may see them."""
        return await entries(context, who)

    one = subtree("", "nodes")

    @one.get("/status", dependencies=[_AUDIT, no_arguments])
    async def status() -> dict[str, Any]:
        """Processors, memory, swap, root file system, kernel, load; `trebol`: addresses, state, installation."""
        return await view.status()

    @one.post("/status")
    async def command(
        who: Annotated[Identity, requires(NODE, "Sys.PowerMgmt")],
        context: TheContext,
        given: Annotated[Command, arguments(Command)],
    ) -> None:
        """Restart the node or power it off."""
        await ask(context, Power(action=given.command), who.user)

    @one.get("/version", dependencies=[no_arguments])
    async def node_version() -> dict[str, str]:
        """See `/version`."""
        return version()

    @one.get("/time", dependencies=[_AUDIT, no_arguments])
    async def get_time(context: TheContext) -> dict[str, Any]:
        """The time, also as the node's clocks show it, and the time zone; `servers` that were set to be followed."""
        servers = time_servers(view.root)
        found = time_of(context.clock.now(), timezone(view.root))
        return {**found, **({} if servers is None else {"servers": servers})}

    @one.put("/time")
    async def set_time(who: Modifier, context: TheContext, given: Annotated[Clock, arguments(Clock)]) -> None:
        """Set the time zone, or the servers, or both."""
        if given.timezone is None and given.servers is None:
            raise wrong(timezone=MISSING)
        # First: the worker alone knows whether there is such a zone; what servers there may be is known by now.
        if given.timezone is not None:
            await ask(context, SetTimeZone(timezone=given.timezone), who.user)
        if given.servers is not None:
            await ask(context, SetTimeServers(servers=list(given.servers)), who.user)

    @one.get("/dns", dependencies=[_AUDIT, no_arguments])
    async def get_dns() -> dict[str, str]:
        """The servers that are asked."""
        return read_dns(view.root)

    @one.put("/dns")
    async def set_dns(who: Modifier, context: TheContext, given: Annotated[Dns, arguments(Dns)]) -> None:
        """Set servers and domains."""
        servers = [server for server in (given.dns1, given.dns2, given.dns3) if server]
        search = [word for word in re.split(r"[\s,;]+", given.search) if word]
        if len(search) > _DOMAINS:
            raise wrong(search=f"more than {_DOMAINS} domains")
        await ask(context, SetDns(servers=servers, search=search), who.user)
        view.network.stale()

    @one.get("/hosts", dependencies=[_AUDIT, no_arguments])
    async def get_hosts() -> dict[str, str]:
        """/etc/hosts and its digest."""
        return read_hosts(view.root)

    @one.post("/hosts")
    async def set_hosts(who: Modifier, context: TheContext, given: Annotated[Hosts, arguments(Hosts)]) -> None:
        """Replace /etc/hosts."""
        await ask(context, SetHosts(data=given.data, digest=given.digest), who.user)

    @one.get("/subscription", dependencies=[no_arguments])
    async def get_subscription() -> dict[str, str]:
        """There is none, and none is needed."""
        return subscription(view.name)

    @one.get("/report", dependencies=[no_arguments])
    async def report(who: Annotated[Identity, _AUDIT], context: TheContext) -> str:
        """What to send along with a question; secrets are left out. The journal is for those with Sys.Syslog."""
        tasks = await asyncio.to_thread(context.tasks.list)
        journal = context.accounts.read().may(who, f"/nodes/{view.name}", ("Sys.Syslog",))
        return await make_report(view, tasks, context.clock.now(), journal=journal)

    @one.post("/report", dependencies=[no_arguments])
    async def keep_report(who: Modifier, context: TheContext) -> str:
        """Write it, with the journal, into a file that is root's; the task's UPID. Its log says which file."""
        upid: str = await ask(context, MakeReport(), who.user)
        return upid

    made.include_router(one)
    return made
