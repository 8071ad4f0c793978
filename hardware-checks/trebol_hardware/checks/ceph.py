"""What Ceph asks of a host: per daemon, by the brief and by Ceph's own recommendations of today, side by side.

Below what both call enough a check fails; below what one of them does, it warns. Memory is counted for OSDs by Ceph's
figures alone: the brief's 0.5 GB dates from before BlueStore, whose OSDs do not run in it. Cores are counted as Ceph
does: threads, where hyper-threading is on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from trebol_common.i18n import _
from trebol_hardware.checks.details import memory_not_known
from trebol_hardware.checks.finding import Requirement, Severity, Verdict
from trebol_hardware.checks.network import GIGABIT, TEN_GIGABIT, linked
from trebol_hardware.checks.osd_disks import osd_disks
from trebol_hardware.checks.registry import Check, Role
from trebol_hardware.checks.sources import BRIEF_CEPH, BRIEF_NODE, CEPH, GB, NODE_MEMORY, NODE_MEMORY_RECOMMENDED
from trebol_hardware.machine import Machine
from trebol_hardware.sizes import show_size

_SOURCES = f"{BRIEF_CEPH}; {CEPH}"


@dataclass(frozen=True)
class Need:
    """What daemons on one host take, as (least, recommended): cores, and memory in bytes."""

    cores: tuple[int, int]
    memory: tuple[int, int]

    def __add__(self, other: Need) -> Need:
        return Need(
            (self.cores[0] + other.cores[0], self.cores[1] + other.cores[1]),
            (self.memory[0] + other.memory[0], self.memory[1] + other.memory[1]),
        )


#: The brief: 1 core, 1 GB. Ceph: 2 cores, 5 GB.
MONITOR = Need((1, 2), (1 * GB, 5 * GB))
#: Ceph: 2 cores, 2 GB. The brief: 4 cores, 1 GB.
METADATA = Need((2, 4), (1 * GB, 2 * GB))
#: The system under the daemons; the brief's minimum of one node.
SYSTEM = Need((0, 0), (NODE_MEMORY, NODE_MEMORY))
#: Guests beside them: one core, and the memory that the brief recommends for one node.
GUESTS = Need((1, 2), (0, NODE_MEMORY_RECOMMENDED - NODE_MEMORY))


def osds(number: int) -> Need:
    """`number` OSDs. Ceph: 1 core at least, 2 recommended (as the brief); less than 2 GB is not recommended, 4 GB is
    the default target."""
    return Need((number, 2 * number), (2 * GB * number, 4 * GB * number))


def _osd_need(machine: Machine) -> Need:
    return osds(len(osd_disks(machine).for_data))


def _cores(machine: Machine, need: Need, requirement: Requirement | None = None) -> Verdict:
    threads = machine.processor.threads
    if threads < 1:
        return Verdict(
            Severity.UNKNOWN,
            "",
            _("The record says neither cores nor threads."),
            _("Record the machine anew: trebol machine probe"),
            requirement=requirement,
        )
    measured = _("threads: {threads}, cores: {cores}").format(threads=threads, cores=machine.processor.cores)
    remedy = _("Take more or larger processors, or put fewer daemons on this host.")
    least, recommended = need.cores
    if threads < least:
        reason = _("The daemons wait for each other, most of all in recovery.")
        return Verdict(Severity.FAIL, measured, reason, remedy, requirement=requirement)
    if threads < recommended:
        reason = _("Enough to run, not for recovery under load.")
        return Verdict(Severity.WARN, measured, reason, remedy, requirement=requirement)
    return Verdict(Severity.PASS, measured, requirement=requirement)


def _memory(machine: Machine, need: Need, requirement: Requirement | None = None) -> Verdict:
    if not machine.memory:
        return replace(memory_not_known(), requirement=requirement)
    measured = show_size(machine.memory)
    remedy = _("Add memory, or put fewer daemons on this host.")
    least, recommended = need.memory
    if machine.memory < least:
        reason = _("The kernel will kill daemons when recovery makes them grow.")
        return Verdict(Severity.FAIL, measured, reason, remedy, requirement=requirement)
    if machine.memory < recommended:
        reason = _("Enough to start, little for recovery: daemons read again from disk what they cannot keep.")
        return Verdict(Severity.WARN, measured, reason, remedy, requirement=requirement)
    return Verdict(Severity.PASS, measured, requirement=requirement)


def mon_cores(machine: Machine) -> Verdict:
    """Cores for a monitor."""
    return _cores(machine, MONITOR)


def mon_memory(machine: Machine) -> Verdict:
    """Memory for a monitor."""
    return _memory(machine, MONITOR + SYSTEM)


def mds_cores(machine: Machine) -> Verdict:
    """Cores for an MDS."""
    return _cores(machine, METADATA)


def mds_memory(machine: Machine) -> Verdict:
    """Memory for an MDS."""
    return _memory(machine, METADATA + SYSTEM)


def osd_cores(machine: Machine) -> Verdict:
    """Cores for as many OSDs as there are disks for."""
    number = len(osd_disks(machine).for_data)
    if not number:
        return _no_osd()
    need = osds(number)
    requirement = Requirement(
        _("{cores}: 1 for each OSD (Ceph); OSDs: {osds}").format(cores=need.cores[0], osds=number),
        _("{cores}: 2 for each (the brief and Ceph)").format(cores=need.cores[1]),
        _SOURCES,
    )
    return _cores(machine, need, requirement)


def osd_memory(machine: Machine) -> Verdict:
    """Memory for as many OSDs as there are disks for."""
    number = len(osd_disks(machine).for_data)
    if not number:
        return _no_osd()
    need = osds(number) + SYSTEM
    requirement = Requirement(
        _(
            "{memory} GB: 2 GB for each OSD (Ceph) and 1 GB for the node; the brief: 0.5 GB for each; OSDs: {osds}"
        ).format(memory=need.memory[0] // GB, osds=number),
        _("{memory} GB: 4 GB for each, osd_memory_target; better 8 GB for each (Ceph)").format(
            memory=need.memory[1] // GB
        ),
        _SOURCES,
    )
    return _memory(machine, need, requirement)


def _no_osd() -> Verdict:
    return Verdict(
        Severity.UNKNOWN, "", _("There is no disk for an OSD, so nothing to reckon with."), _("See ceph-osd-disks.")
    )


def mixed_cores(machine: Machine) -> Verdict:
    """Cores for monitor, OSDs and guests together."""
    need = MONITOR + _osd_need(machine) + GUESTS
    requirement = Requirement(
        _("{cores}: monitor, OSDs, and 1 for guests").format(cores=need.cores[0]),
        _("{cores}: monitor, OSDs, and 2 for guests").format(cores=need.cores[1]),
        f"{_SOURCES}; guests: {BRIEF_NODE}",
    )
    return _cores(machine, need, requirement)


def mixed_memory(machine: Machine) -> Verdict:
    """Memory for monitor, OSDs and guests together."""
    need = MONITOR + _osd_need(machine) + SYSTEM + GUESTS
    requirement = Requirement(
        _("{memory} GB: node, monitor and OSDs, nothing for guests").format(memory=need.memory[0] // GB),
        _("{memory} GB: node, monitor and OSDs, and 7 GB for guests").format(memory=need.memory[1] // GB),
        f"{_SOURCES}; guests: {BRIEF_NODE}",
    )
    return _memory(machine, need, requirement)


def network(machine: Machine) -> Verdict:
    """A link of 1 Gbit/s, as monitors and metadata servers need it."""
    fastest, unknown = _speeds(machine)
    if fastest >= GIGABIT:
        return Verdict(Severity.PASS, _("{speed} Mbit/s").format(speed=fastest))
    return unknown or _too_slow(fastest)


def osd_network(machine: Machine) -> Verdict:
    """10 Gbit/s, or a link of its own for Ceph."""
    fastest, unknown = _speeds(machine)
    measured = _("{speed} Mbit/s").format(speed=fastest)
    if fastest >= TEN_GIGABIT:
        return Verdict(Severity.PASS, measured)
    if unknown:
        return unknown
    if fastest < GIGABIT:
        return _too_slow(fastest)
    remedy = _("Use 10 Gbit/s for Ceph.")
    slow = _("To copy 1 TB again takes 3 hours over 1 Gbit/s, 20 minutes over 10 Gbit/s.")
    if sum((interface.speed or 0) >= GIGABIT for interface in linked(machine)) > 1:
        return Verdict(Severity.INFO, _("several links of {speed} Mbit/s").format(speed=fastest), slow, remedy)
    reason = _("Guests and Ceph share one link.")
    return Verdict(Severity.WARN, measured, f"{reason} {slow}", remedy)


def _speeds(machine: Machine) -> tuple[int, Verdict | None]:
    """The fastest link in Mbit/s, and the verdict where there are links that do not tell their speed."""
    speeds = [interface.speed for interface in linked(machine)]
    fastest = max((speed for speed in speeds if speed is not None), default=0)
    if None not in speeds:
        return fastest, None
    reason = _("A link does not say how fast it is.")
    remedy = _("Measure: trebol check network PEER")
    return fastest, Verdict(Severity.UNKNOWN, "", reason, remedy)


def _too_slow(fastest: int) -> Verdict:
    return Verdict(
        Severity.FAIL,
        _("{speed} Mbit/s").format(speed=fastest) if fastest else _("no link"),
        _("Ceph needs a link of at least 1 Gbit/s."),
        _("Look at cables and switch ports; use 10 Gbit/s."),
    )


def _check(code: str, title: str, role: Role, look: Callable[[Machine], Verdict], least: str, better: str) -> Check:
    return Check(
        code, title, role, look, _EXPLANATIONS[code.rpartition("-")[2]], Requirement(least, better, _SOURCES)
    )


_EXPLANATIONS = {
    "cores": "Processor threads against what the daemons take. Recovery, when a disk or host dies, takes the most.",
    "memory": "Usable memory against what the daemons take, and 1 GB for the node under them.",
    "network": "Links against the speed that replication and recovery ask for. Each write goes over the network once "
    "for each copy.",
}

CHECKS: tuple[Check, ...] = (
    _check("ceph-mon-cores", "Cores for a monitor", Role.CEPH_MON, mon_cores, "1 (the brief)", "2 (Ceph)"),
    _check(
        "ceph-mon-memory",
        "Memory for a monitor",
        Role.CEPH_MON,
        mon_memory,
        "2 GB: 1 GB (the brief) and 1 GB for the node",
        "6 GB: 5 GB (Ceph) and 1 GB for the node",
    ),
    _check("ceph-mon-network", "Network for a monitor", Role.CEPH_MON, network, "1 Gbit/s", "10 Gbit/s (Ceph)"),
    _check("ceph-osd-cores", "Cores for OSDs", Role.CEPH_OSD, osd_cores, "1 per OSD (Ceph)", "2 per OSD (the brief)"),
    _check(
        "ceph-osd-memory", "Memory for OSDs", Role.CEPH_OSD, osd_memory, "2 GB per OSD (Ceph)", "4 GB per OSD (Ceph)"
    ),
    _check(
        "ceph-osd-network",
        "Network for OSDs",
        Role.CEPH_OSD,
        osd_network,
        "1 Gbit/s",
        "10 Gbit/s, or at least 1 Gbit/s for Ceph alone",
    ),
    _check("ceph-mds-cores", "Cores for an MDS", Role.CEPH_MDS, mds_cores, "2 (Ceph)", "4 (the brief)"),
    _check(
        "ceph-mds-memory",
        "Memory for an MDS",
        Role.CEPH_MDS,
        mds_memory,
        "2 GB: 1 GB (the brief) and 1 GB for the node",
        "3 GB: 2 GB (Ceph) and 1 GB for the node",
    ),
    _check("ceph-mds-network", "Network for an MDS", Role.CEPH_MDS, network, "1 Gbit/s", "10 Gbit/s (Ceph)"),
    _check(
        "mixed-cores",
        "Cores for Ceph and guests",
        Role.MIXED,
        mixed_cores,
        "Ceph's, and 1 for guests",
        "2 for guests",
    ),
    _check(
        "mixed-memory",
        "Memory for Ceph and guests",
        Role.MIXED,
        mixed_memory,
        "Ceph's and the node's",
        "8 GB beside Ceph",
    ),
)
