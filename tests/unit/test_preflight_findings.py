"""What is measured before a join, and what it means: facts in, codes out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.preflight_facts import (
    MEMBERS,
    NEW,
    VERSIONS,
    Change,
    host,
    of_host,
    of_interface,
    of_path,
    path,
    sound,
)

from trebol_common.errors import BadInput, Refused
from trebol_node.cluster.preflight.facts import (
    AddressFacts,
    BondFacts,
    ClockFacts,
    Contents,
    Facts,
    Listener,
    PortFacts,
    Protocol,
    Reach,
    Size,
    Way,
)
from trebol_node.cluster.preflight.finding import Finding, Severity
from trebol_node.cluster.preflight.findings import CHECKS, check_force, evaluate, require, stopping, verdict

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


def found(*changes: Change) -> list[tuple[str, Severity]]:
    """Code and severity of each finding."""
    return [(finding.code, finding.severity) for finding in findings(*changes)]


def findings(*changes: Change) -> tuple[Finding, ...]:
    """On facts that were sound before."""
    facts = sound()
    for change in changes:
        facts = change(facts)
    return evaluate(facts)


def names(**more: tuple[str, ...]) -> Any:
    """Other addresses of names."""
    return lambda old: {**old, **more}


def without_links(facts: Facts, count: int) -> Facts:
    """Facts of a cluster with fewer links."""
    hosts = tuple(replace(each, links=each.links[:count]) for each in facts.hosts)
    return replace(facts, hosts=hosts, paths=tuple(each for each in facts.paths if each.way.link < count))


def without_host(facts: Facts, name: str) -> Facts:
    """Facts of a cluster of which one member does not answer."""
    return replace(
        facts,
        hosts=tuple(each for each in facts.hosts if each.name != name),
        paths=tuple(each for each in facts.paths if name not in (each.way.source, each.way.target)),
    )


def named(name: str) -> Change:
    """The joining node with another name, under which it measured."""

    def change(facts: Facts) -> Facts:
        new = replace(facts.new, name=name)
        renamed = replace(facts, joining=name, hosts=(new, *facts.others), paths=())
        return replace(renamed, paths=tuple(path(way) for way in renamed.ways()))

    return change


LATE = (200,) * 48
CLOCK = ClockFacts(1_790_000_000_000_000, "chronyd", True, 100)


def test_nothing_is_wrong_with_nodes_that_are_alike() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("change", "code", "severity"),
    [
        (of_path(NEW, "node1", offset=49_000), None, None),
        (of_path(NEW, "node1", offset=60_000, offset_error=50), "clock-offset", WARNING),
        (of_path(NEW, "node1", offset=-60_000, offset_error=50), "clock-offset", WARNING),
        (of_path(NEW, "node1", offset=1_100_000, offset_error=50), "clock-offset", ERROR),
        (of_host(NEW, clock=ClockFacts(0)), "clock-unsynchronised", WARNING),
        (of_host(NEW, clock=replace(CLOCK, synchronised=False)), "clock-unsynchronised", WARNING),
        (of_host(NEW, clock=replace(CLOCK, offset=300_000)), "clock-unsynchronised", WARNING),
        (of_host(NEW, clock=replace(CLOCK, synchronised=None)), None, None),
        (of_path(NEW, "node2", round_trips=(*LATE, 4_900, 4_900)), None, None),
        (of_path(NEW, "node2", round_trips=(*LATE, 200, 5_100)), "rtt-high", WARNING),
        (of_path(NEW, "node2", round_trips=(*LATE, 200, 90_000)), "rtt-high", WARNING),
        (of_path(NEW, "node2", round_trips=(*LATE, 11_000, 12_000)), "rtt-high", ERROR),
        (of_path(NEW, "node2", round_trips=(*LATE, 200)), "loss", WARNING),
        (of_path(NEW, "node2", round_trips=LATE), "loss", ERROR),
        (of_path(NEW, "node2", round_trips=(), problem="no answer"), "unreachable", ERROR),
        (of_path(NEW, "node2", problem="the measurement did not end in time"), "not-measured", ERROR),
        (of_path(NEW, "node3", sizes=(Size(1400, True), Size(1500, False))), "mtu-path", ERROR),
        (of_path(NEW, "node3", sizes=(Size(1280, False), Size(1500, False))), "mtu-path", ERROR),
        (of_path(NEW, "node3", sizes=()), None, None),
        (of_interface(NEW, "vmbr0", mtu=9000), "mtu-differs", WARNING),
        (of_interface(NEW, "eno1", speed=100), "link-slow", WARNING),
        (of_interface(NEW, "eno1", speed=None), None, None),
        (of_interface(NEW, "eno2", duplex="half"), "link-half-duplex", ERROR),
        (of_interface(NEW, "eno2", bond=BondFacts("balance-rr")), "bond-mode", WARNING),
        (of_interface(NEW, "eno1", bond=BondFacts("balance-alb")), "bond-mode", WARNING),
        (of_interface(NEW, "eno2", bond=BondFacts("802.3ad", "slow")), "bond-mode", WARNING),
        (of_interface(NEW, "eno2", bond=BondFacts("802.3ad", "fast")), None, None),
        (of_interface(NEW, "eno2", bond=BondFacts("active-backup")), None, None),
        (of_interface(NEW, "eno2", carrier=False), "link-missing", ERROR),
        (of_interface(NEW, "eno2", lower=("eno1",), physical=False), "links-together", WARNING),
        (lambda facts: without_links(facts, 1), "link-single", INFO),
        (of_host(NEW, names=names(node4=("127.0.1.1",))), "name-loopback", ERROR),
        (of_host(NEW, names=names(node4=("::1",))), "name-loopback", ERROR),
        (of_host(NEW, names=names(node4=("127.0.1.1", "192.0.2.4"))), "name-loopback", WARNING),
        (of_host("node1", names=names(node4=("192.0.2.77",))), "name-differs", ERROR),
        (of_host("node1", names=names(node4=())), "name-unknown", INFO),
        (of_host(NEW, machine_id=host("node2").machine_id), "machine-id-duplicate", ERROR),
        (named("Node2"), "name-taken", ERROR),
        (of_path("node1", NEW, macs=("52:54:00:00:00:04",)), None, None),
        (of_path("node1", NEW, macs=("52:54:00:00:00:04", "aa:bb:cc:dd:ee:ff")), "address-duplicate", ERROR),
        (of_path("node1", NEW, macs=("aa:bb:cc:dd:ee:ff",)), None, None),
        (of_host(NEW, versions=replace(VERSIONS, trebol="0.2.0")), "version-trebol", ERROR),
        (of_host(NEW, versions=replace(VERSIONS, trebol="0.1.1")), "version-trebol", WARNING),
        (of_host("node1", versions=replace(VERSIONS, trebol="0.2.0")), "version-trebol", WARNING),
        (of_host(NEW, versions=replace(VERSIONS, corosync="2.4.5")), "version-corosync", ERROR),
        (of_host(NEW, versions=replace(VERSIONS, corosync="3.1.10")), "version-corosync", WARNING),
        (of_host(NEW, versions=replace(VERSIONS, corosync="")), "version-corosync", ERROR),
        (of_host(NEW, versions=replace(VERSIONS, pacemaker="2.1.5")), "version-pacemaker", ERROR),
        (of_host(NEW, versions=replace(VERSIONS, etcd="3.4.23")), "version-etcd", ERROR),
        (of_host(NEW, versions=replace(VERSIONS, etcd="3.5.20")), "version-etcd", WARNING),
        (of_host(NEW, versions=replace(VERSIONS, ceph="17.2.8")), "version-ceph", WARNING),
        (of_host(NEW, versions=replace(VERSIONS, debian="12.11")), "version-debian", WARNING),
        (of_host(NEW, contents=Contents(guests=("web",))), "not-empty-guests", ERROR),
        (of_host("node1", contents=Contents(guests=("web",))), None, None),
        (of_host(NEW, contents=Contents(cluster="old", cluster_nodes=("192.0.2.9",))), "not-empty-cluster", ERROR),
        (of_host("node1", contents=Contents(cluster="us", cluster_nodes=("192.0.2.1",))), None, None),
        (of_host(NEW, contents=Contents(ceph="f00")), "not-empty-ceph", ERROR),
        (of_host(NEW, contents=Contents(ceph_daemons=("osd.3",))), "not-empty-ceph", ERROR),
        (of_host(NEW, contents=Contents(unfinished=True)), "not-empty-join", ERROR),
        (of_host(NEW, listeners=(Listener(Protocol.UDP, 5405, "0.0.0.0", "dnsmasq"),)), "port-taken", ERROR),
        (of_host(NEW, listeners=(Listener(Protocol.TCP, 2379, "127.0.0.1", "etcd"),)), None, None),
        (of_host(NEW, listeners=(Listener(Protocol.TCP, 2379, "127.0.0.1"),)), None, None),
        (of_host(NEW, listeners=(Listener(Protocol.UDP, 5406, "0.0.0.0"),)), "port-taken", WARNING),
        (of_host(NEW, listeners=(Listener(Protocol.TCP, 8006, "::", "systemd"),)), None, None),
        (of_host(NEW, listeners=(Listener(Protocol.TCP, 5403, "::", "nginx"),)), "port-taken", WARNING),
    ],
)  # fmt: skip
def test_what_is_wrong_has_a_code_and_says_how_bad_it_is(
    change: Change, code: str | None, severity: Severity | None
) -> None:
    assert found(change) == ([] if code is None else [(code, severity)])


@pytest.mark.parametrize(
    ("protocol", "reach", "listens", "closed"),
    [
        (Protocol.TCP, Reach.ANSWERS, True, False),
        (Protocol.TCP, Reach.REFUSED, False, False),
        (Protocol.TCP, Reach.REFUSED, True, True),
        (Protocol.TCP, Reach.SILENT, False, True),
        (Protocol.TCP, Reach.PROHIBITED, False, True),
        (Protocol.UDP, Reach.ANSWERS, False, False),
        # corosync does not answer strangers; whether it is reached is seen when it runs on both.
        (Protocol.UDP, Reach.SILENT, True, False),
        (Protocol.UDP, Reach.SILENT, False, True),
        (Protocol.UDP, Reach.REFUSED, False, True),
        (Protocol.UDP, Reach.PROHIBITED, True, True),
    ],
)
def test_a_port_is_closed_where_a_firewall_and_not_the_host_itself_says_no(
    protocol: Protocol, reach: Reach, listens: bool, closed: bool
) -> None:
    port = 5405 if protocol is Protocol.UDP else 2380
    program = "corosync" if protocol is Protocol.UDP else "etcd"
    listeners = (Listener(protocol, port, "192.0.2.1", program),) if listens else ()
    seen = found(
        of_host("node1", listeners=listeners), of_path(NEW, "node1", ports=(PortFacts(protocol, port, reach),))
    )
    assert seen == ([("port-closed", ERROR)] if closed else [])


def test_a_port_that_is_closed_is_not_told_where_nothing_gets_there_at_all() -> None:
    closed = (PortFacts(Protocol.TCP, 2380, Reach.SILENT),)
    assert found(of_path(NEW, "node1", round_trips=(), ports=closed)) == [("unreachable", ERROR)]


def test_a_member_that_does_not_answer_stops_the_join_unless_that_is_forced() -> None:
    seen = evaluate(without_host(sound(), "node3"))
    assert [(finding.code, finding.where) for finding in seen] == [("not-measured", "node3")]
    assert verdict(seen) and not verdict(seen, {"not-measured"})


def test_a_way_that_nobody_measured_is_not_taken_for_a_good_one() -> None:
    facts = replace(sound(), paths=sound().paths[1:])
    (finding,) = evaluate(facts)
    assert (finding.code, finding.where) == (
        "not-measured",
        "node4 → node1, link 0 (192.0.2.4 → 192.0.2.1)",
    )


def test_both_directions_of_two_clocks_are_one_finding_by_the_better_measurement() -> None:
    seen = findings(
        of_path(NEW, "node1", offset=2_000_000, offset_error=900_000),
        of_path("node1", NEW, offset=-1_500_000, offset_error=50),
    )
    assert [finding.what for finding in seen] == [
        "the clock of node1 is 1.500 s ahead of that of node4 (± 1 ms)",
    ]


def test_a_clock_offset_within_what_the_measurement_can_be_wrong_by_is_none() -> None:
    assert "clock-offset" not in dict(
        found(*(of_path(NEW, "node1", link, offset=80_000, offset_error=40_000) for link in (0, 1)),
              *(of_path("node1", NEW, link, offset=-80_000, offset_error=40_000) for link in (0, 1)))
    )  # fmt: skip


def test_the_node_that_is_unlike_the_others_is_named_whichever_it_is() -> None:
    old = replace(VERSIONS, etcd="3.5.15")
    (finding,) = findings(of_host("node2", versions=old))
    assert (finding.where, finding.what) == ("node2", "etcd is 3.5.15, that of most nodes 3.5.16")
    (finding,) = findings(of_interface("node3", "vmbr0", mtu=1400))
    assert (finding.where, finding.what) == ("node3, link 0, vmbr0", "the MTU is 1400, that of most other nodes 1500")


def test_of_two_nodes_the_new_one_is_the_odd_one() -> None:
    two = Facts(NEW, ("node1",), (replace(host(NEW), versions=replace(VERSIONS, etcd="3.5.15")), host("node1")))
    two = replace(two, paths=tuple(path(way) for way in two.ways()))
    assert [finding.where for finding in evaluate(two)] == [NEW]


def test_addresses_of_links_that_a_member_has_too_stop_the_join_and_those_of_inner_bridges_do_not() -> None:
    both = (AddressFacts("vmbr0", "192.0.2.4/24"),)
    seen = findings(of_host("node2", addresses=lambda old: (*old, *both)))
    assert ("address-taken", "node4, node2") in [(finding.code, finding.where) for finding in seen]
    assert found() == []  # virbr0 has the same address on all of them.


def test_an_address_that_answers_as_somebody_else_and_lets_nothing_through_is_a_duplicate() -> None:
    seen = found(of_path("node1", NEW, macs=("aa:bb:cc:dd:ee:ff",), round_trips=()))
    assert set(seen) == {("address-duplicate", ERROR), ("unreachable", ERROR)}


def test_a_duplicate_that_the_kernel_found_is_told() -> None:
    bad = AddressFacts("eno2", "2001:db8::4/64", duplicate=True)
    seen = found(
        of_host(NEW, links=("192.0.2.4", "2001:db8::4"), addresses=lambda old: (*old, bad)),
    )
    assert ("address-duplicate", ERROR) in seen


def test_a_link_without_address_or_with_one_that_no_interface_has_is_missing() -> None:
    (none,) = evaluate(_only_ways(of_host(NEW, links=("192.0.2.4",))(sound())))
    assert (none.code, none.where) == ("link-missing", "node4, link 1")
    assert none.hint == "name one: --link1 ADDRESS"
    seen = evaluate(_only_ways(of_host(NEW, links=("192.0.2.4", "198.51.100.44"))(sound())))
    assert [(finding.code, finding.where) for finding in seen] == [("link-missing", "node4, link 1")]


def test_links_in_another_order_than_the_members_are_an_error_and_routed_ones_a_warning() -> None:
    swapped = evaluate(_only_ways(of_host(NEW, links=("198.51.100.4", "192.0.2.4"))(sound())))
    assert [(each.code, each.severity) for each in swapped] == [("link-other-network", ERROR)] * 2
    far = AddressFacts("eno2", "203.0.113.4/24")
    routed = evaluate(
        _only_ways(of_host(NEW, links=("192.0.2.4", "203.0.113.4"), addresses=lambda old: (*old, far))(sound()))
    )
    assert [(each.code, each.severity) for each in routed] == [("link-other-network", WARNING)]


def _only_ways(facts: Facts) -> Facts:
    """With the ways measured that its links make."""
    return replace(facts, paths=tuple(path(way) for way in facts.ways()))


def test_a_tap_of_a_guest_on_the_bridge_is_no_port_of_the_link() -> None:
    """tap0 says 10 Mbit/s, as taps do."""
    assert "link-slow" not in dict(found())


def test_the_gravest_comes_first() -> None:
    seen = [
        severity
        for _code, severity in found(
            lambda facts: without_links(facts, 1),
            of_interface(NEW, "eno1", speed=100),
            of_host(NEW, contents=Contents(guests=("web",))),
        )
    ]
    assert seen == [ERROR, WARNING, INFO]


def test_what_is_forced_does_not_stop_and_all_else_does() -> None:
    seen = findings(of_host(NEW, contents=Contents(guests=("web",))), of_path(NEW, "node2", round_trips=LATE))
    assert [each.code for each in stopping(seen)] == ["not-empty-guests", "loss"]
    assert [each.code for each in stopping(seen, {"loss"})] == ["not-empty-guests"]
    assert not verdict(seen, {"loss", "not-empty-guests"})
    with pytest.raises(Refused) as caught:
        require(seen, {"loss"})
    assert "node4: not-empty-guests: the node has guests: web" in str(caught.value)
    assert "or --force not-empty-guests" in str(caught.value)
    assert caught.value.exit_status == 3


@pytest.mark.parametrize(
    "code",
    [
        "name-taken",
        "machine-id-duplicate",
        "address-taken",
        "address-duplicate",
        "not-empty-cluster",
        "not-empty-join",
    ],
)
def test_what_no_cluster_survives_is_never_forced(code: str) -> None:
    with pytest.raises(Refused):
        check_force([code])
    foreign = findings(of_host(NEW, contents=Contents(cluster="old", cluster_nodes=("192.0.2.9",))))
    assert verdict(foreign, {"not-empty-cluster"})


def test_a_code_that_there_is_not_cannot_be_forced() -> None:
    with pytest.raises(BadInput, match="los: no such check"):
        check_force(["loss", "los"])
    assert check_force(["loss"]) == {"loss"}


def test_every_check_has_a_code_of_its_own_and_says_what_it_looks_at() -> None:
    codes = [check.code for check in CHECKS]
    assert len(set(codes)) == len(codes)
    assert all(check.description.endswith(".") and check.code == check.code.lower() for check in CHECKS)


def test_hosts_without_any_fact_and_ways_without_any_packet_raise_nothing() -> None:
    bare = Facts(
        NEW,
        MEMBERS,
        tuple(replace(host(name), addresses=(), interfaces=(), names={}, listeners=()) for name in (NEW, *MEMBERS)),
    )
    empty = replace(bare, paths=tuple(replace(path(way), sent=0, round_trips=(), sizes=()) for way in bare.ways()))
    assert verdict(evaluate(bare)) and verdict(evaluate(empty))


def test_ways_go_both_directions_on_each_link_between_the_new_node_and_every_member() -> None:
    ways = list(sound().ways())
    assert len(ways) == len(set(ways)) == 2 * 2 * 3
    assert Way(NEW, "node2", 1, "198.51.100.4", "198.51.100.2") in ways
    assert Way("node2", NEW, 1, "198.51.100.2", "198.51.100.4") in ways
