"""Carrying out single steps: the commands they run, and what keeps them from running."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.unit.answer_files import GIB, answers, made_machine, manifest
from tests.unit.fakesys import TableUdev

from trebol_common.block_sums import block_sums
from trebol_common.errors import Refused, TrebolError
from trebol_common.esp import Synchronised
from trebol_common.events import Context, Event, Kind
from trebol_common.medium import DamagedMedium, Layer, Manifest
from trebol_common.run import Argument, CommandFailed, Completed, ScriptedRunner
from trebol_hardware.machine import FirmwareMode
from trebol_hardware.probe import udev
from trebol_hardware.probe.edges import digest
from trebol_installer.execute import (
    block,
    bootloader,
    disks,
    executor,
    layers,
    partition,
)
from trebol_installer.execute.state import Run
from trebol_installer.plan import plan
from trebol_installer.steps import (
    BootPartition,
    CheckTarget,
    CreateThinPool,
    CreateVolume,
    CreateVolumeGroup,
    ExtractLayer,
    InstallBootLoader,
    PartitionDisk,
    PartitionRef,
    Step,
    VerifyLayers,
)

DISK = "vda"
SIZE = 40 * GIB


@dataclass
class Fake:
    """A sysfs and a /dev with one disk of three partitions, and a run on it."""

    folder: Path
    run: Run
    runner: ScriptedRunner
    events: list[Event]
    udev: TableUdev

    @property
    def disk(self) -> str:
        """The disk's stable path."""
        return str(self.folder / "by-id/virtio-d1")

    def attribute(self, name: str, text: str) -> None:
        path = self.folder / "sys" / DISK / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")

    @property
    def logged(self) -> str:
        return "\n".join(event.text for event in self.events if event.kind is Kind.LOG)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    known = TableUdev({("block", DISK): {"ID_SERIAL_SHORT": "d1"}})
    monkeypatch.setattr(udev, "PyudevSource", lambda: known)
    (tmp_path / "by-id").mkdir()
    (tmp_path / DISK).write_bytes(b"")
    (tmp_path / "by-id/virtio-d1").symlink_to(tmp_path / DISK)
    (tmp_path / "mountinfo").write_text("22 1 0:20 / /proc rw - proc proc rw\n")
    monkeypatch.setattr(block, "SYSFS", tmp_path / "sys")
    monkeypatch.setattr(block, "MOUNTS", tmp_path / "mountinfo")
    runner, events = ScriptedRunner(), list[Event]()
    run = Run(
        plan=plan(made_machine(), answers(), manifest()),
        answers=answers(),
        machine=made_machine(),
        manifest=manifest(),
        medium=tmp_path / "medium",
        runner=runner,
        context=Context(events.append),
        target=tmp_path / "target",
        logs=tmp_path / "logs",
        hashed=tmp_path / "block-sums",
    )
    made = Fake(tmp_path, run, runner, events, known)
    for name, text in (("size", str(SIZE // 512)), ("ro", "0"), ("dev", "254:0")):
        made.attribute(name, text)
    for number in (1, 2, 3):
        made.attribute(f"vda{number}/partition", str(number))
        entry = tmp_path / "sys" / f"vda{number}"
        entry.symlink_to(tmp_path / "sys" / DISK / f"vda{number}")
        made.attribute(f"vda{number}/dev", f"254:{number}")
    return made


def check(fake: Fake, *, size: int = SIZE, serial: str = "d1") -> None:
    disks.check_target(CheckTarget(fake.disk, size, serial), fake.run)


def test_the_planned_disk_is_accepted(fake: Fake) -> None:
    check(fake)


@pytest.mark.parametrize(
    ("properties", "attribute"),
    [
        ({"ID_SCSI_SERIAL": "Z1", "ID_SERIAL_SHORT": "5000c500a1b2c3d4"}, None),
        ({"ID_SERIAL_SHORT": "Z1"}, None),
        ({}, "Z1 "),
    ],
)
def test_a_disk_is_known_by_the_serial_that_the_probe_reads(
    fake: Fake, properties: dict[str, str], attribute: str | None
) -> None:
    fake.udev.table["block", DISK] = properties
    if attribute is not None:
        fake.attribute("serial", attribute)

    check(fake, serial="Z1")


def test_a_disk_planned_without_a_serial_needs_none(fake: Fake) -> None:
    check(fake, serial="")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda fake: fake.attribute("size", "100"), "has 51200 bytes, but the plan is for a disk of 42949672960"),
        (
            lambda fake: fake.udev.table.update({("block", DISK): {"ID_SERIAL_SHORT": "other"}}),
            "has serial other, but the plan is for d1",
        ),
        (lambda fake: fake.udev.table.clear(), "has no serial, but the plan is for d1"),
        (lambda fake: fake.attribute("ro", "1"), "is read-only"),
        (lambda fake: fake.attribute("partition", "1"), "is a partition, not a disk"),
        (
            lambda fake: (fake.folder / "mountinfo").write_text("30 1 254:3 / /a\\040b rw - ext4 /dev/vda3 rw\n"),
            "is mounted at /a b",
        ),
    ],
)
def test_a_disk_that_changed_since_the_plan_is_refused(
    fake: Fake, change: Callable[[Fake], object], told: str
) -> None:
    change(fake)

    with pytest.raises(Refused, match=told):
        check(fake)


