"""What of a node stays the same while it runs: kernel, processors, boot. Read once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from trebol_hardware.machine import Firmware, FirmwareMode, Processor
from trebol_hardware.probe import firmware, processor
from trebol_hardware.probe.sysfs import read_text


@dataclass(frozen=True)
class Kernel:
    """As uname(2) has it."""

    name: str
    release: str
    version: str
    machine: str


@dataclass(frozen=True)
class NodeIdentity:
    """`megahertz` is what the first processor ran at when it was read, as the kernel writes it."""

    kernel: Kernel
    processor: Processor
    megahertz: str
    firmware: Firmware


def read(root: Path) -> NodeIdentity:
    """Of the system below `root`."""
    kernel = root / "proc/sys/kernel"
    speed = re.search(r"^cpu MHz\s*:\s*([\d.]+)", read_text(root / "proc/cpuinfo"), re.MULTILINE)
    return NodeIdentity(
        kernel=Kernel(*(read_text(kernel / name) for name in ("ostype", "osrelease", "version", "arch"))),
        processor=processor.read(root),
        megahertz=speed[1] if speed else "",
        firmware=firmware.read(root),
    )


def boot_info(firmware: Firmware) -> dict[str, object]:
    """Proxmox VE's `boot-info`."""
    if firmware.mode is FirmwareMode.BIOS:
        return {"mode": "legacy-bios"}
    return {"mode": "efi", "secureboot": int(firmware.secure_boot is True)}
