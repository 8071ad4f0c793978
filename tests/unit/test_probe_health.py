"""What the probe makes of smartctl's reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trebol_common.run import Completed
from trebol_hardware.facts import DiskHealth
from trebol_hardware.machine import Disk
from trebol_hardware.probe import emmc, health


def attribute(number: int, name: str, *, raw: int = 0, shown: str = "", value: int = 100) -> dict[str, Any]:
    return {"id": number, "name": name, "value": value, "raw": {"value": raw, "string": shown or str(raw)}}


ATA = {
    "smartctl": {"version": [7, 4], "exit_status": 64},
    "device": {"name": "/dev/sda", "type": "sat", "protocol": "ATA"},
    "smart_status": {"passed": True},
    "ata_smart_attributes": {
        "revision": 16,
        "table": [
            attribute(5, "Reallocated_Sector_Ct", raw=8),
            attribute(187, "Reported_Uncorrect", raw=3),
            attribute(194, "Temperature_Celsius", raw=137439412258, shown="34 (Min/Max 18/49)"),
            attribute(197, "Current_Pending_Sector", raw=2),
            attribute(198, "Offline_Uncorrectable", raw=68719476737, shown="1 (16)"),
        ],
    },
    "power_on_time": {"hours": 41234},
    "temperature": {"current": 34},
}

NVME = {
    "smartctl": {"version": [7, 4], "exit_status": 0},
    "device": {"name": "/dev/nvme0n1", "type": "nvme", "protocol": "NVMe"},
    "smart_status": {"passed": True, "nvme": {"value": 0}},
    "nvme_smart_health_information_log": {
        "critical_warning": 4,
        "temperature": 38,
        "available_spare": 98,
        "available_spare_threshold": 10,
        "percentage_used": 103,
        "power_on_hours": 9000,
        "unsafe_shutdowns": 12,
        "media_errors": 7,
        "num_err_log_entries": 40,
    },
    "temperature": {"current": 38},
    "power_on_time": {"hours": 9000},
}

SCSI = {
    "smartctl": {"version": [7, 4], "exit_status": 0},
    "device": {"name": "/dev/sdb", "type": "scsi", "protocol": "SCSI"},
    "smart_status": {"passed": False},
    "temperature": {"current": 29, "drive_trip": 60},
    "power_on_time": {"hours": 30000, "minutes": 11},
    "scsi_grown_defect_list": 14,
    "scsi_percentage_used_endurance_indicator": 6,
    "scsi_pending_defects": {"count": 1},
    "scsi_error_counter_log": {
        "read": {"total_uncorrected_errors": 2},
        "write": {"total_uncorrected_errors": 1},
        "verify": {"total_uncorrected_errors": 0},
    },
}


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        pytest.param(
            ATA,
            DiskHealth(
                passed=True,
                temperature=34,
                power_on_hours=41234,
                media_errors=3,
                reallocated=8,
                pending=2,
                uncorrectable=1,
            ),
            id="ATA",
        ),
        pytest.param(
            NVME,
            DiskHealth(
                passed=True,
                temperature=38,
                power_on_hours=9000,
                used=103,
                spare=98,
                spare_threshold=10,
                media_errors=7,
                critical_warning=4,
            ),
            id="NVMe",
        ),
        pytest.param(
            SCSI,
            DiskHealth(
                passed=False,
                temperature=29,
                power_on_hours=30000,
                used=6,
                reallocated=14,
                pending=1,
                uncorrectable=3,
            ),
            id="SCSI",
        ),
    ],
)
def test_health_is_read_from_the_report_of_each_kind_of_disk(report: dict[str, Any], expected: DiskHealth) -> None:
    assert health.parse(json.dumps(report)) == expected


@pytest.mark.parametrize(
    ("report", "used"),
    [
        ({"endurance_used": {"current_percent": 12}}, 12),
        ({"ata_smart_attributes": {"table": [attribute(233, "Media_Wearout_Indicator", value=88)]}}, 12),
        (
            {
                "endurance_used": {"current_percent": 3},
                "ata_smart_attributes": {"table": [attribute(177, "Wear_Leveling_Count", value=88)]},
            },
            3,
        ),
        ({"ata_smart_attributes": {"table": [attribute(233, "Media_Wearout_Indicator", value=253)]}}, None),
    ],
)
def test_endurance_spent_is_told_by_the_log_or_else_by_an_attribute(report: dict[str, Any], used: int | None) -> None:
    assert health.parse(json.dumps({"smart_status": {"passed": True}, **report})).used == used


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Completed(health.ASLEEP, "{}"), DiskHealth(unknown=health.SLEEPS, asleep=True)),
        (Completed(127), DiskHealth(unknown=health.NO_SMARTCTL)),
        (Completed(124), DiskHealth(unknown=health.NO_ANSWER)),
        (Completed(137), DiskHealth(unknown=health.NO_ANSWER)),
        (Completed(0, "smartctl 7.4"), DiskHealth(unknown=health.NO_REPORT)),
        (Completed(0, "[" * 100_000), DiskHealth(unknown=health.NO_REPORT)),
        (Completed(4, '{"smartctl": {"exit_status": 4}}'), DiskHealth(unknown=health.NO_SMART)),
        (
            Completed(2, '{"smartctl": {"messages": [{"string": "Unknown USB bridge", "severity": "error"}]}}'),
            DiskHealth(unknown="smartctl: Unknown USB bridge"),
        ),
        (Completed(8, json.dumps(SCSI)), health.parse(json.dumps(SCSI))),
    ],
)
def test_what_smartctl_cannot_tell_is_unknown_with_the_reason(answer: Completed, expected: DiskHealth) -> None:
    assert health.health(answer) == expected


@pytest.mark.parametrize(
    ("disk", "reason"),
    [
        (Disk("vda", 1, transport="virtio"), health.VIRTUAL),
        (Disk("xvda", 1), health.VIRTUAL),
        (Disk("mmcblk0", 1, transport="mmc"), health.CARD),
        (Disk("sdz", 1, transport="usb", removable=True), health.REMOVABLE),
        (Disk("sdz", 1, transport="usb", medium=True), health.REMOVABLE),
        (Disk("sda", 1, transport="sata"), ""),
        (Disk("nvme0n1", 1, transport="nvme"), ""),
        (Disk("sdb", 1, transport="scsi"), ""),
    ],
)
def test_only_disks_that_can_answer_are_asked(disk: Disk, reason: str) -> None:
    assert health.reason_not_to_ask(disk) == reason


def test_a_sleeping_disk_is_asked_in_the_way_that_leaves_it_asleep() -> None:
    command = health.command(Disk("sda", 1, transport="sata"))
    assert "--nocheck=standby,255" in command
    assert "--device=sat" in command
    assert "--device=sat" not in health.command(Disk("sdb", 1, transport="sas"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *(
                        "smart_status",
                        "passed",
                        "temperature",
                        "current",
                        "ata_smart_attributes",
                        "table",
                        "id",
                        "raw",
                    ),
                    *("value", "string", "name", "nvme_smart_health_information_log", "percentage_used", "smartctl"),
                    *("messages", "scsi_error_counter_log", "read", "total_uncorrected_errors"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(report=json_values)
def test_any_report_gives_health_that_can_be_recorded(report: object) -> None:
    found = health.parse(json.dumps(report))
    numbers = [value for value in vars(found).values() if isinstance(value, int)]
    assert all(0 <= number < 2**63 for number in numbers)
    assert found.unknown or found != DiskHealth()


@given(text=st.text())
def test_any_text_gives_health(text: str) -> None:
    assert health.parse(text).unknown


@pytest.mark.parametrize(
    ("life_time", "pre_eol_info", "expected"),
    [
        ("0x03 0x02", "0x01", DiskHealth(passed=True, used=20)),
        ("0x00 0x0b", "0x02", DiskHealth(passed=True, used=100, spare=20)),
        ("0x01 0x0a", "0x03", DiskHealth(passed=False, used=90, spare=10)),
        ("0x02 0x02", None, DiskHealth(used=10)),
        ("0x00 0x00", "0x00", None),
        ("0xff nonsense", "", None),
        (None, None, None),
    ],
)
def test_the_wear_of_emmc_is_the_kernels(
    tmp_path: Path, life_time: str | None, pre_eol_info: str | None, expected: DiskHealth | None
) -> None:
    for name, text in (("life_time", life_time), ("pre_eol_info", pre_eol_info)):
        if text is not None:
            (tmp_path / name).write_text(f"{text}\n")

    assert emmc.wear(tmp_path) == expected
