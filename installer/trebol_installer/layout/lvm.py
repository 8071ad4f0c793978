"""ext4 or xfs on LVM, on one disk or on an md array over several."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

from trebol_common.answers.model import LvmSizes, MdRaid
from trebol_common.i18n import _
from trebol_hardware.sizes import show_size
from trebol_installer import steps
from trebol_installer.layout.model import Layout, Request, boot_and, on_several
from trebol_installer.layout_rules import ARRAY, CONTAINER, VOLUME_GROUP
from trebol_installer.sizing import EXTENT, GIB, Sizes, sizes
from trebol_installer.steps import Device, Mount, PartitionKind, Step

#: By mapper name, not by UUID: a snapshot of the root has the same UUID (GRUB's 10_linux does likewise for LVM).
ROOT_DEVICE = f"/dev/mapper/{VOLUME_GROUP}-root"

ROOT, SWAP = f"/dev/{VOLUME_GROUP}/root", f"/dev/{VOLUME_GROUP}/swap"

_LEVELS = {MdRaid.RAID1: "md RAID 1", MdRaid.RAID10: "md RAID 10"}


def lvm(request: Request) -> Layout:
    """Volume group `trebol` with root, swap and thin pool `data`.

    Raises what `trebol_installer.sizing.sizes` does.
    """
    wishes = request.setup.lvm
    members = request.system_partitions()
    made = sizes(
        disk=request.smallest,
        memory=request.memory,
        unpacked=request.unpacked,
        wishes=wishes,
        raid=wishes.raid,
        disks=len(members),
        encrypted=request.setup.encryption is not None,
    )
    build: list[Step] = []
    below: Device = members[0]
    if wishes.raid:
        below = ARRAY
        build.append(steps.CreateArray(ARRAY, wishes.raid.value, members))
    encrypted: tuple[tuple[str, Device], ...] = ()
    if request.setup.encryption is not None:
        encrypted = ((CONTAINER, below),)
        build.append(steps.EncryptDevice(below, CONTAINER))
        below = f"/dev/mapper/{CONTAINER}"
    filesystem = request.setup.filesystem.value
    build += _volumes(made, below)
    build += [
        steps.MakeFilesystem(ROOT, filesystem, "trebol-root"),
        steps.MountTarget(ROOT, "/"),
    ]
    kind = PartitionKind.RAID if wishes.raid else PartitionKind.LVM
    mounts = [Mount(ROOT, "/", filesystem)]
    if made.swap:
        mounts.append(Mount(SWAP, "none", "swap"))
    return Layout(
        partitions=boot_and(kind, bios_boot=made.bios_boot, esp=made.esp, rest=made.lvm),
        build=tuple(build),
        mounts=tuple(mounts),
        root=ROOT_DEVICE,
        title=_title(filesystem, wishes.raid, len(members), encrypted=bool(encrypted)),
        encrypted=encrypted,
        volumes=_lines(made, filesystem),
        notes=tuple(_notes(made, wishes)),
    )


def _notes(made: Sizes, wishes: LvmSizes) -> Iterator[str]:
    if not made.data:
        yield _("no room for a thin pool: guests' disks need another store")
    if wishes.minfree is not None and made.free < int(wishes.minfree * GIB) // EXTENT * EXTENT:
        yield _("lvm.minfree cannot be met: {size} stay free").format(size=show_size(made.free))


def _title(filesystem: str, raid: MdRaid | None, disks: int, *, encrypted: bool) -> str:
    array = [on_several(_LEVELS[raid], disks)] if raid else []
    return reduce(_on, [filesystem, "LVM", *(["LUKS2"] if encrypted else []), *array])


def _on(upper: str, lower: str) -> str:
    return _("{upper} on {lower}").format(upper=upper, lower=lower)


def _volumes(made: Sizes, below: Device) -> list[Step]:
    built: list[Step] = [
        steps.CreateVolumeGroup(VOLUME_GROUP, below),
        steps.CreateVolume(VOLUME_GROUP, "root", made.root, below),
    ]
    if made.swap:
        built += [steps.CreateVolume(VOLUME_GROUP, "swap", made.swap, below), steps.MakeSwap(SWAP)]
    if made.data:
        built.append(steps.CreateThinPool(VOLUME_GROUP, "data", made.data, made.metadata, below))
    return built


def _lines(made: Sizes, filesystem: str) -> tuple[str, ...]:
    told = [f"root: {filesystem}, {show_size(made.root)}"]
    if made.swap:
        told.append(f"swap: {show_size(made.swap)}")
    if made.data:
        pool = _("{name}: thin pool, {size} (metadata: 2 x {metadata})")
        told.append(pool.format(name="data", size=show_size(made.data), metadata=show_size(made.metadata)))
    if made.free:
        told.append(_("free: {size}").format(size=show_size(made.free)))
    return tuple(told)
