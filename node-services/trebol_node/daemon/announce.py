"""What a node says of itself to the others, in the record `nodes/NAME`: version, addresses, fingerprint."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from trebol_common.errors import TrebolError
from trebol_node.cluster.records import is_settled
from trebol_node.store.records import Records

log = logging.getLogger(__name__)

#: Seconds between two looks at whether what is said is still right.
EVERY = 60.0
#: The same, until it was said once.
AT_FIRST = 2.0


def say(records: Records, node: str, value: Mapping[str, Any]) -> bool:
    """Write the record of `node` where it says something else; whether it now says `value`. Raises as `put`.

    A record of another name with an address of this node is its own, of before it was renamed: it goes.
    """
    # A node that was removed still reaches the cluster's records, and has nothing to say there; one that joins has
    # not yet.
    if not records.quorate or not is_settled(records, node):
        return False
    record = records.get(f"nodes/{node}")
    if record is None or dict(record.value) != dict(value):
        records.put(f"nodes/{node}", value, expected=0 if record is None else record.revision)
    for other in records.below("nodes/"):
        if other.key != f"nodes/{node}" and not set(other.value.get("addresses", ())).isdisjoint(value["addresses"]):
            records.delete(other.key, expected=other.revision)
    return True


async def keep_saying(records: Records, node: str, value: Callable[[], Mapping[str, Any]]) -> None:
    """Keep the record right, until cancelled. Nothing is said before the node has an address."""
    said = False
    while True:
        if (now := value())["addresses"]:
            try:
                said = await asyncio.to_thread(say, records, node, now)
            except TrebolError as error:
                log.warning("the record of this node was not written: %s", error)
        await asyncio.sleep(EVERY if said else AT_FIRST)
