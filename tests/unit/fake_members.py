"""A store whose members change as etcd 3.5.16's were seen to; see `fake_etcd`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.unit.fake_etcd import FakeEtcd

from trebol_node.cluster.voters.members import Members
from trebol_node.store import answers

UNHEALTHY = (503, {"code": 14, "message": "etcdserver: unhealthy cluster"})
NOT_STARTED = (
    400,
    {"code": 9, "message": "etcdserver: re-configuration failed due to not enough started members"},
)
BEHIND = (400, {"code": 9, "message": "etcdserver: can only promote a learner member which is in sync with leader"})
NO_LEARNER = (400, {"code": 9, "message": "etcdserver: can only promote a learner member"})
IN_USE = (400, {"code": 9, "message": "etcdserver: Peer URLs already exists"})
TOO_MANY = (400, {"code": 9, "message": "etcdserver: too many learner members in cluster"})
UNKNOWN = (404, {"code": 5, "message": "etcdserver: member not found"})


@dataclass(frozen=True)
class Listed:
    """A member as it is listed."""

    number: int
    name: str
    url: str
    learner: bool = False

    def told(self) -> dict[str, Any]:
        """As JSON: what is false or empty is left out."""
        found: dict[str, Any] = {"ID": str(self.number), "peerURLs": [self.url]}
        if self.name:
            found |= {"name": self.name, "clientURLs": [self.url.replace("2380", "2379")]}
        return found | ({"isLearner": True} if self.learner else {})


class FakeMembers(FakeEtcd):
    """With the members `listed`. `refuse` has what is answered to a change before it is made, one after the other."""

    def __init__(self, *listed: Listed) -> None:
        super().__init__()
        self.listed = {each.number: each for each in listed}
        self.refuse: list[tuple[int, Mapping[str, Any]]] = []
        #: Made, and answered with this all the same.
        self.lose: list[tuple[int, Mapping[str, Any]]] = []
        self.changes: list[str] = []

    def answer(self, path: str, body: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        """See `FakeEtcd.answer`."""
        area, _slash, what = path.rpartition("/")
        if area != "cluster/member" or path in self.refusals:
            return super().answer(path, body)
        if what != "list":
            if self.refuse:
                return self.refuse.pop(0)
            self.changes.append(what)
            if (refused := self._change(what, body)) is not None:
                return refused
            if self.lose:
                return self.lose.pop(0)
        answer: dict[str, Any] = {"header": self.header(), "members": [each.told() for each in self.listed.values()]}
        if what == "add":
            answer["member"] = list(self.listed.values())[-1].told()
        return 200, answer

    def _change(self, what: str, body: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]] | None:
        number, urls = int(body.get("ID", 0)), body.get("peerURLs", [])
        if what == "add":
            if any(each.url in urls for each in self.listed.values()):
                return IN_USE
            if any(each.learner for each in self.listed.values()):
                return TOO_MANY
            number = max(self.listed, default=0) + 1
            self.listed[number] = Listed(number, "", urls[0], bool(body.get("isLearner")))
            return None
        if number not in self.listed:
            return UNKNOWN
        found = self.listed[number]
        if what == "remove":
            del self.listed[number]
        elif what == "update":
            self.listed[number] = replace(found, url=urls[0])
        elif not found.learner:
            return NO_LEARNER
        else:
            self.listed[number] = replace(found, learner=False)
        return None


@dataclass(frozen=True)
class Here:
    """The way to a store in this process."""

    etcd: FakeMembers

    def call(self, path: str, body: Mapping[str, Any], *, writes: bool = False) -> dict[str, Any]:
        """See `Gateway.call`."""
        status, answer = self.etcd.answer(path, body)
        return answers.answer(status, json.dumps(answer), "here", writes=writes)


def members_of(etcd: FakeMembers) -> Members:
    """The members of a store in this process, all of which answer; who waits does not sleep."""
    seconds = iter(range(10**6))
    return Members(
        Here(etcd),  # type: ignore[arg-type]
        answers=lambda member: True,
        clock=lambda: float(next(seconds)),
        pause=lambda _seconds: None,
    )
