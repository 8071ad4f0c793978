"""What looks after the machine: BMC, watchdogs, TPM, power supplies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path

from trebol_hardware.facts import Bmc, PowerSupply, Watchdog
from trebol_hardware.probe.smbios import Structure
from trebol_hardware.probe.sysfs import link_name, names, read_count, read_text, to_count

PLATFORM = "sys/devices/platform"
WATCHDOGS = "sys/class/watchdog"
TPM = "sys/class/tpm/tpm0"

#: IPMI 2.0, 23.2: Get LAN Configuration Parameters of channel 1, parameter 3: the IP address.
LAN_ADDRESS = ("ipmitool", "-I", "open", "raw", "0x0c", "0x02", "0x01", "0x03", "0x00", "0x00")

_IPMI = 38
_POWER_SUPPLY = 39
_HOST_INTERFACE = 42

#: DSP0134, 7.39.1.
_INTERFACES = {0x01: "kcs", 0x02: "smic", 0x03: "bt", 0x04: "ssif"}
#: DSP0134, 7.43.2.
_REDFISH = 0x04
#: DSP0134, 7.40: what stands for an unknown power.
_UNKNOWN_POWER = 0x8000
#: DSP0134, 7.40.1.
_PRESENT = 1 << 1
_UNPLUGGED = 1 << 2


def bmc(root: Path, structures: Sequence[Structure]) -> Bmc | None:
    """The BMC, where either firmware or a driver of the kernel knows of one."""
    announced = next((item for item in structures if item.kind == _IPMI), None)
    redfish = any(_announces_redfish(item) for item in structures if item.kind == _HOST_INTERFACE)
    platform = root / PLATFORM
    known = next((platform / name for name in names(platform) if name.startswith("ipmi_bmc.")), None)
    device = "/dev/ipmi0" if (root / "dev/ipmi0").exists() else ""
    if announced is None and not redfish and known is None and not device:
        return None
    kind = read_text(root / "sys/class/ipmi/ipmi0/device/type").lower()
    interface = kind or (_INTERFACES.get(announced.byte(0x04), "") if announced is not None else "")
    if known is None:
        return Bmc(interface, device, ipmi_version=_specification(announced), redfish=redfish)
    return Bmc(
        interface=interface,
        device=device,
        manufacturer_id=to_count(read_text(known / "manufacturer_id"), 0),
        product_id=to_count(read_text(known / "product_id"), 0),
        firmware=read_text(known / "firmware_revision"),
        ipmi_version=read_text(known / "ipmi_version") or _specification(announced),
        redfish=redfish,
    )


def lan_address(text: str) -> str:
    """The address in the answer to LAN_ADDRESS: a revision, then its four bytes, in hexadecimal. Empty: none set."""
    octets = text.split()
    if not re.fullmatch(r"[0-9a-fA-F]{2}( [0-9a-fA-F]{2}){4}", " ".join(octets)):
        return ""
    address = IPv4Address(bytes(int(octet, 16) for octet in octets[1:]))
    return "" if address.is_unspecified else str(address)


def watchdogs(root: Path) -> tuple[Watchdog, ...]:
    """The watchdogs of /sys/class/watchdog. Their devices are not touched: opening one would arm it."""
    folder = root / WATCHDOGS
    numbers = (to_count(name.removeprefix("watchdog")) for name in names(folder))
    return tuple(
        _watchdog(folder / f"watchdog{number}", number) for number in sorted(n for n in numbers if n is not None)
    )


def tpm_version(root: Path) -> str:
    """The TPM's version, "1.2" or "2.0"; empty where there is no TPM, or one that nobody knows."""
    return {1: "1.2", 2: "2.0"}.get(read_count(root / TPM / "tpm_version_major") or 0, "")


def power_supplies(structures: Sequence[Structure]) -> tuple[PowerSupply, ...]:
    """The power supplies that firmware lists (DSP0134, 7.40); most list none, or say nothing of them."""
    return tuple(_power_supply(item) for item in structures if item.kind == _POWER_SUPPLY)


def _watchdog(path: Path, number: int) -> Watchdog:
    return Watchdog(
        number=number,
        identity=read_text(path / "identity"),
        driver=link_name(path / "device/driver"),
        timeout=read_count(path / "timeout"),
    )


def _power_supply(item: Structure) -> PowerSupply:
    characteristics = item.number(0x0E, 2)
    present = None if characteristics is None else bool(characteristics & _PRESENT)
    watts = item.word(0x0C)
    return PowerSupply(
        location=item.text(0x05),
        present=present,
        plugged=not characteristics & _UNPLUGGED if characteristics is not None and present else None,
        watts=watts if watts not in (0, _UNKNOWN_POWER) else None,
    )


def _specification(announced: Structure | None) -> str:
    """IPMI's version, one digit in each half of a byte: 0x20 is 2.0."""
    revision = announced.byte(0x05) if announced is not None else 0
    return f"{revision >> 4}.{revision & 0xF}" if revision else ""


def _announces_redfish(item: Structure) -> bool:
    """Whether one of the protocol records after the interface's own data is Redfish's (DSP0134, 7.43)."""
    start = 0x06 + item.byte(0x05)
    record = start + 1
    for _index in range(item.byte(start)):
        if item.byte(record) == _REDFISH:
            return True
        record += 2 + item.byte(record + 1)
    return False
