"""Which disk and which network interface the answers mean, on this machine: pure, exact, and suspicious.

Exactly one device must match. What must never be a target (the medium, read-only disks, disks in use) is refused
even when it is named; what holds something is refused unless its loss was confirmed for that very disk.
"""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from trebol_common.answers.model import Answers, FilterMatch, NetworkSource
from trebol_common.errors import BadInput, Problem, Refused, TrebolError
from trebol_hardware.machine import LVM_MEMBER, Content, Disk, FirmwareMode, Machine, NetworkInterface
from trebol_hardware.summary import show_size

#: The volume group of a node.
VOLUME_GROUP = "trebol"

_CONFIRM = 'wipe = "confirmed"'


@dataclass(frozen=True)
class Selected:
    """The interface that was chosen, with what there is to say about the choice."""

    interface: NetworkInterface
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def select_disk(machine: Machine, answers: Answers) -> Disk:
    """The one disk that the answers mean.

    Its names are its own: what another disk is called too is left out, see `clearly_named`. Raises BadInput (listing
    what there is) where none or several match, and Refused with every reason where the one that matches must not be
    written to.
    """
    setup = answers.disk_setup
    clear = clearly_named(machine)
    if setup.disk_list:
        where = "disk-setup.disk-list"
        wanted = ", ".join(setup.disk_list)
        pairs = zip(machine.disks, clear.disks, strict=True)
        found = [disk for called, disk in pairs if any(name in names_of(called) for name in setup.disk_list)]
    else:
        assert setup.filter is not None
        where = "disk-setup.filter"
        wanted = _show_filter(setup.filter, setup.filter_match)
        # A medium is no candidate: a filter by size or bus should not fail for the stick it was started from.
        candidates = [disk for disk in clear.disks if not disk.medium]
        found = [disk for disk in candidates if matches(disk.udev, setup.filter, setup.filter_match)]
    if len(found) != 1:
        raise BadInput(
            f"{wanted} matches {_count(len(found), 'disk')}{_listing(map(describe_disk, found or clear.disks))}",
            where=where,
            hint="make it match exactly one of these" if clear.disks else "no disk was found: check its controller",
        )
    if problems := list(_refusals(found[0], clear, answers)):
        raise Refused.of(problems)
    return found[0]


