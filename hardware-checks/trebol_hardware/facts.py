"""Facts that only the hardware checks ask for, as values; they hang below `trebol_hardware.machine.Machine`.

As there: sizes in bytes, unknown is None (or empty text), never a guess. Every member has a default, so that a record
made before the member existed is still a record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Kvm:
    """What the kernel, its modules and the processors' own registers say of hardware virtualisation.

    `feature_control` is MSR 0x3A of processor 0 (Intel SDM vol. 3C, 24.7), `vm_cr` MSR 0xC0010114 (AMD APM vol. 2,
    15.30.1); both need root and the msr module. `creates` says whether KVM_CREATE_VM worked; `error` is the errno's
    name where opening or creating did not ("ENOENT", "EACCES", "ENODEV"). `parameters` is what the loaded modules
    were given: "kvm_intel.ept" → "Y". `messages` are the kernel's own words on virtualisation, without their time.
    """

    device: bool | None = None
    opens: bool | None = None
    creates: bool | None = None
    error: str = ""
    feature_control: int | None = None
    vm_cr: int | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    messages: tuple[str, ...] = ()


@dataclass(frozen=True)
class PciDevice:
    """One PCI function. `class_code` is the 24-bit class as six hexadecimal digits ("010400": RAID controller).

    `path` is the chain of PCI addresses from the root port down to the device's parent, outermost first.
    `iommu_group` is None where no IOMMU translates for it. `vendor` and `model` are names, where udev's database has
    them.
    """

    address: str
    class_code: str = ""
    vendor_id: str = ""
    device_id: str = ""
    vendor: str = ""
    model: str = ""
    driver: str = ""
    path: tuple[str, ...] = ()
    numa_node: int | None = None
    iommu_group: int | None = None


@dataclass(frozen=True)
class MemoryModule:
    """A memory slot with a module in it (SMBIOS 3.7, 7.18). Speeds in MT/s; widths in bits; size 0: unknown."""

    locator: str = ""
    size: int = 0
    kind: str = ""
    speed: int | None = None
    configured_speed: int | None = None
    total_width: int | None = None
    data_width: int | None = None
    manufacturer: str = ""
    part: str = ""


@dataclass(frozen=True)
class MemoryErrors:
    """What the kernel's EDAC driver counted for a memory controller since boot."""

    controller: str
    corrected: int = 0
    uncorrected: int = 0


@dataclass(frozen=True)
class Memory:
    """Memory beyond its usable size. `error_correction` is SMBIOS type 16's: "none", "parity", "single-bit ECC",
    "multi-bit ECC", "CRC" or "" where firmware does not say; `slots` its number of slots.

    `modules` is None where firmware does not list any; `errors` is None where no EDAC driver watches. `huge_pages` is
    how many are reserved of each size: "2048kB" → 512.
    """

    error_correction: str = ""
    slots: int | None = None
    modules: tuple[MemoryModule, ...] | None = None
    errors: tuple[MemoryErrors, ...] | None = None
    huge_pages: Mapping[str, int] = field(default_factory=dict)
    ksm_running: bool | None = None


@dataclass(frozen=True)
class NumaNode:
    """A NUMA node: its number, its processors as the kernel lists them ("0-7,16-23"), its memory in bytes."""

    number: int
    processors: str = ""
    memory: int = 0


@dataclass(frozen=True)
class DiskHealth:
    """What smartctl(8) says of a disk, or the kernel of an eMMC; `unknown` is why where neither says anything.

    `asleep`: the disk slept and was left asleep. `passed` is its own verdict. `used` is endurance spent, in per cent
    (may pass 100); `spare` is what is left of the spare blocks in per cent (of an eMMC: at most), `spare_threshold`
    below which it counts as failing (NVMe).
    `media_errors` is NVMe's count or ATA's attribute 187 (errors that could not be corrected); `reallocated` ATA's 5
    or SCSI's grown defects; `pending` ATA's 197; `uncorrectable` ATA's 198 or SCSI's uncorrected errors.
    """

    unknown: str = ""
    asleep: bool = False
    passed: bool | None = None
    temperature: int | None = None
    power_on_hours: int | None = None
    used: int | None = None
    spare: int | None = None
    spare_threshold: int | None = None
    media_errors: int | None = None
    reallocated: int | None = None
    pending: int | None = None
    uncorrectable: int | None = None
    critical_warning: int | None = None


@dataclass(frozen=True)
class Bond:
    """A bonded interface: "active-backup", "802.3ad", "balance-rr" …, and its members' names."""

    name: str
    mode: str
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class Clock:
    """Time. `source` is the kernel's clocksource ("tsc"). `daemon` is what keeps time ("chronyd",
    "systemd-timesyncd") or empty; `synchronised` what the kernel says of it (adjtimex(2): its largest error is below
    16 seconds); `offset` the daemon's estimate of how far the clock is off, in microseconds, without its sign;
    `servers` how many sources it can reach now. `hardware_clock_offset` is how far the hardware clock is from the
    system's, in seconds, without its sign.
    """

    source: str = ""
    available_sources: tuple[str, ...] = ()
    daemon: str = ""
    synchronised: bool | None = None
    offset: int | None = None
    servers: int | None = None
    hardware_clock_offset: int | None = None


@dataclass(frozen=True)
class Bmc:
    """A baseboard management controller, as IPMI's sysfs (`ipmi_bmc.*`) and SMBIOS tell.

    `interface` is the system interface ("kcs", "ssif", "bt"); `redfish` whether firmware announces a Redfish host
    interface (SMBIOS type 42); `address` its own on the LAN, where IPMI says.
    """

    interface: str = ""
    device: str = ""
    manufacturer_id: int | None = None
    product_id: int | None = None
    firmware: str = ""
    ipmi_version: str = ""
    address: str = ""
    redfish: bool = False


@dataclass(frozen=True)
class Watchdog:
    """A hardware or software watchdog: /dev/watchdog0 is number 0. `timeout` in seconds."""

    number: int
    identity: str = ""
    driver: str = ""
    timeout: int | None = None


@dataclass(frozen=True)
class PowerSupply:
    """A power supply by SMBIOS type 39; None is what firmware does not say. `watts` is its largest output."""

    location: str = ""
    present: bool | None = None
    plugged: bool | None = None
    watts: int | None = None
