"""Machines for properties, as hypothesis draws them: disks that hold anything, and what stands on them.

`old_machines` and `nodes` are what the kernel could show: each volume has its signature on all that is below it.
`tangled_machines` have any volume on anything, and contents that know nothing of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from hypothesis import strategies as st
from tests.unit.answer_files import GIB, made_machine
from tests.unit.old_stacks import (
    GROUP,
    OTHER_GROUP,
    array,
    crypt,
    disk,
    logical,
    machine_of,
    mapper_uuid,
    member,
    raid_member,
)

from trebol_hardware.machine import (
    SWAP,
    Content,
    Disk,
    Firmware,
    FirmwareMode,
    Machine,
    Partition,
    Volume,
    VolumeKind,
)
from trebol_hardware.stack import devices
from trebol_installer.stacked import reference
from trebol_installer.steps import Held, PartitionRef

MIB = 1024**2

#: The certificate that the modules of the medium are signed with, where a machine may know it.
MODULE_KEY = "ab" * 32

NAMES = st.sampled_from(["", "a", "a\nb", "\x1b[2J", "ñ" * 30, "word " * 12, "x-" * 30])
KINDS = st.sampled_from(
    ["ext4", "LVM2_member", "linux_raid_member", "zfs_member", "bcache", "btrfs", "ceph_bluestore"]
)
CONTENTS = st.lists(
    st.builds(Content, KINDS, NAMES, st.sampled_from(["", "u1", "u2"]), NAMES, st.sampled_from(["", "g1", "g2"])),
    max_size=2,
).map(tuple)
POINTS = st.lists(st.sampled_from(["/mnt", "/mnt/a", "/media/b", "/srv", SWAP]), max_size=1).map(tuple)


@st.composite
def tangled_machines(draw: st.DrawFn) -> Machine:
    """Disks, and volumes on whatever there is, in any order."""
    disks = []
    for letter in "abcd"[: draw(st.integers(1, 4))]:
        numbers = range(1, draw(st.integers(0, 3)) + 1)
        partitions = [Partition(f"sd{letter}{n}", n, n * GIB, GIB, draw(CONTENTS), draw(POINTS)) for n in numbers]
        disks.append(disk(f"sd{letter}", *partitions, content=draw(CONTENTS)))
    names = [name for each in disks for name in (each.name, *(inside.name for inside in each.partitions))]
    volumes: list[Volume] = []
    for number in range(draw(st.integers(0, 8))):
        kind: VolumeKind = draw(st.sampled_from(VolumeKind))
        group = draw(st.sampled_from([GROUP, OTHER_GROUP]))
        volumes.append(
            Volume(
                name=f"dm-{number}",
                kind=kind,
                path=f"/dev/mapper/{number}{draw(NAMES)}",
                size=draw(st.sampled_from([0, GIB])),
                below=tuple(draw(st.lists(st.sampled_from(tuple(names)), min_size=1, max_size=3, unique=True))),
                group=f"vg {group[0]}" if kind is VolumeKind.LVM else "",
                uuid=mapper_uuid(group, str(number)) if kind is VolumeKind.LVM else draw(st.sampled_from(["", "u"])),
                content=draw(CONTENTS),
                mountpoints=draw(POINTS),
            )
        )
        names.append(f"dm-{number}")
    return machine_of(*disks, volumes=tuple(draw(st.permutations(volumes))))


@dataclass(frozen=True)
class Stacked:
    """What stands on `width` devices: `layers` of volumes from below, then `top` on each of the uppermost.

    The devices are partitions of one disk after the other, from the disk numbered `first` on, or with `whole` the
    disks themselves. Unless `active`, nobody opened the lowest layer. `point` is where the top is mounted, where it
    can be.
    """

    layers: tuple[str, ...]
    top: str
    first: int = 0
    width: int = 1
    whole: bool = False
    active: bool = True
    point: str = ""
    group: str = ""


_LAYERS = ("lvm", "lvm", "raid", "raid", "crypt", "bcache", "bcache", "fake-raid", "partition", "other", "map")
_TOPS = ("ext4", "xfs", "swap", "osd", "osd", "osd", "pool", "pool", "pool", "btrfs", "old label", "nothing")
_MOUNTS = ("", "", "/mnt", "/mnt/a", "/media/b", "/srv/c", "/mnt", "/media/b", "/run/trebol/target", "/")

STACKED = st.builds(
    Stacked,
    layers=st.lists(st.sampled_from(_LAYERS), max_size=3).map(tuple),
    top=st.sampled_from(_TOPS),
    first=st.sampled_from([0, 0, 1, 2]),
    width=st.sampled_from([1, 1, 1, 2, 3, 6]),
    whole=st.sampled_from([False, False, False, True]),
    active=st.sampled_from([True, True, False]),
    point=st.sampled_from(_MOUNTS),
    group=st.sampled_from(["old", "old", "trebol"]),
)


class _Devices:
    """Contents, mount points and volumes of a machine that is being made, by the kernel's names of devices."""

    def __init__(self) -> None:
        self.contents = defaultdict[str, list[Content]](list)
        self.mounted = defaultdict[str, list[str]](list)
        self.made: list[Volume] = []
        self._numbers = count(1)

    def put(self, stacked: Stacked, members: Sequence[str]) -> None:
        """Let `stacked` stand on these devices."""
        for layer in stacked.layers:
            opened = self._layer(layer, members, stacked)
            if not stacked.active:
                return
            members = opened
        self._top(stacked, members)

    def volumes(self) -> tuple[Volume, ...]:
        return tuple(
            replace(each, content=tuple(self.contents[each.name]), mountpoints=tuple(self.mounted[each.name]))
            for each in self.made
        )

    def holders(self, name: str) -> tuple[str, ...]:
        return tuple(each.name for each in self.made if name in each.below)

    def _layer(self, layer: str, below: Sequence[str], stacked: Stacked) -> list[str]:
        """Write a layer's signatures, and open it. Returns the volumes, or `below` where it cannot stand there."""
        number = next(self._numbers)
        uuid = f"{number:08x}-e5f6-0718-293a-4b5c6d7e8f90"
        opened: list[Volume]
        match layer:
            case "raid":
                self._sign(below, raid_member(f"any:{stacked.group}", uuid))
                opened = [array(f"md{number}", *below, uuid=uuid)]
            case "fake-raid":
                self._sign(below, Content("isw_raid_member", uuid=uuid))
                opened = [array(f"md{number}", *below, uuid=uuid)]
                if stacked.active:
                    self.made.append(array(f"md{number}00", *below, size=0, uuid=f"{uuid[:-1]}f"))
            case "crypt":
                for name in below:
                    self._sign([name], Content("crypto_LUKS", uuid=f"luks {number} {name}"))
                opened = [crypt(f"dm-{number}-{place}", name) for place, name in enumerate(below)]
            case "lvm":
                group = f"{number:06d}{GROUP[6:]}"
                self._sign(below, member(stacked.group, group))
                # Two groups may have one name, and be open at once where their volumes' differ.
                suffix = str(number) if any(each.group == stacked.group for each in self.made) else ""
                opened = [
                    logical(f"dm-{number}-0", f"{stacked.group}/root{suffix}", *below, uuid=group),
                    logical(f"dm-{number}-1", f"{stacked.group}/swap{suffix}", below[0], uuid=group),
                ]
            case "bcache":
                for name in below:
                    self._sign([name], Content("bcache", uuid=f"{uuid} {name}", group_uuid=uuid))
                path = f"/dev/bcache{number}"
                opened = [Volume(f"bcache{number}", VolumeKind.BCACHE, path, GIB, tuple(below), uuid=uuid)]
            case "map":
                self._sign(below, Content("mpath_member"))
                path, uuid = f"/dev/mapper/mpath{number}", f"mpath-{number}"
                opened = [Volume(f"dm-{number}", VolumeKind.MULTIPATH, path, GIB, tuple(below), uuid=uuid)]
            case "partition" if below[0].startswith("md"):
                path = f"/dev/{below[0]}p1"
                opened = [Volume(f"{below[0]}p1", VolumeKind.OTHER, path, GIB, (below[0],))]
            case "other":
                path = f"/dev/mapper/any{number}"
                opened = [Volume(f"dm-{number}", VolumeKind.OTHER, path, GIB, tuple(below), uuid=f"any-{number}")]
            case _:
                return list(below)
        if stacked.active:
            self.made += opened
        return [each.name for each in opened]

    def _top(self, stacked: Stacked, on: Sequence[str]) -> None:
        number = next(self._numbers)
        uuid = f"uuid-{number}"
        points = [stacked.point] if stacked.active and stacked.point else []
        match stacked.top:
            case "nothing":
                return
            case "old label":
                # Of a pool that is gone, below what was made over it.
                self._sign(on[:1], Content("ext4", "precious", uuid, size=GIB, used=MIB))
                self._sign(on[:1], Content("zfs_member", "tank", f"{number}", "tank", f"{number}"))
                on = on[:1]
            case "pool":
                self._sign(on, Content("zfs_member", "rpool", f"{number}", "rpool", f"{number}"))
            case "btrfs":
                self._sign(on, Content("btrfs", f"{stacked.group}-root", uuid))
            case "osd":
                self._sign(on, Content("ceph_bluestore", uuid=uuid, member_of=f"osd.{number}", group_uuid="fsid"))
                return
            case "swap":
                self._sign(on[:1], Content("swap", uuid=uuid))
                points = [SWAP] if points else []
                on = on[:1]
            case _:
                self._sign(on[:1], Content(stacked.top, "precious", uuid, size=GIB, used=MIB))
                on = on[:1]
        for name in on:
            self.mounted[name] += [point for point in points if point not in self.mounted[name]]

    def _sign(self, names: Sequence[str], content: Content) -> None:
        for name in names:
            self.contents[name].append(content)


