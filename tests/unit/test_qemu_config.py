"""The QEMU command line that a machine's description makes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from trebol_common.cli import run
from trebol_common.errors import BadInput
from trebol_common.run import ScriptedRunner
from trebol_image.qemu import (
    Bus,
    DirectKernel,
    Disk,
    Firmware,
    Forward,
    MachineConfig,
    Medium,
    MediumKind,
    Nic,
    Tap,
    accelerator,
    create_disk,
)
from trebol_image.qemu.config import arguments, firmware_files, variables_template
from trebol_image.qemu.media import newest_iso

ISO = Medium(Path("t.iso"))
STICK = Medium(Path("t.iso"), MediumKind.USB)
DISK = Disk(Path("d.qcow2"), "ONE")


def command_line(config: MachineConfig) -> tuple[str, ...]:
    variables = Path("v.fd") if config.firmware is not Firmware.BIOS else None
    tpm = Path("/s/tpm") if config.tpm else None
    return arguments(config, qmp=Path("/s/qmp"), serial=Path("/s/serial"), variables=variables, tpm=tpm)


def holds(command: Sequence[str], *words: str) -> bool:
    """Whether `words` stand in `command`, one after the other."""
    return any(tuple(command[at : at + len(words)]) == words for at in range(len(command)))


CASES: dict[str, tuple[MachineConfig, list[tuple[str, ...]]]] = {
    "stands still until it is watched": (
        MachineConfig(),
        [
            ("-S",),
            ("-chardev", "socket,id=qmp,path=/s/qmp", "-mon", "chardev=qmp,mode=control"),
            ("-chardev", "socket,id=serial,path=/s/serial", "-serial", "chardev:serial"),
            ("-display", "none"),
        ],
    ),
    "software emulation with a thread per CPU": (
        MachineConfig(cpus=3, memory=512, accelerator=accelerator({})),
        [("-accel", "tcg,thread=multi", "-cpu", "qemu64", "-smp", "3", "-m", "512")],
    ),
    "a TPM where there is to be one": (
        MachineConfig(tpm=True),
        [
            ("-chardev", "socket,id=tpm,path=/s/tpm", "-tpmdev", "emulator,id=tpm,chardev=tpm"),
            ("-device", "tpm-crb,tpmdev=tpm"),
        ],
    ),
    "KVM when asked for": (
        MachineConfig(accelerator=accelerator({"TREBOL_ACCEL": "kvm"})),
        [("-accel", "kvm", "-cpu", "host")],
    ),
    "UEFI with a store of its own": (
        MachineConfig(firmware=Firmware.UEFI),
        [
            ("-machine", "q35"),
            ("-drive", "if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd"),
            ("-drive", "if=pflash,unit=1,format=raw,file=v.fd"),
        ],
    ),
    "Secure Boot whose store only firmware can write": (
        MachineConfig(firmware=Firmware.SECURE_BOOT),
        [
            ("-machine", "q35,smm=on"),
            ("-global", "driver=cfi.pflash01,property=secure,value=on"),
            ("-drive", "if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd"),
        ],
    ),
    "CD first, then the disk": (
        MachineConfig(medium=ISO, disks=(DISK,)),
        [
            ("-drive", "if=none,id=medium,format=raw,readonly=on,file=t.iso"),
            ("-device", "ide-cd,bus=ide.0,drive=medium,bootindex=0"),
            ("-device", "virtio-blk-pci,drive=disk0,serial=ONE,bootindex=1"),
        ],
    ),
    "disk first, then the CD": (
        MachineConfig(medium=ISO, disks=(DISK,), disk_first=True),
        [
            ("-device", "virtio-blk-pci,drive=disk0,serial=ONE,bootindex=0"),
            ("-device", "ide-cd,bus=ide.0,drive=medium,bootindex=1"),
        ],
    ),
    "medium as USB stick": (
        MachineConfig(medium=STICK, disks=(DISK,)),
        [
            ("-device", "qemu-xhci,id=usb"),
            ("-device", "usb-storage,bus=usb.0,removable=on,drive=medium,bootindex=0"),
        ],
    ),
    "disks on every bus, SATA beside the CD": (
        MachineConfig(
            medium=ISO,
            disks=tuple(Disk(Path(f"{bus}.raw"), bus.upper(), bus, "raw") for bus in Bus),
        ),
        [
            (
                "-drive",
                "if=none,id=disk1,format=raw,cache=unsafe,discard=unmap,file=sata.raw",
                "-device",
                "ide-hd,bus=ide.1,drive=disk1,serial=SATA,bootindex=2",
            ),
            ("-device", "nvme,drive=disk2,serial=NVME,bootindex=3"),
            ("-device", "virtio-scsi-pci,id=scsi"),
            ("-device", "scsi-hd,bus=scsi.0,drive=disk3,serial=SCSI,bootindex=4"),
            ("-device", "usb-storage,bus=usb.0,removable=off,drive=disk4,serial=USB,bootindex=5"),
        ],
    ),
    "SATA disks from the first port where no CD is": (
        MachineConfig(medium=STICK, disks=(Disk(Path("a"), bus=Bus.SATA), Disk(Path("b"), bus=Bus.SATA))),
        [
            ("-device", "ide-hd,bus=ide.0,drive=disk0,bootindex=1"),
            ("-device", "ide-hd,bus=ide.1,drive=disk1,bootindex=2"),
        ],
    ),
    "a comma in a path": (
        MachineConfig(medium=Medium(Path("a,b.iso"))),
        [("-drive", "if=none,id=medium,format=raw,readonly=on,file=a,,b.iso")],
    ),
    "ports of the guest on free ports of the host, and nothing else": (
        MachineConfig(nics=(Nic(forwards=(Forward(22), Forward(9090, "10.0.2.50")), restrict=True),)),
        [
            (
                "-netdev",
                "user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:0-:22,hostfwd=tcp:127.0.0.1:0-10.0.2.50:9090",
                "-device",
                "virtio-net-pci,netdev=net0,mac=52:54:00:12:34:56,romfile=",
            )
        ],
    ),
    "what the machine's web server responds": (
        MachineConfig(nics=(Nic(restrict=True, response=Path("/out/a response")),)),
        [("-netdev", "user,id=net0,restrict=on,guestfwd=tcp:10.0.2.4:80-cmd:cat '/out/a response'")],
    ),
    "a NIC on a bridge of this host's": (
        MachineConfig(nics=(Nic(tap=Tap("tap1", "10.0.2.51")),)),
        [("-netdev", "tap,id=net0,ifname=tap1,script=no,downscript=no")],
    ),
    "a NIC that firmware can boot from": (
        MachineConfig(nics=(Nic("52:54:00:00:00:01", boot_rom=True, model="e1000e"),)),
        [("-device", "e1000e,netdev=net0,mac=52:54:00:00:00:01")],
    ),
    "a kernel past firmware and boot loader": (
        MachineConfig(kernel=DirectKernel(Path("k"), Path("i"), "console=ttyS0 quiet")),
        [("-kernel", "k", "-append", "console=ttyS0 quiet", "-initrd", "i")],
    ),
    "its disks after a kernel, which QEMU puts first": (
        MachineConfig(kernel=DirectKernel(Path("k"), None, ""), disks=(Disk(Path("one")),)),
        [("-device", "virtio-blk-pci,drive=disk0,bootindex=1")],
    ),
    "an end at the guest's first reset": (MachineConfig(reboot=False), [("-no-reboot",)]),
    "the screen by VNC": (MachineConfig(vnc=True), [("-display", "vnc=127.0.0.1:0,to=99")]),
    "whatever else is asked for": (MachineConfig(extra=("-device", "i6300esb")), [("-device", "i6300esb")]),
}


@pytest.mark.parametrize("case", CASES)
def test_a_machine_is_given(case: str) -> None:
    config, expected = CASES[case]
    command = command_line(config)
    assert command[0] == "qemu-system-x86_64"
    for words in expected:
        assert holds(command, *words), f"{words} not in {command}"


@pytest.mark.parametrize(
    ("config", "word"),
    [
        (MachineConfig(), "-no-reboot"),
        (MachineConfig(), "qemu-xhci,id=usb"),
        (MachineConfig(nics=()), "-netdev"),
        (MachineConfig(firmware=Firmware.BIOS), "-global"),
    ],
)
def test_a_machine_is_not_given_what_nobody_asked_for(config: MachineConfig, word: str) -> None:
    assert word not in command_line(config)


def test_the_guest_can_never_write_to_the_medium() -> None:
    for medium in (ISO, STICK):
        (drive,) = [word for word in command_line(MachineConfig(medium=medium)) if "file=t.iso" in word]
        assert "readonly=on" in drive.split(",")


def test_each_boot_device_has_a_place_of_its_own() -> None:
    disks = tuple(Disk(Path(f"{number}")) for number in range(4))
    for first in (True, False):
        words = ",".join(command_line(MachineConfig(medium=ISO, disks=disks, disk_first=first))).split(",")
        places = [word for word in words if word.startswith("bootindex=")]
        assert sorted(places) == [f"bootindex={number}" for number in range(5)]


def test_a_serial_number_that_the_guest_would_see_cut_is_refused() -> None:
    with pytest.raises(BadInput, match="more than 20 characters"):
        Disk(Path("d"), "123456789012345678901")


def test_an_nvme_disk_without_serial_number_is_refused() -> None:
    with pytest.raises(BadInput, match="NVMe"):
        Disk(Path("d"), bus=Bus.NVME)


def test_an_unknown_accelerator_is_refused_with_the_variable_to_change() -> None:
    with pytest.raises(BadInput) as caught:
        accelerator({"TREBOL_ACCEL": "magic"})
    assert "TREBOL_ACCEL" in str(caught.value) and "kvm" in str(caught.value)


def test_secure_boot_starts_with_microsofts_keys() -> None:
    assert variables_template(Firmware.SECURE_BOOT) != variables_template(Firmware.UEFI)
    assert firmware_files(Firmware.BIOS) == ()
    assert len(firmware_files(Firmware.SECURE_BOOT)) == 2


def test_a_disk_can_show_another_one(tmp_path: Path) -> None:
    base = tmp_path / "base.qcow2"
    runner = (
        ScriptedRunner()
        .expect("qemu-img", "create", "-q", "-f", "qcow2", str(tmp_path / "new" / "a.qcow2"), "32G")
        .expect(
            *("qemu-img", "create", "-q", "-f", "qcow2", "-b", str(base), "-F", "qcow2", str(tmp_path / "b.qcow2"))
        )
    )
    create_disk(tmp_path / "new" / "a.qcow2", "32G", runner=runner)
    create_disk(tmp_path / "b.qcow2", backing=base, runner=runner)
    assert not runner.expected


def test_the_newest_iso_is_found(tmp_path: Path) -> None:
    for age, name in enumerate(("new.iso", "old.iso")):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    (tmp_path / "later.txt").touch()
    assert newest_iso(tmp_path).name == "new.iso"


def test_no_iso_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        newest_iso(tmp_path)
    assert "make iso" in str(caught.value)


@pytest.mark.parametrize("size", ["", "0", "-5G", "64", "1.5G", "64 G", "lots"])
def test_a_scratch_disk_of_no_size_is_bad_usage(capsys: pytest.CaptureFixture[str], size: str) -> None:
    assert run(["image", "run", f"--disk={size}"]) == 2
    assert f"--disk: {size!r} is not a size\n  → such as 64G" in capsys.readouterr().err
