"""What the wizard asks of the world: to look at the node and to change it; for real, or on a recorded machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from trebol_common.errors import BadInput
from trebol_firstboot.banner import Banner
from trebol_firstboot.cluster_seen import ClusterSeen, NodeSeen

if TYPE_CHECKING:  # The first page is drawn without what the answer file's rules need.
    from trebol_common.answers.cluster import Cluster
    from trebol_common.network import HostNetwork
    from trebol_hardware.checks.finding import Finding
    from trebol_hardware.machine import NetworkInterface


@dataclass(frozen=True)
class RunningTask:
    """A task that runs on the node: its kind ("aptupgrade"), what it is about, whose it is."""

    kind: str
    about: str
    user: str


@dataclass(frozen=True)
class Seen:
    """The node at one moment. `certificate` is the SHA-256 of what the management page shows a browser, in upper-case
    hexadecimal without colons; empty while there is none. `trouble` is why the daemon does not answer."""

    banner: Banner
    certificate: str = ""
    cluster: ClusterSeen | None = None
    tasks: tuple[RunningTask, ...] = ()
    trouble: str = ""


@dataclass(frozen=True)
class Session:
    """Who has logged in ("root@pam"); `limited` where the daemon is silent, and only the node itself can be asked."""

    user: str
    limited: bool = False


@dataclass(frozen=True)
class NetworkSeen:
    """The interfaces of the node, and what carries its own address."""

    interfaces: tuple[NetworkInterface, ...]
    current: HostNetwork


@dataclass(frozen=True)
class Unended:
    """A change of the cluster ("create", "join") that was not ended. `running`: it goes on by itself; else `ways` are
    what can be done about it ("resume", "abort"), and `reason` says why it stands."""

    kind: str
    running: bool = False
    reason: str = ""
    ways: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClusterKnown:
    """What the installation wanted, the cluster that the node is in with its nodes, and the node's own addresses."""

    intent: Cluster
    addresses: tuple[str, ...] = ()
    cluster: ClusterSeen | None = None
    nodes: tuple[NodeSeen, ...] = ()
    unended: Unended | None = None


@dataclass(frozen=True)
class TimeSettings:
    """The time zone, and the servers that the clock follows; None where they cannot be told."""

    zone: str
    servers: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Update:
    """A package that apt would bring up to date; `old` is empty for one that is not there yet."""

    package: str
    old: str
    new: str


@dataclass(frozen=True)
class Task:
    """Work that runs on the node. A `trial` takes back what it did, unless it is kept in time. Once it is done that
    `signs_out`, whoever has logged in has to do so anew."""

    id: str
    trial: bool = False
    signs_out: bool = False


@dataclass(frozen=True)
class TaskNews:
    """Lines that a task has written since, and how it ended: None while it runs, "OK", or why not.

    `waits`: from now on so many seconds for somebody to keep what is tried.
    """

    lines: tuple[str, ...] = ()
    ended: str | None = None
    waits: float | None = None


class CodeNeeded(BadInput):
    """The password is right; a one-time code is wanted too."""


class World(Protocol):
    """All of it takes its time, is called on a thread, and may raise TrebolError.

    What is wrong with something that was given is BadInput, and nothing was changed.
    """

    def look(self) -> Seen:
        """The node as it is now."""

    def log_in(self, user: str, password: str, code: str) -> Session:
        """Let in root, or a user of the system that may administer the node. `code` is a one-time code, or empty.

        Raises BadInput for a wrong password, CodeNeeded, and Refused for who is no administrator.
        """

    def log_out(self) -> None:
        """Forget who has logged in."""

    def shell(self) -> tuple[str, ...]:
        """What gives whoever has logged in a shell of their own; empty where there is none. Takes no time."""

    def network(self) -> NetworkSeen:
        """What the network of the node is."""

    def apply_network(self, network: HostNetwork) -> Task:
        """Try another one: as before again, unless it is kept in time."""

    def keep_network(self) -> None:
        """The new network is right."""

    def undo_network(self, task: Task) -> None:
        """As before, now."""

    def name(self) -> str:
        """The node's full name."""

    def rename(self, name: str) -> None:
        """Give the node another full name."""

    def time(self) -> TimeSettings:
        """What its clock follows."""

    def set_time(self, settings: TimeSettings) -> None:
        """Have it follow something else."""

    def findings(self) -> tuple[Finding, ...]:
        """What the hardware checks found last."""

    def cluster_known(self) -> ClusterKnown:
        """The cluster, or what there is to make one of."""

    def create_cluster(self, name: str, address: str) -> Task:
        """Make one of this node alone, which is reached at `address`."""

    def join_cluster(self, token: str, peer: str, address: str) -> Task:
        """Join one; `peer` is empty where the token says it."""

    def end_join(self, how: str) -> Task:
        """Go on with what was cut off ("resume"), or take it back ("abort")."""

    def new_token(self, node: str, ttl: str) -> str:
        """Make a token, for a node or for any (""); what is said of it."""

    def change_password(self, old: str, new: str) -> None:
        """Another password for whoever has logged in."""

    def keys(self) -> tuple[str, ...]:
        """The SSH keys of root."""

    def set_keys(self, keys: tuple[str, ...]) -> None:
        """All of them, anew."""

    def updates(self) -> tuple[Update, ...]:
        """What apt would bring up to date, by what it knows."""

    def refresh_updates(self) -> Task:
        """Have apt ask the mirrors."""

    def upgrade(self) -> Task:
        """Bring the node up to date."""

    def bundle(self) -> Task:
        """Put together what tells others about the node, secrets out; the last line says where it is."""

    def follow(self, task: Task) -> Iterator[TaskNews]:
        """A task from its beginning, until it has ended."""

    def journal(self) -> tuple[str, ...]:
        """The last lines of the log."""

    def reboot(self) -> bool:
        """Restart the node; False where the wizard is to end instead."""

    def power_off(self) -> bool:
        """Switch the node off; False where the wizard is to end instead."""
