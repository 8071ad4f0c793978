"""The screen of the disks: which layout, on which disks, and what becomes of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trebol_common.answers.disks import BtrfsRaid, Filesystem, MdRaid, ZfsRaid
from trebol_common.i18n import _
from trebol_common.tui.page import Choice, Element, Gap, Input, Marks, Option, Rows, Text, Toggle, Tone
from trebol_hardware.machine import Disk, Machine
from trebol_hardware.sizes import show_size
from trebol_hardware.targets import obstacles
from trebol_installer.describe import describe_contents
from trebol_installer.plan_words import DiskChange
from trebol_installer.preview import Preview
from trebol_installer.screens import draft as drafts
from trebol_installer.screens.draft import TYPED_TWICE, Draft
from trebol_installer.screens.facts import Facts

FILESYSTEM = "disk-setup.filesystem"
DISKS = "disk-setup.disk-list"
PASSPHRASE = "disk-setup.encryption.passphrase"
PASSPHRASE_AGAIN = TYPED_TWICE[PASSPHRASE]
ENCRYPTED = drafts.ENCRYPTED
TPM = "disk-setup.encryption.tpm2"

#: The key of the RAID level, by file system.
RAID = {
    Filesystem.EXT4: "disk-setup.lvm.raid",
    Filesystem.XFS: "disk-setup.lvm.raid",
    Filesystem.BTRFS: "disk-setup.btrfs.raid",
    Filesystem.ZFS: "disk-setup.zfs.raid",
}


def page(draft: Draft, facts: Facts, preview: Preview | None, *, insist: bool) -> tuple[Element, ...]:
    """Its elements; `preview` is None while there is nothing to show or it is being made; see `node.page` for
    `insist`."""
    if facts.machine is None:
        return facts.instead(_("Looking at the disks…"))
    filesystem = Filesystem(draft.get(FILESYSTEM, Filesystem.EXT4))
    return (
        Choice(FILESYSTEM, _("File system"), _filesystems(), filesystem, opens=True),
        Choice(
            RAID[filesystem],
            _("Disks are used as"),
            raid_levels(filesystem),
            draft.text(RAID[filesystem]) or raid_levels(filesystem)[0].value,
            opens=True,
        ),
        Gap(),
        Marks(
            DISKS,
            _("Install on"),
            tuple(_option(disk, facts.machine) for disk in facts.machine.disks),
            tuple(draft.get(DISKS, ())),
            hint=_("Blank marks a disk. What a marked disk holds is lost; the last screen asks again."),
            problem=_("Mark a disk.") if insist and not draft.get(DISKS) else "",
        ),
        Gap(),
        *_encryption(draft, facts.machine, insist=insist),
        Gap(),
        *_preview(preview, draft),
    )


def _filesystems() -> tuple[Option, ...]:
    return (
        Option(Filesystem.EXT4, _("ext4 on LVM")),
        Option(Filesystem.XFS, _("XFS on LVM")),
        Option(Filesystem.BTRFS, "btrfs"),
        Option(Filesystem.ZFS, "ZFS"),
    )


def raid_levels(filesystem: Filesystem) -> tuple[Option, ...]:
    """What disks can be to each other on a file system, the usual first; its value is that of the answer file."""
    one = _("one disk")
    match filesystem:
        case Filesystem.EXT4 | Filesystem.XFS:
            return (
                Option("", one),
                Option(MdRaid.RAID1, _("mirror: 2 disks or more (RAID 1)")),
                Option(MdRaid.RAID10, _("striped mirrors: 4, 6, … disks (RAID 10)")),
            )
        case Filesystem.BTRFS:
            return (
                Option(BtrfsRaid.RAID0, _("one disk, or several without a copy (RAID 0)")),
                Option(BtrfsRaid.RAID1, _("mirror: 2 disks or more (RAID 1)")),
                Option(BtrfsRaid.RAID10, _("striped mirrors: 4 disks or more (RAID 10)")),
            )
        case Filesystem.ZFS:
            return (
                Option(ZfsRaid.RAID0, _("one disk, or several without a copy (RAID 0)")),
                Option(ZfsRaid.RAID1, _("mirror: 2 disks or more (RAID 1)")),
                Option(ZfsRaid.RAID10, _("striped mirrors: 4, 6, … disks (RAID 10)")),
                Option(ZfsRaid.RAIDZ1, _("any one of 3 or more may fail (RAIDZ-1)")),
                Option(ZfsRaid.RAIDZ2, _("any two of 4 or more may fail (RAIDZ-2)")),
                Option(ZfsRaid.RAIDZ3, _("any three of 5 or more may fail (RAIDZ-3)")),
            )


def _option(disk: Disk, machine: Machine) -> Option:
    against = [obstacle.what for obstacle in obstacles(disk, machine) if obstacle.final]
    name = disk.by_id[0] if disk.by_id else disk.by_path[0] if disk.by_path else disk.name
    kind = " ".join(filter(None, (disk.transport, _("rotational") if disk.rotational else "")))
    told = "  ".join(filter(None, (f"{disk.name:<8}{show_size(disk.size):>9}", kind, disk.model, disk.serial)))
    contents = describe_contents(disk)
    holds = _("holds {what}").format(what="; ".join(contents)) if contents else ""
    return Option(name, told, note=holds, refused="; ".join(against))


def _encryption(draft: Draft, machine: Machine, *, insist: bool) -> Iterator[Element]:
    wanted = bool(draft.aside.get(ENCRYPTED))
    yield Toggle(
        ENCRYPTED,
        _("Encrypt the disks"),
        wanted,
        hint=_("The passphrase is asked for at each boot, on the screen and on the serial line."),
    )
    if not wanted:
        return
    first, second = draft.text(PASSPHRASE), draft.aside.get(PASSPHRASE_AGAIN, "")
    problem = draft.check().of("disk-setup.encryption") or (_("is needed") if insist and not first else "")
    yield Input(PASSPHRASE, _("Passphrase"), first, secret=True, problem=problem)
    differs = _("is not the same") if first != second else ""
    yield Input(PASSPHRASE_AGAIN, _("Again"), second, secret=True, problem=differs)
    if machine.tpm == "2.0":
        yield Toggle(
            TPM,
            _("Have this machine's TPM open them"),
            draft.get(TPM) is True,
            hint=_("The node boots without the passphrase, which stays the way back in."),
        )


def _preview(preview: Preview | None, draft: Draft) -> Iterator[Element]:
    # What is wrong with the passphrase stands beside it.
    if preview is None or not draft.get(DISKS) or draft.check().of("disk-setup.encryption"):
        return
    if preview.problems:
        for problem in preview.problems:
            yield Text(problem.what, Tone.BAD, "→")
            if problem.hint:
                yield Text(problem.hint, mark=" ")
        return
    yield Text(preview.title, Tone.STRONG)
    for change in preview.disks:
        yield from _change(change)
    if preview.together:
        yield Text(_("on all {count} disks together:").format(count=len(preview.disks)), Tone.STRONG)
        yield Rows(tuple((f"  {line}",) for line in preview.together))


def _change(change: DiskChange) -> Iterator[Element]:
    yield Gap()
    yield Text(f"{change.name}  {show_size(change.size)}  {change.model}".rstrip(), Tone.STRONG)
    before = change.before or (_("nothing known"),)
    yield from _lines(_("now"), before, Tone.BAD if change.before else Tone.DIM)
    yield from _lines(_("then"), change.after, Tone.PLAIN)


def _lines(title: str, lines: Sequence[str], tone: Tone) -> Iterator[Element]:
    width = max(len(_("now")), len(_("then"))) + 2
    yield Rows(
        tuple(((title if number == 0 else "").ljust(width) + line,) for number, line in enumerate(lines)), tone
    )
