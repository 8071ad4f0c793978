"""What the other members say of themselves, asked of each in the background: no view of the cluster waits for a node.

Each member that corosync sees is asked every `EVERY` seconds, in a large cluster less often, while somebody looks;
far less often while nobody does: all ask all. And soon after something was changed there through this node. What one
said last stays, also while it is dead; after a start of the daemon nothing is known of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trebol_node.access import handed
from trebol_node.access.accounts import Accounts
from trebol_node.access.errors import NotAuthenticated
from trebol_node.access.handed import Asked, Handed
from trebol_node.access.names import ROOT, Identity
from trebol_node.api.errors import ApiError
from trebol_node.api.handing.connecting import Connector
from trebol_node.api.handing.exchange import Outgoing, exchange
from trebol_node.api.handing.members import Member, Members
from trebol_node.store.records import MemoryRecords

log = logging.getLogger(__name__)

#: Seconds between two questions to one member (in a large cluster as many as it has members), and until one that does
#: not answer is given up.
EVERY, WITHIN = 10.0, 5.0

#: Seconds after the last look at a view until members are asked less often, and between two questions then (in a
#: large cluster several for each member).
ATTENDED, UNATTENDED, _UNATTENDED_FOR_EACH = 60.0, 60.0, 4.0

#: Seconds after which it is not known how a member is that corosync sees, and whose daemon does not answer.
UNKNOWN = 45.0

#: Seconds between two looks at who is a member, and whether one that was gone is back.
_LOOK = 1.0

#: Seconds after a change until it is asked: what it began shows by then.
_SOON = 0.3

#: Seconds between one question and that to the next, where all are asked.
_APART = 0.05


@dataclass(frozen=True)
class Said:
    """What a member said: its entry in the list of nodes, its newest tasks, and the newest entries of its log, as
    `/nodes/NAME/published` has them."""

    entry: Mapping[str, Any]
    tasks: Sequence[Mapping[str, Any]]
    log: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Silence:
    """Why a member does not say how it is, and since when, on the monotonic clock."""

    why: str
    since: float


@dataclass
class Others:
    """The other members, for the daemon of `node`. `accounts` gives the accounts as they are: of their keys one signs
    what is asked."""

    members: Members
    node: str
    accounts: Callable[[], Accounts]
    connector: Connector = field(default_factory=Connector)
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    _said: dict[str, Said] = field(default_factory=dict)
    _wanted: dict[str, asyncio.Event] = field(default_factory=dict)
    _errors: dict[str, Silence] = field(default_factory=dict)
    #: Those that were gone, and have said nothing since.
    _gone: set[str] = field(default_factory=set)
    #: When a view was looked at last.
    _looked: float = -math.inf

    def find(self, name: str) -> Member | None:
        """The other member of that name."""
        return self.members.find(name)

    def changed(self, name: str) -> None:
        """Something was changed there through this node: ask it soon."""
        if name in self._wanted:
            self._wanted[name].set()

    def entries(self) -> list[dict[str, Any]]:
        """Their entries in the list of nodes, by name: the numbers are those that each said last."""
        return [self._entry(member) for member in self._shown()]

    def tasks(self) -> list[Mapping[str, Any]]:
        """Their newest tasks. Whether one still runs that ran on a node that is gone is "unknown"."""
        return [task for member in self._shown() for task in self._tasks(member)]

    def log(self) -> list[Mapping[str, Any]]:
        """The newest entries of their logs."""
        return [entry for member in self._shown() if (said := self._said.get(member.name)) for entry in said.log]

    async def ask(self, member: Member) -> None:
        """Have `member` say how it is. What goes wrong is logged once."""
        target = f"/api2/json/nodes/{member.name}/published"
        try:
            told = handed.make(
                self.accounts().keys,
                # The daemon itself: root of each node may see all of each.
                Handed(Identity(ROOT), "trebold", self.node),
                Asked(member.name, "GET", target),
                self.now(),
            )
            asked = Outgoing("GET", target, ((handed.HEADER.encode(), told.encode()),))
            async with asyncio.timeout(WITHIN), exchange(self.connector, member, asked, begin=WITHIN) as answer:
                self._said[member.name] = _said(member, answer.status, await answer.whole())
            self._errors.pop(member.name, None)
            self._gone.discard(member.name)
        except (ApiError, NotAuthenticated, TimeoutError) as error:
            why = str(error) or f"node '{member.name}' does not say how it is within {WITHIN:.0f} s"
            before = self._errors.get(member.name)
            if before is None or before.why != why:
                log.warning("%s", why)
            self._errors[member.name] = Silence(why, self.monotonic() if before is None else before.since)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Ask them inside the block: a daemon's lifespan."""
        keeper = asyncio.create_task(self._keep(), name="others")
        try:
            yield
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)

    async def _keep(self) -> None:
        """One task for each of them: a slow one keeps nobody waiting."""
        asking: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                names = set(self.members.names)
                for name in asking.keys() - names:
                    asking.pop(name).cancel()
                    for kept in (self._said, self._wanted, self._errors):
                        kept.pop(name, None)
                    self._gone.discard(name)
                for name in names - asking.keys():
                    self._wanted[name] = asyncio.Event()
                    asking[name] = asyncio.create_task(self._keep_asking(name), name=f"others: {name}")
                await asyncio.sleep(_LOOK)
        finally:
            for each in asking.values():
                each.cancel()
            await asyncio.gather(*asking.values(), return_exceptions=True)

    async def _keep_asking(self, name: str) -> None:
        wanted = self._wanted[name]
        while True:
            member = self.find(name)
            # One that is not there is dead, and has nothing to say.
            is_there = member is not None and member.seen is not False
            if member is not None and is_there:
                await self.ask(member)
            else:
                self._gone.add(name)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._until_next(name) if is_there else _LOOK):
                    await wanted.wait()
                    wanted.clear()
                    await asyncio.sleep(_SOON)

    def _until_next(self, name: str) -> float:
        if name in self._errors:
            return EVERY
        if self._is_attended():
            return max(EVERY, len(self._wanted))
        return max(UNATTENDED, _UNATTENDED_FOR_EACH * len(self._wanted))

    def _is_attended(self) -> bool:
        return self.monotonic() - self._looked <= ATTENDED

    def _shown(self) -> list[Member]:
        """All of them, for somebody who looks; where nobody did they are asked now, for the next look."""
        if not self._is_attended():
            for number, wanted in enumerate(self._wanted.values()):
                asyncio.get_running_loop().call_later(number * _APART, wanted.set)
        self._looked = self.monotonic()
        return [member for name in self.members.names if (member := self.find(name)) is not None]

    def _entry(self, member: Member) -> dict[str, Any]:
        said = self._said.get(member.name)
        known = {"id": f"node/{member.name}", "level": "", "node": member.name, "type": "node"}
        if member.fingerprint:
            known["ssl_fingerprint"] = member.fingerprint
        return {**known, **({} if said is None else said.entry), "status": self._status(member, said)}

    def _status(self, member: Member, said: Said | None) -> str:
        if member.seen is False:
            return "offline"
        silence = self._errors.get(member.name)
        silent = silence is not None and self.monotonic() - silence.since > UNKNOWN
        return "unknown" if said is None or silent or member.name in self._gone else "online"

    def _tasks(self, member: Member) -> list[Mapping[str, Any]]:
        said = self._said.get(member.name)
        if said is None:
            return []
        gone = member.seen is False or member.name in self._gone
        return [{**each, "status": "unknown"} if gone and "endtime" not in each else each for each in said.tasks]


def _said(member: Member, status: int, text: bytes) -> Said:
    """The answer as a value; raises ApiError for what is none."""
    try:
        data = json.loads(text)["data"]
        # It speaks for itself alone.
        named = {"id": f"node/{member.name}", "node": member.name, "type": "node"}
        return Said({**data["entry"], **named}, _objects(data["tasks"]), _objects(data["log"]))
    except (ValueError, KeyError, TypeError):
        raise ApiError(502, f"node '{member.name}' does not say how it is (status {status})") from None


def _objects(values: Iterable[Any]) -> list[dict[str, Any]]:
    """Each with the user whom it is about."""
    return [{**each, "user": str(each["user"])} for each in values]


def alone() -> Others:
    """Nobody else."""
    return Others(Members(MemoryRecords(), "", lambda: None), "", lambda: Accounts.of({}))
