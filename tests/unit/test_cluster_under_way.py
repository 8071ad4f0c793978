"""One change of a cluster at a time: a second one is told which is the first, and how to end it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from tests.unit.cluster_of_three import NAMES, address, records_of, removal, seen, totem_of
from tests.unit.cluster_tokens import NOW, issued
from tests.unit.test_cluster_leaving import Voters, began, leaving

from trebol_common.errors import BadInput, Refused
from trebol_node.cluster import leave, under_way
from trebol_node.cluster import records as cluster
from trebol_node.cluster.admission import Admission, Applicant
from trebol_node.cluster.power import records as power
from trebol_node.cluster.records import State
from trebol_node.cluster.under_way import Kind, UnderWay
from trebol_node.store.records import MemoryRecords

#: What begins, each of another node.
BEGINS: Mapping[str, tuple[str, Callable[[MemoryRecords], object]]] = {
    "leave": ("n2", lambda records: removal(records).begin("n2", Kind.LEAVE)),
    "removal": ("n3", lambda records: removal(records).begin("n3")),
    "join": ("n4", lambda records: joins(records, "n4")),
    "another join": ("n5", lambda records: joins(records, "n5")),
}

#: What a second change is told of the first, and what ends that.
SAYS = {
    "leave": ("n2: leaves at the moment", "trebol cluster leave --resume"),
    "removal": ("n3: is being removed at the moment", "trebol cluster remove n3 --dead"),
    "join": ("n4: joins at the moment", "trebol cluster remove n4"),
    "another join": ("n5: joins at the moment", "trebol cluster remove n5"),
}


def joins(records: MemoryRecords, node: str) -> None:
    token = issued(records)
    applicant = Applicant(node, f"m{node[1:]}", token.id, token.secret.get_secret_value())
    Admission(records, lambda: NOW).admit(applicant, {0: address(node)})


@pytest.mark.parametrize("change", BEGINS)
def test_nobody_comes_or_goes_while_the_cluster_is_shut_down(change: str) -> None:
    records = records_of(*NAMES)
    power.begin(records, power.Shutdown("1", "root@pam", "n1", "2026-11-29T12:00:00+00:00", NAMES))
    before = records.below("cluster/nodes/")
    with pytest.raises(Refused, match="trebol cluster start"):
        BEGINS[change][1](records)
    assert records.below("cluster/nodes/") == before


@pytest.mark.parametrize("first", BEGINS)
@pytest.mark.parametrize("second", BEGINS)
def test_a_second_change_is_told_which_is_the_first_and_what_ends_it(first: str, second: str) -> None:
    records = records_of(*NAMES)
    BEGINS[first][1](records)
    if first == second:
        if "join" not in first:
            BEGINS[second][1](records)
        return
    with pytest.raises(under_way.Busy) as caught:
        BEGINS[second][1](records)
    assert all(text in str(caught.value) for text in SAYS[first])
    assert {each.name for each in cluster.members(records) if each.state is not State.MEMBER} == {BEGINS[first][0]}


@pytest.mark.parametrize("second", BEGINS)
def test_of_two_that_saw_nothing_of_each_other_one_begins(second: str) -> None:
    """Both have looked before either wrote."""
    node, begin = BEGINS[second]

    class Late(MemoryRecords):
        def put(self, key: str, value: Mapping[str, object], *, expected: int) -> object:  # type: ignore[override]
            if key == under_way.KEY and not expected and not self.met:
                self.met = True
                super().put(key, UnderWay(Kind.LEAVE, "n1", "now").to_members(), expected=0)
            return super().put(key, value, expected=expected)

        met = False

    records = Late({each.key: each.value for each in records_of(*NAMES).below("")})
    with pytest.raises(under_way.Busy, match="n1: leaves at the moment"):
        begin(records)
    assert {each.state for each in cluster.members(records)} == {State.MEMBER}


def test_a_removal_ends_the_leave_or_the_join_of_that_node_and_the_next_change_begins() -> None:
    for kind in (Kind.LEAVE, Kind.JOIN):
        records = records_of(*NAMES, **{"leaving" if kind is Kind.LEAVE else "joining": "n3"})
        removal(records).begin("n3")
        removal(records).configure("n3")
        removal(records).end("n3")
        assert under_way.found(records) is None and records.get(under_way.KEY) is None
        joins(records, "n4")


def test_what_a_removal_left_that_was_cut_at_its_very_end_is_in_nobodys_way() -> None:
    records = records_of("n1", "n2")
    records.put(under_way.KEY, UnderWay(Kind.REMOVE, "n3", "then").to_members(), expected=0)
    under_way.require_none(records)
    joins(records, "n4")


def test_who_removes_what_another_has_just_removed_leaves_no_change_behind() -> None:
    class Removed(MemoryRecords):
        def put(self, key: str, value: Mapping[str, object], *, expected: int) -> object:  # type: ignore[override]
            done = super().put(key, value, expected=expected)
            if key == under_way.KEY:
                cluster.remove(self, "cluster/nodes/n3")
            return done

    records = Removed({each.key: each.value for each in records_of(*NAMES).below("")})
    with pytest.raises(BadInput, match="is no node of the cluster"):
        removal(records).begin("n3")
    assert records.get(under_way.KEY) is None


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_a_node_that_the_others_came_to_need_since_it_was_asked_to_leave_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """n3 went between the question and the leave of n1: n2 alone would have no quorum while both still count."""
    records = records_of(*NAMES)
    monkeypatch.setattr(leave, "read", lambda _runner: seen(NAMES, ("n1", "n2"), quorate=True))
    with pytest.raises(Refused, match="without it the others would have no quorum"):
        began(leaving(tmp_path, records, Voters(), lambda: None), tmp_path)
    assert {each.state for each in cluster.members(records)} == {State.MEMBER}
    assert under_way.found(records) is None
    assert cluster.totem(records) == totem_of(NAMES)
