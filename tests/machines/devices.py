"""PCI functions, disks and network ports of recorded machines, as sysfs and udev show them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from tests.machines.drives import Drive
from tests.machines.recorder import Recorder

_VENDORS = {
    "1000": "Broadcom / LSI",
    "1022": "Advanced Micro Devices, Inc. [AMD]",
    "103c": "Hewlett-Packard Company",
    "10ec": "Realtek Semiconductor Co., Ltd.",
    "1344": "Micron Technology Inc",
    "144d": "Samsung Electronics Co Ltd",
    "14e4": "Broadcom Inc. and subsidiaries",
    "15ad": "VMware",
    "15b3": "Mellanox Technologies",
    "15b7": "Sandisk Corp",
    "1b4b": "Marvell Technology Group Ltd.",
    "1af4": "Red Hat, Inc.",
    "8086": "Intel Corporation",
    "9005": "Adaptec",
}

#: Link modes by speed in Mbit/s, as ethtool names them.
_MODES = {
    100: "100baseT/Full",
    1000: "1000baseT/Full",
    2500: "2500baseT/Full",
    10000: "10000baseT/Full",
    25000: "25000baseCR/Full",
}


@dataclass(frozen=True)
class Slot:
    """Where a PCI function sits: its address, and the bridges `above` it, the root port first. `group` is its IOMMU
    group, None while no IOMMU translates; `node` its NUMA node, -1 where firmware does not say."""

    address: str
    above: tuple[str, ...] = ()
    group: int | None = None
    node: int = 0

    @property
    def folder(self) -> str:
        """Its folder below /sys/devices."""
        chain = (*self.above, self.address)
        return "/".join((f"pci{chain[0][:7]}", *chain))


def function(machine: Recorder, slot: Slot, kind: str, ids: str, name: str, driver: str = "") -> Slot:
    """A PCI function of class `kind` ("010601"), with its numbers ("8086:a182") and the name of udev's database."""
    vendor, device = ids.split(":")
    folder = f"sys/devices/{slot.folder}"
    values = {"class": f"0x{kind}", "vendor": f"0x{vendor}", "device": f"0x{device}", "numa_node": str(slot.node)}
    machine.system.attributes(folder, values)
    machine.system.link(f"sys/bus/pci/devices/{slot.address}", folder)
    if driver:
        machine.system.link(f"{folder}/driver", f"sys/bus/pci/drivers/{driver}")
    if slot.group is not None:
        machine.system.link(f"{folder}/iommu_group", f"sys/kernel/iommu_groups/{slot.group}")
    names = {"ID_MODEL_FROM_DATABASE": name, "ID_VENDOR_FROM_DATABASE": _VENDORS[vendor]}
    machine.system.udev.table["pci", slot.address] = names
    return slot


def sata(machine: Recorder, controller: Slot, *drives: Drive, first: int = 1) -> None:
    """Disks on the ports of a SATA controller, from number `first` on."""
    for port, drive in enumerate(drives, start=first):
        host = _hosts(machine)
        chain = f"ata{port}/host{host}/target{host}:0:0/{host}:0:0:0/block"
        plug(machine, controller, drive, chain, f"ata-{port}.0")


def sas(machine: Recorder, controller: Slot, *drives: Drive) -> None:
    """Disks that a SAS HBA, or a controller in HBA mode, shows as they are."""
    host = _hosts(machine)
    for phy, drive in enumerate(drives):
        end = f"port-{host}:{phy}/end_device-{host}:{phy}/target{host}:0:{phy}/{host}:0:{phy}:0/block"
        plug(machine, controller, drive, f"host{host}/{end}", f"sas-phy{phy}-lun-0")


def scsi(machine: Recorder, controller: Slot, *drives: Drive, channel: int = 2) -> None:
    """Logical volumes of a RAID controller, disks that MegaRAID passes through (channel 0), and virtual disks."""
    host = _hosts(machine)
    for target, drive in enumerate(drives):
        place = f"{host}:{channel}:{target}:0"
        chain = f"host{host}/target{host}:{channel}:{target}/{place}/block"
        plug(machine, controller, drive, chain, f"scsi-{place.replace(f'{host}:', '0:', 1)}")


def nvme(machine: Recorder, slot: Slot, ids: str, name: str, drive: Drive) -> None:
    """An NVMe SSD in a slot of its own."""
    function(machine, slot, "010802", ids, name, "nvme")
    number = len(list((machine.system.root / "sys/block").glob("nvme*"))) if _has_disks(machine) else 0
    _write(machine, slot, drive, f"nvme{number}n1", f"nvme/nvme{number}", "nvme-1", f"259:{number}")


