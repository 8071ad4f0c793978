"""A preflight over the API: what a member tells whom, and how somebody asks for one and reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.unit import api_node
from tests.unit.cluster_tokens import ADDRESSES, CA
from tests.unit.preflight_facts import NEW, sound
from tests.unit.shown_node import OverSocket

from trebol_node.api.app import PREFIX, make_app
from trebol_node.api.routes import cluster_config, joins, preflight
from trebol_node.api.routes.desk import Desk
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.preflight.asked import Asked
from trebol_node.cluster.preflight.facts import Contents
from trebol_node.cluster.records import Member, Settings, State
from trebol_node.cluster.tokens import keeping
from trebol_node.cluster.tokens.token import Token
from trebol_node.store.records import MemoryRecords
from trebol_node.tasks import Upid
from trebol_node.worker.cluster_operations import JoinCluster, Preflight

NODE = api_node.NODE
UPID = Upid(NODE, 4711, 815, 1790000000, "clusterpreflight", "", "root@pam")
MACHINE = f"{4:032x}"


@dataclass
class Worker:
    """Starts what it is asked for."""

    seen: list[Any] = field(default_factory=list)

    async def call(self, operation: Any, *, who: str) -> str:
        """See `world.Worker`."""
        self.seen.append(operation)
        return str(UPID)


@dataclass
class Node:
    """A node's API: `root` signs in by the socket, `nobody` not at all."""

    root: TestClient
    nobody: TestClient
    records: MemoryRecords
    worker: Worker
    context: Any

    def shown(self, token: Token, **more: str) -> dict[str, str]:
        """What node4 shows, as each step of a join does."""
        fields = {"id": token.id, "secret": token.secret.get_secret_value(), "node": NEW, "machine": MACHINE}
        return {**fields, **more}

    def audited(self) -> list[str]:
        """Lines of the audit log."""
        return [str(entry) for entry in self.context.audit.entries]


def issued(records: MemoryRecords, **how: Any) -> Token:
    """A token of the cluster of one."""
    now = int(api_node.NOW)
    given = {"cluster": "clover", "cluster_id": "c1", "addresses": ADDRESSES, "ca": CA, "made_by": NODE, "now": now}
    return keeping.issue(records, **{**given, **how})


def made(folder: Path, values: dict[str, Any]) -> Node:
    """With these records."""
    records, worker = MemoryRecords(values), Worker()
    context = replace(api_node.context(folder, records), worker=worker)

    async def call(operation: Any) -> Any:
        raise AssertionError(operation)

    desk = Desk(NODE, records, None, call, lambda: api_node.NOW)  # type: ignore[arg-type]
    # Nobody is there who would answer, and nobody is waited for.
    asked = Asked(records, lambda: (), now=lambda: api_node.NOW)
    routers = (joins.router(desk), preflight.router(desk, asked), cluster_config.router(desk))
    app = make_app(context, routers=routers)
    return Node(TestClient(OverSocket(app)), TestClient(app), records, worker, context)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Node]:
    yield made(tmp_path, {})


@pytest.fixture
def member(tmp_path: Path) -> Iterator[Node]:
    mine = Member(NODE, "1" * 32, "192.0.2.1", State.MEMBER, voter=True)
    yield made(
        tmp_path,
        {
            "cluster/settings": Settings("clover", "c1", "2026-11-28T12:00:00+00:00").to_members(),
            "cluster/corosync": Totem.first("clover", NODE, {0: "192.0.2.1"}).to_members(),
            f"cluster/nodes/{NODE}": mine.to_members(),
        },
    )


def post(node: Node, path: str, fields: dict[str, str], status: int = 200) -> Any:
    """What a member answers to whoever is nobody."""
    answer = node.nobody.post(f"{PREFIX}/cluster/joins{path}", data=fields)
    assert answer.status_code == status, answer.text
    return answer.json()["data"] if status == 200 else answer.json()["message"]


