"""Nodes with guests' data on them, installed anew beside it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.e2e.cases import CASES, Case
from tests.e2e.lab import Job, Lab, patient
from tests.e2e.layouts import LAYOUTS
from tests.e2e.nodes import INSTALL_WITHIN, SILENT_FOR, installed, reach_front
from tests.e2e.reached import Reached

from trebol_image.qemu import create_disk
from trebol_image.qemu.seeded import seeded_copy

#: What a guest's disk holds, by how it is made and how it is read on a node.
_IN_POOL = (
    "lvcreate --yes --thin --virtualsize 1G --name guest trebol/data && "
    "mkfs.ext4 -q /dev/trebol/guest && mount /dev/trebol/guest /mnt && echo precious > /mnt/guest && umount /mnt",
    "lvchange --activate y --ignoreactivationskip trebol/guest; mount /dev/trebol/guest /mnt && cat /mnt/guest",
)
_IN_SUBVOLUME = ("echo precious > /var/lib/trebol/data/guest", "cat /var/lib/trebol/data/guest")
_IN_VOLUME = (
    "zfs create -s -V 1G rpool/data/guest && udevadm wait --timeout=30 /dev/zvol/rpool/data/guest && "
    "mkfs.ext4 -q /dev/zvol/rpool/data/guest && mount /dev/zvol/rpool/data/guest /mnt && "
    "echo precious > /mnt/guest && umount /mnt",
    "mount /dev/zvol/rpool/data/guest /mnt && cat /mnt/guest",
)


@dataclass(frozen=True)
class Reinstallation:
    """A node that is installed as `case`, and again with its data kept."""

    name: str
    case: Case
    write: str
    read: str


REINSTALLATIONS = {
    each.name: each
    for each in (
        Reinstallation("kept-lvm", CASES["uefi"], *_IN_POOL),
        Reinstallation("kept-btrfs", LAYOUTS["btrfs-raid1"], *_IN_SUBVOLUME),
        Reinstallation("kept-zfs", LAYOUTS["zfs-raid1"], *_IN_VOLUME),
    )
}


@dataclass(frozen=True)
class Kept(Reached):
    """The node after its second installation, and what tells the two apart: its machine ids before and after."""

    reinstallation: Reinstallation
    before: str
    after: str


@contextmanager
def kept(each: Reinstallation, lab: Lab) -> Iterator[Kept]:
    """Boot the node, write what has to stay, install again with `keep`, and boot once more."""
    folder = lab.folder / each.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    disks = tuple(
        create_disk(folder / f"disk{number}.qcow2", backing=disk)
        for number, disk in enumerate(installed(each.case, lab).disks, 1)
    )
    before = _write(each, lab, disks, folder)
    again = replace(each.case, reboot=False, setup=_keeping(each.case))
    iso = seeded_copy(lab.iso, folder / "medium.iso", again.answer_file(lab.public_key))
    with lab.machine(again.machine(*again.targets(disks), iso=iso), folder / "again") as machine:
        machine.wait_for_shutdown(within=patient(INSTALL_WITHIN), silent=patient(SILENT_FOR))
    iso.unlink()
    with lab.machine(each.case.machine(*each.case.targets(disks)), folder / "after") as machine:
        reach_front(machine, each.case)
        machine.ssh(f"timeout {patient(300):.0f} systemctl is-system-running --wait", key=lab.key, check=False)
        yield Kept(lab, machine, each, before, machine.ssh("cat /etc/machine-id", key=lab.key).stdout)


def _write(each: Reinstallation, lab: Lab, disks: tuple[Path, ...], folder: Path) -> str:
    """Boot the first node, have a guest write, and switch off; the machine id."""
    with lab.machine(each.case.machine(*each.case.targets(disks)), folder / "before") as machine:
        reach_front(machine, each.case)
        machine.ssh(each.write, key=lab.key)
        identity = machine.ssh("cat /etc/machine-id", key=lab.key).stdout
        machine.press_power_button()
        machine.wait_for_shutdown(within=patient(180))
    return identity


def _keeping(case: Case) -> dict[str, object]:
    return {**case.setup, "keep": ["data"], "wipe": "confirmed"}


def kept_job(name: str) -> Job:
    """The job of a reinstallation."""
    return lambda lab: kept(REINSTALLATIONS[name], lab)
