"""What is unwise about a cluster, as findings: the same form as of the hardware checks."""

from __future__ import annotations

from collections.abc import Iterator

from trebol_common.i18n import _
from trebol_hardware.checks.finding import Finding, Requirement, Severity
from trebol_hardware.sizing import resources, sources
from trebol_hardware.sizing.capacity import usable
from trebol_hardware.sizing.cluster import BACKFILLFULL, Cluster, Media
from trebol_hardware.sizing.figure import Basis
from trebol_hardware.sizing.units import GBIT, show_disk_size, show_memory_size, show_speed

#: Up to so many nodes the brief went.
BRIEF_NODES = 16

#: How many servers a warning names.
_MOST_NAMES = 4


def warnings(cluster: Cluster) -> list[Finding]:
    """Everything at once, gravest first; none is good news."""
    found = [*_quorum(cluster), *_redundancy(cluster), *_servers(cluster), *_disks(cluster), *_network(cluster)]
    return sorted(found, key=lambda finding: -finding.severity.rank)


def _finding(
    code: str, severity: Severity, title: str, *, reason: str, remedy: str, source: str, measured: str = ""
) -> Finding:
    return Finding(f"size-{code}", title, severity, measured, Requirement(source=source), reason, remedy)


def _quorum(cluster: Cluster) -> Iterator[Finding]:
    nodes = len(cluster.servers)
    if nodes == 1:
        yield _finding(
            "one-node",
            Severity.WARN,
            _("One server is no cluster"),
            reason=_("when it fails, all guests and all data are away"),
            remedy=_("take three servers"),
            source=sources.BRIEF,
        )
    elif nodes == 2:
        yield _finding(
            "two-nodes",
            Severity.FAIL,
            _("Two nodes need a QDevice"),
            reason=_("when one fails, the other has no majority: everything becomes read-only"),
            remedy=_("take a third server, or set up a QDevice on a machine outside the cluster"),
            source=sources.COROSYNC,
        )
    elif nodes % 2 == 0:
        yield _finding(
            "even-nodes",
            Severity.WARN,
            _("An even number of nodes can split into equal halves"),
            measured=str(nodes),
            reason=_("neither half decides then, and no more nodes may fail than with one node less"),
            remedy=_("add a QDevice, or a node"),
            source=sources.COROSYNC,
        )
    if nodes > BRIEF_NODES:
        yield _finding(
            "many-nodes",
            Severity.INFO,
            _("More than 16 nodes"),
            measured=str(nodes),
            reason=_("the brief's limit; today's corosync takes more, where its network is good"),
            remedy=_("measure it: trebol check network"),
            source=sources.BRIEF,
        )
    if cluster.monitors > nodes:
        yield _finding(
            "monitors-share-a-server",
            Severity.WARN,
            _("More monitors than servers"),
            measured=f"{cluster.monitors} > {nodes}",
            reason=_("monitors on one server fail together"),
            remedy=_("one monitor per server at most"),
            source=sources.CEPH_MONITORS,
        )
    if cluster.mds > nodes:
        yield _finding(
            "mds-share-a-server",
            Severity.WARN,
            _("More metadata servers than servers"),
            measured=f"{cluster.mds} > {nodes}",
            reason=_("those on one server fail together; one per server is reckoned with"),
            remedy=_("one MDS per server at most"),
            source=sources.CEPH_HARDWARE,
        )
    if cluster.monitors < 3:
        yield _finding(
            "few-monitors",
            Severity.WARN,
            _("Fewer than three monitors"),
            measured=str(cluster.monitors),
            reason=_("when one fails, Ceph stops"),
            remedy=_("three monitors on three servers"),
            source=sources.BRIEF,
        )
    elif cluster.monitors % 2 == 0:
        yield _finding(
            "even-monitors",
            Severity.WARN,
            _("An even number of monitors"),
            measured=str(cluster.monitors),
            reason=_("no more of them may fail than with one less"),
            remedy=_("{fewer} or {more}").format(fewer=cluster.monitors - 1, more=cluster.monitors + 1),
            source=sources.CEPH_MONITORS,
        )


