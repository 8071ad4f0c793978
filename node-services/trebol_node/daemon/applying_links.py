"""The daemon of a member says what its corosync has loaded, whom it reaches on which link, which addresses it has:
the record `cluster/links/NAME`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from trebol_common.errors import TrebolError
from trebol_node.cluster import records as cluster
from trebol_node.cluster.corosync.status import Membership
from trebol_node.cluster.linked import LINKED, Linked
from trebol_node.store.records import Records

log = logging.getLogger(__name__)

#: Seconds between two looks, as corosync is asked.
_EVERY = 1.0


class LinkFollower:
    """Says it for the daemon of `node`; `seen` gives what corosync said last, `addresses` all of the node's own."""

    def __init__(
        self,
        records: Records,
        node: str,
        seen: Callable[[], Membership | None],
        addresses: Callable[[], Collection[str]],
    ) -> None:
        self._records = records
        self._node = node
        self._seen = seen
        self._addresses = addresses

    async def keep(self) -> None:
        """Say it until cancelled; on a node that stands alone there is nothing to say."""
        while True:
            try:
                await self.look()
            except TrebolError as error:
                log.warning("what corosync says of the links was not written: %s", error)
            await asyncio.sleep(_EVERY)

    async def look(self) -> None:
        """Say it where it is another than what was said. Raises TrebolError where it cannot be written."""
        seen, totem = self._seen(), cluster.totem(self._records)
        if seen is None or totem is None or not totem.has(self._node) or not self._records.quorate:
            return
        # One that was removed reaches the others' records, and has nothing to say there.
        if cluster.is_foreign(self._records, self._node):
            return
        told = Linked.seen(seen, self._addresses()).to_members()
        key = f"{LINKED}{self._node}"
        record = self._records.get(key)
        if record is None or record.value != told:
            await asyncio.to_thread(cluster.edit, self._records, key, lambda before: told)


def addresses_of(links: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Of all interfaces, as `ip -json address` lists them; neither loopback nor of one cable alone. Pure."""
    return frozenset(
        str(address["local"])
        for link in links
        for address in link.get("addr_info", ())
        if address.get("scope") == "global"
    )
