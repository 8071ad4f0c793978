"""Which disks the answers mean, on this machine: pure, exact, and suspicious.

As many as the layout wants must match. What must never be a target (the medium, read-only disks, disks in use) is
refused even when it is named; what holds something is refused unless its loss was confirmed for that very disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from trebol_common.answers.model import Answers, DiskSetup
from trebol_common.errors import BadInput, Problem, Refused, TrebolError, raise_for
from trebol_common.i18n import _
from trebol_hardware.alike import is_twin
from trebol_hardware.machine import Disk, Machine
from trebol_installer.describe import count_of_disks, describe_disk, listing
from trebol_installer.disk_names import clearly_named, names_of
from trebol_installer.filters import WHERE as FILTER
from trebol_installer.filters import find_disks, read_filter, show_filter
from trebol_installer.layout_rules import rule, show_layout
from trebol_installer.members import member_problems
from trebol_installer.refusals import refusals

DISK_LIST = "disk-setup.disk-list"


@dataclass(frozen=True)
class _Found:
    """A disk, and whether nothing but its serial number (or a link made of it) tells that it is meant."""

    disk: Disk
    by_serial: bool


def select_disks(machine: Machine, answers: Answers) -> tuple[Disk, ...]:
    """The disks that the answers mean: in the order of `disk-list`, or those of a filter in their stable order
    (`filters.in_order`).

    Their names are their own: what another disk is called too is left out, see `clearly_named`. Raises BadInput
    (listing what there is, and what the layout wants) where none, too few or too many match, and Refused with every
    reason of every disk where one must not be written to.
    """
    setup = answers.disk_setup
    clear = clearly_named(machine)
    found = _named(machine, clear, setup) if setup.disk_list else _filtered(machine, clear, setup)
    _check_count([each.disk for each in found], clear, setup)
    targets = tuple(each.disk for each in found)
    problems = [
        *(problem for each in found if each.by_serial for problem in _twins(each.disk, clear)),
        *member_problems(targets, setup),
        *refusals(targets, clear, answers),
    ]
    raise_for(problems, Refused)
    return targets


def problems_by_class(errors: Iterable[TrebolError]) -> tuple[list[Problem], type[TrebolError]]:
    """All problems of several errors, and the class to raise them with: safety outranks bad input."""
    collected = list(errors)
    kind: type[TrebolError] = Refused if any(isinstance(error, Refused) for error in collected) else BadInput
    return [problem for error in collected for problem in error.problems], kind


def setup_problems(setup: DiskSetup) -> Iterator[Problem]:
    """What no machine is needed to tell: a filter that cannot be understood, a disk-list of the wrong length."""
    try:
        read_filter(setup.filter or {}, setup.filter_match)
    except BadInput as error:
        yield from error.problems
    wants = rule(setup).disks
    number = len(setup.disk_list)
    if number and not wants.allows(number):
        what = _("names {disks}; {layout} wants {wants}").format(
            disks=count_of_disks(number), layout=show_layout(setup), wants=wants
        )
        yield Problem(what, DISK_LIST, _several(setup))


def _named(machine: Machine, clear: Machine, setup: DiskSetup) -> list[_Found]:
    """The disks of a disk-list. Raises BadInput for names of no disk, of several, and for one disk named twice."""
    pairs = list(zip(machine.disks, clear.disks, strict=True))
    found: list[_Found] = []
    names: dict[str, str] = {}
    missing: list[str] = []
    problems: list[Problem] = []
    for name in setup.disk_list:
        match [own for called, own in pairs if name in names_of(called)]:
            case []:
                missing.append(name)
            case [disk] if disk.name in names:
                what = _("{first} and {second} are one disk, {name}")
                one = what.format(first=names[disk.name], second=name, name=disk.name)
                problems.append(Problem(one, DISK_LIST))
            case [disk]:
                names[disk.name] = name
                found.append(_Found(disk, _is_of_serial(name, disk)))
            case several:
                problems.append(_shared(name, several))
    if missing:
        problems.insert(0, _no_match(", ".join(missing), DISK_LIST, clear, setup))
    raise_for(problems, BadInput)
    return found


def _filtered(machine: Machine, clear: Machine, setup: DiskSetup) -> list[_Found]:
    """What a filter finds. By all names of a disk, those too that it shares: what they do not tell apart is no match
    for the layout, or a reason to refuse, but not overlooked."""
    wanted = read_filter(setup.filter or {}, setup.filter_match)
    own = {disk.name: disk for disk in clear.disks}
    # A medium is no candidate: a filter by size or bus should not fail for the stick it was started from.
    found = find_disks([disk for disk in machine.disks if not disk.medium], wanted)
    return [_Found(own[disk.name], wanted.tells_by_serial(disk)) for disk in found]


def _check_count(disks: Sequence[Disk], clear: Machine, setup: DiskSetup) -> None:
    wants = rule(setup).disks
    if wants.allows(len(disks)):
        return
    where = DISK_LIST if setup.disk_list else FILTER
    wanted = _show(setup)
    if not disks:
        raise BadInput.of([_no_match(wanted, where, clear, setup)])
    # Too many: which to leave out. Too few: what else there is.
    shown = disks if len(disks) > wants.least else clear.disks
    marks = {disk.name for disk in disks} if shown is clear.disks else set()
    lines = (describe_disk(disk) + (f"  ({_('matches')})" if disk.name in marks else "") for disk in shown)
    what = _("{wanted} matches {disks}; {layout} wants {wants}").format(
        wanted=wanted, disks=count_of_disks(len(disks)), layout=show_layout(setup), wants=wants
    )
    raise BadInput(
        what + listing(lines),
        where=where,
        hint=_several(setup) if len(disks) > wants.least else _of_these(setup),
    )


def _no_match(wanted: str, where: str, clear: Machine, setup: DiskSetup) -> Problem:
    what = _("{wanted} matches no disk; {layout} wants {wants}").format(
        wanted=wanted, layout=show_layout(setup), wants=rule(setup).disks
    )
    hint = _of_these(setup) if clear.disks else _("no disk was found: check its controller")
    return Problem(what + listing(map(describe_disk, clear.disks)), where, hint)


def _shared(name: str, disks: Sequence[Disk]) -> Problem:
    if all(is_twin(disks[0], other) for other in disks[1:]):
        what = _("{name} matches {disks}, which have one serial number")
    else:
        what = _("{name} matches {disks}")
    return Problem(
        what.format(name=name, disks=count_of_disks(len(disks))) + listing(map(describe_disk, disks)),
        DISK_LIST,
        _("name it by where it is plugged in: a name in /dev/disk/by-path"),
    )


def _twins(disk: Disk, machine: Machine) -> Iterator[Problem]:
    for other in machine.disks:
        if is_twin(disk, other):
            yield Problem(
                _("has the serial number {serial} of {path} ({name}) too, which does not tell them apart").format(
                    serial=disk.serial, path=other.stable_path, name=other.name
                ),
                f"{disk.stable_path} ({disk.name})",
                _("name it by where it is plugged in: a name in /dev/disk/by-path, or the key by-path of a filter"),
            )


def _is_of_serial(name: str, disk: Disk) -> bool:
    # udev writes blanks of a serial number as underscores.
    serial = disk.serial.replace(" ", "_")
    return name.removeprefix("/dev/disk/by-id/") in disk.by_id and bool(serial) and serial in name


def _several(setup: DiskSetup) -> str:
    wants = rule(setup).disks
    if wants.most == 1:
        return _("make it match exactly one of these, or set lvm.raid for several")
    return _("make it match {wants}").format(wants=wants)


def _of_these(setup: DiskSetup) -> str:
    return _("make it match {wants} of these").format(wants=rule(setup).disks)


def _show(setup: DiskSetup) -> str:
    return show_filter(setup.filter, setup.filter_match) if setup.filter else ", ".join(setup.disk_list)
