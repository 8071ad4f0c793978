"""Virtual machines for tests, benchmarks and `trebol image run`: QEMU as a context manager, driven by QMP, the serial
console and SSH."""

from trebol_image.qemu.config import (
    WEB_SERVER,
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
)
from trebol_image.qemu.disks import create_disk
from trebol_image.qemu.emulator import image_qemu
from trebol_image.qemu.errors import DeadlinePassed, EmulatorFault, MachineEnded
from trebol_image.qemu.machine import VirtualMachine
from trebol_image.qemu.qmp import QmpClient, QmpError
from trebol_image.qemu.serial import SerialConsole

__all__ = [
    "WEB_SERVER",
    "Bus",
    "DeadlinePassed",
    "DirectKernel",
    "Disk",
    "EmulatorFault",
    "Firmware",
    "Forward",
    "MachineConfig",
    "MachineEnded",
    "Medium",
    "MediumKind",
    "Nic",
    "QmpClient",
    "QmpError",
    "SerialConsole",
    "Tap",
    "VirtualMachine",
    "accelerator",
    "create_disk",
    "image_qemu",
]