def _redundancy(cluster: Cluster) -> Iterator[Finding]:
    redundancy, nodes = cluster.redundancy, len(cluster.servers)
    if redundancy.parts > nodes:
        yield _finding(
            "parts-exceed-servers",
            Severity.FAIL,
            _("Fewer servers than parts of an object"),
            measured=f"{redundancy.describe()}: {redundancy.parts} > {nodes}",
            reason=_("each part lies on a server of its own: placement groups never become clean"),
            remedy=_("more servers, or fewer parts"),
            source=sources.CEPH_CRUSH,
        )
    elif redundancy.parts == nodes and redundancy.coding:
        yield _finding(
            "no-spare-server",
            Severity.INFO,
            _("As many servers as parts of an object"),
            measured=f"{redundancy.describe()}, {nodes}",
            reason=_("after the loss of a server its data cannot be re-replicated until it is back"),
            remedy=_("one server more"),
            source=sources.CEPH_CRUSH,
        )
    if redundancy.coding == 0:
        yield _finding(
            "single-copy",
            Severity.FAIL,
            _("One copy only"),
            reason=_("the first disk that fails takes data with it"),
            remedy="--size 3",
            source=sources.CEPH_REPLICATION,
        )
    elif redundancy.coding == 1:
        yield _finding(
            "single-failure",
            Severity.WARN,
            _("One failure only is survived"),
            measured=redundancy.describe(),
            reason=_("a second disk that fails while the first is made good takes data with it"),
            remedy=_("size 3, or m of 2 or more"),
            source=sources.CEPH_REPLICATION,
        )
    if redundancy.coding and redundancy.min_size == redundancy.data:
        yield _finding(
            "low-min-size",
            Severity.WARN,
            _("Writes go on without any redundancy"),
            measured=f"min_size {redundancy.min_size}",
            reason=_("what is written while no spare part exists is lost with the next disk"),
            remedy=_("min_size {least}, with at least two parts to lose").format(least=redundancy.data + 1),
            source=sources.CEPH_POOLS,
        )
    if redundancy.coding and redundancy.min_size == redundancy.parts:
        yield _finding(
            "high-min-size",
            Severity.WARN,
            _("Writes stop at the first failure"),
            measured=f"min_size {redundancy.min_size}",
            reason=_("every part has to be there"),
            remedy=_("min_size {size}").format(size=redundancy.parts - 1),
            source=sources.CEPH_POOLS,
        )
    if cluster.fill > BACKFILLFULL:
        yield _finding(
            "fill-limit",
            Severity.WARN,
            _("Fill limit where Ceph no longer re-replicates"),
            measured=f"{cluster.fill:g}",
            reason=_("disks fuller than mon_osd_backfillfull_ratio ({ratio:g}) take no more copies").format(
                ratio=BACKFILLFULL
            ),
            remedy="--fill 0.85",
            source=sources.CEPH_FULL,
        )


