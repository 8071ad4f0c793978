"""A link of corosync comes, changes or goes where the nodes keep reaching each other, else the reason is told."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.cluster_of_three import NAMES, address, records_of, totem_of

from trebol_common.errors import TrebolError
from trebol_node.cluster import linked, relink
from trebol_node.cluster import records as cluster
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.corosync.links import LinkState, put
from trebol_node.cluster.corosync.status import Member, Membership
from trebol_node.cluster.linked import LINKED, Linked
from trebol_node.daemon.applying_links import LinkFollower, addresses_of
from trebol_node.store.records import MemoryRecords

SECOND = {name: f"198.51.100.{10 + int(name[1:])}" for name in NAMES}


def two_links() -> Totem:
    return put(totem_of(NAMES), LinkState(1, SECOND, 5))


def saying(
    totem: Totem, *, parted: Collection[tuple[str, str, int]] = (), own: Mapping[str, str] | None = None
) -> MemoryRecords:
    """Records in which all nodes reach each other, but for (one, other, link); all have SECOND, and what is `own`."""
    found = records_of(*NAMES)
    found.put(cluster.COROSYNC, totem.to_members(), expected=found.get(cluster.COROSYNC).revision)  # type: ignore[union-attr]
    for node in totem.nodes:
        connected = {
            link: frozenset(
                other.id
                for other in totem.nodes
                if other != node and not {(node.name, other.name, link), (other.name, node.name, link)} & set(parted)
            )
            for link in totem.links
        }
        has = {address(node.name), SECOND[node.name], (own or {}).get(node.name, address(node.name))}
        value = Linked(totem.version, connected, frozenset(has)).to_members()
        found.put(f"{LINKED}{node.name}", value, expected=0)
    return found


def test_a_link_comes_changes_and_goes_and_each_is_one_version_more() -> None:
    before = totem_of(NAMES)
    there = two_links()
    assert there.links == {0: 1, 1: 5} and there.nodes[1].addresses[1] == SECOND["n2"]
    assert put(there, LinkState.of(there, 1)) is there
    moved = put(there, LinkState.of(there, 1).changed({"n2": "198.51.100.99"}, 7))
    assert (moved.links[1], moved.nodes[1].addresses[1]) == (7, "198.51.100.99")
    assert LinkState.of_members(LinkState.of(moved, 1).to_members()) == LinkState.of(moved, 1)
    gone = put(moved, LinkState(1))
    assert (gone.links, gone.version) == (before.links, before.version + 3)
    assert put(gone, LinkState(1)) is gone


def test_what_is_put_back_after_a_node_has_gone_is_for_those_that_are_left() -> None:
    left = totem_of(NAMES).without_node("n3")
    assert put(left, LinkState(1, SECOND)).nodes[1].addresses[1] == SECOND["n2"]


#: Which configuration there is, who does not reach whom, what is asked, and what is said against it; "": nothing.
CASES: Mapping[
    str,
    tuple[Totem, Collection[tuple[str, str, int]], tuple[int, Mapping[str, str] | None, int | None], str],
] = {
    "a new one": (totem_of(NAMES), (), (1, SECOND, None), ""),
    "a new one, without a node": (totem_of(NAMES), (), (1, {"n1": SECOND["n1"]}, None), "n2: has no address"),
    "priority": (two_links(), (), (1, {}, 9), ""),
    "priority of none": (two_links(), (), (2, {}, 9), "there is no such link"),
    "priority of the first": (totem_of(NAMES), (), (0, {}, 9), ""),
    "another address": (two_links(), (), (1, {"n2": "192.0.2.12"}, None), "is the address of"),
    "one that the node has not": (
        two_links(),
        (),
        (1, {"n2": "198.51.100.9"}, None),
        "n2, link 1: 198.51.100.9 is no",
    ),
    "a name": (two_links(), (), (1, {"n2": "n2.example.org"}, None), "is not an IP address"),
    "loopback": (two_links(), (), (1, {"n2": "127.0.0.1"}, None), "every machine has"),
    "the other version of IP": (two_links(), (), (1, {"n2": "2001:db8::2"}, None), "take one version"),
    "a stranger": (two_links(), (), (1, {"n9": "198.51.100.9"}, None), "is no member"),
    "addresses of the first": (two_links(), (), (0, {"n2": "198.51.100.9"}, None), "trebol cluster leave"),
    "away": (two_links(), (), (1, None, None), ""),
    "away, none": (two_links(), (), (2, None, None), "there is 0, 1"),
    "away, the first": (two_links(), (), (0, None, None), "cannot do without link 0"),
    "away, the last": (totem_of(NAMES), (), (0, None, None), "cannot do without link 0"),
    "away, it alone carries": (two_links(), [("n1", "n3", 0)], (1, None, None), "by which n1 and n3 reach"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_would_part_nodes_or_makes_no_sense_is_refused(case: str) -> None:
    totem, parted, asked, says = CASES[case]
    records = saying(totem, parted=parted)
    if not says:
        found, after = relink.wanted(records, *asked)
        assert put(found, after) != found
        return
    with pytest.raises(TrebolError) as caught:
        relink.wanted(records, *asked)
    assert says in str(caught.value)


def test_an_address_that_corosync_is_to_move_to_has_to_have_another_link_meanwhile() -> None:
    own = {"n2": "198.51.100.99"}
    asked = (1, {"n2": "198.51.100.99"}, None)
    assert relink.wanted(saying(two_links(), own=own), *asked)[1].addresses["n2"] == "198.51.100.99"
    with pytest.raises(TrebolError, match="the only link by which n1 and n2"):
        relink.wanted(saying(two_links(), own=own, parted=[("n1", "n2", 0)]), *asked)


@pytest.mark.parametrize("state", ["joining", "leaving"])
def test_links_stay_while_a_node_comes_or_goes(state: str) -> None:
    records = records_of(*NAMES, **{state: "n3"})
    with pytest.raises(TrebolError, match="n3: "):
        relink.wanted(records, 1, SECOND, None)


def test_what_is_of_an_older_configuration_says_nothing() -> None:
    records = saying(replace(two_links(), version=1))
    records.put(
        cluster.COROSYNC,
        two_links().to_members(),
        expected=records.get(cluster.COROSYNC).revision,  # type: ignore[union-attr]
    )
    with pytest.raises(TrebolError, match="the only link"):
        relink.wanted(records, 1, None, None)


def test_the_list_says_who_does_not_reach_whom_and_nothing_of_who_is_off() -> None:
    totem = two_links()
    found = linked.said(saying(totem, parted=[("n1", "n2", 1)]))
    first, second = linked.links(totem, found, {"n1", "n2"})
    assert [each["missing"] for each in first["nodes"]] == [[], [], []]
    assert [each["missing"] for each in second["nodes"]] == [["n2"], ["n1"], []]
    assert [each["connected"] for each in first["nodes"]] == [["n2"], ["n1"], []]
    assert [each["online"] for each in first["nodes"]] == [1, 1, 0]
    assert [each["online"] for each in linked.links(totem, found, None)[0]["nodes"]] == [0, 0, 0]


def test_a_daemon_says_what_corosync_says_once_and_anew_when_it_is_another() -> None:
    records = records_of(*NAMES)
    members = tuple(
        Member(number, name, 1, number == 2, True, {} if number == 2 else {0: number == 1}, 1)
        for number, name in enumerate(NAMES, 1)
    )
    seen = Membership("clover", 4, "1.2", True, False, 3, 3, 2, None, members)
    follower = LinkFollower(records, "n2", lambda: seen, lambda: {"192.0.2.12"})

    asyncio.run(follower.look())
    record = records.get(f"{LINKED}n2")
    asyncio.run(follower.look())

    assert record is not None and record == records.get(f"{LINKED}n2")
    assert Linked.of(record.value) == Linked(4, {0: frozenset({1})}, frozenset({"192.0.2.12"}))


def test_a_node_that_was_removed_says_nothing() -> None:
    records = records_of("n1", "n2")
    asyncio.run(LinkFollower(records, "n3", lambda: None, frozenset).look())
    assert records.below(LINKED) == ()


def test_addresses_are_those_that_others_could_reach() -> None:
    told: list[dict[str, Any]] = [
        {"ifname": "lo", "addr_info": [{"local": "127.0.0.1", "scope": "host"}]},
        {
            "ifname": "x",
            "addr_info": [{"local": "10.1.0.1", "scope": "global"}, {"local": "fe80::1", "scope": "link"}],
        },
        {"ifname": "y"},
    ]
    assert addresses_of(told) == {"10.1.0.1"}
