"""Volumes: the block devices that the kernel makes of others, by sysfs and udev."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from trebol_hardware.machine import Volume, VolumeKind
from trebol_hardware.probe import mounts
from trebol_hardware.probe.contents import bcache_set, contents, dashed, table
from trebol_hardware.probe.sysfs import SECTOR, count, names, natural, read_count, read_text
from trebol_hardware.probe.udev import UdevSource

#: Prefixes of device-mapper's UUIDs, set by the tools that make such devices: lvm2, cryptsetup, multipath-tools and
#: dmraid. kpartx' partitions ("part1-mpath-…") are of no kind of their own.
_DEVICE_MAPPER = (
    ("LVM-", VolumeKind.LVM),
    ("CRYPT-", VolumeKind.CRYPT),
    ("mpath-", VolumeKind.MULTIPATH),
    ("DMRAID-", VolumeKind.RAID),
)

#: A hyphen that stands alone divides group, volume and layer; those inside of a name are doubled (lvm(8)).
_SINGLE_HYPHEN = re.compile("(?<!-)(?:--)*-(?!-)")


def read(root: Path, udev: UdevSource, mounted: mounts.Mounts) -> tuple[Volume, ...]:
    """Active volumes in the order of their names (bcache0, dm-2, dm-10, md127, md127p1).

    Loop, RAM and network devices are none. An md node that no array belongs to is left out.
    """
    folder = root / "sys/block"
    found = (volume for name in names(folder) for volume in _volumes(folder / name, udev, mounted))
    return tuple(sorted(found, key=lambda volume: natural(volume.name)))


def lvm_name(group: str, volume: str) -> str:
    """device-mapper's name of a logical volume."""
    return f"{group.replace('-', '--')}-{volume.replace('-', '--')}"


def _volumes(path: Path, udev: UdevSource, mounted: mounts.Mounts) -> Iterator[Volume]:
    """The volume whose folder in sysfs is `path`, with its partitions; nothing where it is no volume."""
    name = path.name
    below = tuple(slave.replace("!", "/") for slave in names(path / "slaves"))
    properties = udev.properties("block", name)
    if (path / "dm").is_dir():
        yield _mapped(path, below, properties, mounted)
        return
    if (path / "md").is_dir():
        if not below:
            return
        kind, uuid = VolumeKind.RAID, dashed(read_text(path / "md/uuid") or properties.get("MD_UUID", ""))
    elif name.startswith("bcache") and (path / "bcache").is_dir():
        kind, uuid = VolumeKind.BCACHE, bcache_set(path)
    else:
        return
    yield Volume(
        name=name,
        kind=kind,
        path=f"/dev/{name}",
        size=_bytes(path),
        below=below,
        uuid=uuid,
        content=(*table(properties), *contents(properties, path)),
        mountpoints=mounted.of(read_text(path / "dev"), name),
    )
    for child in names(path):
        if (path / child / "partition").exists():
            inside = udev.properties("block", child)
            yield Volume(
                name=child,
                kind=VolumeKind.OTHER,
                path=f"/dev/{child}",
                size=_bytes(path / child),
                below=(name,),
                content=contents(inside, path / child),
                mountpoints=mounted.of(read_text(path / child / "dev"), child),
            )


def _mapped(path: Path, below: tuple[str, ...], properties: Mapping[str, str], mounted: mounts.Mounts) -> Volume:
    """A device of device-mapper."""
    name, uuid = read_text(path / "dm/name"), read_text(path / "dm/uuid")
    kind = next((kind for prefix, kind in _DEVICE_MAPPER if uuid.startswith(prefix)), VolumeKind.OTHER)
    return Volume(
        name=path.name,
        kind=kind,
        path=f"/dev/mapper/{name}" if name else f"/dev/{path.name}",
        size=_bytes(path),
        below=below,
        group=_group(name) if kind is VolumeKind.LVM else "",
        uuid=uuid,
        content=(*table(properties), *contents(properties, path)),
        mountpoints=mounted.of(read_text(path / "dev"), path.name, f"mapper/{name}"),
    )


def _group(name: str) -> str:
    """The volume group in device-mapper's name of a logical volume: "my--vg-root" → "my-vg"."""
    divider = _SINGLE_HYPHEN.search(name)
    return name[: divider.end() - 1].replace("--", "-") if divider else ""


def _bytes(path: Path) -> int:
    return count((read_count(path / "size") or 0) * SECTOR) or 0
