"""What `trebol size` is asked about: servers, and how Ceph keeps the data on them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trebol_common.errors import BadInput
from trebol_common.i18n import _

#: Ceph's mon_osd_nearfull_ratio, mon_osd_backfillfull_ratio and mon_osd_full_ratio as shipped.
NEARFULL = 0.85
BACKFILLFULL = 0.90
FULL = 0.95


class Media(StrEnum):
    """What a disk is made of."""

    HDD = "hdd"
    SSD = "ssd"


@dataclass(frozen=True)
class DataDisk:
    """A disk that becomes one OSD; `size` in bytes."""

    size: int
    media: Media = Media.HDD


@dataclass(frozen=True)
class Server:
    """One server. `memory` in bytes, `cores` physical, `nics` bit/s of each port; None: not said."""

    name: str
    disks: tuple[DataDisk, ...]
    memory: int | None = None
    cores: int | None = None
    nics: tuple[int, ...] = ()

    @property
    def capacity(self) -> int:
        """Bytes of all its data disks."""
        return sum(disk.size for disk in self.disks)


@dataclass(frozen=True)
class Redundancy:
    """How a pool survives: every object lies on `data` + `coding` servers, any `data` of which give it back.

    A replicated pool of size n has data 1 and coding n - 1. `min_size`: with fewer parts at hand, writes stop.
    """

    data: int
    coding: int
    min_size: int

    @property
    def parts(self) -> int:
        """On how many servers each object lies: size, or k + m."""
        return self.data + self.coding

    @property
    def replicated(self) -> bool:
        """Whether it is whole copies, not an erasure code."""
        return self.data == 1

    def describe(self) -> str:
        """`size 3`, `erasure code 4+2`."""
        return f"size {self.parts}" if self.replicated else f"erasure code {self.data}+{self.coding}"


def replicated(size: int, min_size: int | None = None) -> Redundancy:
    """A pool of `size` copies; without `min_size` Ceph's own, size - size / 2 (osd_pool_default_min_size)."""
    if size < 1:
        raise BadInput(_("a pool has at least one copy"), where="--size", hint=_("3 is the rule"))
    return _checked(Redundancy(1, size - 1, size - size // 2 if min_size is None else min_size))


def erasure(data: int, coding: int, min_size: int | None = None) -> Redundancy:
    """A pool of `data` + `coding` parts (k+m); min_size is Ceph's own k + min(1, m - 1) when it is not said."""
    if data < 2 or coding < 1:
        raise BadInput(_("an erasure code has k of 2 or more and m of 1 or more"), where="--erasure", hint="4+2")
    return _checked(Redundancy(data, coding, data + min(1, coding - 1) if min_size is None else min_size))


def _checked(redundancy: Redundancy) -> Redundancy:
    if not redundancy.data <= redundancy.min_size <= redundancy.parts:
        raise BadInput(
            _("{min_size} lies outside {least} to {most}").format(
                min_size=redundancy.min_size, least=redundancy.data, most=redundancy.parts
            ),
            where="--min-size",
            hint=_("leave it away for Ceph's own"),
        )
    return redundancy


@dataclass(frozen=True)
class Cluster:
    """The servers, the pool over all of them, and what runs where.

    `fill` is the share of the capacity up to which it shall be filled. `monitors` and `mds` are numbers of daemons:
    monitors run on the first servers, MDS on the last, one each. `host_memory` (bytes) and `host_cores` are kept for
    the host itself; None for memory: the figures' own.
    """

    servers: tuple[Server, ...]
    redundancy: Redundancy
    fill: float = NEARFULL
    monitors: int = 3
    mds: int = 0
    host_memory: int | None = None
    host_cores: int = 1

    def __post_init__(self) -> None:
        """Raises BadInput for what no cluster can be."""
        if not self.servers:
            raise BadInput(_("a cluster has servers"), where="--servers", hint="--servers 3")
        if not 0 < self.fill <= FULL:
            raise BadInput(
                _("{fill} lies outside 0 to {full}: there Ceph stops all writes").format(fill=self.fill, full=FULL),
                where="--fill",
                hint=_("{nearfull} is where Ceph starts to warn").format(nearfull=NEARFULL),
            )
        if self.monitors < 1:
            raise BadInput(_("there is a monitor at least"), where="--monitors", hint="--monitors 3")
        if self.mds < 0:
            raise BadInput(_("less than none"), where="--mds", hint="--mds 2")
        if self.host_cores < 0:
            raise BadInput(_("less than none"), where="--host-cores", hint="--host-cores 1")

    @property
    def capacities(self) -> tuple[int, ...]:
        """Bytes of each server."""
        return tuple(server.capacity for server in self.servers)

    @property
    def osds(self) -> int:
        """One per data disk."""
        return sum(len(server.disks) for server in self.servers)

    @property
    def network(self) -> int | None:
        """bit/s of the slowest server's fastest port, which is what re-replication gets; None where one has none."""
        if not all(server.nics for server in self.servers):
            return None
        return min(max(server.nics) for server in self.servers)
