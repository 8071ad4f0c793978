"""A ZFS pool over the targets, the root a file system of it."""

from __future__ import annotations

from dataclasses import dataclass

from trebol_common.answers.model import ZfsOptions, ZfsRaid
from trebol_common.errors import BadInput
from trebol_common.i18n import _
from trebol_hardware.sizes import show_size
from trebol_installer import steps
from trebol_installer.layout.model import Layout, Request, boot_and, on_several
from trebol_installer.layout_rules import POOL
from trebol_installer.sizing import PoolSizes, cache_floor, cache_limit, pool_sizes
from trebol_installer.steps import PartitionKind, PartitionRef, Step

#: The root's file system, what it lies in, and the one that keeps guests' disks: a reinstallation leaves that alone.
ROOTS = f"{POOL}/ROOT"
ROOT = f"{ROOTS}/trebol"
DATA = f"{POOL}/data"

#: Where the node sees the last.
DATA_MOUNT = "/var/lib/trebol/data"

#: Nothing but what has a mount point of its own is ever mounted.
_UNMOUNTED = ("mountpoint=none", "canmount=off")

#: Of every file system (zfsprops(7)): access lists and attributes as Linux has them, kept where the file's own are.
_LINUX = ("acltype=posixacl", "xattr=sa", "dnodesize=auto", "relatime=on")

#: The root's file system, made anew. Only the boot process mounts it, wherever the pool is imported.
ROOT_STEPS: tuple[Step, ...] = (steps.CreateDataset(ROOT, ("mountpoint=/", "canmount=noauto")),)


@dataclass(frozen=True)
class _Level:
    """A top-level vdev: its name in zpoolconcepts(7), how many disks of it hold parity, and words for people."""

    vdev: str
    parity: int
    title: str


_LEVELS = {
    ZfsRaid.RAID0: _Level("", 0, "RAID 0"),
    ZfsRaid.RAID1: _Level("mirror", 0, "RAID 1"),
    ZfsRaid.RAID10: _Level("mirror", 0, "RAID 10"),
    ZfsRaid.RAIDZ1: _Level("raidz1", 1, "RAID-Z1"),
    ZfsRaid.RAIDZ2: _Level("raidz2", 2, "RAID-Z2"),
    ZfsRaid.RAIDZ3: _Level("raidz3", 3, "RAID-Z3"),
}


def zfs(request: Request) -> Layout:
    """Pool `rpool` with the file systems `ROOT/trebol` and `data`, and no swap.

    A volume of ZFS cannot be swapped to safely: writing to it takes memory, which is what there is none of
    (OpenZFS's FAQ, "Using a zvol for a swap device on Linux"). Raises what `trebol_installer.sizing.pool_sizes` and
    `cache_limit` do.
    """
    wishes = request.setup.zfs
    assert wishes is not None
    _require_whole_sectors(request, wishes)
    encrypted = request.setup.encryption is not None
    if encrypted and wishes.copies > 2:
        # Where the third copy would be, encrypted blocks have what they are decrypted with (zfsprops(7), copies).
        wrong = _("zfs.copies is 3; of what is encrypted, ZFS keeps 2 copies at most")
        raise BadInput(wrong, hint=_("lower {key}").format(key="zfs.copies"))
    members = request.system_partitions()
    groups = _groups(wishes.raid, members)
    share = _share(wishes, len(members))
    made = pool_sizes(
        disk=request.smallest,
        unpacked=request.unpacked,
        hdsize=wishes.hdsize,
        key="zfs.hdsize",
        data_disks=share,
    )
    limit = cache_limit(request.memory, wishes.arc_max)
    floor = cache_floor(request.memory, limit)
    build: tuple[Step, ...] = (
        steps.CreatePool(
            POOL, _LEVELS[wishes.raid].vdev, groups, wishes.ashift, (*_UNMOUNTED, *_LINUX, *_data(wishes)), encrypted
        ),
        steps.CreateDataset(ROOTS, _UNMOUNTED),
        *ROOT_STEPS,
        steps.CreateDataset(DATA, (f"mountpoint={DATA_MOUNT}", "canmount=on")),
        steps.MountDataset(ROOT),
    )
    return Layout(
        partitions=boot_and(PartitionKind.ZFS, bios_boot=made.bios_boot, esp=made.esp, rest=made.pool),
        build=build,
        mounts=(),
        root=f"ZFS={ROOT}",
        title=_title(wishes.raid, len(members), encrypted=encrypted),
        volumes=_lines(made, share),
        prepare=(steps.LoadZfs(limit, floor),),
        finish=(steps.WritePool(POOL, ROOT, limit, floor),),
        notes=(_("no swap: there is none on ZFS that is safe to use"),),
    )


def _require_whole_sectors(request: Request, wishes: ZfsOptions) -> None:
    """The disks' own sectors are alike (`trebol_installer.layout.choose`)."""
    sector = request.targets[0].logical_sector
    if 2**wishes.ashift < sector:
        raise BadInput(
            _("zfs.ashift is {ashift}: {size} bytes; the disks have sectors of {sector}").format(
                ashift=wishes.ashift, size=2**wishes.ashift, sector=sector
            ),
            hint=_("raise it to {least}, or leave it out").format(least=sector.bit_length() - 1),
        )


def _groups(raid: ZfsRaid, members: tuple[PartitionRef, ...]) -> tuple[tuple[PartitionRef, ...], ...]:
    """The top-level vdevs: each disk alone, pairs in the order of the targets, or all together."""
    match raid:
        case ZfsRaid.RAID0:
            return tuple((member,) for member in members)
        case ZfsRaid.RAID10:
            return tuple(zip(members[::2], members[1::2], strict=True))
        case _:
            return (members,)


def _share(wishes: ZfsOptions, disks: int) -> float:
    """How many of the disks hold data once; rows of RAID-Z are padded beyond that, by little at this many disks."""
    match wishes.raid:
        case ZfsRaid.RAID1:
            once = 1.0
        case ZfsRaid.RAID10:
            once = disks / 2
        case _:
            once = disks - _LEVELS[wishes.raid].parity
    return once / wishes.copies


def _data(wishes: ZfsOptions) -> tuple[str, ...]:
    """How data is kept, from the answers."""
    return f"checksum={wishes.checksum.value}", f"compression={wishes.compress.value}", f"copies={wishes.copies}"


def _title(raid: ZfsRaid, disks: int, *, encrypted: bool) -> str:
    level = _("single") if disks == 1 else on_several(_LEVELS[raid].title, disks)
    return _("ZFS, {level}, encrypted").format(level=level) if encrypted else f"ZFS, {level}"


def _lines(made: PoolSizes, share: float) -> tuple[str, ...]:
    return (
        _("{name}: root").format(name=ROOT),
        _("{name}: mounted at {point}").format(name=DATA, point=DATA_MOUNT),
        _("room for both: {size}").format(size=show_size(int(made.pool * share))),
    )
