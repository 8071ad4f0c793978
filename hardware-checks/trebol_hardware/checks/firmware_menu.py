"""Where this machine's firmware has a switch, in the words of its own menu; generic words where that is not known."""

from __future__ import annotations

from trebol_common.i18n import _
from trebol_hardware.checks.firmware_tables import MENUS, Menu, Switch
from trebol_hardware.machine import Machine, Processor

__all__ = ["Menu", "Switch", "is_amd", "menu_of", "menu_path"]


def is_amd(processor: Processor) -> bool:
    """Whether its firmware speaks of SVM and IOMMU, not of VT-x and VT-d."""
    return processor.vendor in ("AuthenticAMD", "HygonGenuine")


def menu_of(machine: Machine) -> Menu | None:
    """The firmware of `machine`, where the table has it."""
    return next((menu for menu in MENUS if menu.fits(machine)), None)


def menu_path(machine: Machine, switch: Switch) -> str:
    """Where this machine's firmware has `switch`: "Dell PowerEdge: F2 → … → Virtualization Technology", else generic
    words on how such entries are called."""
    menu = menu_of(machine)
    amd = is_amd(machine.processor)
    if menu is not None and (path := menu.path(switch, amd=amd)):
        return f"{menu.name}: {menu.enter} → {path}"
    return _generic(switch, amd=amd)


def _generic(switch: Switch, *, amd: bool) -> str:
    match switch:
        case Switch.VIRTUALISATION if amd:
            return _(
                "firmware setup (mostly Del or F2 at power-on), under Advanced or CPU, an entry “SVM Mode”, “AMD-V” "
                "or “Secure Virtual Machine”"
            )
        case Switch.VIRTUALISATION:
            return _(
                "firmware setup (mostly Del or F2 at power-on), under Advanced, CPU or Security, an entry “Intel "
                "Virtualization Technology”, “VT-x” or “VMX”"
            )
        case Switch.IOMMU if amd:
            return _(
                "firmware setup (mostly Del or F2 at power-on), under Advanced, NBIO or Chipset, an entry “IOMMU” or "
                "“AMD-Vi”"
            )
        case Switch.IOMMU:
            return _(
                "firmware setup (mostly Del or F2 at power-on), under Advanced, Chipset or System Agent, an entry "
                "“VT-d” or “Intel VT for Directed I/O”"
            )
        case Switch.SECURE_BOOT:
            return _("firmware setup (mostly Del or F2 at power-on), under Security or Boot, “Secure Boot”")
        case Switch.WATCHDOG:
            return _(
                "firmware setup (mostly Del or F2 at power-on), under Advanced or Server Management, an entry "
                "“Watchdog”"
            )
        case Switch.HBA:
            return _(
                "the RAID controller's own setup (a key at power-on, or an entry of the UEFI setup): “HBA mode”, “IT "
                "mode”, “JBOD” or “pass-through”"
            )
