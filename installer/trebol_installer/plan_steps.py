"""The steps of an installation, in order, from what was decided: pure."""

from __future__ import annotations

from collections.abc import Iterator

from trebol_common.answers.model import Answers, ClusterMode, FirstBoot, FqdnFromDhcp
from trebol_common.first_boot import ToDo
from trebol_common.medium import Layer, Manifest
from trebol_common.network import HostNetwork
from trebol_common.urls import place
from trebol_hardware.machine import Disk, Machine, NetworkInterface
from trebol_installer import steps
from trebol_installer.layout import Layout
from trebol_installer.layout.model import ESP_PARTITION
from trebol_installer.steps import Mount, PartitionRef, Step
from trebol_installer.teardown import Teardown

#: Where the first target's ESP is on the node.
ESP_MOUNT = "/boot/efi"


def fallback_name(interface: NetworkInterface) -> str:
    """A host name for a node whose DHCP server gives none: from the MAC address, so that no two nodes share it."""
    return f"trebol-{interface.mac.replace(':', '')[-6:]}"


def plan_steps(
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
    """All steps: looks at every target and the medium, then from blank disks to a closed and reported system."""
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
        *_executable(answers.first_boot),
        steps.VerifyLayers(tuple(layer.name for layer in checked), sum(layer.size for layer in checked)),
        # Reading the medium takes minutes: every disk is looked at once more before the first is touched.
        *checks,
        *layout.prepare,
        *(torn_down.closing if layout.kept else _blank(targets, layout, torn_down)),
        *layout.build,
        *_keys_of_tpm(layout, answers),
        *(steps.MakeFilesystem(each.esp, "vfat", "TREBOL-ESP", each.sector) for each in boot),
        *(steps.ExtractLayer(layer.name, layer.file, layer.unpacked) for layer in layers),
        *((steps.MergePackages(),) if any(layer.feature for layer in layers) else ()),
        steps.MountTarget(boot[0].esp, ESP_MOUNT),
        _identity(answers, interface),
        steps.WriteMounts((*layout.mounts, esp_mount)),
        steps.WriteNetwork(network),
        steps.WriteLocale(answers.global_.keyboard, answers.global_.timezone),
        *((steps.WriteEncryption(layout.encrypted),) if layout.encrypted else ()),
        *layout.finish,
        steps.WriteAccess(len(answers.global_.root_ssh_keys), answers.global_.subscription_key is not None),
        steps.WriteNodeConfiguration(answers.global_.mailto, answers.global_.country),
        *_cluster_intent(answers),
        *_first_boot(answers),
        steps.InstallBootLoader(
            boot, machine.firmware.mode, layout.root, _command_line(answers, interface, layout, console)
        ),
        steps.WriteReport(),
        *((steps.GatherNews(),) if answers.post_installation_webhook else ()),
        steps.CloseTarget(),
        *(steps.MarkFinished(disk.stable_path) for disk in targets),
        *_webhook(answers),
    )


def wants_tpm(answers: Answers) -> bool:
    """Whether the TPM is to open the encrypted disks."""
    encryption = answers.disk_setup.encryption
    return encryption is not None and encryption.tpm2


def _keys_of_tpm(layout: Layout, answers: Answers) -> Iterator[Step]:
    """The TPM's keys to the containers; one that is kept may have such a key that nobody asks for now."""
    for _, device in layout.encrypted:
        if wants_tpm(answers):
            yield steps.BindToTpm(device)
        elif layout.kept:
            yield steps.UnbindFromTpm(device)


def _cluster_intent(answers: Answers) -> Iterator[Step]:
    """What the first boot is to create or join, where the node is not to stand alone."""
    wanted = answers.cluster
    if wanted.mode is not ClusterMode.STAND_ALONE:
        yield steps.WriteClusterIntent(
            wanted.mode, wanted.name, wanted.peer, wanted.token is not None, wanted.nodes, wanted.force
        )


def _executable(wanted: FirstBoot | None) -> Iterator[Step]:
    """Getting what the first boot is to run, which may fail while all disks are as they were."""
    if wanted is not None and wanted.source is not None:
        yield steps.GetExecutable(place(wanted.url.get_secret_value()) if wanted.url else "")


def _first_boot(answers: Answers) -> Iterator[Step]:
    """What the first boot is left to do, where the answers say something of it."""
    cluster = answers.cluster.mode is not ClusterMode.STAND_ALONE
    wanted = answers.first_boot
    if wanted is None:
        if cluster:
            yield steps.WriteFirstBoot(ToDo(cluster=True))
    else:
        yield steps.WriteFirstBoot(
            ToDo(
                executable=wanted.stage,
                time_servers=wanted.time_servers,
                updates=wanted.updates,
                cluster=cluster,
                reboot=wanted.reboot,
            )
        )


def _webhook(answers: Answers) -> Iterator[Step]:
    if answers.post_installation_webhook is not None:
        yield steps.TellWebhook(place(answers.post_installation_webhook.url.get_secret_value()))


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
