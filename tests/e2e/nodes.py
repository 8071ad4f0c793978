"""A node from the medium to the wizard on its console: installed unattended, then booted from its disk alone."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.e2e.cases import ANSWERS_URL, BYSTANDER_SERIAL, CASES, PASSPHRASE, PASSWORD, Case
from tests.e2e.installation import Installation, identity_of, images, load, save
from tests.e2e.lab import Job, Lab, make_blank, patient, undisturbed
from tests.e2e.reached import Reached

from trebol_common.run import CommandRunner
from trebol_image.qemu import Disk, Firmware, VirtualMachine, create_disk
from trebol_image.qemu.seeded import seeded_copy
from trebol_image.qemu.serial import SerialConsole, plain

#: What the wizard's first page has on each console, whatever else is known of the node.
FRONT = "Log in"

INSTALL_WITHIN = 600.0
#: The installer says every five seconds how far it is; systemd and the kernel are silent for longer.
SILENT_FOR = 120.0
LOGIN_WITHIN = 300.0
RUNNING_WITHIN = 300

_BLOCK = 65536


@dataclass(frozen=True)
class Identity:
    """What no two nodes may have in common."""

    machine_id: str
    host_keys: frozenset[str]
    uuids: frozenset[str]


@dataclass(frozen=True)
class Node(Reached):
    """A running node, and how it came to be."""

    case: Case
    installation: Installation
    identity: Identity

    @property
    def console(self) -> str:
        """What the serial console showed since this boot."""
        return plain(self.machine.serial.text)


def make_bystander(path: Path) -> Path:
    """A disk that holds data: an ext4 on the whole of it."""
    CommandRunner().run(["mkfs.ext4", "-q", "-L", "precious", make_blank(path, 10 * 2**30)])
    return path


def digest(image: Path) -> str:
    """SHA-256 over what is not zero in a sparse image, and where it lies.

    Holes are not read. What was allocated and zeroed must count as a hole: the host makes one into the other at will.
    """
    state = hashlib.sha256()
    with image.open("rb") as stream:
        descriptor = stream.fileno()
        end = stream.seek(0, os.SEEK_END)
        at = 0
        while at < end:
            try:
                at = os.lseek(descriptor, at, os.SEEK_DATA) // _BLOCK * _BLOCK
            except OSError:  # ENXIO: there is only a hole up to the end (lseek(2)).
                break
            block = os.pread(descriptor, _BLOCK, at)
            if block.strip(b"\0"):
                state.update(at.to_bytes(8, "big") + block)
            at += _BLOCK
    return state.hexdigest()


def installed(case: Case, lab: Lab) -> Installation:
    """The case's installation, made once in a session."""
    return lab.once(f"install {case.name}", lambda: undisturbed(lambda: install(case, lab)))


def install(case: Case, lab: Lab) -> Installation:
    """Install the case's node unattended; its disk is read-only from then on."""
    folder = lab.folder / case.name
    made_of = identity_of(lab.iso, f"{case.by_url} {case.answer_file(lab.public_key)}")
    if lab.reuse and (kept := load(folder, made_of)):
        return kept
    shutil.rmtree(folder, ignore_errors=True)
    iso, response = _with_answers(case, lab, folder)
    disks = tuple(create_disk(image, case.disk_size) for image in images(folder, case.disks))
    bystander = make_bystander(folder / "bystander.raw")
    before = digest(bystander)
    config = case.machine(
        *case.targets(disks), Disk(bystander, BYSTANDER_SERIAL, format="raw"), iso=iso, response=response
    )
    with lab.machine(config, folder / "install") as machine:
        end = machine.wait_for_shutdown(within=patient(INSTALL_WITHIN), silent=patient(SILENT_FOR))
        console = machine.serial.lines
    iso.unlink()
    for disk in disks:
        disk.chmod(0o444)
    return save(Installation(folder, disks, console, end, before, digest(bystander)), made_of)


