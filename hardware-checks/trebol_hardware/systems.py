"""Whose disk it is: the system that a disk seems to belong to, by signs that only that system leaves."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trebol_common.unfinished import PREFIX, UNFINISHED
from trebol_hardware.machine import (
    ARRAY_MEMBER,
    BLUESTORE,
    LUKS,
    LVM_MEMBER,
    ZFS_MEMBER,
    Disk,
    Machine,
    Partition,
    Volume,
)
from trebol_hardware.stack import contents_on, devices, mountpoints_on, volumes_on


@dataclass(frozen=True)
class Entry:
    """A partition's entry in its table, as udev tells it: `type` is a GUID of GPT in lower case or MBR's ("0x7"),
    `name` GPT's, `flags` as they are ("0x80")."""

    type: str = ""
    name: str = ""
    flags: str = ""


@dataclass(frozen=True)
class _Signs:
    """What is looked at: `types` and `names` of partitions; volume `groups`, `pools` and `kinds` of all contents,
    their `labels`; what MBR says to boot; `volumes` by the last part of their path; `mounts`."""

    types: frozenset[str]
    names: frozenset[str]
    groups: frozenset[str]
    pools: frozenset[str]
    kinds: frozenset[str]
    labels: frozenset[str]
    booted: frozenset[str]
    volumes: frozenset[str]
    mounts: frozenset[str]


def system(disk: Disk, entries: Mapping[str, Entry], machine: Machine) -> str:
    """The system whose disk this seems to be, several divided by ", "; empty where nothing tells.

    `entries` are those of its partitions, and of those of volumes on it, by kernel name.
    """
    signs = _signs(disk, entries, machine)
    found = [name for name, tells in _SYSTEMS if tells(signs)]
    if not found and _is_linux(signs):
        return "Linux"
    if found == [WINDOWS] and _is_linux(signs):
        return f"{WINDOWS}, Linux"
    return ", ".join(found)


def _signs(disk: Disk, entries: Mapping[str, Entry], machine: Machine) -> _Signs:
    contents = [content for _name, content in contents_on(disk, machine)]
    own = [entries[device.name] for device in _all(disk, machine) if device.name in entries]
    return _Signs(
        types=frozenset(entry.type for entry in own),
        names=frozenset(entry.name for entry in own),
        groups=frozenset(content.member_of for content in contents if content.kind == LVM_MEMBER),
        pools=frozenset(content.member_of for content in contents if content.kind == ZFS_MEMBER),
        kinds=frozenset(content.kind for content in contents),
        labels=frozenset(content.label.lower() for content in contents if content.kind in _LINUX_ROOTS),
        booted=frozenset(
            content.kind
            for device in _all(disk, machine)
            if _is_active(entries.get(device.name, Entry()))
            for content in device.content
        ),
        volumes=frozenset(volume.path.rpartition("/")[2] for volume in volumes_on(disk, machine)),
        mounts=frozenset(mountpoints_on(disk, machine)),
    )


def _all(disk: Disk, machine: Machine) -> tuple[Disk | Partition | Volume, ...]:
    """Arrays of firmware (Intel RST) have partition tables too."""
    return (*devices(disk), *volumes_on(disk, machine))


def _is_active(entry: Entry) -> bool:
    """Whether MBR says to boot from a partition. GPT's flags mean other things."""
    return entry.type.startswith("0x") and entry.flags == "0x80"


