"""A node is taken out where the others do without it, one at a time; and the whole cluster goes in order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.cluster_of_three import NAMES, address, records_of, seen

from trebol_common.errors import BadInput, Refused
from trebol_node.cluster import records as cluster
from trebol_node.cluster.diagnosis.facts import Pacemaker, PacemakerNode
from trebol_node.cluster.maintenance import records as kept
from trebol_node.cluster.maintenance.layers import Present, check
from trebol_node.cluster.power import records as power
from trebol_node.cluster.power.turn import Seen, Step, next_step
from trebol_node.cluster.voters.members import Member
from trebol_node.store.configuration import peer_url
from trebol_node.store.records import MemoryRecords

ONLINE = Pacemaker(True, tuple(PacemakerNode(name, online=True) for name in NAMES))


def maintenance(node: str, *, forced: bool = False) -> kept.Maintenance:
    return kept.Maintenance(node, "root@pam", "2026-11-29T08:00:00+00:00", "new memory", forced)


def present(
    *online: str,
    records: MemoryRecords | None = None,
    pacemaker: Pacemaker | None = ONLINE,
    names: tuple[str, ...] = NAMES,
) -> Present:
    members = tuple(Member(int(each[1:]), each, (peer_url(address(each)),), (), False) for each in names)
    answering = frozenset(int(each[1:]) for each in online)
    return Present(records or records_of(*names), seen(names, online), pacemaker, members, answering)


def out(node: str) -> MemoryRecords:
    made = records_of(*NAMES)
    kept.begin(made, maintenance(node))
    return made


#: Name → how the cluster is, and the layers that say no to n2's absence.
CASES: dict[str, tuple[Present, dict[str, str]]] = {
    "all are there": (present(*NAMES), {}),
    "another is missing": (
        present("n1", "n2"),
        {"corosync": "n3 is missing already", "store": "n3 does not answer"},
    ),
    "it is missing itself": (present("n1", "n3"), {}),
    "two nodes": (present("n1", "n2", names=("n1", "n2")), {"store": "1 of 2 voters are left, and 2 are needed"}),
    "another is out": (present(*NAMES, records=out("n3")), {"nodes": "n3 is in maintenance already"}),
    "another joins": (present(*NAMES, records=records_of(*NAMES, joining="n3")), {"nodes": "n3 joins"}),
    "another leaves": (present(*NAMES, records=records_of(*NAMES, leaving="n3")), {"nodes": "n3 leaves"}),
    "corosync is silent": (replace(present(*NAMES), membership=None), {"corosync": "does not answer"}),
    "the store is silent": (replace(present(*NAMES), members=None), {"store": "has no quorum"}),
    "pacemaker does not run on another": (
        present(*NAMES, pacemaker=Pacemaker(True, (PacemakerNode("n3", online=False),))),
        {"fencing": "pacemaker does not run on n3"},
    ),
    "pacemaker is not ready on another": (
        present(*NAMES, pacemaker=Pacemaker(True, (PacemakerNode("n3", online=True, pending=True),))),
        {"fencing": "pacemaker is not ready yet on n3"},
    ),
    "pacemaker is silent": (present(*NAMES, pacemaker=None), {"fencing": "does not answer"}),
    "a node waits for being fenced": (
        present(*NAMES, pacemaker=Pacemaker(True, (PacemakerNode("n3", online=False, unclean=True),))),
        {"fencing": "n3 is to be fenced"},
    ),
    "another is in standby": (
        present(*NAMES, pacemaker=Pacemaker(True, (PacemakerNode("n3", online=True, standby=True),))),
        {"fencing": "n3 is in standby"},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_layer_says_whether_it_does_without_the_node(name: str) -> None:
    facts, expected = CASES[name]
    found = {each.layer: "; ".join(each.reasons) for each in check("n2", facts) if not each.survives}
    assert found.keys() == expected.keys()
    assert all(expected[layer] in reasons for layer, reasons in found.items())


def test_a_layer_that_comes_later_is_one_entry_more() -> None:
    class Storage:
        name = "storage"

        def against(self, node: str, present: Present) -> tuple[str, ...]:
            return (f"{node} has the last copy",)

    (found,) = check("n2", present(*NAMES), [Storage()])
    assert found.to_members() == {"layer": "storage", "survives": 0, "reasons": ["n2 has the last copy"]}


def test_of_two_that_ask_at_once_one_is_told_of_the_other() -> None:
    records = out("n2")
    with pytest.raises(Refused, match="one node at a time"):
        kept.begin(records, maintenance("n3"))
    assert [each.node for each in kept.all_of(records)] == ["n2"]
    kept.end(records, "n2")
    kept.begin(records, maintenance("n3"))


def test_one_that_is_forced_is_out_too_and_both_come_back() -> None:
    records = out("n2")
    kept.begin(records, maintenance("n3", forced=True))
    kept.end(records, "n3")
    with pytest.raises(Refused, match="n2"):
        kept.begin(records, maintenance("n3"))
    kept.end(records, "n2")
    assert records.get(kept.TURN) is None and not kept.all_of(records)


def test_only_nodes_of_a_cluster_are_taken_out() -> None:
    with pytest.raises(BadInput, match="is no node"):
        kept.require_node(records_of(*NAMES), "n9")
    with pytest.raises(Refused, match="of no cluster"):
        kept.require_node(MemoryRecords(), "n1")


def test_status_says_who_is_out_and_that_the_cluster_is_held() -> None:
    records = out("n2")
    power.begin(records, shutdown())
    status: list[dict[str, Any]] = [
        {"type": "cluster", "ha": 1, "ha-off": []},
        *({"type": "node", "name": each} for each in NAMES),
    ]
    found = power.shown(kept.shown(status, records), records)
    assert [each["name"] for each in found if each.get("maintenance")] == ["n2"]
    assert (found[0]["ha"], found[0]["ha-off"]) == (0, [power.HELD])


def test_what_a_later_version_added_to_a_record_does_no_harm() -> None:
    maintenance = kept.Maintenance("n2", "root@pam", "then")
    assert kept.Maintenance.of({**maintenance.to_members(), "until": "noon"}) == maintenance
    assert power.Shutdown.of({**shutdown().to_members(), "until": "noon"}) == shutdown()
    with pytest.raises(BadInput, match="damaged"):
        kept.Maintenance.of({"node": "n2"})


def shutdown(phase: power.Phase = power.Phase.ASKED) -> power.Shutdown:
    return power.Shutdown("1", "root@pam", "n2", "2026-11-29T08:00:00+00:00", ("n1", "n3", "n2"), phase)


def view(node: str, *there: str, boot: str = "a", **boots: str) -> Seen:
    return Seen(node, boot, frozenset(there), True, NAMES, boots, stopped=True)


def all_ready(node: str, *there: str, boot: str = "a") -> Seen:
    return view(node, *there, boot=boot, n1="a", n2="a", n3="a")


ASKED, GOING = power.Phase.ASKED, power.Phase.GOING

TURNS: dict[str, tuple[power.Phase, Seen, Step]] = {
    "whoever hears of it is ready": (ASKED, view("n1", *NAMES), Step.READY),
    "and waits": (ASKED, view("n1", *NAMES, n1="a"), Step.WAIT),
    "whoever was asked waits for all": (ASKED, replace(view("n2", *NAMES, n2="a"), stopped=False), Step.WAIT),
    "also for one that boots": (ASKED, all_ready("n2", "n1", "n2"), Step.WAIT),
    "and stops what runs": (ASKED, replace(all_ready("n2", *NAMES), stopped=False), Step.STOP),
    "then all go": (ASKED, all_ready("n2", *NAMES), Step.GO),
    "the first goes": (GOING, all_ready("n1", *NAMES), Step.OFF),
    "the next waits for it": (GOING, all_ready("n3", *NAMES), Step.WAIT),
    "and goes": (GOING, all_ready("n3", "n2", "n3"), Step.OFF),
    "one that is back already keeps nobody": (GOING, view("n3", *NAMES, n2="a", n3="a"), Step.OFF),
    "the last waits": (GOING, all_ready("n2", "n2", "n3"), Step.WAIT),
    "and goes without quorum": (GOING, replace(all_ready("n2", "n2"), quorate=False), Step.OFF),
    "nobody goes without knowing who is there": (GOING, replace(all_ready("n3"), there=None), Step.WAIT),
    "a node that is back does not go again": (GOING, all_ready("n1", "n1", "n2", boot="b"), Step.BACK),
    "it holds while one is missing": (GOING, view("n1", "n1", "n2", boot="b", n3="a"), Step.WAIT),
    "it holds while one has not said that it is back": (GOING, view("n1", *NAMES, boot="b", n3="a"), Step.WAIT),
    "the first by number starts it": (GOING, view("n1", *NAMES, boot="b"), Step.START),
    "and nobody else": (GOING, view("n2", *NAMES, boot="b"), Step.WAIT),
}


@pytest.mark.parametrize("name", TURNS)
def test_a_node_goes_when_it_is_its_turn_and_comes_back_to_stay(name: str) -> None:
    phase, found, expected = TURNS[name]
    assert next_step(shutdown(phase), found) is expected


def test_who_does_not_vote_goes_first_and_who_was_asked_last() -> None:
    members = [cluster.Member(f"n{each}", "", "", cluster.State.MEMBER, voter=each != 4) for each in (1, 2, 3, 4, 5)]
    assert power.order(members, {"n1", "n2", "n3", "n4"}, "n2") == ("n4", "n1", "n3", "n2")


def test_a_shutdown_is_begun_once_and_ends_without_a_trace() -> None:
    records = records_of(*NAMES)
    power.begin(records, shutdown())
    with pytest.raises(Refused, match="trebol cluster start"):
        power.begin(records, shutdown())
    power.ready(records, shutdown(), "n1", "a")
    power.go(records, shutdown())
    assert power.current(records) == shutdown(GOING)
    assert power.boots(records, shutdown()) == {"n1": "a"}
    power.end(records)
    assert power.current(records) is None and not records.below(power.STOPPING)
    power.go(records, shutdown())
    assert power.current(records) is None
