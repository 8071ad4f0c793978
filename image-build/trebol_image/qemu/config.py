"""What a virtual machine is made of, and the QEMU command line that makes it.

Pure: nothing is started or written here. Sizes of memory are MiB, as for QEMU's `-m`.
"""

from __future__ import annotations

import itertools
import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from trebol_common.errors import BadInput

PROGRAM = "qemu-system-x86_64"
OVMF = Path("/usr/share/OVMF")

#: virtio-blk cuts a serial number after 20 bytes (VIRTIO 1.2, 5.2.6: VIRTIO_BLK_T_GET_ID), ATA holds 20 as well.
SERIAL_LENGTH = 20


class Firmware(StrEnum):
    """What the machine boots with: SeaBIOS, OVMF, or OVMF that enforces Secure Boot with Microsoft's keys."""

    BIOS = "bios"
    UEFI = "uefi"
    SECURE_BOOT = "secure-boot"


class Bus(StrEnum):
    """How a disk is attached."""

    VIRTIO = "virtio"
    SATA = "sata"
    NVME = "nvme"
    SCSI = "scsi"
    USB = "usb"


class MediumKind(StrEnum):
    """What the installation medium looks like to the machine."""

    CD = "cd"
    USB = "usb"


@dataclass(frozen=True)
class Disk:
    """A disk image; `serial` (at most 20 characters) is what the guest finds it by. On USB it is a stick where it is
    `removable`, else a fixed disk."""

    path: Path
    serial: str = ""
    bus: Bus = Bus.VIRTIO
    format: str = "qcow2"
    removable: bool = False

    def __post_init__(self) -> None:
        if len(self.serial) > SERIAL_LENGTH:
            raise BadInput(f"serial number {self.serial!r} has more than {SERIAL_LENGTH} characters")
        if self.bus is Bus.NVME and not self.serial:
            raise BadInput("an NVMe disk needs a serial number", where=str(self.path))


@dataclass(frozen=True)
class Medium:
    """An ISO image, as CD or written to a USB stick. The guest can never write to it."""

    path: Path
    kind: MediumKind = MediumKind.CD


@dataclass(frozen=True)
class Forward:
    """A TCP port of the guest, reachable on a free port of 127.0.0.1 (`VirtualMachine.port`).

    An empty `guest_address` is the first address that QEMU's DHCP server gives, 10.0.2.15.
    """

    guest_port: int
    guest_address: str = ""


#: The address at which a machine finds `Nic.response`.
WEB_SERVER = "10.0.2.4"


@dataclass(frozen=True)
class Tap:
    """An interface of this host's for one machine (ip-tuntap(8)), which reaches it at `address`."""

    interface: str
    address: str


@dataclass(frozen=True)
class Nic:
    """A network interface in QEMU's user-mode network: 10.0.2.0/24, gateway 10.0.2.2, DNS 10.0.2.3; or, with `tap`,
    in whatever network that is in.

    `restrict` cuts it off from everything but the host ports forwarded to it. `boot_rom` lets firmware boot from it.
    `response` is a file with a whole HTTP response, which `WEB_SERVER` gives to whatever is asked, restricted or not.
    """

    mac: str = "52:54:00:12:34:56"
    forwards: tuple[Forward, ...] = ()
    restrict: bool = False
    boot_rom: bool = False
    model: str = "virtio-net-pci"
    response: Path | None = None
    tap: Tap | None = None


@dataclass(frozen=True)
class DirectKernel:
    """A kernel that QEMU loads itself, past firmware and boot loader."""

    kernel: Path
    initrd: Path | None = None
    words: str = ""


@dataclass(frozen=True)
class Accelerator:
    """QEMU's `-accel`, and the CPU model that goes with it."""

    name: str
    cpu: str


def accelerator(environment: Mapping[str, str] = os.environ) -> Accelerator:
    """Software emulation, unless `TREBOL_ACCEL=kvm` says that guests can run on KVM here.

    That `/dev/kvm` opens proves nothing: in nested virtualisation it may open and still run no guest. The CPU model
    under emulation is a plain one on purpose. With `max` the kernel clears pages by `rep stosb`, and every byte of it
    is slow on a page that held translated code (soft lockups of a minute were seen); and vector instructions make
    hashing half as fast as plain ones do.
    """
    match environment.get("TREBOL_ACCEL", "tcg"):
        case "tcg":
            return Accelerator("tcg,thread=multi", "qemu64")
        case "kvm":
            return Accelerator("kvm", "host")
        case other:
            raise BadInput(f"{other!r} is not an accelerator", where="TREBOL_ACCEL", hint="use tcg or kvm")


