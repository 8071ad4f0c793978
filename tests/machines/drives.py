"""Disks of recorded machines: their udev properties and what smartctl says of them, in the form of each bus."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Drive:
    """A disk, wherever it is plugged in. `bus` is "ata", "scsi" or "nvme"; `size` in bytes; `wwn` without 0x.

    `vendor` is SCSI's; `smart` what smartctl's JSON holds beside what all disks have, None where it holds nothing of
    health; `message` is its own words where it could not ask.
    """

    bus: str
    model: str
    serial: str
    size: int
    wwn: str = ""
    vendor: str = "ATA"
    rotational: bool = False
    sector: int = 512
    physical: int = 512
    cache: str = "write back"
    revision: str = "1.0"
    smart: Mapping[str, Any] | None = field(default_factory=dict)
    message: str = ""
    udev: Mapping[str, str] = field(default_factory=dict)

    def links(self) -> list[str]:
        """Its names below /dev/disk/by-id, by udev's 60-persistent-storage.rules."""
        name = f"{self.model}_{self.serial}".replace(" ", "_")
        match self.bus:
            case "ata":
                names = [f"ata-{name}", f"wwn-0x{self.wwn}" if self.wwn else ""]
            case "nvme":
                names = [f"nvme-{name}", f"nvme-{name}_1", f"nvme-eui.{self.wwn}"]
            case _:
                vendor = self.vendor.replace(" ", "_")
                names = [
                    f"scsi-S{vendor}_{name}" if self.serial else "",
                    f"scsi-3{self.wwn}" if self.wwn else "",
                    f"wwn-0x{self.wwn}" if self.wwn else "",
                ]
        return [name for name in names if name]

    def with_udev(self, more: Mapping[str, str]) -> Drive:
        """The same with more properties of udev: what is on it."""
        return replace(self, udev={**self.udev, **more})

    def properties(self, name: str, path: str, number: str) -> dict[str, str]:
        """udev's properties of the disk called `name` at ID_PATH `path`, sorted as udev shows them."""
        links = [f"/dev/disk/by-id/{link}" for link in self.links()]
        major, minor = number.split(":")
        common = {
            "DEVLINKS": " ".join(sorted([*links, f"/dev/disk/by-path/{path}"])),
            "DEVNAME": f"/dev/{name}",
            "DEVTYPE": "disk",
            "ID_MODEL": self.model.replace(" ", "_"),
            "ID_PATH": path,
            "ID_REVISION": self.revision,
            "MAJOR": major,
            "MINOR": minor,
            "SUBSYSTEM": "block",
            "TAGS": ":systemd:",
        }
        return dict(sorted({**common, **self._of_bus(), **self.udev}.items()))

    def _of_bus(self) -> dict[str, str]:
        serial = f"{self.model}_{self.serial}".replace(" ", "_")
        match self.bus:
            case "nvme":
                return {
                    "ID_MODEL": self.model,
                    "ID_SERIAL": f"{serial}_1",
                    "ID_SERIAL_SHORT": self.serial,
                    "ID_WWN": f"eui.{self.wwn}",
                }
            case "ata":
                return {
                    "ID_ATA": "1",
                    "ID_ATA_ROTATION_RATE_RPM": "7200" if self.rotational else "0",
                    "ID_BUS": "ata",
                    "ID_MODEL_ENC": self.model.replace(" ", r"\x20"),
                    "ID_SERIAL": serial,
                    "ID_SERIAL_SHORT": self.serial,
                    **({"ID_WWN": f"0x{self.wwn}", "ID_WWN_WITH_EXTENSION": f"0x{self.wwn}"} if self.wwn else {}),
                }
        numbers = {
            "ID_SCSI_SERIAL": self.serial,
            "ID_SERIAL": f"3{self.wwn}" if self.wwn else "",
            "ID_SERIAL_SHORT": self.wwn,
            "ID_WWN": f"0x{self.wwn[:16]}" if self.wwn else "",
            "ID_WWN_WITH_EXTENSION": f"0x{self.wwn}" if self.wwn else "",
        }
        return {
            "ID_BUS": "scsi",
            "ID_MODEL_ENC": self.model.ljust(16).replace(" ", r"\x20"),
            "ID_SCSI": "1",
            "ID_VENDOR": self.vendor.replace(" ", "_"),
            **{key: number for key, number in numbers.items() if number},
        }

    def smartctl(self, name: str) -> str:
        """smartctl's JSON of the disk called `name`."""
        if self.message:
            said = [{"string": self.message.format(name=name), "severity": "error"}]
            return json.dumps({"smartctl": {"version": [7, 4], "messages": said, "exit_status": 2}})
        if self.smart is None:
            return json.dumps({"smartctl": {"version": [7, 4], "exit_status": 4}, "scsi_model_name": self.model})
        return json.dumps(
            {
                "smartctl": {"version": [7, 4], "exit_status": 0},
                "model_name": self.model,
                "smart_status": {"passed": True},
                "temperature": {"current": 31},
                "power_on_time": {"hours": 18211},
                **self.smart,
            }
        )


