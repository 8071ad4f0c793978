"""Health of disks, by smartctl(8) of smartmontools: its JSON, for ATA, NVMe and SCSI."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from trebol_common.run import Completed
from trebol_hardware.facts import DiskHealth
from trebol_hardware.machine import Disk
from trebol_hardware.probe.programs import NO_PROGRAM, TIMED_OUT
from trebol_hardware.probe.sysfs import count, to_count

#: Exit status that smartctl is told to give for a disk that sleeps. Its own are sums of bits of which the first, a
#: command line that it does not understand, comes alone.
ASLEEP = 255

#: nocheck: a disk in standby is left there. error: the error counters of SCSI. ssd: endurance of SATA and SAS SSDs.
COMMAND = (
    "smartctl",
    "--json=c",
    f"--nocheck=standby,{ASLEEP}",
    "--info",
    "--health",
    "--attributes",
    "--log=error",
    "--log=ssd",
)

NOT_ASKED = "smartctl was not asked: that needs root"
NO_SMARTCTL = "smartctl is not installed (package smartmontools)"
NO_ANSWER = "smartctl did not answer in time"
NO_REPORT = "smartctl gave no report"
SLEEPS = "the disk sleeps and was not woken"
NO_SMART = "the disk reports nothing of its health"
VIRTUAL = "a virtual disk reports nothing of its health"
CARD = "the card reports nothing of its health"
REMOVABLE = "a removable medium was not asked"

#: Room for a message of smartctl in a reason.
_MESSAGE = 200

#: ATA attributes by number, where all makers agree (smartctl's drivedb.h).
_REALLOCATED = 5
_REPORTED_UNCORRECTABLE = 187
_PENDING = 197
_OFFLINE_UNCORRECTABLE = 198

#: ATA attributes by smartctl's name whose normalised value is the endurance that is left, in per cent.
_ENDURANCE_LEFT = ("Media_Wearout_Indicator", "SSD_Life_Left", "Percent_Lifetime_Remain", "Wear_Leveling_Count")


def command(disk: Disk) -> tuple[str, ...]:
    """What to ask of a disk. Where its kind is known smartctl need not find it out, which could wake the disk."""
    kind = ("--device=sat",) if disk.transport == "sata" else ()
    return (*COMMAND, *kind, f"/dev/{disk.name}")


def reason_not_to_ask(disk: Disk) -> str:
    """Why smartctl has nothing to say of a disk; empty where it is to be asked."""
    if disk.removable or disk.medium:
        return REMOVABLE
    return {"virtio": VIRTUAL, "": VIRTUAL, "mmc": CARD}.get(disk.transport, "")


def health(answer: Completed) -> DiskHealth:
    """What an answer of smartctl says. Its status tells of the program only: all else stands in its report."""
    match answer.status:
        case status if status in NO_PROGRAM:
            return DiskHealth(unknown=NO_SMARTCTL)
        case status if status in TIMED_OUT:
            return DiskHealth(unknown=NO_ANSWER)
        case status if status == ASLEEP:
            return DiskHealth(unknown=SLEEPS, asleep=True)
    return parse(answer.stdout)


def parse(text: str) -> DiskHealth:
    """From smartctl's JSON."""
    try:
        report = json.loads(text)
    except (ValueError, RecursionError):
        return DiskHealth(unknown=NO_REPORT)
    found = _health(report)
    return found if found != DiskHealth() else DiskHealth(unknown=_message(report) or NO_SMART)


def _health(report: object) -> DiskHealth:
    raw, left = _attributes(report)
    nvme = _at(report, "nvme_smart_health_information_log")
    passed = _at(report, "smart_status", "passed")
    return DiskHealth(
        passed=passed if isinstance(passed, bool) else None,
        temperature=_first(_at(report, "temperature", "current"), _at(nvme, "temperature")),
        power_on_hours=_first(_at(report, "power_on_time", "hours"), _at(nvme, "power_on_hours")),
        used=_first(
            _at(nvme, "percentage_used"),
            _at(report, "endurance_used", "current_percent"),
            _at(report, "scsi_percentage_used_endurance_indicator"),
            left,
        ),
        spare=_first(_at(nvme, "available_spare"), _at(report, "spare_available", "current_percent")),
        spare_threshold=_first(
            _at(nvme, "available_spare_threshold"), _at(report, "spare_available", "threshold_percent")
        ),
        media_errors=_first(_at(nvme, "media_errors"), raw.get(_REPORTED_UNCORRECTABLE)),
        reallocated=_first(raw.get(_REALLOCATED), _at(report, "scsi_grown_defect_list")),
        pending=_first(raw.get(_PENDING), _at(report, "scsi_pending_defects", "count")),
        uncorrectable=_first(raw.get(_OFFLINE_UNCORRECTABLE), _scsi_uncorrected(report)),
        critical_warning=_first(_at(nvme, "critical_warning")),
    )


def _attributes(report: object) -> tuple[Mapping[int, int], int | None]:
    """Raw values of ATA attributes by number, and the endurance that was used as far as one of them tells it."""
    raw: dict[int, int] = {}
    used: int | None = None
    for row in _list(_at(report, "ata_smart_attributes", "table")):
        number, value = _first(_at(row, "id")), _raw(row)
        if number is not None and value is not None:
            raw[number] = value
        normalised = _first(_at(row, "value"))
        if _at(row, "name") in _ENDURANCE_LEFT and normalised is not None and normalised <= 100:
            used = 100 - normalised
    return raw, used


def _raw(row: object) -> int | None:
    """The number that smartctl shows: makers put others into the upper bytes of the raw value."""
    shown = re.match(r"\d+", text) if isinstance(text := _at(row, "raw", "string"), str) else None
    return to_count(shown[0]) if shown else _first(_at(row, "raw", "value"))


def _scsi_uncorrected(report: object) -> int | None:
    log = _at(report, "scsi_error_counter_log")
    counts = [_first(_at(log, kind, "total_uncorrected_errors")) for kind in ("read", "write", "verify")]
    known = [number for number in counts if number is not None]
    return count(sum(known)) if known else None


def _message(report: object) -> str:
    """The first of smartctl's own words on what went wrong."""
    texts = (_at(message, "string") for message in _list(_at(report, "smartctl", "messages")))
    first = next((text for text in texts if isinstance(text, str) and text.strip()), "")
    return f"smartctl: {first.strip()[:_MESSAGE]}" if first else ""


def _at(value: object, *keys: str) -> Any:
    """What stands below the keys of nested tables; None where one of them is missing."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _first(*values: object) -> int | None:
    """The first that is a count."""
    numbers = (count(value) for value in values if isinstance(value, int) and not isinstance(value, bool))
    return next((number for number in numbers if number is not None), None)
