"""Filters: which disks a table of keys and patterns finds, among those of a machine. Pure.

Keys in upper case are udev properties, their values globs. Keys in lower case are ours (`OWN_KEYS`) and mean the same
on every kernel and bus. `filter-match` says whether one or all must hold; `position` is applied last, to what the
others found.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from trebol_common.answers.model import FilterMatch
from trebol_common.errors import BadInput, Problem, raise_for
from trebol_common.i18n import _
from trebol_hardware.machine import Disk

WHERE = "disk-setup.filter"

#: Powers of 1000 (as on the label of a disk) and, with an i, of 1024 (as in `trebol machine probe`).
_UNITS = {"k": 1, "m": 2, "g": 3, "t": 4, "p": 5}

#: How udev's properties are called; none is called as a key of ours.
_PROPERTY = re.compile(r"[A-Z][A-Z0-9_.:]*")

_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([kmgtp])(i?)b?", re.IGNORECASE | re.ASCII)
_COMPARISON = re.compile(r"(<=|>=|<|>)\s*(.*)")
_POSITIONS = re.compile(r"(\d{1,4})(?:\s*-\s*(\d{1,4}))?", re.ASCII)

#: What tells a disk by its serial number or by links and names made of it.
_BY_SERIAL = frozenset(
    {
        "serial",
        "by-id",
        "DEVLINKS",
        "ID_SCSI_SERIAL",
        "ID_SERIAL",
        "ID_SERIAL_SHORT",
        "ID_WWN",
        "ID_WWN_WITH_EXTENSION",
        "SCSI_IDENT_SERIAL",
    }
)

#: What tells a disk by where it is plugged in, or by the kernel's name.
_BY_PLACE = frozenset({"by-path", "ID_PATH", "ID_PATH_TAG", "DEVNAME", "DEVPATH"})

Test = Callable[[Disk], bool]


@dataclass(frozen=True)
class DiskFilter:
    """A filter that was understood: tests by their keys, and positions counted from 1 (empty: all)."""

    tests: tuple[tuple[str, Test], ...]
    how: FilterMatch
    positions: frozenset[int] = frozenset()

    def matches(self, disk: Disk) -> bool:
        """Whether the disk is what is asked for, position aside; without any other key, every disk is."""
        hits = (test(disk) for _key, test in self.tests)
        return not self.tests or (all(hits) if self.how is FilterMatch.ALL else any(hits))

    def tells_by_serial(self, disk: Disk) -> bool:
        """Whether it is the disk's serial number alone that finds it, and nothing about where it is."""
        hits = {key for key, test in self.tests if test(disk)}
        return bool(hits & _BY_SERIAL) and not hits & _BY_PLACE and not self.positions


def read_filter(filters: Mapping[str, str], how: FilterMatch) -> DiskFilter:
    """Understand a filter. Raises BadInput with every key and value that cannot be."""
    tests: list[tuple[str, Test]] = []
    positions: frozenset[int] = frozenset()
    problems: list[Problem] = []
    for written, value in filters.items():
        key = _own_key(written)
        try:
            if key == "position":
                positions = _positions(value)
            elif key in OWN_KEYS:
                tests.append((key, OWN_KEYS[key](value)))
            elif _PROPERTY.fullmatch(written) and _own_key(written.lower()) not in (*OWN_KEYS, "position"):
                tests.append((written, _udev(written, value)))
            else:
                problems.append(Problem(_("is no key of a filter"), f"{WHERE}.{written}", _nearest(key)))
        except ValueError as error:
            problems.append(Problem(f"{value!r} {error}", f"{WHERE}.{written}"))
    raise_for(problems, BadInput)
    return DiskFilter(tuple(tests), how, positions)


def find_disks(disks: Sequence[Disk], wanted: DiskFilter) -> tuple[Disk, ...]:
    """The disks that a filter finds, in their stable order (`in_order`)."""
    found = in_order([disk for disk in disks if wanted.matches(disk)])
    return tuple(disk for number, disk in enumerate(found, 1) if not wanted.positions or number in wanted.positions)


def in_order(disks: Sequence[Disk]) -> list[Disk]:
    """Disks by where they are plugged in, which no other order of discovery changes: PCI address of the controller,
    then the port, as udev's ID_PATH says them. Those without such a path come last, by their other names.
    """
    return sorted(disks, key=_place)


def matches(properties: Mapping[str, str], filters: Mapping[str, str], how: FilterMatch) -> bool:
    """Whether udev properties match globs (`?`, `*`, `[a]`, `[!a]`); a property that is missing matches nothing."""
    hits = [key in properties and fnmatch.fnmatchcase(properties[key], pattern) for key, pattern in filters.items()]
    return all(hits) if how is FilterMatch.ALL else any(hits)


def show_filter(filters: Mapping[str, str], how: FilterMatch) -> str:
    """A filter as a line for people."""
    joint = _(" and ") if how is FilterMatch.ALL else _(" or ")
    position = [f'{key} = "{value}"' for key, value in filters.items() if key == "position"]
    rest = joint.join(f'{key} = "{value}"' for key, value in filters.items() if key != "position")
    return ", ".join(filter(None, [rest, *position]))