@dataclass(frozen=True)
class MachineConfig:
    """A whole virtual machine.

    It boots from the medium first, then from the disks in order; with `disk_first` the other way round, so that a
    machine left alone installs once and then boots what was installed. Without `reboot`, a reset by the guest ends
    the machine. `vnc` shows the screen on the first free VNC display of 127.0.0.1 (`VirtualMachine.vnc_port`). `tpm`
    gives it a TPM 2.0 (swtpm). `program` is the QEMU that runs it.
    """

    firmware: Firmware = Firmware.BIOS
    memory: int = 2048
    cpus: int = 2
    disks: tuple[Disk, ...] = ()
    medium: Medium | None = None
    disk_first: bool = False
    nics: tuple[Nic, ...] = (Nic(),)
    kernel: DirectKernel | None = None
    reboot: bool = True
    vnc: bool = False
    tpm: bool = False
    program: str = PROGRAM
    accelerator: Accelerator = field(default_factory=accelerator)
    extra: tuple[str, ...] = ()


def variables_template(firmware: Firmware) -> Path | None:
    """OVMF's empty variable store (with Microsoft's keys for Secure Boot); the machine writes to a copy."""
    match firmware:
        case Firmware.BIOS:
            return None
        case Firmware.UEFI:
            return OVMF / "OVMF_VARS_4M.fd"
        case Firmware.SECURE_BOOT:
            return OVMF / "OVMF_VARS_4M.ms.fd"


def firmware_files(firmware: Firmware) -> tuple[Path, ...]:
    """The files of OVMF that must exist for this firmware."""
    template = variables_template(firmware)
    return () if template is None else (_code(firmware), template)


def _code(firmware: Firmware) -> Path:
    return OVMF / ("OVMF_CODE_4M.secboot.fd" if firmware is Firmware.SECURE_BOOT else "OVMF_CODE_4M.fd")


def arguments(
    config: MachineConfig, *, qmp: Path, serial: Path, variables: Path | None = None, tpm: Path | None = None
) -> tuple[str, ...]:
    """QEMU's command line.

    QEMU connects to the listening unix sockets `qmp` and `serial`, and starts with its CPUs stopped, so that nothing
    happens before somebody watches. `variables` is the machine's own copy of `variables_template`; its TPM listens on
    `tpm`.
    """
    tpm_device = () if tpm is None else _tpm(tpm)
    return (config.program, *_arguments(config, qmp, serial, variables), *tpm_device)


def _arguments(config: MachineConfig, qmp: Path, serial: Path, variables: Path | None) -> Iterator[str]:
    secure = config.firmware is Firmware.SECURE_BOOT
    yield from ("-nodefaults", "-no-user-config", "-S")
    yield from ("-machine", "q35,smm=on" if secure else "q35")
    yield from ("-accel", config.accelerator.name, "-cpu", config.accelerator.cpu)
    yield from ("-smp", str(config.cpus), "-m", str(config.memory))
    yield from ("-rtc", "base=utc", "-device", "virtio-rng-pci")
    if not config.reboot:
        yield "-no-reboot"
    yield from ("-chardev", f"socket,id=qmp,path={_value(qmp)}", "-mon", "chardev=qmp,mode=control")
    yield from ("-chardev", f"socket,id=serial,path={_value(serial)}", "-serial", "chardev:serial")
    yield from ("-device", "VGA", "-display", "vnc=127.0.0.1:0,to=99" if config.vnc else "none")
    yield from _firmware(config.firmware, variables)
    yield from _storage(config)
    for number, nic in enumerate(config.nics):
        yield from _nic(number, nic)
    if config.kernel is not None:
        yield from ("-kernel", str(config.kernel.kernel), "-append", config.kernel.words)
        if config.kernel.initrd is not None:
            yield from ("-initrd", str(config.kernel.initrd))
    yield from config.extra


def _value(path: Path | str) -> str:
    """A path inside one of QEMU's comma-separated options."""
    return str(path).replace(",", ",,")


