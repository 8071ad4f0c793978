"""USB sticks as lsblk tells of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"


def part(name: str, fstype: str | None = "vfat", *, parttype: str | None = "0xc", at: str | None = None) -> Any:
    """A partition, mounted at `at`."""
    return {
        "name": name, "path": f"/dev/{name}", "type": "part", "tran": None, "rm": True, "ro": False, "size": 8 << 30,
        "fstype": fstype, "parttype": parttype, "vendor": None, "model": None, "mountpoints": [at],
    }  # fmt: skip


def disk(name: str, *children: Mapping[str, Any], **others: Any) -> dict[str, Any]:
    """A stick, or with other members what is none."""
    made = {
        **part(name, None, parttype=None), "type": "disk", "tran": "usb", "vendor": "SanDisk ", "model": "Ultra",
        **others,
    }  # fmt: skip
    return {**made, "children": list(children)} if children else made


def listing(*disks: Mapping[str, Any]) -> str:
    """What lsblk prints."""
    return json.dumps({"blockdevices": disks})


SYSTEM = disk("sda", part("sda1"), tran="sata", rm=False)