@pytest.mark.parametrize("at", [0, 2**20 - 1, SIZE - 2**20, SIZE - 1])
def test_a_disk_whose_content_changed_at_either_end_is_refused(fake: Fake, at: int) -> None:
    disk = fake.folder / DISK
    os.truncate(disk, SIZE)
    step = CheckTarget(fake.disk, SIZE, "d1", digest(disk, SIZE))
    disks.check_target(step, fake.run)

    with disk.open("r+b") as stream:
        stream.seek(at)
        stream.write(b"x")

    with pytest.raises(Refused, match="holds something else than when it was planned for"):
        disks.check_target(step, fake.run)


def test_a_disk_that_is_gone_is_told(fake: Fake) -> None:
    (fake.folder / "by-id/virtio-d1").unlink()

    with pytest.raises(TrebolError, match="is not there any more"):
        check(fake)


def test_partition_nodes_are_read_and_never_built(fake: Fake) -> None:
    assert block.node_of(PartitionRef(fake.disk, 3)) == Path("/dev/vda3")
    with pytest.raises(TrebolError, match="the kernel does not know this partition"):
        block.node_of(PartitionRef(fake.disk, 4))


LVCREATE = ("lvcreate", "--yes", "--wipesignatures", "y", "--devices", "/dev/vda3")

LVM_STEPS: list[tuple[Callable[[PartitionRef], Step], tuple[str, ...]]] = [
    (
        lambda part: CreateVolumeGroup("trebol", part),
        ("vgcreate", "--yes", "--dataalignment", "1m", "--devices", "/dev/vda3", "trebol", "/dev/vda3"),
    ),
    (
        lambda part: CreateVolume("trebol", "root", 4194304, part),
        (*LVCREATE, "--size", "4194304b", "--name", "root", "trebol"),
    ),
    (
        lambda part: CreateThinPool("trebol", "data", 8388608, 4194304, part),
        (
            *(
                "lvcreate",
                "--yes",
                "--monitor",
                "n",
                "--activate",
                "n",
                "--devices",
                "/dev/vda3",
                "--type",
                "thin-pool",
            ),
            *("--size", "8388608b", "--poolmetadatasize", "4194304b"),
            *("--name", "data", "trebol"),
        ),
    ),
]


@pytest.mark.parametrize(("make", "command"), LVM_STEPS, ids=["group", "volume", "thin pool"])
def test_lvm_is_told_exactly_what_to_make_and_where(
    fake: Fake, make: Callable[[PartitionRef], Step], command: tuple[str, ...]
) -> None:
    fake.runner.expect(*command)

    executor.perform(make(PartitionRef(fake.disk, 3)), fake.run)

    assert fake.runner.seen == [command]


