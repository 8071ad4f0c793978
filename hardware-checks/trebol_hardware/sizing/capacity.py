"""How much data fits, and how much of it may be stored so that a disk or a server may be lost.

Failure domain is the server: each part of an object lies on another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from trebol_common.i18n import _, counted
from trebol_hardware.sizing import sources
from trebol_hardware.sizing.cluster import Cluster, Redundancy, Server
from trebol_hardware.sizing.figure import Figure, Unit
from trebol_hardware.sizing.units import show_disk_size


def usable(capacities: Sequence[int], redundancy: Redundancy) -> int:
    """Bytes of data that fit on servers of these capacities; 0 with fewer servers than parts.

    The largest s with Σ min(cᵢ, s) ≥ parts · s is how much one part of everything may take, as no server holds two
    parts of an object; data is `redundancy.data` times that. For equal servers it is raw · data / parts. The minimum
    over j < parts of (all but the j largest) / (parts - j) is the same s without a search.
    """
    if len(capacities) < redundancy.parts:
        return 0
    sums = list(accumulate(sorted(capacities), initial=0))
    largest_part = min(
        sums[len(capacities) - whole] // (redundancy.parts - whole) for whole in range(redundancy.parts)
    )
    return largest_part * redundancy.data


def without_largest_server(cluster: Cluster) -> tuple[int, ...]:
    """Capacities that are left when the server that hurts most is gone."""
    return tuple(sorted(cluster.capacities)[:-1])


def without_a_disk(cluster: Cluster) -> list[tuple[int, ...]]:
    """Capacities that are left when a server loses its largest disk, for each kind of server."""
    capacities = cluster.capacities
    # One of each kind is enough, and a thousand servers are mostly of one.
    kinds = {
        (capacity, _largest_disk(server)): place
        for place, (server, capacity) in enumerate(zip(cluster.servers, capacities, strict=True))
        if server.disks
    }
    return [
        (*capacities[:place], capacity - largest, *capacities[place + 1 :])
        for (capacity, largest), place in kinds.items()
    ]


def survives_disk(cluster: Cluster) -> int | None:
    """Bytes that may be stored so that any disk may fail and its data find room at the fill limit; None where they
    find none, or no other part is left to make them from."""
    left = [usable(capacities, cluster.redundancy) for capacities in without_a_disk(cluster)]
    return _survives(cluster, min(left, default=0))


def survives_server(cluster: Cluster) -> int | None:
    """The same for any server."""
    return _survives(cluster, usable(without_largest_server(cluster), cluster.redundancy))


def _survives(cluster: Cluster, left: int) -> int | None:
    return int(left * cluster.fill) if left and cluster.redundancy.coding else None


def recommended(cluster: Cluster) -> int:
    """How much to plan with: a server may be lost where that can be made good, else a disk, else nothing may."""
    filled = int(usable(cluster.capacities, cluster.redundancy) * cluster.fill)
    can_be = (filled, survives_disk(cluster), survives_server(cluster))
    return min(amount for amount in can_be if amount is not None)


def why_no_disk(cluster: Cluster) -> str:
    """Why a disk's data cannot be re-replicated when it fails; empty where they can."""
    if survives_disk(cluster) is not None:
        return ""
    if not cluster.redundancy.coding:
        return _("one copy only: what was on it is lost")
    return _("too few servers would be left with disks: data stays degraded until the disk is replaced")


def why_no_server(cluster: Cluster) -> str:
    """The same for a server."""
    if survives_server(cluster) is not None:
        return ""
    if not cluster.redundancy.coding:
        return _("one copy only: what was on it is lost")
    return _(
        "{servers} servers less one are fewer than the {parts} parts of an object: data stays degraded until "
        "the server is back"
    ).format(servers=sum(1 for server in cluster.servers if server.disks), parts=cluster.redundancy.parts)


def figures(cluster: Cluster) -> list[Figure]:
    """Raw, usable, at the fill limit, and with a disk or a server to lose."""
    raw = sum(cluster.capacities)
    whole = usable(cluster.capacities, cluster.redundancy)
    filled = int(whole * cluster.fill)
    return [
        Figure("raw", _("Raw capacity"), raw, Unit.BYTES, _raw_formula(cluster)),
        Figure("usable", _("Usable, full to the brim"), whole, Unit.BYTES, *_usable_formula(cluster, raw)),
        Figure(
            "usable-at-fill-limit",
            _("Usable at the fill limit"),
            filled,
            Unit.BYTES,
            _("usable × {fill:g}").format(fill=cluster.fill),
            sources.CEPH_FULL,
        ),
        Figure(
            "usable-with-a-disk-to-lose",
            _("Usable so that a disk may fail and be re-replicated"),
            survives_disk(cluster),
            Unit.BYTES,
            _("usable without the largest disk of a server × {fill:g}").format(fill=cluster.fill),
            sources.CEPH_CRUSH,
            reason=why_no_disk(cluster),
        ),
        Figure(
            "usable-with-a-server-to-lose",
            _("Usable so that a server may fail and be re-replicated"),
            survives_server(cluster),
            Unit.BYTES,
            _("usable without the largest server × {fill:g}").format(fill=cluster.fill),
            sources.CEPH_CRUSH,
            reason=why_no_server(cluster),
        ),
        Figure(
            "recommended",
            _("Plan with at most"),
            recommended(cluster),
            Unit.BYTES,
            _("the least of the above that can be"),
            sources.CEPH_FULL,
        ),
    ]


def _raw_formula(cluster: Cluster) -> str:
    if len({server.disks for server in cluster.servers}) > 1 or len(set(cluster.servers[0].disks)) != 1:
        return counted("Σ disks of {count} server", "Σ disks of {count} servers", len(cluster.servers))
    disks = cluster.servers[0].disks
    return f"{len(cluster.servers)} × {len(disks)} × {show_disk_size(disks[0].size)}"


def _usable_formula(cluster: Cluster, raw: int) -> tuple[str, str]:
    redundancy = cluster.redundancy
    source = sources.CEPH_REPLICATION if redundancy.replicated else sources.CEPH_ERASURE
    shown = show_disk_size(raw)
    if len(cluster.servers) < redundancy.parts:
        return _("nothing: fewer servers than parts"), source
    if len(set(cluster.capacities)) > 1:
        text = _("{data} × the largest s with Σ min(server, s) ≥ {parts} × s")
        return text.format(data=redundancy.data, parts=redundancy.parts), source
    if redundancy.replicated:
        return _("raw / size = {raw} / {size}").format(raw=shown, size=redundancy.parts), source
    text = _("raw × k / (k + m) = {raw} × {data} / {parts}")
    return text.format(raw=shown, data=redundancy.data, parts=redundancy.parts), source


def _largest_disk(server: Server) -> int:
    return max(disk.size for disk in server.disks)
