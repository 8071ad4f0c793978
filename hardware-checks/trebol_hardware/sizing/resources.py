"""Memory and cores that Ceph and the host take, and what is left to guests: by the brief and by today's documents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trebol_common.i18n import _
from trebol_hardware.sizing import sources
from trebol_hardware.sizing.cluster import Cluster, Server
from trebol_hardware.sizing.figure import Basis, Figure, Unit
from trebol_hardware.sizing.units import GIB, show_memory_size


@dataclass(frozen=True)
class Needs:
    """What daemons ask for: memory in bytes, cores; `reserve` is memory on top of an OSD's, as a share of it."""

    basis: Basis
    source: str
    osd_memory: int
    osd_cores: int
    mon_memory: int
    mon_cores: int
    mds_memory: int
    mds_cores: int
    host_memory: int
    reserve: float = 0.0


#: The brief's table, its 2 cores read as per OSD (the stricter reading); a node needs 1 GB.
BRIEF = Needs(
    basis=Basis.BRIEF,
    source=sources.BRIEF,
    osd_memory=GIB // 2,
    osd_cores=2,
    mon_memory=GIB,
    mon_cores=1,
    mds_memory=GIB,
    mds_cores=4,
    host_memory=GIB,
)

#: Ceph's hardware recommendations: osd_memory_target of 4 GiB and about 20 % more, 1 core per OSD at least; monitors
#: 5 GB and 2 cores, MDS 2 GB and 2 cores. The host's 2 GB are Proxmox VE's, before guests and Ceph.
UPSTREAM = Needs(
    basis=Basis.UPSTREAM,
    source=f"{sources.CEPH_HARDWARE}; {sources.PROXMOX}",
    osd_memory=4 * GIB,
    osd_cores=1,
    mon_memory=5 * GIB,
    mon_cores=2,
    mds_memory=2 * GIB,
    mds_cores=2,
    host_memory=2 * GIB,
    reserve=0.2,
)


def memory_taken(cluster: Cluster, place: int, needs: Needs) -> int:
    """Bytes that the host, its OSDs, and a monitor and an MDS where they run there, take of the server at `place`."""
    host = needs.host_memory if cluster.host_memory is None else cluster.host_memory
    osds = round(len(cluster.servers[place].disks) * needs.osd_memory * (1 + needs.reserve))
    return host + osds + _mons(cluster, place) * needs.mon_memory + _mds(cluster, place) * needs.mds_memory


def cores_taken(cluster: Cluster, place: int, needs: Needs) -> int:
    """The same in cores."""
    osds = len(cluster.servers[place].disks) * needs.osd_cores
    return (
        cluster.host_cores + osds + _mons(cluster, place) * needs.mon_cores + _mds(cluster, place) * needs.mds_cores
    )


def _mons(cluster: Cluster, place: int) -> int:
    return int(place < cluster.monitors)


def _mds(cluster: Cluster, place: int) -> int:
    return int(place >= len(cluster.servers) - cluster.mds)


def with_one_down(left: list[int]) -> int:
    """What guests may take of all servers together, so that those of the server that has most fit on the others.

    A server that lacks something itself has nothing to give, and takes nothing from the others either.
    """
    able = [max(amount, 0) for amount in left]
    return sum(able) - max(able, default=0)


def figures(cluster: Cluster) -> list[Figure]:
    """Per server (the one with least) and for the cluster with one server down; both bases side by side."""
    return [figure for pair in zip(_by(cluster, BRIEF), _by(cluster, UPSTREAM), strict=True) for figure in pair]


def _by(cluster: Cluster, needs: Needs) -> list[Figure]:
    memory = _left(cluster, lambda server: server.memory, lambda place: memory_taken(cluster, place, needs))
    cores = _left(cluster, lambda server: server.cores, lambda place: cores_taken(cluster, place, needs))
    return [
        *_figures("memory", Unit.MEMORY, _("Memory for guests"), memory, _memory_formula(cluster, needs), needs),
        *_figures("cores", Unit.CORES, _("Cores for guests"), cores, _cores_formula(cluster, needs), needs),
    ]


def _left(cluster: Cluster, has: Callable[[Server], int | None], taken: Callable[[int], int]) -> list[int] | None:
    """What each server has left, or None where one does not say what it has."""
    left = []
    for place, server in enumerate(cluster.servers):
        amount = has(server)
        if amount is None:
            return None
        left.append(amount - taken(place))
    return left


def _figures(
    code: str, unit: Unit, title: str, left: list[int] | None, formula: str, needs: Needs
) -> tuple[Figure, Figure]:
    reason = _("the servers' own is not known") if left is None else ""
    basis = needs.basis.value
    return (
        Figure(
            f"guest-{code}-{basis}",
            _("{title}, per server").format(title=title),
            None if left is None else min(left),
            unit,
            formula,
            needs.source,
            needs.basis,
            reason,
        ),
        Figure(
            f"guest-{code}-one-down-{basis}",
            _("{title} of the whole cluster, with one server down").format(title=title),
            None if left is None else with_one_down(left),
            unit,
            _("Σ of all servers − the largest"),
            needs.source,
            needs.basis,
            reason,
        ),
    )


def _memory_formula(cluster: Cluster, needs: Needs) -> str:
    host = needs.host_memory if cluster.host_memory is None else cluster.host_memory
    words = [
        _("host {size}").format(size=show_memory_size(host)),
        _osd_formula(needs),
        _("monitor {size}").format(size=show_memory_size(needs.mon_memory)),
    ]
    if cluster.mds:
        words.append(_("MDS {size}").format(size=show_memory_size(needs.mds_memory)))
    return _("installed − {taken}").format(taken=" − ".join(words))


def _osd_formula(needs: Needs) -> str:
    each = show_memory_size(round(needs.osd_memory * (1 + needs.reserve)))
    if not needs.reserve:
        return _("{size} per OSD").format(size=each)
    return _("{size} per OSD ({target} + {reserve})").format(
        size=each, target=show_memory_size(needs.osd_memory), reserve=f"{needs.reserve:.0%}"
    )


def _cores_formula(cluster: Cluster, needs: Needs) -> str:
    words = [
        _("host {cores}").format(cores=cluster.host_cores),
        _("{cores} per OSD").format(cores=needs.osd_cores),
        _("monitor {cores}").format(cores=needs.mon_cores),
    ]
    if cluster.mds:
        words.append(_("MDS {cores}").format(cores=needs.mds_cores))
    return _("cores − {taken}").format(taken=" − ".join(words))
