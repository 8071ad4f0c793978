"""Disks and their partitions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from trebol_common.medium import LIVE_MEDIUM
from trebol_common.run import Runner
from trebol_hardware.machine import LVM_MEMBER, SECTORS, Content, Disk, Partition
from trebol_hardware.probe import lvm, mounts
from trebol_hardware.probe.health import NO_ANSWER
from trebol_hardware.probe.identity import by_id_links, by_path_links, is_bmc_media, model, serial, transport, wwn
from trebol_hardware.probe.signatures import unseen_by_udev
from trebol_hardware.probe.sysfs import (
    SECTOR,
    count,
    names,
    pci_above,
    read_count,
    read_flag,
    read_int,
    read_text,
    real_path,
)
from trebol_hardware.probe.udev import UdevSource

#: Kernel's devices.txt: floppy disks, CD drives.
_NO_DISKS = frozenset({"2", "11"})

_HEX_ESCAPE = re.compile(rb"\\x([0-9a-fA-F]{2})")


@dataclass(frozen=True)
class _Sources:
    """What is asked of each device."""

    udev: UdevSource
    mounts: mounts.Mounts


def read(root: Path, udev: UdevSource) -> tuple[Disk, ...]:
    """Disks in the order of their names (nvme0n1, sda, sdz, sdaa), as the kernel and udev know them.

    No CD drives, floppies, empty card readers, virtual devices (loop, ram, zram, dm, md, nbd) nor paths behind an
    NVMe multipath device.
    """
    sources = _Sources(udev, mounts.read(root))
    folder = root / "sys/block"
    return tuple(sorted((_disk(path, sources) for path in _devices(folder)), key=lambda disk: _natural(disk.name)))


def looked_into(disks: tuple[Disk, ...], runner: Runner) -> tuple[Disk, ...]:
    """`disks` with what only reading them tells: names of volume groups, by one pvs where there is a physical
    volume, and what wipefs finds on those that look empty.

    Not read are those that `health` says are asleep, which reading would wake, or do not answer, for which it would
    wait for minutes.
    """
    awake = [disk for disk in disks if not _is_silent(disk)]
    members = [device for disk in awake for device in _physical_volumes(disk)]
    groups = lvm.volume_groups(runner, only=members if len(awake) < len(disks) else ()) if members else {}
    found = unseen_by_udev(runner)([disk.name for disk in awake if not disk.content and not disk.partitions])
    return tuple(
        replace(disk, content=found[disk.name]) if disk.name in found else _with_groups(disk, groups)
        for disk in disks
    )


def _is_silent(disk: Disk) -> bool:
    return disk.health is not None and (disk.health.asleep or disk.health.unknown == NO_ANSWER)


def _physical_volumes(disk: Disk) -> Iterator[str]:
    devices: tuple[Disk | Partition, ...] = (disk, *disk.partitions)
    for device in devices:
        if any(content.kind == LVM_MEMBER for content in device.content):
            yield f"/dev/{device.name}"


def _devices(folder: Path) -> Iterator[Path]:
    """The sysfs folders of real disks.

    Virtual devices are told by where they hang in sysfs, not by name. (The head of an NVMe multipath device hangs
    below virtual/nvme-subsystem, so it is kept; its paths are marked hidden.)
    """
    listed = set(names(folder))
    for name in sorted(listed):
        path = folder / name
        real = real_path(path)
        if real.parent.parts[-2:] == ("virtual", "block") or real.parent.name in listed:
            continue  # The second: boot areas of an eMMC, listed beside the disk that they belong to.
        if read_flag(path / "hidden") or read_text(path / "dev").partition(":")[0] in _NO_DISKS:
            continue
        if not _bytes(path / "size"):
            continue
        yield path


def _disk(path: Path, sources: _Sources) -> Disk:
    name = path.name.replace("!", "/")  # sysfs cannot have the slash of cciss/c0d0 in a name.
    properties = sources.udev.properties("block", name)
    links = by_id_links(properties)
    partitions = tuple(
        sorted(
            (_partition(path / child, sources) for child in names(path) if (path / child / "partition").exists()),
            key=lambda partition: partition.number,
        )
    )
    mountpoints = sources.mounts.of(read_text(path / "dev"), name)
    used = {*mountpoints, *(point for partition in partitions for point in partition.mountpoints)}
    return Disk(
        name=name,
        size=_bytes(path / "size"),
        logical_sector=logical if (logical := read_int(path / "queue/logical_block_size")) in SECTORS else SECTOR,
        physical_sector=read_count(path / "queue/physical_block_size") or SECTOR,
        rotational=read_flag(path / "queue/rotational"),
        removable=read_flag(path / "removable"),
        read_only=read_flag(path / "ro"),
        transport=transport(path),
        model=model(path, properties),
        serial=serial(path, properties),
        wwn=wwn(path, properties),
        by_id=links,
        by_path=by_path_links(properties),
        medium=str(LIVE_MEDIUM) in used or is_bmc_media(links),
        content=(*_table(properties), *_contents(properties)),
        partitions=partitions,
        mountpoints=mountpoints,
        holders=tuple(names(path / "holders")),
        udev=properties,
        write_cache=read_text(path / "queue/write_cache"),
        pci=_controller(path),
    )


def _controller(path: Path) -> str:
    """The PCI function that a disk hangs on.

    The head of an NVMe multipath device hangs below no controller; its subsystem links to them.
    """
    real = real_path(path)
    if real.parent.parent.name != "nvme-subsystem":
        return pci_above(path)
    controllers = (pci_above(real.parent / name) for name in names(real.parent) if name != path.name)
    return next((address for address in controllers if address), "")


def _bytes(path: Path) -> int:
    """What an attribute counts in 512-byte units, in bytes; 0 where it holds no such count."""
    return count((read_count(path) or 0) * SECTOR) or 0


def _partition(path: Path, sources: _Sources) -> Partition:
    name = path.name.replace("!", "/")
    return Partition(
        name=name,
        number=read_count(path / "partition") or 0,
        start=_bytes(path / "start"),
        size=_bytes(path / "size"),
        content=_contents(sources.udev.properties("block", name)),
        mountpoints=sources.mounts.of(read_text(path / "dev"), name),
        holders=tuple(names(path / "holders")),
    )


def _table(properties: Mapping[str, str]) -> tuple[Content, ...]:
    """The partition table. Of the disk only: partitions inherit the property."""
    kind = properties.get("ID_PART_TABLE_TYPE")
    return (Content(kind, uuid=properties.get("ID_PART_TABLE_UUID", "")),) if kind else ()


def _contents(properties: Mapping[str, str]) -> tuple[Content, ...]:
    """File system or membership. The label of an array's or pool's member is the name of the array or pool."""
    kind = properties.get("ID_FS_TYPE")
    if not kind:
        return ()
    label = _decode(properties.get("ID_FS_LABEL_ENC", "")) or properties.get("ID_FS_LABEL", "")
    member_of = label if kind in ("linux_raid_member", "zfs_member") else ""
    return (Content(kind, label, properties.get("ID_FS_UUID", ""), member_of),)


def _decode(text: str) -> str:
    """Undo udev's \\xNN escapes; the bytes are UTF-8."""
    return _HEX_ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), text.encode()).decode(errors="replace")


def _with_groups(disk: Disk, groups: Mapping[str, str]) -> Disk:
    def named(contents: tuple[Content, ...]) -> tuple[Content, ...]:
        return tuple(
            replace(content, member_of=groups.get(content.uuid, "")) if content.kind == LVM_MEMBER else content
            for content in contents
        )

    partitions = tuple(replace(partition, content=named(partition.content)) for partition in disk.partitions)
    return replace(disk, content=named(disk.content), partitions=partitions)


def _natural(name: str) -> list[tuple[str, int, str]]:
    """A key that sorts by driver, numbers by value and letters by length: nvme2n1, nvme10n1, sda, sdz, sdaa."""
    return [(part[:2] if part.isalpha() else "", len(part), part) for part in re.split(r"(\d+)", name)]