SIZES = st.sampled_from([4, 9, 20, 36, 36, 40, 41, 99, 100, 120, 120, 4000])
_ODD = (
    *(
        "",
        "",
        "",
        "",
        "twin",
        "twin",
        "two paths",
        "two paths",
        "4096",
        "4096",
        "read-only",
        "medium",
        "large",
        "small",
    ),
    *("drbd", "mounted", "nvme"),
)

#: Version of the TPM, Secure Boot, and whether the firmware knows MODULE_KEY (None: nobody can tell).
_FIRMWARE: tuple[tuple[FirmwareMode, str, bool | None, bool | None], ...] = (
    (FirmwareMode.UEFI, "2.0", True, True),
    (FirmwareMode.UEFI, "2.0", True, False),
    (FirmwareMode.UEFI, "2.0", True, None),
    (FirmwareMode.UEFI, "2.0", False, False),
    (FirmwareMode.UEFI, "2.0", False, None),
    (FirmwareMode.UEFI, "1.2", None, None),
    (FirmwareMode.UEFI, "", False, True),
    (FirmwareMode.BIOS, "", None, None),
    (FirmwareMode.BIOS, "2.0", None, None),
)


@st.composite
def old_machines(draw: st.DrawFn) -> Machine:
    """One to six disks of about one size, empty or with anything on them; on some machines, one of them is odd."""
    number = draw(st.sampled_from([1, 2, 3, 4, 4, 5, 6]))
    size = draw(SIZES) * GIB
    odd = [""] * number
    odd[draw(st.integers(0, number - 1))] = draw(st.sampled_from(_ODD))
    disks = [_plain(place, size - draw(st.integers(0, 2**20)) * 512) for place in range(number)]
    stacks = draw(st.lists(STACKED, max_size=3)) if draw(st.integers(0, 3)) else []
    found = _Devices()
    parts: dict[str, list[tuple[int, int, int]]] = {each.name: [] for each in disks}
    for place, stacked in enumerate(stacks, 1):
        first = stacked.first % number
        names = [each.name for each in disks[first : first + stacked.width]]
        if not stacked.whole:
            for name in names:
                parts[name].append((place, place * GIB, GIB))
        found.put(stacked, names if stacked.whole else [f"{name}{place}" for name in names])
    held = [_holding(each, parts[each.name], found) for each in disks]
    return _machine(draw, _odd(held, odd), found)


