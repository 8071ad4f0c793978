"""A member that is asked for a preflight: it tells the others by the store, gathers what they answer, and forgets it.

All within BOUND seconds, whoever does not answer: that is a finding, and nobody waits for it.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

from trebol_common.errors import Refused
from trebol_node.cluster import records as cluster
from trebol_node.cluster.preflight import through_store as shared
from trebol_node.cluster.preflight.facts import HostFacts, PathFacts
from trebol_node.cluster.preflight.questions import KEY, Candidate
from trebol_node.cluster.preflight.record import Record
from trebol_node.cluster.waiting import Waits
from trebol_node.store.records import Records

#: Seconds until all members have told their facts, and until all is measured, both from the beginning.
FACTS_WITHIN = 8.0
BOUND = 14.0

_LOOK_EVERY = 0.1


@dataclass(frozen=True)
class Begun(Record):
    """What whoever would join is told: `hosts` of the `members` that answered, and the measurement's key."""

    id: str
    key: str = field(repr=False)
    members: tuple[str, ...]
    hosts: tuple[HostFacts, ...]


@dataclass
class Asked:
    """The preflights that this member was asked for. `there` names the members that corosync sees, None where it does
    not say; `now` in seconds since 1970, `clock` monotonic."""

    records: Records
    there: Callable[[], Collection[str] | None]
    now: Callable[[], float] = time.time
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    _since: dict[str, float] = field(default_factory=dict)

    async def begin(self, joining: Candidate) -> Begun:
        """Have all members tell their facts, and begin to measure. Raises Waits while another node is measured."""
        await asyncio.to_thread(self._make_room, joining)
        ident, key = secrets.token_hex(8), secrets.token_hex(KEY)
        request = shared.Request(joining, key, self.now(), self._members())
        since = self.clock()
        # One at a time; who began before is told so when it asks what was measured.
        self._since = {ident: since}
        await asyncio.to_thread(shared.put, self.records, shared.request_key(ident), request)
        there = self.there()
        expected = [name for name in request.members if there is None or name in there]
        await self._wait(ident, since + FACTS_WITHIN, expected, lambda answer: True)
        answers = shared.answers(self.records, ident)
        hosts = tuple(answers[name].facts for name in request.members if name in answers)
        return Begun(ident, key, request.members, hosts)

    async def end(self, ident: str) -> tuple[PathFacts, ...]:
        """What members measured, once all have; it is forgotten. Raises Refused for what did not begin here."""
        if ident not in self._since:
            raise Refused("did not begin here, or is over", where="preflight", hint="begin anew")
        # Who told no facts in time is left out, and nobody waits for it once more.
        expected = shared.answers(self.records, ident)
        await self._wait(ident, self._since[ident] + BOUND, expected, lambda answer: answer.paths is not None)
        paths = [path for answer in shared.answers(self.records, ident).values() for path in answer.paths or ()]
        self._since.pop(ident, None)
        await asyncio.to_thread(shared.remove, self.records, ident)
        return tuple(paths)

    async def _wait(
        self, ident: str, end: float, expected: Collection[str], enough: Callable[[shared.Answer], bool]
    ) -> None:
        """Until the answers of all members `expected` are `enough`, or the clock says `end`."""
        while self.clock() < end:
            answers = shared.answers(self.records, ident)
            if all(name in answers and enough(answers[name]) for name in expected):
                return
            await self.pause(_LOOK_EVERY)

    def _make_room(self, joining: Candidate) -> None:
        """One at a time: two would measure each other. Who asks again has given up before."""
        shared.sweep(self.records, self.now())
        for ident, request in tuple(shared.requests(self.records)):
            if request.joining.machine_id != joining.machine_id:
                raise Waits(
                    "is measured at the moment: one node at a time",
                    where=request.joining.name,
                    hint=f"try again in {shared.KEPT:.0f} s",
                )
            shared.remove(self.records, ident)

    def _members(self) -> tuple[str, ...]:
        """Without those that join."""
        return tuple(each.name for each in cluster.members(self.records) if each.state is cluster.State.MEMBER)
