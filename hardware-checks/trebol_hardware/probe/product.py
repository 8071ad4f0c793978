"""What stands on the machine's label (DMI), and what it is if it is a virtual one."""

from __future__ import annotations

from pathlib import Path

from trebol_common.run import CommandFailed, Runner
from trebol_hardware.machine import Product
from trebol_hardware.probe.sysfs import read_text

DMI = "sys/class/dmi/id"

#: DMI vendors that are hypervisors, by systemd-detect-virt(1)'s names; the first match counts.
_HYPERVISORS = (
    ("sys_vendor", "QEMU", "qemu"),
    ("sys_vendor", "VMware", "vmware"),
    ("sys_vendor", "innotek GmbH", "oracle"),
    ("sys_vendor", "Xen", "xen"),
    ("sys_vendor", "Parallels", "parallels"),
    ("sys_vendor", "Amazon EC2", "amazon"),
    ("product_name", "KVM", "kvm"),
    ("product_name", "Virtual Machine", "microsoft"),
    ("bios_vendor", "Bochs", "bochs"),
    ("bios_vendor", "BHYVE", "bhyve"),
)


def read(root: Path) -> Product:
    """DMI names; serial and uuid only for root."""
    dmi = root / DMI
    return Product(
        manufacturer=read_text(dmi / "sys_vendor"),
        name=read_text(dmi / "product_name"),
        version=read_text(dmi / "product_version"),
        serial=read_text(dmi / "product_serial"),
        uuid=read_text(dmi / "product_uuid"),
        board_manufacturer=read_text(dmi / "board_vendor"),
        board_name=read_text(dmi / "board_name"),
    )


def virtualisation(root: Path, runner: Runner | None) -> str:
    """The hypervisor or container by systemd-detect-virt(1)'s names, empty on bare metal; else what DMI tells."""
    answer = _detected(runner) if runner is not None else ""
    return ("" if answer == "none" else answer) if answer else _from_dmi(root)


def _detected(runner: Runner) -> str:
    try:
        return runner.run(["systemd-detect-virt"], check=False).stdout.strip()
    except CommandFailed:
        return ""  # A system without systemd has no such program; DMI knows most of it too.


def _from_dmi(root: Path) -> str:
    for attribute, prefix, name in _HYPERVISORS:
        if read_text(root / DMI / attribute).startswith(prefix):
            return name
    return ""
