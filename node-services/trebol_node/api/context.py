"""What routes get: the one value that ties the application to a node, or to a test's fakes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any

from fastapi import Depends, Request

from trebol_node.access.lockout import LockOut
from trebol_node.api.accounts import AccountBook
from trebol_node.api.audit import Recent, Sink
from trebol_node.api.handing.others import Others, alone
from trebol_node.api.world import Clock, Records, SystemClock, Worker

#: This node's entry of `GET /nodes`, from memory.
NodeEntry = Callable[[], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True)
class Context:
    """A node as its API sees it. `tasks` is a `trebol_node.tasks.Tasks`; `addresses` gives the node's, without prefix
    lengths; `membership` is the value of GET /cluster/status; peers of the unix socket with a uid of `root` are
    root@pam; `others` are the other members of the cluster."""

    node: str
    records: Records
    worker: Worker
    tasks: Any
    entry: NodeEntry
    addresses: Callable[[], Sequence[str]]
    membership: Callable[[], list[dict[str, Any]]]
    audit: Sink
    clock: Clock = field(default_factory=SystemClock)
    root: frozenset[int] = frozenset({0})
    recent: Recent = field(default_factory=Recent)
    others: Others = field(default_factory=alone)

    @cached_property
    def accounts(self) -> AccountBook:
        """Users and their rights."""
        return AccountBook(self.records)

    @cached_property
    def lockout(self) -> LockOut:
        """Who failed to log in too often."""
        return LockOut(self.clock.monotonic)


def context_of(request: Request) -> Context:
    """The context of the application that a request came to."""
    context: Context = request.app.state.context
    return context


async def _context(request: Request) -> Context:
    return context_of(request)


#: A route's parameter for the context.
TheContext = Annotated[Context, Depends(_context)]
