"""The plan: a pure function of machine, answers and manifest. Every refusal happens here, all reasons at once."""

from __future__ import annotations

from dataclasses import dataclass

from trebol_common.answers.model import Answers, FqdnFromDhcp, NetworkSource
from trebol_common.errors import BadInput, Problem, Refused, TrebolError
from trebol_common.medium import Layer, Manifest
from trebol_common.network import MANAGEMENT_BRIDGE, Bridge, Dhcp, HostNetwork, Link, Static
from trebol_hardware.checks.finding import Finding
from trebol_hardware.machine import Disk, FirmwareMode, Machine, NetworkInterface
from trebol_hardware.summary import show_size
from trebol_installer import steps
from trebol_installer.hardware import checked, refuse
from trebol_installer.select import (
    VOLUME_GROUP,
    Selected,
    describe_contents,
    problems_by_class,
    select_disk,
    select_interface,
)
from trebol_installer.sizing import ALIGNMENT, GIB, MIB, Sizes, problems_of, sizes
from trebol_installer.steps import PartitionKind, PartitionRef, PlannedPartition, Step
from trebol_installer.teardown import teardown

#: What layers are assumed to need where no medium is at hand (`trebol answer match` on a laptop): a little more than
#: those of the first release, so that a disk that passes here passes on the machine.
NOMINAL_LAYERS = (
    Layer(
        name="base",
        file="base.squashfs",
        sha256="",
        blocks=(),
        size=900 * MIB,
        unpacked=3 * GIB,
        files=100_000,
        target=True,
    ),
    Layer(
        name="appliance",
        file="appliance.squashfs",
        sha256="",
        blocks=(),
        size=4 * MIB,
        unpacked=32 * MIB,
        files=1_000,
        target=True,
    ),
)

#: By mapper name, not by UUID: a snapshot of the root has the same UUID (GRUB's 10_linux does likewise for LVM).
ROOT_DEVICE = f"/dev/mapper/{VOLUME_GROUP}-root"

ESP_MOUNT = "/boot/efi"

#: Names that no pinned interface may have; "all" and "default" the kernel refuses (sysctl_dev_name_is_allowed).
_RESERVED_NAMES = frozenset({"all", "default", "lo", MANAGEMENT_BRIDGE})


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


@dataclass(frozen=True)
class Plan:
    """What will be done, in order; what becomes of each disk; what to know; what to look at; what the hardware checks
    found, for the role that the answers name."""

    steps: tuple[Step, ...]
    disks: tuple[DiskChange, ...]
    summary: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    role: str = "node"
    findings: tuple[Finding, ...] = ()


def plan(
    machine: Machine, answers: Answers, manifest: Manifest | None = None, *, console: tuple[str, ...] = ()
) -> Plan:
    """Decide everything about an installation, without touching anything.

    `console` are the console= words of the running system's command line, which the installed one gets too. Without
    a manifest, sizes are checked against NOMINAL_LAYERS, and a note says so. Raises Refused or BadInput with every
    reason there is.
    """
    layers = manifest.target_layers if manifest else NOMINAL_LAYERS
    errors: list[TrebolError] = []
    disk: Disk | None = None
    layout: Sizes | None = None
    selected: Selected | None = None
    network: HostNetwork | None = None
    try:
        disk = select_disk(machine, answers)
    except TrebolError as error:
        errors.append(error)
    if disk is not None and (problems := teardown(machine, [disk]).problems):
        errors.append(Refused.of(problems))
    if disk is not None:
        try:
            layout = _sizes(disk, machine, answers, layers)
        except TrebolError as error:
            errors.append(error)
    try:
        selected = select_interface(machine, answers)
        network = _network(machine, answers, selected.interface)
    except TrebolError as error:
        errors.append(error)
    findings: tuple[Finding, ...] = ()
    try:
        findings = checked(machine, answers.checks)
        refuse(findings, answers.checks)
    except TrebolError as error:
        errors.append(error)
    if machine.architecture != "x86_64":
        errors.append(BadInput(f"is a {machine.architecture} machine; Trebol runs on x86_64 only", where="machine"))
    if errors or disk is None or layout is None or selected is None or network is None:
        reasons, kind = problems_by_class(errors)
        raise kind.of(reasons)

    notes, warnings = list(selected.notes), list(selected.warnings)
    if manifest is None:
        notes.append(f"no medium at hand: the system is taken to need {show_size(_unpacked(layers))}")
    if answers.network.interface_name_pinning.mapping and not answers.network.interface_name_pinning.enabled:
        notes.append("network.interface-name-pinning.mapping has no effect without enabled = true")
    if (
        answers.disk_setup.wipe
        and disk.by_id
        and disk.name in {name.split("/")[-1] for name in answers.disk_setup.disk_list}
    ):
        warnings.append(
            f'{disk.name} may be another disk at the next boot; a wipe is safer with disk-list = ["{disk.by_id[0]}"]'
        )
    if paths := [
        other.name for other in machine.disks if other.name != disk.name and disk.wwn and other.wwn == disk.wwn
    ]:
        warnings.append(
            f"{', '.join(paths)} has the world wide name of {disk.name}: where it is a second path to the same disk, "
            "LVM may refuse to start the node; unplug that path (multipath is not served yet)"
        )
    if layout.data == 0:
        notes.append("no room for a thin pool: guests' disks need another store")
    partitions = _partitions(layout)
    return Plan(
        steps=_steps(
            machine, answers, manifest, layers, disk, layout, partitions, selected.interface, network, console
        ),
        disks=(_change(disk, layout, partitions),),
        summary=_summary(machine, answers, disk, selected.interface, network),
        notes=tuple(notes),
        warnings=tuple(warnings),
        role=answers.checks.for_,
        findings=findings,
    )


