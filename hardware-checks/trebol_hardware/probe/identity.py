"""What a disk is called: model, serial number, WWN, the bus it hangs on, and its stable links."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from trebol_hardware.probe.sysfs import read_text, real_path

#: Virtual media of management controllers: Dell, Dell iDRAC, HP's SD reader, Cisco, ASUS and others with AMI's.
BMC_MEDIA = (
    "usb-Linux_Virtual_",
    "usb-iDRAC_Virtual_",
    "usb-Generic-_SD_MMC_CRW",
    "usb-Cisco_",
    "usb-AMI_Virtual_",
)

#: Best first: names that can be read on the disk's label, then the manufacturer's numbers.
_PREFERENCE = (
    re.compile(r"(?!nvme-(eui|nvme|uuid)\.)(nvme|ata|virtio|mmc|usb|scsi-[^0-9])"),
    re.compile(r"scsi-"),
    re.compile(r"nvme-"),
    re.compile(r"wwn-"),
)

#: Links that name what is on the disk: they are gone when it is wiped.
_NAMES_OF_CONTENT = ("lvm-pv-uuid-", "dm-", "md-")

#: Folders of sysfs above a disk, the more telling first: a USB disk has a SCSI target too.
_BUSES = (
    (re.compile(r"/usb\d+/"), "usb"),
    (re.compile(r"/nvme(-subsystem|-fabrics)?/"), "nvme"),
    (re.compile(r"/mmc_host/"), "mmc"),
    (re.compile(r"/ata\d+/"), "sata"),
    (re.compile(r"/end_device-[^/]+/"), "sas"),
    (re.compile(r"/target[^/]+/"), "scsi"),
    (re.compile(r"/virtio\d+/block/$"), "virtio"),
)

_ESCAPED_BLANK = re.compile(r"\\x20")


def by_id_links(properties: Mapping[str, str]) -> tuple[str, ...]:
    """The disk's names below /dev/disk/by-id, best first."""
    links = [link for link in _links(properties, "by-id") if not link.startswith(_NAMES_OF_CONTENT)]
    return tuple(sorted(links, key=lambda link: (_rank(link), link)))


def by_path_links(properties: Mapping[str, str]) -> tuple[str, ...]:
    """The disk's names below /dev/disk/by-path: udev's own ID_PATH first, deprecated forms after it."""
    links = [link for link in _links(properties, "by-path") if "/" not in link]
    return tuple(sorted(links, key=lambda link: (link != properties.get("ID_PATH"), link)))


def is_bmc_media(links: tuple[str, ...]) -> bool:
    """Whether one of the by-id names is that of a management controller's virtual medium."""
    return any(link.startswith(BMC_MEDIA) for link in links)


def transport(path: Path) -> str:
    """The bus of the disk with sysfs folder `path`, told by the controllers above it; empty for others.

    A SATA disk behind a SAS controller is "sata": what it is, not what it is plugged into.
    """
    above = f"{real_path(path).parent}/"
    bus = next((name for pattern, name in _BUSES if pattern.search(above)), "")
    return "sata" if bus == "sas" and read_text(path / "device/vendor") == "ATA" else bus


def model(path: Path, properties: Mapping[str, str]) -> str:
    """The model as it is printed on the disk; udev's, since the kernel cuts that of an ATA disk after 16 letters."""
    encoded = _ESCAPED_BLANK.sub(" ", properties.get("ID_MODEL_ENC", "")).strip()
    return encoded or read_text(path / "device/model") or properties.get("ID_MODEL", "")


def serial(path: Path, properties: Mapping[str, str]) -> str:
    """The serial number on the label; a SCSI disk's ID_SERIAL_SHORT is its WWN, so that comes after."""
    return (
        properties.get("ID_SCSI_SERIAL")
        or properties.get("SCSI_IDENT_SERIAL")
        or properties.get("ID_SERIAL_SHORT")
        or read_text(path / "serial")
        or read_text(path / "device/serial")
    )


def wwn(path: Path, properties: Mapping[str, str]) -> str:
    """The world wide name, with the part that tells logical units apart."""
    return properties.get("ID_WWN_WITH_EXTENSION") or properties.get("ID_WWN") or read_text(path / "wwid")


def _links(properties: Mapping[str, str], folder: str) -> list[str]:
    prefix = f"/dev/disk/{folder}/"
    links = properties.get("DEVLINKS", "").split(" ")
    return [link.removeprefix(prefix) for link in links if link.startswith(prefix)]


def _rank(link: str) -> int:
    ranks = (rank for rank, pattern in enumerate(_PREFERENCE) if pattern.match(link))
    return next(ranks, len(_PREFERENCE))
