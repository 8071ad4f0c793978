"""Disks for OSDs: that there are any, that nothing else is on them, SSDs for WAL/DB, and SSDs that bear Ceph."""

from __future__ import annotations

from trebol_common.i18n import _
from trebol_hardware.checks.details import of_details, on_the_host
from trebol_hardware.checks.disks import FRAGILE, own_disks
from trebol_hardware.checks.finding import Detail, Requirement, Severity, Verdict
from trebol_hardware.checks.hypervisor import is_guest
from trebol_hardware.checks.osd_disks import osd_disks
from trebol_hardware.checks.registry import Check, Role
from trebol_hardware.checks.sources import BRIEF_CEPH, CEPH
from trebol_hardware.checks.ssd_models import power_loss_protection
from trebol_hardware.machine import Disk, Machine

_SOURCES = f"{BRIEF_CEPH}; {CEPH}"

#: How many hard disks one SSD's WAL/DB serves (Ceph: 4-5 for SATA, up to 10 for NVMe).
_HARD_DISKS_PER_SATA = 5
_HARD_DISKS_PER_NVME = 10


def _names(disks: tuple[Disk, ...]) -> str:
    return ", ".join(disk.name for disk in disks)


def disks(machine: Machine) -> Verdict:
    """Whether a disk is free for an OSD, or is one."""
    sorted_disks = osd_disks(machine)
    if sorted_disks.usable:
        measured = _("{used} in use, {free} free").format(used=len(sorted_disks.used), free=len(sorted_disks.free))
        return Verdict(Severity.PASS, f"{measured} ({_names(sorted_disks.usable)})")
    if sorted_disks.taken and len(sorted_disks.taken) > 1:
        return Verdict(
            Severity.WARN,
            _("none free; {names} hold something").format(names=_names(sorted_disks.taken)),
            _("An OSD takes a whole disk, and an empty one."),
            _("Back up and wipe disks that are not the system's: wipefs --all"),
        )
    return Verdict(
        Severity.FAIL,
        _("none"),
        _("No disk beside the system's: an OSD takes a whole disk of its own."),
        _("Fit a disk for each OSD."),
    )


def shared(machine: Machine) -> Verdict:
    """Whether disks of OSDs carry something else."""
    found = osd_disks(machine)
    if not found.used:
        return Verdict(Severity.PASS, _("no OSD yet"))
    if not found.shared:
        return Verdict(Severity.PASS, _names(found.used))
    return Verdict(
        Severity.WARN,
        _names(found.shared),
        _("An OSD shares its disk with the system or another service: both wait for each other."),
        _("Move the OSD to a disk of its own: take it out, wipe, create it anew."),
    )


def _no_disk() -> Verdict:
    return Verdict(Severity.UNKNOWN, "", _("There is no disk for an OSD."), _("See ceph-osd-disks."))


def journals(machine: Machine) -> Verdict:
    """SSDs for WAL and DB of hard disks."""
    if is_guest(machine):
        return on_the_host(machine, _("Which disks Ceph gets"))
    found = osd_disks(machine)
    hard = [disk for disk in found.for_data if disk.rotational]
    if not found.usable:
        return _no_disk()
    if not hard:
        return Verdict(Severity.PASS, _("no hard disk"))
    solid = found.for_journals
    measured = _("hard disks: {disks}, SSDs for them: {ssds}").format(ssds=len(solid), disks=len(hard))
    room = sum(_HARD_DISKS_PER_NVME if disk.transport == "nvme" else _HARD_DISKS_PER_SATA for disk in solid)
    if not solid:
        return Verdict(
            Severity.WARN,
            measured,
            _("Each small write goes to the hard disk twice, and waits for it."),
            _("Fit an SSD with power-loss protection for WAL and DB; measure it first: trebol check disk-write"),
        )
    if len(hard) > room:
        return Verdict(
            Severity.WARN,
            measured,
            _("Too many hard disks on one SSD: it slows them down, and all are lost with it."),
            _("One SATA SSD for 4 or 5 hard disks, one NVMe SSD for up to 10."),
        )
    return Verdict(Severity.PASS, f"{measured}: {_names(solid)}")


def ssds(machine: Machine) -> Verdict:
    """SSDs under Ceph: with power-loss protection, or not worth it; sticks and cards never."""
    if is_guest(machine):
        return on_the_host(machine, _("Which disks Ceph gets"))
    found = osd_disks(machine)
    fragile = [disk for disk in own_disks(machine) if disk.transport in FRAGILE]
    if fragile and not found.usable:
        return Verdict(
            Severity.FAIL,
            ", ".join(f"{disk.name} {disk.transport}" for disk in fragile),
            _("Ceph wears out flash on USB and eMMC, and loses disks that come and go."),
            _("Use SATA, SAS or NVMe disks."),
        )
    if not found.usable:
        return _no_disk()
    solid = [disk for disk in found.usable if not disk.rotational]
    if not solid:
        return Verdict(Severity.PASS, _("no SSD"))
    details = [_ssd(disk) for disk in solid]
    return of_details(details, measured=", ".join(f"{disk.name} {disk.model}".strip() for disk in solid))


def _ssd(disk: Disk) -> Detail:
    match power_loss_protection(disk.model):
        case True:
            return Detail(disk.name, Severity.PASS, disk.model)
        case False:
            return Detail(
                disk.name,
                Severity.WARN,
                disk.model,
                _("A client SSD: Ceph flushes each write, which makes it slow and wears it out."),
                _("Use SSDs of the data centre class, with power-loss protection; measure: trebol check disk-write"),
            )
        case None:
            return Detail(
                disk.name,
                Severity.UNKNOWN,
                disk.model,
                _("Whether this model has power-loss protection is not known here."),
                _("Look it up in the data sheet; measure: trebol check disk-write"),
            )


CHECKS: tuple[Check, ...] = (
    Check(
        "ceph-osd-disks",
        "Disks for OSDs",
        Role.CEPH_OSD,
        disks,
        "Empty disks, and those that carry OSDs now. Where nothing is installed yet, one empty disk is left for the "
        "system.",
        Requirement("1 beside the system's", "one per OSD, all of one size", _SOURCES),
    ),
    Check(
        "ceph-osd-shared",
        "OSDs on disks of their own",
        Role.CEPH_OSD,
        shared,
        "Whether a disk with an OSD also carries the system, a monitor or an MDS.",
        Requirement("", "no disk shared with the system, a monitor or an MDS", _SOURCES),
    ),
    Check(
        "ceph-osd-journals",
        "SSDs for WAL and DB",
        Role.CEPH_OSD,
        journals,
        "Hard disks get much faster at small writes when their WAL and DB (the brief's journals) are on SSDs. Where "
        "there are hard disks, SSDs smaller than the smallest of them are taken to be for that.",
        Requirement(
            "", "SSDs for journals, tested first; one SATA SSD for 4-5 hard disks, NVMe for up to 10", _SOURCES
        ),
    ),
    Check(
        "ceph-osd-ssds",
        "SSDs under Ceph",
        Role.CEPH_OSD,
        ssds,
        "SSDs without power-loss protection have to write each flush into the flash. Ceph flushes all the time.",
        Requirement("", "enterprise SSDs with power-loss protection", CEPH),
    ),
)
