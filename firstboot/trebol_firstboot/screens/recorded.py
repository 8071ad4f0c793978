"""A node that is made up from a recorded machine: what is changed is changed in memory, and nothing is touched."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_interface

from trebol_common import __version__
from trebol_common.answers.cluster import Cluster
from trebol_common.errors import BadInput, TrebolError
from trebol_common.i18n import _
from trebol_common.network import API_PORT, HostNetwork, Link, Static, management_network
from trebol_firstboot.banner import Banner
from trebol_firstboot.cluster_seen import ClusterSeen
from trebol_firstboot.screens import recorded_cluster
from trebol_firstboot.screens.course import DONE
from trebol_firstboot.screens.recorded_cluster import STEPS
from trebol_firstboot.screens.world import (
    ClusterKnown,
    NetworkSeen,
    RunningTask,
    Seen,
    Session,
    Task,
    TaskNews,
    TimeSettings,
    Unended,
    Update,
)
from trebol_hardware.checks.finding import Finding
from trebol_hardware.checks.registry import Role, check_machine
from trebol_hardware.checks.report import to_members
from trebol_hardware.machine import Machine, NetworkInterface
from trebol_node.cockpit import Certificates
from trebol_node.hardware import Hardware, gravest
from trebol_node.status import management_url
from trebol_node.worker.report import FOLDER as REPORTS

#: An address of those that are for documentation (RFC 5737).
ADDRESS = "192.0.2.10/24"
ROUTER = "192.0.2.1"

EXAMPLE_TIME = TimeSettings("Europe/Madrid", ("ntp1.example.org", "ntp2.example.org"))

#: Seconds in which a network is to be kept.
TRIAL = 60.0


@dataclass
class RecordedWorld:
    """`password` is what lets in; None: any does. `pause` are the seconds between two lines of a task.

    Findings and interfaces are the machine's own; the rest is an example.
    """

    machine: Machine
    password: str | None = None
    pause: float = 0.5
    host: str = "node1.example.org"
    zone: TimeSettings = EXAMPLE_TIME
    wanted: Cluster = field(default_factory=Cluster)
    cluster: ClusterSeen | None = None
    unended: Unended | None = None
    running: tuple[RunningTask, ...] = ()
    trouble: str = ""
    first_boot: str | None = None
    pending: tuple[Update, ...] = (
        Update("base-files", "13.8+deb13u1", "13.8+deb13u2"),
        Update("linux-image-amd64", "6.12.48-1", "6.12.57-1"),
        Update("openssh-server", "1:10.0p1-7", "1:10.0p1-8"),
    )
    root_keys: tuple[str, ...] = ()
    network_now: HostNetwork | None = None
    _tried: HostNetwork | None = None
    _made: ClusterSeen | None = None
    _answer: str = ""
    _answered: threading.Event = field(default_factory=threading.Event)

    def look(self) -> Seen:
        """See `World.look`."""
        address = self._address()
        digest = hashlib.sha256(self.host.encode(errors="replace")).digest()
        shown = Banner(
            host=self.host,
            addresses=(address,) if address else (),
            management_url=management_url((address,)) if address else None,
            fingerprint=None,
            state="running",
            failed_units=(),
            version=__version__,
            hardware=self._gravest(),
            first_boot=self.first_boot,
            api_url=management_url((address,), API_PORT) if address else None,
            certificates=Certificates(digest.hex(":").upper()),
        )
        return Seen(shown, digest.hex().upper() if address else "", self.cluster, self.running, self.trouble)

    def log_in(self, user: str, password: str, code: str) -> Session:
        """See `World.log_in`."""
        if not user or not password or self.password not in (None, password):
            raise BadInput(_("User or password is wrong."))
        return Session(f"{user}@pam", limited=bool(self.trouble))

    def log_out(self) -> None:
        """See `World.log_out`."""

    def shell(self) -> tuple[str, ...]:
        """See `World.shell`; this computer's are somebody's own."""
        return ()

    def network(self) -> NetworkSeen:
        """See `World.network`."""
        return NetworkSeen(self.machine.interfaces, self._network())

    def apply_network(self, network: HostNetwork) -> Task:
        """See `World.apply_network`."""
        self._network()
        self._tried, self._answer = network, ""
        self._answered.clear()
        return Task("network", trial=True)

    def keep_network(self) -> None:
        """See `World.keep_network`."""
        self._answer = "keep"
        self._answered.set()

    def undo_network(self, task: Task) -> None:
        """See `World.undo_network`."""
        self._answer = "undo"
        self._answered.set()

    def name(self) -> str:
        """See `World.name`."""
        return self.host

    def rename(self, name: str) -> None:
        """See `World.rename`."""
        self.host = name

    def time(self) -> TimeSettings:
        """See `World.time`."""
        return self.zone

    def set_time(self, settings: TimeSettings) -> None:
        """See `World.set_time`."""
        self.zone = settings

    def findings(self) -> tuple[Finding, ...]:
        """See `World.findings`."""
        return check_machine(self.machine)

    def cluster_known(self) -> ClusterKnown:
        """See `World.cluster_known`."""
        address = self._address().partition("/")[0]
        nodes = tuple(recorded_cluster.nodes(self.cluster, self.host, address)) if self.cluster else ()
        return ClusterKnown(self.wanted, (address,) if address else (), self.cluster, nodes, self.unended)

    def create_cluster(self, name: str, address: str) -> Task:
        """See `World.create_cluster`."""
        self._made = ClusterSeen(name, 1, 1, quorate=True)
        return Task("create")

    def join_cluster(self, token: str, peer: str, address: str) -> Task:
        """See `World.join_cluster`."""
        self._made = recorded_cluster.JOINED
        return Task("join", signs_out=True)

    def end_join(self, how: str) -> Task:
        """See `World.end_join`."""
        self.unended = None
        return Task("join")

    def new_token(self, node: str, ttl: str) -> str:
        """See `World.new_token`."""
        return recorded_cluster.token(node)

    def change_password(self, old: str, new: str) -> None:
        """See `World.change_password`."""
        if self.password not in (None, old):
            raise BadInput(_("The password now is another one."))
        self.password = new

    def keys(self) -> tuple[str, ...]:
        """See `World.keys`."""
        return self.root_keys

    def set_keys(self, keys: tuple[str, ...]) -> None:
        """See `World.set_keys`."""
        self.root_keys = keys

    def updates(self) -> tuple[Update, ...]:
        """See `World.updates`."""
        return self.pending

    def refresh_updates(self) -> Task:
        """See `World.refresh_updates`."""
        return Task("aptupdate")

    def upgrade(self) -> Task:
        """See `World.upgrade`."""
        return Task("aptupgrade")

    def bundle(self) -> Task:
        """See `World.bundle`."""
        return Task("bundle")

    def follow(self, task: Task) -> Iterator[TaskNews]:
        """See `World.follow`: what it would do."""
        for line in self._lines(task):
            yield TaskNews((line,))
            threading.Event().wait(self.pause)
        if task.trial:
            yield TaskNews(waits=TRIAL)
            yield TaskNews(ended=self._trial())
            return
        if task.id == "aptupgrade":
            self.pending = ()
        if task.id in STEPS:
            self.cluster, self._made = self._made or self.cluster, None
        yield TaskNews(ended=DONE)

    def journal(self) -> tuple[str, ...]:
        """See `World.journal`; this computer's is somebody's own."""
        return ()

    def reboot(self) -> bool:
        """See `World.reboot`."""
        return False

    def power_off(self) -> bool:
        """See `World.power_off`."""
        return False

    def _trial(self) -> str:
        self._answered.wait(TRIAL)
        if self._answer == "keep":
            self.network_now = self._tried
            return DONE
        return _("taken back") if self._answer else _("nobody kept it in time")

    def _lines(self, task: Task) -> Iterator[str]:
        match task.id:
            case "network":
                yield _("dry run: {what}").format(what="netplan apply")
            case "aptupdate":
                yield _("dry run: {what}").format(what="apt-get update")
            case "aptupgrade":
                for update in self.pending:
                    yield _("dry run: {what}").format(what=f"{update.package} {update.new}")
            case "create" | "join":
                steps = STEPS[task.id]
                for number, step in enumerate(steps, 1):
                    yield _("dry run: {what}").format(what=f"{number}/{len(steps)} {step}")
            case _:
                yield _("dry run: {what}").format(what=f"/{REPORTS}/{self.host}.txt")

    def _network(self) -> HostNetwork:
        if self.network_now is None:
            if not self.machine.interfaces:
                raise TrebolError(_("this machine has no network interface"))
            port = _likely_port(self.machine.interfaces)
            address = Static(ip_interface(ADDRESS), ip_address(ROUTER), (ip_address(ROUTER),))
            self.network_now = management_network(
                (Link(port.name, port.mac),), address, search=(self.host.partition(".")[2],)
            )
        return self.network_now

    def _address(self) -> str:
        if not self.machine.interfaces:
            return ""
        match self._network().managed.addressing:
            case Static(address):
                return str(address)
        return ADDRESS

    def _gravest(self) -> Hardware | None:
        return gravest(json.dumps(to_members(self.findings(), Role.NODE)))


def _likely_port(interfaces: tuple[NetworkInterface, ...]) -> NetworkInterface:
    return next((nic for nic in interfaces if nic.carrier), interfaces[0])
