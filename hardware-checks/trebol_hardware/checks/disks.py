"""Disks: one to install on, whether it can be booted from, and what it keeps when power fails."""

from __future__ import annotations

from trebol_common.i18n import _
from trebol_hardware.checks.details import of_details, on_the_host
from trebol_hardware.checks.finding import Detail, Requirement, Severity, Verdict
from trebol_hardware.checks.hypervisor import container, is_guest, is_virtual
from trebol_hardware.checks.registry import Check, Role
from trebol_hardware.checks.sources import BRIEF_NODE, CEPH, OPENZFS
from trebol_hardware.checks.ssd_models import power_loss_protection
from trebol_hardware.checks.volumes import is_volume
from trebol_hardware.machine import Disk, FirmwareMode, Machine

#: No node is installed on less (trebol install's own limit), in bytes.
MINIMUM_SIZE = 8 * 2**30

#: Buses of sticks, cards and soldered flash: they wear out early, and most tell nothing of their health.
FRAGILE = frozenset({"usb", "mmc"})

_SMALL_SECTOR = 512


def targets(machine: Machine) -> tuple[Disk, ...]:
    """Disks that a node could be installed on."""
    return tuple(
        disk for disk in machine.disks if not disk.medium and not disk.read_only and disk.size >= MINIMUM_SIZE
    )


def own_disks(machine: Machine) -> tuple[Disk, ...]:
    """All disks but the installation medium."""
    return tuple(disk for disk in machine.disks if not disk.medium)


def target(machine: Machine) -> Verdict:
    """Whether there is a disk for the system, and more for guests."""
    there = targets(machine)
    measured = ", ".join(f"{disk.name} ({_kind(machine, disk)})" for disk in there) or "0"
    if not there:
        return Verdict(
            Severity.FAIL,
            measured,
            _("No disk of at least 8 GiB that can be written to."),
            _("Fit a disk; if there is one, look at its controller: raid-controllers, raid-firmware."),
        )
    if len(there) == 1:
        return _one_disk(machine, there[0], measured)
    return Verdict(Severity.PASS, measured)


def _kind(machine: Machine, disk: Disk) -> str:
    # Hypervisors call their disks what RAID controllers call their volumes.
    if is_volume(disk) and not is_virtual(machine):
        return _("RAID volume")
    return "HDD" if disk.rotational else "SSD"


def _one_disk(machine: Machine, disk: Disk, measured: str) -> Verdict:
    if is_virtual(machine) and not container(machine):
        reason = _("System and guests share one virtual disk.")
        return Verdict(Severity.INFO, measured, reason, _("Give the virtual machine a second disk for guests."))
    if is_volume(disk):
        return Verdict(
            Severity.INFO,
            measured,
            _("System and guests share one RAID volume; which level it has only its controller tells."),
            _("See raid-controllers; better a volume for the system and another one for guests."),
        )
    return Verdict(
        Severity.WARN,
        measured,
        _("System and guests share one disk, and all is lost with it."),
        _("Fit a second disk for a mirror, and disks for guests."),
    )


def system(machine: Machine) -> Verdict:
    """USB sticks, SD cards and eMMC as system disks."""
    there = targets(machine)
    if not there:
        return _no_disk()
    only = all(disk.transport in FRAGILE for disk in there)
    return of_details(
        [_system_of(disk, only=only) for disk in there],
        measured=", ".join(f"{disk.name} {disk.transport}".strip() for disk in there),
    )


def _system_of(disk: Disk, *, only: bool) -> Detail:
    if disk.transport not in FRAGILE:
        return Detail(disk.name, Severity.PASS, disk.transport)
    return Detail(
        disk.name,
        Severity.WARN if only else Severity.INFO,
        disk.transport,
        _("Flash on USB or eMMC: a node's logs and cluster database wear it out, and it tells little of its health."),
        _("Install on a SATA, SAS or NVMe disk."),
    )


def _no_disk() -> Verdict:
    return Verdict(Severity.UNKNOWN, "", _("There is no disk."), _("See disk-target."))


def sectors(machine: Machine) -> Verdict:
    """Sizes of sectors; BIOS boots only from disks with logical sectors of 512 bytes."""
    there = targets(machine)
    if not there:
        return _no_disk()
    bios = machine.firmware.mode is FirmwareMode.BIOS
    only = all(disk.logical_sector != _SMALL_SECTOR for disk in there)
    details = [_sectors_of(disk, bios=bios, only=only) for disk in there]
    return of_details(details, measured=", ".join(f"{detail.subject} {detail.measured}" for detail in details))


def _sectors_of(disk: Disk, *, bios: bool, only: bool) -> Detail:
    measured = f"{disk.logical_sector}/{disk.physical_sector}"
    if disk.logical_sector == _SMALL_SECTOR and disk.physical_sector == _SMALL_SECTOR:
        return Detail(disk.name, Severity.PASS, measured)
    if disk.logical_sector == _SMALL_SECTOR:
        return Detail(disk.name, Severity.INFO, measured, _("512e: large sectors that show as small ones; all goes."))
    if not bios:
        return Detail(disk.name, Severity.INFO, measured, _("4Kn: large sectors; UEFI boots from it."))
    return Detail(
        disk.name,
        Severity.FAIL if only else Severity.INFO,
        measured,
        _("4Kn: BIOS cannot boot from it."),
        _("Boot in UEFI mode, or install on a disk with sectors of 512 bytes."),
    )


