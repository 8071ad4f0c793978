"""What udev knows of the contents of a device: its partition table, its file system, what it is a member of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from trebol_hardware.machine import ARRAY_MEMBER, ARRAY_MEMBERS, BCACHE, LVM_MEMBER, ZFS_MEMBER, Content
from trebol_hardware.probe.sysfs import count, link_name, to_count

#: Members whose blkid UUID is that of what they belong to, not their own.
_UUID_OF_GROUP = ARRAY_MEMBERS | {ZFS_MEMBER}

#: Members whose label is the name of what they belong to.
_LABEL_OF_GROUP = frozenset({ARRAY_MEMBER, ZFS_MEMBER})

_HEX_ESCAPE = re.compile(rb"\\x([0-9a-fA-F]{2})")

_UUID = re.compile(r"([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})")


def table(properties: Mapping[str, str]) -> tuple[Content, ...]:
    """The partition table. Of whole devices only: partitions inherit the property."""
    kind = properties.get("ID_PART_TABLE_TYPE")
    return (Content(kind, uuid=properties.get("ID_PART_TABLE_UUID", "")),) if kind else ()


def contents(properties: Mapping[str, str], path: Path | None = None) -> tuple[Content, ...]:
    """File system or membership. `path` is the device's folder in sysfs, where bcache tells its set while it runs.

    The group of an LVM member and the numbers of an OSD stand on the disk alone: `trebol_hardware.probe.inside`.
    """
    kind = properties.get("ID_FS_TYPE")
    if not kind:
        return ()
    label = _decode(properties.get("ID_FS_LABEL_ENC", "")) or properties.get("ID_FS_LABEL", "")
    uuid = properties.get("ID_FS_UUID", "")
    group_uuid = uuid if kind in _UUID_OF_GROUP else ""
    if kind == BCACHE and path is not None:
        group_uuid = bcache_set(path)
    return (
        Content(
            kind,
            label,
            uuid,
            member_of=label if kind in _LABEL_OF_GROUP else "",
            group_uuid=group_uuid,
            size=_size(properties) if kind not in (LVM_MEMBER, *_UUID_OF_GROUP) else None,
        ),
    )


def bcache_set(path: Path) -> str:
    """The UUID of the cache set that a running member of bcache is attached to: sysfs links to its folder."""
    return link_name(path / "bcache/cache") or link_name(path / "bcache/set")


def dashed(uuid: str) -> str:
    """A UUID in the form of RFC 9562, whatever stood between its digits (mdadm writes four groups of eight)."""
    digits = re.sub("[^0-9a-f]", "", uuid.lower())
    return "-".join(match.groups()) if (match := _UUID.fullmatch(digits)) else uuid


def _size(properties: Mapping[str, str]) -> int | None:
    """Size of a file system: what it can hold where blkid tells that, else how far it reaches."""
    if size := to_count(properties.get("ID_FS_SIZE", "")):
        return size
    blocks, of = (to_count(properties.get(key, "")) for key in ("ID_FS_LASTBLOCK", "ID_FS_BLOCKSIZE"))
    return count(blocks * of) if blocks and of else None


def _decode(text: str) -> str:
    """Undo udev's \\xNN escapes; the bytes are UTF-8."""
    return _HEX_ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), text.encode()).decode(errors="replace")
