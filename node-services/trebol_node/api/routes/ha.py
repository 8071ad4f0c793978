"""`/cluster/ha/…`: whether HA may run anything, and why not, in Proxmox VE's words."""

from __future__ import annotations

from typing import Any

from trebol_node.api.context import TheContext
from trebol_node.api.forms import no_arguments
from trebol_node.api.rights import requires
from trebol_node.api.routing import api_router

router = api_router("/cluster/ha", tag="cluster")


@router.get("/status/current", dependencies=[requires("/", "Sys.Audit"), no_arguments])
async def current(context: TheContext) -> list[dict[str, Any]]:
    """Of quorum and of fencing, from memory. Of fencing: `armed`, and `reasons` why it is not."""
    head = context.membership()[0]
    quorate = bool(head["quorate"])
    off = list(head.get("ha-off", ("this node stands alone",)))
    return [
        {
            "id": "quorum",
            "node": context.node,
            "quorate": int(quorate),
            "status": "corosync is silent" if head.get("silent") else "OK" if quorate else "No quorum",
            "type": "quorum",
        },
        {
            "armed": int(not off),
            "id": "fencing",
            "node": context.node,
            "reasons": off,
            "status": f"off: {'; '.join(off)}" if off else "OK",
            "type": "fencing",
        },
    ]
