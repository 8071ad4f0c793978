"""What the webhook is told of an installation: version 1.2 of the body that Proxmox VE's installer sends. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trebol_common import __version__
from trebol_common.answers import Answers
from trebol_common.answers.model import Filesystem
from trebol_common.medium import Manifest
from trebol_common.network import HostNetwork, Static
from trebol_hardware.machine import Disk, FirmwareMode, Machine, NetworkInterface
from trebol_installer.steps import InstallBootLoader, Step, WriteIdentity, WriteNetwork

SCHEMA = "1.2"


@dataclass(frozen=True)
class Made:
    """What only the target tells: `keys` are SSH host keys by their kind ("ed25519"), each a line."""

    debian: str
    machine_id: str
    keys: Mapping[str, str]


def news(
    machine: Machine, answers: Answers, manifest: Manifest, steps: tuple[Step, ...], made: Made, kernel: str
) -> dict[str, Any]:
    """The JSON members; `kernel` is the kernel's own word on its build (uname(2), version). No secret."""
    (network,) = (step.network for step in steps if isinstance(step, WriteNetwork))
    (identity,) = (step for step in steps if isinstance(step, WriteIdentity))
    (loader,) = (step for step in steps if isinstance(step, InstallBootLoader))
    targets = frozenset(each.esp.disk for each in loader.boot)
    return {
        "$schema": {"version": SCHEMA},
        "debian-version": made.debian,
        "product": {"fullname": "Trebol", "short": "trebol", "version": __version__},
        "iso": {"release": manifest.version, "isorelease": manifest.medium_id},
        "kernel-version": {
            "machine": machine.architecture,
            "sysname": "Linux",
            "release": manifest.kernel,
            "version": kernel,
        },
        "boot-info": {
            "mode": "bios" if machine.firmware.mode is FirmwareMode.BIOS else "efi",
            "secureboot": bool(machine.firmware.secure_boot),
        },
        "cpu-info": _processor(machine),
        "dmi": _dmi(machine),
        "filesystem": _filesystem(answers),
        "fqdn": identity.fqdn or identity.fallback,
        "machine-id": made.machine_id,
        "disks": [_disk(disk, disk.stable_path in targets) for disk in machine.disks if not disk.medium],
        "network-interfaces": [_interface(each, network) for each in machine.interfaces],
        "ssh-public-host-keys": dict(made.keys),
        "reboot-mode": answers.global_.reboot_mode.value,
    }


def _processor(machine: Machine) -> dict[str, Any]:
    found = machine.processor
    return {
        "model": found.model,
        "sockets": found.sockets,
        "cores": found.cores,
        "cpus": found.threads,
        "flags": " ".join(found.flags),
        "hvm": not {"vmx", "svm"}.isdisjoint(found.flags),
    }


def _dmi(machine: Machine) -> dict[str, Any]:
    label = machine.product
    return {
        "system": {
            "manufacturer": label.manufacturer,
            "name": label.name,
            "version": label.version,
            "serial": label.serial,
            "uuid": label.uuid,
        },
        "baseboard": {"manufacturer": label.board_manufacturer, "name": label.board_name},
        "chassis": {},
    }


def _filesystem(answers: Answers) -> str:
    """With the level where it has one of its own: "zfs (RAID1)"."""
    disk = answers.disk_setup
    match disk.filesystem:
        case Filesystem.ZFS if disk.zfs is not None:
            return f"zfs ({disk.zfs.raid.value.upper()})"
        case Filesystem.BTRFS if disk.btrfs is not None:
            return f"btrfs ({disk.btrfs.raid.value.upper()})"
        case other:
            return other.value


def _disk(disk: Disk, is_target: bool) -> dict[str, Any]:
    return {"size": disk.size, "is-bootdisk": is_target, "udev-properties": dict(disk.udev)}


def _interface(interface: NetworkInterface, network: HostNetwork) -> dict[str, Any]:
    """The address is there only where the answers say it, on the interface that has the node's MAC address."""
    names = {link.mac: link.name for link in (*network.links, *network.pinned)}
    addressing = network.managed.addressing
    first = network.links[0].mac == interface.mac
    members: dict[str, Any] = {
        "name": names.get(interface.mac, interface.name),
        "mac": interface.mac,
        "is-management": interface.mac in {link.mac for link in network.links},
        "is-pinned": interface.mac in {link.mac for link in network.pinned},
        "udev-properties": dict(interface.udev),
    }
    if first and isinstance(addressing, Static):
        members["address"] = str(addressing.address)
    return members
