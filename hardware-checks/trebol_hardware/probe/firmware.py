"""Boot firmware: BIOS or UEFI, Secure Boot, vendor and version."""

from __future__ import annotations

from pathlib import Path

from trebol_hardware.machine import Firmware, FirmwareMode
from trebol_hardware.probe import certificates
from trebol_hardware.probe.sysfs import read_text

#: UEFI specification, 3.3: GUID of the global variables.
SECURE_BOOT = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"


def read(root: Path) -> Firmware:
    """The firmware that booted the running system."""
    uefi = (root / "sys/firmware/efi").is_dir()
    dmi = root / "sys/class/dmi/id"
    return Firmware(
        mode=FirmwareMode.UEFI if uefi else FirmwareMode.BIOS,
        secure_boot=_secure_boot(root / SECURE_BOOT) if uefi else None,
        vendor=read_text(dmi / "bios_vendor"),
        version=read_text(dmi / "bios_version"),
        date=read_text(dmi / "bios_date"),
        certificates=certificates.read(root) if uefi else None,
    )


def _secure_boot(variable: Path) -> bool | None:
    """efivarfs gives four bytes of attributes before the value, which is one byte."""
    try:
        content = variable.read_bytes()
    except OSError:
        return None
    return content[4] == 1 if len(content) == 5 else None
