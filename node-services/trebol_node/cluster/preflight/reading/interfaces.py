"""Network interfaces by sysfs, and their addresses by ip(8)."""

from __future__ import annotations

import json
from ipaddress import ip_interface
from pathlib import Path
from typing import Any

from trebol_hardware.probe.sysfs import names, read_int, read_text
from trebol_node.cluster.preflight.facts import AddressFacts, BondFacts, InterfaceFacts

ADDRESSES = ("ip", "-json", "address", "show")


def read(root: Path) -> tuple[InterfaceFacts, ...]:
    """All interfaces, sorted by name. (Files such as bonding_masters are none.)"""
    folder = root / "sys/class/net"
    return tuple(_interface(folder / name) for name in names(folder) if (folder / name).is_dir())


def _interface(path: Path) -> InterfaceFacts:
    carrier = read_int(path / "carrier")
    duplex = read_text(path / "duplex")
    return InterfaceFacts(
        name=path.name,
        mac=read_text(path / "address").lower(),
        mtu=_positive(path / "mtu"),
        carrier=None if carrier is None else carrier == 1,
        # -1: the driver does not know, as virtio does not.
        speed=_positive(path / "speed"),
        duplex=duplex if duplex in ("full", "half") else "",
        physical=(path / "device").exists(),
        bond=_bond(path / "bonding"),
        lower=tuple(name.removeprefix("lower_") for name in names(path) if name.startswith("lower_")),
    )


def _bond(path: Path) -> BondFacts | None:
    """bonding.rst: the files hold a name and its number, "802.3ad 4"."""
    if not path.is_dir():
        return None
    mode, rate = ((read_text(path / name).split() or [""])[0] for name in ("mode", "lacp_rate"))
    return BondFacts(mode, rate if mode == "802.3ad" else "")


def _positive(path: Path) -> int | None:
    number = read_int(path)
    return number if number is not None and number > 0 else None


def addresses(told: str) -> tuple[AddressFacts, ...]:
    """From the answer to ADDRESSES, in its order, without those of link scope: links of corosync have none."""
    try:
        found = json.loads(told or "[]")
        return tuple(
            AddressFacts(str(interface["ifname"]), _with_prefix(info), bool(info.get("dadfailed", False)))
            for interface in found
            for info in interface.get("addr_info", ())
            if info.get("scope") != "link"
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ()


def _with_prefix(info: dict[str, Any]) -> str:
    return str(ip_interface(f"{info['local']}/{info['prefixlen']}"))
