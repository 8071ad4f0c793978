"""A preflight of a whole cluster, in memory: who asks, who answers, and what becomes of it when somebody does not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.unit.preflight_facts import MEMBERS, NEW, host, sound
from tests.unit.preflight_facts import path as sound_path

from trebol_common.errors import BadInput, Refused, TrebolError
from trebol_node import pki
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.here.machine import Here
from trebol_node.cluster.join import Join
from trebol_node.cluster.member import MemberApi
from trebol_node.cluster.preflight import through_store as shared
from trebol_node.cluster.preflight.asked import FACTS_WITHIN, Asked
from trebol_node.cluster.preflight.asking import ask
from trebol_node.cluster.preflight.facts import Contents, HostFacts, PathFacts
from trebol_node.cluster.preflight.questions import Candidate, FactsQuestion, Measured, MeasureQuestion
from trebol_node.cluster.records import Member, State
from trebol_node.cluster.steps import engine
from trebol_node.daemon.measuring import Answerer
from trebol_node.store.records import MemoryRecords
from trebol_node.worker.cluster_operations import PreflightFacts, PreflightMeasure

NOW = 1_790_000_000.0
LINKS = {0: "192.0.2.4", 1: "198.51.100.4"}
CANDIDATE = Candidate(NEW, f"{4:032x}", tuple(LINKS.values()))


@dataclass
class Cluster:
    """A store, and a worker for each member, which measures at once; those in `broken` fail to measure."""

    records: MemoryRecords
    broken: Collection[str] = ()
    asked: list[MeasureQuestion] = field(default_factory=list)

    async def call(self, name: str, operation: Any) -> str:
        """What the worker of a member answers."""
        match operation:
            case PreflightFacts():
                assert FactsQuestion.of_json(operation.question).others == (NEW,)
                return host(name).to_json()
            case PreflightMeasure() if name in self.broken:
                raise TrebolError("UDP port 5399 cannot be had", where=name)
            case PreflightMeasure():
                question = MeasureQuestion.of_json(operation.question)
                self.asked.append(question)
                return Measured(tuple(map(sound_path, question.ways))).to_json()
        raise AssertionError(operation)

    @contextlib.asynccontextmanager
    async def answering(self, *names: str) -> AsyncIterator[None]:
        """While these members' daemons run."""

        def worker(name: str) -> Any:
            async def call(operation: Any, *, who: str) -> str:
                return await self.call(name, operation)

            return SimpleNamespace(call=call)

        made = [Answerer(self.records, name, worker(name), who="trebold", now=lambda: NOW) for name in names]
        running = [asyncio.create_task(each.keep()) for each in made]
        await asyncio.sleep(0)
        try:
            yield
        finally:
            for each in running:
                each.cancel()
            await asyncio.gather(*running, return_exceptions=True)


@dataclass
class Clock:
    """Waiting takes as long as it is said, and no time."""

    time: float = 0.0

    async def pause(self, seconds: float) -> None:
        """Let the others go on."""
        self.time += seconds
        # Writes are made in threads.
        await asyncio.sleep(0.005)


def cluster(*broken: str) -> Cluster:
    """Three members, and node4 that joins: listed, and no member."""
    totem = Totem.first("clover", "node1", {0: "192.0.2.1", 1: "198.51.100.1"})
    values: dict[str, Any] = {}
    for name in MEMBERS[1:]:
        totem = totem.with_node(name, {0: f"192.0.2.{name[-1]}", 1: f"198.51.100.{name[-1]}"})
    for name in (*MEMBERS, NEW):
        member = Member(name, name, f"192.0.2.{name[-1]}", State.JOINING if name == NEW else State.MEMBER)
        values[f"cluster/nodes/{name}"] = member.to_members()
    return Cluster(MemoryRecords({**values, "cluster/corosync": totem.to_members()}), broken)


def asked_of(found: Cluster, clock: Clock, there: Collection[str] | None = None) -> Asked:
    """The member that is asked."""
    return Asked(found.records, lambda: there, now=lambda: NOW, clock=lambda: clock.time, pause=clock.pause)


def measured(
    found: Cluster, *answering: str, there: Collection[str] | None = None
) -> tuple[tuple[HostFacts, ...], tuple[PathFacts, ...], float]:
    """Hosts and ways of a preflight, and the seconds that were waited for."""

    async def both() -> tuple[tuple[HostFacts, ...], tuple[PathFacts, ...], float]:
        clock = Clock()
        asked = asked_of(found, clock, there)
        async with found.answering(*answering):
            begun = await asked.begin(CANDIDATE)
            assert begun.members == MEMBERS
            return begun.hosts, await asked.end(begun.id), clock.time

    return asyncio.run(both())


def left(found: Cluster) -> int:
    """Records of preflights."""
    return len(found.records.below(shared.FOLDER))


def test_each_member_tells_its_facts_and_measures_its_own_ways_to_the_new_node() -> None:
    found = cluster()
    hosts, paths, waited = measured(found, *MEMBERS)
    assert hosts == tuple(map(host, MEMBERS))
    ends = [(each.way.source, each.way.target, each.way.link) for each in paths]
    assert sorted(ends) == [(name, NEW, link) for name in MEMBERS for link in (0, 1)]
    assert len({question.key for question in found.asked}) == 1
    assert waited < 5
    assert left(found) == 0


