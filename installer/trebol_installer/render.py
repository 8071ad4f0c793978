"""The plan for people, within 80 columns, and for programs, as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator
from typing import assert_never

from trebol_common.errors import printable
from trebol_hardware.checks.finding import Severity
from trebol_hardware.sizes import show_size
from trebol_installer import steps
from trebol_installer.hardware import by_gravity, short
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
            return f"Check that {step.disk} is the disk planned for"
        case steps.VerifyLayers():
            return f"Verify the medium ({', '.join(step.layers)}: {show_size(step.size)})"
        case steps.LoadZfs():
            return "Load ZFS"
        case steps.ReleaseSwap():
            return f"Stop swapping to {step.device}"
        case steps.ReleaseMount():
            return f"Unmount {step.mountpoint} ({', '.join(map(str, step.devices))})"
        case steps.ExportPool():
            return f"Let go of ZFS pool {step.pool or step.guid}"
        case steps.CloseGroup():
            return f"Close volume group {step.group} ({step.uuid})"
        case steps.CloseVolume():
            return f"Close {step.volume}"
        case steps.LeaveBcache():
            return f"Have bcache let go of {step.device}"
        case steps.WipeVolume():
            return f"Wipe {step.volume}"
        case steps.WipeDisk():
            return f"Wipe {step.disk}"
        case steps.PartitionDisk():
            return f"Partition {step.disk} (GPT, {len(step.partitions)} partitions)"
        case steps.CreateArray():
            return f"Create array {step.path} ({step.level} of {len(step.members)})"
        case steps.EncryptDevice():
            return f"Encrypt {step.device} (LUKS2)"
        case steps.CreateVolumeGroup():
            return f"Create volume group {step.group}"
        case steps.AssembleArray():
            return f"Start array {step.path}"
        case steps.OpenContainer():
            return f"Open {step.device} (LUKS2)"
        case steps.BindToTpm():
            return f"Have the TPM open {step.device}"
        case steps.UnbindFromTpm():
            return f"Have no TPM open {step.device}"
        case steps.ReuseVolumeGroup():
            return f"Take over volume group {step.group}; {step.kept} stays"
        case steps.ReplaceSubvolume():
            return f"Make subvolume {step.name} anew; {step.kept} stays"
        case steps.CreateVolume():
            return f"Create volume {step.name} ({show_size(step.size)})"
        case steps.CreateThinPool():
            return f"Create thin pool {step.name} ({show_size(step.size)})"
        case steps.MakeSwap():
            return f"Make swap on {step.device}"
        case steps.MakeFilesystem():
            return f"Make {step.kind} on {step.device}"
        case steps.MakeBtrfs():
            return f"Make btrfs on {', '.join(map(str, step.devices))} ({', '.join(step.subvolumes)})"
        case steps.CreatePool():
            return f"Create {'encrypted ' if step.encrypted else ''}ZFS pool {step.name} ({_vdevs(step)})"
        case steps.ReusePool():
            return f"Take over ZFS pool {step.name}; {step.kept} stays, {step.root} goes"
        case steps.CreateDataset():
            return f"Create ZFS file system {step.name}"
        case steps.MountDataset():
            return f"Mount {step.name} as /"
        case steps.MountTarget():
            return f"Mount {step.device} as {step.at}"
        case steps.ExtractLayer():
            return f"Unpack {step.layer} ({show_size(step.unpacked)})"
        case steps.MergePackages():
            return "Have dpkg take up the packages of all layers"
        case steps.WriteIdentity():
            return f"Name the node {step.fqdn or 'as DHCP says'}, make machine id and SSH host keys"
        case steps.WriteMounts():
            return "Write the file system table"
        case steps.WriteEncryption():
            return f"Write what is unlocked at boot: {', '.join(name for name, _ in step.containers)}"
        case steps.WritePool():
            limit = show_size(step.cache_limit)
            return f"Write how the node imports {step.name} (root {step.root}; cache up to {limit})"
        case steps.WriteNetwork():
            bridges = ", ".join(bridge.name for bridge in step.network.bridges)
            pinned = ", ".join(link.name for link in step.network.pinned)
            return f"Configure the network: {bridges}{f'; pinned names: {pinned}' if pinned else ''}"
        case steps.WriteLocale():
            return f"Set keyboard {step.keyboard.value} and time zone {step.timezone}"
        case steps.WriteAccess():
            keys = {0: "no SSH key", 1: "1 SSH key"}.get(step.ssh_keys, f"{step.ssh_keys} SSH keys")
            return f"Set root's password and {keys}"
        case steps.WriteNodeConfiguration():
            return "Write /etc/trebol/node.toml"
        case steps.InstallBootLoader():
            return f"Install the boot loaders for BIOS and UEFI on {', '.join(each.esp.disk for each in step.boot)}"
        case steps.WriteReport():
            return "Write the report to /var/log/trebol"
        case steps.CloseTarget():
            return "Unmount the target"
        case steps.MarkFinished():
            return f"Mark {step.disk} as finished"
        case _:
            assert_never(step)


def _vdevs(pool: steps.CreatePool) -> str:
    """`mirror of 2`, `2 x mirror of 2`, `3 disks`."""
    times = len(pool.groups)
    if not pool.level:
        return "1 disk" if times == 1 else f"{times} disks"
    return f"{f'{times} x ' if times > 1 else ''}{pool.level} of {len(pool.groups[0])}"


def _lines(plan: Plan) -> Iterator[str]:
    for name, value in plan.summary:
        yield from _wrap(value, f"{name + ':':<10} ", " " * 11)
    for disk in plan.disks:
        yield ""
        yield from _disk(disk)
    if plan.torn_down:
        yield ""
        yield "Torn down:"
        yield from (f"  {line}" for line in plan.torn_down)
    if plan.together:
        yield ""
        yield from _block("On all of them together:", plan.together)
    yield ""
    yield "Steps:"
    for number, step in enumerate(plan.steps, 1):
        yield from _wrap(describe(step), f"{number:>4}. ", " " * 6)
    for title, texts in (("Notes", plan.notes), ("Warnings", plan.warnings)):
        if texts:
            yield ""
            yield f"{title}:"
            for text in texts:
                yield from _wrap(text, "  - ", "    ")
    if plan.findings:
        yield ""
        yield from _findings(plan)


def _findings(plan: Plan) -> Iterator[str]:
    """One line for each that failed, warns or is unknown, and the remedy of each that failed."""
    told = by_gravity(plan.findings)
    quiet = f"{len(plan.findings) - len(told)} more are passed, notes or muted"
    yield from _wrap(f"Hardware checks, role {plan.role} ({quiet}):", "", "  ")
    for finding in told:
        yield from _wrap(short(finding), "  - ", " " * 12)
        if finding.severity is Severity.FAIL and finding.remedy:
            yield from _wrap(finding.remedy, " " * 12 + "→ ", " " * 14)
    if any(finding.severity is Severity.FAIL for finding in told):
        yield from _wrap('This does not stop the installation: fail-on = "fail" in [checks] would.', "  ", "  ")


def _disk(disk: DiskChange) -> Iterator[str]:
    yield from _wrap(disk.path, "Disk ", "     ")
    about = [show_size(disk.size), disk.model, f"serial {disk.serial}" if disk.serial else ""]
    yield from _wrap(", ".join(filter(None, about)), "     ", "     ")
    yield from _block("  before:", disk.before or ("empty",))
    yield from _block("  after:", disk.after)


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
