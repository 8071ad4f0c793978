"""The part of the disks' screen about sizes and options of the layout, folded away until somebody wants them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum

from trebol_common.answers.disks import BtrfsCompress, Filesystem, ZfsChecksum, ZfsCompress
from trebol_common.i18n import _
from trebol_common.tui.page import Choice, Element, Input, Option, Toggle
from trebol_hardware.sizes import show_size
from trebol_installer.screens.draft import Checked, Draft

#: The table of each file system; the other two are not to be there.
TABLES: Mapping[Filesystem, str] = {
    Filesystem.EXT4: "disk-setup.lvm",
    Filesystem.XFS: "disk-setup.lvm",
    Filesystem.BTRFS: "disk-setup.btrfs",
    Filesystem.ZFS: "disk-setup.zfs",
}

_NAMES: Mapping[str, tuple[str, ...]] = {
    "disk-setup.lvm": ("hdsize", "swapsize", "maxroot", "maxvz", "minfree"),
    "disk-setup.btrfs": ("hdsize", "compress"),
    "disk-setup.zfs": ("hdsize", "ashift", "compress", "checksum", "copies", "arc-max"),
}

#: The keys of the fields, by table.
KEYS: Mapping[str, tuple[str, ...]] = {
    table: tuple(f"{table}.{name}" for name in names) for table, names in _NAMES.items()
}

#: Those of them that are numbers.
NUMBERS = frozenset(key for keys in KEYS.values() for key in keys if not key.endswith(("compress", "checksum")))

#: Before the name of a table: whether its fields are there to be typed into. No answer itself.
BY_HAND = "by-hand "


def elements(draft: Draft, filesystem: Filesystem, checked: Checked, usual: Mapping[str, int]) -> Iterator[Element]:
    """A switch and, once that is on, the fields that fit the file system; `usual` is what an empty one comes to on
    this machine, in bytes, by key, as far as that is known."""
    table = TABLES[filesystem]
    wanted = is_by_hand(draft, table)
    yield Toggle(
        BY_HAND + table,
        _("Sizes and options by hand"),
        wanted,
        hint=_("Without it, all of each disk is used, divided as most nodes want it."),
    )
    if not wanted:
        return

    def typed(name: str, label: str, hint: str) -> Input:
        key = f"{table}.{name}"
        here = " " + _("Here: {size}.").format(size=show_size(usual[key])) if key in usual else ""
        return Input(key, label, draft.shown(key), hint + here, checked.of(key))

    def chosen(name: str, label: str, options: tuple[Option, ...], usual: str, hint: str = "") -> Choice:
        key = f"{table}.{name}"
        default = next(option.text for option in options if option.value == usual)
        told = " ".join(filter(None, (hint, _("By default: {value}.").format(value=default))))
        return Choice(key, label, options, draft.shown(key) or usual, told, checked.of(key), opens=True)

    yield typed(
        "hdsize", _("Disk, GiB"), _("How much of each disk is used. Empty: all of it, of several the smallest.")
    )
    match filesystem:
        case Filesystem.EXT4 | Filesystem.XFS:
            yield from _lvm(typed)
        case Filesystem.BTRFS:
            compressions = _options(BtrfsCompress, {BtrfsCompress.ON: "zlib"})
            yield chosen("compress", _("Compression"), compressions, BtrfsCompress.OFF)
        case Filesystem.ZFS:
            yield typed("ashift", _("Sectors (ashift)"), _("As a power of two, 9 to 16. Empty: 12, which is 4 KiB."))
            compressions = _options(ZfsCompress, {ZfsCompress.ON: "lz4"})
            yield chosen("compress", _("Compression"), compressions, ZfsCompress.ON)
            sums = _options(ZfsChecksum, {ZfsChecksum.ON: "fletcher4"})
            yield chosen("checksum", _("Checksum"), sums, ZfsChecksum.ON)
            copies = _("How often each block is kept, beyond what the disks are to each other.")
            yield chosen("copies", _("Copies"), tuple(Option(count, count) for count in "123"), "1", copies)
            cache = _("Memory in which ZFS keeps what is read (ARC). Empty: a tenth of it, 16 GiB at most.")
            yield typed("arc-max", _("Cache at most, MiB"), cache)


def is_by_hand(draft: Draft, table: str) -> bool:
    """Whether the fields of a table are shown: none that says something is ever hidden."""
    return bool(draft.aside.get(BY_HAND + table)) or any(draft.get(key) is not None for key in KEYS[table])


def _lvm(typed: Callable[[str, str, str], Input]) -> Iterator[Input]:
    yield typed(
        "swapsize", _("Swap, GiB"), _("0: none. Empty: like the memory, but an eighth of the disk and 8 at most.")
    )
    yield typed(
        "maxroot",
        _("Root at most, GiB"),
        _("Of what swap leaves, the root takes a quarter and 12, of small disks more. Empty: 96 at most."),
    )
    yield typed(
        "maxvz",
        _("Guests at most, GiB"),
        _("The thin pool for the guests' disks. 0: none. Empty: all that is left."),
    )
    yield typed(
        "minfree",
        _("Left free, GiB"),
        _("In the volume group, such as for snapshots. Empty: an eighth of the disk, 16 at most."),
    )


def _options(values: type[StrEnum], meant: Mapping[StrEnum, str]) -> tuple[Option, ...]:
    """The values of the answer file under their own names, and what is meant by those that only say "on"."""
    return tuple(Option(value, f"{value} ({meant[value]})" if value in meant else value.value) for value in values)
