"""The host network as netplan and .link files."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface

import pytest
import yaml

from trebol_common.network import (
    Bond,
    BondMode,
    Bridge,
    Dhcp,
    HostNetwork,
    Link,
    Static,
    Vlan,
    to_link_files,
    to_netplan,
)

MAC = "52:54:00:12:34:56"
LINK = Link("ens3", MAC)

STATIC = """\
# Written by Trebol.
network:
  version: 2
  renderer: networkd
  ethernets:
    ens3:
      match:
        macaddress: '52:54:00:12:34:56'
      dhcp4: false
      dhcp6: false
      accept-ra: false
      link-local: []
      optional: true
  bridges:
    vmbr0:
      interfaces:
      - ens3
      macaddress: '52:54:00:12:34:56'
      parameters:
        stp: false
        forward-delay: 0
      dhcp4: false
      dhcp6: false
      accept-ra: false
      addresses:
      - 192.0.2.10/24
      routes:
      - to: default
        via: 192.0.2.1
      nameservers:
        addresses:
        - 192.0.2.53
        search:
        - example.org
"""


def network(addressing: Static | Dhcp, *search: str) -> HostNetwork:
    return HostNetwork((LINK,), (Bridge("vmbr0", ("ens3",), MAC, addressing, search),))


def static(address: str, gateway: str) -> Static:
    return Static(ip_interface(address), ip_address(gateway), (ip_address("192.0.2.53"),))


def test_a_static_address_is_on_the_bridge_and_nothing_on_its_port() -> None:
    assert to_netplan(network(static("192.0.2.10/24", "192.0.2.1"), "example.org")) == STATIC


def test_dhcp_asks_with_the_mac_of_the_nic() -> None:
    bridge = yaml.safe_load(to_netplan(network(Dhcp())))["network"]["bridges"]["vmbr0"]

    assert bridge["dhcp4"] is True
    assert bridge["dhcp-identifier"] == "mac"
    assert bridge["macaddress"] == MAC
    assert not bridge.keys() & {"addresses", "nameservers", "dhcp4-overrides"}


def test_a_domain_from_dhcp_is_used_only_on_request() -> None:
    bridge = yaml.safe_load(to_netplan(network(Dhcp(domains=True))))["network"]["bridges"]["vmbr0"]

    assert bridge["dhcp4-overrides"] == {"use-domains": True}


@pytest.mark.parametrize(
    ("address", "gateway", "route"),
    [
        ("2001:db8::10/64", "2001:db8::1", {"to": "default", "via": "2001:db8::1"}),
        ("2001:db8::10/64", "fe80::1", {"to": "default", "via": "fe80::1", "on-link": True}),
    ],
)
def test_an_ipv6_gateway_may_be_link_local(address: str, gateway: str, route: dict[str, object]) -> None:
    bridge = yaml.safe_load(to_netplan(network(static(address, gateway))))["network"]["bridges"]["vmbr0"]

    assert bridge["addresses"] == [address]
    assert bridge["routes"] == [route]


def test_pinned_names_are_bound_to_the_permanent_mac() -> None:
    pinned = HostNetwork((), (), (Link("nic0", MAC),))

    assert to_link_files(pinned) == {
        "10-trebol-nic0.link": f"[Match]\nPermanentMACAddress={MAC}\nType=ether\n\n[Link]\nName=nic0\n"
    }


BONDED = """\
# Written by Trebol.
network:
  version: 2
  renderer: networkd
  ethernets:
    ens3:
      match:
        macaddress: '52:54:00:12:34:56'
      dhcp4: false
      dhcp6: false
      accept-ra: false
      link-local: []
      optional: true
      mtu: 9000
    ens4:
      match:
        macaddress: '52:54:00:12:34:57'
      dhcp4: false
      dhcp6: false
      accept-ra: false
      link-local: []
      optional: true
      mtu: 9000
  bonds:
    bond0:
      interfaces:
      - ens3
      - ens4
      macaddress: '52:54:00:12:34:56'
      parameters:
        mode: 802.3ad
        mii-monitor-interval: 100
        lacp-rate: fast
        transmit-hash-policy: layer3+4
      dhcp4: false
      dhcp6: false
      accept-ra: false
      link-local: []
      optional: true
      mtu: 9000
  bridges:
    vmbr0:
      interfaces:
      - bond0
      macaddress: '52:54:00:12:34:56'
      parameters:
        stp: false
        forward-delay: 0
      dhcp4: false
      dhcp6: false
      accept-ra: false
      link-local: []
      optional: true
      mtu: 9000
  vlans:
    vmbr0.120:
      id: 120
      link: vmbr0
      dhcp4: true
      dhcp-identifier: mac
      nameservers:
        search:
        - example.org
      mtu: 9000
"""


def test_a_nodes_address_can_be_in_a_vlan_over_a_bond_below_the_bridge() -> None:
    other = Link("ens4", "52:54:00:12:34:57")
    made = HostNetwork(
        (LINK, other),
        (Bridge("vmbr0", ("bond0",), MAC, None),),
        bonds=(Bond("bond0", (LINK.name, other.name), BondMode.LACP, MAC),),
        vlans=(Vlan("vmbr0.120", 120, "vmbr0", Dhcp(), ("example.org",)),),
        mtu=9000,
    )

    assert to_netplan(made) == BONDED
    assert made.managed is made.vlans[0]
