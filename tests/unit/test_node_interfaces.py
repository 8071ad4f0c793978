"""A node's network in the shape of Proxmox VE's, and changes of it."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from trebol_common.errors import BadInput
from trebol_common.network import Bond, BondMode, Bridge, Dhcp, HostNetwork, Link, Static, Vlan, to_netplan
from trebol_node.system.interface_arguments import InterfaceArguments
from trebol_node.system.interface_changes import AlreadyExists, DoesNotExist, created, deleted, updated
from trebol_node.system.interfaces import LiveLink, interfaces, links_of, wanted
from trebol_node.system.netplan import NetworkFiles, merged, parse, render

MACS = {f"eno{number}": f"52:54:00:12:34:0{number}" for number in range(1, 5)}
LINKS = (*(LiveLink(name, mac, True, True) for name, mac in MACS.items()), LiveLink("virbr0", "52:54:00:00:00:09"))
ENO1 = Link("eno1", MACS["eno1"])

DHCP = to_netplan(HostNetwork((ENO1,), (Bridge("vmbr0", ("eno1",), ENO1.mac, Dhcp()),)))
STATIC = to_netplan(
    HostNetwork(
        (ENO1,),
        (
            Bridge(
                "vmbr0",
                ("eno1",),
                ENO1.mac,
                Static(ip_interface("192.0.2.10/24"), ip_address("192.0.2.1"), (ip_address("192.0.2.53"),)),
                ("example.org",),
            ),
        ),
    )
)
BONDED = to_netplan(
    HostNetwork(
        (ENO1, Link("eno2", MACS["eno2"])),
        (Bridge("vmbr0", ("bond0",), ENO1.mac, None),),
        bonds=(Bond("bond0", ("eno1", "eno2"), BondMode.LACP, ENO1.mac),),
        vlans=(Vlan("vmbr0.120", 120, "vmbr0", Dhcp()),),
        mtu=9000,
    )
)


def shown(text: str, **others: str) -> dict[str, dict[str, Any]]:
    files = NetworkFiles(text, others={f"{name}.yaml": other for name, other in others.items()})
    return {each["iface"]: each for each in interfaces(merged(files), LINKS)}


def test_the_installers_bridge_with_dhcp() -> None:
    found = shown(DHCP)
    assert found["vmbr0"] == {
        "iface": "vmbr0",
        "type": "bridge",
        "method": "dhcp",
        "method6": "auto",
        "families": ["inet", "inet6"],
        "autostart": 1,
        "bridge_ports": "eno1",
        "bridge_stp": "off",
        "bridge_fd": "0",
        "priority": 7,
    }
    assert found["eno1"] == {
        "iface": "eno1",
        "type": "eth",
        "method": "manual",
        "method6": "manual",
        "families": ["inet"],
        "autostart": 1,
        "hwaddr": MACS["eno1"],
        "active": 1,
        "exists": 1,
        "priority": 3,
    }


def test_hardware_that_netplan_does_not_know_is_there_and_other_programs_bridges_are_not() -> None:
    found = shown(DHCP)
    assert list(found) == ["eno1", "eno2", "eno3", "eno4", "vmbr0"]
    assert "autostart" not in found["eno4"] and found["eno4"]["method"] == found["eno4"]["method6"] == "manual"


def test_a_static_address_has_all_of_its_forms() -> None:
    bridge = shown(STATIC)["vmbr0"]
    expected = {
        "method": "static",
        "address": "192.0.2.10",
        "netmask": "24",
        "cidr": "192.0.2.10/24",
        "gateway": "192.0.2.1",
        "method6": "manual",
    }
    assert {key: bridge[key] for key in expected} == expected


def test_bond_and_vlan_are_shown_with_what_is_theirs() -> None:
    found = shown(BONDED)
    bond = {"type": "bond", "slaves": "eno1 eno2", "bond_mode": "802.3ad", "bond_xmit_hash_policy": "layer3+4"}
    vlan = {"type": "vlan", "vlan-id": "120", "vlan-raw-device": "vmbr0", "mtu": "9000", "method": "dhcp"}
    assert {key: found["bond0"][key] for key in bond} == bond
    assert {key: found["vmbr0.120"][key] for key in vlan} == vlan


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("", {"bond0", "vmbr0", "vmbr0.120", *MACS}),
        ("bridge", {"vmbr0"}),
        ("any_bridge", {"vmbr0"}),
        ("eth", set(MACS)),
        ("vlan", {"vmbr0.120"}),
        ("OVSBridge", set()),
    ],
)
def test_a_type_filters(kind: str, expected: set[str]) -> None:
    assert {each["iface"] for each in wanted(shown(BONDED).values(), kind)} == expected


def test_files_of_others_count_as_netplan_counts_them() -> None:
    found = shown(
        DHCP,
        **{
            "10-early": "network: {ethernets: {eno2: {mtu: 4000, addresses: [198.51.100.1/24]}}}",
            "90-late": "network: {bridges: {vmbr0: {mtu: 1400}}}",
            "95-broken": "network: [",
        },
    )
    assert (found["vmbr0"]["mtu"], found["eno2"]["mtu"], found["eno2"]["cidr"]) == ("1400", "4000", "198.51.100.1/24")


def test_links_are_read_from_ip() -> None:
    answer: list[dict[str, Any]] = [
        {
            "ifname": "eno1",
            "flags": ["BROADCAST", "UP", "LOWER_UP"],
            "address": "52:54:00:00:00:ff",
            "permaddr": MACS["eno1"],
            "altnames": ["enp1s0"],
            "addr_info": [
                {"family": "inet", "local": "192.0.2.10", "prefixlen": 24, "scope": "global"},
                {"family": "inet6", "local": "fe80::1", "prefixlen": 64, "scope": "link"},
            ],
        },
        {"ifname": "vmbr0", "flags": ["BROADCAST"], "address": MACS["eno1"]},
        {},
    ]
    assert links_of(answer, frozenset({"eno1"})) == (
        LiveLink("eno1", MACS["eno1"], True, True, ("enp1s0",), ("192.0.2.10/24",)),
        LiveLink("vmbr0", MACS["eno1"]),
    )


@pytest.mark.parametrize("text", [DHCP, STATIC, BONDED], ids=["dhcp", "static", "bonded"])
def test_what_the_installer_writes_is_read_and_written_as_it_is(text: str) -> None:
    assert render(parse(text)) == text


def test_an_unquoted_mac_is_no_number() -> None:
    plan = parse("network: {ethernets: {eno1: {match: {macaddress: 52:54:00:12:34:56}, mtu: 1500}}}")
    assert plan.members("eno1") == {"match": {"macaddress": "52:54:00:12:34:56"}, "mtu": 1500}


@pytest.mark.parametrize(
    "text", ["network: [", "network: 1", "- a", "network: {bridges: 1}", "network: {vlans: {a: 1}}"]
)
def test_what_is_no_netplan_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        parse(text)


def arguments(**given: Any) -> InterfaceArguments:
    return InterfaceArguments.model_validate({key.replace("__", "-"): value for key, value in given.items()})


def members(text: str, name: str) -> dict[str, Any]:
    found = parse(text).members(name)
    assert found is not None
    return found


def test_a_bridge_over_hardware_that_was_not_used_brings_that_along() -> None:
    text = created(
        NetworkFiles(DHCP), arguments(iface="vmbr1", type="bridge", bridge_ports="eno2", autostart=1), LINKS
    )
    assert members(text, "vmbr1") == {
        "interfaces": ["eno2"],
        "macaddress": MACS["eno2"],
        "parameters": {"stp": False, "forward-delay": 0},
        "dhcp4": False,
        "dhcp6": False,
        "accept-ra": False,
        "link-local": [],
        "optional": True,
    }
    assert members(text, "eno2")["match"] == {"macaddress": MACS["eno2"]}
    assert members(text, "vmbr0") == members(DHCP, "vmbr0")


def test_a_bridge_without_ports_is_one_for_guests_alone() -> None:
    text = created(NetworkFiles(DHCP), arguments(iface="vmbr1", type="bridge", cidr="198.51.100.1/24"), LINKS)
    bridge = members(text, "vmbr1")
    assert (bridge["interfaces"], bridge["addresses"], bridge["dhcp4"]) == ([], ["198.51.100.1/24"], False)
    assert "macaddress" not in bridge and "link-local" not in bridge and "optional" not in bridge


def test_a_bond_with_a_bridge_and_a_vlan_is_made_step_by_step() -> None:
    text = created(
        NetworkFiles(DHCP),
        arguments(
            iface="bond0", type="bond", slaves="eno2, eno3", bond_mode="active-backup", bond__primary="eno3", mtu=9000
        ),
        LINKS,
    )
    assert members(text, "bond0")["parameters"] == {
        "mode": "active-backup",
        "mii-monitor-interval": 100,
        "primary": "eno3",
    }
    files = NetworkFiles(DHCP, text)
    text = created(files, arguments(iface="vmbr1", type="bridge", bridge_ports="bond0"), LINKS)
    assert members(text, "vmbr1")["macaddress"] == MACS["eno2"]
    text = created(NetworkFiles(DHCP, text), arguments(iface="vmbr1.30", type="vlan", cidr="198.51.100.9/24"), LINKS)
    assert members(text, "vmbr1.30") == {
        "id": 30,
        "link": "vmbr1",
        "addresses": ["198.51.100.9/24"],
        "dhcp4": False,
        "dhcp6": False,
        "accept-ra": False,
    }
    changes = NetworkFiles(DHCP, text).changes
    assert "+    vmbr1.30:" in changes and changes.startswith("--- ")
    assert NetworkFiles(DHCP, DHCP).changes == NetworkFiles(DHCP).changes == ""


def test_from_dhcp_to_a_static_address_and_back() -> None:
    text = updated(
        NetworkFiles(DHCP),
        "vmbr0",
        arguments(
            type="bridge", address="192.0.2.20", netmask="255.255.255.0", gateway="192.0.2.1", method6="manual"
        ),
        LINKS,
    )
    bridge = members(text, "vmbr0")
    assert (bridge["addresses"], bridge["dhcp4"]) == (["192.0.2.20/24"], False)
    assert bridge["routes"] == [{"to": "default", "via": "192.0.2.1"}]
    assert bridge["accept-ra"] is False and "dhcp-identifier" not in bridge

    bridge = members(updated(NetworkFiles(text), "vmbr0", arguments(type="bridge", method="dhcp"), LINKS), "vmbr0")
    assert (bridge["dhcp4"], bridge["dhcp-identifier"]) == (True, "mac")
    assert not bridge.keys() & {"addresses", "routes"}


def test_what_a_change_does_not_name_stays() -> None:
    text = STATIC.replace("      - 192.0.2.10/24\n", "      - 192.0.2.10/24\n      - 192.0.2.11/24\n").replace(
        "      routes:\n", "      routes:\n      - to: 203.0.113.0/24\n        via: 192.0.2.2\n"
    )
    bridge = members(
        updated(NetworkFiles(text), "vmbr0", arguments(type="bridge", cidr="192.0.2.30/24"), LINKS), "vmbr0"
    )
    assert bridge["addresses"] == ["192.0.2.30/24", "192.0.2.11/24"]
    assert {"to": "203.0.113.0/24", "via": "192.0.2.2"} in bridge["routes"]
    assert {"to": "default", "via": "192.0.2.1"} in bridge["routes"]
    assert bridge["nameservers"] == {"addresses": ["192.0.2.53"], "search": ["example.org"]}
    same = updated(NetworkFiles(text), "vmbr0", arguments(type="bridge"), LINKS)
    assert parse(same) == parse(text)


def test_settings_are_deleted_by_name() -> None:
    files = NetworkFiles(STATIC)
    text = updated(files, "vmbr0", arguments(type="bridge", mtu=1400, comments="uplink\nof the rack"), LINKS)
    assert members(text, "vmbr0")["mtu"] == 1400
    assert shown(text)["vmbr0"]["comments"] == "uplink\nof the rack"
    text = updated(NetworkFiles(text), "vmbr0", arguments(type="bridge", delete="mtu,comments,gateway"), LINKS)
    assert text == STATIC.replace("      routes:\n      - to: default\n        via: 192.0.2.1\n", "")
    assert "comments" not in shown(text)["vmbr0"]
    text = updated(NetworkFiles(text), "vmbr0", arguments(type="bridge", delete="cidr"), LINKS)
    assert members(text, "vmbr0")["link-local"] == [] and "addresses" not in members(text, "vmbr0")


def test_an_ipv6_address_stands_beside_ipv4() -> None:
    given = arguments(type="bridge", cidr6="2001:db8::10/64", gateway6="fe80::1")
    bridge = members(updated(NetworkFiles(STATIC), "vmbr0", given, LINKS), "vmbr0")
    assert bridge["addresses"] == ["192.0.2.10/24", "2001:db8::10/64"]
    assert {"to": "default", "via": "fe80::1", "on-link": True} in bridge["routes"]
    assert shown(updated(NetworkFiles(STATIC), "vmbr0", given, LINKS))["vmbr0"]["gateway6"] == "fe80::1"


def test_an_interface_that_is_not_started_at_boot() -> None:
    text = updated(NetworkFiles(STATIC), "eno1", arguments(type="eth", autostart=0), LINKS)
    assert members(text, "eno1")["activation-mode"] == "manual"
    assert "autostart" not in shown(text)["eno1"]
    text = updated(NetworkFiles(text), "eno1", arguments(type="eth", autostart=1), LINKS)
    assert parse(text) == parse(STATIC)


def test_hardware_is_configured_and_forgotten() -> None:
    text = updated(NetworkFiles(DHCP), "eno4", arguments(type="eth", cidr="198.51.100.1/24"), LINKS)
    assert members(text, "eno4")["match"] == {"macaddress": MACS["eno4"]}
    assert deleted(NetworkFiles(DHCP, text), "eno4", LINKS) == DHCP


def test_another_mode_of_a_bond_leaves_the_old_ones_settings_behind() -> None:
    text = updated(NetworkFiles(BONDED), "bond0", arguments(type="bond", bond_mode="balance-rr"), LINKS)
    assert members(text, "bond0")["parameters"] == {"mode": "balance-rr", "mii-monitor-interval": 100}


CREATE: list[tuple[str, dict[str, Any], str, str]] = [
    (DHCP, {"iface": "vmbr0", "type": "bridge"}, "iface", "already exists"),
    (DHCP, {"iface": "virbr0", "type": "bridge"}, "iface", "already exists"),
    (DHCP, {"iface": "eno9", "type": "eth"}, "iface", "no such hardware"),
    (DHCP, {"iface": "vmbr1", "type": "bridge", "bridge_ports": "eno9"}, "bridge_ports", "'eno9' does not exist"),
    (DHCP, {"iface": "vmbr1", "type": "bridge", "bridge_ports": "eno1"}, "bridge_ports", "already used by 'vmbr0'"),
    (DHCP, {"iface": "bond0", "type": "bond"}, "slaves", "has no slaves"),
    (DHCP, {"iface": "bond0", "type": "bond", "slaves": "vmbr0"}, "slaves", "no hardware"),
    (
        DHCP,
        {"iface": "bond0", "type": "bond", "slaves": "eno2 eno3", "bond_mode": "802.3ad", "bond-primary": "eno2"},
        "bond-primary",
        "active-backup",
    ),
    (
        DHCP,
        {"iface": "bond0", "type": "bond", "slaves": "eno2", "bond_mode": "active-backup", "bond-primary": "eno4"},
        "bond-primary",
        "none of the slaves",
    ),
    (DHCP, {"iface": "vlan30", "type": "vlan"}, "vlan-raw-device", "missing"),
    (DHCP, {"iface": "wire", "type": "vlan", "vlan-raw-device": "vmbr0"}, "vlan-id", "missing"),
    (DHCP, {"iface": "vmbr9.5", "type": "vlan"}, "vlan-raw-device", "'vmbr9' does not exist"),
    (
        BONDED,
        {"iface": "other", "type": "vlan", "vlan-id": 120, "vlan-raw-device": "vmbr0"},
        "vlan-id",
        "is 'vmbr0.120' already",
    ),
    (STATIC, {"iface": "vmbr1", "type": "bridge", "cidr": "192.0.2.10/25"}, "cidr", "already that of interface"),
    (
        STATIC,
        {"iface": "vmbr1", "type": "bridge", "cidr": "198.51.100.2/24", "gateway": "198.51.100.1"},
        "gateway",
        "Default gateway already exists on interface 'vmbr0'.",
    ),
    (
        DHCP,
        {"iface": "vmbr1", "type": "bridge", "cidr": "198.51.100.2/24", "gateway": "203.0.113.1"},
        "gateway",
        "is not in 198.51.100.0/24",
    ),
    (
        DHCP,
        {"iface": "vmbr1", "type": "bridge", "cidr": "198.51.100.2/24", "gateway": "198.51.100.2"},
        "gateway",
        "own address",
    ),
    (DHCP, {"iface": "vmbr1", "type": "bridge", "gateway": "198.51.100.2"}, "gateway", "no static IPv4 address"),
    (DHCP, {"iface": "vmbr1", "type": "bridge", "cidr": "127.0.0.2/8"}, "cidr", "cannot be the address"),
    (DHCP, {"iface": "vmbr0.9", "type": "vlan", "mtu": 9000}, "mtu", "MTU of 1500 only"),
]


@pytest.mark.parametrize(("text", "given", "where", "what"), CREATE, ids=[what for *_rest, what in CREATE])
def test_what_cannot_work_is_refused_at_its_argument(text: str, given: dict[str, Any], where: str, what: str) -> None:
    with pytest.raises(BadInput) as caught:
        created(NetworkFiles(text), InterfaceArguments.model_validate(given), LINKS)
    problems = caught.value.problems
    assert {problem.where for problem in problems} == {where} and any(what in problem.what for problem in problems)


@pytest.mark.parametrize(
    ("name", "given", "where", "what"),
    [
        ("vmbr7", {"type": "bridge"}, "iface", "does not exist"),
        ("virbr0", {"type": "bridge"}, "iface", "does not exist"),
        ("vmbr0", {"type": "bond"}, "type", "of type bridge"),
        ("eno1", {"type": "eth", "cidr": "192.0.2.99/24"}, "slaves", "address of its own"),
        ("vmbr0", {"type": "bridge", "bridge_ports": "vmbr0.120"}, "iface", "on top of itself"),
        ("bond0", {"type": "bond", "slaves": "none"}, "slaves", "no slaves"),
        ("bond0", {"type": "bond", "delete": "slaves"}, "slaves", "no slaves"),
    ],
)
def test_an_impossible_change_is_refused(name: str, given: dict[str, Any], where: str, what: str) -> None:
    with pytest.raises(BadInput) as caught:
        updated(NetworkFiles(BONDED), name, InterfaceArguments.model_validate(given), LINKS)
    assert (where, True) in [(problem.where, what in problem.what) for problem in caught.value.problems]


def test_an_interface_of_another_file_is_that_files() -> None:
    files = NetworkFiles(DHCP, others={"90-mine.yaml": "network: {bridges: {vmbr0: {mtu: 1400}}}"})
    with pytest.raises(BadInput, match="a file that Trebol does not write"):
        updated(files, "vmbr0", arguments(type="bridge", method="dhcp"), LINKS)


def test_what_others_stand_on_is_not_deleted() -> None:
    with pytest.raises(BadInput, match=r"used by bond0"):
        deleted(NetworkFiles(BONDED), "eno1", LINKS)
    with pytest.raises(BadInput, match=r"used by vmbr0\.120"):
        deleted(NetworkFiles(BONDED), "vmbr0", LINKS)
    with pytest.raises(DoesNotExist):
        deleted(NetworkFiles(BONDED), "eno4", LINKS)
    left = yaml.safe_load(deleted(NetworkFiles(BONDED), "vmbr0.120", LINKS))["network"]
    assert "vlans" not in left and "vmbr0" in left["bridges"]


def test_the_words_that_clients_look_for() -> None:
    with pytest.raises(AlreadyExists, match="interface already exists"):
        created(NetworkFiles(DHCP), arguments(iface="vmbr0", type="bridge"), LINKS)
    with pytest.raises(DoesNotExist, match="interface does not exist"):
        updated(NetworkFiles(DHCP), "vmbr7", arguments(type="bridge"), LINKS)


@pytest.mark.parametrize(
    "given",
    [
        {"type": "OVSBridge"},
        {"type": "bridge", "iface": "vmbr0; reboot"},
        {"type": "bridge", "iface": "../etc"},
        {"type": "bridge", "iface": "abcdefghijklmnop"},
        {"type": "bridge", "cidr": "192.0.2.10"},
        {"type": "bridge", "cidr": "2001:db8::1/64"},
        {"type": "bridge", "cidr": "192.0.2.10/33"},
        {"type": "bridge", "gateway": "fe80::1"},
        {"type": "bridge", "address": "192.0.2.10"},
        {"type": "bridge", "mtu": 100},
        {"type": "bridge", "bridge_vlan_aware": 1},
        {"type": "bridge", "comments": "\x1b[2J"},
        {"type": "bridge", "delete": "network"},
        {"type": "bond", "bond_mode": "broadcast"},
        {"type": "vlan", "vlan-id": 4095},
        {"type": "bridge", "colour": "green"},
    ],
)
def test_arguments_of_the_wrong_form_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        InterfaceArguments.model_validate(given)
