"""A node and the member that it would join through, over TLS: texts agreed beforehand, a member that is none yet."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.unit.api_node import NODE, LiveNode, context, serving
from tests.unit.api_node import TestClock as ClockOfTests

from trebol_common.errors import BadInput, Refused, TrebolError
from trebol_common.run import CommandRunner
from trebol_node import pki
from trebol_node.api.routes import cluster_config, joins
from trebol_node.api.routes.desk import Desk
from trebol_node.client import Api
from trebol_node.cluster import records as cluster
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.join import _passes, credentials
from trebol_node.cluster.member import Credentials, MemberApi, find
from trebol_node.cluster.records import Member, Settings, State
from trebol_node.cluster.tokens import keeping
from trebol_node.cluster.tokens.addresses import Address
from trebol_node.cluster.tokens.agreed import Agreed
from trebol_node.cluster.voters.members import Members
from trebol_node.cluster.waiting import LockedOut, NoCluster, Waits
from trebol_node.store.gateway import Gateway, TlsSource
from trebol_node.worker.cluster_operations import JoinCluster

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")

TEXT = "9f2c4e81b7d3605a1c88e4f2070b9d6e"
TOTEM = Totem.first("clover", NODE, {0: "192.0.2.10"})


@pytest.fixture
def node(tmp_path: Path) -> Iterator[LiveNode]:
    """A node that stands alone, with its own CA."""
    folder = tmp_path / "pki"
    pki.prepare(
        pki.Names(NODE, (NODE,), ("127.0.0.1",)), CommandRunner(), folder=folder, own=lambda _path, _group: None
    )
    found = context(tmp_path)

    async def call(operation: Any) -> Any:
        raise AssertionError(operation)

    desk = Desk(
        NODE,
        found.records,  # type: ignore[arg-type]
        Members(Gateway("http://127.0.0.1:1", TlsSource(folder))),
        call,
        found.clock.now,
        folder,
    )
    pair = pki.API.pair(folder)
    routers = (joins.router(desk), cluster_config.router(desk))
    with serving(found, tmp_path, routers=routers, pair=(pair.certificate, pair.key)) as live:
        yield live


def become_cluster(node: LiveNode) -> None:
    """As after the creation."""
    member = Member(NODE, "m1", "192.0.2.10", State.MEMBER, voter=True)
    for key, value in (
        (f"{cluster.NODES}{NODE}", member.to_members()),
        (cluster.COROSYNC, TOTEM.to_members()),
        (cluster.SETTINGS, Settings("clover", "c1", "2026-11-28T12:00:00+00:00").to_members()),
    ):
        node.context.records.put(key, value, expected=0)


def shown(node: str) -> Credentials:
    return credentials(SecretStr(TEXT), "192.0.2.10", node=node, machine=node[1:] * 32)[1]


def asked(node: LiveNode, name: str) -> MemberApi:
    return find((Address("127.0.0.1", node.port),), shown(name))


def test_a_node_that_stands_alone_says_so_before_any_proof(node: LiveNode) -> None:
    mine, where = shown("n2"), (Address("127.0.0.1", node.port),)
    for _ in range(20):
        with pytest.raises(Refused, match="is of no cluster"):
            find(where, mine)
    become_cluster(node)
    Api(node.path).create("/cluster/tokens", agreed=TEXT)
    assert find(where, mine).authority, "whoever waited is not taken for one that guesses"


@pytest.mark.parametrize("named", [True, False])
def test_a_text_is_registered_before_the_cluster_is_there_and_lets_in_whom_it_is_for(
    node: LiveNode, named: bool
) -> None:
    for_node = {"node": "n2"} if named else {}
    made = Api(node.path).create("/cluster/tokens", agreed=TEXT, ttl="7d", **for_node)
    assert "token" not in made and made["id"] == Agreed.of(SecretStr(TEXT), node=for_node.get("node")).id
    become_cluster(node)

    member = asked(node, "n2")
    told = member.post("/admit", links="0=192.0.2.11")

    assert told["cluster"]["name"] == "clover"
    assert member.credentials.id == made["id"]
    with pytest.raises(TrebolError, match="is not known here" if named else "joins at the moment"):
        asked(node, "n3").post("/admit", links="0=192.0.2.12")


def test_a_node_that_waits_for_its_turn_is_not_taken_for_one_that_guesses(node: LiveNode) -> None:
    become_cluster(node)
    for name in ("n2", "n3"):
        Api(node.path).create("/cluster/tokens", agreed=TEXT, node=name)
    asked(node, "n2").post("/admit", links="0=192.0.2.11")
    other = asked(node, "n3")

    for _ in range(20):
        with pytest.raises(Refused, match="joins at the moment"):
            other.post("/admit", links="0=192.0.2.12")


@pytest.mark.parametrize(("text", "told"), [("sesame", "too easily guessed"), (f"{TEXT} {TEXT}", "is not one word")])
def test_a_text_that_can_be_guessed_is_not_registered(node: LiveNode, text: str, told: str) -> None:
    with pytest.raises(BadInput, match=told) as caught:
        Api(node.path).create("/cluster/tokens", agreed=text)
    assert text not in str(caught.value)
    assert Api(node.path).get("/cluster/tokens") == []


@pytest.mark.parametrize(("given", "patience"), [({}, 300), ({"patience": "0"}, None), ({"patience": "5"}, 5)])
def test_a_join_waits_as_long_as_it_is_told_to(
    node: LiveNode, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], patience: int | None
) -> None:
    seen: list[JoinCluster] = []

    async def call(operation: JoinCluster, *, who: str) -> str:
        seen.append(operation)
        return "UPID"

    monkeypatch.setattr(node.context.worker, "call", call)
    Api(node.path).create("/cluster/config/join", token=TEXT, hostname="192.0.2.20", **given)
    assert [each.patience for each in seen] == [patience]


def guess(node: LiveNode, mine: Credentials) -> None:
    """Show a token that the node does not know; raises LockedOut once that was too often."""
    with pytest.raises(Refused) as caught:
        find((Address("127.0.0.1", node.port),), mine)
    if isinstance(caught.value, LockedOut):
        raise caught.value


def test_whoever_waits_for_ever_waits_for_the_cluster_and_others_do_not(node: LiveNode) -> None:
    with pytest.raises(NoCluster) as alone:
        asked(node, "n2")
    become_cluster(node)
    mine = shown("n2")
    with pytest.raises(LockedOut) as guessing:
        for _guess in range(20):
            guess(node, mine)
    for error in (alone.value, guessing.value):
        assert _passes(error, ever=True) and not _passes(error, ever=False)


def test_what_is_waited_for_is_told_by_its_code_whatever_the_words_say(node: LiveNode) -> None:
    become_cluster(node)
    for name in ("n2", "n3"):
        Api(node.path).create("/cluster/tokens", agreed=TEXT, node=name)
    asked(node, "n2").post("/admit", links="0=192.0.2.11")
    with pytest.raises(Waits) as waiting:
        asked(node, "n3").post("/admit", links="0=192.0.2.12")
    assert _passes(waiting.value, ever=False)
    assert not _passes(Refused("joins at the moment"), ever=True), "words are for people"


def test_tokens_that_are_over_since_a_day_go_when_one_is_made(node: LiveNode) -> None:
    become_cluster(node)
    api = Api(node.path)
    old = api.create("/cluster/tokens", agreed=TEXT, ttl="15m")["id"]
    clock = node.context.clock
    assert isinstance(clock, ClockOfTests)
    clock.time += 3600
    api.create("/cluster/tokens", agreed=TEXT[::-1])
    assert old in {each["id"] for each in api.get("/cluster/tokens")}, "who shows it is told that it has ended"
    clock.time += keeping.KEPT
    api.create("/cluster/tokens", agreed=TEXT[::-1])
    assert old not in {each["id"] for each in api.get("/cluster/tokens")}
