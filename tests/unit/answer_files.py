"""Answer files and machines for tests of the installer."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from trebol_common.answers import Answers, parse_answers
from trebol_common.medium import Feature, Layer, Manifest
from trebol_hardware.machine import (
    Disk,
    Firmware,
    FirmwareMode,
    Machine,
    NetworkInterface,
    Processor,
)

MACHINES = Path(__file__).parents[1] / "machines"

GIB = 1024**3

SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMSwRVUDVyaMVusLPuFnFVikUXZQBH6EcLBDOHSotrd root@vm"

STATIC = f"""\
[global]
country = "es"
fqdn = "node1.example.org"
keyboard = "es"
mailto = "admin@example.org"
timezone = "Europe/Madrid"
root-password = "correct horse"
root-ssh-keys = ["{SSH_KEY}"]

[network]
source = "from-answer"
cidr = "192.0.2.10/24"
dns = "192.0.2.53"
gateway = "192.0.2.1"
filter.ID_NET_NAME_MAC = "enx525400123456"

[disk-setup]
filesystem = "ext4"
disk-list = ["vda"]
"""


def changed(*changes: tuple[str, Any], text: str = STATIC) -> str:
    """`text` with keys set (`("disk-setup.wipe", "confirmed")`) or, where the value is None, taken out."""
    members = tomllib.loads(text)
    for key, value in changes:
        *folders, last = key.split(".")
        table = members
        for folder in folders:
            table = table.setdefault(folder, {})
        if value is None:
            table.pop(last, None)
        else:
            table[last] = value
    return tomli_w.dumps(members)


def answers(*changes: tuple[str, Any]) -> Answers:
    """The answers of STATIC, changed."""
    return parse_answers(changed(*changes))


DHCP: tuple[tuple[str, Any], ...] = (
    ("network.source", "from-dhcp"),
    *((f"network.{key}", None) for key in ("cidr", "dns", "gateway", "filter")),
)


def machine(name: str) -> Machine:
    """A recorded machine."""
    return Machine.load(MACHINES / f"{name}.json")


def made_machine(
    *disks: Disk,
    mode: FirmwareMode = FirmwareMode.UEFI,
    memory: int = 4 * GIB,
    interfaces: tuple[NetworkInterface, ...] | None = None,
) -> Machine:
    """A machine made for one test."""
    if interfaces is None:
        interfaces = (
            NetworkInterface("ens3", "52:54:00:12:34:56", carrier=True, udev={"ID_NET_NAME_MAC": "enx525400123456"}),
        )
    return Machine(
        architecture="x86_64",
        firmware=Firmware(mode),
        processor=Processor("GenuineIntel", "Test", 1, 2, 2),
        memory=memory,
        disks=disks or (Disk("vda", 40 * GIB, serial="d1", by_id=("virtio-d1",)),),
        interfaces=interfaces,
    )


def manifest(*, unpacked: int = 2 * GIB, zfs: bool = False) -> Manifest:
    """A medium of three layers, of which two are installed; with `zfs`, of one more for targets with ZFS."""

    def layer(name: str, size: int, *, target: bool = True, feature: Feature | None = None) -> Layer:
        return Layer(
            name=name,
            file=f"{name}.squashfs",
            sha256="0" * 64,
            blocks=(),
            size=size // 2,
            unpacked=size,
            files=10,
            target=target,
            feature=feature,
        )

    layers = (
        layer("base", unpacked),
        *((layer("zfs", 80 * 1024**2, feature=Feature.ZFS),) if zfs else ()),
        layer("appliance", 1024**2),
        layer("live", 1024**2, target=False),
    )
    return Manifest(
        version="0.1.0", profile="dev", medium_id="5c06", epoch=1760000000, kernel="6.12.1-amd64", layers=layers
    )
