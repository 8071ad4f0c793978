"""What was read of a cluster on one of its nodes. A source that did not answer is None here, and in `silent`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from trebol_node.cluster.corosync.status import Membership
from trebol_node.cluster.preflight.facts import ClockFacts
from trebol_node.cluster.steps.journal import Journal
from trebol_node.cluster.voters.members import Member
from trebol_node.pki.validity import Ending
from trebol_node.store.records import MemoryRecords, Records


class Source(StrEnum):
    """Where facts come from."""

    RECORDS = "records"
    COROSYNC = "corosync"
    PACEMAKER = "pacemaker"
    MEMBERS = "store"
    UNITS = "systemd"
    CLOCK = "clock"
    CERTIFICATES = "certificates"
    JOURNAL = "journal"


@dataclass(frozen=True)
class PacemakerNode:
    """As pacemaker has it; `unclean`: it is to be fenced, and is not yet; `pending`: it has only just begun there,
    and can run nothing yet."""

    name: str
    online: bool
    standby: bool = False
    maintenance: bool = False
    unclean: bool = False
    pending: bool = False


@dataclass(frozen=True)
class FailedFencing:
    """The last attempt to fence `target`, which failed: `action`, from which node, and why."""

    target: str
    action: str
    origin: str
    reason: str = ""


@dataclass(frozen=True)
class FailedAction:
    """Something that pacemaker did with a resource on a node, and that failed."""

    resource: str
    node: str
    reason: str


@dataclass(frozen=True)
class Pacemaker:
    """`leads`: there is a coordinator. `running` names the resources that are active, but for fence devices.
    `stopped`: it is told to run nothing at all."""

    leads: bool
    nodes: tuple[PacemakerNode, ...]
    fencing: tuple[FailedFencing, ...] = ()
    actions: tuple[FailedAction, ...] = ()
    running: tuple[str, ...] = ()
    stopped: bool = False


@dataclass(frozen=True)
class Voter:
    """What the store's member on `node` answers: `problem` why not; `leader` its leader's id, 0: it knows none.
    `size` is its file's, in bytes; `errors` are alarms and such, as etcd words them."""

    node: str
    problem: str = ""
    leader: int = 0
    version: str = ""
    size: int = 0
    errors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unit:
    """A unit of systemd: its states as systemd words them ("failed", "inactive"); `result`: why it ended.

    `wanted`: it is to run on this node.
    """

    name: str
    active: str
    result: str = ""
    wanted: bool = True


@dataclass(frozen=True)
class Daemon:
    """The API of another node: `problem` why it does not answer, `days` until its certificate ends."""

    node: str
    problem: str = ""
    days: int | None = None


@dataclass(frozen=True)
class Facts:
    """All that is known on `node` at `now` (seconds since 1970).

    `records` are the store's, or the daemon's copy of them. `digest` is the SHA-256 of this node's corosync.conf.
    `busy`: what `journal` tells goes on by itself. `silent` is source → why it did not answer.
    """

    node: str
    now: float
    records: Records = field(default_factory=MemoryRecords)
    membership: Membership | None = None
    digest: str = ""
    pacemaker: Pacemaker | None = None
    members: tuple[Member, ...] | None = None
    voters: tuple[Voter, ...] = ()
    units: tuple[Unit, ...] | None = None
    clock: ClockFacts | None = None
    endings: tuple[Ending, ...] = ()
    daemons: tuple[Daemon, ...] = ()
    journal: Journal | None = None
    busy: bool = False
    silent: Mapping[Source, str] = field(default_factory=dict)

    @property
    def there(self) -> frozenset[str]:
        """Names of the nodes that corosync sees; of no node where it does not say."""
        return (
            frozenset(each.name for each in self.membership.members if each.joined)
            if self.membership
            else frozenset()
        )

    @property
    def lost(self) -> frozenset[str]:
        """Names of those that it misses."""
        return (
            frozenset(each.name for each in self.membership.members if not each.joined)
            if self.membership
            else frozenset()
        )
