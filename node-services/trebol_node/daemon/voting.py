"""The daemon of a member keeps up with who votes in the cluster's store: it asks those that do, has this node's own
store begin or end as the records say, and, where that leads, decides what they say next."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from trebol_common.errors import TrebolError
from trebol_node.cluster import records as cluster
from trebol_node.cluster.records import Member, State
from trebol_node.cluster.voters.choice import Change, Kind
from trebol_node.cluster.voters.members import Members
from trebol_node.cluster.witness.record import witness
from trebol_node.daemon.applying import Worker, in_loop
from trebol_node.store import reached
from trebol_node.store.configuration import peer_url
from trebol_node.store.records import Records
from trebol_node.worker.cluster_operations import LearnStore, LeaveStore, ReachStore
from trebol_node.worker.operation import Operation

log = logging.getLogger(__name__)

#: Seconds between two looks, where no record changes; what failed is tried again then.
EVERY = 5.0


class Acting(Protocol):
    """`trebol_node.cluster.voters.acting.Acting`."""

    def turn(self) -> Change:
        """One change."""
        ...

    def rest(self) -> None:
        """It is another member's turn."""
        ...


@dataclass(frozen=True)
class Store:
    """The store as the daemon reaches it: `use` takes other URLs; `listed` gives the peer URLs of all members, as the
    quorum knows them, `leads` whether this node's own leads. Both block, and raise Unavailable."""

    use: Callable[[Sequence[str]], None]
    listed: Callable[[], frozenset[str]]
    leads: Callable[[], bool]


class Voting:
    """Keeps up for the daemon of `node`."""

    def __init__(
        self,
        records: Records,
        node: str,
        worker: Worker,
        store: Store,
        acting: Acting,
        *,
        who: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._records = records
        self._node = node
        self._worker = worker
        self._store = store
        self._acting = acting
        self._who = who
        self._clock = clock
        self._changed = asyncio.Event()
        #: What the worker has done, so that it is not asked each time.
        self._done: dict[type[Operation], Operation] = {}
        self._urls: tuple[str, ...] = ()
        self._said = ""
        self._acted: float | None = None

    async def keep(self) -> None:
        """Keep up until cancelled; on a node that stands alone there is nothing to do."""
        self._records.on_change(in_loop(self._changed.set))
        while True:
            self._changed.clear()
            try:
                again = await self.look()
            except TrebolError as error:
                self._say(logging.WARNING, f"voters: {error}")
                again = False
            if not again:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(EVERY):
                        await self._changed.wait()

    async def look(self) -> bool:
        """Do what is to be done now; whether there may be more. Raises TrebolError where something failed."""
        members = cluster.members(self._records)
        mine = next((each for each in members if each.name == self._node), None)
        if cluster.settings(self._records) is None or mine is None or mine.state is not State.MEMBER:
            return False
        await self._reach(members)
        # What is only remembered says nothing of what is so.
        if self._records.quorate:
            await self._own(mine, members)
            if mine.voter:
                return await self._act()
        return False

    async def _reach(self, members: Sequence[Member]) -> None:
        """Ask those that vote."""
        voters = {each.name: each.address for each in members if each.voter}
        if not voters:
            return
        urls = reached.urls_of(self._node, voters)
        if urls != self._urls:
            self._store.use(urls)
            self._urls = urls
        await self._have(ReachStore(voters=sorted(voters)))

    async def _own(self, mine: Member, members: Sequence[Member]) -> None:
        """Begin to learn, or end, as the record says."""
        if mine.learner:
            voters = sorted(each.name for each in members if each.voter)
            self._done.pop(LeaveStore, None)
            third = witness(self._records)
            beside = third.address if third is not None and third.voter else ""
            await self._have(LearnStore(voters=voters, member=mine.learner, witness=beside))
        elif mine.voter:
            self._done.pop(LeaveStore, None)
            self._done.pop(LearnStore, None)
        elif LeaveStore not in self._done:
            # The record follows the list, which has the last word: what is put away is not there for the others.
            if peer_url(mine.address) not in await asyncio.to_thread(self._store.listed):
                self._done.pop(LearnStore, None)
                await self._have(LeaveStore())

    async def _act(self) -> bool:
        """Where it is this node's turn, one change of who votes; whether there may be another."""
        now = self._clock()
        if self._acted is not None and now < self._acted + EVERY:
            return False
        self._acted = now
        if not await asyncio.to_thread(self._store.leads):
            self._acting.rest()
            self._said = ""
            return False
        made = await asyncio.to_thread(self._acting.turn)
        if made.kind is Kind.NOTHING:
            self._say(logging.INFO, f"voters: {made.reason}")
            return False
        self._say(logging.INFO, f"voters: {made.kind} {made.name}: {made.reason}")
        self._acted = None
        return True

    async def _have(self, operation: Operation) -> None:
        """Have it done, once."""
        if self._done.get(type(operation)) != operation:
            await self._worker.call(operation, who=self._who)
            self._done[type(operation)] = operation

    def _say(self, level: int, text: str) -> None:
        """What has been said is not said again."""
        if text != self._said:
            log.log(level, "%s", text)
            self._said = text


def listed_by(members: Members) -> Callable[[], frozenset[str]]:
    """See `Store.listed`; `members` are the store's."""
    return lambda: frozenset(url for each in members.members() for url in each.peer_urls)
