"""How long it takes until lost copies exist again.

The brief's figures: 1 TB in 3 hours and 3 TB in 9 hours over 1 Gbit/s, about 20 minutes and 1 hour over 10 Gbit/s.
1 TB in 3 h is 92.6 MB/s, which is 20/27 (74 %) of 1 Gbit/s; the same share of 10 Gbit/s gives 18 and 54 minutes,
which the brief rounds. So the formula is: bytes · 8 / (bit/s · 20/27). Ceph's own page repeats three of them, and has
a fourth that cannot be: 10 TB in one hour over 10 Gbit/s is more than twice the line rate.
"""

from __future__ import annotations

from fractions import Fraction

from trebol_common.i18n import _
from trebol_hardware.sizing import capacity, sources
from trebol_hardware.sizing.cluster import Cluster
from trebol_hardware.sizing.figure import Figure, Unit
from trebol_hardware.sizing.units import GBIT, TB, show_disk_size, show_speed

#: Share of the line rate that re-replication gets in the brief.
EFFICIENCY = Fraction(20, 27)

#: The brief's amounts, speeds, and what it says of them.
BRIEF_TIMES = (
    (1 * TB, 1 * GBIT, "3 h"),
    (3 * TB, 1 * GBIT, "9 h"),
    (1 * TB, 10 * GBIT, "20 min"),
    (3 * TB, 10 * GBIT, "1 h"),
)


def replication_time(size: int, speed: int) -> float:
    """Seconds to copy `size` bytes over a network of `speed` bit/s."""
    return float(size * 8 / (speed * EFFICIENCY))


def figures(cluster: Cluster) -> list[Figure]:
    """For the cluster's largest disk and server at the fill limit, then the brief's own examples."""
    return [*_own(cluster), *(_example(*example) for example in BRIEF_TIMES)]


def _own(cluster: Cluster) -> list[Figure]:
    disk = max((disk.size for server in cluster.servers for disk in server.disks), default=0)
    server = max(cluster.capacities)
    return [
        _time(cluster, "recovery-disk", _("Time to re-replicate a disk"), disk, capacity.why_no_disk(cluster)),
        _time(
            cluster, "recovery-server", _("Time to re-replicate a server"), server, capacity.why_no_server(cluster)
        ),
    ]


def _time(cluster: Cluster, code: str, title: str, size: int, why_not: str) -> Figure:
    speed = cluster.network
    stored = round(size * cluster.fill)
    reason = _("no network speed was given") if speed is None else why_not
    return Figure(
        code,
        title,
        None if speed is None or reason else replication_time(stored, speed),
        Unit.SECONDS,
        _("{size} × {fill:g} × 8 / ({speed} × 20/27)").format(
            size=show_disk_size(size), fill=cluster.fill, speed="–" if speed is None else show_speed(speed)
        ),
        _("{brief}; disks and Ceph's own limits (mClock) may be slower").format(brief=sources.BRIEF),
        reason=reason,
    )


def _example(size: int, speed: int, said: str) -> Figure:
    return Figure(
        f"recovery-example-{size // TB}tb-{speed // GBIT}gbit",
        _("{size:g} TB over {speed} (the brief says {said})").format(
            size=size / TB, speed=show_speed(speed), said=said
        ),
        replication_time(size, speed),
        Unit.SECONDS,
        _("{size:g} TB × 8 / ({speed} × 20/27)").format(size=size / TB, speed=show_speed(speed)),
        sources.BRIEF,
    )
