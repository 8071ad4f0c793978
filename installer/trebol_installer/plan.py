"""The plan: a pure function of machine, answers and manifest. Every refusal happens here, all reasons at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trebol_common.answers.model import Answers, FqdnFromDhcp
from trebol_common.errors import BadInput, TrebolError
from trebol_common.medium import Layer, Manifest
from trebol_common.network import Dhcp, HostNetwork, Static
from trebol_hardware.checks.finding import Finding
from trebol_hardware.machine import Disk, FirmwareMode, Machine, NetworkInterface
from trebol_hardware.summary import show_size
from trebol_installer import steps
from trebol_installer.describe import describe_contents, describe_targets
from trebol_installer.hardware import checked, refuse
from trebol_installer.host_network import host_network
from trebol_installer.interfaces import Selected, select_interface
from trebol_installer.layout import Layout, Request, choose
from trebol_installer.layout.model import ESP_PARTITION
from trebol_installer.members import member_notes
from trebol_installer.select import problems_by_class, select_disks
from trebol_installer.sizing import GIB, MIB, problems_of
from trebol_installer.steps import Mount, PartitionKind, PartitionRef, Step
from trebol_installer.teardown import Teardown, teardown

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

ESP_MOUNT = "/boot/efi"


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
    """What will be done, in order; what becomes of each disk, and what lies on several of them together; what stands
    on the disks and has to be closed, as a tree; what to know; what to look at; what the hardware checks found, for
    the role that the answers name."""

    steps: tuple[Step, ...]
    disks: tuple[DiskChange, ...]
    summary: tuple[tuple[str, str], ...]
    together: tuple[str, ...] = ()
    torn_down: tuple[str, ...] = ()
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
    targets: tuple[Disk, ...] = ()
    layout: Layout | None = None
    selected: Selected | None = None
    network: HostNetwork | None = None
    try:
        targets = select_disks(machine, answers)
        layout = _layout(targets, machine, answers, layers)
    except TrebolError as error:
        errors.append(error)
    try:
        selected = select_interface(machine, answers)
        network = host_network(machine, answers, selected.interface)
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
    if errors or layout is None or selected is None or network is None:
        reasons, kind = problems_by_class(errors)
        raise kind.of(reasons)
    torn_down = teardown(machine, targets)
    return Plan(
        steps=_steps(
            machine, answers, manifest, layers, targets, torn_down, layout, selected.interface, network, console
        ),
        disks=tuple(_change(disk, layout, alone=len(targets) == 1) for disk in targets),
        together=layout.volumes if len(targets) > 1 else (),
        # Where nothing is open, it would only repeat what the disks hold.
        torn_down=torn_down.lines if torn_down.active and not layout.kept else (),
        summary=_summary(machine, answers, targets, layout, selected.interface, network),
        notes=(
            *selected.notes,
            *member_notes(targets, answers.disk_setup),
            *_notes(answers, manifest, layers),
            *layout.notes,
        ),
        warnings=(*selected.warnings, *_warnings(machine, answers, targets)),
        role=answers.checks.for_,
        findings=findings,
    )


def _notes(answers: Answers, manifest: Manifest | None, layers: tuple[Layer, ...]) -> Iterator[str]:
    if manifest is None:
        yield f"no medium at hand: the system is taken to need {show_size(_unpacked(layers))}"
    if answers.network.interface_name_pinning.mapping and not answers.network.interface_name_pinning.enabled:
        yield "network.interface-name-pinning.mapping has no effect without enabled = true"


def _warnings(machine: Machine, answers: Answers, targets: tuple[Disk, ...]) -> Iterator[str]:
    named = {name.split("/")[-1] for name in answers.disk_setup.disk_list}
    if _wants_tpm(answers) and machine.firmware.secure_boot is not True:
        yield (
            "Secure Boot is off: the TPM opens the disks for whatever is booted on this machine, so that only disks "
            "that are taken out are safe"
        )
    for disk in targets:
        if answers.disk_setup.wipe and disk.by_id and disk.name in named:
            yield (
                f"{disk.name} may be another disk at the next boot; a wipe is safer with disk-list = "
                f'["{disk.by_id[0]}"]'
            )
        if paths := [
            other.name for other in machine.disks if other.name != disk.name and disk.wwn and other.wwn == disk.wwn
        ]:
            yield (
                f"{', '.join(paths)} has the world wide name of {disk.name}: where it is a second path to the same "
                "disk, LVM may refuse to start the node; unplug that path (multipath is not served yet)"
            )


def fallback_name(interface: NetworkInterface) -> str:
    """A host name for a node whose DHCP server gives none: from the MAC address, so that no two nodes share it."""
    return f"trebol-{interface.mac.replace(':', '')[-6:]}"


def _unpacked(layers: tuple[Layer, ...]) -> int:
    return sum(layer.unpacked for layer in layers)


def _layout(targets: tuple[Disk, ...], machine: Machine, answers: Answers, layers: tuple[Layer, ...]) -> Layout:
    try:
        return choose(Request(targets, answers.disk_setup, machine.memory, _unpacked(layers)))
    except BadInput as error:
        raise BadInput.of(problems_of(error, "disk-setup")) from error
    except TrebolError as error:
        smallest = min(targets, key=lambda disk: disk.size)
        raise type(error).of(problems_of(error, smallest.stable_path)) from error


def _steps(
    machine: Machine,
    answers: Answers,
    manifest: Manifest | None,
    layers: tuple[Layer, ...],
    targets: tuple[Disk, ...],
    torn_down: Teardown,
    layout: Layout,
    interface: NetworkInterface,
    network: HostNetwork,
    console: tuple[str, ...],
) -> tuple[Step, ...]:
    boot = tuple(
        steps.BootPartition(PartitionRef(disk.stable_path, ESP_PARTITION), disk.logical_sector) for disk in targets
    )
    checked = manifest.layers if manifest else layers
    checks = tuple(
        steps.CheckTarget(
            disk.stable_path,
            disk.size,
            disk.serial,
            "" if disk.stable_path in torn_down.active else disk.edges,
        )
        for disk in targets
    )
    esp_mount = Mount(boot[0].esp, ESP_MOUNT, "vfat")
    return (
        *checks,
        steps.VerifyLayers(tuple(layer.name for layer in checked), sum(layer.size for layer in checked)),
        # Reading the medium takes minutes: every disk is looked at once more before the first is touched.
        *checks,
        *(() if layout.kept else _blank(targets, layout, torn_down)),
        *layout.build,
        *(steps.BindToTpm(device) for _, device in layout.encrypted if _wants_tpm(answers)),
        *(steps.MakeFilesystem(each.esp, "vfat", "TREBOL-ESP", each.sector) for each in boot),
        *(steps.ExtractLayer(layer.name, layer.file, layer.unpacked) for layer in layers),
        steps.MountTarget(boot[0].esp, ESP_MOUNT),
        _identity(answers, interface),
        steps.WriteMounts((*layout.mounts, esp_mount)),
        steps.WriteNetwork(network),
        steps.WriteLocale(answers.global_.keyboard, answers.global_.timezone),
        *((steps.WriteEncryption(layout.encrypted),) if layout.encrypted else ()),
        steps.WriteAccess(len(answers.global_.root_ssh_keys), answers.global_.subscription_key is not None),
        steps.WriteNodeConfiguration(answers.global_.mailto, answers.global_.country),
        steps.InstallBootLoader(
            boot, machine.firmware.mode, layout.root, _command_line(answers, interface, layout, console)
        ),
        steps.WriteReport(),
        steps.CloseTarget(),
    )


def _wants_tpm(answers: Answers) -> bool:
    encryption = answers.disk_setup.encryption
    return encryption is not None and encryption.tpm2


def _blank(targets: tuple[Disk, ...], layout: Layout, torn_down: Teardown) -> Iterator[Step]:
    """From what the targets hold to new and blank partitions."""
    yield from torn_down.steps
    for disk in targets:
        yield steps.PartitionDisk(disk.stable_path, layout.partitions)


def _identity(answers: Answers, interface: NetworkInterface) -> steps.WriteIdentity:
    fqdn = answers.global_.fqdn
    address = str(answers.network.cidr.ip) if answers.network.cidr else None
    if isinstance(fqdn, str):
        return steps.WriteIdentity(fqdn, fqdn.split(".")[0], address)
    return steps.WriteIdentity(None, fallback_name(interface), address)


def _command_line(answers: Answers, interface: NetworkInterface, layout: Layout, console: tuple[str, ...]) -> str:
    words = [*layout.words, "ro"]
    if isinstance(answers.global_.fqdn, FqdnFromDhcp):
        # A name in /etc/hostname would win over the one from DHCP; this one does not (systemd-hostnamed(8)).
        words.append(f"systemd.hostname={fallback_name(interface)}")
    return " ".join([*words, *console])


def _change(disk: Disk, layout: Layout, *, alone: bool) -> DiskChange:
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


def _summary(
    machine: Machine,
    answers: Answers,
    targets: tuple[Disk, ...],
    layout: Layout,
    interface: NetworkInterface,
    network: HostNetwork,
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
        describe_targets(targets),
        ("layout", layout.title),
        ("network", f"{bridge.name} on {port}{renamed}, {interface.mac}: {addressing}"),
        ("firmware", f"{firmware} now; {'each' if len(targets) > 1 else 'the'} disk will boot in BIOS and UEFI"),
    )
