"""Facts of a sound join for tests: three members and node4, two links, all alike; and how to change them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from trebol_node.cluster.preflight.facts import (
    AddressFacts,
    ClockFacts,
    Facts,
    HostFacts,
    InterfaceFacts,
    PathFacts,
    PortFacts,
    Protocol,
    Reach,
    Size,
    Versions,
    Way,
)

MEMBERS = ("node1", "node2", "node3")
NEW = "node4"
VERSIONS = Versions(trebol="0.1.0", corosync="3.1.9", pacemaker="3.0.0", etcd="3.5.16", ceph="18.2.7", debian="13.1")


def host(name: str) -> HostFacts:
    """A host that nothing is wrong with: link 0 over a bridge on a port, link 1 over a port."""
    number = int(name.removeprefix("node"))
    links = (f"192.0.2.{number}", f"198.51.100.{number}")
    return HostFacts(
        name=name,
        machine_id=f"{number:032x}",
        clock=ClockFacts(now=1_790_000_000_000_000, daemon="chronyd", synchronised=True, offset=120),
        links=links,
        versions=VERSIONS,
        addresses=(
            AddressFacts("lo", "127.0.0.1/8"),
            AddressFacts("vmbr0", f"{links[0]}/24"),
            AddressFacts("eno2", f"{links[1]}/24"),
            AddressFacts("virbr0", "192.168.122.1/24"),
        ),
        interfaces=(
            InterfaceFacts("eno1", f"52:54:00:00:00:{number:02x}", 1500, True, 10000, "full", True),
            InterfaceFacts("eno2", f"52:54:00:00:01:{number:02x}", 1500, True, 1000, "full", True),
            InterfaceFacts("vmbr0", f"52:54:00:00:00:{number:02x}", 1500, True, lower=("eno1", "tap0")),
            InterfaceFacts("tap0", "fe:54:00:00:00:01", 1500, True, 10, "full"),
        ),
        names={each: (f"192.0.2.{each[-1]}",) for each in (*MEMBERS, NEW)},
    )


def path(way: Way) -> PathFacts:
    """A way that nothing is wrong with."""
    return PathFacts(
        way=way,
        sent=50,
        round_trips=(180,) * 50,
        sizes=(Size(1280, True), Size(1500, True)),
        offset=200,
        offset_error=90,
        ports=(PortFacts(Protocol.TCP, 2379, Reach.ANSWERS), PortFacts(Protocol.UDP, 5405 + way.link, Reach.ANSWERS)),
    )


def sound() -> Facts:
    """Everything as it should be."""
    facts = Facts(NEW, MEMBERS, tuple(host(name) for name in (NEW, *MEMBERS)))
    return replace(facts, paths=tuple(path(way) for way in facts.ways()))


Change = Callable[[Facts], Facts]


def of_host(name: str, **changes: Any) -> Change:
    """Facts with other facts of one host; what is callable changes what is there."""

    def change(facts: Facts) -> Facts:
        hosts = tuple(_changed(each, changes) if each.name == name else each for each in facts.hosts)
        return replace(facts, hosts=hosts)

    return change


def of_path(source: str, target: str, link: int = 0, **changes: Any) -> Change:
    """Facts with other facts of one way."""

    def change(facts: Facts) -> Facts:
        wanted = (source, target, link)
        paths = tuple(
            _changed(each, changes) if (each.way.source, each.way.target, each.way.link) == wanted else each
            for each in facts.paths
        )
        return replace(facts, paths=paths)

    return change


def of_interface(name: str, interface: str, **changes: Any) -> Change:
    """Facts with another interface of one host."""
    return of_host(
        name,
        interfaces=lambda all_: tuple(replace(each, **changes) if each.name == interface else each for each in all_),
    )


def _changed(value: Any, changes: dict[str, Any]) -> Any:
    given = {key: change(getattr(value, key)) if callable(change) else change for key, change in changes.items()}
    return replace(value, **given)
