"""Whoever sends a member what no join sends, or in another order: the right answer, nothing half done."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.unit import api_node
from tests.unit.cluster_tokens import ADDRESSES, CA
from tests.unit.preflight_facts import NEW
from tests.unit.shown_node import Shown, shown_node

from trebol_node import pki
from trebol_node.api.app import PREFIX
from trebol_node.api.routes.cluster_config import CODES
from trebol_node.cluster import records as cluster
from trebol_node.cluster import under_way
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.preflight.asked import Asked
from trebol_node.cluster.preflight.questions import Candidate
from trebol_node.cluster.records import State
from trebol_node.cluster.removal import Removal
from trebol_node.cluster.tokens import keeping, proof
from trebol_node.cluster.tokens.agreed import proof_key
from trebol_node.cluster.tokens.nonces import GOOD, Nonces
from trebol_node.cluster.tokens.record import TokenRecord, hash_secret, key_of
from trebol_node.cluster.tokens.token import Token
from trebol_node.store.records import MemoryRecords

NODE = api_node.NODE
OTHER = "192.0.2.12"


@dataclass
class World:
    """A member of a cluster of one, as nodes reach it that would join."""

    node: Shown
    certificate: bytes
    tokens: list[Token] = field(default_factory=list)

    @property
    def records(self) -> MemoryRecords:
        found: MemoryRecords = self.node.context.records
        return found

    def token(self, **how: Any) -> Token:
        given = {"cluster": "clover", "cluster_id": "c1", "addresses": ADDRESSES, "ca": CA, "made_by": NODE}
        made = keeping.issue(self.records, **{**given, "now": int(api_node.NOW), **how})
        self.tokens.append(made)
        return made

    def post(self, path: str, fields: dict[str, str], status: int = 200) -> Any:
        """What is answered, in the one shape: the data, or all of it where it is an error."""
        answer = self.node.nobody.post(f"{PREFIX}/cluster/joins{path}", data=fields)
        assert answer.status_code == status, (path, answer.text)
        told = answer.json()
        if status == 200:
            assert set(told) == {"data"}
            return told["data"]
        assert told["data"] is None and told["message"]
        return told

    def step(self, path: str, token: Token, status: int = 200, name: str = "n2", **more: str) -> Any:
        links = {"links": f"0={OTHER}"} if path in ("/admit", "/corosync") else {}
        return self.post(path, {**shown(token, name), **links, **more}, status)

    def join(self, token: Token) -> None:
        for path in ("/admit", "/keys", "/store", "/corosync", "/vote", "/end"):
            self.step(path, token)

    def proof(self, token: Token, nonce: str, own: bytes = b"\1" * 32) -> dict[str, str]:
        exchange = proof.Exchange(own, bytes.fromhex(nonce), self.certificate)
        key = proof_key(hash_secret(token.secret.get_secret_value()))
        made = proof.proof_of_joiner(key, exchange).hex()
        return {"id": token.id, "nonce": own.hex(), "member-nonce": nonce, "proof": made}

    def hello(self) -> str:
        return str(self.post("/hello", {})["nonce"])

    def kept(self) -> dict[str, Any]:
        """All records but what counts up."""
        found = {each.key: dict(each.value) for each in self.records.below("")}
        found[cluster.COROSYNC].pop("version")
        return found


def shown(token: Token, name: str = "n2") -> dict[str, str]:
    secret = token.secret.get_secret_value()
    return {"id": token.id, "secret": secret, "node": name, "machine": name[-1] * 32}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with shown_node(tmp_path, clustered=True) as node:
        text = pki.API.pair(tmp_path / "pki").certificate.read_text("ascii")
        leaf = text[: text.index(ssl.PEM_FOOTER) + len(ssl.PEM_FOOTER)]
        made = World(node, hashlib.sha256(ssl.PEM_cert_to_DER_cert(leaf[leaf.index(ssl.PEM_HEADER) :])).digest())
        yield made
        lines = "\n".join(map(str, node.context.audit.entries))
        for token in made.tokens:
            assert token.secret.get_secret_value() not in lines
            assert token.reveal() not in lines


def test_a_nonce_is_good_for_one_proof(world: World) -> None:
    given = world.proof(world.token(), world.hello())
    assert set(world.post("/prove", given)) == {"proof", "authority"}
    assert "token" in world.post("/prove", given, 401)["errors"]


def test_a_proof_for_another_nonce_is_none(world: World) -> None:
    given = world.proof(world.token(), world.hello())
    world.post("/prove", {**given, "member-nonce": world.hello()}, 401)
    world.post("/prove", {**world.proof(world.tokens[0], world.hello()), "nonce": "2" * 64}, 401)
    world.post("/prove", {**given, "member-nonce": "3" * 64}, 401)


@pytest.mark.parametrize("name", ["nonce", "member-nonce", "proof"])
@pytest.mark.parametrize("digits", ["1" * 63, "1" * 65, "A" * 64, "", "g" * 64, "1" * 64 + "\n"])
def test_a_nonce_of_another_length_is_refused_and_no_guess(world: World, name: str, digits: str) -> None:
    given = world.proof(world.token(), world.hello())
    for _ in range(12):
        assert name in world.post("/prove", {**given, name: digits}, 400)["errors"]
    world.post("/prove", given)


def test_who_floods_a_member_with_hello_pushes_nobody_out(world: World) -> None:
    world.step("/admit", world.token())
    entries = [str(each) for each in world.node.context.recent.entries]
    given = world.proof(world.tokens[0], world.hello())
    for _ in range(1200):
        world.hello()
    assert [str(each) for each in world.node.context.recent.entries] == entries, "/cluster/log has what it had"
    assert len(world.node.context.audit.entries) > 1200, "the journal has all of them"
    assert set(world.post("/prove", given)) == {"proof", "authority"}


def test_a_nonce_is_good_once_and_for_a_minute_and_where_it_was_made() -> None:
    now = [1000.0]
    mine, other = Nonces(lambda: now[0]), Nonces(lambda: now[0])
    first, late = mine.new(), mine.new()
    assert not other.use(first)
    assert mine.use(first) and not mine.use(first)
    now[0] += GOOD + 1
    assert not mine.use(late) and not mine.use(first)
    assert mine.use(mine.new()) and len(mine._used) == 1, "those that are over take no room"
    forged = bytearray(mine.new())
    forged[7] ^= 1
    assert not mine.use(bytes(forged))


@pytest.mark.parametrize("path", ["/keys", "/store", "/corosync", "/vote", "/end"])
def test_a_step_before_admit_is_refused_and_the_token_stays_unused(world: World, path: str) -> None:
    token = world.token()
    before = world.kept()
    assert "does not join at the moment" in world.step(path, token, 409)["message"]
    assert world.kept() == before
    world.step("/admit", token, name="n3")


@pytest.mark.parametrize("path", ["/vote", "/end"])
def test_who_is_not_in_corosyncs_configuration_neither_votes_nor_is_a_member(world: World, path: str) -> None:
    token = world.token()
    world.step("/admit", token)
    world.step("/store", token)
    before = world.kept()
    assert "not in the configuration of corosync yet" in world.step(path, token, 409)["message"]
    assert world.kept() == before


def test_steps_that_are_asked_for_twice_are_done_once(world: World) -> None:
    token = world.token()
    for path in ("/admit", "/keys", "/store", "/corosync", "/vote", "/end"):
        first = world.step(path, token)
        before = world.kept()
        assert world.step(path, token) == first
        assert world.kept() == before
    assert cluster.members(world.records)[0].state is State.MEMBER
    assert under_way.found(world.records) is None


def test_an_end_that_was_cut_short_is_finished_by_asking_again(world: World) -> None:
    token = world.token()
    for path in ("/admit", "/corosync"):
        world.step(path, token)
    member = world.records.get(f"{cluster.NODES}n2")
    assert member is not None
    world.records.put(member.key, {**member.value, "state": "member"}, expected=member.revision)
    world.step("/end", token)
    assert under_way.found(world.records) is None
    world.step("/admit", token, 409)
    world.step("/keys", token, 403)


def test_a_member_that_takes_its_join_back_is_told_that_it_is_one(world: World) -> None:
    token = world.token()
    world.join(token)
    before = world.kept()
    assert "is a member by now" in world.step("/undo", token, 409)["message"]
    assert world.kept() == before


def test_undo_leaves_nothing_and_may_be_asked_for_again_and_before(world: World) -> None:
    token = world.token()
    before = world.kept()
    for paths in ((), ("/admit",), ("/admit", "/store"), ("/admit", "/store", "/corosync", "/vote")):
        for path in paths:
            world.step(path, token)
        # What its daemon says by itself, too.
        for folder in cluster.OF_NODE if paths else ():
            world.records.put(f"{folder}n2", {"said": True}, expected=0)
        for _ in range(2):
            assert world.step("/undo", token) is None
            assert world.kept() == before


def test_an_undo_that_was_cut_short_is_finished(world: World) -> None:
    token = world.token()
    before = world.kept()
    world.step("/admit", token)
    cluster.remove(world.records, f"{cluster.NODES}n2")
    keeping.free(world.records, token.id, machine="2" * 32)
    world.step("/undo", token)
    assert world.kept() == before


def test_nobody_takes_the_join_of_another_token_back(world: World) -> None:
    world.step("/admit", world.token())
    expired = world.token(now=int(api_node.NOW) - 7200)
    before = world.kept()
    world.step("/undo", expired, 403)
    assert world.kept() == before


@pytest.mark.parametrize("path", ["/admit", "/undo", "/members"])
def test_who_guesses_is_told_nothing_and_locked_out(world: World, path: str) -> None:
    token = world.token()
    world.step("/admit", world.token())
    for name in (NODE, "n2", "n3") * 4:
        fields = {**shown(token, name), "machine": "1" * 32, "secret": "0" * 32}
        links = {"links": f"0={OTHER}"} if path == "/admit" else {}
        status = 403 if world.node.context.audit.entries[-1].status != 401 else 401
        answer = world.node.nobody.post(f"{PREFIX}/cluster/joins{path}", data={**fields, **links})
        assert answer.status_code in (status, 401), answer.text
        assert "is not known here" in answer.text or "too many wrong tokens" in answer.text
    assert answer.status_code == 401


def test_of_two_machines_with_one_token_one_is_let_in(world: World) -> None:
    token = world.token()
    fields = [{**shown(token, name), "links": f"0=192.0.2.1{name[-1]}"} for name in ("n2", "n3")]
    with ThreadPoolExecutor(2) as threads:
        answers = list(
            threads.map(lambda each: world.node.nobody.post(f"{PREFIX}/cluster/joins/admit", data=each), fields)
        )
    statuses = sorted(each.status_code for each in answers)
    assert statuses[0] == 200 and statuses[1] in (403, 409)
    assert len(cluster.members(world.records)) == 2


@pytest.mark.parametrize("machine", ["2", "2" * 31, "2" * 33, "A" * 32, "", "2" * 32 + "\n"])
def test_a_machine_id_has_32_digits(world: World, machine: str) -> None:
    assert "machine" in world.step("/admit", world.token(), 400, machine=machine)["errors"]


def test_a_name_in_capitals_is_no_nodes_and_uses_nothing(world: World) -> None:
    token = world.token()
    before = world.kept()
    for name in ("N2", NODE.upper()):
        fields = {**shown(token), "node": name, "links": f"0={OTHER}"}
        assert "letters in lower case" in world.post("/admit", fields, 400)["message"]
    assert world.kept() == before


BAD_LINKS = ["", "0", "0=", "1=192.0.2.12", "0=192.0.2.12, 1=198.51.100.1", " 0=192.0.2.12", "0= 192.0.2.12"]
BAD_LINKS += ["0=192.0.2.12,", "8=192.0.2.12", "00=192.0.2.12,0=192.0.2.13", f"{'9' * 900}=192.0.2.12", "²=192.0.2.1"]
BAD_LINKS += ["0=2001:db8::12", "0=fe80::1%eth0", "0=::", "0=ff02::1", "0=n2", "0=192.0.2.12\n", "0=192.0.2.10"]
BAD_LINKS += [",".join(f"{number}=192.0.{number}.12" for number in range(8))]


@pytest.mark.parametrize("links", BAD_LINKS)
def test_links_that_do_not_fit_are_refused_and_nothing_is_changed(world: World, links: str) -> None:
    token = world.token()
    before = world.kept()
    world.step("/admit", token, 400, links=links)
    assert world.kept() == before


@pytest.mark.parametrize("count", [1, 8])
def test_links_of_ipv6_and_eight_of_them(world: World, count: int) -> None:
    totem = Totem.first("clover", NODE, {number: f"2001:db8:{number}::1" for number in range(count)})
    cluster.edit(world.records, cluster.COROSYNC, lambda before: totem.to_members())
    links = ",".join(f"{number}=2001:DB8:{number}:0::2" for number in range(count))
    token = world.token()
    world.step("/admit", token, links=links)
    world.step("/store", token)
    assert "2001:db8:0::2" in world.step("/corosync", token, links=links)["text"].replace(
        "2001:db8::2", "2001:db8:0::2"
    )
    assert cluster.members(world.records)[0].address == "2001:db8::2"


def test_corosync_has_the_address_that_the_node_was_admitted_with(world: World) -> None:
    token = world.token()
    world.step("/admit", token)
    before = world.kept()
    for path in ("/corosync", "/admit"):
        assert OTHER in world.step(path, token, 400, links="0=192.0.2.99")["message"]
    assert world.kept() == before


def test_a_token_that_is_deleted_lets_nobody_else_in_and_its_join_goes_on(world: World) -> None:
    token = world.token()
    path = f"{PREFIX}/cluster/tokens/{token.id}"
    world.step("/admit", token)
    assert world.node.root.delete(path).status_code == 200
    world.step("/admit", token, 409, name="n3")
    world.step("/corosync", token)
    world.step("/undo", token)
    assert "ended" in world.step("/admit", token, 403)["message"]
    assert under_way.found(world.records) is None
    assert world.node.root.delete(path).status_code == 200
    assert world.records.get(key_of(token.id)) is None


def test_who_deletes_a_token_by_its_text_has_it_in_no_log(world: World) -> None:
    text = world.token().reveal()
    assert world.node.root.delete(f"{PREFIX}/cluster/tokens/{text}").status_code == 404
    assert "/cluster/tokens/***" in str(world.node.context.audit.entries[-1])


@pytest.mark.parametrize("path", ["/vote", "/end", "/keys", "/undo"])
def test_a_node_that_was_removed_is_let_do_nothing(world: World, path: str) -> None:
    token = world.token()
    world.join(token)
    Removal(world.records, lambda: api_node.NOW).end("n2")
    before = world.kept()
    world.step(path, token, 200 if path == "/undo" else 403)
    assert world.kept() == before


def test_a_join_that_was_removed_has_left_its_token_unused(world: World) -> None:
    token = world.token()
    world.step("/admit", token)
    Removal(world.records, lambda: api_node.NOW).end("n2")
    world.step("/vote", token, 409)
    record = world.records.get(key_of(token.id))
    found = None if record is None else TokenRecord.of(record.value)
    assert found is not None and found.used_by is None


def test_a_node_is_replaced_by_none_that_does_not_fit(world: World) -> None:
    world.join(world.token())
    token = world.token()
    before = world.kept()
    fields = {**shown(token), "machine": "9" * 32, "replaces": "1"}
    world.post("/admit", {**fields, "links": f"0={OTHER},1=198.51.100.1"}, 400)
    assert world.kept() == before
    said = world.post("/admit", {**fields, "node": "n9", "links": "0=192.0.2.19"}, 400)
    assert "n9: is no node of the cluster that could be replaced" in said["message"]
    assert world.kept() == before
    world.post("/admit", {**fields, "links": f"0={OTHER}"})


def test_what_a_stranger_forces_stands_in_no_log(world: World) -> None:
    token = world.token()
    fields = {**shown(token), "node": NEW, "machine": f"{4:032x}", "links": "0=192.0.2.4"}
    world.post("/preflight", {**fields, "force": "x " * (CODES + 1)}, 400)
    world.post("/preflight", {**fields, "force": f"loss {fields['secret']}"})
    assert str(world.node.context.audit.entries[-1]).count("force=") == 1
    twice = "0=192.0.2.4,0=192.0.2.5"
    for bad in ("", "{}", "0=x", "1=192.0.2.4", twice, "8=192.0.2.4", "0=224.0.0.1", "0=" * 600):
        world.post("/preflight", {**fields, "links": bad}, 400)


def test_a_node_that_asks_twice_at_once_is_measured_once(world: World) -> None:
    asked = Asked(world.records, lambda: (), now=lambda: api_node.NOW)

    async def twice() -> list[Any]:
        return await asyncio.gather(
            *(asked.begin(Candidate(NEW, "4" * 32, ())) for _ in range(2)), return_exceptions=True
        )

    assert not [each for each in asyncio.run(twice()) if isinstance(each, KeyError)]
