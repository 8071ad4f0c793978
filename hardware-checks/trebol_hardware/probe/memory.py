"""Memory beyond its size: modules, error correction, errors, NUMA nodes, huge pages, KSM."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from trebol_hardware.facts import Memory, MemoryErrors, MemoryModule, NumaNode
from trebol_hardware.probe.processor import kibibytes
from trebol_hardware.probe.smbios import Structure
from trebol_hardware.probe.sysfs import names, read_count, read_int, read_text, to_count

EDAC = "sys/devices/system/edac/mc"
NODES = "sys/devices/system/node"
HUGE_PAGES = "sys/kernel/mm/hugepages"
KSM = "sys/kernel/mm/ksm/run"

_ARRAY = 16
_DEVICE = 17
#: DSP0134, 7.17.2: flash for the firmware has an array of its own.
_SYSTEM_MEMORY = 0x03

#: DSP0134, 7.17.3, the weakest first: a machine is as safe as its worst array.
_CORRECTION = {
    0x03: "none",
    0x04: "parity",
    0x07: "CRC",
    0x05: "single-bit ECC",
    0x06: "multi-bit ECC",
}

#: DSP0134, 7.18.2; what no server has had is left out.
_KINDS = {
    0x03: "DRAM",
    0x07: "RAM",
    0x0F: "SDRAM",
    0x11: "RDRAM",
    0x12: "DDR",
    0x13: "DDR2",
    0x14: "DDR2 FB-DIMM",
    0x18: "DDR3",
    0x19: "FBD2",
    0x1A: "DDR4",
    0x1B: "LPDDR",
    0x1C: "LPDDR2",
    0x1D: "LPDDR3",
    0x1E: "LPDDR4",
    0x1F: "logical non-volatile device",
    0x20: "HBM",
    0x21: "HBM2",
    0x22: "DDR5",
    0x23: "LPDDR5",
    0x24: "HBM3",
}

_MEBIBYTE = 2**20


def read(root: Path, structures: Sequence[Structure]) -> Memory:
    """Memory as SMBIOS and the kernel's drivers tell."""
    arrays = [item for item in structures if item.kind == _ARRAY and item.byte(0x05) == _SYSTEM_MEMORY]
    others = {item.handle for item in structures if item.kind == _ARRAY and item not in arrays}
    devices = [item for item in structures if item.kind == _DEVICE and item.word(0x04) not in others]
    corrections = {item.byte(0x06) for item in arrays}
    return Memory(
        error_correction=next((name for code, name in _CORRECTION.items() if code in corrections), ""),
        slots=sum(item.word(0x0D) for item in arrays) or len(devices) or None,
        modules=tuple(_module(item) for item in devices if item.word(0x0C)) or None,
        errors=_errors(root / EDAC),
        huge_pages=_huge_pages(root / HUGE_PAGES),
        ksm_running=None if (run := read_int(root / KSM)) is None else run == 1,
    )


def numa(root: Path) -> tuple[NumaNode, ...]:
    """The NUMA nodes in the order of their numbers; none where the kernel knows of none."""
    folder = root / NODES
    numbers = (to_count(name.removeprefix("node")) for name in names(folder) if re.fullmatch(r"node\d+", name))
    return tuple(_node(folder / f"node{number}", number) for number in sorted(n for n in numbers if n is not None))


def _node(path: Path, number: int) -> NumaNode:
    total = re.search(r"MemTotal:\s+(\d+) kB", read_text(path / "meminfo"))
    return NumaNode(number, read_text(path / "cpulist"), kibibytes(total[1]) if total else 0)


def _module(device: Structure) -> MemoryModule:
    """DSP0134, 7.18. Its special values: 0 and 0xFFFF unknown, 0xFFFF of a speed "see the extended one"."""
    return MemoryModule(
        locator=device.text(0x10),
        size=_size(device),
        kind=_KINDS.get(device.byte(0x12), ""),
        speed=_speed(device, 0x15, 0x54),
        configured_speed=_speed(device, 0x20, 0x58),
        total_width=_width(device.word(0x08)),
        data_width=_width(device.word(0x0A)),
        manufacturer=device.text(0x17),
        part=device.text(0x1A),
    )


def _size(device: Structure) -> int:
    """Bytes of a module; 0 where firmware does not know."""
    match device.word(0x0C):
        case 0xFFFF:
            return 0
        case 0x7FFF:
            return (device.double_word(0x1C) & 0x7FFFFFFF) * _MEBIBYTE
        case units if units & 0x8000:
            return (units & 0x7FFF) * 1024
        case mebibytes:
            return mebibytes * _MEBIBYTE


def _speed(device: Structure, offset: int, extended: int) -> int | None:
    speed = device.word(offset)
    return (device.double_word(extended) & 0x7FFFFFFF if speed == 0xFFFF else speed) or None


def _width(bits: int) -> int | None:
    return bits if bits not in (0, 0xFFFF) else None


def _errors(folder: Path) -> tuple[MemoryErrors, ...] | None:
    """The counts of the memory controllers that an EDAC driver watches."""
    counts = (
        (name, read_count(folder / name / "ce_count"), read_count(folder / name / "ue_count"))
        for name in names(folder)
        if re.fullmatch(r"mc\d+", name)
    )
    return tuple(MemoryErrors(name, ce, ue) for name, ce, ue in counts if ce is not None and ue is not None) or None


def _huge_pages(folder: Path) -> Mapping[str, int]:
    """Reserved pages by their size ("2048kB")."""
    pages = {name.removeprefix("hugepages-"): read_count(folder / name / "nr_hugepages") for name in names(folder)}
    return {size: number for size, number in pages.items() if number is not None}