def test_who_shows_a_token_is_measured_and_it_stays_as_unused(member: Node) -> None:
    token = issued(member.records)
    before = member.records.below("cluster/")
    assert post(member, "/members", member.shown(token)) == [NODE]
    begun = post(member, "/preflight", member.shown(token, links="0=192.0.2.4", force="loss,mtu-path"))
    assert (begun["members"], begun["hosts"], len(begun["key"])) == ([NODE], [], 64)
    assert member.records.get(f"cluster/preflight/{begun['id']}") is not None
    assert post(member, "/measured", member.shown(token, preflight=begun["id"])) == []
    assert member.records.below("cluster/") == before
    assert "arguments=id,links,machine,node,secret,force=loss,force=mtu-path" in member.audited()[1]


@pytest.mark.parametrize("path", ["/members", "/preflight", "/measured"])
def test_who_shows_none_or_a_bad_one_learns_nothing(member: Node, path: str) -> None:
    more = {"/preflight": {"links": "0=192.0.2.4"}, "/measured": {"preflight": "1"}}.get(path, {})
    expired = issued(member.records, now=int(api_node.NOW) - 7200)
    assert "ended at" in post(member, path, member.shown(expired, **more), status=403)
    other = issued(member.records, node="node5")
    assert "is for node node5" in post(member, path, member.shown(other, **more), status=403)
    unknown = {**member.shown(other, **more), "secret": "0" * 32}
    assert "is not known here" in post(member, path, unknown, status=403)
    assert member.records.below("cluster/preflight/") == ()


def test_no_address_that_is_none_is_measured(member: Node) -> None:
    token = issued(member.records)
    assert "no host" in post(member, "/preflight", member.shown(token, links="0=255.255.255.255"), status=400)


def asked_for(node: Node, token: str, path: str = "/preflight", status: int = 200, **more: Any) -> Any:
    """What the node's own API answers root."""
    answer = node.root.post(f"{PREFIX}/cluster/config{path}", data={"token": token, **more})
    assert answer.status_code == status, answer.text
    return answer.json()


def test_a_node_that_stands_alone_has_one_made_as_a_task(alone: Node) -> None:
    token = issued(alone.records).reveal()
    assert asked_for(alone, token, link0=api_node.ADDRESSES[0])["data"] == str(UPID)
    (operation,) = alone.worker.seen
    assert isinstance(operation, Preflight) and operation.links == {"0": api_node.ADDRESSES[0]}
    assert "hello" not in alone.audited()[0] and token not in alone.audited()[0]


def test_a_member_joins_nothing_and_so_measures_nothing(member: Node) -> None:
    token = issued(member.records).reveal()
    assert "is of the cluster clover already" in asked_for(member, token, status=409)["message"]


def test_the_result_says_what_stops_and_what_would_not_if_forced(alone: Node) -> None:
    facts = sound()
    guests = replace(facts.hosts[0], contents=Contents(guests=("web",)))
    facts = replace(facts, hosts=(guests, *facts.hosts[1:]))
    alone.context.tasks.create(UPID)
    asked = {"upid": str(UPID)}
    answer = alone.root.get(f"{PREFIX}/cluster/config/preflight", params=asked)
    assert (answer.status_code, answer.json()["errors"]) == (400, {"upid": "the task has no result"})
    told = {"facts": facts.to_members(), "fingerprint": "AA"}
    alone.context.tasks.write_result(UPID, json.dumps(told))
    found = alone.root.get(f"{PREFIX}/cluster/config/preflight", params=asked).json()["data"]
    assert (found["stops"], [each["code"] for each in found["findings"]]) == (True, ["not-empty-guests"])
    assert found["fingerprint"] == "AA"
    asked["force"] = "not-empty-guests"
    assert alone.root.get(f"{PREFIX}/cluster/config/preflight", params=asked).json()["data"]["stops"] is False
    assert alone.nobody.get(f"{PREFIX}/cluster/config/preflight", params=asked).status_code == 401


def test_what_a_join_forces_is_checked_and_stands_in_the_audit_log(alone: Node) -> None:
    token = issued(alone.records).reveal()
    asked_for(alone, token, "/join", force=["mtu-path", "loss"])
    (operation,) = alone.worker.seen
    assert isinstance(operation, JoinCluster) and operation.force == ["loss", "mtu-path"]
    assert "arguments=token,force=loss,force=mtu-path" in alone.audited()[0]
    assert "cannot be forced" in asked_for(alone, token, "/join", 409, force="name-taken")["message"]
    assert "no such check" in asked_for(alone, token, "/join", 400, force="hello")["message"]
    assert len(alone.worker.seen) == 1