def test_a_partition_that_the_kernel_did_not_take_up_is_told(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    (step,) = [step for step in fake.run.plan.steps if isinstance(step, PartitionDisk)]
    (fake.folder / "sys" / DISK / "vda3/partition").unlink()
    monkeypatch.setattr(partition, "write_table", lambda node, partitions: None)

    with pytest.raises(TrebolError, match="the kernel did not take up partition 3"):
        disks.partition_disk(replace(step, disk=fake.disk), fake.run)


def medium_with(folder: Path, **contents: bytes) -> Manifest:
    """A medium of these layers, with right checksums."""
    (folder / "trebol").mkdir(parents=True)
    made = []
    for name, content in contents.items():
        (folder / f"trebol/{name}.squashfs").write_bytes(content)
        made.append(
            Layer(
                name=name,
                file=f"{name}.squashfs",
                sha256=hashlib.sha256(content).hexdigest(),
                blocks=block_sums(folder / f"trebol/{name}.squashfs"),
                size=len(content),
                unpacked=1,
                files=1,
                target=True,
            )
        )
    return manifest().model_copy(update={"layers": tuple(made)})


def test_whole_layers_pass_with_progress_in_bytes(fake: Fake) -> None:
    run = replace(fake.run, manifest=medium_with(fake.run.medium, base=b"b" * 100, live=b"l" * 10))

    layers.verify_layers(VerifyLayers(("base", "live"), 110), run)

    last = [event for event in fake.events if event.kind is Kind.PROGRESS][-1]
    assert (last.done, last.total, last.unit) == (110, 110, "bytes")


def test_a_damaged_layer_is_named(fake: Fake) -> None:
    run = replace(fake.run, manifest=medium_with(fake.run.medium, base=b"b" * 100, live=b"l" * 10))
    (fake.run.medium / "trebol/live.squashfs").write_bytes(b"x" * 10)

    with pytest.raises(DamagedMedium, match=r"live\.squashfs: is damaged"):
        layers.verify_layers(VerifyLayers(("base", "live"), 110), run)


def test_a_block_that_was_hashed_in_advance_is_compared_too(fake: Fake) -> None:
    run = replace(fake.run, manifest=medium_with(fake.run.medium, base=b"b" * 100, live=b"l" * 10))
    run.hashed.write_text("base.squashfs 0 0123\n")

    with pytest.raises(DamagedMedium, match=r"base\.squashfs: is damaged"):
        layers.verify_layers(VerifyLayers(("base", "live"), 110), run)


def test_unpacking_tells_bytes_and_logs_the_rest(fake: Fake) -> None:
    image = str(fake.run.medium / "trebol/base.squashfs")
    fake.runner.expect(
        *("unsquashfs", "-force", "-strict-errors", "-percentage"),
        *("-dest", str(fake.run.target), image),
        stdout="created 10 files\n\n25\n100\n",
    )

    layers.extract_layer(ExtractLayer("base", "base.squashfs", 4000), fake.run)

    assert [event.done for event in fake.events if event.kind is Kind.PROGRESS] == [1000, 4000]
    assert fake.logged == "created 10 files"


EFIBOOTMGR = ("efibootmgr", "--quiet")


def test_firmware_that_refuses_a_boot_entry_does_not_fail_the_installation(fake: Fake) -> None:
    node = str(fake.folder / DISK)
    fake.runner.expect(*EFIBOOTMGR, "--delete-bootnum", "--label", "Trebol", status=1)
    fake.runner.expect(*creation("Trebol", node), status=5, stderr="No space left on device")
    esp = BootPartition(PartitionRef(fake.disk, 2))

    bootloader._write_boot_entries(InstallBootLoader((esp,), FirmwareMode.UEFI, "/dev/x", "ro"), fake.run)

    assert "no boot entry could be written" in fake.logged


def test_each_disk_gets_a_boot_entry_and_the_first_disk_the_first_place(fake: Fake) -> None:
    node = str(fake.folder / DISK)
    for label in ("Trebol", "Trebol 2"):
        fake.runner.expect(*EFIBOOTMGR, "--delete-bootnum", "--label", label)
    for label in ("Trebol 2", "Trebol"):  # A new entry becomes the first.
        fake.runner.expect(*creation(label, node))
    esp = BootPartition(PartitionRef(fake.disk, 2))

    bootloader._write_boot_entries(InstallBootLoader((esp, esp), FirmwareMode.UEFI, "/dev/x", "ro"), fake.run)

    assert not fake.runner.expected


def creation(label: str, node: str) -> tuple[str, ...]:
    place = ("--create", "--disk", node, "--part", "2")
    return (*EFIBOOTMGR, *place, "--label", label, "--loader", r"\EFI\debian\shimx64.efi")


@pytest.fixture
def without_bios(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """A run in which the ESP is in order and GRUB for BIOS cannot be installed."""
    monkeypatch.setattr(bootloader, "synchronise", lambda *arguments, **options: Synchronised((), (), ()))
    program = fake.run.target / "boot/efi/EFI/BOOT/BOOTX64.EFI"
    program.parent.mkdir(parents=True)
    program.write_bytes(b"shim")

    def run(command: Sequence[Argument], **options: object) -> Completed:
        if command[0] == "grub-install":
            raise CommandFailed("grub-install", 1, ["cannot embed"])
        return Completed(0)

    monkeypatch.setattr(fake.runner, "run", run)
    return fake


def boot_loader(fake: Fake, firmware: FirmwareMode, sector: int) -> InstallBootLoader:
    esp = BootPartition(PartitionRef(fake.disk, 2), sector)
    fake.run.uuids[str(esp.esp)] = "AB12-CD34"
    return InstallBootLoader((esp,), firmware, "/dev/x", "ro")


def test_a_disk_from_which_no_bios_can_boot_is_installed_for_uefi_alone(without_bios: Fake) -> None:
    bootloader.install_boot_loader(boot_loader(without_bios, FirmwareMode.UEFI, 4096), without_bios.run)

    assert "warning: BIOS cannot boot from this disk, whose sectors have 4096 bytes" in without_bios.logged


@pytest.mark.parametrize(("firmware", "sector"), [(FirmwareMode.UEFI, 512), (FirmwareMode.BIOS, 4096)])
def test_no_boot_loader_for_bios_where_there_should_be_one_fails_the_installation(
    without_bios: Fake, firmware: FirmwareMode, sector: int
) -> None:
    with pytest.raises(CommandFailed, match="cannot embed"):
        bootloader.install_boot_loader(boot_loader(without_bios, firmware, sector), without_bios.run)