#: Types of GPT (UEFI Specification 5.3.3; Wikipedia: GUID Partition Table) and MBR, by whose they are.
_ESP = frozenset({"c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "0xef"})
_BIOS_BOOT = "21686148-6449-6e6f-744e-656564454649"
_ZFS = "6a898cc3-1dd2-11b2-99a6-080020736631"
_WINDOWS = frozenset(
    {
        "e3c9e316-0b5c-4db8-817d-f92df00215ae",  # Microsoft reserved
        "de94bba4-06d1-4d40-a16a-bfd50179d6ac",  # recovery
        "5808c8aa-7e8f-42e0-85d2-e1e90434cfb3",  # LDM metadata
        "af9b60a0-1431-4f62-bc68-3311714a69ad",  # LDM data
        "e75caf8f-f680-4cee-afa3-b001e56efc2d",  # Storage Spaces
        "0x27",  # recovery
        "0x42",  # LDM
    }
)
_ESXI = frozenset(
    {
        "aa31e02a-400f-11db-9590-000c2911d1b8",  # VMFS
        "9d275380-40ad-11db-bf97-000c2911d1b8",  # vmkDiagnostic
        "9198effc-31c0-11db-8f78-000c2911d1b8",  # reserved
        "4eb2ea39-7855-4790-a79e-fae495e21f8d",  # VMFS-L, OSDATA
        "0xfb",
        "0xfc",
    }
)
_CEPH = frozenset(
    {
        "4fbd7e29-9d25-41b8-afd0-062c0ceff05d",  # ceph-disk: data
        "45b0969e-9b03-4f30-b4c6-b4b80ceff106",  # journal
        "30cd0809-c2b2-499c-8879-2d6b78529876",  # block.db
        "5ce17fce-4087-4169-b7ff-056cc58473f9",  # block.wal
        "cafecafe-9b03-4f30-b4c6-b4b80ceff106",  # block
    }
)
_FREEBSD = frozenset(
    {
        "516e7cb4-6ecf-11d6-8ff8-00022d09712b",  # disklabel
        "83bd6b9d-7f41-11dc-be0b-001560b84f0f",  # boot
        "516e7cb5-6ecf-11d6-8ff8-00022d09712b",  # swap
        "516e7cb6-6ecf-11d6-8ff8-00022d09712b",  # UFS
        "516e7cba-6ecf-11d6-8ff8-00022d09712b",  # ZFS
        "0xa5",
    }
)
_MACOS = frozenset(
    {
        "7c3457ef-0000-11aa-aa11-00306543ecac",  # APFS
        "48465300-0000-11aa-aa11-00306543ecac",  # HFS+
        "53746f72-6167-11aa-aa11-00306543ecac",  # Core Storage
        "0xaf",
    }
)
#: Of the UAPI Group's Discoverable Partitions Specification: root of x86-64, x86, 64-bit ARM.
_LINUX = frozenset(
    {
        "4f68bce3-e8cd-4db1-96e7-fbcaf984b709",
        "44479540-f297-41b2-9af7-d131d5f0458a",
        "b921b045-1df0-41c3-af44-4c6f280d3fae",
    }
)

_LINUX_ROOTS = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "reiserfs"})
#: What the root file system may lie in.
_AROUND_ROOTS = frozenset({LVM_MEMBER, LUKS, ARRAY_MEMBER})
_ROOT_LABELS = frozenset({"/", "root", "rootfs", "cloudimg-rootfs"})
_ROOT_VOLUME = re.compile(r".*[^-]-(lv_?)?(root|ubuntu--lv)")

WINDOWS = "Windows"
TREBOL = "Trebol"
#: Nothing has ever run from this disk since it was blank, or its loss was confirmed.
UNFINISHED_TREBOL = "an installation of Trebol that did not end"


def _is_unfinished(signs: _Signs) -> bool:
    """All partitions are of one installation that began and did not end."""
    return UNFINISHED in signs.names and all(name.startswith(PREFIX) for name in signs.names)


def _is_trebol(signs: _Signs) -> bool:
    named = any(name.startswith(PREFIX) for name in signs.names)
    return ("trebol" in signs.groups or named) and not _is_unfinished(signs)


def _is_proxmox(signs: _Signs) -> bool:
    """Its installer names no partitions; Trebol's names each."""
    on_zfs = "rpool" in signs.pools and {_BIOS_BOOT, _ZFS} <= signs.types and bool(signs.types & _ESP)
    return "pve" in signs.groups or (on_zfs and signs.names == {""})


def _is_osd(signs: _Signs) -> bool:
    by_group = any(re.fullmatch("ceph-[0-9a-f-]{36}", group) for group in signs.groups)
    return BLUESTORE in signs.kinds or by_group or bool(signs.types & _CEPH)


def _is_windows(signs: _Signs) -> bool:
    by_kind = "BitLocker" in signs.kinds or "ntfs" in signs.booted
    return by_kind or bool(signs.types & _WINDOWS)


def _is_nas(signs: _Signs) -> bool:
    return bool(signs.types & _FREEBSD or signs.pools & {"boot-pool", "freenas-boot"})


def _is_linux(signs: _Signs) -> bool:
    """A root file system by its type or name, or something that could be one beside what boots it."""
    boots = _BIOS_BOOT in signs.types or bool(signs.types & _ESP)
    return (
        bool(signs.types & _LINUX or signs.labels & _ROOT_LABELS or signs.booted & _LINUX_ROOTS)
        or any(_ROOT_VOLUME.fullmatch(name) for name in signs.volumes)
        or "/" in signs.mounts
        or (boots and bool(signs.kinds & (_LINUX_ROOTS | _AROUND_ROOTS)))
    )


_SYSTEMS: tuple[tuple[str, Callable[[_Signs], bool]], ...] = (
    (TREBOL, _is_trebol),
    (UNFINISHED_TREBOL, _is_unfinished),
    ("Proxmox VE", _is_proxmox),
    ("Ceph OSD", _is_osd),
    ("VMware ESXi", lambda signs: bool(signs.types & _ESXI or "VMFS_volume_member" in signs.kinds)),
    (WINDOWS, _is_windows),
    ("FreeBSD/TrueNAS", _is_nas),
    ("macOS", lambda signs: bool(signs.types & _MACOS)),
)
