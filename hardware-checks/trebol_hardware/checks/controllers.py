"""Disk controllers: hardware RAID and its battery, RAID that is only firmware, and RAID under Ceph or ZFS."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trebol_common.i18n import _
from trebol_hardware.checks.details import of_details, on_the_host
from trebol_hardware.checks.disks import targets
from trebol_hardware.checks.finding import Detail, Requirement, Severity, Verdict
from trebol_hardware.checks.firmware_menu import Switch, menu_path
from trebol_hardware.checks.hypervisor import is_guest, is_virtual
from trebol_hardware.checks.registry import Check, Role
from trebol_hardware.checks.sources import BRIEF_CEPH, BRIEF_NODE, CEPH, OPENZFS
from trebol_hardware.checks.volumes import is_volume
from trebol_hardware.facts import PciDevice
from trebol_hardware.machine import ZFS_MEMBER, Disk, Machine

#: PCI class 01 (mass storage), subclass 04: RAID controller.
_RAID = "0104"

#: Drivers that serve plain disks of a controller whose firmware plays RAID; nothing but that firmware knows of it.
_FIRMWARE_RAID = frozenset({"ahci", "ata_piix", "vmd", "rcraid"})

_INTEL = "8086"


#: Dell's PERC of the series 5 to 8 show nothing but volumes; HBA mode came with series 9 (H330, H730), and the H310
#: has its "non-RAID" disks (Dell: PERC user's guides).
_NO_HBA_MODE = re.compile(r"PERC ([56]/|H(700|710|800|810))")


@dataclass(frozen=True)
class RaidFamily:
    """Controllers with RAID of their own: what they are sold as, and the vendor's command that shows cache and
    battery. None of these programs is in Debian; each is on its vendor's support pages."""

    name: str
    command: str


#: By kernel driver. mpt3sas and mpi3mr serve HBAs too: they count as RAID only where the PCI class says so.
_FAMILIES = {
    "megaraid_sas": RaidFamily("Broadcom MegaRAID, Dell PERC, Lenovo", "storcli64 /call show all (Dell: perccli64)"),
    "megaraid_mbox": RaidFamily("LSI MegaRAID", "MegaCli64 -AdpBbuCmd -GetBbuStatus -aALL"),
    "hpsa": RaidFamily("HPE Smart Array", "ssacli ctrl all show detail"),
    "smartpqi": RaidFamily(
        "HPE Smart Array, Microchip SmartRAID", "ssacli ctrl all show detail; arcconf getconfig 1"
    ),
    "aacraid": RaidFamily("Adaptec", "arcconf getconfig 1"),
    "arcmsr": RaidFamily("Areca", "cli64 hw info"),
    "3w-9xxx": RaidFamily("3ware", "tw_cli /c0/bbu show all"),
    "3w-sas": RaidFamily("3ware", "tw_cli /c0/bbu show all"),
    "ips": RaidFamily("IBM ServeRAID", "ipssend getconfig 1"),
}
_FAMILIES_BY_CLASS = {
    "mpt3sas": RaidFamily("LSI SAS with RAID firmware (IR)", "sas3ircu LIST (older cards: sas2ircu)"),
    "mpi3mr": RaidFamily("Broadcom 9500/9600", "storcli2 /call show all"),
}


def family_of(device: PciDevice) -> RaidFamily | None:
    """The family of a hardware RAID controller; None for HBAs and all else."""
    if device.class_code.startswith(_RAID) and device.driver in _FAMILIES_BY_CLASS:
        return _FAMILIES_BY_CLASS[device.driver]
    return _FAMILIES.get(device.driver)


def disks_of(machine: Machine, device: PciDevice) -> tuple[Disk, ...]:
    """The disks (or logical volumes) that a controller shows."""
    return tuple(disk for disk in machine.disks if disk.pci == device.address)


def _raid_controllers(machine: Machine) -> list[tuple[PciDevice, RaidFamily]]:
    return [(device, family) for device in machine.pci if (family := family_of(device))]


def _no_pci(machine: Machine) -> Verdict | None:
    """UNKNOWN where the record has no PCI devices: without them no controller is known, and none is ruled out."""
    if machine.pci:
        return None
    if is_virtual(machine):
        return Verdict(Severity.PASS, _("no PCI device: the disks are the hypervisor's"))
    return Verdict(
        Severity.UNKNOWN, "", _("The record has no PCI devices."), _("Record the machine again: trebol machine probe")
    )


def hardware_raid(machine: Machine) -> Verdict:
    """Hardware RAID controllers: the kernel does not see their batteries."""
    if unknown := _no_pci(machine):
        return unknown
    found = _raid_controllers(machine)
    if not found:
        return Verdict(Severity.PASS, _("no hardware RAID controller"))
    details = [_battery_of(machine, device, family) for device, family in found]
    return of_details(details, measured="; ".join(detail.measured for detail in details))


def _battery_of(machine: Machine, device: PciDevice, family: RaidFamily) -> Detail:
    measured = f"{device.model or family.name} ({device.driver})"
    zfs = [disk.name for disk in disks_of(machine, device) if is_volume(disk) and _holds(disk, ZFS_MEMBER)]
    if zfs:
        return Detail(
            device.address,
            Severity.WARN,
            measured,
            _("ZFS is on its volumes ({disks}): it cannot mend what the controller hides.").format(
                disks=", ".join(zfs)
            ),
            _hba_remedy(machine, device),
        )
    return Detail(
        device.address,
        Severity.UNKNOWN,
        measured,
        _("The kernel does not see whether its cache has a battery or flash, nor in which state they are."),
        _("Ask it: {command}. Without battery or flash the cache has to be write through.").format(
            command=family.command
        ),
    )


