"""Builds trees of /sys and /proc for tests of the probe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

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
