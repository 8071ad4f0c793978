"""Physical network interfaces."""

from __future__ import annotations

import array
import fcntl
import re
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from trebol_hardware.machine import NetworkInterface
from trebol_hardware.probe.sysfs import link_name, names, read_int, read_text
from trebol_hardware.probe.udev import UdevSource

#: linux/sockios.h, linux/ethtool.h
_SIOCETHTOOL = 0x8946
_ETHTOOL_GPERMADDR = 0x20
_ADDRESS_ROOM = 32

#: if_arp.h: ARPHRD_ETHER. net_device.h: NET_ADDR_PERM.
_ETHERNET = 1
_PERMANENT = 0

_PCI = re.compile(r"[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")

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
    found = [(_pci_address(folder / name), folder / name) for name in names(folder) if _physical(folder / name)]
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
    speed = read_int(path / "speed")
    carrier = read_int(path / "carrier")
    return NetworkInterface(
        name=path.name,
        mac=_mac(path, permanent_address),
        driver=link_name(path / "device/driver"),
        carrier=None if carrier is None else carrier == 1,
        speed=speed if speed is not None and speed > 0 else None,
        pci=_pci_address(path),
        vendor=properties.get("ID_VENDOR_FROM_DATABASE", ""),
        model=properties.get("ID_MODEL_FROM_DATABASE", ""),
        udev=properties,
    )


def _mac(path: Path, permanent_address: PermanentAddress) -> str:
    """The current address is the permanent one unless it was set by somebody: a bond, an administrator."""
    current = read_text(path / "address").lower()
    if read_int(path / "addr_assign_type") in (_PERMANENT, None):
        return current
    return permanent_address(path.name) or current


def _pci_address(path: Path) -> str:
    """The nearest PCI function above the interface; none for USB, whose controller is not the interface."""
    parts = (path / "device").resolve().parts
    if any(part.startswith("usb") for part in parts):
        return ""
    return next((part for part in reversed(parts) if _PCI.fullmatch(part)), "")