def _holds(disk: Disk, kind: str) -> bool:
    contents = [*disk.content, *(content for partition in disk.partitions for content in partition.content)]
    return any(content.kind == kind for content in contents)


def firmware_raid(machine: Machine) -> Verdict:
    """RAID that firmware and drivers play (Intel RST and VMD, AMD RAIDXpert), and RAID controllers without driver."""
    if unknown := _no_pci(machine):
        return unknown
    details = [detail for device in machine.pci if (detail := _firmware_raid_of(device))]
    if not details:
        return Verdict(Severity.PASS, _("no RAID by firmware"))
    return of_details(details, measured="; ".join(detail.measured for detail in details))


def _firmware_raid_of(device: PciDevice) -> Detail | None:
    measured = f"{device.model or device.address} ({device.driver or _('no driver')})"
    remedy = _(
        "Set the SATA or NVMe controller to AHCI in the firmware's setup (SATA mode, VMD, RAID), and mirror with ZFS "
        "or mdadm; back up first: such an array does not survive it."
    )
    if device.driver == "vmd":
        return Detail(
            device.address,
            Severity.WARN,
            measured,
            _("Intel VMD stands before the NVMe disks: other systems and firmware tools may not see them."),
            remedy,
        )
    if not device.class_code.startswith(_RAID):
        return None
    if device.driver in _FIRMWARE_RAID:
        return Detail(
            device.address,
            Severity.WARN,
            measured,
            _("RAID by firmware: it protects nothing that the kernel does not do better, and hides disks."),
            remedy,
        )
    if not device.driver:
        vendor = remedy if device.vendor_id == _INTEL else _("Ask its vendor for a Linux driver, or use an HBA.")
        return Detail(
            device.address, Severity.WARN, measured, _("No driver took it: its disks do not show at all."), vendor
        )
    return None


def system_mirror(machine: Machine) -> Verdict:
    """Whether the system's disk can be mirrored: by a controller, or by software on a second disk."""
    if is_guest(machine):
        return on_the_host(machine, _("Mirrors of disks"))
    there = targets(machine)
    if volumes := [disk.name for disk in there if is_volume(disk)]:
        return Verdict(
            Severity.INFO,
            _("{disks} behind a RAID controller").format(disks=", ".join(volumes)),
            _("The controller mirrors them, where it was told to: see raid-controllers."),
        )
    if len(there) > 1:
        return Verdict(
            Severity.INFO,
            _("{count} disks that are no RAID volumes").format(count=len(there)),
            _("None is needed: ZFS or mdadm mirrors the system."),
        )
    return Verdict(
        Severity.INFO,
        _("no disk to mirror the system on"),
        _("The node is lost with its system disk; guests on shared storage are not."),
        _("Fit a second disk of the same size."),
    )


def raid_under_ceph(machine: Machine) -> Verdict:
    """Hardware RAID on a host of OSDs."""
    if unknown := _no_pci(machine):
        return unknown
    found = [(device, family) for device, family in _raid_controllers(machine) if disks_of(machine, device)]
    if not found:
        return Verdict(Severity.PASS, _("no disk behind a RAID controller"))
    details = [_raid_under_ceph(machine, device, family) for device, family in found]
    return of_details(details, measured="; ".join(detail.measured for detail in details))


def _raid_under_ceph(machine: Machine, device: PciDevice, family: RaidFamily) -> Detail:
    behind = disks_of(machine, device)
    name = device.model or family.name
    volumes = [disk.name for disk in behind if is_volume(disk)]
    if not volumes:
        return Detail(
            device.address,
            Severity.INFO,
            f"{name}: {', '.join(disk.name for disk in behind)}",
            _("A RAID controller that passes its disks through: good, while its write cache stays off for them."),
            _("See its mode: {command}").format(command=family.command),
        )
    return Detail(
        device.address,
        Severity.WARN,
        f"{name}: {', '.join(volumes)}",
        _("Ceph wants the disks themselves: RAID hides their health and sectors, and its cache gets in the way."),
        _hba_remedy(machine, device),
    )


def _hba_remedy(machine: Machine, device: PciDevice) -> str:
    if _NO_HBA_MODE.search(device.model):
        return _("This controller has no HBA mode: connect the disks to an HBA.")
    return _("Switch to HBA or IT mode, or connect the disks to an HBA: {path}").format(
        path=menu_path(machine, Switch.HBA)
    )


CHECKS: tuple[Check, ...] = (
    Check(
        "raid-controllers",
        "Hardware RAID controllers",
        Role.NODE,
        hardware_raid,
        "RAID controllers by their drivers. Their write cache is safe only with a battery or flash behind it, which "
        "no driver tells: the vendor's tool does.",
        Requirement(
            "", "NV or battery-backed cache where a RAID controller is used; none for Ceph or ZFS", BRIEF_NODE
        ),
    ),
    Check(
        "raid-firmware",
        "RAID by firmware",
        Role.NODE,
        firmware_raid,
        "SATA controllers in RAID mode (Intel RST, AMD RAIDXpert) and Intel VMD. Such RAID is software without the "
        "kernel's checks.",
        Requirement("", "AHCI; ZFS or mdadm for mirrors", OPENZFS),
    ),
    Check(
        "system-mirror",
        "Mirror for the system",
        Role.NODE,
        system_mirror,
        "Whether a second disk or a RAID controller is there for the system.",
        Requirement("", "RAID 10; system and guests apart", BRIEF_NODE),
    ),
    Check(
        "ceph-osd-raid",
        "RAID controllers under Ceph",
        Role.CEPH_OSD,
        raid_under_ceph,
        "Ceph makes its own copies and needs each disk as it is. RAID mode adds latency and hides failing disks.",
        Requirement("", "HBA or IT mode", f"{BRIEF_CEPH} and One node; {CEPH}"),
    ),
)
