"""Which network interface an answer file means, and what is said of it."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Interface

import pytest
from tests.unit.answer_files import DHCP, answers, machine, made_machine

from trebol_common.errors import BadInput, Refused
from trebol_common.network import Bond, BondMode, Static
from trebol_hardware.machine import NetworkInterface
from trebol_installer.host_network import host_network
from trebol_installer.interfaces import select_interface

RACK = machine("rack-server")
NIC = NetworkInterface


@pytest.mark.parametrize(
    ("carriers", "name", "note", "warning"),
    [
        ((False, True), "n1", "", ""),
        ((True, True), "n0", "n0 is the first interface with a link; so have n1", ""),
        ((None, False), "n0", "", "no interface has a link; n0 (00:00:00:00:00:00) was taken"),
    ],
)
def test_dhcp_takes_the_first_interface_with_a_link(
    carriers: tuple[bool | None, ...], name: str, note: str, warning: str
) -> None:
    nics = tuple(NIC(f"n{i}", f"00:00:00:00:00:0{i}", carrier=carrier) for i, carrier in enumerate(carriers))

    chosen = select_interface(made_machine(interfaces=nics), answers(*DHCP))

    assert chosen.interfaces[0].name == name
    assert "; ".join(chosen.notes) == note
    assert "; ".join(chosen.warnings) == warning


def test_a_machine_without_interfaces_is_refused() -> None:
    with pytest.raises(Refused, match="no network interface"):
        select_interface(made_machine(interfaces=()), answers(*DHCP))


@pytest.mark.parametrize(
    ("filters", "name"),
    [
        ({"INTERFACE": "ens1f0*"}, "ens1f0np0"),
        ({"ID_NET_NAME_ONBOARD": "eno8303"}, "eno8303"),
        ({"ID_NET_NAME_MAC": "enxb83fd24a1061", "NO_SUCH": "x"}, "ens1f1np1"),
    ],
)
def test_a_static_address_goes_to_the_interface_of_the_filter(filters: dict[str, str], name: str) -> None:
    assert select_interface(RACK, answers(("network.filter", filters))).interfaces[0].name == name


def test_a_filter_for_two_interfaces_lists_them() -> None:
    with pytest.raises(BadInput) as caught:
        select_interface(RACK, answers(("network.filter", {"INTERFACE": "eno*"})))

    text = str(caught.value)
    assert 'network.filter: INTERFACE = "eno*" matches 2 interfaces' in text
    assert "eno8303      b0:7b:25:d1:00:10  link 1000 Mbit/s  NetXtreme BCM5720" in text
    assert "eno8403      b0:7b:25:d1:00:11  no link" in text and "ens1f0np0" not in text


def test_a_filter_for_none_lists_all_interfaces() -> None:
    with pytest.raises(BadInput, match="matches no interface") as caught:
        select_interface(RACK, answers(("network.filter", {"INTERFACE": "wlan*"})))
    assert "ens1f1np1" in str(caught.value)


def test_a_static_interface_without_a_link_is_warned_about() -> None:
    chosen = select_interface(RACK, answers(("network.filter", {"INTERFACE": "eno8403"})))

    assert chosen.warnings == ("eno8403 has no link: check its cable",)


def test_a_bond_is_of_the_ports_that_are_named_in_their_order() -> None:
    ports = ["B0-7B-25-D1-00-11", "b0:7b:25:d1:00:10"]
    wanted = answers(("network.filter", None), ("network.bond", {"mode": "802.3ad", "ports": ports}))

    chosen = select_interface(RACK, wanted)

    assert [nic.name for nic in chosen.interfaces] == ["eno8403", "eno8303"]
    assert chosen.warnings == ("eno8403 has no link: check its cable",)
    network = host_network(RACK, wanted, chosen.interfaces)
    assert network.bonds == (
        Bond("bond0", ("eno8403", "eno8303"), BondMode.LACP, "b0:7b:25:d1:00:11"),
    ) and network.bridges[0].ports == ("bond0",)


def test_a_port_of_a_bond_that_is_not_there_lists_what_there_is() -> None:
    bond = {"mode": "active-backup", "ports": ["00:00:00:00:00:01"]}
    with pytest.raises(BadInput, match="no interface has the MAC address 00:00:00:00:00:01") as caught:
        select_interface(RACK, answers(("network.filter", None), ("network.bond", bond)))
    assert "ens1f1np1" in str(caught.value)


def test_an_address_in_a_vlan_leaves_the_bridge_to_guests() -> None:
    ipv6 = {"cidr": "2001:db8::10/64", "gateway": "fe80::1"}
    wanted = answers(("network.vlan", 120), ("network.mtu", 9000), ("network.ipv6", ipv6))

    network = host_network(RACK, wanted, RACK.interfaces[:1])

    assert network.bridges[0].addressing is None and network.mtu == 9000
    (vlan,) = network.vlans
    assert (vlan.name, vlan.id, vlan.link) == ("vmbr0.120", 120, "vmbr0")
    assert isinstance(vlan.addressing, Static)
    assert vlan.addressing.ipv6 == (IPv6Interface("2001:db8::10/64"), IPv6Address("fe80::1"))


def test_a_filter_chooses_the_interface_for_dhcp_too() -> None:
    chosen = select_interface(RACK, answers(*DHCP, ("network.filter", {"INTERFACE": "ens1f1*"})))

    assert [nic.name for nic in chosen.interfaces] == ["ens1f1np1"]
