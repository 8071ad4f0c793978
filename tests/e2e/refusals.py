"""Machines on which an installation must be refused: what is wrong with each, and what it has to say."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import tomli_w
from tests.e2e.cases import PASSWORD
from tests.e2e.lab import Job, Lab, make_blank, patient
from tests.e2e.nodes import digest, make_bystander

from trebol_common.medium import FOLDER
from trebol_image.iso9660 import Image
from trebol_image.qemu import DirectKernel, Disk, Firmware, MachineConfig, Medium, Nic, VirtualMachine
from trebol_image.qemu.seeded import seeded_copy
from trebol_image.qemu.serial import plain

REFUSED_WITHIN = 600.0
SHELL_WITHIN = 120.0
SERIAL = "TARGET"
GIB = 2**30

#: What the medium says last, once the installer has ended in failure.
LAST_WORDS = "a root shell follows here"


@dataclass(frozen=True)
class Refusal:
    """Something that is wrong, what the serial console must say of it, and the installer's exit status.

    `changes` are to the answer file: section → key → value. `status` is None where there is no installer to ask.
    """

    name: str
    says: tuple[str, ...]
    status: int | None
    changes: dict[str, dict[str, object]] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    disk_size: int = 32 * GIB
    disk_holds_data: bool = False
    damaged_layer: bool = False
    medium: bool = True
    network: bool = True
    firmware: Firmware = Firmware.BIOS
    slow: bool = True


REFUSALS = {
    refusal.name: refusal
    for refusal in (
        Refusal(
            "disk-with-data",
            (f'virtio-{SERIAL}: is not empty: ext4 "precious"', 'set wipe = "confirmed" in'),
            status=3,
            disk_holds_data=True,
            slow=False,
        ),
        Refusal(
            "damaged-layer",
            ("base.squashfs: is damaged", "nothing was written here"),
            status=1,
            damaged_layer=True,
            slow=False,
        ),
        Refusal("unknown-key", ("colour",), status=2, changes={"global": {"colour": "red"}}),
        Refusal(
            "value-not-served",
            ("tpm2 with zfs is not served yet",),
            status=2,
            changes={
                "disk-setup": {
                    "filesystem": "zfs",
                    "zfs": {"raid": "raid0"},
                    "encryption": {"passphrase": PASSWORD, "tpm2": True},
                }
            },
        ),
        Refusal(
            "first-boot-without-executable",
            ("first-boot.source: the medium holds no executable",),
            status=2,
            changes={"first-boot": {"source": "from-iso"}},
        ),
        Refusal(
            "zfs-secure-boot",
            (
                "Secure Boot is on, and does not know the key that the modules of ZFS are signed with",
                "mokutil --import /run/trebol/medium/trebol/mok.der",
            ),
            status=3,
            changes={"disk-setup": {"filesystem": "zfs", "zfs": {"raid": "raid0"}}},
            firmware=Firmware.SECURE_BOOT,
        ),
        Refusal(
            "no-such-disk",
            ("nvme-NOWHERE matches no disk", f"virtio-{SERIAL}"),
            status=2,
            changes={"disk-setup": {"disk-list": ["nvme-NOWHERE"]}},
        ),
        Refusal("small-disk", (f"virtio-{SERIAL}: the disk has 4.0 GiB; at least",), status=3, disk_size=4 * GIB),
        Refusal("no-network-card", ("no network interface that Linux knows",), status=3, network=False),
        Refusal(
            # A machine with 2 GiB.
            "hardware",
            ("check memory-size (warn): Memory: ", 'mute = ["memory-size"] or fail-on = "never" in [checks]'),
            status=3,
            changes={"checks": {"fail-on": "warn"}},
        ),
        Refusal(
            "answer-server-is-silent",
            ("http://10.0.2.2:9/answer.toml: ", "check the URL after trebol.answer="),
            status=2,
            words=("trebol.answer=http://10.0.2.2:9/answer.toml",),
        ),
        Refusal(
            "no-medium",
            ("its medium (", "was not found within 60 s", "/dev/vda: ext4 'precious' (not looked into"),
            status=None,
            disk_holds_data=True,
            medium=False,
        ),
    )
}


#: Those that only a medium with the layer of ZFS says.
ABOUT_ZFS = frozenset({"zfs-secure-boot"})


@dataclass(frozen=True)
class Outcome:
    """What was seen: the console, the installer's exit status, and the disk before and after."""

    refusal: Refusal
    console: str
    status: int | None
    before: str
    after: str