def _own_key(written: str) -> str:
    return written.replace("_", "-") if written.islower() else written


def _nearest(key: str) -> str:
    known = [*OWN_KEYS, "position"]
    close = difflib.get_close_matches(key.lower(), known, n=1)
    if close:
        return _("did you mean {names}?").format(names=close[0])
    return _("there are {keys}, and udev's properties in upper case").format(keys=", ".join(known))


def _udev(key: str, pattern: str) -> Test:
    return lambda disk: matches(disk.udev, {key: pattern}, FilterMatch.ALL)


def _size(text: str) -> Test:
    """`>= 1T`, `< 2 TiB`, or `500G..2T`, ends included. Raises ValueError."""
    low, range_, high = text.strip().partition("..")
    if range_:
        least, most = _bytes(low), _bytes(high)
        if least > most:
            raise ValueError(_("is a range whose end is below its beginning"))
        return lambda disk: least <= disk.size <= most
    comparison = _COMPARISON.fullmatch(text.strip())
    if comparison is None:
        raise ValueError(_('does not say how to compare; write ">= 1T", "< 2 TiB" or "500G..2T"'))
    bound = _bytes(comparison[2])
    tests: dict[str, Test] = {
        "<": lambda disk: disk.size < bound,
        "<=": lambda disk: disk.size <= bound,
        ">": lambda disk: disk.size > bound,
        ">=": lambda disk: disk.size >= bound,
    }
    return tests[comparison[1]]


def _bytes(text: str) -> Decimal:
    size = _SIZE.fullmatch(text.strip())
    if size is None:
        raise ValueError(_('has no size with its unit, such as 480G, 1.92TB (powers of 1000) or "2 TiB" (of 1024)'))
    return Decimal(size[1]) * Decimal(1024 if size[3] else 1000) ** _UNITS[size[2].lower()]


def _positions(text: str) -> frozenset[int]:
    """`1`, `1-2`, `1,3`. Raises ValueError."""
    found: set[int] = set()
    for part in text.split(","):
        span = _POSITIONS.fullmatch(part.strip())
        first = int(span[1]) if span else 0
        last = int(span[2]) if span and span[2] else first
        if not 1 <= first <= last:
            raise ValueError(_('is no position, counted from 1; write "1", "1-2" or "1,3"'))
        found.update(range(first, last + 1))
    return frozenset(found)


def _rotational(text: str) -> Test:
    if text not in ("true", "false"):
        raise ValueError(_('is neither "true" nor "false"'))
    return lambda disk: disk.rotational is (text == "true")


def _transport(pattern: str) -> Test:
    return lambda disk: _alike(disk.transport, pattern)


def _model(pattern: str) -> Test:
    return lambda disk: _alike(disk.model, pattern)


def _serial(pattern: str) -> Test:
    return lambda disk: bool(disk.serial) and fnmatch.fnmatchcase(disk.serial, pattern)


def _by_id(pattern: str) -> Test:
    bare = pattern.removeprefix("/dev/disk/by-id/")
    return lambda disk: any(fnmatch.fnmatchcase(link, bare) for link in disk.by_id)


def _by_path(pattern: str) -> Test:
    bare = pattern.removeprefix("/dev/disk/by-path/")
    return lambda disk: any(fnmatch.fnmatchcase(link, bare) for link in disk.by_path)


def _alike(text: str, pattern: str) -> bool:
    """Whether a text matches a glob in whatever case; one that is not known matches nothing."""
    return bool(text) and fnmatch.fnmatchcase(text.lower(), pattern.lower())


#: Our keys, each with what makes a test of its value, or raises ValueError saying what is wrong with it.
OWN_KEYS: Mapping[str, Callable[[str], Test]] = {
    "size": _size,
    "transport": _transport,
    "rotational": _rotational,
    "model": _model,
    "serial": _serial,
    "by-id": _by_id,
    "by-path": _by_path,
}

_PCI_ADDRESS = re.compile(r"pci-([0-9a-f]{4,8}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])")
_NUMBER = re.compile(r"(\d+)", re.ASCII)


def _place(disk: Disk) -> tuple[object, ...]:
    """What disks are ordered by: the kind of path, PCI address as numbers, the rest of the path, then other names."""
    path = disk.by_path[0] if disk.by_path else ""
    address = _PCI_ADDRESS.match(path)
    numbers = tuple(int(part, 16) for part in address.groups()) if address else ()
    rest = path[address.end() :] if address else path
    kind = 0 if address else 1 if path else 2
    return (kind, numbers, _natural(rest), disk.by_id[:1], disk.wwn, disk.serial, _natural(disk.name))


def _natural(text: str) -> tuple[tuple[int, int | str], ...]:
    return tuple(_piece(piece) for piece in _pieces(text))


def _pieces(text: str) -> Iterator[str]:
    return (piece for piece in _NUMBER.split(text) if piece)


def _piece(piece: str) -> tuple[int, int | str]:
    # Numbers before text, and never compared with it. Longer ones are text: Python refuses to read them.
    return (0, int(piece)) if len(piece) < 19 and piece.isascii() and piece.isdigit() else (1, piece)
