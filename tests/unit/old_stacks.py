"""Disks with old contents, and the volumes on them, for tests of the teardown."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.answer_files import GIB, made_machine

from trebol_hardware.machine import Content, Disk, Machine, Partition, Volume, VolumeKind

#: UUIDs of two volume groups, as lvm2 writes them.
GROUP = "AbCdEf-0123-4567-89aB-CDEF-GHIJ-KLMNOP"
OTHER_GROUP = "ZbCdEf-0123-4567-89aB-CDEF-GHIJ-KLMNOP"

MD_UUID = "a1b2c3d4-e5f6-0718-293a-4b5c6d7e8f90"


def disk(name: str, *partitions: Partition, content: tuple[Content, ...] = (), size: int = 40 * GIB) -> Disk:
    """A disk with the serial number and by-id link "d…"."""
    held = content or ((Content("gpt"),) if partitions else ())
    return Disk(
        name, size, serial=f"d{name[-1]}", by_id=(f"virtio-d{name[-1]}",), content=held, partitions=partitions
    )


def part(disk: str, number: int, *content: Content, mounted: tuple[str, ...] = ()) -> Partition:
    """Partition `number` of a disk, 1 GiB each, one after the other."""
    return Partition(f"{disk}{number}", number, 2**20 + (number - 1) * GIB, GIB, content, mounted)


def logical(
    name: str,
    called: str,
    *below: str,
    uuid: str = GROUP,
    mounted: tuple[str, ...] = (),
    content: tuple[Content, ...] = (),
) -> Volume:
    """A logical volume: `called` "trebol/root"."""
    group, volume = called.split("/")
    return Volume(
        name,
        VolumeKind.LVM,
        f"/dev/mapper/{group}-{volume}",
        GIB,
        below,
        group,
        mapper_uuid(uuid, name),
        content,
        mounted,
    )


def mapper_uuid(group: str, name: str) -> str:
    """device-mapper's UUID of a logical volume in the group with this UUID."""
    return f"LVM-{group.replace('-', '')}{name.replace('-', 'x'):0<32}"


def member(group: str, uuid: str = GROUP) -> Content:
    """The signature of a physical volume."""
    return Content("LVM2_member", uuid=f"pv of {group}", member_of=group, group_uuid=uuid)


def raid_member(name: str = "old:0", uuid: str = MD_UUID) -> Content:
    """The signature of a member of an array."""
    return Content("linux_raid_member", name, uuid, name, uuid)


def array(name: str, *below: str, size: int = GIB, uuid: str = MD_UUID, content: tuple[Content, ...] = ()) -> Volume:
    """An md array."""
    return Volume(name, VolumeKind.RAID, f"/dev/{name}", size, below, uuid=uuid, content=content)


def crypt(name: str, *below: str, content: tuple[Content, ...] = (), mounted: tuple[str, ...] = ()) -> Volume:
    """An opened LUKS container."""
    path, uuid = f"/dev/mapper/luks-{name}", f"CRYPT-LUKS2-0-luks-{name}"
    return Volume(name, VolumeKind.CRYPT, path, GIB, below, uuid=uuid, content=content, mountpoints=mounted)


def machine_of(*disks: Disk, volumes: tuple[Volume, ...] = ()) -> Machine:
    """A machine of these disks and volumes."""
    return replace(made_machine(*disks), volumes=volumes)