def answer_file(refusal: Refusal, lab: Lab) -> str:
    """A good answer file with the refusal's changes."""
    sections: dict[str, dict[str, object]] = {
        "global": {
            "fqdn": "node9.example.org",
            "country": "es",
            "keyboard": "en-us",
            "timezone": "UTC",
            "mailto": "admin@example.org",
            "root-password": PASSWORD,
            "root-ssh-keys": [lab.public_key],
            "reboot-mode": "power-off",
        },
        "network": {"source": "from-dhcp"},
        "disk-setup": {"filesystem": "ext4", "disk-list": [f"virtio-{SERIAL}"]},
    }
    for section, changes in refusal.changes.items():
        sections.setdefault(section, {}).update(changes)
    return tomli_w.dumps(sections)


def damage_base(iso: Path) -> None:
    """Turn the last byte of the base layer over: squashfs pads its files there: the live system still runs."""
    with iso.open("r+b") as stream:
        extent = Image(stream, str(iso)).files()[f"{FOLDER}/base.squashfs"].extents[-1]
        at = extent.offset + extent.length - 1
        (byte,) = os.pread(stream.fileno(), 1, at)
        os.pwrite(stream.fileno(), bytes([byte ^ 0xFF]), at)


def extract_kernel(iso: Path, folder: Path) -> DirectKernel:
    """Kernel and initramfs of the medium, with the medium's id, to be booted where the medium is not."""
    with iso.open("rb") as stream:
        image = Image(stream, str(iso))
        files = image.files()
        kernel = folder / "vmlinuz"
        kernel.write_bytes(image.content(files["boot/vmlinuz"]))
        initrd = folder / "initrd.img"
        parts = [image.content(files[f"boot/{name}"]) for name in ("initrd.img", "medium.cpio")]
        # The kernel looks for a further archive at multiples of four only; GRUB pads so too.
        initrd.write_bytes(b"".join(part + bytes(-len(part) % 4) for part in parts))
    return DirectKernel(kernel, initrd, "boot=trebol console=ttyS0,115200n8")


def prepare(refusal: Refusal, lab: Lab, folder: Path) -> MachineConfig:
    """The machine on which the installation must be refused, in `folder`."""
    folder.mkdir(parents=True)
    disk = folder / "disk.raw"
    if refusal.disk_holds_data:
        make_bystander(disk)
    else:
        make_blank(disk, refusal.disk_size)
    if refusal.medium:
        answers = answer_file(refusal, lab)
        iso = seeded_copy(lab.iso, folder / "medium.iso", answers, words=refusal.words)
        if refusal.damaged_layer:
            damage_base(iso)
    return MachineConfig(
        disks=(Disk(disk, SERIAL, format="raw"),),
        medium=Medium(folder / "medium.iso") if refusal.medium else None,
        kernel=None if refusal.medium else extract_kernel(lab.iso, folder),
        nics=(Nic(restrict=True),) if refusal.network else (),
        firmware=refusal.firmware,
    )


def exit_status(machine: VirtualMachine) -> int:
    """The installer's exit status, asked for in the shell that the medium offers on the serial console."""
    machine.serial.expect(LAST_WORDS, within=patient(60))
    machine.serial.expect(r"# ", within=patient(SHELL_WITHIN))
    machine.serial.send("echo status=$(systemctl show --property=ExecMainStatus --value trebol-install)\n")
    return int(machine.serial.expect(r"status=(\d+)", within=patient(60))[1])


@contextmanager
def refused(refusal: Refusal, lab: Lab) -> Iterator[Outcome]:
    """Boot the machine and wait for what it says; the machine is gone when the outcome is handed out."""
    folder = lab.folder / refusal.name
    shutil.rmtree(folder, ignore_errors=True)
    config = prepare(refusal, lab, folder)
    disk = folder / "disk.raw"
    before = digest(disk)
    with lab.machine(config, folder / "boot") as machine:
        machine.serial.expect(re.escape(refusal.says[-1]), within=patient(REFUSED_WITHIN))
        status = exit_status(machine) if refusal.status is not None else None
        console = plain(machine.serial.text)
    after = digest(disk)
    (folder / "medium.iso").unlink(missing_ok=True)
    yield Outcome(refusal, console, status, before, after)


def refusal_job(name: str) -> Job:
    """The job of a refusal."""
    return lambda lab: refused(REFUSALS[name], lab)
