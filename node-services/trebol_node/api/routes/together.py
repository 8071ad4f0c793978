"""What all nodes of the cluster show together: this node's own values, and those that the others said last."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Any

from trebol_node.access import Identity
from trebol_node.api.context import Context
from trebol_node.api.identity import is_of

#: Tasks that `/cluster/tasks` shows: Proxmox VE's number is 25 of each node.
TASKS = 25

#: What everybody may see of a node who may see nothing of it.
_PUBLIC = ("id", "node", "status", "type")

AUDIT = ("Sys.Audit",)


async def entries(context: Context, who: Identity) -> list[Mapping[str, Any]]:
    """Each node's entry, by name, with its numbers for those who may see them."""
    accounts = context.accounts.read()
    found = sorted([await context.entry(), *context.others.entries()], key=lambda each: str(each["node"]))
    return [
        each
        if accounts.may(who, f"/nodes/{each['node']}", AUDIT)
        else {key: each[key] for key in _PUBLIC if key in each}
        for each in found
    ]


async def newest_tasks(context: Context, who: Identity) -> list[Mapping[str, Any]]:
    """Of each node the newest tasks, the newest of all first; without rights on a node one's own of it."""
    accounts = context.accounts.read()
    own: list[Mapping[str, Any]] = await asyncio.to_thread(context.tasks.list)
    allowed = {
        name: accounts.may(who, f"/nodes/{name}", AUDIT) for name in (context.node, *context.others.members.names)
    }

    def seen(task: Mapping[str, Any], node: str) -> bool:
        return allowed.get(node, False) or is_of(task["user"], who)

    mine = [each for each in own if seen(each, context.node)][:TASKS]
    theirs = [each for each in context.others.tasks() if seen(each, str(each.get("node")))]
    return sorted([*mine, *theirs], key=lambda each: -int(each.get("starttime", 0)))


def newest_writes(context: Context, who: Identity, most: int) -> list[Mapping[str, Any]]:
    """The last `most` entries of the audit logs, newest first: all with Sys.Syslog on `/`, else one's own."""
    all_of_them = context.accounts.read().may(who, "/", ("Sys.Syslog",))
    found = [*own_writes(context), *context.others.log()]
    seen = [each for each in found if all_of_them or is_of(each["user"], who)]
    return sorted(seen, key=lambda each: -int(each.get("time", 0)))[:most]


def own_writes(context: Context, most: int | None = None) -> list[Mapping[str, Any]]:
    """This node's, newest first, as `/cluster/log` has them."""
    return [
        {
            "id": f"{entry.number}:{context.node}",
            "msg": f"{entry.method} {entry.path} {entry.status}",
            "node": context.node,
            "pid": os.getpid(),
            "pri": entry.priority,
            "tag": "trebold",
            "time": int(entry.time),
            "uid": entry.number,
            "user": entry.user,
        }
        for entry in list(reversed(context.recent.entries))[:most]
    ]
