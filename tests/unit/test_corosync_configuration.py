"""corosync.conf: what is written, what may be changed, and what is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trebol_common.errors import BadInput, Refused
from trebol_node.cluster.corosync.configuration import Totem, checked
from trebol_node.cluster.corosync.parse import describes_cluster, parse, read_back
from trebol_node.cluster.corosync.values import Algorithm, Cipher, Device, Hash, Node

GOLDEN = Path(__file__).parent / "golden/corosync"


def of_nodes(count: int, links: int = 1) -> Totem:
    """A cluster of node1, node2, …, each with an address on every link."""
    made = Totem.first("clover", "node1", addresses(1, links))
    for number in range(2, count + 1):
        made = made.with_node(f"node{number}", addresses(number, links))
    return made


def addresses(node: int, links: int = 1) -> dict[int, str]:
    return {link: f"10.0.{link}.{node}" for link in range(links)}


TWO = of_nodes(2)
FOUR = (
    Totem.first("clover", "node1", {0: "192.0.2.11", 1: "2001:db8::11"})
    .with_node("node2", {0: "192.0.2.12", 1: "2001:db8::12"})
    .with_node("node3", {0: "192.0.2.13", 1: "2001:db8::13"})
    .with_node("node4", {0: "192.0.2.14", 1: "2001:db8::14"})
    .with_addresses({}, priorities={0: 10, 1: 20})
    .with_device("198.51.100.5")
)


NO_CLUSTER = "is not a cluster's name such as clover-1: letters in lower case, digits and -, up to 15"
NO_NODE = "is not a host name such as node1: letters in lower case, digits and -, no domain"


def told(change: Callable[[], object], error: type[BadInput | Refused] = BadInput) -> list[str]:
    """All problems that a change is refused with, as "WHERE: WHAT"."""
    with pytest.raises(error) as caught:
        change()
    return [f"{problem.where}: {problem.what}" for problem in caught.value.problems]


def test_the_file_is_as_corosync_took_it() -> None:
    """corosync -t of 3.1.9 took both of these."""
    assert FOUR.render() == (GOLDEN / "four-nodes.conf").read_text()
    two = Totem.first("clover", "node1", {0: "192.0.2.11"}).with_node("node2", {0: "192.0.2.12"})
    assert two.render() == (GOLDEN / "two-nodes.conf").read_text()
    assert two.digest == hashlib.sha256((GOLDEN / "two-nodes.conf").read_bytes()).hexdigest()


def test_the_file_of_an_older_cluster_is_the_same_after_an_upgrade() -> None:
    """All members compare its digest, and a file of the same version is not written anew."""
    members = of_nodes(3, links=2).to_members()
    del members["ping"]
    older = Totem.of(members)
    assert "knet_ping_interval" not in older.render()
    assert read_back(older.render()) == older
    assert read_back(TWO.render()) == TWO and "knet_ping_interval: 200" in TWO.render()


@pytest.mark.parametrize(
    ("totem", "has", "has_not"),
    [
        (of_nodes(1), (), ("two_node", "device")),
        (of_nodes(2), ("two_node: 1",), ("wait_for_all: ", "device")),
        (of_nodes(3), (), ("two_node", "device")),
        (of_nodes(2).with_device("10.9.9.9"), ("votes: 1", "algorithm: ffsplit"), ("two_node",)),
        (of_nodes(4).with_device("10.9.9.9"), ("votes: 1", "host: 10.9.9.9", "tls: required"), ()),
        (of_nodes(4).with_device("10.9.9.9").without_device(), (), ("device",)),
        (of_nodes(3).with_device("10.9.9.9", Algorithm.LMS), ("algorithm: lms",), ("votes: ",)),
        (of_nodes(2).with_device("10.9.9.9", Algorithm.LMS).without_node("node2"), (), ("device", "two_node")),
    ],
)
def test_what_decides_between_halves_follows_the_number_of_nodes(
    totem: Totem, has: tuple[str, ...], has_not: tuple[str, ...]
) -> None:
    quorum = totem.render().partition("quorum {")[2]
    assert [word for word in has if word not in quorum] == []
    assert [word for word in has_not if f" {word}" in quorum] == []


def test_a_quorum_device_waits_while_a_cluster_grows_over_an_odd_number() -> None:
    grown = [of_nodes(2).with_device("10.9.9.9")]
    for number in (3, 4):
        grown.append(grown[-1].with_node(f"node{number}", addresses(number)))
    assert [totem.device_votes for totem in grown] == [1, 0, 1]
    assert [totem.expected_votes for totem in grown] == [3, 3, 5]
    assert ["host: 10.9.9.9" in totem.render() for totem in grown] == [True, False, True]
    assert Totem.of(grown[1].to_members()) == grown[1], "nothing of it is forgotten"


@pytest.mark.parametrize(("nodes", "milliseconds"), [(1, 3000), (2, 3000), (3, 3125), (16, 4750), (32, 6750)])
def test_a_larger_cluster_waits_a_little_longer_for_a_dead_node(nodes: int, milliseconds: int) -> None:
    assert of_nodes(nodes).token_timeout == milliseconds


@pytest.mark.parametrize(("nodes", "milliseconds"), [(1, 200), (8, 200), (9, 400), (16, 400), (24, 600), (32, 750)])
def test_in_a_larger_cluster_links_are_pinged_less_often(nodes: int, milliseconds: int) -> None:
    assert of_nodes(nodes).ping == milliseconds


def test_no_link_is_pinged_less_often_than_its_token_allows() -> None:
    assert replace(of_nodes(8), token=1000).with_node("node9", addresses(9)).ping == 250


def test_every_change_is_a_new_version() -> None:
    changes: list[Callable[[Totem], Totem]] = [
        lambda totem: totem.with_node("node9", addresses(9)),
        lambda totem: totem.without_node("node1"),
        lambda totem: totem.renamed("node1", "alpha"),
        lambda totem: totem.with_addresses({"node1": {0: "10.0.0.77"}}),
        lambda totem: totem.with_device("10.9.9.9"),
        lambda totem: totem.with_device("10.9.9.9").without_device(),
    ]
    assert [change(TWO).version for change in changes] == [3, 3, 3, 3, 3, 4]
    assert len({change(TWO).digest for change in changes} | {TWO.digest}) == 7


def test_a_node_gets_the_smallest_free_number_and_nodes_stand_in_their_order() -> None:
    without = of_nodes(3).without_node("node2")
    assert without.next_id == 2
    again = without.with_node("new", addresses(9))
    assert [(node.id, node.name) for node in again.nodes] == [(1, "node1"), (2, "new"), (3, "node3")]
    assert again.with_node("late", addresses(8), id=7).node("late").id == 7


def test_a_node_keeps_number_and_addresses_under_another_name() -> None:
    assert TWO.renamed("node2", "beta").node("beta") == replace(TWO.node("node2"), name="beta")
    assert told(lambda: TWO.renamed("node2", "node1")) == ["node node1: a member has this name already"]
    assert told(lambda: TWO.renamed("node7", "beta")) == ["node node7: is no member of the cluster"]


def test_links_come_and_go_with_addresses() -> None:
    both = {"node1": addresses(1, 2), "node2": addresses(2, 2)}
    two_links = TWO.with_addresses(both, priorities={1: 5})
    assert two_links.links == {0: 1, 1: 5}
    back = two_links.with_addresses({"node1": addresses(1), "node2": addresses(2)})
    assert (back.links, back.nodes) == (TWO.links, TWO.nodes)


@pytest.mark.parametrize(
    ("after", "links"),
    [
        (TWO.renamed("node1", "alpha"), set()),
        (TWO.with_node("node3", addresses(3)), set()),
        (TWO.with_addresses({"node1": addresses(1, 2), "node2": addresses(2, 2)}), set()),
        (TWO.with_addresses({"node1": {0: "10.0.0.77"}}), {0}),
        (TWO.without_node("node2").with_node("node2", {0: "10.0.0.77"}), {0}),
    ],
)
def test_what_corosync_does_not_change_while_it_runs_is_known(after: Totem, links: set[int]) -> None:
    assert TWO.readdressed(after) == links


def test_a_link_with_another_address_goes_and_comes_back() -> None:
    """Corosync 3.1.9 took both steps, and refused the change in one."""
    before = of_nodes(2, 2)
    after = before.with_addresses({"node2": {0: "10.0.0.2", 1: "10.0.1.77"}})
    without, back = before.steps_to(after)
    assert [node.addresses for node in without.nodes] == [addresses(1), addresses(2)]
    assert (without.links, without.version) == ({0: 1}, after.version)
    assert back == replace(after, version=after.version + 1)
    assert not before.readdressed(without) and not without.readdressed(back)
    assert TWO.steps_to(TWO.renamed("node1", "alpha")) == (TWO.renamed("node1", "alpha"),)


def test_the_first_link_gets_other_addresses_only_while_corosync_stands_still() -> None:
    after = TWO.with_addresses({"node2": {0: "10.0.0.77"}})
    assert told(lambda: TWO.steps_to(after), Refused) == [
        "link 0: corosync cannot change addresses on link 0 while it runs"
    ]


def test_an_address_is_written_in_one_way() -> None:
    made = Totem.first("clover", "node1", {0: "2001:DB8:0::1"})
    assert made.node("node1").addresses == {0: "2001:db8::1"}
    assert Totem.first("clover", "node1", {0: "::ffff:10.0.0.1"}).node("node1").addresses == {0: "10.0.0.1"}
    assert told(lambda: made.with_node("node2", {0: "2001:db8:0:0::1"})) == [
        "node node2, link 0: 2001:db8::1 is the address of node node1, link 0 already"
    ]


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        (
            lambda: Totem.first("Clover", "node1", {0: "10.0.0.1"}),
            [f"name: 'Clover' {NO_CLUSTER}"],
        ),
        (
            lambda: Totem.first("a-cluster-of-mine", "node1", {0: "10.0.0.1"}),
            [f"name: 'a-cluster-of-mine' {NO_CLUSTER}"],
        ),
        (
            lambda: TWO.with_node("node3.example.org", addresses(3)),
            [f"node node3.example.org: 'node3.example.org' {NO_NODE}"],
        ),
        (
            lambda: TWO.with_node("node3\n}", addresses(3)),
            [f"node node3\n}}: 'node3\\n}}' {NO_NODE}"],
        ),
        (lambda: TWO.with_node("localhost", addresses(3)), [f"node localhost: 'localhost' {NO_NODE}"]),
        (lambda: TWO.with_node("node1", addresses(3)), ["node node1: a member has this name already"]),
        (lambda: TWO.with_node("node3", addresses(3), id=2), ["node node3: number 2 is node2's"]),
        (lambda: TWO.with_node("node3", addresses(3), id=0), ["node node3: a node's number is 1 or more, not 0"]),
        (
            lambda: TWO.with_node("node3", {}),
            ["node node3: has no address on link 0, on which others have one"],
        ),
        (
            lambda: TWO.with_node("node3", addresses(3, 2)),
            ["node node3: has an address on link 1, which the cluster has not"],
        ),
        (
            lambda: TWO.with_addresses({"node1": addresses(1, 2)}),
            ["node node2: has no address on link 1, on which others have one"],
        ),
        (
            lambda: TWO.with_node("node3", {0: "2001:db8::1"}),
            ["link 0: node1 has an IPv4 address on it and node3 one of IPv6"],
        ),
        (
            lambda: of_nodes(1, 2).with_node("node2", {0: "10.0.0.2", 1: "10.0.0.2"}),
            ["node node2, link 1: 10.0.0.2 is the address of node node2, link 0 already"],
        ),
        (lambda: Totem.first("clover", "node1", {1: "10.0.0.1"}), ["link 0: corosync cannot do without link 0"]),
        (lambda: Totem.first("clover", "node1", {0: "10.0.0.1", 8: "10.0.0.2"}), ["link 8: links are 0 to 7"]),
        (lambda: TWO.with_addresses({}, priorities={0: 256}), ["link 0: a priority is 0 to 255, not 256"]),
        (lambda: of_nodes(32).with_node("node33", addresses(33)), ["nodes: a cluster has at most 32 nodes, not 33"]),
        (lambda: TWO.without_node("node3"), ["node node3: is no member of the cluster"]),
        (lambda: TWO.without_device(), ["device: there is no quorum device"]),
        (
            lambda: TWO.with_device("10.0.0.2"),
            ["device: 10.0.0.2 is node2: a member cannot decide between members"],
        ),
        (
            lambda: TWO.with_device("qnetd.example.org"),
            ["device: 'qnetd.example.org' is not an IP address such as 192.0.2.11: a name is none"],
        ),
    ],
)
def test_what_corosync_could_not_live_with_is_refused(change: Callable[[], Totem], problems: list[str]) -> None:
    assert told(change) == problems


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("node3", "'node3' is not an IP address such as 192.0.2.11: a name is none"),
        ("", "'' is not an IP address such as 192.0.2.11: a name is none"),
        ("10.0.0.3/24", "'10.0.0.3/24' is not an IP address such as 192.0.2.11: a name is none"),
        ("2001:db8::1%a\n}", "'2001:db8::1%a\\n}' is not an IP address such as 192.0.2.11: a name is none"),
        ("127.0.1.1", "127.0.1.1 is an address that every machine has"),
        ("::1", "::1 is an address that every machine has"),
        ("0.0.0.0", "0.0.0.0 is an address that every machine has"),
        ("169.254.1.1", "169.254.1.1 is a link-local address, which means another machine on each link"),
        ("fe80::1", "fe80::1 is a link-local address, which means another machine on each link"),
        ("239.1.1.1", "239.1.1.1 is no address that a machine can have"),
        ("ff02::1", "ff02::1 is no address that a machine can have"),
        ("255.255.255.255", "255.255.255.255 is no address that a machine can have"),
        ("::ffff:127.0.0.1", "127.0.0.1 is an address that every machine has"),
    ],
)
def test_an_address_that_means_another_machine_elsewhere_is_refused(address: str, problem: str) -> None:
    assert told(lambda: Totem.first("clover", "node1", {0: address})) == [f"node node1, link 0: {problem}"]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    assert told(lambda: of_nodes(2, 2).with_node("node2", {0: "10.0.0.1", 2: "fe80::1"}, id=1)) == [
        "node node2: a member has this name already",
        "node node2: number 1 is node1's",
        "node node2: has no address on link 1, on which others have one",
        "node node2: has an address on link 2, which the cluster has not",
        "node node2, link 0: 10.0.0.1 is the address of node node1, link 0 already",
        "node node2, link 2: fe80::1 is a link-local address, which means another machine on each link",
    ]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda: of_nodes(1).without_node("node1"), "node node1: is the last node of the cluster"),
        (
            lambda: of_nodes(3).with_device("10.9.9.9"),
            "device: 3 nodes have no halves to decide between: with ffsplit a device does nothing for them",
        ),
        (lambda: of_nodes(1).with_device("10.9.9.9"), "device: a single node has nobody to be parted from"),
    ],
)
def test_what_would_be_of_no_use_or_the_end_is_refused(change: Callable[[], Totem], problem: str) -> None:
    assert told(change, Refused) == [problem]


LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True).filter(lambda name: name != "localhost")


@st.composite
def totems(draw: st.DrawFn) -> Totem:
    names = draw(st.lists(LABELS, min_size=1, max_size=8, unique=True))
    numbers = draw(st.lists(st.integers(1, 2**31 - 1), min_size=len(names), max_size=len(names), unique=True))
    links = {0, *draw(st.sets(st.integers(1, 7)))}
    networks = {link: "2001:db8:1::" if draw(st.booleans()) else f"10.0.{link}." for link in sorted(links)}
    nodes = tuple(
        Node(name, number, {link: f"{network}{8 * at + link + 1}" for link, network in networks.items()})
        for at, (name, number) in enumerate(zip(names, numbers, strict=True))
    )
    device = draw(st.none() | st.builds(Device, st.just("198.51.100.5"), st.sampled_from(Algorithm)))
    return checked(
        Totem(
            name=draw(LABELS),
            nodes=nodes,
            links={link: draw(st.integers(0, 255)) for link in sorted(links)},
            version=draw(st.integers(1, 2**63)),
            token=draw(st.integers(1, 10**6)),
            coefficient=draw(st.integers(0, 10**4)),
            cipher=draw(st.sampled_from(Cipher)),
            hash=draw(st.sampled_from(Hash)),
            device=device,
        )
    )


@given(totems())
def test_a_record_is_read_as_it_was_written(totem: Totem) -> None:
    assert Totem.of(json.loads(json.dumps(totem.to_members()))) == totem


@given(totems())
def test_a_file_of_ours_is_read_back(totem: Totem) -> None:
    text = totem.render()
    back = read_back(text)
    assert back == (totem if totem.device_votes else replace(totem, device=None))
    assert back.render() == text
    assert parse(parse(text).to_text()) == parse(text)
    assert describes_cluster(text)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": None}, "name: 'None' is not a cluster's name"),
        ({"version": "new"}, "cluster/corosync: is no configuration of corosync"),
        ({"version": 0}, "version: must be 1 or more"),
        ({"nodes": []}, "nodes: a cluster has one node at least"),
        ({"nodes": ["node1"]}, "cluster/corosync: is no configuration of corosync"),
        ({"links": [0]}, "cluster/corosync: is no configuration of corosync"),
        ({"cipher": "none"}, "cluster/corosync: is no configuration of corosync"),
        (
            {"nodes": [{"name": "node1", "id": 1, "addresses": {"0": "2001:DB8::1"}}]},
            "node node1, link 0: 2001:DB8::1 is to be written 2001:db8::1",
        ),
        ({"device": {"host": "10.9.9.9"}}, "cluster/corosync: is no configuration of corosync"),
    ],
)
def test_a_record_that_makes_no_sense_is_not_taken(change: dict[str, Any], problem: str) -> None:
    assert told(lambda: Totem.of({**TWO.to_members(), **change}))[0].startswith(problem)
