"""What lies on the disks of recorded machines: partition tables, file systems, members, volumes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.machines.recorder import MIB, Recorder

#: Types of GPT's partitions.
BIOS_BOOT = "21686148-6449-6e6f-744e-656564454649"
ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
LINUX = "0fc63daf-8483-4772-8e79-3d69d8477de4"
LVM = "e6d6d379-f507-44c2-a23c-238f2a3df928"
RAID = "a19d880f-05fc-4d3b-a006-743f0f84911e"
ZFS = "6a898cc3-1dd2-11b2-99a6-080020736631"
ZFS_RESERVED = "6a945a3b-1dd2-11b2-99a6-080020736631"
FREEBSD_SWAP = "516e7cb5-6ecf-11d6-8ff8-00022d09712b"
FREEBSD_ZFS = "516e7cba-6ecf-11d6-8ff8-00022d09712b"
MICROSOFT_RESERVED = "e3c9e316-0b5c-4db8-817d-f92df00215ae"
MICROSOFT_DATA = "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"
MICROSOFT_RECOVERY = "de94bba4-06d1-4d40-a16a-bfd50179d6ac"
VMFS = "aa31e02a-400f-11db-9590-000c2911d1b8"
VMFS_L = "4eb2ea39-7855-4790-a79e-fae495e21f8d"


@dataclass(frozen=True)
class Part:
    """A partition of `size` in MiB; `udev` is what blkid found in it, `data` its first bytes where they are read."""

    size: int
    type: str
    udev: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    flags: str = ""
    mount: str = ""
    data: bytes = b""


def file_system(kind: str, uuid: str, label: str = "", *, size: int = 0) -> dict[str, str]:
    """udev's properties of a file system with so many bytes."""
    found = {"ID_FS_TYPE": kind, "ID_FS_USAGE": "filesystem", "ID_FS_UUID": uuid, "ID_FS_UUID_ENC": uuid}
    if label:
        found |= {"ID_FS_LABEL": label.replace(" ", "_"), "ID_FS_LABEL_ENC": label.replace(" ", r"\x20")}
    if size:
        found |= {"ID_FS_SIZE": str(size), "ID_FS_BLOCKSIZE": "4096", "ID_FS_LASTBLOCK": str(size // 4096)}
    return found


def member(kind: str, uuid: str, label: str = "", *, sub: str = "") -> dict[str, str]:
    """udev's properties of a member of something; `sub` is its own number where `uuid` is that of the whole."""
    found = {"ID_FS_TYPE": kind, "ID_FS_USAGE": "raid", "ID_FS_UUID": uuid, "ID_FS_UUID_ENC": uuid}
    if label:
        found |= {"ID_FS_LABEL": label, "ID_FS_LABEL_ENC": label}
    return found | ({"ID_FS_UUID_SUB": sub, "ID_FS_UUID_SUB_ENC": sub} if sub else {})


def partitions(machine: Recorder, disk: str, *parts: Part, table: str = "gpt") -> None:
    """A partition table with these partitions, one after another from the first MiB on."""
    system = machine.system
    device = disk.replace("!", "/")
    system.udev.table["block", device] |= {"ID_PART_TABLE_TYPE": table, "ID_PART_TABLE_UUID": _uuid(disk)}
    folder = system.folder(disk)
    start = MIB
    for number, part in enumerate(parts, start=1):
        name = f"{disk}{'p' if disk[-1].isdigit() else ''}{number}"
        dev = f"259:{1000 + len(list((system.root / 'sys/block').glob('*/*/partition')))}"
        entry = {"NUMBER": str(number), "TYPE": part.type, "SCHEME": table, "NAME": part.name, "FLAGS": part.flags}
        udev = {
            "DEVNAME": f"/dev/{name.replace('!', '/')}",
            "DEVTYPE": "partition",
            "ID_PART_TABLE_TYPE": table,
            **{f"ID_PART_ENTRY_{key}": value for key, value in entry.items() if value},
            **part.udev,
        }
        system.partition(folder, name, number, start=start // 512, sectors=part.size * MIB // 512, dev=dev)
        system.udev.table["block", name.replace("!", "/")] = udev
        _filled(machine, name, dev, part.data, part.mount, part.udev)
        start += part.size * MIB


def whole(machine: Recorder, disk: str, udev: Mapping[str, str], data: bytes = b"") -> None:
    """Something on a whole disk."""
    machine.system.udev.table["block", disk] |= udev
    if data:
        machine.system.write(f"dev/{disk}", data)


def mapped(
    machine: Recorder,
    number: int,
    name: str,
    uuid: str,
    below: Sequence[str],
    *,
    size: int,
    udev: Mapping[str, str] | None = None,
    data: bytes = b"",
    mount: str = "",
) -> None:
    """A device of device-mapper, /dev/dm-`number`, of so many MiB."""
    kernel, dev = f"dm-{number}", f"253:{number}"
    properties = {"DEVNAME": f"/dev/{kernel}", "DM_NAME": name, "DM_UUID": uuid, **(udev or {})}
    machine.system.volume(
        kernel,
        below,
        sectors=size * MIB // 512,
        number=dev,
        attributes={"dm/name": name, "dm/uuid": uuid, "dm/suspended": "0"},
        udev=properties,
    )
    _filled(machine, kernel, dev, data, mount, udev or {}, source=f"mapper/{name}")


def array(
    machine: Recorder,
    number: int,
    level: str,
    uuid: str,
    below: Sequence[str],
    *,
    size: int,
    udev: Mapping[str, str] | None = None,
) -> None:
    """An md array, /dev/md`number`, of so many MiB; `uuid` as mdadm writes it."""
    properties = {"MD_LEVEL": level, "MD_UUID": uuid, "MD_DEVICES": str(len(below)), **(udev or {})}
    machine.system.volume(
        f"md{number}",
        below,
        sectors=size * MIB // 512,
        number=f"9:{number}",
        attributes={"md/level": level, "md/array_state": "clean"},
        udev=properties,
    )


def physical_volumes(machine: Recorder, *rows: Mapping[str, str]) -> None:
    """What pvs --segments says."""
    empty = {"pv_uuid": "", "vg_name": "", "vg_uuid": "", "lv_name": "", "lv_tags": ""}
    report = json.dumps({"report": [{"pvseg": [{**empty, **row} for row in rows]}]})
    machine.answer("pvs", "pv_uuid,vg_name,vg_uuid,lv_name,lv_tags", report)


def _filled(
    machine: Recorder,
    name: str,
    dev: str,
    data: bytes,
    mount: str,
    udev: Mapping[str, str],
    *,
    source: str = "",
) -> None:
    if data:
        machine.system.write(f"dev/{name.replace('!', '/')}", data)
    if mount:
        machine.system.mount(dev, mount, f"/dev/{source or name}", udev.get("ID_FS_TYPE", "ext4"))


def _uuid(name: str) -> str:
    digits = name.encode().hex().rjust(32, "0")[-32:]
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