def test_a_member_that_does_not_answer_is_waited_for_within_the_bound_and_then_left_out() -> None:
    found = cluster()
    hosts, paths, waited = measured(found, "node1", "node3")
    assert [each.name for each in hosts] == ["node1", "node3"]
    assert {each.way.source for each in paths} == {"node1", "node3"}
    assert FACTS_WITHIN <= waited < FACTS_WITHIN + 2
    assert left(found) == 0


def test_a_member_that_corosync_does_not_see_is_not_waited_for() -> None:
    _hosts, paths, waited = measured(cluster(), "node1", "node3", there={"node1", "node3"})
    assert {each.way.source for each in paths} == {"node1", "node3"}
    assert waited < 5


def test_a_member_that_cannot_measure_says_so_at_once_and_its_facts_count() -> None:
    hosts, paths, waited = measured(cluster("node2"), *MEMBERS)
    assert [each.name for each in hosts] == [*MEMBERS]
    assert {each.way: each.problem for each in paths if not each.round_trips} == {
        way: "UDP port 5399 cannot be had" for way in sound().ways() if way.source == "node2"
    }
    assert waited < 5


def test_one_node_is_measured_at_a_time_and_who_asks_again_begins_anew() -> None:
    found = cluster()

    async def twice() -> None:
        clock = Clock()
        asked = asked_of(found, clock, ())
        first = await asked.begin(CANDIDATE)
        with pytest.raises(Refused, match="measured at the moment"):
            await asked.begin(replace(CANDIDATE, name="node5", machine_id="5" * 32))
        second = await asked.begin(CANDIDATE)
        assert second.key != first.key
        with pytest.raises(Refused, match="did not begin here"):
            await asked.end(first.id)
        await asked.end(second.id)

    asyncio.run(twice())
    assert left(found) == 0


def test_what_a_member_that_died_left_is_swept_and_answered_by_nobody() -> None:
    found = cluster()
    old = shared.Request(CANDIDATE, "00" * 32, NOW - 60, MEMBERS)
    shared.put(found.records, shared.request_key("old"), old)
    shared.put(found.records, shared.answer_key("older", "node1"), shared.Answer(host("node1")))
    measured(found, *MEMBERS)
    assert left(found) == 0
    assert {question.own.name for question in found.asked} == {*MEMBERS}
    assert len(found.asked) == len(MEMBERS)


@dataclass
class Asks:
    """A member as the new node reaches it: what each path answers, and what was sent."""

    hosts: tuple[HostFacts, ...] = tuple(map(host, MEMBERS))
    sent: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    address = "192.0.2.1:8006"
    shown = "ab" * 32

    def post(self, path: str, **fields: str) -> Any:
        """See `MemberApi.post`."""
        self.sent.append((path, fields))
        match path:
            case "/members":
                return [*MEMBERS]
            case "/preflight":
                begun = {"id": "1", "key": "00" * 32, "members": [*MEMBERS]}
                return {**begun, "hosts": [each.to_members() for each in self.hosts]}
            case "/measured":
                ways = [way for way in sound().ways() if way.target == NEW]
                return [
                    sound_path(way).to_members() for way in ways if way.source in {each.name for each in self.hosts}
                ]
        raise AssertionError(path)


@dataclass
class Here4:
    """The new node."""

    own: HostFacts = field(default_factory=lambda: host(NEW))
    questions: list[Any] = field(default_factory=list)

    def facts(self, question: FactsQuestion) -> HostFacts:
        """See `Measures`."""
        self.questions.append(question)
        return self.own

    def measure(self, question: MeasureQuestion) -> tuple[PathFacts, ...]:
        """See `Measures`."""
        self.questions.append(question)
        return tuple(map(sound_path, question.ways))


def test_the_new_node_looks_the_members_up_tells_its_links_and_has_all_ways() -> None:
    member, here = Asks(), Here4()
    facts = ask(member, here, LINKS, say=lambda line: None)
    assert here.questions[0] == FactsQuestion(("192.0.2.4", "198.51.100.4"), MEMBERS)
    assert {way.source for way in here.questions[1].ways} == {NEW}
    assert dict(member.sent)["/preflight"]["links"] == "0=192.0.2.4,1=198.51.100.4"
    assert {each.way for each in facts.paths} == {*sound().ways()}
    assert replace(facts, paths=()) == replace(sound(), paths=())


def test_members_are_told_while_the_new_node_still_reads_its_own_facts() -> None:
    told = threading.Event()

    class Told(Asks):
        def post(self, path: str, **fields: str) -> Any:
            if path == "/preflight":
                told.set()
            return super().post(path, **fields)

    class Slow(Here4):
        def facts(self, question: FactsQuestion) -> HostFacts:
            assert told.wait(20)
            return super().facts(question)

    assert len(ask(Told(), Slow(), LINKS, say=lambda line: None).hosts) == 1 + len(MEMBERS)