def clearly_named(machine: Machine) -> Machine:
    """The machine, each disk without the links in /dev/disk that another one claims too.

    udev lists a link at every disk that claims it, and lets it point at one of them: disks of one serial number (USB
    bridges, virtual disks, two paths to one disk) would be taken for each other, and the wrong one wiped.
    """
    claims = Counter(link for disk in machine.disks for link in (*disk.by_id, *disk.by_path))
    if all(count == 1 for count in claims.values()):
        return machine

    def own(links: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(link for link in links if claims[link] == 1)

    disks = tuple(replace(disk, by_id=own(disk.by_id), by_path=own(disk.by_path)) for disk in machine.disks)
    return replace(machine, disks=disks)


def names_of(disk: Disk) -> frozenset[str]:
    """All names by which an answer file may name a disk: the kernel's, by-id, by-path, each also as a path."""
    names = {disk.name, f"/dev/{disk.name}"}
    for folder, links in (("by-id", disk.by_id), ("by-path", disk.by_path)):
        names |= {*links, *(f"/dev/disk/{folder}/{link}" for link in links)}
    return frozenset(names)


def matches(properties: Mapping[str, str], filters: Mapping[str, str], how: FilterMatch) -> bool:
    """Whether udev properties match globs (`?`, `*`, `[a]`, `[!a]`); a property that is missing matches nothing."""
    hits = [key in properties and fnmatch.fnmatchcase(properties[key], pattern) for key, pattern in filters.items()]
    return all(hits) if how is FilterMatch.ALL else any(hits)


def describe_disk(disk: Disk) -> str:
    """One line for a list: name, size, model, serial, stable name, and what is on it."""
    said = [f"{disk.name:<8} {show_size(disk.size):>10}", disk.model or "no model", disk.serial or "no serial"]
    said += [disk.by_id[0]] if disk.by_id else disk.by_path[:1]
    if disk.medium:
        said.append("installation medium")
    contents = describe_contents(disk)
    return "  ".join([*said, f"holds {', '.join(contents)}" if contents else "empty"])


def describe_contents(disk: Disk) -> tuple[str, ...]:
    """What a disk holds, one phrase each: `gpt`, `vda1: vfat`, `vda3: LVM2_member of trebol`."""
    said = [_phrase(content) for content in disk.content]
    for partition in disk.partitions:
        inside = ", ".join(map(_phrase, partition.content)) or "nothing known"
        said.append(f"{partition.name}: {inside} ({show_size(partition.size)})")
    return tuple(said)


def select_interface(machine: Machine, answers: Answers) -> Selected:
    """The interface that becomes the port of the management bridge. Raises BadInput or Refused."""
    if not machine.interfaces:
        raise Refused(
            "this machine has no network interface that Linux knows",
            where="network",
            hint="a node needs one; check that the card is on in the firmware and has a driver in Debian",
        )
    if answers.network.source is NetworkSource.DHCP:
        return _first_with_carrier(machine.interfaces)
    filters = answers.network.filter or {}
    # As in Proxmox's installer, any key may match: filter-match is about disks only.
    found = [nic for nic in machine.interfaces if matches(nic.udev, filters, FilterMatch.ANY)]
    if len(found) != 1:
        listed = _listing(map(describe_interface, found or machine.interfaces))
        raise BadInput(
            f"{_show_filter(filters, FilterMatch.ANY)} matches {_count(len(found), 'interface')}{listed}",
            where="network.filter",
            hint='make it match exactly one of these, for instance ID_NET_NAME_MAC = "enx…"',
        )
    chosen = found[0]
    if chosen.carrier is False:
        return Selected(chosen, warnings=(f"{chosen.name} has no link: check its cable",))
    return Selected(chosen)


def describe_interface(interface: NetworkInterface) -> str:
    """One line for a list: name, MAC, link, speed, model."""
    link = {True: "link", False: "no link", None: "link unknown"}[interface.carrier]
    speed = f" {interface.speed} Mbit/s" if interface.speed else ""
    said = (f"{interface.name:<12} {interface.mac}", f"{link}{speed}", interface.model or interface.driver)
    return "  ".join(filter(None, said))


def _first_with_carrier(interfaces: Sequence[NetworkInterface]) -> Selected:
    linked = [interface for interface in interfaces if interface.carrier]
    if not linked:
        first = interfaces[0]
        return Selected(first, warnings=(f"no interface has a link; {first.name} ({first.mac}) was taken",))
    if len(linked) == 1:
        return Selected(linked[0])
    others = ", ".join(interface.name for interface in linked[1:])
    return Selected(linked[0], notes=(f"{linked[0].name} is the first interface with a link; so have {others}",))


def _refusals(disk: Disk, machine: Machine, answers: Answers) -> Iterator[Problem]:
    where = disk.stable_path
    if disk.medium:
        yield Problem("is installation medium or virtual media, never a target", where, "choose another disk")
    if disk.read_only:
        yield Problem("is read-only", where, "take the write protection off, or choose another disk")
    if disk.logical_sector == 4096 and machine.firmware.mode is FirmwareMode.BIOS:
        yield Problem(
            "has sectors of 4096 bytes, from which GRUB cannot boot by BIOS",
            where,
            "switch the firmware to UEFI, or choose a disk with sectors of 512 bytes",
        )
    yield from _in_use(disk)
    yield from _shared_groups(disk, machine)
    yield from _unconfirmed(disk, answers)
    for other in machine.disks:
        if other is not disk and VOLUME_GROUP in _groups(other):
            yield Problem(
                f"holds a volume group named {VOLUME_GROUP} already; one machine cannot have two of that name",
                other.stable_path,
                f"take this disk out, wipe it (wipefs), or rename the group: vgrename {VOLUME_GROUP} NEW-NAME",
            )


def _in_use(disk: Disk) -> Iterator[Problem]:
    mounted = [*disk.mountpoints, *(point for partition in disk.partitions for point in partition.mountpoints)]
    if mounted:
        yield Problem(f"is in use: mounted at {', '.join(mounted)}", disk.stable_path, "unmount it first")
    # Volumes of LVM on the disk alone are closed by the installer itself, once their loss is confirmed.
    holders = [
        holder
        for contents, names in (
            (disk.content, disk.holders),
            *((partition.content, partition.holders) for partition in disk.partitions),
        )
        if not any(content.kind == LVM_MEMBER for content in contents)
        for holder in names
    ]
    if holders:
        yield Problem(
            f"is in use by {', '.join(holders)}", disk.stable_path, "stop that first: lsblk shows what it belongs to"
        )


def _shared_groups(disk: Disk, machine: Machine) -> Iterator[Problem]:
    for other in machine.disks:
        for group in sorted((_groups(disk) & _groups(other)) - {VOLUME_GROUP}) if other is not disk else ():
            yield Problem(
                f"volume group {group} also lies on {other.stable_path}, whose data would be lost with it",
                disk.stable_path,
                f"move it off this disk first: vgreduce {group}",
            )


def _unconfirmed(disk: Disk, answers: Answers) -> Iterator[Problem]:
    contents = describe_contents(disk)
    setup = answers.disk_setup
    if not contents or (setup.wipe == "confirmed" and setup.disk_list):
        return
    if setup.disk_list:
        hint = f"if all of that may be lost, set {_CONFIRM} in [disk-setup]"
    else:
        name = disk.by_id[0] if disk.by_id else disk.name
        hint = f'if all of that may be lost, name it instead of a filter: disk-list = ["{name}"] and {_CONFIRM}'
    yield Problem(f"is not empty: {'; '.join(contents)}", disk.stable_path, hint)


def _groups(disk: Disk) -> set[str]:
    contents = (*disk.content, *(content for partition in disk.partitions for content in partition.content))
    return {content.member_of for content in contents if content.kind == LVM_MEMBER and content.member_of}


def _phrase(content: Content) -> str:
    label = f" {content.label!r}" if content.label else ""
    group = f" of {content.member_of}" if content.member_of else ""
    return f"{content.kind}{label}{group}"


def _show_filter(filters: Mapping[str, str], how: FilterMatch) -> str:
    joint = " and " if how is FilterMatch.ALL else " or "
    return joint.join(f'{key} = "{pattern}"' for key, pattern in filters.items())


def _count(number: int, noun: str) -> str:
    return f"no {noun}" if number == 0 else f"{number} {noun}s"


def _listing(lines: Iterable[str]) -> str:
    return "".join(f"\n    {line}" for line in lines)


def problems_by_class(errors: Iterable[TrebolError]) -> tuple[list[Problem], type[TrebolError]]:
    """All problems of several errors, and the class to raise them with: safety outranks bad input."""
    collected = list(errors)
    kind: type[TrebolError] = Refused if any(isinstance(error, Refused) for error in collected) else BadInput
    return [problem for error in collected for problem in error.problems], kind
