"""A node from the medium to its login prompt: installed unattended, then booted from its disk alone."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.cases import CASES, DISK_SIZE, Case
from tests.e2e.lab import Job, Lab, patient

from trebol_common.run import CommandRunner
from trebol_image.qemu import Firmware, MachineConfig, VirtualMachine, create_disk
from trebol_image.qemu.qmp import QmpEvent
from trebol_image.qemu.seeded import seeded_copy
from trebol_image.qemu.serial import Line, plain

INSTALL_WITHIN = 900.0
LOGIN_WITHIN = 400.0
RUNNING_WITHIN = 400


@dataclass(frozen=True)
class Installation:
    """How an unattended installation went, from the machine's start to its end."""

    console: tuple[Line, ...]
    end: QmpEvent
    seconds: float
    bystander_before: str
    bystander_after: str

    @property
    def text(self) -> str:
        """What the serial console showed."""
        return "\n".join(line.text for line in self.console)


@dataclass(frozen=True)
class Identity:
    """What no two nodes may have in common."""

    machine_id: str
    host_keys: frozenset[str]
    uuids: frozenset[str]


@dataclass(frozen=True)
class Node:
    """A running node, and how it came to be."""

    case: Case
    lab: Lab
    machine: VirtualMachine
    installation: Installation
    disk: Path
    identity: Identity

    def ssh(self, command: str) -> str:
        """What a shell command prints on the node; raises CommandFailed when it fails."""
        return self.machine.ssh(command, key=self.lab.key).stdout

    def json(self, command: str) -> Any:
        """What a command that speaks JSON says."""
        return json.loads(self.ssh(command))

    @property
    def console(self) -> str:
        """What the serial console showed since this boot."""
        return plain(self.machine.serial.text)


def make_bystander(path: Path) -> Path:
    """A disk that holds data: an ext4 on the whole of it."""
    path.unlink(missing_ok=True)
    path.touch()
    os.truncate(path, 10 * 2**30)
    CommandRunner().run(["mkfs.ext4", "-q", "-L", "precious", path])
    return path


def digest(image: Path) -> str:
    """SHA-256 over a sparse image's data and where it lies; holes are not read."""
    state = hashlib.sha256()
    with image.open("rb") as stream:
        end = stream.seek(0, os.SEEK_END)
        at = 0
        while at < end:
            try:
                start = os.lseek(stream.fileno(), at, os.SEEK_DATA)
            except OSError:  # ENXIO: there is only a hole up to the end (lseek(2)).
                break
            at = os.lseek(stream.fileno(), start, os.SEEK_HOLE)
            state.update(f"{start} {at}\n".encode())
            state.update(os.pread(stream.fileno(), at - start, start))
    return state.hexdigest()


def install(case: Case, lab: Lab, folder: Path) -> tuple[Path, Installation]:
    """Install the case's node unattended; its disk, which is read-only from now on, and how it went."""
    iso = seeded_copy(lab.iso, folder / "medium.iso", case.answer_file(lab.public_key))
    disk = create_disk(folder / "disk.qcow2", DISK_SIZE)
    bystander = make_bystander(folder / "bystander.raw")
    before = digest(bystander)
    started = time.monotonic()
    with lab.machine(case.machine(disk, bystander, iso), folder / "install") as machine:
        end = machine.wait_for_shutdown(within=patient(INSTALL_WITHIN))
        seconds = time.monotonic() - started
        console = machine.serial.lines
    iso.unlink()
    disk.chmod(0o444)
    return disk, Installation(console, end, seconds, before, digest(bystander))


def boot_config(case: Case, folder: Path, name: str) -> MachineConfig:
    """The installed machine without the medium, on a disk that shows the installed one and takes what is written."""
    disk = create_disk(folder / f"{name}.qcow2", backing=folder / "disk.qcow2")
    return case.machine(disk, folder / "bystander.raw")


def reach_login(machine: VirtualMachine, case: Case) -> None:
    """Wait until the serial console shows the node's address above the login prompt, and SSH answers."""
    machine.serial.expect(rf"https://{case.address}:9090/", within=patient(LOGIN_WITHIN))
    machine.serial.expect(rf"{case.host} login: ", within=patient(60))
    machine.wait_for_ssh(within=patient(120))


@contextmanager
def running_node(case: Case, lab: Lab) -> Iterator[Node]:
    """Install a node, boot it, and hand it out once it has started everything."""
    folder = lab.folder / case.name
    shutil.rmtree(folder, ignore_errors=True)
    disk, installation = install(case, lab, folder)
    if case.firmware is not Firmware.BIOS:
        # The machine remembers the boot entries that the installation made.
        (folder / "boot").mkdir()
        shutil.copyfile(folder / "install" / "variables.fd", folder / "boot" / "variables.fd")
    with lab.machine(boot_config(case, folder, "node"), folder / "boot") as machine:
        reach_login(machine, case)
        # Its word is looked at by a test of its own.
        wait = f"timeout {patient(RUNNING_WITHIN):.0f} systemctl is-system-running --wait"
        machine.ssh(wait, key=lab.key, check=False)
        yield Node(case, lab, machine, installation, disk, read_identity(machine, lab.key))


def read_identity(machine: VirtualMachine, key: Path) -> Identity:
    """Machine id, SSH host keys, and UUIDs of disks, partitions, file systems and LVM."""
    machine_id = machine.ssh("cat /etc/machine-id", key=key).stdout.strip()
    keys = machine.ssh("cut -d' ' -f1,2 /etc/ssh/ssh_host_*_key.pub", key=key).stdout.splitlines()
    listed = json.loads(machine.ssh("lsblk --json --list --output NAME,TYPE,UUID,PARTUUID,PTUUID", key=key).stdout)
    uuids = {
        device[kind]
        for device in listed["blockdevices"]
        for kind in ("uuid", "partuuid", "ptuuid")
        if device[kind] is not None
    }
    return Identity(machine_id, frozenset(keys), frozenset(uuids))


def node_job(name: str) -> Job:
    """The job of a case."""
    return lambda lab: running_node(CASES[name], lab)