def fallback_name(interface: NetworkInterface) -> str:
    """A host name for a node whose DHCP server gives none: from the MAC address, so that no two nodes share it."""
    return f"trebol-{interface.mac.replace(':', '')[-6:]}"


def _unpacked(layers: tuple[Layer, ...]) -> int:
    return sum(layer.unpacked for layer in layers)


def _sizes(disk: Disk, machine: Machine, answers: Answers, layers: tuple[Layer, ...]) -> Sizes:
    try:
        return sizes(disk=disk.size, memory=machine.memory, unpacked=_unpacked(layers), wishes=answers.disk_setup.lvm)
    except BadInput as error:
        raise BadInput.of(problems_of(error, "disk-setup")) from error
    except TrebolError as error:
        raise type(error).of(problems_of(error, disk.stable_path)) from error


def _partitions(layout: Sizes) -> tuple[PlannedPartition, ...]:
    esp_start = ALIGNMENT + layout.bios_boot
    return (
        PlannedPartition(1, PartitionKind.BIOS_BOOT, ALIGNMENT, layout.bios_boot),
        PlannedPartition(2, PartitionKind.ESP, esp_start, layout.esp),
        PlannedPartition(3, PartitionKind.LVM, esp_start + layout.esp, layout.lvm),
    )


def _network(machine: Machine, answers: Answers, chosen: NetworkInterface) -> HostNetwork:
    names, pinned = _names(machine, answers)
    network = answers.network
    fqdn = answers.global_.fqdn
    addressing: Dhcp | Static
    if network.source is NetworkSource.DHCP:
        addressing = Dhcp(domains=isinstance(fqdn, FqdnFromDhcp))
        search = (fqdn.domain,) if isinstance(fqdn, FqdnFromDhcp) and fqdn.domain else ()
    else:
        assert network.cidr is not None and network.gateway is not None and network.dns is not None
        addressing = Static(network.cidr, network.gateway, (network.dns,))
        search = ()
    if isinstance(fqdn, str):
        search = (fqdn.split(".", 1)[1],)
    link = Link(names[chosen.mac], chosen.mac)
    bridge = Bridge(MANAGEMENT_BRIDGE, (link.name,), chosen.mac, addressing, search)
    return HostNetwork((link,), (bridge,), pinned)


def _names(machine: Machine, answers: Answers) -> tuple[dict[str, str], tuple[Link, ...]]:
    """MAC → name on the node, and the links whose names are pinned: as mapped, else nic0, nic1, … in order."""
    names = {interface.mac: interface.name for interface in machine.interfaces}
    pinning = answers.network.interface_name_pinning
    if not pinning.enabled:
        return names, ()
    where = "network.interface-name-pinning.mapping"
    problems = [
        Problem(f"no interface has the MAC address {mac}; there are {', '.join(names) or 'none'}", where)
        for mac in pinning.mapping
        if mac not in names
    ]
    problems += [
        Problem(f"{name!r} is a name with another meaning", where, "choose another name, such as lan0")
        for name in pinning.mapping.values()
        if name in _RESERVED_NAMES
    ]
    if problems:
        raise BadInput.of(problems)
    free = (f"nic{number}" for number in range(len(names) + len(pinning.mapping) + 1))
    unused = iter([name for name in free if name not in pinning.mapping.values()])
    names = {mac: pinning.mapping.get(mac) or next(unused) for mac in names}
    return names, tuple(Link(name, mac) for mac, name in names.items())


