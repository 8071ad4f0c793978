"""Disks and their partitions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trebol_common.medium import LIVE_MEDIUM
from trebol_hardware.machine import SECTORS, ZFS_MEMBER, Content, Disk, Partition
from trebol_hardware.probe import emmc, mounts
from trebol_hardware.probe.contents import contents, table
from trebol_hardware.probe.identity import by_id_links, by_path_links, is_bmc_media, model, serial, transport, wwn
from trebol_hardware.probe.sysfs import (
    SECTOR,
    count,
    names,
    natural,
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


@dataclass(frozen=True)
class _Sources:
    """What is asked of each device."""

    udev: UdevSource
    mounts: mounts.Mounts


def read(root: Path, udev: UdevSource, mounted: mounts.Mounts | None = None) -> tuple[Disk, ...]:
    """Disks in the order of their names (nvme0n1, sda, sdz, sdaa), as the kernel and udev know them.

    No CD drives, floppies, empty card readers, virtual devices (loop, ram, zram, dm, md, nbd) nor paths behind an
    NVMe multipath device.
    """
    sources = _Sources(udev, mounted or mounts.read(root))
    folder = root / "sys/block"
    return tuple(sorted((_disk(path, sources) for path in _devices(folder)), key=lambda disk: natural(disk.name)))


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
    content = (*table(properties), *contents(properties, path))
    mountpoints = _mountpoints(path, name, content, sources)
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
        content=content,
        partitions=partitions,
        mountpoints=mountpoints,
        health=emmc.wear(path / "device") if transport(path) == "mmc" else None,
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
    content = contents(sources.udev.properties("block", name), path)
    return Partition(
        name=name,
        number=read_count(path / "partition") or 0,
        start=_bytes(path / "start"),
        size=_bytes(path / "size"),
        content=content,
        mountpoints=_mountpoints(path, name, content, sources),
        holders=tuple(names(path / "holders")),
    )


def _mountpoints(path: Path, name: str, content: tuple[Content, ...], sources: _Sources) -> tuple[str, ...]:
    """Where a device is mounted, also as a member of a ZFS pool, whose file systems name no device."""
    pools = (held.member_of for held in content if held.kind == ZFS_MEMBER and held.member_of)
    in_pools = (point for pool in pools for point in sources.mounts.of_pool(pool))
    return tuple(sorted({*sources.mounts.of(read_text(path / "dev"), name), *in_pools}))
