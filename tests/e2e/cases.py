"""The machines that are installed: what each is made of, and the answer file it is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli_w

from trebol_image.qemu import WEB_SERVER, Bus, Disk, Firmware, Forward, MachineConfig, Medium, MediumKind, Nic

PASSWORD = "correct horse battery"
#: `openssl passwd -6 -salt trebol "correct horse battery"`
HASH = "$6$trebol$VJsm2YlNsKCFTAvDp.7I6q/2vsxkCrLBSl0JeGxjzn2jWEPFA8XBd/XKqIskEpg1RiK1quhJAeFYhRpkHEJN90"

#: Of encrypted disks.
PASSPHRASE = "seven clover leaves"

DOMAIN = "example.org"
TIMEZONE = "Europe/Madrid"
DISK_SIZE = "32G"
#: The second disk of each machine holds data and is no target: not one bit of it may change.
BYSTANDER_SERIAL = "BYSTANDER"
PINNED = "lan0"

#: QEMU's user-mode network (qemu(1), -netdev user).
GATEWAY = "10.0.2.2"
NAMESERVER = "10.0.2.3"
DHCP_ADDRESS = "10.0.2.15"
ANSWERS_URL = f"http://{WEB_SERVER}/answer.toml"


@dataclass(frozen=True)
class Case:
    """A machine and how it is installed. `number` makes names and addresses its own.

    With `static`, it has a fixed address, a NIC chosen by filter among two, pinned to a name, a disk chosen by filter
    and a password given as hash; without, everything by DHCP, and a disk chosen by name. With `reboot`, the
    installation ends in a reboot, which ends this machine. With `by_url`, the answer file comes over the network.
    `disks` are the targets, `setup` what the answer file says of them beyond their names, and `disk_size` what each
    of them has.
    """

    name: str
    number: int
    firmware: Firmware
    medium: MediumKind = MediumKind.CD
    bus: Bus = Bus.VIRTIO
    static: bool = False
    reboot: bool = False
    by_url: bool = False
    slow: bool = True
    disks: int = 1
    disk_size: str = DISK_SIZE
    setup: Mapping[str, Any] = field(default_factory=lambda: {"filesystem": "ext4"})

    @property
    def tpm(self) -> bool:
        """Whether the machine has a TPM, which opens its disks."""
        return bool(self.setup.get("encryption", {}).get("tpm2"))

    @property
    def host(self) -> str:
        """The node's short name."""
        return f"node{self.number}"

    @property
    def address(self) -> str:
        """The node's own address."""
        return f"10.0.2.{50 + self.number}" if self.static else DHCP_ADDRESS

    @property
    def mac(self) -> str:
        """The MAC address of the management interface."""
        return f"52:54:00:7b:01:{self.number:02x}"

    @property
    def disk_serials(self) -> tuple[str, ...]:
        """The serial numbers of the targets."""
        first = f"SYSTEM{self.number}"
        return (first, *(f"{first}-{other}" for other in range(2, self.disks + 1)))

    @property
    def disk_names(self) -> tuple[str, ...]:
        """The targets' names in /dev/disk/by-id."""
        return tuple(self._name(serial) for serial in self.disk_serials)

    def _name(self, serial: str) -> str:
        match self.bus:
            case Bus.VIRTIO:
                return f"virtio-{serial}"
            case Bus.SATA:
                return f"ata-QEMU_HARDDISK_{serial}"
            case Bus.NVME:
                return f"nvme-QEMU_NVMe_Ctrl_{serial}"
            case Bus.SCSI:
                return f"scsi-0QEMU_QEMU_HARDDISK_{serial}"
            case Bus.USB:
                return f"usb-QEMU_QEMU_HARDDISK_{serial}-0:0"

    def answers(self, public_key: str) -> dict[str, Any]:
        """The answer file, before it is written as TOML."""
        common: dict[str, Any] = {
            "fqdn": f"{self.host}.{DOMAIN}",
            "country": "es",
            "keyboard": "es",
            "timezone": TIMEZONE,
            "mailto": "admin@example.org",
            "root-ssh-keys": [public_key],
            "reboot-mode": "reboot" if self.reboot else "power-off",
        }
        if not self.static:
            return {
                "global": {**common, "root-password": PASSWORD},
                "network": {"source": "from-dhcp"},
                "disk-setup": {**self.setup, "disk-list": list(self.disk_names)},
            }
        return {
            "global": {**common, "root-password-hashed": HASH},
            "network": {
                "source": "from-answer",
                "cidr": f"{self.address}/24",
                "gateway": GATEWAY,
                "dns": NAMESERVER,
                "filter": {"ID_NET_NAME_MAC": f"*{self.mac.replace(':', '')}"},
                "interface-name-pinning": {"enabled": True, "mapping": {self.mac: PINNED}},
            },
            "disk-setup": {
                **self.setup,
                "filter": {"ID_SERIAL": f"*{self.disk_serials[0]}*"},
                "lvm": {"swapsize": 1, "maxroot": 12},
            },
        }

    def answer_file(self, public_key: str) -> str:
        """The answer file's text."""
        return tomli_w.dumps(self.answers(public_key))

    def targets(self, images: Iterable[Path]) -> tuple[Disk, ...]:
        """The disks that are installed on, of as many images."""
        return tuple(Disk(image, serial, self.bus) for image, serial in zip(images, self.disk_serials, strict=True))

    def machine(self, *disks: Disk, iso: Path | None = None, response: Path | None = None) -> MachineConfig:
        """The machine, with the medium in it or without, and what its web server responds."""
        forwards = tuple(Forward(port, self.address) for port in (22, 9090))
        other = Nic(f"52:54:00:7b:02:{self.number:02x}", restrict=True)
        # No way out: no test machine ever talks to anything but this host.
        management = Nic(self.mac, forwards, restrict=True, response=response)
        return MachineConfig(
            firmware=self.firmware,
            disks=disks,
            medium=Medium(iso, self.medium) if iso is not None else None,
            reboot=not self.reboot or iso is None,
            nics=(other, management) if self.static else (management,),
            tpm=self.tpm,
        )


CASES = {
    case.name: case
    for case in (
        Case("bios", 1, Firmware.BIOS, static=True, slow=False),
        Case("uefi", 2, Firmware.UEFI, bus=Bus.NVME, by_url=True, slow=False),
        Case("secure-boot", 3, Firmware.SECURE_BOOT, bus=Bus.SCSI, static=True),
        Case("bios-usb", 4, Firmware.BIOS, MediumKind.USB, Bus.SATA, reboot=True),
        Case("uefi-usb", 5, Firmware.UEFI, MediumKind.USB, Bus.SATA, static=True),
        Case("secure-boot-usb", 6, Firmware.SECURE_BOOT, MediumKind.USB),
    )
}