@st.composite
def nodes(draw: st.DrawFn, setup: Mapping[str, Any], number: int) -> Machine:
    """A node of Trebol that was installed by these answers on `number` disks, open or not; on some, something is
    not as it was."""
    active, point = draw(st.sampled_from([(True, "/mnt"), (True, ""), (False, "")]))
    filesystem = setup["filesystem"]
    tops = {"btrfs": "btrfs", "zfs": "pool"}
    layers = [
        *(["raid"] if "raid" in setup.get("lvm", ()) else []),
        *(["crypt"] if "encryption" in setup and filesystem != "zfs" else []),
        *([] if filesystem in tops else ["lvm"]),
    ]
    size = draw(st.sampled_from([36, 36, 120])) * GIB
    disks = [replace(_plain(place, size), system="Trebol") for place in range(number)]
    found = _Devices()
    esp = draw(st.sampled_from([GIB, GIB, GIB, GIB, 512 * MIB, 100 * MIB]))
    for each in disks:
        found.contents[f"{each.name}2"].append(Content("vfat", "TREBOL-ESP", "AA-BB"))
    top = tops.get(filesystem, filesystem)
    stacked = Stacked(tuple(layers), top, active=active, point=point, group="trebol")
    found.put(stacked, [f"{each.name}3" for each in disks])
    sizes = [(1, MIB, MIB), (2, 2 * MIB, esp), (3, 2 * MIB + esp, size - esp - 4 * MIB)]
    held = [_holding(each, sizes, found) for each in disks]
    match draw(st.sampled_from(["", "", "", "", "", "another system", "another set", "another set"])):
        case "another system":
            held = [replace(each, system="Proxmox VE") for each in held]
        case "another set":
            held = [_of_its_own(each) for each in held]
    return _machine(draw, held, found)


