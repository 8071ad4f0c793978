"""Who is removed from a cluster, what is left of a node that is gone, and what is shown of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest
from tests.unit.cluster_of_three import NAMES, address, records_of, removal, seen, totem_of
from tests.unit.cluster_tokens import NOW, issued

from trebol_common.errors import BadInput, Refused
from trebol_node.cluster import records as cluster
from trebol_node.cluster import under_way
from trebol_node.cluster.admission import Admission, Applicant
from trebol_node.cluster.records import Member, State
from trebol_node.cluster.tokens import keeping
from trebol_node.cluster.tokens.admission import NotAdmitted
from trebol_node.cluster.under_way import Kind, UnderWay
from trebol_node.cluster.view import status
from trebol_node.daemon.announce import say
from trebol_node.fencing import records as fencing
from trebol_node.store.records import MemoryRecords

#: Whom n1 removes, of which records, while who is online, whether somebody saw that it is off, and what is said.
REMOVALS: Mapping[str, tuple[str, MemoryRecords, Collection[str], bool, str]] = {
    "dead": ("n3", records_of(*NAMES), ("n1", "n2"), True, ""),
    "nobody has looked": ("n3", records_of(*NAMES), ("n1", "n2"), False, "may be the network alone"),
    "alive": ("n3", records_of(*NAMES), NAMES, True, "leaves by itself"),
    "itself": ("n1", records_of(*NAMES), NAMES, True, "is this node itself"),
    "unknown": ("n4", records_of(*NAMES), NAMES, True, "is no node of the cluster"),
    "joins": ("n3", records_of(*NAMES, joining="n3"), ("n1", "n2"), False, ""),
    "joins and is seen": ("n3", records_of(*NAMES, joining="n3"), NAMES, False, ""),
    "another joins": ("n3", records_of(*NAMES, "n4", joining="n4"), ("n1", "n2"), True, "n4: joins at the moment"),
    "cut short before": ("n3", records_of(*NAMES, leaving="n3"), ("n1", "n2"), True, ""),
}


@pytest.mark.parametrize("case", REMOVALS)
def test_a_node_is_removed_where_it_is_dead_or_has_joined_by_halves(case: str) -> None:
    node, records, online, dead, says = REMOVALS[case]

    def ask() -> Member:
        return removal(records).require_possible(node, "n1", seen(NAMES, online), dead=dead)

    if not says:
        assert ask().name == node
        return
    with pytest.raises((Refused, BadInput)) as caught:
        ask()
    assert says in str(caught.value)


def test_nothing_is_left_of_a_node_that_is_gone_but_since_when() -> None:
    records = records_of(*NAMES)
    for _twice in range(2):
        removal(records).configure("n3")
        removal(records).end("n3")
    keys = [record.key for prefix in ("cluster/", "nodes/") for record in records.below(prefix)]
    assert [key for key in keys if key.endswith("n3")] == ["cluster/removed/n3"]
    assert cluster.removed(records) == {"n3": NOW}
    assert cluster.totem(records) == totem_of(NAMES).without_node("n3")


def test_a_new_machine_of_its_name_is_not_proven_by_the_dead_ones_controller() -> None:
    records = records_of(*NAMES)
    for node in ("n3", "n30"):
        for key in (f"{fencing.DEVICES}{node}.ipmilan", f"{fencing.PROOFS}{node}", f"{fencing.APPLIED}{node}"):
            records.put(key, {"of": "whichever version"}, expected=0)
    for _twice in range(2):
        removal(records).end("n3")
    left = [each.key for each in records.below("fencing/")]
    assert left == ["fencing/applied/n30", "fencing/devices/n30.ipmilan", "fencing/proofs/n30"]


def test_one_that_had_joined_by_halves_gives_its_token_back_and_others_may_join() -> None:
    records = records_of(*NAMES)
    token = issued(records)
    applicant = Applicant("n4", "m4", token.id, token.secret.get_secret_value())
    admission = Admission(records, lambda: NOW)
    admission.admit(applicant, {0: address("n4")})
    admission.configure("n4", {0: address("n4")})
    removal(records).begin("n4")
    assert cluster.members(records)[-1].state is State.JOINING, "so it can still be removed at any time"

    removal(records).configure("n4")
    removal(records).end("n4")
    assert under_way.found(records) is None
    assert keeping.tokens(records)[token.id].used_by is None
    admission.admit(Applicant("n5", "m5", token.id, token.secret.get_secret_value()), {0: address("n5")})


def test_a_join_whose_member_died_before_it_listed_the_node_is_ended_by_its_name() -> None:
    records = records_of(*NAMES)
    under_way.take(records, UnderWay(Kind.JOIN, "n4", "then", machine="m4", token="t"))
    assert removal(records).is_unlisted_join("n4") and not removal(records).is_unlisted_join("n3")
    removal(records).end("n4")
    assert under_way.found(records) is None
    assert not [key for key in (record.key for record in records.below("cluster/")) if "n4" in key]


def test_tokens_of_a_node_that_was_removed_let_nobody_in_even_when_it_is_back() -> None:
    records = records_of(*NAMES)
    token = issued(records, made_by="n3")
    member = records.get("cluster/nodes/n3")
    assert member is not None
    removal(records).end("n3")
    records.put("cluster/nodes/n3", member.value, expected=0)
    applicant = Applicant("n4", "m4", token.id, token.secret.get_secret_value())
    with pytest.raises(NotAdmitted, match="made by node n3, which was removed"):
        Admission(records, lambda: NOW).admit(applicant, {0: address("n4")})


def test_a_leave_that_is_taken_back_leaves_all_as_it_was_but_the_version() -> None:
    records = records_of(*NAMES)
    removal(records).begin("n2")
    node = totem_of(NAMES).node("n2")
    removal(records).configure("n2")
    for _twice in range(2):
        found = removal(records).configure_again(node)
        removal(records).stay("n2")
    assert found.nodes == totem_of(NAMES).nodes
    assert found.version == totem_of(NAMES).version + 2
    assert {each.state for each in cluster.members(records)} == {State.MEMBER}


def test_nobody_joins_while_one_leaves_but_waits() -> None:
    records = records_of(*NAMES, leaving="n3")
    token = issued(records)
    applicant = Applicant("n4", "m4", token.id, token.secret.get_secret_value())
    with pytest.raises(Refused, match="leaves at the moment"):
        Admission(records, lambda: NOW).admit(applicant, {0: address("n4")})
    assert keeping.tokens(records)[token.id].used_by is None


def test_a_node_that_was_removed_says_so_and_says_nothing_to_the_others() -> None:
    records = records_of(*NAMES)
    shown = status(records, "n4", ["192.0.2.14"], None)[-1]
    assert (shown["name"], shown["local"], shown["removed"], shown["online"]) == ("n4", 1, 1, 0)
    assert not say(records, "n4", {"version": "1", "addresses": ["192.0.2.14"], "fingerprint": ""})
    assert records.get("nodes/n4") is None
    assert say(records, "n3", {"version": "2", "addresses": [address("n3")], "fingerprint": ""})


def test_one_that_leaves_is_shown_so_until_it_is_gone() -> None:
    records = records_of(*NAMES, leaving="n3")
    assert [bool(each.get("leaving")) for each in status(records, "n1", [], None)[1:]] == [False, False, True]
    removal(records).configure("n3")
    assert [(each["name"], each["nodeid"]) for each in status(records, "n1", [], None)[-1:]] == [("n3", 0)]