def _with_answers(case: Case, lab: Lab, folder: Path) -> tuple[Path, Path | None]:
    """A medium with the case's answers, or one that is told their URL and what is responded there."""
    answers = case.answer_file(lab.public_key)
    medium = folder / "medium.iso"
    if not case.by_url:
        return seeded_copy(lab.iso, medium, answers), None
    response = folder.absolute() / "response"
    body = answers.encode()
    head = f"HTTP/1.0 200 OK\r\nContent-Type: application/toml\r\nContent-Length: {len(body)}\r\n\r\n"
    folder.mkdir(parents=True, exist_ok=True)
    response.write_bytes(head.encode() + body)
    return seeded_copy(lab.iso, medium, "", words=(f"trebol.answer={ANSWERS_URL}",)), response


@contextmanager
def booted(
    case: Case,
    lab: Lab,
    name: str,
    firmware: Firmware,
    variables: Path | None,
    *,
    cpu: str | None = None,
    without: int = 0,
) -> Iterator[VirtualMachine]:
    """The installed disks without the medium, until the wizard; what is written goes into disks on top of them.

    `variables` is the firmware's store to begin with: its boot entries; None is a machine that has none yet. `cpu` is
    QEMU's name of another processor than usual. The first `without` disks are missing.
    """
    installation = installed(case, lab)
    disks = tuple(
        create_disk(installation.folder / f"{name}{number}.qcow2", backing=disk)
        for number, disk in enumerate(installation.disks, 1)
    )
    folder = installation.folder / name
    shutil.rmtree(folder, ignore_errors=True)
    if variables is not None:
        folder.mkdir()
        shutil.copyfile(variables, folder / "variables.fd")
        if case.tpm:
            shutil.copytree(installation.folder / "install" / "tpm", folder / "tpm")
    config = replace(case.machine(*case.targets(disks)[without:]), firmware=firmware)
    if cpu is not None:
        config = replace(config, accelerator=replace(config.accelerator, cpu=cpu))
    with lab.machine(config, folder) as machine:
        if "encryption" in case.setup and not case.tpm:
            unlock(machine)
        reach_front(machine, case)
        # Whether this ends well is for a test to say.
        wait = f"timeout {patient(RUNNING_WITHIN):.0f} systemctl is-system-running --wait"
        machine.ssh(wait, key=lab.key, check=False)
        machine.serial.require_sound()
        yield machine


def unlock(machine: VirtualMachine) -> None:
    """Type the passphrase that the initramfs asks for, once."""
    machine.serial.expect(r"(unlock disk|passphrase for) ('rpool'|trebol-crypt\d?)", within=patient(LOGIN_WITHIN))
    machine.serial.send(f"{PASSPHRASE}\n")


def reach_front(machine: VirtualMachine, case: Case) -> None:
    """Wait until the wizard on the serial console shows the node's address, and SSH answers."""
    machine.serial.expect(rf"https://{case.address}:9090/", within=patient(LOGIN_WITHIN))
    machine.wait_for_ssh(within=patient(120))


def log_in(serial: SerialConsole, case: Case) -> None:
    """From the wizard, once it is there, to root's shell by the login prompt; a shell that is there stays."""
    # A prompt of before does not count.
    serial.expect(r"[\s\S]*\Z", within=patient(1))
    # Ctrl+C.
    serial.send("\x03")
    if serial.expect(rf"{case.host} login: |root@{case.host}:~# ", within=patient(60))[0].endswith("# "):
        return
    serial.send("root\n")
    serial.expect("(?i)password: ", within=patient(60))
    serial.send(f"{PASSWORD}\n")
    serial.expect(rf"root@{case.host}:~# ", within=patient(120))


@contextmanager
def running_node(case: Case, lab: Lab) -> Iterator[Node]:
    """Install a node, boot it on the same machine, and hand it out once it has started everything."""
    installation = installed(case, lab)
    # The machine remembers the boot entries that the installation made.
    variables = installation.folder / "install" / "variables.fd" if case.firmware is not Firmware.BIOS else None
    with booted(case, lab, "boot", case.firmware, variables) as machine:
        yield Node(lab, machine, case, installation, read_identity(machine, lab.key))


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
