"""Nodes of every layout, installed on blank disks, booted with all of them and without the first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.e2e.cases import PASSPHRASE, Case
from tests.e2e.lab import Job, Lab
from tests.e2e.nodes import Node, booted, installed, read_identity
from tests.e2e.reached import Reached

from trebol_image.qemu import Firmware, VirtualMachine

ENCRYPTION = {"passphrase": PASSPHRASE}


def _case(number: int, name: str, firmware: Firmware, disks: int, *, slow: bool = True, **setup: Any) -> Case:
    return Case(name, number, firmware, disks=disks, disk_size="12G", setup=setup, slow=slow)


def _zfs(number: int, name: str, firmware: Firmware, disks: int, raid: str, **setup: Any) -> Case:
    return _case(number, name, firmware, disks, filesystem="zfs", zfs={"raid": raid}, **setup)


#: The layouts, BIOS and UEFI in turn.
LAYOUTS = {
    case.name: case
    for case in (
        _case(21, "raid1", Firmware.UEFI, 2, slow=False, filesystem="ext4", lvm={"raid": "raid1"}),
        _case(22, "xfs", Firmware.BIOS, 1, filesystem="xfs"),
        _case(23, "xfs-raid10", Firmware.BIOS, 4, filesystem="xfs", lvm={"raid": "raid10"}),
        _case(24, "btrfs", Firmware.UEFI, 1, filesystem="btrfs", btrfs={"raid": "raid0", "compress": "zstd"}),
        _case(25, "btrfs-raid0", Firmware.BIOS, 2, filesystem="btrfs", btrfs={"raid": "raid0"}),
        _case(26, "btrfs-raid1", Firmware.BIOS, 2, filesystem="btrfs", btrfs={"raid": "raid1"}),
        _case(27, "btrfs-raid10", Firmware.UEFI, 4, filesystem="btrfs", btrfs={"raid": "raid10"}),
        _case(28, "luks", Firmware.UEFI, 1, filesystem="ext4", encryption=ENCRYPTION),
        _case(29, "luks-raid1", Firmware.BIOS, 2, filesystem="ext4", lvm={"raid": "raid1"}, encryption=ENCRYPTION),
        _case(
            30,
            "luks-btrfs-raid1",
            Firmware.UEFI,
            2,
            filesystem="btrfs",
            btrfs={"raid": "raid1"},
            encryption=ENCRYPTION,
        ),
        _case(31, "luks-tpm", Firmware.SECURE_BOOT, 1, filesystem="ext4", encryption={**ENCRYPTION, "tpm2": True}),
        _zfs(32, "zfs", Firmware.BIOS, 1, "raid0"),
        _zfs(33, "zfs-raid1", Firmware.UEFI, 2, "raid1"),
        _zfs(34, "zfs-raid0", Firmware.UEFI, 2, "raid0"),
        _zfs(35, "zfs-raid10", Firmware.BIOS, 4, "raid10"),
        _zfs(36, "zfs-raidz1", Firmware.BIOS, 3, "raidz-1"),
        _zfs(37, "zfs-raidz2", Firmware.UEFI, 4, "raidz-2"),
        _zfs(38, "zfs-raidz3", Firmware.BIOS, 5, "raidz-3"),
        _zfs(39, "zfs-encrypted-raid1", Firmware.UEFI, 2, "raid1", encryption=ENCRYPTION),
    )
}

#: Those that lose nothing when their first disk is lost.
MIRRORS = tuple(name for name in LAYOUTS if name.endswith(("raid1", "raid10", "raidz1", "raidz2", "raidz3")))

#: Those that only a medium with the layer of ZFS can make.
ON_ZFS = frozenset(name for name, case in LAYOUTS.items() if case.setup["filesystem"] == "zfs")


@dataclass(frozen=True)
class Degraded(Reached):
    """A node that booted without its first disk."""

    case: Case
    machine: VirtualMachine


@contextmanager
def whole(case: Case, lab: Lab) -> Iterator[Node]:
    """The node with all its disks, on firmware that remembers the installation."""
    installation = installed(case, lab)
    variables = installation.folder / "install" / "variables.fd" if case.firmware is not Firmware.BIOS else None
    with booted(case, lab, "whole", case.firmware, variables) as machine:
        yield Node(lab, machine, case, installation, read_identity(machine, lab.key))


@contextmanager
def degraded(case: Case, lab: Lab) -> Iterator[Degraded]:
    """The node without its first disk, on firmware that has no boot entry."""
    with booted(case, lab, "degraded", case.firmware, None, without=1) as machine:
        yield Degraded(lab, machine, case)


def layout_job(name: str) -> Job:
    """The job of a layout with all its disks."""
    return lambda lab: whole(LAYOUTS[name], lab)


def degraded_job(name: str) -> Job:
    """The job of a layout without its first disk."""
    return lambda lab: degraded(LAYOUTS[name], lab)