def _firmware(firmware: Firmware, variables: Path | None) -> Iterator[str]:
    if firmware is Firmware.BIOS:
        return
    if variables is None:
        raise ValueError(f"{firmware} needs a variable store")
    if firmware is Firmware.SECURE_BOOT:
        # Only code in system management mode may write the store: otherwise the guest could replace the keys.
        yield from ("-global", "driver=cfi.pflash01,property=secure,value=on")
    yield from ("-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={_value(_code(firmware))}")
    yield from ("-drive", f"if=pflash,unit=1,format=raw,file={_value(variables)}")


def _tpm(socket: Path) -> Iterator[str]:
    yield from ("-chardev", f"socket,id=tpm,path={_value(socket)}", "-tpmdev", "emulator,id=tpm,chardev=tpm")
    yield from ("-device", "tpm-crb,tpmdev=tpm")


def _storage(config: MachineConfig) -> Iterator[str]:
    medium_is_usb = config.medium is not None and config.medium.kind is MediumKind.USB
    buses = {disk.bus for disk in config.disks}
    if medium_is_usb or Bus.USB in buses:
        yield from ("-device", "qemu-xhci,id=usb")
    if Bus.SCSI in buses:
        yield from ("-device", "virtio-scsi-pci,id=scsi")
    # A kernel that QEMU loads takes the first place itself.
    boot_index = itertools.count(0 if config.kernel is None else 1)
    sata = iter(range(6))
    medium: tuple[str, ...] = ()
    if config.medium is not None and not config.disk_first:
        medium = tuple(_medium(config.medium, next(boot_index)))
        if not medium_is_usb:
            next(sata)
    disks = [
        argument
        for number, disk in enumerate(config.disks)
        for argument in _disk(number, disk, next(boot_index), sata)
    ]
    if config.medium is not None and config.disk_first:
        medium = tuple(_medium(config.medium, next(boot_index)))
    yield from (*medium, *disks)


def _medium(medium: Medium, boot_index: int) -> Iterator[str]:
    yield from ("-drive", f"if=none,id=medium,format=raw,readonly=on,file={_value(medium.path)}")
    match medium.kind:
        case MediumKind.CD:
            yield from ("-device", f"ide-cd,bus=ide.0,drive=medium,bootindex={boot_index}")
        case MediumKind.USB:
            yield from ("-device", f"usb-storage,bus=usb.0,removable=on,drive=medium,bootindex={boot_index}")


def _disk(number: int, disk: Disk, boot_index: int, sata: Iterator[int]) -> Iterator[str]:
    name = f"disk{number}"
    # Nothing here outlives the machine unless the machine ends well, so flushing to the host's disk only costs time.
    options = f"if=none,id={name},format={disk.format},cache=unsafe,discard=unmap,file={_value(disk.path)}"
    yield from ("-drive", options)
    match disk.bus:
        case Bus.VIRTIO:
            device = "virtio-blk-pci"
        case Bus.SATA:
            device = f"ide-hd,bus=ide.{next(sata)}"
        case Bus.NVME:
            device = "nvme"
        case Bus.SCSI:
            device = "scsi-hd,bus=scsi.0"
        case Bus.USB:
            device = f"usb-storage,bus=usb.0,removable={'on' if disk.removable else 'off'}"
    serial = f",serial={_value(disk.serial)}" if disk.serial else ""
    yield from ("-device", f"{device},drive={name}{serial},bootindex={boot_index}")


def netdev(number: int) -> str:
    """QEMU's name of the other end of a NIC's cable."""
    return f"net{number}"


def _nic(number: int, nic: Nic) -> Iterator[str]:
    forwards = "".join(
        f",hostfwd=tcp:127.0.0.1:0-{forward.guest_address}:{forward.guest_port}" for forward in nic.forwards
    )
    restrict = ",restrict=on" if nic.restrict else ""
    web = f",guestfwd=tcp:{WEB_SERVER}:80-cmd:cat {shlex.quote(_value(nic.response))}" if nic.response else ""
    if nic.tap is None:
        yield from ("-netdev", f"user,id={netdev(number)}{restrict}{forwards}{web}")
    else:
        yield from ("-netdev", f"tap,id={netdev(number)},ifname={nic.tap.interface},script=no,downscript=no")
    rom = "" if nic.boot_rom else ",romfile="
    yield from ("-device", f"{nic.model},netdev={netdev(number)},mac={nic.mac}{rom}")
