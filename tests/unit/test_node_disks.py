"""The node's disks: what clients read of them, and what they say of their health."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.shown_node import MACHINES

from trebol_hardware.facts import DiskHealth
from trebol_hardware.machine import Machine
from trebol_node.system import smart
from trebol_node.system.disks import disks


@pytest.mark.parametrize("path", sorted(MACHINES.glob("*.json")), ids=lambda path: path.stem)
def test_the_disks_of_every_recorded_machine_have_all_that_clients_read(path: Path) -> None:
    machine = Machine.load(path)
    found = disks(machine, {}, partitions=True)
    assert len([each for each in found if "parent" not in each]) == len(machine.disks)
    for each in found:
        assert each["devpath"].startswith("/dev/") and each["size"] >= 0 and each["gpt"] in (0, 1)
    assert json.loads(json.dumps(found)) == found


def test_uses_and_kinds_of_disks() -> None:
    machine = Machine.load(MACHINES / "rack-server.json")
    found = {each["devpath"]: each for each in disks(machine, {"sda": DiskHealth(passed=True, used=3)})}
    assert {(each["type"], each.get("used", "")) for each in found.values()} == {
        (each["type"], each.get("used", "")) for each in disks(machine, {})
    }
    assert (found["/dev/sda"]["health"], found["/dev/sda"]["wearout"]) == ("PASSED", 97)
    others = [each for path, each in found.items() if path != "/dev/sda"]
    assert all((each["health"], each["wearout"]) == ("UNKNOWN", "N/A") for each in others)


#: Of smartctl 7.4 (smartmontools' ataprint.cpp), a solid-state disk; shortened.
ATA = {
    "smart_status": {"passed": True},
    "ata_smart_attributes": {
        "revision": 1,
        "table": [
            {
                "id": 5,
                "name": "Reallocated_Sector_Ct",
                "value": 100,
                "worst": 100,
                "thresh": 10,
                "when_failed": "",
                "flags": {"value": 51, "string": "PO--CK "},
                "raw": {"value": 0, "string": "0"},
            },
            {
                "id": 177,
                "name": "Wear_Leveling_Count",
                "value": 92,
                "worst": 92,
                "thresh": 0,
                "when_failed": "past",
                "flags": {"value": 19, "string": "PO--C- "},
                "raw": {"value": 70, "string": "70"},
            },
        ],
    },
}
#: nvmeprint.cpp.
NVME = {
    "smart_status": {"passed": False, "nvme": {"value": 4}},
    "nvme_smart_health_information_log": {
        "critical_warning": 4,
        "temperature": 37,
        "available_spare": 9,
        "percentage_used": 104,
        "temperature_sensors": [37, 45],
    },
}


def test_attributes_of_an_ata_disk() -> None:
    found = smart.smart({"asleep": False, "report": ATA})
    assert (found["health"], found["type"], found["wearout"]) == ("PASSED", "ata", 92)
    assert found["attributes"][0] == {
        "id": "  5",
        "name": "Reallocated_Sector_Ct",
        "flags": "PO--CK",
        "value": 100,
        "normalized": 100,
        "worst": 100,
        "threshold": 10,
        "fail": "-",
        "raw": "0",
    }
    assert (found["attributes"][1]["id"], found["attributes"][1]["fail"]) == ("177", "past")


def test_an_nvme_disk_tells_in_text() -> None:
    found = smart.smart({"asleep": False, "report": NVME})
    assert (found["health"], found["type"], found["wearout"]) == ("FAILED!", "text", 0)
    assert found["text"].splitlines() == [
        "Critical warning: 4",
        "Temperature: 37",
        "Available spare: 9",
        "Percentage used: 104",
        "Temperature sensors: 37, 45",
    ]
    assert smart.smart({"asleep": False, "report": NVME}, health_only=True) == {"health": "FAILED!"}


@pytest.mark.parametrize(
    ("answer", "word"),
    [({"asleep": True, "report": {}}, "sleeps"), ({"asleep": False, "report": {}}, "nothing of its health")],
)
def test_a_disk_that_tells_nothing_says_why(answer: dict[str, Any], word: str) -> None:
    found = smart.smart(answer)
    assert found["health"] == "UNKNOWN" and word in found["text"] and "wearout" not in found
