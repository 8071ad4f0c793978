"""The daemon of a member tells the others what is wrong with its node, and goes when the whole cluster goes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from trebol_common.adapters import adapter
from trebol_common.errors import TrebolError
from trebol_node.cluster import records as cluster
from trebol_node.cluster.corosync.status import Membership
from trebol_node.cluster.diagnosis import told
from trebol_node.cluster.diagnosis.facts import Pacemaker
from trebol_node.cluster.diagnosis.finding import Finding
from trebol_node.cluster.power import records as power
from trebol_node.cluster.power.turn import Seen, Step, next_step
from trebol_node.daemon.applying import in_loop
from trebol_node.store.records import Records
from trebol_node.worker.operations import Power
from trebol_node.worker.upkeep_operations import Diagnose, HoldCluster, ReadPacemaker

log = logging.getLogger(__name__)

#: Seconds between two looks at this node, and between two looks at a shutdown that is under way.
EVERY, _LOOK = 60.0, 1.0

Call = Callable[[Any], Awaitable[Any]]


async def keep_telling(records: Records, node: str, call: Call) -> None:
    """Keep `cluster/told/NODE` right, until cancelled."""
    while True:
        if records.quorate and cluster.settings(records) is not None and cluster.is_settled(records, node):
            try:
                found = [Finding.of_members(each) for each in await call(Diagnose(alone=True))]
                await asyncio.to_thread(told.say, records, node, found)
            except TrebolError as error:
                log.warning("what is wrong with this node was not told to the others: %s", error)
        await asyncio.sleep(EVERY)


class Going:
    """Goes through an orderly shutdown for the daemon of `node`, in its boot `boot`, and ends the hold after it."""

    def __init__(
        self, records: Records, node: str, boot: str, call: Call, seen: Callable[[], Membership | None]
    ) -> None:
        self._records = records
        self._node = node
        self._boot = boot
        self._call = call
        self._seen = seen
        self._changed = asyncio.Event()
        #: The shutdown in which this node was told to go, and the one for which pacemaker was held.
        self._off = self._held = ""
        self._said = ""

    async def keep(self) -> None:
        """Until cancelled."""
        self._records.on_change(in_loop(self._changed.set))
        while True:
            self._changed.clear()
            try:
                while await self.step() not in (Step.WAIT, Step.STOP, Step.OFF):
                    pass
                self._said = ""
            except TrebolError as error:
                # Tried again each second: said once.
                if str(error) != self._said:
                    log.warning("the orderly shutdown does not go on: %s", error)
                self._said = str(error)
            if self._at_it():
                await asyncio.sleep(_LOOK)
            else:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(EVERY):
                        await self._changed.wait()

    def _at_it(self) -> bool:
        return power.current(self._records) is not None

    async def step(self) -> Step:
        """Do what is next, and tell what that was. Raises TrebolError."""
        shutdown = power.current(self._records)
        if shutdown is None:
            return Step.WAIT
        step = next_step(shutdown, self._now(shutdown, stopped=await self._stopped(shutdown)))
        match step:
            case Step.READY:
                await self._write(power.ready, shutdown, self._node, self._boot)
            case Step.STOP:
                if self._held != shutdown.id:
                    await self._call(HoldCluster(held=True))
                    self._held = shutdown.id
                    if power.current(self._records) is None:
                        # Somebody has started the cluster meanwhile, and may have been faster.
                        await self._call(HoldCluster(held=False))
            case Step.GO:
                await self._write(power.go, shutdown)
            case Step.OFF:
                if self._off != shutdown.id:
                    log.info("the cluster is shut down in order: it is the turn of this node")
                    await self._call(Power(action="shutdown"))
                    self._off = shutdown.id
            case Step.BACK:
                await self._write(power.back, self._node)
            case Step.START:
                log.info("all nodes are back after an orderly shutdown: the cluster starts")
                await self._call(HoldCluster(held=False))
                await self._write(power.end)
        return step

    async def _write(self, write: Callable[..., None], *arguments: Any) -> None:
        await asyncio.to_thread(write, self._records, *arguments)

    def _now(self, shutdown: power.Shutdown, *, stopped: bool) -> Seen:
        seen, totem = self._seen(), cluster.totem(self._records)
        nodes = sorted(totem.nodes, key=lambda each: each.id) if totem else ()
        return Seen(
            node=self._node,
            boot=self._boot,
            there=frozenset(each.name for each in seen.members if each.joined) if seen else None,
            quorate=bool(seen and seen.quorate and self._records.quorate),
            nodes=tuple(each.name for each in nodes),
            boots=power.boots(self._records, shutdown),
            stopped=stopped,
        )

    async def _stopped(self, shutdown: power.Shutdown) -> bool:
        """Asked by the node that leads the shutdown alone, while it waits for that."""
        if shutdown.phase is not power.Phase.ASKED or shutdown.asked != self._node or self._held != shutdown.id:
            return False
        found = adapter(Pacemaker).validate_python(await self._call(ReadPacemaker()))
        return found.stopped and not found.running