def virtio(machine: Recorder, slot: Slot, size: int, *, legacy: bool = False) -> None:
    """A virtio disk: no model, no health, no vendor."""
    function(machine, slot, "010000", "1af4:1001" if legacy else "1af4:1042", "Virtio block device", "virtio-pci")
    number = len(list((machine.system.root / "sys/block").glob("vd*"))) if _has_disks(machine) else 0
    name = f"vd{chr(ord('a') + number)}"
    path = f"/dev/disk/by-path/pci-{slot.address} /dev/disk/by-path/virtio-pci-{slot.address}"
    machine.system.disk(
        name,
        f"{slot.folder}/virtio{number}/block",
        sectors=size // 512,
        number=f"254:{16 * number}",
        attributes={"queue/logical_block_size": "512", "queue/rotational": "1", "queue/write_cache": "write back"},
        udev={"DEVLINKS": path, "DEVNAME": f"/dev/{name}", "ID_PATH": f"pci-{slot.address}", "SUBSYSTEM": "block"},
    )


def port(
    machine: Recorder,
    name: str,
    slot: Slot,
    mac: str,
    *,
    link: int | None = None,
    up: bool = True,
    can: int = 1000,
    ids: str,
    model: str,
    driver: str,
) -> None:
    """A network port with a `link` of so many Mbit/s, with none, or not `up`; it `can` do so many."""
    function(machine, slot, "020000", ids, model, driver)
    attributes = {"carrier": "1" if link else "0", "speed": str(link or -1), "duplex": "full" if link else "unknown"}
    vendor, device = ids.split(":")
    udev = {
        "ID_BUS": "pci",
        "ID_MODEL_FROM_DATABASE": model,
        "ID_MODEL_ID": f"0x{device}",
        "ID_NET_DRIVER": driver,
        "ID_NET_NAME_MAC": f"enx{mac.replace(':', '')}",
        "ID_PATH": f"pci-{slot.address}",
        "ID_VENDOR_FROM_DATABASE": _VENDORS[vendor],
        "ID_VENDOR_ID": f"0x{vendor}",
        "INTERFACE": name,
        "SUBSYSTEM": "net",
    }
    machine.system.interface(
        name, slot.folder, mac=mac, driver=driver, attributes=attributes if up else {}, udev=udev
    )
    modes = [mode for speed, mode in _MODES.items() if speed <= can]
    machine.answer("ethtool", name, json.dumps([{"ifname": name, "supported-link-modes": modes}]))


def virtio_port(machine: Recorder, name: str, slot: Slot, mac: str) -> None:
    """A virtio network port, whose driver tells no speed."""
    function(machine, slot, "020000", "1af4:1041", "Virtio 1.0 network device", "virtio-pci")
    machine.system.interface(
        name,
        f"{slot.folder}/virtio{8 + len(name)}",
        mac=mac,
        driver="virtio_net",
        attributes={"carrier": "1", "speed": "-1", "duplex": "unknown"},
        udev={
            "ID_NET_DRIVER": "virtio_net",
            "ID_NET_NAME_MAC": f"enx{mac.replace(':', '')}",
            "ID_PATH": f"pci-{slot.address}",
            "INTERFACE": name,
        },
    )
    machine.answer("ethtool", name, json.dumps([{"ifname": name, "supported-link-modes": []}]))


def bond(machine: Recorder, name: str, mode: str, members: Sequence[str]) -> None:
    """A bond; `mode` as the kernel shows it ("balance-rr 0")."""
    folder = machine.system.interface(name, None)
    machine.system.attributes(f"{folder}/bonding", {"mode": mode, "slaves": " ".join(members)})


def _has_disks(machine: Recorder) -> bool:
    return (machine.system.root / "sys/block").is_dir()


def _hosts(machine: Recorder) -> int:
    """The number of the next SCSI host: the kernel counts controllers and SATA ports."""
    links = (machine.system.root / "sys/block").glob("sd*") if _has_disks(machine) else ()
    return len({part for link in links for part in link.resolve().parts if part.startswith("host")})


def plug(machine: Recorder, controller: Slot, drive: Drive, chain: str, place: str) -> None:
    """A SCSI disk below `chain` of a controller's folder, at `place` of its ID_PATH."""
    number = len(list((machine.system.root / "sys/block").glob("sd*"))) if _has_disks(machine) else 0
    _write(machine, controller, drive, f"sd{chr(ord('a') + number)}", chain, place, f"8:{16 * number}")


def _write(machine: Recorder, slot: Slot, drive: Drive, name: str, chain: str, place: str, number: str) -> None:
    attributes = {
        "queue/logical_block_size": str(drive.sector),
        "queue/physical_block_size": str(drive.physical),
        "queue/rotational": str(int(drive.rotational)),
        "queue/write_cache": drive.cache,
        "removable": "0",
        "ro": "0",
        "device/vendor": drive.vendor,
        "device/model": drive.model,
    }
    machine.system.disk(
        name,
        f"{slot.folder}/{chain}",
        sectors=drive.size // 512,
        number=number,
        attributes=attributes,
        udev=drive.properties(name, f"pci-{slot.address}-{place}", number),
    )
    machine.answer("smartctl", f"/dev/{name}", drive.smartctl(name))
