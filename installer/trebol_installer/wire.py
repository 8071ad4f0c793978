"""The network that was answered, tried on the wire by the live system: the very netplan that the node will get.

It stays configured afterwards: what was tried is what the live system then has.
"""

from __future__ import annotations

import json
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface
from pathlib import Path
from typing import Any

from trebol_common.files import write_text
from trebol_common.i18n import _
from trebol_common.network import MANAGEMENT_BOND, MANAGEMENT_BRIDGE, Dhcp, HostNetwork, Static, to_netplan
from trebol_common.run import Runner

NETPLAN = Path("/run/netplan/90-trebol.yaml")
#: What systemd-resolved was told by networkd (systemd-resolved(8)).
RESOLV = Path("/run/systemd/resolve/resolv.conf")

#: How links that an earlier look has made are called; those of VLANs come first, a bond last.
_MADE = (f"{MANAGEMENT_BRIDGE}.", MANAGEMENT_BRIDGE, MANAGEMENT_BOND)

#: Seconds that DHCP, or a bond's or bridge's ports, may take to be configured.
PATIENCE = 30.0
_LOOK_AGAIN = 0.2

#: Seconds that a name server may take.
ANSWER_WITHIN = 3.0

#: Of an IPv4 packet, what is not payload of a ping: IP's and ICMP's headers (RFC 791, RFC 792); IPv6 has 20 more.
_HEADERS = {4: 28, 6: 48}


class Grade(StrEnum):
    """How a look at the wire ended."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True)
class Look:
    """One thing that was looked at, how it is, and what was seen; `own` are the addresses that the node will have."""

    what: str
    grade: Grade
    seen: str
    own: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Addresses:
    """What the node's own interface has: addresses with their prefixes, gateways, name servers."""

    own: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()


def try_on_the_wire(
    network: HostNetwork,
    runner: Runner,
    *,
    netplan: Path = NETPLAN,
    resolv: Path = RESOLV,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Look]:
    """Configure the live system like the node, and look: link, address, its owner, gateway, name servers, MTU.

    Each look comes when it is done. What needs an address is left out where there is none.
    """
    write_text(netplan, to_netplan(network), mode=0o600)
    _forget(runner)
    runner.run(["netplan", "generate"])
    # The live system has no bus, over which it could be told to read its files anew.
    runner.run(["systemctl", "restart", "systemd-networkd.service", "systemd-resolved.service"])
    name = network.managed.name
    addresses = yield from _address(network, name, runner, resolv, clock)
    if addresses is None:
        return
    for own in addresses.own:
        yield _owner(own, name, runner)
    for gateway in addresses.gateways:
        yield _gateway(gateway, name, runner)
    if not addresses.gateways:
        yield Look(_("gateway"), Grade.WARN, _("nobody told one"))
    for server in addresses.servers:
        yield _name_server(server)
    if not addresses.servers:
        yield Look(_("name server"), Grade.WARN, _("nobody told one"))
    if network.mtu is not None and addresses.gateways:
        yield _mtu(network.mtu, addresses.gateways[0], name, runner)


def _address(network: HostNetwork, name: str, runner: Runner, resolv: Path, clock: Callable[[], float]) -> Any:
    end = clock() + PATIENCE
    addressing = network.managed.addressing
    while True:
        found = _addresses(name, runner, resolv)
        if found.own and (isinstance(addressing, Dhcp) or _are_up(network, runner)):
            break
        if clock() > end:
            down = _down(network, runner)
            if down:
                yield Look(_("link"), Grade.BAD, _("{ports}: no link").format(ports=", ".join(down)))
            else:
                yield Look(_("address"), Grade.BAD, _("no DHCP server answered"))
            return None
        time.sleep(_LOOK_AGAIN)
    down = _down(network, runner)
    grade = Grade.WARN if down else Grade.GOOD
    yield Look(_("link"), grade, _("{ports}: no link").format(ports=", ".join(down)) if down else _("every port"))
    yield Look(_("address"), Grade.GOOD, ", ".join(found.own), found.own)
    if isinstance(addressing, Static):
        given = (addressing.gateway, *([addressing.ipv6[1]] if addressing.ipv6 and addressing.ipv6[1] else []))
        return _Addresses(found.own, tuple(map(str, given)), tuple(map(str, addressing.nameservers)))
    return found