def test_what_the_member_refuses_waits_for_no_facts_and_what_cannot_be_read_is_raised() -> None:
    never = threading.Event()

    class Refuses(Asks):
        def post(self, path: str, **fields: str) -> Any:
            if path == "/preflight":
                raise Refused("is measured at the moment", where="node5")
            return super().post(path, **fields)

    class Hangs(Here4):
        def facts(self, question: FactsQuestion) -> HostFacts:
            never.wait(30)
            raise AssertionError("nobody asks about it")

    class Fails(Here4):
        def facts(self, question: FactsQuestion) -> HostFacts:
            raise TrebolError("could not be done", where="preflight, facts")

    try:
        with pytest.raises(Refused, match="measured at the moment"):
            ask(Refuses(), Hangs(), LINKS, say=lambda line: None)
    finally:
        never.set()
    with pytest.raises(TrebolError, match="could not be done"):
        ask(Asks(), Fails(), LINKS, say=lambda line: None)


def joined(tmp_path: Path, here: Here4, *force: str) -> list[str]:
    """What the step of a join says. Raises what stops it."""
    (tmp_path / "proc/sys/kernel").mkdir(parents=True)
    (tmp_path / "proc/sys/kernel/hostname").write_text(f"{NEW}\n")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/machine-id").write_text(f"{4:032x}\n")
    pair = pki.API.pair(tmp_path / pki.FOLDER.relative_to("/"))
    pair.certificate.parent.mkdir(parents=True)
    pair.certificate.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    member = Asks()
    join = Join(
        Here(tmp_path),
        find=lambda addresses, credentials: cast("MemberApi", member),
        measures=lambda runner: here,
    )
    said: list[str] = []
    steps = [step for step in join.steps() if step.name == "preflight"]
    engine.start(
        tmp_path / "journal",
        "join",
        steps,
        arguments={"links": {"0": LINKS[0], "1": LINKS[1]}, "peer": "192.0.2.1", "force": [*force]},
        secrets={"token": "agreed-beforehand-3f9c0b7e21d84a65"},
        say=said.append,
    )
    assert here.questions[0].joining
    assert dict(member.sent)["/preflight"]["force"] == ",".join(sorted(force))
    return said


def test_a_sound_join_goes_on_and_shows_both_certificates(tmp_path: Path) -> None:
    said = joined(tmp_path, Here4())
    assert said[1] == (
        f"192.0.2.1:8006 has the certificate {':'.join(['AB'] * 32)}, this node "
        "70:9E:80:C8:84:87:A2:41:1E:1E:E4:DF:B9:F2:2A:86:14:92:D2:0C:47:65:15:0C:0C:79:4A:BD:70:F8:14:7C"
    )
    assert said[-1].endswith("The node may join: 0 errors, 0 warnings, 0 notes.")


GUESTS = Here4(replace(host(NEW), contents=Contents(guests=("web",))))


def test_what_stops_a_join_ends_it_with_the_code_and_how_to_force_it(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        joined(tmp_path, replace(GUESTS, questions=[]))
    (problem,) = caught.value.problems
    assert problem.what == "not-empty-guests: the node has guests: web"
    assert problem.hint.endswith("or --force not-empty-guests")
    assert not (tmp_path / "journal/journal.json").exists()


def test_what_is_forced_is_told_in_the_log_and_the_join_goes_on(tmp_path: Path) -> None:
    said = joined(tmp_path, replace(GUESTS, questions=[]), "not-empty-guests")
    assert said[-1] == "forced: not-empty-guests: node4: the node has guests: web"


WRONG: dict[str, dict[str, Any]] = {
    "a name": {"source_address": "node1.example.org"},
    "everybody": {"target_address": "255.255.255.255"},
    "a group": {"target_address": "ff02::1"},
    "nobody": {"target_address": "0.0.0.0"},
}


@pytest.mark.parametrize("name", WRONG)
def test_packets_go_to_the_address_of_one_host_alone(name: str) -> None:
    way = next(sound().ways())
    question = MeasureQuestion(host(NEW), (way,), "00" * 32, 1, 5).to_members()
    question["ways"] = [{**question["ways"][0], **WRONG[name]}]
    with pytest.raises(BadInput, match=r"is the address of no host|does not appear to be"):
        MeasureQuestion.of_json(json.dumps(question))


@pytest.mark.parametrize(
    ("field_", "value"), [("key", "00"), ("meet", 60), ("whole", 16), ("whole", 0), ("ways", [{}] * 1000)]
)
def test_a_measurement_has_its_bounds(field_: str, value: Any) -> None:
    question = MeasureQuestion(host(NEW), (), "00" * 32, 1, 5).to_members()
    with pytest.raises(BadInput):
        MeasureQuestion.of_members({**question, field_: value})


def test_the_key_stands_in_no_log() -> None:
    assert "5ec2e7" not in repr(MeasureQuestion(host(NEW), (), "5ec2e7" + "00" * 29, 1, 5))
    assert "5ec2e7" not in repr(shared.Request(CANDIDATE, "5ec2e7", NOW, MEMBERS))
