"""While a node is being renamed, one of the others has pacemaker know it by its other name, once corosync does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from trebol_common.errors import TrebolError
from trebol_node.cluster import naming
from trebol_node.cluster import records as cluster
from trebol_node.cluster.corosync.status import Membership
from trebol_node.daemon.applying import Worker
from trebol_node.daemon.beside import Said
from trebol_node.store.records import Records
from trebol_node.worker.rename_operations import TellName

_EVERY = 1.0


class NameFollower:
    """Follows it for the daemon of `node`; `seen` gives what corosync said last."""

    def __init__(
        self, records: Records, node: str, worker: Worker, seen: Callable[[], Membership | None], *, who: str
    ) -> None:
        self._records = records
        self._node = node
        self._worker = worker
        self._seen = seen
        self._who = who

    async def keep(self) -> None:
        """Follow until cancelled."""
        said = Said()
        while True:
            try:
                await self.look()
                said.worked()
            except TrebolError as error:
                said.warn("pacemaker was not told of a node's other name", error)
            await asyncio.sleep(_EVERY)

    async def look(self) -> None:
        """Do what is to be done now. Raises TrebolError."""
        totem, found, seen = cluster.totem(self._records), naming.renaming(self._records), self._seen()
        if totem is None or found is None or seen is None or not self._records.quorate:
            return
        name, other = found.names_in(totem)
        if found.known == name or seen.version < totem.version or self._node in (found.old, found.new):
            return
        there = [each.name for each in seen.members if each.joined and each.name not in (found.old, found.new)]
        if not there or there[0] != self._node:
            return
        await self._worker.call(TellName(old=other, new=name), who=self._who)
        await asyncio.to_thread(naming.known, self._records, name)