def _steps(
    machine: Machine,
    answers: Answers,
    manifest: Manifest | None,
    layers: tuple[Layer, ...],
    disk: Disk,
    layout: Sizes,
    partitions: tuple[PlannedPartition, ...],
    interface: NetworkInterface,
    network: HostNetwork,
    console: tuple[str, ...],
) -> tuple[Step, ...]:
    path = disk.stable_path
    esp, lvm = PartitionRef(path, 2), PartitionRef(path, 3)
    root, swap = f"/dev/{VOLUME_GROUP}/root", f"/dev/{VOLUME_GROUP}/swap"
    checked = manifest.layers if manifest else layers
    made: list[Step] = [
        steps.CheckTarget(path, disk.size, disk.serial),
        steps.VerifyLayers(tuple(layer.name for layer in checked), sum(layer.size for layer in checked)),
        *teardown(machine, [disk]).steps,
        steps.PartitionDisk(path, partitions),
        steps.CreateVolumeGroup(VOLUME_GROUP, lvm),
        steps.CreateVolume(VOLUME_GROUP, "root", layout.root, lvm),
    ]
    if layout.swap:
        made += [steps.CreateVolume(VOLUME_GROUP, "swap", layout.swap, lvm), steps.MakeSwap(swap)]
    if layout.data:
        made.append(steps.CreateThinPool(VOLUME_GROUP, "data", layout.data, layout.metadata, lvm))
    made += [
        steps.MakeFilesystem(root, "ext4", "trebol-root"),
        steps.MakeFilesystem(esp, "vfat", "TREBOL-ESP", disk.logical_sector),
        steps.MountTarget(root, "/"),
    ]
    made += [steps.ExtractLayer(layer.name, layer.file, layer.unpacked) for layer in layers]
    mounts: tuple[tuple[str | PartitionRef, str], ...] = ((root, "/"), (esp, ESP_MOUNT))
    made += [
        steps.MountTarget(esp, ESP_MOUNT),
        _identity(answers, interface),
        steps.WriteMounts((*mounts, (swap, "none")) if layout.swap else mounts),
        steps.WriteNetwork(network),
        steps.WriteLocale(answers.global_.keyboard, answers.global_.timezone),
        steps.WriteAccess(len(answers.global_.root_ssh_keys), answers.global_.subscription_key is not None),
        steps.WriteNodeConfiguration(answers.global_.mailto, answers.global_.country),
        steps.InstallBootLoader(
            path, esp, machine.firmware.mode, _command_line(answers, interface, console), disk.logical_sector
        ),
        steps.WriteReport(),
        steps.CloseTarget(),
    ]
    return tuple(made)


def _identity(answers: Answers, interface: NetworkInterface) -> steps.WriteIdentity:
    fqdn = answers.global_.fqdn
    address = str(answers.network.cidr.ip) if answers.network.cidr else None
    if isinstance(fqdn, str):
        return steps.WriteIdentity(fqdn, fqdn.split(".")[0], address)
    return steps.WriteIdentity(None, fallback_name(interface), address)


def _command_line(answers: Answers, interface: NetworkInterface, console: tuple[str, ...]) -> str:
    words = [f"root={ROOT_DEVICE}", "ro"]
    if isinstance(answers.global_.fqdn, FqdnFromDhcp):
        # A name in /etc/hostname would win over the one from DHCP; this one does not (systemd-hostnamed(8)).
        words.append(f"systemd.hostname={fallback_name(interface)}")
    return " ".join([*words, *console])


def _change(disk: Disk, layout: Sizes, partitions: tuple[PlannedPartition, ...]) -> DiskChange:
    group = f"LVM volume group {VOLUME_GROUP}"
    holds = {PartitionKind.BIOS_BOOT: "GRUB for BIOS", PartitionKind.ESP: "EFI system partition, kernels"}
    after = [
        f"{partition.number}: {holds.get(partition.kind, group)}, {show_size(partition.size)}"
        for partition in partitions
    ]
    after.append(f"   root: ext4, {show_size(layout.root)}")
    if layout.swap:
        after.append(f"   swap: {show_size(layout.swap)}")
    if layout.data:
        after.append(f"   data: thin pool, {show_size(layout.data)} (metadata: 2 x {show_size(layout.metadata)})")
    if layout.free:
        after.append(f"   free: {show_size(layout.free)}")
    return DiskChange(
        disk.stable_path, disk.name, disk.size, disk.model, disk.serial, describe_contents(disk), tuple(after)
    )


def _summary(
    machine: Machine, answers: Answers, disk: Disk, interface: NetworkInterface, network: HostNetwork
) -> tuple[tuple[str, str], ...]:
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
        ("disk", f"{disk.stable_path} ({disk.name}), {show_size(disk.size)}"),
        ("network", f"{bridge.name} on {port}{renamed}, {interface.mac}: {addressing}"),
        ("firmware", f"{firmware} now; the disk will boot in BIOS and UEFI"),
    )
