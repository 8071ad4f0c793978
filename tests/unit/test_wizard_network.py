"""The node's network as the wizard reads and changes it: over the real routes, checked by the worker's own rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Address, ip_address, ip_interface
from pathlib import Path
from typing import Any

import pytest
from tests.unit.shown_node import MACS, STARTED, Shown, shown_node

from trebol_common.errors import BadInput, TrebolError
from trebol_common.network import BondMode, Dhcp, HostNetwork, Link, Static, management_network
from trebol_common.run import Completed
from trebol_firstboot.screens.api_network import network_of
from trebol_firstboot.screens.node import ApiWorld
from trebol_firstboot.screens.world import Task
from trebol_hardware.machine import NetworkInterface
from trebol_node.api.app import PREFIX
from trebol_node.worker.netplan import parse
from trebol_node.worker.operations import ConfirmNetwork, SetDns

ENO1, ENO2 = (Link(name, mac) for name, mac in MACS.items())
SEARCH = ("example.org",)
SERVER = IPv4Address("192.0.2.53")
FIXED = Static(ip_interface("192.0.2.10/24"), ip_address("192.0.2.1"), (SERVER,))
BOTH = Static(
    ip_interface("192.0.2.10/24"),
    ip_address("192.0.2.1"),
    (SERVER,),
    (ip_interface("2001:db8::10/64"), None),
)
SIX = Static(ip_interface("2001:db8::10/64"), ip_address("fe80::1"), (SERVER,))


class Here:
    """The routes of a node in this process, as `Api`."""

    def __init__(self, node: Shown) -> None:
        self._node = node

    def call(
        self,
        method: str,
        path: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """See `Api.call`."""
        return self.whole(method, path, arguments, headers=headers)["data"]

    def whole(
        self,
        method: str,
        path: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        """See `Api.whole`."""
        given = {key: str(value) for key, value in (arguments or {}).items()}
        by: dict[str, Any] = {"params" if method in ("GET", "DELETE") else "data": given}
        answer = self._node.root.request(method, f"{PREFIX}/{path.strip('/')}", **by)
        if answer.status_code >= 400:
            raise BadInput(answer.text, where=f"{method} {path} {given}")
        found: Mapping[str, Any] = answer.json()
        return found


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Shown]:
    with shown_node(tmp_path) as found:
        found.programs.answers["networkctl"] = Completed(0)
        yield found


@pytest.fixture
def world(node: Shown) -> ApiWorld:
    nics = tuple(NetworkInterface(name, mac) for name, mac in MACS.items())
    return ApiWorld(Here(node), root=node.files.root, interfaces=lambda root: nics)


def _made(*links: Link, **others: Any) -> HostNetwork:
    addressing = others.pop("addressing", FIXED)
    return management_network(links, addressing, search=SEARCH, **others)


NETWORKS = {
    "dhcp": _made(ENO1, addressing=Dhcp()),
    "fixed": _made(ENO1),
    "other port": _made(ENO2),
    "both": _made(ENO1, addressing=BOTH),
    "ipv6 alone": _made(ENO2, addressing=SIX),
    "bond": _made(ENO1, ENO2, bond=BondMode.LACP),
    "bond of one": _made(ENO2, bond=BondMode.ACTIVE_BACKUP, addressing=Dhcp()),
    "tagged": _made(ENO1, vlan=12),
    "other tag": _made(ENO1, vlan=13, mtu=9000),
    "large": _made(ENO2, mtu=9000),
    "all": _made(ENO1, ENO2, bond=BondMode.BALANCE_ALB, vlan=12, mtu=9000, addressing=BOTH),
}


def test_the_network_is_read_as_it_is(world: ApiWorld) -> None:
    seen = world.network()

    assert seen.current == _made(ENO1, addressing=Dhcp())
    assert [nic.name for nic in seen.interfaces] == ["eno1", "eno2"]


#: Each with two of the others.
NAMES = tuple(NETWORKS)
PAIRS = [(name, NAMES[(at + far) % len(NAMES)]) for at, name in enumerate(NAMES) for far in (1, 4)]


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_any_network_becomes_any_other(world: ApiWorld, node: Shown, before: str, after: str) -> None:
    world.apply_network(NETWORKS[before])
    _keep(node)

    task = world.apply_network(NETWORKS[after])

    assert task == Task(str(STARTED), trial=True)
    assert _told(world, node) == NETWORKS[after]


def _keep(node: Shown) -> None:
    """What the task would do."""
    candidate = node.files.root / "etc/trebol/network-candidate.yaml"
    (node.files.root / "etc/netplan/50-trebol.yaml").write_text(candidate.read_text())
    candidate.unlink()


def _installed(node: Shown) -> dict[str, Any]:
    """The node's network as it is at its next boot."""
    return parse((node.files.root / "etc/netplan/50-trebol.yaml").read_text())


def _told(world: ApiWorld, node: Shown) -> HostNetwork:
    """As it is to be. What resolved asks is no matter of these files: the name servers are those that were set."""
    interfaces = node.get("/network")
    return network_of(interfaces, {"dns1": str(SERVER), "search": " ".join(SEARCH)}, MACS)


def test_name_servers_are_set_before_the_candidate_is_made_of_them(world: ApiWorld, node: Shown) -> None:
    world.apply_network(NETWORKS["fixed"])

    assert (
        node.worker.of(SetDns) and str(SERVER) in (node.files.root / "etc/trebol/network-candidate.yaml").read_text()
    )


def test_what_cannot_be_applied_leaves_nothing_behind(world: ApiWorld, node: Shown) -> None:
    world.apply_network(NETWORKS["fixed"])
    _keep(node)
    # As resolved tells of it.
    resolved = node.files.root / "run/systemd/resolve/resolv.conf"
    resolved.write_text(f"nameserver {SERVER}\nsearch {' '.join(SEARCH)}\n")
    before = _installed(node)
    wrong = _made(Link("eno9", "52:54:00:00:00:09"), addressing=replace(FIXED, nameservers=(FIXED.gateway,)))

    with pytest.raises(BadInput, match="eno9"):
        world.apply_network(wrong)

    assert not (node.files.root / "etc/trebol/network-candidate.yaml").exists()
    assert _installed(node) == before, "name servers too"


def test_keeping_it_is_the_workers_confirmation(world: ApiWorld, node: Shown) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        world.keep_network()

    assert node.worker.of(ConfirmNetwork)


@pytest.mark.parametrize(
    ("interfaces", "why"),
    [
        ([], "no bridge vmbr0"),
        ([{"iface": "vmbr0", "type": "bridge", "bridge_ports": "eno1 eno2"}], "vmbr0 has 2 ports"),
        ([{"iface": "vmbr0", "type": "bridge", "bridge_ports": "wlan0"}], "wlan0 is no wired interface"),
        ([{"iface": "vmbr0", "type": "bridge", "bridge_ports": "eno1", "method": "manual"}], "not on one interface"),
        (
            [
                {
                    "iface": "vmbr0",
                    "type": "bridge",
                    "bridge_ports": "eno1",
                    "method": "static",
                    "cidr": "192.0.2.1/24",
                }
            ],
            "has no gateway",
        ),
    ],
)
def test_a_network_of_another_kind_is_left_alone(interfaces: list[dict[str, Any]], why: str) -> None:
    with pytest.raises(TrebolError, match=why):
        network_of(interfaces, {}, MACS)
