"""One btrfs over the targets, the root a subvolume of it."""

from __future__ import annotations

from dataclasses import dataclass

from trebol_common.answers.model import BtrfsCompress, BtrfsRaid
from trebol_common.i18n import _
from trebol_hardware.sizes import show_size
from trebol_installer import steps
from trebol_installer.layout.model import Layout, Request, boot_and, on_several
from trebol_installer.layout_rules import CONTAINER
from trebol_installer.sizing import PoolSizes, pool_sizes
from trebol_installer.steps import Device, Mount, PartitionKind, PartitionRef

LABEL = "trebol-root"

#: The root's subvolume, and the one that keeps guests' disks: a reinstallation can leave the second alone.
ROOT = "@"
DATA = "data"

#: Where the node sees the second.
DATA_MOUNT = "/var/lib/trebol/data"


@dataclass(frozen=True)
class _Profile:
    """Profiles of mkfs.btrfs, the share of all targets that can be filled, and the name where there are several."""

    data: str
    metadata: str
    share: float
    title: str


_SINGLE = _Profile("single", "dup", 1, "")

#: Metadata is kept twice in each of them, as mkfs.btrfs(8) does by default for several devices.
_PROFILES = {
    BtrfsRaid.RAID0: _Profile("raid0", "raid1", 1, "RAID 0"),
    BtrfsRaid.RAID1: _Profile("raid1", "raid1", 1 / 2, "RAID 1"),
    BtrfsRaid.RAID10: _Profile("raid10", "raid10", 1 / 2, "RAID 10"),
}


def btrfs(request: Request) -> Layout:
    """One btrfs with the subvolumes `@` and `data`. Raises what `trebol_installer.sizing.pool_sizes` does."""
    wishes = request.setup.btrfs
    assert wishes is not None
    members = request.system_partitions()
    encrypted = _containers(members) if request.setup.encryption is not None else ()
    devices: tuple[Device, ...] = tuple(f"/dev/mapper/{name}" for name, _device in encrypted) or members
    profile = _PROFILES[wishes.raid] if len(devices) > 1 else _SINGLE
    made = pool_sizes(
        disk=request.smallest,
        unpacked=request.unpacked,
        hdsize=wishes.hdsize,
        data_disks=len(devices) * profile.share,
    )
    compress = _compress(wishes.compress)
    first = devices[0]
    return Layout(
        partitions=boot_and(PartitionKind.BTRFS, bios_boot=made.bios_boot, esp=made.esp, rest=made.pool),
        build=(
            *(steps.EncryptDevice(device, name) for name, device in encrypted),
            steps.MakeBtrfs(devices, LABEL, profile.data, profile.metadata, (ROOT, DATA)),
            steps.MountTarget(first, "/", (f"subvol={ROOT}", *compress)),
        ),
        mounts=(
            Mount(first, "/", "btrfs", (f"subvol={ROOT}", *compress)),
            Mount(first, DATA_MOUNT, "btrfs", (f"subvol={DATA}", *compress)),
        ),
        root=first,
        words=(f"rootflags=subvol={ROOT}", "rootfstype=btrfs"),
        encrypted=encrypted,
        title=_title(profile, len(devices), encrypted=bool(encrypted)),
        volumes=_lines(made, len(devices) * profile.share),
    )


def _containers(members: tuple[PartitionRef, ...]) -> tuple[tuple[str, Device], ...]:
    """A LUKS container on each device: btrfs has to see the disks apart to mend one from the other."""
    return tuple((f"{CONTAINER}{number}", member) for number, member in enumerate(members, 1))


def _title(profile: _Profile, disks: int, *, encrypted: bool) -> str:
    level = on_several(profile.title, disks) if disks > 1 else _("single")
    return _("btrfs, {level} on LUKS2").format(level=level) if encrypted else f"btrfs, {level}"


def _compress(wish: BtrfsCompress) -> tuple[str, ...]:
    """The option of mount(8) for a value of the answer file; "on" leaves the algorithm to btrfs."""
    match wish:
        case BtrfsCompress.OFF:
            return ()
        case BtrfsCompress.ON:
            return ("compress",)
        case _:
            return (f"compress={wish.value}",)


def _lines(made: PoolSizes, disks: float) -> tuple[str, ...]:
    return (
        _("{name}: root, subvolume").format(name=ROOT),
        _("{name}: subvolume, mounted at {point}").format(name=DATA, point=DATA_MOUNT),
        _("room for both: {size}").format(size=show_size(int(made.pool * disks))),
    )
