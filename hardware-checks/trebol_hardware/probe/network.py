"""Physical network interfaces."""

from __future__ import annotations

import array
import fcntl
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from trebol_hardware.facts import Bond
from trebol_hardware.machine import NetworkInterface
from trebol_hardware.probe.sysfs import link_name, names, pci_above, read_count, read_int, read_text
from trebol_hardware.probe.udev import UdevSource

#: linux/sockios.h, linux/ethtool.h
_SIOCETHTOOL = 0x8946
_ETHTOOL_GPERMADDR = 0x20
_ADDRESS_ROOM = 32

#: if_arp.h: ARPHRD_ETHER. net_device.h: NET_ADDR_PERM.
_ETHERNET = 1
_PERMANENT = 0

PermanentAddress = Callable[[str], str]


def ethtool_permanent_address(name: str) -> str:
    """The address burnt into interface `name`, asked from its driver; empty where it has none."""
    buffer = array.array("B", struct.pack("=II", _ETHTOOL_GPERMADDR, _ADDRESS_ROOM) + bytes(_ADDRESS_ROOM))
    request = struct.pack("16sP16x", name.encode(), buffer.buffer_info()[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        try:
            fcntl.ioctl(control, _SIOCETHTOOL, request)
        except OSError:
            return ""
    size = struct.unpack_from("=II", buffer)[1]
    octets = buffer[8 : 8 + size]
    return ":".join(f"{octet:02x}" for octet in octets) if size == 6 and any(octets) else ""


def read(
    root: Path, udev: UdevSource, permanent_address: PermanentAddress = ethtool_permanent_address
) -> tuple[NetworkInterface, ...]:
    """The interfaces of `wired`, in its order."""
    return tuple(_interface(path, udev, permanent_address) for path in wired(root))


def wired(root: Path) -> tuple[Path, ...]:
    """The sysfs folders of wired Ethernet interfaces of real hardware, by PCI address, those without one last.

    No virtual functions (they come and go with their parent's settings) and no wireless ones (they cannot carry a
    bridge).
    """
    folder = root / "sys/class/net"
    found = [
        (pci_above(folder / name / "device"), folder / name) for name in names(folder) if _physical(folder / name)
    ]
    return tuple(path for _, path in sorted(found, key=lambda each: (not each[0], *each)))


def _physical(path: Path) -> bool:
    return (
        (path / "device").exists()
        and not (path / "device/physfn").exists()
        and not (path / "phy80211").exists()
        and read_int(path / "type") == _ETHERNET
    )


def _interface(path: Path, udev: UdevSource, permanent_address: PermanentAddress) -> NetworkInterface:
    properties = udev.properties("net", path.name)
    speed = read_count(path / "speed")
    carrier = read_int(path / "carrier")
    return NetworkInterface(
        name=path.name,
        mac=_mac(path, permanent_address),
        driver=link_name(path / "device/driver"),
        carrier=None if carrier is None else carrier == 1,
        speed=speed or None,
        pci=pci_above(path / "device"),
        vendor=properties.get("ID_VENDOR_FROM_DATABASE", ""),
        model=properties.get("ID_MODEL_FROM_DATABASE", ""),
        udev=properties,
        duplex=duplex if (duplex := read_text(path / "duplex")) in ("full", "half") else "",
    )


def _mac(path: Path, permanent_address: PermanentAddress) -> str:
    """The current address is the permanent one unless it was set by somebody: a bond, an administrator."""
    current = read_text(path / "address").lower()
    if read_int(path / "addr_assign_type") in (_PERMANENT, None):
        return current
    return permanent_address(path.name) or current


def bonds(root: Path) -> tuple[Bond, ...]:
    """The bonded interfaces (kernel's bonding.rst: `mode` is its name and number, `slaves` the members' names)."""
    folder = root / "sys/class/net"
    return tuple(
        Bond(name, (read_text(folder / name / "bonding/mode").split() or [""])[0], _members(folder / name))
        for name in names(folder)
        if (folder / name / "bonding").is_dir()
    )


def _members(path: Path) -> tuple[str, ...]:
    return tuple(read_text(path / "bonding/slaves").split())
