"""Sizes of block.db and of journals of old, and the number of placement groups."""

from __future__ import annotations

from trebol_common.i18n import _
from trebol_hardware.sizing import sources
from trebol_hardware.sizing.cluster import Cluster, Media
from trebol_hardware.sizing.figure import Basis, Figure, Unit
from trebol_hardware.sizing.units import show_speed

#: block.db as shares of block: enough for block devices; what object gateways and file systems want.
DB_LEAST, DB_MOST = 0.01, 0.04

#: filestore_max_sync_interval's default in seconds.
SYNC_INTERVAL = 5

#: Sustained bytes per second: the Journal Config Reference's 100 MB/s of a 7200 rpm disk; SATA 3's 600 MB/s.
THROUGHPUT = {Media.HDD: 100 * 10**6, Media.SSD: 600 * 10**6}

#: mon_target_pg_per_osd
PGS_PER_OSD = 100


def journal_size(throughput: int) -> int:
    """Bytes of a Filestore journal for `throughput` bytes per second: 2 × throughput × sync interval."""
    return 2 * throughput * SYNC_INTERVAL


def placement_groups(osds: int, parts: int) -> int:
    """PGs of all pools together: OSDs × 100 / parts, up to the next power of two; at least 1."""
    wanted = -(-osds * PGS_PER_OSD // parts)
    return 1 << max(wanted - 1, 0).bit_length()


def figures(cluster: Cluster) -> list[Figure]:
    """block.db and journal per OSD and per server, for the largest; PGs."""
    disks = [disk for server in cluster.servers for disk in server.disks]
    if not disks:
        return []
    largest = max(disks, key=lambda disk: disk.size)
    capacity = max(cluster.capacities)
    throughput = THROUGHPUT[largest.media]
    network = cluster.network
    if network is not None:
        throughput = min(throughput, network // 8)
    journal = journal_size(throughput)
    osds = max(len(server.disks) for server in cluster.servers)
    return [
        *_database("least", _("block.db for block devices (RBD)"), DB_LEAST, largest.size, capacity),
        *_database("most", _("block.db for object gateways and CephFS"), DB_MOST, largest.size, capacity),
        Figure(
            "journal",
            _("Journal of old (Filestore), per OSD"),
            journal,
            Unit.BYTES,
            _("2 × {throughput:g} MB/s × {interval} s; throughput: the lesser of disk and network ({speed})").format(
                throughput=throughput / 10**6,
                interval=SYNC_INTERVAL,
                speed=_("not given") if network is None else show_speed(network),
            ),
            sources.CEPH_JOURNAL,
            Basis.BRIEF,
        ),
        Figure(
            "journal-server",
            _("Journals of old (Filestore), per server"),
            journal * osds,
            Unit.BYTES,
            _("the above × OSDs ({osds})").format(osds=osds),
            sources.CEPH_JOURNAL,
            Basis.BRIEF,
        ),
        Figure(
            "placement-groups",
            _("Placement groups of all pools together"),
            placement_groups(cluster.osds, cluster.redundancy.parts),
            Unit.NUMBER,
            _(
                "OSDs ({osds}) × 100 / {parts}, up to a power of two; the autoscaler sets it per pool by itself"
            ).format(osds=cluster.osds, parts=cluster.redundancy.parts),
            sources.CEPH_PGS,
        ),
    ]


def _database(code: str, title: str, share: float, disk: int, server: int) -> list[Figure]:
    def figure(suffix: str, text: str, size: int, formula: str) -> Figure:
        return Figure(
            f"db-{code}{suffix}",
            text.format(title=title),
            round(size * share),
            Unit.BYTES,
            formula.format(share=f"{share:.0%}"),
            sources.CEPH_BLUESTORE,
            Basis.UPSTREAM,
        )

    return [
        figure("", _("{title}, per OSD"), disk, _("{share} of the disk; the WAL lies inside")),
        figure("-server", _("{title}, per server"), server, _("{share} of the server's disks")),
    ]
