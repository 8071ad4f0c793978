"""When a node counts as one that can be fenced, and what keeps HA off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tests.unit.fence_agents import agent, device

from trebol_common.run import Argument, Completed, ScriptedRunner
from trebol_node.cluster.records import Member, State
from trebol_node.fencing import agents, records
from trebol_node.fencing.agents import Answer
from trebol_node.fencing.device import Device, How, Proof, digest_of
from trebol_node.fencing.proving import judge
from trebol_node.fencing.state import Path, against_ha, path_of
from trebol_node.store.records import MemoryRecords

A, B, C = device(name="a", level=1), device(name="b", level=2), device(name="c", level=2)
ON, OFF, THERE, DEAD = Answer(is_on=True), Answer(is_on=False), Answer(), Answer(problem="does not answer")


@pytest.mark.parametrize(
    ("devices", "answers", "problems", "warnings"),
    [
        pytest.param((), (), ["there is no fence device for it"], [], id="none"),
        pytest.param((A,), (ON,), [], [], id="one that works"),
        pytest.param((A,), (THERE,), [], [], id="one that cannot tell of the power"),
        pytest.param((A,), (DEAD,), ["n1.a: does not answer"], [], id="one that is dead"),
        pytest.param((A, B), (DEAD, ON), [], ["n1.a: does not answer"], id="the second works"),
        pytest.param((A, B), (ON, DEAD), [], ["n1.b: does not answer"], id="the first works"),
        pytest.param((B, C), (ON, ON), [], [], id="both power supplies"),
        pytest.param((B, C), (ON, DEAD), ["n1.c: does not answer"], [], id="one of two power supplies"),
        pytest.param((A, B, C), (ON, ON, DEAD), [], ["n1.c: does not answer"], id="half a second level"),
    ],
)
def test_a_level_does_where_all_its_devices_do(
    devices: tuple[Device, ...], answers: tuple[Answer, ...], problems: list[str], warnings: list[str]
) -> None:
    found = judge(devices, {each.id: said for each, said in zip(devices, answers, strict=True)}, online=True)
    assert (list(found.problems), list(found.warnings)) == (problems, warnings)


@pytest.mark.parametrize(("online", "proved"), [(True, False), (False, True)])
def test_a_device_that_says_off_of_a_node_that_is_there_is_another_ones(online: bool, proved: bool) -> None:
    found = judge([A], {A.id: OFF}, online=online)
    assert not found.problems if proved else "another one's plug" in found.problems[0]


def proof(*devices: Device, problems: tuple[str, ...] = ()) -> Proof:
    """A test of these."""
    return Proof(digest_of(devices), 1790000000, 0 if problems else 1790000000, How.STATUS, "n2", problems)


@pytest.mark.parametrize(
    ("devices", "tested", "path"),
    [
        ((), None, Path.NONE),
        ((A,), None, Path.UNTESTED),
        ((A,), proof(A), Path.PROVEN),
        ((A, B), proof(B, A), Path.PROVEN),
        ((A, B), proof(A), Path.CHANGED),
        ((A,), proof(A, B), Path.CHANGED),
        ((A,), proof(A, problems=("dead",)), Path.FAILED),
    ],
)
def test_only_what_is_as_it_was_tested_is_proven(devices: tuple[Device, ...], tested: Proof, path: Path) -> None:
    assert path_of(devices, tested) is path


def store(*names: str) -> MemoryRecords:
    """Of a cluster of these nodes."""
    members = {f"cluster/nodes/{name}": Member(name, name, "192.0.2.1", State.MEMBER).to_members() for name in names}
    return MemoryRecords(members)


def test_ha_stays_off_until_each_node_has_a_proven_path_that_pacemaker_knows() -> None:
    found = store("n1", "n2")
    assert [reason.split(":")[0] for reason in against_ha(found)] == [
        "n1 has no fence device",
        "n2 has no fence device",
    ]
    other = device("n2")
    for each in (A, other):
        records.add(found, each)
        records.keep_proof(found, each.node, proof(each))
    assert against_ha(found) == ("pacemaker does not have the fence devices yet",)
    records.say(found, records.WRITTEN, digest_of([A, other]))
    assert against_ha(found) == ()
    records.keep_proof(found, "n2", proof(other, problems=("dead",)))
    assert "failed their last test" in against_ha(found)[0]
    kept = records.proof(found, "n2")
    assert kept is not None and kept.proven == 1790000000


def test_one_node_has_nobody_to_take_over_from_it() -> None:
    assert "there is one node" in against_ha(store("n1"))[0]


def test_a_damaged_device_keeps_ha_off_and_is_named() -> None:
    found = store("n1", "n2")
    found.put("fencing/devices/n1.x", {"node": "n1"}, expected=0)
    assert "fencing/devices/n1.x: is damaged" in against_ha(found)[0]


def test_names_and_levels_are_found_where_none_is_given() -> None:
    found = store("n1")
    assert (records.free_name(found, "n1", "fence_apc_snmp"), records.free_level(found, "n1")) == ("apc-snmp", 1)
    records.add(found, device(name="apc-snmp", level=3))
    assert (records.free_name(found, "n1", "fence_apc_snmp"), records.free_level(found, "n1")) == ("apc-snmp-2", 4)


def test_nothing_stays_of_a_node_that_has_left() -> None:
    found = store("n1", "n2")
    for each in (A, device("n2")):
        records.add(found, each)
    records.keep_proof(found, "n1", proof(A))
    records.forget_node(found, "n1")
    assert [record.key for record in found.below("fencing/")] == ["fencing/devices/n2.ipmilan"]


class Remembering(ScriptedRunner):
    """Notes what came by stdin, too."""

    inputs: list[str | None]

    def run(self, command: Sequence[Argument], *, input: str | None = None, **more: Any) -> Completed:
        self.inputs = [*getattr(self, "inputs", []), input]
        return super().run(command, input=input, **more)


ASK = ("timeout", "--kill-after=5", "60", "/usr/sbin/fence_ipmilan")


def test_who_does_not_answer_is_not_asked_twice() -> None:
    runner = ScriptedRunner().expect(*ASK, stderr="ERROR: Connection timed out\n", status=1)
    assert agents.ask(runner, agent("fence_ipmilan"), {}, {}) == Answer(problem="it does not answer")


@pytest.mark.parametrize(
    ("status", "more", "answer"),
    [
        (0, None, Answer(is_on=True)),
        (2, None, Answer(is_on=False)),
        (124, None, Answer(problem="does not answer within 60 s")),
        (1, "RAKP 2 HMAC is invalid", Answer(problem="it does not take the password")),
        (1, "RAKP 2 message indicates an error : unauthorized name", Answer(problem="it does not know the user")),
        (1, "Unable to establish IPMI v2", Answer(problem="it does not take this user and password")),
        (1, "", Answer(problem="Unable to obtain correct plug status")),
    ],
)
def test_a_device_is_asked_by_stdin_and_its_answer_is_understood(
    status: int, more: str | None, answer: Answer
) -> None:
    runner = Remembering()
    said = (
        "2026-11-29 02:00:00,123 ERROR: Failed: Unable to obtain correct plug status\n\nPlease use '-h' for usage\n"
    )
    runner.expect(*ASK, stderr=said if status == 1 else "", status=status)
    if more is not None:
        runner.expect(*ASK, stderr=more, status=status)
    found = agents.ask(runner, agent("fence_ipmilan"), {"ip": "192.0.2.61"}, {"password": "Kleeblatt"})
    assert found == answer and not runner.expected
    assert runner.inputs[0] == "ip=192.0.2.61\npassword=Kleeblatt\naction=status\n"
    assert "Kleeblatt" not in str(runner.seen)
