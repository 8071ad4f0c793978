"""The daemon follows its node: another host name, whoever gave it, and names and addresses that came later."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from trebol_common.errors import NoSpace, TrebolError
from trebol_node.worker.errors import WorkerAbsent

log = logging.getLogger(__name__)

#: Seconds between two looks.
EVERY = 10.0


@dataclass(frozen=True)
class Node:
    """What is looked at, and what is done about it.

    `host` tells the host name; `names` whatever a certificate's names follow from, nothing before the node has an
    address. `renew` has the certificate made anew where it lacks one of them, and tells whether it was; `load` takes
    it for new connections. `end` ends the daemon, which systemd starts again.
    """

    host: Callable[[], str]
    names: Callable[[], Sequence[str]]
    renew: Callable[[], Awaitable[bool]]
    load: Callable[[], None]
    end: Callable[[], None]
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep


async def keep_following(called: str, node: Node) -> None:
    """Follow the node that was `called` so when the daemon began, until it has another name, or until cancelled."""
    seen: Sequence[str] = ()
    while (now := node.host().partition(".")[0]) == called:
        names = node.names()
        if names and names != seen and await _follow(node):
            seen = names
        await node.pause(EVERY)
    log.info("the node is called %s now, and was %s: the daemon begins anew", now, called)
    node.end()


async def _follow(node: Node) -> bool:
    """Whether there is nothing more to do for these names."""
    try:
        if await node.renew():
            node.load()
            log.info("the certificate of the API was made anew: the node has other names or addresses")
    except (WorkerAbsent, NoSpace):
        return False
    except TrebolError as error:
        log.warning("the certificate of the API does not speak for all names of the node: %s", error)
    return True
