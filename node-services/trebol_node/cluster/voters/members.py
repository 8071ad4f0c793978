"""The store's members: added, made voters, moved, removed; done twice it is as done once.

Over etcd's gateway: `cluster/member/{list,add,update,remove,promote}`. A member joins as a learner, which follows and
does not vote, and is promoted when it has what the others have: so a vote never waits for a copy.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from trebol_common.errors import Refused, TrebolError
from trebol_node.store.answers import NOT_FOUND, UNHEALTHY, Failure
from trebol_node.store.errors import Unavailable
from trebol_node.store.gateway import Gateway

#: Seconds that a change may wait for etcd to allow it: it wants all voters connected for 5 s before it adds a member.
READY = 30.0

#: Seconds that a learner may be behind: it gets all that the store holds (64 MiB of records, and their history).
IN_SYNC = 120.0

#: Seconds between two questions.
_AGAIN = 0.5

#: etcd's words (api/v3rpc/rpctypes/error.go of etcd 3.5).
_IN_USE = "etcdserver: Peer URLs already exists"
_BEHIND = "etcdserver: can only promote a learner member which is in sync with leader"
_NO_LEARNER = "etcdserver: can only promote a learner member"
_TOO_MANY = "etcdserver: too many learner members in cluster"
_NOT_STARTED = "etcdserver: re-configuration failed due to not enough started members"


class NoMember(TrebolError):
    """The store has no such member."""


class OneLearns(Refused):
    """One member learns already; the store takes no second one until that votes, or is gone."""


@dataclass(frozen=True)
class Member:
    """A member as the store lists it. One that has not started yet has no name and no client URLs."""

    id: int
    name: str
    peer_urls: tuple[str, ...]
    client_urls: tuple[str, ...]
    learner: bool

    def __str__(self) -> str:
        """As people know it."""
        return self.name or ", ".join(self.peer_urls)


def quorum(voters: int) -> int:
    """How many of them have to agree."""
    return voters // 2 + 1


class Members:
    """The members of the store behind `gateway`; `tls` as for it.

    `answers` says whether a voter answers and knows a leader; by default it is asked, and has a few seconds. All
    methods raise Unavailable where the store cannot be written; whether a change was made may then be unknown, and
    is found out by doing it again.
    """

    def __init__(
        self,
        gateway: Gateway,
        tls: Callable[[], ssl.SSLContext] | None = None,
        *,
        answers: Callable[[Member], bool] | None = None,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._gateway = gateway
        self._tls = tls
        self._answers = answers or self._ask
        self._clock = clock
        self._pause = pause

    def members(self) -> tuple[Member, ...]:
        """All of them, as the quorum knows them; by name, those without one last."""
        told = self._gateway.call("cluster/member/list", {"linearizable": True})
        found = (member_of(each) for each in told.get("members", ()))
        return tuple(sorted(found, key=lambda member: (not member.name, member.name, member.id)))

    def at(self, peer_url: str) -> Member | None:
        """The one that the others reach there."""
        return next((member for member in self.members() if peer_url in member.peer_urls), None)

    def require_dispensable(self, peer_url: str) -> None:
        """Raises Refused where `remove` would, before anything else is done. Whoever does not vote may always go."""
        members = self.members()
        member = next((each for each in members if peer_url in each.peer_urls), None)
        if member is not None and not member.learner:
            self._require_quorum(member, tuple(each for each in members if not each.learner))

    def add_learner(self, peer_url: str, *, seconds: float = READY) -> Member:
        """Let a member join that is going to be at `peer_url`; the one that is there, where there is one.

        Raises OneLearns where another one does, Refused where voters do not answer: etcd adds none then.
        """
        deadline = self._clock() + seconds
        while (found := self.at(peer_url)) is None:
            try:
                told = self._change("add", {"peerURLs": [peer_url], "isLearner": True})
                return member_of(told["member"])
            except Failure as error:
                if error.said == _TOO_MANY:
                    raise OneLearns(
                        "another node is joining the store", where=peer_url, hint="wait until it votes"
                    ) from error
                if error.said in (UNHEALTHY, _NOT_STARTED):
                    if not self._wait(deadline):
                        raise Refused(
                            "the store takes no member while a voter does not answer",
                            where=self._silent(),
                            hint="start it, or take its vote",
                        ) from error
                elif error.said != _IN_USE:
                    raise
        return found

    def promote(self, number: int, *, seconds: float = IN_SYNC) -> Member:
        """Make a voter of a learner, as soon as it has what the others have; one that votes is one already.

        Raises NoMember, Unavailable where it is still behind after so many seconds, Refused where voters are missing.
        """
        deadline = self._clock() + seconds
        while True:
            member = self._of(number)
            if not member.learner:
                return member
            try:
                self._change("promote", {"ID": str(number)})
            except Failure as error:
                if error.said == _NOT_STARTED:
                    raise Refused("too few voters have started", where=str(member)) from error
                if error.code != NOT_FOUND and error.said not in (_BEHIND, _NO_LEARNER):
                    raise
                if not self._wait(deadline):
                    raise Unavailable(
                        f"has not got all that the store holds within {seconds:.0f} s",
                        where=str(member),
                        hint="see there: systemctl status trebol-store, journalctl -u trebol-store",
                    ) from error

    def remove(self, number: int, *, seconds: float = READY) -> None:
        """Remove a member; one that is gone is gone.

        Raises Refused for the last voter, and for one without which those that answer would be no quorum.
        """
        deadline = self._clock() + seconds
        while True:
            members = self.members()
            member = next((each for each in members if each.id == number), None)
            if member is None:
                return
            if not member.learner:
                self._require_quorum(member, tuple(each for each in members if not each.learner))
            try:
                self._change("remove", {"ID": str(number)})
            except Failure as error:
                if error.said in (UNHEALTHY, _NOT_STARTED):
                    if not self._wait(deadline):
                        raise Refused("the store would be left without a quorum", where=str(member)) from error
                elif error.code != NOT_FOUND:
                    raise

    def move_peer(self, number: int, peer_url: str) -> Member:
        """Have the others reach a member at `peer_url` from now on. Raises NoMember, Refused for another's URL."""
        there = self.at(peer_url)
        if there is not None and there.id != number:
            raise Refused(f"belongs to {there} already", where=peer_url)
        member = self._of(number)
        if member.peer_urls == (peer_url,):
            return member
        self._change("update", {"ID": str(number), "peerURLs": [peer_url]})
        return self._of(number)

    def answering(self, members: tuple[Member, ...]) -> frozenset[int]:
        """Of these, the ids of those that answer and know a leader, learners too."""
        silent = {each.id for each in self._who_is_silent(members)} if members else set()
        return frozenset(each.id for each in members if each.id not in silent)

    def _change(self, what: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._gateway.call(f"cluster/member/{what}", body, writes=True)

    def _of(self, number: int) -> Member:
        for member in self.members():
            if member.id == number:
                return member
        raise NoMember("is no member of the store", where=f"{number:x}")

    def _wait(self, deadline: float) -> bool:
        """Wait until it is worth asking again; False where the time is over."""
        if self._clock() >= deadline:
            return False
        self._pause(_AGAIN)
        return True

    def _require_quorum(self, member: Member, voters: tuple[Member, ...]) -> None:
        others = tuple(each for each in voters if each.id != member.id)
        if not others:
            raise Refused("is the only voter: with it the store would go", where=str(member))
        silent = self._who_is_silent(others)
        if len(others) - len(silent) < quorum(len(others)):
            raise Refused(
                f"without it the store would have no quorum: {', '.join(map(str, silent))} does not answer",
                where=str(member),
                hint="start what does not answer, or remove that first",
            )

    def _silent(self) -> str:
        voters = tuple(member for member in self.members() if not member.learner)
        return ", ".join(map(str, self._who_is_silent(voters)))

    def _who_is_silent(self, members: tuple[Member, ...]) -> tuple[Member, ...]:
        """At once: one that drops packets takes seconds."""
        with ThreadPoolExecutor(len(members)) as threads:
            answered = list(threads.map(self._answers, members))
        return tuple(member for member, there in zip(members, answered, strict=True) if not there)

    def _ask(self, member: Member) -> bool:
        if not member.client_urls:
            return False
        gateway = Gateway(member.client_urls, self._tls)
        try:
            return bool(gateway.call("maintenance/status", {}).get("leader", "0") != "0")
        except Unavailable:
            return False
        finally:
            gateway.close()


def member_of(told: Mapping[str, Any]) -> Member:
    """From etcd's own words."""
    return Member(
        id=int(told["ID"]),
        name=str(told.get("name", "")),
        peer_urls=tuple(told.get("peerURLs", ())),
        client_urls=tuple(told.get("clientURLs", ())),
        learner=bool(told.get("isLearner", False)),
    )
