"""What a plan says to people: each disk before and after, the summary, notes and warnings. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trebol_common.answers.model import Answers
from trebol_common.i18n import _
from trebol_common.medium import Layer, Manifest
from trebol_common.network import HostNetwork, Static
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
    holds = {PartitionKind.BIOS_BOOT: _("GRUB for BIOS"), PartitionKind.ESP: _("EFI system partition, kernels")}
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
    interfaces: Sequence[NetworkInterface],
    network: HostNetwork,
) -> tuple[tuple[str, str], ...]:
    """The installation in pairs of a key, which is the same in every language, and what it is."""
    fqdn = answers.global_.fqdn
    name = fqdn if isinstance(fqdn, str) else _("from DHCP, else {name}").format(name=fallback_name(interfaces[0]))
    return (
        ("node", name),
        describe_targets(targets),
        ("layout", layout.title),
        ("network", _network(interfaces, network)),
        ("firmware", _boots(machine.firmware.mode, targets)),
    )


def _network(interfaces: Sequence[NetworkInterface], network: HostNetwork) -> str:
    managed = network.managed
    match managed.addressing:
        case Static(address, gateway, _servers, second):
            addressing = _("{address}, gateway {gateway}").format(address=address, gateway=gateway)
            if second is not None:
                addressing = f"{addressing}; {second[0]}"
        case _:
            addressing = _("address from DHCP")
    if network.mtu is not None:
        addressing = _("{addressing}, MTU {mtu}").format(addressing=addressing, mtu=network.mtu)
    first, port = interfaces[0], network.links[0].name
    if network.bonds:
        bond = network.bonds[0]
        text = _("{bridge} on {port} ({mode} of {ports}), {mac}: {addressing}")
        return text.format(
            bridge=managed.name,
            port=bond.name,
            mode=bond.mode.value,
            ports=", ".join(bond.ports),
            mac=first.mac,
            addressing=addressing,
        )
    if port == first.name:
        text = _("{bridge} on {port}, {mac}: {addressing}")
    else:
        text = _("{bridge} on {port} (now {name}), {mac}: {addressing}")
    return text.format(bridge=managed.name, port=port, name=first.name, mac=first.mac, addressing=addressing)


def _boots(mode: FirmwareMode, targets: tuple[Disk, ...]) -> str:
    several = len(targets) > 1
    if any(disk.logical_sector != 512 for disk in targets):
        if several:
            text = _("{mode} now; each disk will boot in UEFI (no BIOS boots from sectors of more than 512 bytes)")
        else:
            text = _("{mode} now; the disk will boot in UEFI (no BIOS boots from sectors of more than 512 bytes)")
    elif several:
        text = _("{mode} now; each disk will boot in BIOS and UEFI")
    else:
        text = _("{mode} now; the disk will boot in BIOS and UEFI")
    return text.format(mode="UEFI" if mode is FirmwareMode.UEFI else "BIOS")


def notes(answers: Answers, manifest: Manifest | None, layers: tuple[Layer, ...]) -> Iterator[str]:
    """What was assumed, and which answers have no effect."""
    if manifest is None:
        size = show_size(features.unpacked(layers))
        yield _("no medium at hand: the system is taken to need {size}").format(size=size)
    if answers.network.interface_name_pinning.mapping and not answers.network.interface_name_pinning.enabled:
        yield _("network.interface-name-pinning.mapping has no effect without enabled = true")


def warnings(machine: Machine, answers: Answers, targets: tuple[Disk, ...]) -> Iterator[str]:
    """What an administrator should look at before saying yes."""
    if wants_tpm(answers) and machine.firmware.secure_boot is not True:
        yield _(
            "Secure Boot is off: the TPM opens the disks for whatever is booted on this machine, so that only disks "
            "that are taken out are safe"
        )
    for disk in targets:
        if paths := [
            other.name for other in machine.disks if other.name != disk.name and disk.wwn and other.wwn == disk.wwn
        ]:
            yield _(
                "{others} has the world wide name of {name}: where it is a second path to the same disk, LVM may "
                "refuse to start the node; unplug that path (multipath is not served yet)"
            ).format(others=", ".join(paths), name=disk.name)
