"""What disks say of themselves: SMART and NVMe health."""

from __future__ import annotations

from collections.abc import Iterator

from trebol_common.i18n import _
from trebol_hardware.checks.details import of_details, on_the_host
from trebol_hardware.checks.disks import own_disks
from trebol_hardware.checks.finding import Detail, Requirement, Severity, Verdict, worst
from trebol_hardware.checks.hypervisor import is_guest
from trebol_hardware.checks.registry import Check, Role
from trebol_hardware.checks.sources import NVME
from trebol_hardware.facts import DiskHealth
from trebol_hardware.machine import Disk, Machine

#: Per cent of the endurance that the vendor warrants. NVMe: 100 means that it is consumed, not that the disk fails;
#: that the disk itself says, by its verdict, a critical warning or its spare.
_WORN = 80
_WORN_OUT = 100

#: Per cent of the spare blocks, of disks that name no threshold: where eMMC itself warns (JESD84-B51, 7.4.43).
_SPARE_LOW = 20

#: Degrees Celsius: the highest operating temperature of most data sheets. A disk with its own limit says so as well.
_HOT_HDD = 60
_HOT_SSD = 70

#: NVMe base specification, critical warning: one bit each.
_TEMPERATURE_BIT = 1 << 1
_MEMORY_BUFFER_BIT = 1 << 5


def health(machine: Machine) -> Verdict:
    """The health of every disk."""
    if is_guest(machine):
        return on_the_host(machine, _("The health of disks"))
    there = own_disks(machine)
    if not there:
        return Verdict(Severity.UNKNOWN, "", _("There is no disk."), _("See disk-target."))
    details = [_health_of(disk) for disk in there]
    sound = sum(detail.severity is Severity.PASS for detail in details)
    return of_details(details, measured=_("{sound} of {all} sound").format(sound=sound, all=len(details)))


def _health_of(disk: Disk) -> Detail:
    health = disk.health
    if health is None:
        return _not_known(disk, _("Its health was not asked for."))
    if health.asleep:
        return _not_known(disk, _("It sleeps, and was not woken up for this."))
    if health.unknown:
        return _not_known(disk, _(health.unknown))
    if health == DiskHealth():
        return _not_known(disk, _("smartctl gave no value that is known here."))
    problems = tuple(_problems(disk, health))
    if health.passed is None and not problems:
        return _not_known(disk, _("The disk gives no verdict of its own."))
    severity = worst(severity for severity, _words in problems)
    reason = "".join(f"{words}. " for _severity, words in problems).strip()
    return Detail(disk.name, severity, _measured(health), reason, _remedy(severity))


def _not_known(disk: Disk, reason: str) -> Detail:
    remedy = _("As root: smartctl --all /dev/{name}; behind a RAID controller: its vendor's tool.")
    return Detail(disk.name, Severity.UNKNOWN, "", reason, remedy.format(name=disk.name))


def _measured(health: DiskHealth) -> str:
    words = []
    if health.used is not None:
        words.append(_("{used} % used").format(used=health.used))
    if health.temperature is not None:
        words.append(f"{health.temperature} °C")
    if health.power_on_hours is not None:
        words.append(f"{health.power_on_hours} h")
    return ", ".join(words)


def _remedy(severity: Severity) -> str:
    match severity:
        case Severity.FAIL:
            return _("Replace it, and install on another disk.")
        case Severity.WARN:
            return _("Watch it, and have a spare: smartctl --all")
        case _:
            return ""


def _problems(disk: Disk, health: DiskHealth) -> Iterator[tuple[Severity, str]]:
    """What is wrong, gravest first."""
    if health.passed is False:
        yield Severity.FAIL, _("The disk itself says that it is failing")
    warning = health.critical_warning or 0
    if warning & ~(_TEMPERATURE_BIT | _MEMORY_BUFFER_BIT):
        yield Severity.FAIL, _("NVMe critical warning {bits:#04x}").format(bits=warning)
    elif warning:
        yield Severity.WARN, _("NVMe critical warning {bits:#04x}").format(bits=warning)
    if health.spare is not None and health.spare_threshold is not None and health.spare < health.spare_threshold:
        yield (
            Severity.FAIL,
            _("Spare blocks {spare} %, below the threshold of {threshold} %").format(
                spare=health.spare, threshold=health.spare_threshold
            ),
        )
    elif health.spare is not None and health.spare_threshold is None and health.spare <= _SPARE_LOW:
        yield Severity.WARN, _("At most {spare} % of the spare blocks are left").format(spare=health.spare)
    if health.used is not None and health.used >= _WORN_OUT:
        yield Severity.WARN, _("The warranted endurance is used up ({used} %)").format(used=health.used)
    elif health.used is not None and health.used >= _WORN:
        yield Severity.WARN, _("{used} % of the warranted endurance is used").format(used=health.used)
    counters = (
        (health.pending, _("Sectors that wait to be read again: {count}")),
        (health.uncorrectable, _("Sectors or errors that could not be corrected: {count}")),
        (health.media_errors, _("Media errors: {count}")),
        (health.reallocated, _("Sectors replaced by spare ones: {count}")),
    )
    for count, words in counters:
        if count:
            yield Severity.WARN, words.format(count=count)
    hot = _HOT_HDD if disk.rotational else _HOT_SSD
    if health.temperature is not None and health.temperature >= hot:
        yield (
            Severity.WARN,
            _("{degrees} °C: most disks are built for less than {limit} °C").format(
                degrees=health.temperature, limit=hot
            ),
        )


CHECKS: tuple[Check, ...] = (
    Check(
        "disk-health",
        "Health of disks",
        Role.NODE,
        health,
        "What smartctl(8) reads from each disk: its own verdict, replaced and unreadable sectors, media errors, "
        "wear, spare blocks, temperature. Sleeping disks are left asleep.",
        Requirement(
            "the disk's own verdict is good, spare above its threshold (eMMC: above 20 %)",
            "no bad sectors or media errors, less than 80 % used, below 60 °C (HDD) or 70 °C (SSD)",
            f"smartctl(8); {NVME}; 80 % and temperatures: data sheets' usual limits",
        ),
    ),
)