def _addresses(name: str, runner: Runner, resolv: Path) -> _Addresses:
    shown = runner.run(["ip", "--json", "address", "show", "dev", name], check=False)
    if shown.status != 0:
        return _Addresses()
    own = tuple(
        f"{each['local']}/{each['prefixlen']}"
        for link in json.loads(shown.stdout)
        for each in link.get("addr_info", ())
        if each.get("scope") == "global" and not each.get("tentative")
    )
    gateways = tuple(
        route["gateway"]
        for family in ("-4", "-6")
        for route in json.loads(runner.run(["ip", family, "--json", "route", "show", "default", "dev", name]).stdout)
        if "gateway" in route
    )
    try:
        lines = resolv.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    servers = tuple(line.split()[1] for line in lines if line.startswith("nameserver "))
    return _Addresses(own, gateways, servers)


def _forget(runner: Runner) -> None:
    """Take down what an earlier look has made: networkd does not."""
    names = [link["ifname"] for link in _links(runner)]
    for made in _MADE:
        for name in names:
            if name == made or (made.endswith(".") and name.startswith(made)):
                runner.run(["ip", "link", "delete", "dev", name], check=False)


def _links(runner: Runner) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(runner.run(["ip", "--json", "link", "show"]).stdout)
    return found


def _are_up(network: HostNetwork, runner: Runner) -> bool:
    return len(_down(network, runner)) < len(network.links)


def _down(network: HostNetwork, runner: Runner) -> list[str]:
    """The ports without a link."""
    links = _links(runner)
    by_mac = {
        link.get("permaddr", link.get("address", "")): link for link in links if link.get("link_type") == "ether"
    }
    return [port.name for port in network.links if "LOWER_UP" not in by_mac.get(port.mac, {}).get("flags", ())]


def _owner(own: str, name: str, runner: Runner) -> Look:
    what = _("duplicate")
    address = ip_interface(own).ip
    if address.version == 6:
        shown = runner.run(["ip", "--json", "address", "show", "dev", name]).stdout
        failed = any(
            each.get("dadfailed")
            for link in json.loads(shown)
            for each in link.get("addr_info", ())
            if each.get("local") == str(address)
        )
    else:
        failed = (
            runner.run(["arping", "-D", "-q", "-c", "2", "-w", "2", "-I", name, str(address)], check=False).status
            != 0
        )
    if failed:
        return Look(what, Grade.BAD, _("another machine has {address}").format(address=address))
    return Look(what, Grade.GOOD, _("nobody else has {address}").format(address=address))


def _gateway(gateway: str, name: str, runner: Runner) -> Look:
    address = ip_address(gateway)
    if isinstance(address, IPv4Address):
        # By ARP: many routers answer no ping, all of them this.
        command = ["arping", "-q", "-f", "-w", "3", "-I", name, gateway]
    else:
        command = ["ping", "-6", "-q", "-c", "1", "-W", "3", "-I", name, gateway]
    answered = runner.run(command, check=False).status == 0
    if answered:
        return Look(_("gateway"), Grade.GOOD, _("{address} answers").format(address=gateway))
    return Look(_("gateway"), Grade.BAD, _("{address} does not answer").format(address=gateway))


def _name_server(server: str) -> Look:
    if asks(ip_address(server)):
        return Look(_("name server"), Grade.GOOD, _("{address} answers").format(address=server))
    return Look(_("name server"), Grade.WARN, _("{address} does not answer").format(address=server))


def asks(server: IPv4Address | IPv6Address, *, port: int = 53, within: float = ANSWER_WITHIN) -> bool:
    """Whether a DNS server answers anything at all, asked for the root's own servers (RFC 1035, 4.1)."""
    number = secrets.token_bytes(2)
    # Flags: recursion desired; one question: the name ".", type NS, class IN.
    question = number + b"\x01\x00" + b"\x00\x01" + b"\x00" * 6 + b"\x00" + b"\x00\x02" + b"\x00\x01"
    family = socket.AF_INET if server.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asked:
            asked.settimeout(within)
            asked.connect((str(server), port))
            asked.send(question)
            return asked.recv(512)[:2] == number
    except OSError:
        return False


def _mtu(mtu: int, gateway: str, name: str, runner: Runner) -> Look:
    size = mtu - _HEADERS[ip_address(gateway).version]
    command = ["ping", "-q", "-c", "1", "-W", "3", "-M", "do", "-s", str(size), "-I", name, gateway]
    if runner.run(command, check=False).status == 0:
        return Look("MTU", Grade.GOOD, _("{mtu} bytes reach the gateway").format(mtu=mtu))
    return Look("MTU", Grade.WARN, _("{mtu} bytes do not reach the gateway").format(mtu=mtu))
