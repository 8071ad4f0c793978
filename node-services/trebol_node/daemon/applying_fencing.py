"""The daemon of a member keeps up with the fence devices: their secrets are on this node, and it says so; the first
of the members that are there has pacemaker know them, once all have the secrets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from trebol_common.errors import TrebolError
from trebol_node.cluster import records as cluster
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.corosync.status import Membership
from trebol_node.daemon.applying import Worker, in_loop
from trebol_node.daemon.beside import Said
from trebol_node.fencing import records as kept
from trebol_node.fencing.device import Device, digest_of
from trebol_node.store.records import Records
from trebol_node.worker.fence_operations import FenceDevice, InstallFencing, SweepFencing, WriteFencing

#: Seconds between two looks where no record changes: at what failed, and at who is there.
_EVERY = 2.0


class FencingFollower:
    """Follows the devices for the daemon of `node`; `seen` gives what corosync said last."""

    def __init__(
        self, records: Records, node: str, worker: Worker, seen: Callable[[], Membership | None], *, who: str
    ) -> None:
        self._records = records
        self._node = node
        self._worker = worker
        self._seen = seen
        self._who = who
        self._changed = asyncio.Event()
        self._written: tuple[str, str | None] | None = None
        self._installed = ""
        self._swept = ""
        self._said = Said()

    async def keep(self) -> None:
        """Follow until cancelled; on a node that stands alone there is nothing to follow."""
        self._records.on_change(in_loop(self._changed.set))
        while True:
            self._changed.clear()
            await self._try()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_EVERY):
                    await self._changed.wait()

    async def _try(self) -> None:
        try:
            totem = cluster.totem(self._records)
            if totem is not None and self._records.quorate and cluster.is_settled(self._records, self._node):
                await self.follow(totem)
            self._said.worked()
        except TrebolError as error:
            # A record that cannot be read, too: it may be mended, or this node upgraded.
            self._said.warn("the fence devices are not as the cluster has them", error)

    async def follow(self, totem: Totem) -> None:
        """Do what is to be done now. Raises TrebolError."""
        devices = kept.devices(self._records)
        digest = digest_of(devices)
        if not devices and self._records.get(kept.WRITTEN) is None:
            # There never was one.
            return
        # Once after each start whatever the record says: it may be of a time before this node left and came back.
        if self._installed != digest or self._node not in kept.having(self._records, digest):
            await self._call(InstallFencing(devices=_told(devices)))
            await asyncio.to_thread(kept.say, self._records, f"{kept.APPLIED}{self._node}", digest)
            self._installed = digest
        await self._write(totem, devices, digest)
        if kept.is_written(self._records) and self._swept != digest:
            await self._call(SweepFencing(devices=_told(devices)))
            self._swept = digest

    async def _write(self, totem: Totem, devices: tuple[Device, ...], digest: str) -> None:
        delayed = delayed_of(totem)
        if not self._is_mine_to_write(totem, digest) or self._written == (digest, delayed):
            return
        await self._call(WriteFencing(devices=_told(devices), delayed=delayed))
        await asyncio.to_thread(kept.say, self._records, kept.WRITTEN, digest)
        self._written = (digest, delayed)

    def _is_mine_to_write(self, totem: Totem, digest: str) -> bool:
        """Whether all that are there have the secrets, and this is the first of them by number."""
        seen = self._seen()
        if seen is None or not seen.quorate:
            return False
        names = {each.name for each in totem.nodes}
        there = [each.name for each in seen.members if each.joined and each.name in names]
        if not there or there[0] != self._node:
            # Another one is at it: what this one has written may not be what is there when its turn comes.
            self._written = None
            return False
        return set(there) <= kept.having(self._records, digest)

    async def _call(self, operation: Any) -> Any:
        return await self._worker.call(operation, who=self._who)


def delayed_of(totem: Totem) -> str | None:
    """The node of two that is fenced later, so that not both are fenced when they lose each other; None where quorum
    decides who fences."""
    return min(totem.nodes, key=lambda node: node.id).name if totem.two_node else None


def _told(devices: tuple[Device, ...]) -> list[FenceDevice]:
    return [FenceDevice(**each.to_members()) for each in devices]
