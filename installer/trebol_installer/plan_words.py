"""What a plan says to people: each disk before and after, the summary, notes and warnings. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trebol_common.answers.model import Answers
from trebol_common.medium import Layer, Manifest
from trebol_common.network import Dhcp, HostNetwork, Static
from trebol_hardware.machine import Disk, FirmwareMode, Machine, NetworkInterface
from trebol_hardware.sizes import show_size
from trebol_installer import features
from trebol_installer.describe import describe_contents, describe_targets
from trebol_installer.layout import Layout
from trebol_installer.plan_steps import fallback_name, wants_tpm
from trebol_installer.steps import PartitionKind


@dataclass(frozen=True)
class DiskChange:
    """A disk before and after; sizes in bytes, contents as lines for people."""

    path: str
    name: str
    size: int
    model: str
    serial: str
    before: tuple[str, ...]
    after: tuple[str, ...]


def disk_change(disk: Disk, layout: Layout, *, alone: bool) -> DiskChange:
    """What becomes of a disk; with `alone`, what lies on its last partition too, which else lies on all of them."""
    holds = {PartitionKind.BIOS_BOOT: "GRUB for BIOS", PartitionKind.ESP: "EFI system partition, kernels"}
    after = [
        f"{partition.number}: {holds.get(partition.kind, layout.title)}, {show_size(partition.size)}"
        for partition in layout.partitions
    ]
    if alone:
        after += [f"   {line}" for line in layout.volumes]
    return DiskChange(
        disk.stable_path, disk.name, disk.size, disk.model, disk.serial, describe_contents(disk), tuple(after)
    )


def summary(
    machine: Machine,
    answers: Answers,
    targets: tuple[Disk, ...],
    layout: Layout,
    interface: NetworkInterface,
    network: HostNetwork,
) -> tuple[tuple[str, str], ...]:
    """The installation in pairs of a title and what it is."""
    fqdn = answers.global_.fqdn
    name = fqdn if isinstance(fqdn, str) else f"from DHCP, else {fallback_name(interface)}"
    bridge = network.bridges[0]
    match bridge.addressing:
        case Static(address, gateway, _):
            addressing = f"{address}, gateway {gateway}"
        case Dhcp():
            addressing = "address from DHCP"
    port = network.links[0].name
    renamed = f" (now {interface.name})" if port != interface.name else ""
    firmware = "UEFI" if machine.firmware.mode is FirmwareMode.UEFI else "BIOS"
    return (
        ("node", name),
        describe_targets(targets),
        ("layout", layout.title),
        ("network", f"{bridge.name} on {port}{renamed}, {interface.mac}: {addressing}"),
        ("firmware", f"{firmware} now; {_boots(targets)}"),
    )


def _boots(targets: tuple[Disk, ...]) -> str:
    each = "each" if len(targets) > 1 else "the"
    if any(disk.logical_sector != 512 for disk in targets):
        return f"{each} disk will boot in UEFI (no BIOS boots from sectors of more than 512 bytes)"
    return f"{each} disk will boot in BIOS and UEFI"


def notes(answers: Answers, manifest: Manifest | None, layers: tuple[Layer, ...]) -> Iterator[str]:
    """What was assumed, and which answers have no effect."""
    if manifest is None:
        yield f"no medium at hand: the system is taken to need {show_size(features.unpacked(layers))}"
    if answers.network.interface_name_pinning.mapping and not answers.network.interface_name_pinning.enabled:
        yield "network.interface-name-pinning.mapping has no effect without enabled = true"


def warnings(machine: Machine, answers: Answers, targets: tuple[Disk, ...]) -> Iterator[str]:
    """What an administrator should look at before saying yes."""
    if wants_tpm(answers) and machine.firmware.secure_boot is not True:
        yield (
            "Secure Boot is off: the TPM opens the disks for whatever is booted on this machine, so that only disks "
            "that are taken out are safe"
        )
    for disk in targets:
        if paths := [
            other.name for other in machine.disks if other.name != disk.name and disk.wwn and other.wwn == disk.wwn
        ]:
            yield (
                f"{', '.join(paths)} has the world wide name of {disk.name}: where it is a second path to the same "
                "disk, LVM may refuse to start the node; unplug that path (multipath is not served yet)"
            )
