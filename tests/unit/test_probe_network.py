"""What the probe finds out about network interfaces."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.fakesys import FakeSystem

from trebol_hardware.machine import NetworkInterface
from trebol_hardware.probe import network


@pytest.fixture
def system(tmp_path: Path) -> FakeSystem:
    return FakeSystem(tmp_path)


def read(system: FakeSystem, permanent: str = "") -> tuple[NetworkInterface, ...]:
    return network.read(system.root, system.udev, lambda name: permanent)


def test_only_wired_interfaces_of_real_hardware_are_listed(system: FakeSystem) -> None:
    system.interface("lo", None, attributes={"type": "772"})
    system.interface("vmbr0", None)
    system.interface("eno1", "pci0000:00/0000:04:00.0")
    wireless = system.interface("wlp2s0", "pci0000:00/0000:02:00.0")
    system.link(f"{wireless}/phy80211", wireless)
    function = system.interface("eno1v0", "pci0000:00/0000:04:10.0")
    system.link(f"{function}/device/physfn", "sys/devices/pci0000:00/0000:04:00.0")
    system.interface("ib0", "pci0000:00/0000:05:00.0", attributes={"type": "32"})

    assert [interface.name for interface in read(system)] == ["eno1"]


def test_interfaces_come_in_the_order_of_their_slots_and_usb_last(system: FakeSystem) -> None:
    system.interface("enx001", "pci0000:00/0000:00:14.0/usb1/1-1/1-1:1.0", driver="r8152")
    system.interface("aaa", "pci0000:64/0000:65:00.0")
    system.interface("zzz", "pci0000:00/0000:00:03.0/virtio0", driver="virtio_net")

    assert [(interface.name, interface.pci, interface.driver) for interface in read(system)] == [
        ("zzz", "0000:00:03.0", "virtio_net"),
        ("aaa", "0000:65:00.0", "e1000e"),
        ("enx001", "", "r8152"),
    ]


@pytest.mark.parametrize(
    ("assigned", "permanent", "expected"),
    [
        ("0", "aa:aa:aa:aa:aa:aa", "52:54:00:00:00:0f"),
        ("3", "aa:aa:aa:aa:aa:aa", "aa:aa:aa:aa:aa:aa"),
        ("3", "", "52:54:00:00:00:0f"),
    ],
)
def test_the_address_is_the_one_burnt_in(system: FakeSystem, assigned: str, permanent: str, expected: str) -> None:
    system.interface(
        "eno1", "pci0000:00/0000:04:00.0", mac="52:54:00:00:00:0F", attributes={"addr_assign_type": assigned}
    )
    assert read(system, permanent)[0].mac == expected


@pytest.mark.parametrize(
    ("attributes", "carrier", "speed"),
    [
        ({"carrier": "1", "speed": "25000"}, True, 25000),
        ({"carrier": "0", "speed": "-1"}, False, None),
        ({"carrier": "1", "speed": "-1"}, True, None),
        ({}, None, None),
    ],
)
def test_what_a_link_cannot_tell_is_unknown(
    system: FakeSystem, attributes: dict[str, str], carrier: bool | None, speed: int | None
) -> None:
    system.interface("eno1", "pci0000:00/0000:04:00.0", attributes=attributes)
    (interface,) = read(system)
    assert (interface.carrier, interface.speed) == (carrier, speed)


def test_vendor_and_model_are_those_of_udevs_database(system: FakeSystem) -> None:
    properties = {"ID_VENDOR_FROM_DATABASE": "Broadcom", "ID_MODEL_FROM_DATABASE": "NetXtreme"}
    system.interface("eno1", "pci0000:00/0000:04:00.0", udev=properties)
    (interface,) = read(system)
    assert (interface.vendor, interface.model, interface.udev) == ("Broadcom", "NetXtreme", properties)


def test_the_loopback_interface_has_no_permanent_address() -> None:
    assert network.ethtool_permanent_address("lo") == ""
    assert network.ethtool_permanent_address("no-such-interface"[:15]) == ""
