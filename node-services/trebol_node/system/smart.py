"""What smartctl says of one disk, in Proxmox VE's shape, from smartctl's JSON. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from trebol_hardware.facts import DiskHealth
from trebol_hardware.probe.health import SLEEPS, parse
from trebol_node.system.disks import health_word, wearout

#: The reports of disks that are no ATA disks, by smartctl's names (its source: scsiprint.cpp, nvmeprint.cpp).
_REPORTS = (
    "nvme_smart_health_information_log",
    "scsi_error_counter_log",
    "scsi_start_stop_cycle_counter",
    "scsi_grown_defect_list",
    "scsi_percentage_used_endurance_indicator",
    "temperature",
    "power_on_time",
)


def health_of(answer: Mapping[str, Any]) -> DiskHealth:
    """From the worker's answer, `{"asleep": …, "report": {…}}`."""
    if answer["asleep"]:
        return DiskHealth(unknown=SLEEPS, asleep=True)
    return parse(json.dumps(answer["report"]))


def smart(answer: Mapping[str, Any], *, health_only: bool = False) -> dict[str, Any]:
    """The value of GET /nodes/{node}/disks/smart: attributes of an ATA disk, else what there is as text."""
    health = health_of(answer)
    shown: dict[str, Any] = {"health": health_word(health)}
    if health_only:
        return shown
    report: Mapping[str, Any] = answer["report"]
    if health.used is not None:
        shown["wearout"] = wearout(health)
    table = (report.get("ata_smart_attributes") or {}).get("table")
    if isinstance(table, list):
        return {**shown, "type": "ata", "attributes": [_attribute(row) for row in table if isinstance(row, dict)]}
    return {**shown, "type": "text", "text": "\n".join(_lines(report)) or health.unknown}


def _attribute(row: Mapping[str, Any]) -> dict[str, Any]:
    """One line of the table. `fail` is "-", or when the threshold was met: "past", "now"."""
    raw = row.get("raw") or {}
    return {
        "fail": row.get("when_failed") or "-",
        "flags": str((row.get("flags") or {}).get("string", "")).strip(),
        "id": f"{row.get('id', 0):>3}",
        "name": row.get("name", ""),
        "normalized": row.get("value"),
        "raw": str(raw.get("string", raw.get("value", ""))),
        "threshold": row.get("thresh"),
        "value": row.get("value"),
        "worst": row.get("worst"),
    }


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    """ "Available Spare: 100", one line for each number, tables by the name of what they are of."""
    for name in _REPORTS:
        if name in report:
            yield from _flat(name.removesuffix("_log"), report[name])


def _flat(name: str, value: object) -> Iterator[str]:
    match value:
        case dict():
            for key, each in value.items():
                yield from _flat(key if name.startswith("nvme") else f"{name} {key}", each)
        case list():
            yield f"{_title(name)}: {', '.join(map(str, value))}"
        case _:
            yield f"{_title(name)}: {value}"


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()