def _of_its_own(node: Disk) -> Disk:
    """The disk, its third partition a member of another array, file system or pool than any other disk's."""
    *boot, system = node.partitions
    own = tuple(replace(content, uuid=f"{content.uuid} {node.name}") for content in system.content)
    return replace(node, partitions=(*boot, replace(system, content=own)))


def _plain(number: int, size: int) -> Disk:
    """An empty disk, whose properties differ by its number."""
    name, solid = f"sd{'abcdef'[number]}", number % 3 != 2
    return Disk(
        name,
        size,
        rotational=not solid,
        transport="virtio" if solid else "sata",
        model="QEMU SSD" if solid else "Old & slow",
        serial=f"d{number}",
        wwn=f"0x500{number}",
        by_id=(f"virtio-d{number}",),
        by_path=(f"pci-0000:00:0{number}.0",),
        udev={"ID_SERIAL": f"d{number}", "ID_BUS": "virtio"},
    )


def _holding(each: Disk, parts: Sequence[tuple[int, int, int]], found: _Devices) -> Disk:
    """The disk with partitions (number, start, size), and what was found on it and on them."""
    partitions = tuple(
        Partition(
            name := f"{each.name}{number}",
            number,
            start,
            size,
            tuple(found.contents[name]),
            tuple(found.mounted[name]),
            found.holders(name),
        )
        for number, start, size in parts
    )
    content = (*([Content("gpt")] if partitions else []), *found.contents[each.name])
    return replace(
        each,
        content=content,
        partitions=partitions,
        mountpoints=tuple(found.mounted[each.name]),
        holders=found.holders(each.name),
    )


def _odd(disks: Sequence[Disk], odd: Sequence[str]) -> list[Disk]:
    """The disks, each with what is odd about it."""
    made: list[Disk] = []
    first = disks[0]
    for each, how in zip(disks, odd, strict=True):
        changes: dict[str, Any] = {}
        match how:
            case "read-only":
                changes = {"read_only": True}
            case "medium":
                changes = {"medium": True, "mountpoints": ("/run/trebol/medium",)}
            case "twin":
                changes = {"serial": first.serial, "wwn": "", "by_id": first.by_id, "udev": first.udev}
            case "two paths":
                changes = {"serial": "", "wwn": first.wwn, "by_id": ()}
            case "4096":
                changes = {"logical_sector": 4096}
            case "large":
                changes = {"size": each.size * 3}
            case "small":
                changes = {"size": each.size // 3 // 512 * 512}
            case "drbd":
                changes = {"holders": (*each.holders, "drbd0")}
            case "mounted":
                changes = {"mountpoints": ("/mnt/odd",)}
            case "nvme":
                changes = {"transport": "nvme", "by_id": (), "wwn": f"eui.{each.serial}"}
        made.append(replace(each, **changes))
    return made


def _machine(draw: st.DrawFn, disks: Sequence[Disk], found: _Devices) -> Machine:
    mode, tpm, secure, known = draw(st.sampled_from(_FIRMWARE))
    volumes = list(found.volumes())
    return replace(
        made_machine(*disks, memory=draw(st.sampled_from([0, GIB, 4 * GIB, 64 * GIB]))),
        volumes=tuple(reversed(volumes) if draw(st.booleans()) else volumes),
        firmware=Firmware(
            mode, secure, certificates=None if known is None else (MODULE_KEY,) if known else ("cd" * 32,)
        ),
        tpm=tpm,
    )


def lies_on(machine: Machine) -> dict[str, set[str]]:
    """Name → the disks that it lies on."""
    found = {node.name: {each.name} for each in machine.disks for node in devices(each)}
    waiting = list(machine.volumes)
    while waiting:
        # Nothing stands on itself in what is generated.
        volume = next(each for each in waiting if found.keys() >= {*each.below})
        found[volume.name] = set().union(*(found[name] for name in volume.below))
        waiting.remove(volume)
    return found


def names_by_ref(machine: Machine) -> dict[Held, str]:
    """What steps call things → the kernel's names."""
    known: dict[Held, str] = {}
    for each in machine.disks:
        known[each.stable_path] = each.name
        known |= {PartitionRef(each.stable_path, inside.number): inside.name for inside in each.partitions}
    return known | {reference(volume): volume.name for volume in machine.volumes}


def nodes_of(machine: Machine) -> Iterator[Disk | Partition | Volume]:
    """Everything that can hold something."""
    for each in machine.disks:
        yield from devices(each)
    yield from machine.volumes
