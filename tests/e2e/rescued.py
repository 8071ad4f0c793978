"""Installed nodes opened from the medium's rescue entry: every layout, without a disk, beside a second Trebol."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.e2e.cases import PASSPHRASE, Case
from tests.e2e.lab import Job, Lab, patient
from tests.e2e.layouts import LAYOUTS
from tests.e2e.live_shell import SHELL_WITHIN, shell
from tests.e2e.nodes import installed, reach_front, unlock

from trebol_image.qemu import Disk, VirtualMachine, create_disk
from trebol_image.qemu.seeded import seeded_copy

#: What somebody repairs, and how it is found afterwards.
REPAIR = "echo mended > /root/repair && sync"
OPEN = "cat /etc/hostname; findmnt --noheadings --list --output TARGET"
#: What would still be open: mounts, maps, arrays, pools.
LEFT = "findmnt --list | grep /mnt/trebol; ls /dev/mapper; cat /proc/mdstat; zpool list -H"
OPENED_WITHIN = 240.0


@dataclass(frozen=True)
class Rescue:
    """Nodes whose disks are in one machine; the last of them is rescued, without its first `without` disks. With
    `boots` it is started afterwards."""

    name: str
    layouts: tuple[str, ...]
    without: int = 0
    boots: bool = False

    @property
    def case(self) -> Case:
        """The node that is rescued."""
        return LAYOUTS[self.layouts[-1]]


#: Nodes that are started after the rescue: a pool that another system has imported, an array whose disk came back.
_BOOT = ("btrfs-raid1", "raid1", "zfs-raid1")

RESCUES = {
    rescue.name: rescue
    for rescue in (
        *(Rescue(f"rescue-{name}", (name,), boots=name in _BOOT) for name in LAYOUTS),
        *(Rescue(f"rescue-half-of-{name}", (name,), without=1) for name in _BOOT),
        # Groups and pools of both have one name.
        Rescue("rescue-second-lvm", ("raid1", "xfs")),
        Rescue("rescue-second-zfs", ("zfs-raid1", "zfs")),
    )
}


@dataclass(frozen=True)
class Rescued:
    """What the shell inside said of the node, what of it was open afterwards, and the repair as the node has it."""

    rescue: Rescue
    asked: str
    inside: str
    left: str
    repaired: str


@contextmanager
def rescued(rescue: Rescue, lab: Lab) -> Iterator[Rescued]:
    """Install the nodes if no other job has, open one from the medium, and close it."""
    folder = lab.folder / rescue.name
    shutil.rmtree(folder, ignore_errors=True)
    nodes = [(case, _copies(case, lab, folder)) for case in (LAYOUTS[name] for name in rescue.layouts)]
    case, own = nodes[-1][0], nodes[-1][1][rescue.without :]
    others = [disk for _, disks in nodes[:-1] for disk in disks]
    medium = seeded_copy(lab.iso, folder / "medium.iso", "", words=("trebol.rescue",))
    config = replace(case.machine(*others, *own, iso=medium), nics=(), tpm=False)
    with lab.machine(config, folder / "medium") as machine:
        asked = _open(machine, case, choose=own[0].serial if others else "")
        inside = _said(machine, OPEN)
        _said(machine, REPAIR)
        machine.serial.send("exit\n")
        machine.serial.expect("All is closed", within=patient(OPENED_WITHIN))
        machine.serial.expect("# ", within=patient(SHELL_WITHIN))
        left = shell(machine, LEFT)[1]
    medium.unlink()
    yield Rescued(rescue, asked, inside, left, _repaired(case, own, folder, lab) if rescue.boots else "")


def _copies(case: Case, lab: Lab, folder: Path) -> tuple[Disk, ...]:
    """A node's disks, with what is written kept apart from them."""
    folder.mkdir(parents=True, exist_ok=True)
    disks = installed(case, lab).disks
    return case.targets(
        create_disk(folder / f"{case.name}{number}.qcow2", backing=disk) for number, disk in enumerate(disks, 1)
    )


def _open(machine: VirtualMachine, case: Case, choose: str) -> str:
    """Come to the shell inside the node; what was asked on the way."""
    console = machine.serial
    console.expect("Press Enter to open", within=patient(SHELL_WITHIN))
    start = len(console.text)
    console.send("\n")
    if choose:
        console.expect("there are several systems", within=patient(OPENED_WITHIN))
        console.expect("# ", within=patient(SHELL_WITHIN))
        console.send(f"trebol rescue --disk virtio-{choose}\n")
    if "encryption" in case.setup:
        console.expect("Passphrase for .*: ", within=patient(OPENED_WITHIN))
        console.send(f"{PASSPHRASE}\n")
    console.expect("leave it with exit", within=patient(OPENED_WITHIN))
    console.expect("# ", within=patient(SHELL_WITHIN))
    return console.text[start:]


def _said(machine: VirtualMachine, command: str) -> str:
    status, said = shell(machine, command)
    assert status == 0, said
    return said


def _repaired(case: Case, disks: tuple[Disk, ...], folder: Path, lab: Lab) -> str:
    with lab.machine(case.machine(*disks), folder / "boot") as machine:
        if "encryption" in case.setup:
            unlock(machine)
        reach_front(machine, case)
        return machine.ssh("cat /root/repair", key=lab.key).stdout


def rescue_job(name: str) -> Job:
    """The job of a rescue."""
    return lambda lab: rescued(RESCUES[name], lab)
