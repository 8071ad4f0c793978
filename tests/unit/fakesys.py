"""Builds trees of /sys and /proc for tests of the probe."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.unit import smbios_tables as tables

from trebol_common.run import Argument, CommandFailed, Completed

CPUINFO = """\
processor\t: 0
vendor_id\t: GenuineIntel
model name\t: Intel(R) Xeon(R) CPU
physical id\t: 0
core id\t\t: 0
flags\t\t: fpu vmx

processor\t: 1
vendor_id\t: GenuineIntel
model name\t: Intel(R) Xeon(R) CPU
physical id\t: 0
core id\t\t: 0
flags\t\t: fpu vmx

processor\t: 2
vendor_id\t: GenuineIntel
model name\t: Intel(R) Xeon(R) CPU
physical id\t: 1
core id\t\t: 0
flags\t\t: fpu vmx

"""

MOUNT = "{id} 1 {number} / {point} rw,relatime shared:1 - {kind} {source} rw\n"


@dataclass
class TableUdev:
    """udev's properties from a table."""

    table: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)

    def properties(self, subsystem: str, name: str) -> Mapping[str, str]:
        """See `UdevSource.properties`."""
        return self.table.get((subsystem, name), {})


@dataclass
class FakeSystem:
    """A tree below `root`; `udev` is what udev says of its devices."""

    root: Path
    udev: TableUdev = field(default_factory=TableUdev)

    def __post_init__(self) -> None:
        self.write("proc/cpuinfo", CPUINFO)
        self.write("proc/meminfo", "MemTotal:        8000000 kB\nMemFree:         1 kB\n")
        self.write("proc/swaps", "Filename Type Size Used Priority\n")
        self.write("proc/self/mountinfo", "")
        self.write("proc/sys/kernel/osrelease", "6.12.0-test\n")
        self.write("proc/sys/kernel/random/boot_id", "0f1e2d3c-0000-4000-8000-000000000001\n")
        self.write("proc/sys/kernel/arch", "x86_64\n")

    def write(self, path: str, content: str | bytes) -> Path:
        """Write one file below the root."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def attributes(self, folder: str, values: Mapping[str, str]) -> None:
        """Write attribute files into a folder of /sys."""
        for name, value in values.items():
            self.write(f"{folder}/{name}", value + "\n")

    def link(self, path: str, target: str) -> None:
        """A symbolic link below the root to another place below it."""
        link = self.root / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(self.root / target)

    def disk(
        self,
        name: str,
        device: str,
        *,
        sectors: int = 2**31,
        number: str = "8:0",
        attributes: Mapping[str, str] | None = None,
        udev: Mapping[str, str] | None = None,
    ) -> str:
        """A disk whose sysfs folder is devices/`device`/`name`; returns that folder."""
        folder = f"sys/devices/{device}/{name}"
        self.attributes(folder, {"size": str(sectors), "dev": number, **(attributes or {})})
        self.link(f"sys/block/{name}", folder)
        self.udev.table["block", name.replace("!", "/")] = dict(udev or {})
        return folder

    def partition(
        self,
        folder: str,
        name: str,
        number: int,
        *,
        start: int,
        sectors: int,
        dev: str,
        udev: Mapping[str, str] | None = None,
    ) -> None:
        """A partition of the disk in `folder`; start and size in 512-byte units."""
        values = {"partition": str(number), "start": str(start), "size": str(sectors), "dev": dev}
        self.attributes(f"{folder}/{name}", values)
        self.udev.table["block", name] = dict(udev or {})

    def volume(
        self,
        name: str,
        below: Sequence[str],
        *,
        sectors: int = 2**20,
        number: str = "253:0",
        attributes: Mapping[str, str] | None = None,
        udev: Mapping[str, str] | None = None,
    ) -> str:
        """A volume that the kernel makes of the devices `below`; both know of each other. Returns its folder."""
        folder = self.disk(name, "virtual/block", sectors=sectors, number=number, attributes=attributes, udev=udev)
        for slave in below:
            # Folders in the place of links, whose circle a walk through all files would not come out of.
            (self.root / folder / "slaves" / slave).mkdir(parents=True)
            (self.root / self.folder(slave) / "holders" / name).mkdir(parents=True)
        return folder

    def folder(self, name: str) -> str:
        """The sysfs folder of a block device: a disk, volume or partition."""
        blocks = self.root / "sys/block"
        found = blocks / name if (blocks / name).exists() else next(blocks.glob(f"*/{name}"))
        return str(found.resolve().relative_to(self.root.resolve()))

    def mount(self, number: str, point: str, source: str, kind: str = "ext4") -> None:
        """Add a line to /proc/self/mountinfo."""
        path = self.root / "proc/self/mountinfo"
        text = path.read_text()
        line = MOUNT.format(id=20 + text.count("\n"), number=number, point=point, kind=kind, source=source)
        path.write_text(text + line)

    def interface(
        self,
        name: str,
        device: str | None,
        *,
        mac: str = "52:54:00:00:00:01",
        attributes: Mapping[str, str] | None = None,
        driver: str = "e1000e",
        udev: Mapping[str, str] | None = None,
    ) -> str:
        """A network interface on devices/`device` (None: a virtual one); returns its folder."""
        parent = f"sys/devices/{device or 'virtual'}"
        folder = f"{parent}/net/{name}"
        values = {"address": mac, "addr_assign_type": "0", "type": "1", **(attributes or {})}
        self.attributes(folder, values)
        if device is not None:
            self.link(f"{folder}/device", parent)
            if not (self.root / parent / "driver").is_symlink():
                self.link(f"{parent}/driver", f"sys/bus/drivers/{driver}")
        self.link(f"sys/class/net/{name}", folder)
        self.udev.table["net", name] = dict(udev or {})
        return folder


@dataclass
class AnsweringRunner:
    """Answers programs by name, in any order and from any thread; those without an answer are not installed.

    As timeout(1) does, a `timeout --kill-after=… SECONDS` before such a program ends with status 127.
    """

    answers: Mapping[str, Completed] = field(default_factory=dict)
    #: What smartctl says of these devices instead.
    devices: Mapping[str, Completed] = field(default_factory=dict)
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def run(self, command: Sequence[Argument], **options: Any) -> Completed:
        """See `Runner.run`."""
        arguments = tuple(os.fspath(argument) for argument in command)
        self.asked.append(arguments)
        program = arguments[3] if arguments[0] == "timeout" else arguments[0]
        if program not in self.answers and arguments[0] != "timeout":
            raise CommandFailed(program, 127, ())
        answer = self.answers.get(program, Completed(127))
        if program == "smartctl":
            answer = self.devices.get(arguments[-1], answer)
        if options.get("check", True) and answer.status != 0:
            raise CommandFailed(program, answer.status, ())
        return answer


def server(root: Path) -> FakeSystem:
    """A server that has something of everything that the probe reads."""
    system = FakeSystem(root)
    system.write("proc/cmdline", "BOOT_IMAGE=/vmlinuz quiet intel_iommu=on -- single\n")
    system.write("proc/700/comm", "chronyd\n")
    system.write("etc/adjtime", "0.0 0 0.0\n0\nUTC\n")
    system.write("dev/kvm", b"")
    system.write("dev/ipmi0", b"")
    system.write("dev/cpu/0/msr", bytes(0x3A) + b"\x05" + bytes(7))
    system.write("dev/kmsg", "6,10,100,-;x86/cpu: VMX (outside TXT) disabled by BIOS\n")
    system.write("sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", b"\x06\0\0\0\x01")
    system.write(
        "sys/firmware/dmi/tables/DMI",
        tables.array()
        + tables.module(size=16384)
        + tables.ipmi()
        + tables.power_supply(characteristics=0b110)
        + tables.host_interface(0x04)
        + tables.END,
    )
    for folder, values in {
        "sys/class/dmi/id": {"sys_vendor": "Dell Inc.", "product_name": "PowerEdge R650", "bios_vendor": "Dell Inc."},
        "sys/devices/system/cpu/vulnerabilities": {"meltdown": "Not affected"},
        "sys/devices/system/edac/mc/mc0": {"ce_count": "3", "ue_count": "0"},
        "sys/devices/system/node/node0": {"cpulist": "0-2", "meminfo": "Node 0 MemTotal:  8000000 kB"},
        "sys/kernel/mm/hugepages/hugepages-2048kB": {"nr_hugepages": "512"},
        "sys/kernel/mm/ksm": {"run": "1"},
        "sys/module/kvm_intel/parameters": {"ept": "Y"},
        "sys/devices/system/clocksource/clocksource0": {
            "current_clocksource": "tsc",
            "available_clocksource": "tsc hpet",
        },
        "sys/class/rtc/rtc0": {"since_epoch": "1700000000"},
        "sys/class/watchdog/watchdog0": {"identity": "iTCO_wdt", "timeout": "30"},
        "sys/class/tpm/tpm0": {"tpm_version_major": "2"},
        "sys/class/ipmi/ipmi0/device": {"type": "kcs"},
        "sys/devices/platform/ipmi_bmc.0": {
            "manufacturer_id": "0x0002a2",
            "product_id": "0x0100",
            "firmware_revision": "6.10",
            "ipmi_version": "2.0",
        },
        "sys/devices/pci0000:00/0000:00:17.0": {
            "class": "0x010601",
            "vendor": "0x8086",
            "device": "0xa182",
            "numa_node": "0",
        },
    }.items():
        system.attributes(folder, values)
    system.link("sys/bus/pci/devices/0000:00:17.0", "sys/devices/pci0000:00/0000:00:17.0")
    disk = system.disk(
        "sda",
        "pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block",
        attributes={
            "queue/logical_block_size": "512",
            "queue/physical_block_size": "4096",
            "queue/rotational": "1",
            "queue/write_cache": "write back",
            "removable": "0",
            "ro": "0",
        },
        udev={"ID_MODEL_ENC": "ST4000NM0035"},
    )
    system.partition(disk, "sda1", 1, start=2048, sectors=4096, dev="8:1")
    system.mount("8:1", "/boot", "/dev/sda1")
    system.write("proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 1 0 -2\n")
    system.udev.table["block", "sda1"] = {"ID_FS_TYPE": "ext4", "ID_FS_SIZE": "2097152"}
    system.write("dev/sda1", bytes(1024) + b"\x01" * 0x38 + b"\x53\xef" + bytes(0x400 - 0x3A))
    md = system.volume("md127", ["sda1"], attributes={"md/level": "raid1", "md/uuid": "3a5b7c9d"})
    system.attributes(f"{md}/md127p1", {"partition": "1", "size": "2048", "dev": "259:7"})
    system.volume("dm-0", ["md127"], attributes={"dm/name": "vg-root", "dm/uuid": "LVM-x", "dm/suspended": "0"})
    system.link(f"{system.volume('bcache0', ['sda1'])}/bcache/cache", "sys/fs/bcache/set")
    system.write("sys/fs/btrfs/uuid/devices/sda1/size", "1")
    attributes = {"carrier": "1", "speed": "1000", "duplex": "full"}
    system.interface("eno1", "pci0000:00/0000:04:00.0", attributes=attributes)
    bond = system.interface("bond0", None)
    system.attributes(f"{bond}/bonding", {"mode": "802.3ad 4", "slaves": "eno1"})
    return system
