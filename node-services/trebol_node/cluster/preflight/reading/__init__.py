"""Reading the facts of this host from the running system: /proc, /sys, /etc, and a few programs, none of which may
hold it up."""

from __future__ import annotations

from trebol_node.cluster.preflight.reading.host import read

__all__ = ["read"]