def protection(machine: Machine) -> Verdict:
    """Power-loss protection of SSDs, by their model."""
    if is_guest(machine):
        return on_the_host(machine, _("Power-loss protection of disks"))
    if not own_disks(machine):
        return _no_disk()
    # Controllers show volumes as they like: rotating or not.
    there = [disk for disk in own_disks(machine) if is_volume(disk) or not disk.rotational]
    if not there:
        return Verdict(Severity.PASS, _("no SSD"))
    details = [_protection_of(disk) for disk in there]
    known = sum(detail.severity is not Severity.UNKNOWN for detail in details)
    return of_details(details, measured=_("{known} of {all} known").format(known=known, all=len(details)))


def _protection_of(disk: Disk) -> Detail:
    if is_volume(disk):
        reason = _("A RAID volume: whether SSDs are behind it, and which, only its controller tells.")
        return Detail(disk.name, Severity.UNKNOWN, disk.model, reason, _("Ask the controller for their models."))
    match power_loss_protection(disk.model):
        case True:
            return Detail(disk.name, Severity.PASS, disk.model)
        case False:
            return Detail(
                disk.name,
                Severity.INFO,
                disk.model,
                _("A client SSD without power-loss protection: each synchronous write waits for the flash."),
                _("Use data centre SSDs for databases, Ceph and ZFS logs; measure: trebol check disk-write"),
            )
        case None:
            return Detail(
                disk.name,
                Severity.UNKNOWN,
                disk.model,
                _("No SSD says whether it has power-loss protection, and this model is not in the table."),
                _("Look it up in the data sheet; measure: trebol check disk-write"),
            )


def write_cache(machine: Machine) -> Verdict:
    """Volatile write caches, and whether power loss empties them."""
    if is_guest(machine):
        return on_the_host(machine, _("Write caches of disks"))
    there = own_disks(machine)
    if not there:
        return _no_disk()
    details = [_cache_of(disk) for disk in there]
    return of_details(
        details, measured=", ".join(f"{disk.name} {disk.write_cache}" for disk in there if disk.write_cache)
    )


def _cache_of(disk: Disk) -> Detail:
    if not disk.write_cache:
        reason = _("The kernel does not say whether its write cache is on.")
        return Detail(disk.name, Severity.UNKNOWN, "", reason, _("smartctl -g wcache /dev/{}").format(disk.name))
    if is_volume(disk):
        reason = _(
            "A volume: what counts is the cache of its RAID controller, and whether that has a battery or flash."
        )
        return Detail(disk.name, Severity.INFO, disk.write_cache, reason, _("See raid-controllers."))
    if disk.write_cache != "write back":
        return Detail(disk.name, Severity.PASS, disk.write_cache)
    if not disk.rotational and power_loss_protection(disk.model):
        return Detail(disk.name, Severity.PASS, _("write back, with power-loss protection"))
    return Detail(
        disk.name,
        Severity.INFO,
        disk.write_cache,
        _("The write cache may be lost with power; file systems, ZFS and Ceph flush it when they must."),
        # smartctl switches caches of ATA and SCSI disks only.
        _("If power is not safe, use a UPS, or SSDs with power-loss protection.")
        if disk.transport == "nvme"
        else _("If power is not safe: smartctl -s wcache,off /dev/{}").format(disk.name),
    )


CHECKS: tuple[Check, ...] = (
    Check(
        "disk-target",
        "Disks to install on",
        Role.NODE,
        target,
        "Disks of at least 8 GiB that can be written to; the installation medium does not count.",
        Requirement("1", "system and guests apart, fast disks, RAID 10", BRIEF_NODE),
    ),
    Check(
        "disk-system",
        "System disk",
        Role.NODE,
        system,
        "A node writes all day: logs, statistics, the cluster's database. USB sticks, SD cards and eMMC do not bear "
        "that for long.",
        Requirement("", "SATA, SAS or NVMe", OPENZFS),
    ),
    Check(
        "disk-sectors",
        "Sector sizes",
        Role.NODE,
        sectors,
        "Logical and physical sectors. Firmware in BIOS mode reads sectors of 512 bytes only.",
        Requirement(
            "logical sectors of 512 bytes, or UEFI mode",
            "",
            "BIOS interrupt 13h; UEFI Specification, Block I/O Protocol",
        ),
    ),
    Check(
        "disk-power-loss",
        "Power-loss protection of SSDs",
        Role.NODE,
        protection,
        "SSDs with capacitors may acknowledge a synchronous write before it is in the flash. Those without are slow "
        "at it, or lie. No disk says which it is: the model is looked up in a table.",
        Requirement("", "known, on disks for Ceph, ZFS logs and databases", f"{CEPH}; {OPENZFS}"),
    ),
    Check(
        "disk-write-cache",
        "Write caches",
        Role.NODE,
        write_cache,
        "Whether the disk answers before data are safe (write back), and whether it can afford to.",
        Requirement("", "write through, or power-loss protection", CEPH),
    ),
)
