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
from trebol_installer.disk_names import names_of
from trebol_installer.plan_words import DiskChange
from trebol_installer.preview import Preview
from trebol_installer.screens import draft as drafts
from trebol_installer.screens import sizes
from trebol_installer.screens.draft import TYPED_TWICE, Checked, Draft
from trebol_installer.screens.facts import Facts

FILESYSTEM = "disk-setup.filesystem"
DISKS = "disk-setup.disk-list"
PASSPHRASE = "disk-setup.encryption.passphrase"
PASSPHRASE_AGAIN = TYPED_TWICE[PASSPHRASE]
ENCRYPTED = drafts.ENCRYPTED
TPM = "disk-setup.encryption.tpm2"
KEEP = "disk-setup.keep"

#: The key of the RAID level, by file system.
RAID = {filesystem: f"{table}.raid" for filesystem, table in sizes.TABLES.items()}


def page(draft: Draft, facts: Facts, preview: Preview | None, *, insist: bool) -> tuple[Element, ...]:
    """Its elements; `preview` is None while there is nothing to show or it is being made; see `node.page` for
    `insist`."""
    if facts.machine is None:
        return facts.instead(_("Looking at the disks…"))
    filesystem = Filesystem(draft.get(FILESYSTEM, Filesystem.EXT4))
    checked = draft.check()
    named = tuple(draft.get(DISKS, ()))
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
            tuple(_option(disk, facts.machine, named) for disk in facts.machine.disks),
            named,
            hint=_("Blank marks a disk. What a marked disk holds is lost; the last screen asks again."),
            problem=_("Mark a disk.") if insist and not draft.get(DISKS) else "",
        ),
        *_keeping(draft, preview),
        Gap(),
        *_encryption(draft, facts.machine, checked, insist=insist),
        *sizes.elements(draft, filesystem, checked, preview.usual if preview else {}),
        Gap(),
        *_preview(preview, draft, checked, filesystem),
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


def _option(disk: Disk, machine: Machine, named: Sequence[str]) -> Option:
    against = [obstacle.what for obstacle in obstacles(disk, machine) if obstacle.final]
    # An answer file may have named it otherwise.
    lasting = next(iter((*disk.by_id, *disk.by_path, disk.name)))
    name = next((name for name in named if name in names_of(disk)), lasting)
    kind = " ".join(filter(None, (disk.transport, _("rotational") if disk.rotational else "")))
    told = "  ".join(filter(None, (f"{disk.name:<8}{show_size(disk.size):>9}", kind, disk.model, disk.serial)))
    contents = describe_contents(disk)
    holds = _("holds {what}").format(what="; ".join(contents)) if contents else ""
    return Option(name, told, note=holds, refused="; ".join(against))


def _keeping(draft: Draft, preview: Preview | None) -> Iterator[Element]:
    """Beside a Trebol on the chosen disks: whether its data stays, or why it cannot."""
    wanted = bool(draft.get(KEEP))
    if wanted or (preview is not None and preview.keepable):
        yield Toggle(
            KEEP,
            _("Keep the data of the Trebol on it (guests' disks)"),
            wanted,
            hint=_("Its system is made anew in its old place: settings, and what lies beside that data, are lost."),
        )
    elif preview is not None and preview.against_keeping:
        yield Text(_("There is a Trebol, whose data cannot be kept like this:"), Tone.WARN)
        for problem in preview.against_keeping:
            yield Text(f"{problem.where}: {problem.what}", mark="→")


def _encryption(draft: Draft, machine: Machine, checked: Checked, *, insist: bool) -> Iterator[Element]:
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
    problem = checked.of("disk-setup.encryption") or (_("is needed") if insist and not first else "")
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


def _preview(preview: Preview | None, draft: Draft, checked: Checked, filesystem: Filesystem) -> Iterator[Element]:
    # What is wrong with a field stands beside it.
    fields = ("disk-setup.encryption", *sizes.KEYS[sizes.TABLES[filesystem]])
    if preview is None or not draft.get(DISKS) or any(map(checked.of, fields)):
        return
    if preview.problems:
        for problem in preview.problems:
            yield Text(problem.what, Tone.BAD, "→")
            if problem.hint:
                yield Text(problem.hint, mark=" ")
        return
    yield Text(preview.title, Tone.STRONG)
    for number, change in enumerate(preview.disks):
        if number:
            yield Gap()
        yield from _change(change, kept=preview.kept)
    if preview.together:
        yield Text(_("on all {count} disks together:").format(count=len(preview.disks)), Tone.STRONG)
        yield Rows(tuple((f"  {line}",) for line in preview.together))
    for note in preview.notes:
        yield Text(note, Tone.DIM)


def _change(change: DiskChange, *, kept: bool) -> Iterator[Element]:
    yield Text(f"{change.name}  {show_size(change.size)}  {change.model}".rstrip(), Tone.STRONG)
    before = change.before or (_("nothing known"),)
    lost = Tone.WARN if kept else Tone.BAD
    yield from _lines(_("now"), before, lost if change.before else Tone.DIM)
    yield from _lines(_("then"), change.after, Tone.PLAIN)


def _lines(title: str, lines: Sequence[str], tone: Tone) -> Iterator[Element]:
    width = max(len(_("now")), len(_("then"))) + 2
    yield Rows(
        tuple(((title if number == 0 else "").ljust(width) + line,) for number, line in enumerate(lines)), tone
    )