def _servers(cluster: Cluster) -> Iterator[Finding]:
    for needs in (resources.BRIEF, resources.UPSTREAM):
        lacking = [
            (server, server.memory, taken)
            for place, server in enumerate(cluster.servers)
            if server.memory is not None and server.memory < (taken := resources.memory_taken(cluster, place, needs))
        ]
        if lacking:
            yield _finding(
                f"little-memory-{needs.basis}",
                # Short by the brief is short; short by today's figures only is what people run, and regret.
                Severity.FAIL if needs.basis is Basis.BRIEF else Severity.WARN,
                _("Not enough memory for the host and Ceph"),
                measured=_listed(
                    [f"{server.name}: {show_memory_size(memory)}" for server, memory, _taken in lacking]
                ),
                reason=_("they take up to {size}, before any guest").format(
                    size=show_memory_size(max(taken for _server, _memory, taken in lacking))
                ),
                remedy=_("more memory, or fewer disks"),
                source=needs.source,
            )
        busy = [
            (server, server.cores, taken)
            for place, server in enumerate(cluster.servers)
            if server.cores is not None and server.cores < (taken := resources.cores_taken(cluster, place, needs))
        ]
        if busy:
            yield _finding(
                f"few-cores-{needs.basis}",
                Severity.WARN,
                _("Not enough cores for the host and Ceph"),
                measured=_listed([f"{server.name}: {cores}" for server, cores, _taken in busy]),
                reason=_("they take up to {cores}, before any guest").format(
                    cores=max(taken for _server, _cores, taken in busy)
                ),
                remedy=_("more cores, or fewer disks"),
                source=needs.source,
            )


def _listed(names: list[str]) -> str:
    """The first few of them: a warning is read, not searched."""
    more = len(names) - _MOST_NAMES
    shown = ", ".join(names[:_MOST_NAMES])
    return shown if more <= 0 else _("{names} and {more} more").format(names=shown, more=more)


def _disks(cluster: Cluster) -> Iterator[Finding]:
    if empty := [server.name for server in cluster.servers if not server.disks]:
        yield _finding(
            "no-disks",
            Severity.WARN,
            _("No disk for data"),
            measured=_listed(empty),
            reason=_("such a server holds no part of any object"),
            remedy=_("add disks"),
            source=sources.CEPH_CRUSH,
        )
    raw, parts = sum(cluster.capacities), cluster.redundancy.parts
    waste = raw - usable(cluster.capacities, cluster.redundancy) * parts // cluster.redundancy.data
    if len(set(cluster.capacities)) > 1 and len(cluster.servers) >= parts and waste > raw // 100:
        yield _finding(
            "uneven-servers",
            Severity.WARN,
            _("Disks that cannot be used"),
            measured=show_disk_size(waste),
            reason=_("the largest servers have more room than the others have for the other parts"),
            remedy=_("servers of equal capacity"),
            source=sources.CEPH_CRUSH,
        )
    if len({disk.media for server in cluster.servers for disk in server.disks}) > 1:
        yield _finding(
            "mixed-media",
            Severity.WARN,
            _("HDDs and SSDs in one reckoning"),
            reason=_("in one pool, the HDDs set its speed; pools by device class share nothing"),
            remedy=_("reckon each class by itself: --media hdd, then --media ssd"),
            source="docs.ceph.com: CRUSH Maps, device classes",
        )
    elif any(disk.media is Media.HDD for server in cluster.servers for disk in server.disks):
        yield _finding(
            "hdd-needs-db",
            Severity.INFO,
            _("HDDs want their block.db on an SSD"),
            reason=_("every write waits for the log of the database"),
            remedy=_("an SSD that was tested: trebol check disk-write"),
            source=sources.BRIEF,
        )


def _network(cluster: Cluster) -> Iterator[Finding]:
    known = [server for server in cluster.servers if server.nics]
    if single := [server.name for server in known if len(server.nics) == 1]:
        yield _finding(
            "single-nic",
            Severity.WARN,
            _("One network port for everything"),
            measured=_listed(single),
            reason=_("re-replication starves corosync and the guests; one cable cuts the server off"),
            remedy=_("a port for Ceph, and two links for corosync"),
            source=sources.BRIEF,
        )
    speed = cluster.network
    if speed is not None and speed < 10 * GBIT:
        yield _finding(
            "slow-network",
            Severity.WARN,
            _("Network slower than 10 Gbit/s"),
            measured=show_speed(speed),
            reason=_("it bounds writes, and the hours for which data has fewer copies"),
            remedy=_("10 Gbit/s or more for Ceph"),
            source=sources.CEPH_HARDWARE,
        )
