"""Proxmox VE's subscription: Trebol has none, and its clients ask."""

from __future__ import annotations


def subscription(server: str) -> dict[str, str]:
    """The value of GET /nodes/{node}/subscription. `server` is the node's own id."""
    return {
        "level": "",
        "message": "There is no subscription key",
        "serverid": server,
        "status": "notfound",
    }
