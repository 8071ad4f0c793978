"""The daemon of a member keeps up with corosync: its configuration follows the record `cluster/corosync`, and the
daemon says so; what corosync says of the members is at hand."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

from trebol_common.adapters import adapter
from trebol_common.errors import TrebolError
from trebol_node.cluster import records as cluster
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.corosync.status import Membership
from trebol_node.cluster.power import records as power
from trebol_node.daemon.beside import Said
from trebol_node.store.records import Records
from trebol_node.worker.cluster_operations import ForgetNode, InstallCorosync, LoadCorosync, ReadMembership
from trebol_node.worker.errors import WorkerAbsent
from trebol_node.worker.witness_operations import FollowDevice

#: Seconds between two looks at corosync: three programs for each, which corosync answers while it should be sending.
#: In a large cluster that is well so many for each member: its token takes longer to find who is gone, and each look
#: asks about all. Fewer while one is missing, or corosync has yet to load the cluster's configuration.
_EVERY, _FOR_EACH, _FOR_EACH_UNSETTLED = 2.0, 0.25, 0.125

#: The same for the one who has it loaded, once all have it.
_SOON, _SOON_FOR_EACH = 1.0, 0.0625

#: Seconds for which what corosync said last is taken to be so, while nobody can ask it.
_REMEMBERED = 15.0


class Worker(Protocol):
    """Asks the worker."""

    async def call(self, operation: Any, *, who: str) -> Any:
        """Have an operation done."""
        ...


class Follower:
    """Follows corosync for the daemon of `node`; `seen` is what corosync said last, None where it did not."""

    def __init__(
        self, records: Records, node: str, worker: Worker, *, who: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._records = records
        self._node = node
        self._worker = worker
        self._who = who
        self._clock = clock
        self._changed = asyncio.Event()
        self._said = Said()
        #: When corosync was asked last, and when it answered last.
        self._asked = -math.inf
        self._looked = 0.0
        self._answered = False
        self.seen: Membership | None = None
        #: Whom pacemaker was told to forget since this daemon's start.
        self._forgotten: set[str] = set()
        #: The configuration whose quorum device runs here, by its digest.
        self._device = ""

    def there(self) -> frozenset[str] | None:
        """Names of the members that corosync sees; None where it does not say."""
        return None if self.seen is None else frozenset(each.name for each in self.seen.members if each.joined)

    async def keep(self) -> None:
        """Follow until cancelled; on a node that stands alone there is nothing to follow."""
        self._records.on_change(in_loop(self._changed.set))
        while True:
            self._changed.clear()
            wait = _EVERY
            try:
                totem = cluster.totem(self._records)
                if totem is None:
                    self.seen = None
                else:
                    wait = await self._look_when_due(totem)
                    await self._follow(totem)
                self._said.worked()
            except TrebolError as error:
                # A record that cannot be read, too: it may be mended, or this node upgraded.
                self._said.warn("corosync.conf does not follow the cluster's", error)
                wait = _EVERY
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._changed.wait()

    async def _look_when_due(self, totem: Totem) -> float:
        """Look, unless that was a moment ago; seconds until it is to be done again."""
        left = self._asked + self._pause(totem) - self._clock()
        if left > 0:
            return left
        self._answered = await self._look()
        self._asked = self._clock()
        return self._pause(totem)

    def hear(self, told: Mapping[str, Any]) -> None:
        """What the worker answered to `ReadMembership`, whoever asked: what is shown then is not older than that."""
        self.seen = adapter(Membership).validate_python(told)
        self._asked = self._looked = self._clock()
        self._answered = True

    def _pause(self, totem: Totem) -> float:
        """Seconds between two looks, as things are: a change of a record, of which a join alone makes a hundred, is
        no reason for one."""
        size = len(totem.nodes)
        # Whoever waits for its turn in a shutdown has nothing else to tell it that others have gone.
        if self.seen is None or not self._answered or self._records.get(power.SHUTDOWN) is not None:
            return _EVERY
        names = {each.name for each in totem.nodes}
        loaded = self.seen.version >= totem.version
        if not loaded and self._is_first(names):
            return max(_SOON, _SOON_FOR_EACH * size)
        connected = {each.name for each in self.seen.members if each.joined and all(each.links.values())}
        settled = loaded and names <= connected
        return max(_EVERY, (_FOR_EACH if settled else _FOR_EACH_UNSETTLED) * size)

    async def _look(self) -> bool:
        """Ask corosync; whether it answered."""
        try:
            self.hear(await self._worker.call(ReadMembership(), who=self._who))
            return True
        except WorkerAbsent:
            # It is started again in a second. That corosync is gone nobody has said.
            if self._clock() > self._looked + _REMEMBERED:
                self.seen = None
        except TrebolError:
            # It does not run: services say so.
            self.seen = None
        return False

    async def _follow(self, totem: Totem) -> None:
        await self._apply(totem)
        if self._is_mine_to_load(totem):
            await self._worker.call(LoadCorosync(), who=self._who)
            self._asked = -math.inf
        await self._follow_device(totem)
        await self._forget(totem)

    async def _apply(self, totem: Totem) -> None:
        """Have the configuration on this node, and say so."""
        key, said = f"{cluster.APPLIED}{self._node}", {"corosync": totem.digest}
        record = self._records.get(key)
        is_member = self._node in {each.name for each in totem.nodes}
        # What is only remembered may be of a cluster that the node did not enter after all.
        if is_member and self._records.quorate and (record is None or record.value != said):
            await self._worker.call(InstallCorosync(text=totem.render()), who=self._who)
            await asyncio.to_thread(cluster.edit, self._records, key, lambda before: said)

    async def _follow_device(self, totem: Totem) -> None:
        """Have the quorum device run as corosync's configuration says, once corosync itself knows that."""
        if self.seen is None or self.seen.version < totem.version or self._device == totem.digest:
            return
        await self._worker.call(FollowDevice(), who=self._who)
        self._device = totem.digest

    async def _forget(self, totem: Totem) -> None:
        """Have pacemaker forget who left, once corosync does: nobody else would, for who has left asks nobody."""
        names = {each.name for each in totem.nodes}
        self._forgotten -= names
        if self.seen is None or self.seen.version < totem.version or not self._is_first(names):
            return
        for name in sorted(cluster.removed(self._records).keys() - names - self._forgotten):
            await self._worker.call(ForgetNode(node=name), who=self._who)
            self._forgotten.add(name)

    def _is_first(self, names: Collection[str]) -> bool:
        """Whether this node is the first, by number, of those that are there."""
        there = [each for each in self.seen.members if each.joined and each.name in names] if self.seen else []
        return bool(there) and there[0].name == self._node

    def _is_mine_to_load(self, totem: Totem) -> bool:
        """Whether all that are there have it, corosync has not loaded it, and this is the first of them by number."""
        if self.seen is None or self.seen.version >= totem.version:
            return False
        names = {each.name for each in totem.nodes}
        there = [each for each in self.seen.members if each.joined and each.name in names]
        having = cluster.having(self._records, totem.digest)
        return {each.name for each in there} <= having and self._is_first(names)


def in_loop(call: Callable[[], None]) -> Callable[[], None]:
    """`call`, from any thread, in the loop that runs now."""
    loop = asyncio.get_running_loop()

    def told() -> None:
        # The records may outlive the loop by a moment.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(call)

    return told
