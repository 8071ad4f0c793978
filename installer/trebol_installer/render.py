"""The plan for people, within 80 columns, and for programs, as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator
from typing import assert_never

from trebol_common.answers.model import ClusterMode
from trebol_common.errors import printable
from trebol_common.first_boot import Stage, Task, ToDo
from trebol_common.i18n import _, counted
from trebol_hardware.checks.finding import Severity
from trebol_hardware.sizes import show_size
from trebol_installer import steps
from trebol_installer.describe import count_of_disks
from trebol_installer.hardware import by_gravity, severity_words, short
from trebol_installer.plan import Plan
from trebol_installer.plan_words import DiskChange
from trebol_installer.steps import Step, step_to_json

WIDTH = 80


def render(plan: Plan) -> str:
    """The plan as text: summary, disks before and after, steps, notes, warnings, what the hardware checks found."""
    return "\n".join(_lines(plan)) + "\n"


def to_json(plan: Plan) -> str:
    """The plan as indented JSON, steps with their names, sizes in bytes."""
    members = {
        "summary": dict(plan.summary),
        "disks": [
            {name: getattr(disk, name) for name in disk.__dataclass_fields__ if name != "before"}
            | {"before": list(disk.before), "after": list(disk.after)}
            for disk in plan.disks
        ],
        "torn-down": list(plan.torn_down),
        "together": list(plan.together),
        "steps": [step_to_json(step) for step in plan.steps],
        "notes": list(plan.notes),
        "warnings": list(plan.warnings),
        "role": plan.role,
        "findings": [finding.to_members() for finding in plan.findings],
    }
    return json.dumps(members, indent=2, ensure_ascii=False) + "\n"


def describe(step: Step) -> str:
    """One line that says what a step does."""
    match step:
        case steps.CheckTarget():
            return _("Check that {disk} is the disk planned for").format(disk=step.disk)
        case steps.VerifyLayers():
            text = _("Verify the medium ({layers}: {size})")
            return text.format(layers=", ".join(step.layers), size=show_size(step.size))
        case steps.LoadZfs():
            return _("Load ZFS")
        case steps.ReleaseSwap():
            return _("Stop swapping to {device}").format(device=step.device)
        case steps.ReleaseMount():
            text = _("Unmount {point} ({devices})")
            return text.format(point=step.mountpoint, devices=", ".join(map(str, step.devices)))
        case steps.ExportPool():
            return _("Let go of ZFS pool {name}").format(name=step.pool or step.guid)
        case steps.CloseGroup():
            return _("Close volume group {name} ({uuid})").format(name=step.group, uuid=step.uuid)
        case steps.CloseVolume():
            return _("Close {volume}").format(volume=step.volume)
        case steps.LeaveBcache():
            return _("Have bcache let go of {device}").format(device=step.device)
        case steps.WipeVolume():
            return _("Wipe {device}").format(device=step.volume)
        case steps.WipeDisk():
            return _("Wipe {device}").format(device=step.disk)
        case steps.PartitionDisk():
            return counted(
                "Partition {disk} (GPT, {count} partition)",
                "Partition {disk} (GPT, {count} partitions)",
                len(step.partitions),
                disk=step.disk,
            )
        case steps.CreateArray():
            text = _("Create array {path} ({level} of {count})")
            return text.format(path=step.path, level=step.level, count=len(step.members))
        case steps.EncryptDevice():
            return _("Encrypt {device} (LUKS2)").format(device=step.device)
        case steps.CreateVolumeGroup():
            return _("Create volume group {name}").format(name=step.group)
        case steps.AssembleArray():
            return _("Start array {path}").format(path=step.path)
        case steps.OpenContainer():
            return _("Open {device} (LUKS2)").format(device=step.device)
        case steps.BindToTpm():
            return _("Have the TPM open {device}").format(device=step.device)
        case steps.UnbindFromTpm():
            return _("Have no TPM open {device}").format(device=step.device)
        case steps.ReuseVolumeGroup():
            return _("Take over volume group {name}; {kept} stays").format(name=step.group, kept=step.kept)
        case steps.ReplaceSubvolume():
            return _("Make subvolume {name} anew; {kept} stays").format(name=step.name, kept=step.kept)
        case steps.CreateVolume():
            return _("Create volume {name} ({size})").format(name=step.name, size=show_size(step.size))
        case steps.CreateThinPool():
            return _("Create thin pool {name} ({size})").format(name=step.name, size=show_size(step.size))
        case steps.MakeSwap():
            return _("Make swap on {device}").format(device=step.device)
        case steps.MakeFilesystem():
            return _("Make {kind} on {device}").format(kind=step.kind, device=step.device)
        case steps.MakeBtrfs():
            text = _("Make btrfs on {devices} ({subvolumes})")
            return text.format(devices=", ".join(map(str, step.devices)), subvolumes=", ".join(step.subvolumes))
        case steps.CreatePool():
            encrypted, plain = _("Create encrypted ZFS pool {name} ({disks})"), _("Create ZFS pool {name} ({disks})")
            return (encrypted if step.encrypted else plain).format(name=step.name, disks=_vdevs(step))
        case steps.ReusePool():
            text = _("Take over ZFS pool {name}; {kept} stays, {root} goes")
            return text.format(name=step.name, kept=step.kept, root=step.root)
        case steps.CreateDataset():
            return _("Create ZFS file system {name}").format(name=step.name)
        case steps.MountDataset():
            return _("Mount {device} as {point}").format(device=step.name, point="/")
        case steps.MountTarget():
            return _("Mount {device} as {point}").format(device=step.device, point=step.at)
        case steps.ExtractLayer():
            return _("Unpack {layer} ({size})").format(layer=step.layer, size=show_size(step.unpacked))
        case steps.MergePackages():
            return _("Have dpkg take up the packages of all layers")
        case steps.WriteIdentity():
            named = _("Name the node {fqdn}, make machine id and SSH host keys")
            by_dhcp = _("Name the node as DHCP says, make machine id and SSH host keys")
            return named.format(fqdn=step.fqdn) if step.fqdn else by_dhcp
        case steps.WriteMounts():
            return _("Write the file system table")
        case steps.WriteEncryption():
            text = _("Write what is unlocked at boot: {names}")
            return text.format(names=", ".join(name for name, _device in step.containers))
        case steps.WritePool():
            text = _("Write how the node imports {name} (root {root}; cache up to {limit})")
            return text.format(name=step.name, root=step.root, limit=show_size(step.cache_limit))
        case steps.WriteNetwork():
            text = _("Configure the network: {bridges}")
            if step.network.pinned:
                text = _("Configure the network: {bridges}; pinned names: {names}")
            bridges = ", ".join(bridge.name for bridge in step.network.bridges)
            return text.format(bridges=bridges, names=", ".join(link.name for link in step.network.pinned))
        case steps.WriteLocale():
            text = _("Set keyboard {keyboard} and time zone {zone}")
            return text.format(keyboard=step.keyboard.value, zone=step.timezone)
        case steps.WriteAccess():
            if not step.ssh_keys:
                return _("Set root's password and no SSH key")
            return counted(
                "Set root's password and {count} SSH key", "Set root's password and {count} SSH keys", step.ssh_keys
            )
        case steps.WriteNodeConfiguration():
            return _("Write {file}").format(file="/etc/trebol/node.toml")
        case steps.WriteClusterIntent():
            if step.mode is ClusterMode.CREATE:
                return _("First boot creates the cluster {name}").format(name=step.name)
            if step.token:
                return _("First boot joins the cluster of {peer}").format(peer=step.peer)
            return _("First boot leaves joining the cluster of {peer} to its console").format(peer=step.peer)
        case steps.GetExecutable():
            if not step.place:
                return _("Read what the first boot runs from the medium")
            return _("Fetch what the first boot runs from {place}").format(place=step.place)
        case steps.WriteFirstBoot():
            return _("First boot: {tasks}").format(tasks=", ".join(first_boot_words(step.to_do)))
        case steps.InstallBootLoader():
            text = _("Install the boot loaders for BIOS and UEFI on {disks}")
            return text.format(disks=", ".join(each.esp.disk for each in step.boot))
        case steps.WriteReport():
            return _("Write the report to {folder}").format(folder="/var/log/trebol")
        case steps.GatherNews():
            return _("Gather what the webhook is told")
        case steps.TellWebhook():
            return _("Tell the webhook at {place}").format(place=step.place)
        case steps.CloseTarget():
            return _("Unmount the target")
        case steps.MarkFinished():
            return _("Mark {disk} as finished").format(disk=step.disk)
        case _:
            assert_never(step)


def first_boot_words(to_do: ToDo) -> Iterator[str]:
    """What is left to the first boot, in its order."""
    stages = {
        Stage.BEFORE_NETWORK: _("runs the executable before the network is up"),
        Stage.NETWORK_ONLINE: _("runs the executable once the network is up"),
        Stage.FULLY_UP: _("runs the executable once all is up"),
    }
    for task in to_do.tasks:
        match task:
            case Task.TIME_SERVERS:
                yield _("asks the time servers {names}").format(names=", ".join(to_do.time_servers))
            case Task.UPDATES:
                yield _("installs updates")
            case Task.EXECUTABLE:
                yield stages[to_do.stage(task)]
            case Task.CLUSTER:
                yield _("creates or joins the cluster")
            case Task.REBOOT:
                yield _("restarts")


def _vdevs(pool: steps.CreatePool) -> str:
    """`mirror of 2`, `2 x mirror of 2`, `3 disks`."""
    times = len(pool.groups)
    if not pool.level:
        return count_of_disks(times)
    text = _("{times} x {level} of {count}") if times > 1 else _("{level} of {count}")
    return text.format(times=times, level=pool.level, count=len(pool.groups[0]))


def _lines(plan: Plan) -> Iterator[str]:
    titles = _summary_titles()
    width = max(map(len, titles.values())) + len(":  ")
    for key, value in plan.summary:
        yield from _wrap(value, f"{titles[key]}:".ljust(width), " " * width)
    for disk in plan.disks:
        yield ""
        yield from _disk(disk)
    if plan.torn_down:
        yield ""
        yield _("Torn down:")
        yield from (f"  {line}" for line in plan.torn_down)
    if plan.together:
        yield ""
        yield from _block(_("On all of them together:"), plan.together)
    yield ""
    yield _("Steps:")
    for number, step in enumerate(plan.steps, 1):
        yield from _wrap(describe(step), f"{number:>4}. ", " " * 6)
    for title, texts in ((_("Notes:"), plan.notes), (_("Warnings:"), plan.warnings)):
        if texts:
            yield ""
            yield title
            for text in texts:
                yield from _wrap(text, "  - ", "    ")
    if plan.findings:
        yield ""
        yield from _findings(plan)


def _findings(plan: Plan) -> Iterator[str]:
    """One line for each that failed, warns or is unknown, and the remedy of each that failed."""
    told = by_gravity(plan.findings)
    title = _("Hardware checks, role {role} ({count} more are passed, notes or muted):")
    yield from _wrap(title.format(role=plan.role, count=len(plan.findings) - len(told)), "", "  ")
    indent = " " * (len("  - ") + len(severity_words()[Severity.FAIL]))
    for finding in told:
        yield from _wrap(short(finding), "  - ", indent)
        if finding.severity is Severity.FAIL and finding.remedy:
            yield from _wrap(finding.remedy, f"{indent}→ ", f"{indent}  ")
    if any(finding.severity is Severity.FAIL for finding in told):
        text = _('This does not stop the installation: fail-on = "fail" in [checks] would.')
        yield from _wrap(text, "  ", "  ")


def _summary_titles() -> dict[str, str]:
    """What people call each line of a plan's summary, by its key."""
    return {
        "node": _("node"),
        "disk": _("disk"),
        "disks": _("disks"),
        "layout": _("layout"),
        "network": _("network"),
        "firmware": _("firmware"),
    }


def _disk(disk: DiskChange) -> Iterator[str]:
    title = f"{_('Disk')} "
    indent = " " * len(title)
    yield from _wrap(disk.path, title, indent)
    serial = _("serial {serial}").format(serial=disk.serial) if disk.serial else ""
    yield from _wrap(", ".join(filter(None, [show_size(disk.size), disk.model, serial])), indent, indent)
    yield from _block(f"  {_('before:')}", disk.before or (_("empty"),))
    yield from _block(f"  {_('after:')}", disk.after)


def _block(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield title
    for line in lines:
        indent = 4 + len(line) - len(line.lstrip())
        yield from _wrap(line.strip(), " " * indent, " " * (indent + 2))


def _wrap(text: str, first: str, rest: str) -> list[str]:
    """Models and labels come from a disk, or from a record that somebody sent: what is shown for a control character
    is longer than it, and has to fit as well."""
    return textwrap.wrap(
        printable(text),
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_on_hyphens=False,
        break_long_words=True,
    )