def attributes(*rows: tuple[int, str, int, int]) -> dict[str, Any]:
    """ATA's attributes as smartctl gives them: number, name, normalised value, raw value."""
    table = [
        {"id": number, "name": name, "value": value, "raw": {"value": raw, "string": str(raw)}}
        for number, name, value, raw in rows
    ]
    return {"ata_smart_attributes": {"table": table}}


def nvme_log(*, used: int, spare: int = 100, warning: int = 0, errors: int = 0, degrees: int = 38) -> dict[str, Any]:
    """NVMe's health log; its temperature and hours stand in for the common ones."""
    log = {
        "critical_warning": warning,
        "temperature": degrees,
        "available_spare": spare,
        "available_spare_threshold": 10,
        "percentage_used": used,
        "media_errors": errors,
    }
    return {"nvme_smart_health_information_log": log, "temperature": {"current": degrees}}


#: What smartctl says of MegaRAID's volumes, Dell's and others'.
ASK_MEGARAID = (
    "Smartctl open device: /dev/{name} failed: DELL or MegaRaid controller, please try adding '-d megaraid,N'"
)


def sata_hdd(serial: str, *, model: str = "ST4000NM0035-1V4107", size: int = 4_000_787_030_016, **more: Any) -> Drive:
    """A hard disk of the data centre: a Seagate Enterprise Capacity of 4 TB unless said otherwise."""
    sound = attributes(
        (5, "Reallocated_Sector_Ct", 100, 0),
        (187, "Reported_Uncorrect", 100, 0),
        (197, "Current_Pending_Sector", 100, 0),
        (198, "Offline_Uncorrectable", 100, 0),
    )
    wwn = f"5000c500{serial.encode().hex()[-8:]}"
    members: dict[str, Any] = {"wwn": wwn, "rotational": True, "physical": 4096, "smart": sound, "revision": "TN03"}
    return Drive("ata", model, serial, size, **{**members, **more})


def sas_hdd(serial: str, *, model: str = "ST8000NM0075", size: int = 8_001_563_222_016, **more: Any) -> Drive:
    """A SAS hard disk: a Seagate Enterprise Capacity of 8 TB unless said otherwise."""
    counters = {kind: {"total_uncorrected_errors": 0} for kind in ("read", "write", "verify")}
    smart = {"scsi_grown_defect_list": 0, "scsi_error_counter_log": counters}
    wwn = f"5000c500{serial.encode().hex()[-8:]}"
    members: dict[str, Any] = {"wwn": wwn, "vendor": "SEAGATE", "rotational": True, "physical": 4096, "smart": smart}
    return Drive("scsi", model, serial, size, **{**members, **more})


def sata_ssd(serial: str, *, model: str = "INTEL SSDSC2BB480G7", size: int = 480_103_981_056, **more: Any) -> Drive:
    """A SATA SSD: an Intel DC S3520 of 480 GB unless said otherwise."""
    wear = attributes((5, "Reallocated_Sector_Ct", 100, 0), (233, "Media_Wearout_Indicator", 97, 0))
    wwn = f"55cd2e41{serial.encode().hex()[-8:]}"
    members: dict[str, Any] = {"wwn": wwn, "physical": 4096, "smart": wear, "revision": "N2010121"}
    return Drive("ata", model, serial, size, **{**members, **more})


def nvme(serial: str, *, model: str, size: int, used: int = 2, **more: Any) -> Drive:
    """An NVMe SSD. Data centre models report no volatile write cache."""
    wwn = f"0025{serial.encode().hex()[-12:]}"
    members: dict[str, Any] = {"wwn": wwn, "smart": nvme_log(used=used), "cache": "write through", "revision": "GDC5"}
    return Drive("nvme", model, serial, size, **{**members, **more})


def volume(serial: str, *, vendor: str, model: str, size: int, **more: Any) -> Drive:
    """A RAID controller's logical volume, of whose disks smartctl says nothing unless told their numbers."""
    members: dict[str, Any] = {"vendor": vendor, "rotational": True, "smart": None, "cache": "write through"}
    return Drive("scsi", model, serial, size, wwn=f"6{serial.lower()}", **{**members, **more})
