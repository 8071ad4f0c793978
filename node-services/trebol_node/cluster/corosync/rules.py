"""What a corosync.conf of Trebol must be like; every problem at once. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from trebol_common.errors import Problem
from trebol_node.cluster.corosync.values import Node

if TYPE_CHECKING:
    from trebol_node.cluster.corosync.configuration import Totem

#: Above it nobody has measured ours; corosync's own bound is 384 (PROCESSOR_COUNT_MAX).
MAX_NODES = 32

#: knet's links are 0 to 7 (corosync.conf(5), linknumber and link_mode).
MAX_LINKS = 8

_NAME_LENGTH = 15
#: RFC 1123, 2.1, in lower case as the installer writes it.
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)

_AnyAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def canonical(text: str) -> str:
    """An address in the one way to write it, so that equal ones are equal texts; what is none as it is."""
    address = _address(text)
    return text if address is None else str(address)


def place(name: str) -> str:
    """Where a problem of a node is."""
    return f"node {name}"


def problems(totem: Totem) -> list[Problem]:
    """All that is wrong, in the order in which it should be read; empty: nothing is."""
    found = [*_of_names(totem), *_of_numbers(totem), *_of_links(totem)]
    for node in totem.nodes:
        found += _of_addresses(totem, node)
    return [*found, *_of_versions(totem), *_of_device(totem)]


def _of_names(totem: Totem) -> Iterator[Problem]:
    if len(totem.name) > _NAME_LENGTH or not _LABEL.fullmatch(totem.name):
        yield Problem(
            f"{totem.name!r} is not a cluster's name such as clover-1: letters in lower case, digits and -, up to 15",
            where="name",
        )
    for node in totem.nodes:
        if not _LABEL.fullmatch(node.name) or node.name.isdigit() or node.name == "localhost":
            yield Problem(
                f"{node.name!r} is not a host name such as node1: letters in lower case, digits and -, no domain",
                where=place(node.name),
            )
    for name, count in Counter(node.name for node in totem.nodes).items():
        if count > 1:
            yield Problem("a member has this name already", where=place(name), hint="give it another name")


def _of_numbers(totem: Totem) -> Iterator[Problem]:
    if not totem.nodes:
        yield Problem("a cluster has one node at least", where="nodes")
    if len(totem.nodes) > MAX_NODES:
        yield Problem(f"a cluster has at most {MAX_NODES} nodes, not {len(totem.nodes)}", where="nodes")
    # Pacemaker takes no more than 31 bits.
    for node in totem.nodes:
        if not 1 <= node.id < 2**31:
            yield Problem(f"a node's number is 1 or more, not {node.id}", where=place(node.name))
    by_number: dict[int, str] = {}
    for node in totem.nodes:
        if (other := by_number.setdefault(node.id, node.name)) != node.name:
            yield Problem(f"number {node.id} is {other}'s", where=place(node.name), hint=f"{totem.next_id} is free")
    for what, number in (("version", totem.version), ("token", totem.token)):
        if number < 1:
            yield Problem(f"must be 1 or more, not {number}", where=what)
    if totem.ping is not None and not 0 < totem.ping <= totem.token // 4:
        yield Problem(f"must be above 0, and no more than a quarter of the token, not {totem.ping}", where="ping")
    if totem.coefficient < 0:
        yield Problem(f"must be 0 or more, not {totem.coefficient}", where="coefficient")


def _of_links(totem: Totem) -> Iterator[Problem]:
    for link in sorted({*totem.links, *(link for node in totem.nodes for link in node.addresses)}):
        if not 0 <= link < MAX_LINKS:
            yield Problem(f"links are 0 to {MAX_LINKS - 1}", where=f"link {link}")
    # A node list counts where its first node has a ring0_addr (corosync, exec/totemconfig.c), and not without.
    if 0 not in totem.links:
        yield Problem("corosync cannot do without link 0", where="link 0")
    for link, priority in sorted(totem.links.items()):
        if not 0 <= priority <= 255:
            yield Problem(f"a priority is 0 to 255, not {priority}", where=f"link {link}")
    for node in totem.nodes:
        for link in sorted(totem.links.keys() - node.addresses.keys()):
            yield Problem(
                f"has no address on link {link}, on which others have one",
                where=place(node.name),
                hint="a link is there for all nodes or for none",
            )
        for link in sorted(node.addresses.keys() - totem.links.keys()):
            yield Problem(f"has an address on link {link}, which the cluster has not", where=place(node.name))


def _of_addresses(totem: Totem, node: Node) -> Iterator[Problem]:
    """An address that is another one's is told of once, at the second."""
    before: dict[str, str] = {}
    for other in totem.nodes:
        for link, address in sorted(other.addresses.items()):
            where = f"{place(other.name)}, link {link}"
            if other is node and (reason := _unusable(address)):
                yield Problem(reason, where=where)
            if address in before and other is node:
                yield Problem(f"{address} is the address of {before[address]} already", where=where)
            before.setdefault(address, where)


def _of_versions(totem: Totem) -> Iterator[Problem]:
    """Corosync takes both versions of IP, but one on each link (corosync.conf(5), ip_version)."""
    for link in sorted({link for node in totem.nodes for link in node.addresses}):
        versions = {
            address.version: node
            for node in reversed(totem.nodes)
            if (address := _address(node.addresses.get(link, ""))) is not None
        }
        if len(versions) > 1:
            yield Problem(
                f"{versions[4].name} has an IPv4 address on it and {versions[6].name} one of IPv6",
                where=f"link {link}",
                hint="take one version for all nodes on a link",
            )


def _of_device(totem: Totem) -> Iterator[Problem]:
    if totem.device is None:
        return
    host = totem.device.host
    if reason := _unusable(host):
        yield Problem(reason, where="device")
    for node in totem.nodes:
        if host in node.addresses.values():
            yield Problem(
                f"{host} is {node.name}: a member cannot decide between members",
                where="device",
                hint="run corosync-qnetd on a machine outside of the cluster",
            )


def _address(text: str) -> _AnyAddress | None:
    """None for a zone too ("%eth0"), which ipaddress takes with whatever stands in it.

    ::ffff:192.0.2.1 is the IPv4 address that it means, which Python's versions write and judge in different ways.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return address
    return None if "%" in text else address.ipv4_mapped or address


def _unusable(text: str) -> str:
    """Why corosync cannot have an address; empty where it can."""
    address = _address(text)
    if address is None:
        # What it would be resolved to differs from node to node, and in time.
        return f"{text!r} is not an IP address such as 192.0.2.11: a name is none"
    if address.is_loopback or address.is_unspecified:
        return f"{text} is an address that every machine has"
    if address.is_link_local:
        return f"{text} is a link-local address, which means another machine on each link"
    if address.is_multicast or address.is_reserved:
        return f"{text} is no address that a machine can have"
    return "" if str(address) == text else f"{text} is to be written {address}"
