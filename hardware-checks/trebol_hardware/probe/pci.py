"""PCI functions that storage and networks hang on."""

from __future__ import annotations

from pathlib import Path

from trebol_hardware.facts import PciDevice
from trebol_hardware.probe.sysfs import PCI_ADDRESS, link_name, names, read_count, read_text, real_path, to_count
from trebol_hardware.probe.udev import UdevSource

#: PCI Code and ID Assignment: storage, networks, and Fibre Channel, which counts as a serial bus.
_CLASSES = ("01", "02", "0c04")


def read(root: Path, udev: UdevSource) -> tuple[PciDevice, ...]:
    """Storage and network functions in the order of their addresses; no virtual ones (SR-IOV)."""
    folder = root / "sys/bus/pci/devices"
    return tuple(
        _device(folder / name, udev)
        for name in names(folder)
        if _hexadecimal(folder / name / "class").startswith(_CLASSES) and not (folder / name / "physfn").exists()
    )


def _device(path: Path, udev: UdevSource) -> PciDevice:
    properties = udev.properties("pci", path.name)
    return PciDevice(
        address=path.name,
        class_code=_hexadecimal(path / "class"),
        vendor_id=_hexadecimal(path / "vendor"),
        device_id=_hexadecimal(path / "device"),
        vendor=properties.get("ID_VENDOR_FROM_DATABASE", ""),
        model=properties.get("ID_MODEL_FROM_DATABASE", ""),
        driver=link_name(path / "driver"),
        path=tuple(part for part in real_path(path).parts[:-1] if PCI_ADDRESS.fullmatch(part)),
        # The kernel writes -1 where firmware did not say.
        numa_node=read_count(path / "numa_node"),
        iommu_group=to_count(link_name(path / "iommu_group")),
    )


def _hexadecimal(path: Path) -> str:
    return read_text(path).lower().removeprefix("0x")
