"""What the worker does for corosync's links: see `trebol_node.worker.operations`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from trebol_node.worker.operation import NodeName, Operation


class SetLink(Operation):
    """Have a link with these addresses, by name of node, in place of those nodes' own, and that priority; without
    addresses: have no such link. A UPID."""

    name = "cluster-link"
    link: Annotated[int, Field(ge=0, le=7)]
    addresses: Annotated[dict[NodeName, Annotated[str, Field(max_length=64)]], Field(max_length=32)] | None = None
    priority: Annotated[int, Field(ge=0, le=255)] | None = None
