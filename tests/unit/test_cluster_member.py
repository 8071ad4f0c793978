"""A node that joins believes whoever knows the token's secret, whatever certificate that is; and nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.unit import api_node
from tests.unit.test_cluster_admission import World

from trebol_common.errors import BadInput, Refused
from trebol_common.run import CommandRunner
from trebol_node import pki
from trebol_node.api.context import Context
from trebol_node.api.routes import cluster_config, joins
from trebol_node.api.routes.desk import Desk
from trebol_node.cluster.by_password import ByPassword
from trebol_node.cluster.member import Credentials, Unanswered, find
from trebol_node.cluster.tokens.addresses import Address
from trebol_node.cluster.voters.members import OneLearns
from trebol_node.worker.cluster_operations import ForgetNode, HandOver, ReadMembership
from trebol_node.worker.operation import Operation


class Learners:
    """The store's list of members, for who asks to learn."""

    def __init__(self) -> None:
        self.added: list[str] = []
        self.learns = ""

    def add_learner(self, peer_url: str) -> None:
        if self.learns:
            raise OneLearns("another node is joining the store", where=peer_url)
        self.added.append(peer_url)

    def members(self) -> list[Any]:
        return []

    def at(self, peer_url: str) -> None:
        """Nobody has begun yet."""


@dataclass(frozen=True)
class Live:
    """A member that serves, its world, and where it is."""

    world: World
    address: Address
    learners: Learners
    context: Context

    def credentials(self, **others: Any) -> Credentials:
        applicant = self.world.applicant()
        made = Credentials(applicant.token, SecretStr(applicant.secret), "n2", "2" * 32)
        return replace(made, **others)


async def call(operation: Operation) -> Any:
    """The worker, as far as a join asks it."""
    match operation:
        case HandOver():
            return {"authority-key": "K", "authority": "C", "corosync-key": "Qw=="}
        case ReadMembership():
            return {"version": 99}
        case ForgetNode():
            return None
    raise AssertionError(operation)


@contextmanager
def member(folder: Path, world: World, *, certificates: Path | None = None) -> Iterator[Live]:
    """Serve; `certificates` are those that it takes for its own, if they are not those that it shows."""
    shown = folder / "pki"
    names = pki.names_of("n1", "", ["127.0.0.1"])
    pki.prepare(names, CommandRunner(), folder=shown, own=lambda path, group: None)
    context = replace(api_node.context(folder, world.records), node="n1")
    learners = Learners()
    desk = Desk("n1", world.records, learners, call, lambda: api_node.NOW, certificates or shown)  # type: ignore[arg-type]
    pair = pki.API.pair(shown)
    routers = [joins.router(desk), cluster_config.router(desk)]
    with api_node.serving(context, folder, routers=routers, pair=(pair.certificate, pair.key)) as live:
        yield Live(world, Address("127.0.0.1", live.port), learners, context)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A cluster of one, in the time of the API's tests."""
    monkeypatch.setattr("tests.unit.test_cluster_admission.NOW", int(api_node.NOW))
    return World()


@pytest.fixture
def live(tmp_path: Path, world: World) -> Iterator[Live]:
    """A member that serves."""
    with member(tmp_path, world) as found:
        yield found


def test_both_sides_know_the_secret_and_the_join_goes_its_way(live: Live) -> None:
    asked = find([live.address], live.credentials())

    told = asked.post("/admit", links="0=192.0.2.12")
    assert (told["id"], told["cluster"]["name"]) == (2, "clover")
    assert asked.post("/keys") == {"authority-key": "K", "authority": "C", "corosync-key": "Qw=="}
    assert asked.post("/store") == {"votes": True, "voters": {"n1": "192.0.2.11", "n2": "192.0.2.12"}}
    assert live.learners.added == ["https://192.0.2.12:2380"]
    assert asked.post("/corosync", links="0=192.0.2.12")["nodes"] == ["n1", "n2"]
    asked.post("/end")
    with pytest.raises(Refused, match="was used"):
        asked.post("/keys")


def test_while_another_node_learns_a_node_joins_without_a_vote(live: Live) -> None:
    live.learners.learns = "n9"
    asked = find([live.address], live.credentials())
    asked.post("/admit", links="0=192.0.2.12")
    assert asked.post("/store") == {"votes": False, "voters": {"n1": "192.0.2.11"}}


def test_a_dead_address_is_passed_over(live: Live) -> None:
    found = find([Address("127.0.0.1", 1), live.address], live.credentials())
    assert found.address == live.address


def test_every_address_that_does_not_answer_is_named(live: Live) -> None:
    with pytest.raises(Unanswered) as caught:
        find([Address("127.0.0.1", 1), Address("127.0.0.1", 2)], live.credentials())
    assert [problem.where for problem in caught.value.problems] == ["127.0.0.1:1", "127.0.0.1:2"]


@pytest.mark.parametrize("spoiled", [{"secret": SecretStr("0" * 32)}, {"id": "0" * 16}])
def test_whoever_does_not_know_the_secret_gets_no_proof_to_try_it_on(live: Live, spoiled: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="is not known here"):
        find([live.address], live.credentials(**spoiled))


def test_whoever_stands_between_with_another_certificate_is_found_out(tmp_path: Path, world: World) -> None:
    """The member makes its proof over the certificate that it has; the node sees the one of who stands between."""
    own = tmp_path / "own"
    pki.prepare(pki.names_of("n1", "", []), CommandRunner(), folder=own, own=lambda path, group: None)
    between = tmp_path / "between"
    between.mkdir()
    with member(between, world, certificates=own) as live, pytest.raises(Refused):
        find([live.address], live.credentials())


def test_another_ca_than_the_token_names_is_not_believed(live: Live) -> None:
    with pytest.raises(Refused, match="does not know the token's secret"):
        find([live.address], live.credentials(authority="00" * 32))


def test_a_join_that_is_taken_back_leaves_nothing(live: Live) -> None:
    asked = find([live.address], live.credentials())
    before = live.world.everything()
    asked.post("/admit", links="0=192.0.2.12")
    with pytest.raises(BadInput, match="has no link 0"):
        asked.post("/corosync", links="1=192.0.2.12")
    asked.post("/corosync", links="0=192.0.2.12")

    asked.post("/undo")

    after = live.world.everything()
    assert {key for key in after if key.startswith("cluster/")} == {
        key for key in before if key.startswith("cluster/")
    }


def test_who_guesses_tokens_is_locked_out(live: Live) -> None:
    wrong = live.credentials(secret=SecretStr("0" * 32))
    for _ in range(10):
        with pytest.raises(Refused):
            find([live.address], wrong)
    with pytest.raises(Refused, match="too many wrong tokens"):
        find([live.address], live.credentials())


def test_a_password_is_good_for_a_token_of_this_node(live: Live) -> None:
    shown = pki.fingerprint(Path(live.context.tasks.folder).parent / "pki" / "api.pem")
    api_node.with_accounts(live.context)
    given = ByPassword("127.0.0.1", shown, SecretStr("password of ana"), user="ana@trebol")
    with pytest.raises(Refused, match="Sys.Modify"):
        given.token("n2", port=live.address.port)
    for wrong, says in (
        (replace(given, fingerprint="AB" * 32), "certificate"),
        (replace(given, fingerprint="?"), "AB:CD"),
    ):
        with pytest.raises((Unanswered, BadInput), match=says):
            wrong.token("n2", port=live.address.port)
