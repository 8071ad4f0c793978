"""What this node shows of itself, read in the background: no request waits for a program.

value      read every
usage      2 s          /proc: memory, load, processors, root file system
facts      10 s         addresses, findings of the hardware checks
manager    30 s         systemd's state and failed units: it answers programs, in the midst of its own work
services   30 s         systemctl show; several times after an action
network    10 s         netplan, by the worker; at once after a change
machine    5 min        the hardware probe
health     30 min       smartctl on each disk, by the worker; a disk that sleeps is not woken
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from trebol_common.errors import TrebolError
from trebol_common.run import Runner
from trebol_hardware.facts import DiskHealth
from trebol_hardware.machine import Disk, Machine
from trebol_hardware.probe.health import reason_not_to_ask
from trebol_hardware.probe.whole import probe
from trebol_node import facts
from trebol_node.pki.certificates import FOLDER, fingerprint
from trebol_node.status import Facts, node_addresses, status
from trebol_node.system import identity, node, proc
from trebol_node.system.disks import disks
from trebol_node.system.held import Held, NotRead, refreshing
from trebol_node.system.interfaces import LiveLink, interfaces, links_of
from trebol_node.system.netplan import NetworkFiles, merged
from trebol_node.system.services import read_services
from trebol_node.system.smart import health_of
from trebol_node.worker.operations import ReadNetwork, ReadSmart

#: Whom the worker's log names for what the daemon reads on its own.
DAEMON = "trebold"

#: States of systemd that do not last, and seconds until it is asked again then.
_BOOTING, _BOOTED_SOON = frozenset({"initializing", "starting"}), 5.0

#: Seconds after an action on a service at which systemd is asked what became of it: the action is a task.
_AFTER_ACTION = (0.0, 1.0, 5.0, 15.0)

#: Disks that are asked at the same time.
_AT_ONCE = 4


Value = TypeVar("Value")


class Asks(Protocol):
    """The worker's client."""

    async def call(self, operation: Any, *, who: str) -> Any:
        """Have an operation done."""
        ...


@dataclass(frozen=True)
class Usage:
    """Two samples, between which the load of the processors is counted."""

    before: proc.Sample
    now: proc.Sample


class NodeView:
    """Node `name` of the system below `root`. `certificate` is the API's; `hardware` makes the probe's record."""

    def __init__(
        self,
        name: str,
        worker: Asks,
        runner: Runner,
        *,
        root: Path = Path("/"),
        certificate: Path = FOLDER / "api.pem",
        hardware: Callable[[], Machine] = probe,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.worker = worker
        self.runner = runner
        self.root = root
        self.now = now
        self.identity = identity.read(root)
        self._certificate = certificate
        self._of_certificate: tuple[tuple[int, ...], str] = ((), "")
        self._made: tuple[Facts, dict[str, Any]] | None = None
        self._samples: list[proc.Sample] = []
        self.usage: Held[Usage] = Held("usage", 2, self._usage)
        self.manager: Held[facts.Manager] = Held("systemd", 30, self._read_manager)
        self.facts: Held[Facts] = Held("facts", 10, self._facts)
        self.services: Held[list[dict[str, str]]] = Held("services", 30, _threaded(lambda: read_services(runner)))
        self.network: Held[NetworkFiles] = Held("network", 10, self._network)
        self.machine: Held[Machine] = Held("machine", 300, _threaded(hardware))
        self.health: Held[Mapping[str, DiskHealth]] = Held("health", 1800, self._health)

    def running(self) -> AbstractAsyncContextManager[None]:
        """Reads everything over and over inside the block: the lifespan of the daemon."""
        return refreshing(self.held)

    @property
    def held(self) -> tuple[Held[Any], ...]:
        """All that is read in the background."""
        return (self.usage, self.manager, self.facts, self.services, self.network, self.machine, self.health)

    async def entry(self) -> dict[str, Any]:
        """This node's entry of GET /nodes."""
        usage = await self.usage.get()
        return node.node_entry(self.name, usage.now, usage.before, self.identity, fingerprint=self._fingerprint())

    def acted(self) -> None:
        """A service is being started or stopped: ask systemd soon, and again when that may be over."""
        loop = asyncio.get_running_loop()
        for seconds in _AFTER_ACTION:
            for held in (self.services, self.manager):
                loop.call_later(seconds, held.stale)

    def addresses(self) -> Sequence[str]:
        """The node's addresses without their prefixes, IPv4 first; none until they were read."""
        found = self.facts.latest
        return (
            [] if found is None else [each.partition("/")[0] for each in node_addresses(found.links, found.physical)]
        )

    async def status(self) -> dict[str, Any]:
        """The value of GET /nodes/{node}/status; `trebol` holds what Proxmox VE has no place for."""
        usage, found = await self.usage.get(), await self.facts.get()
        # What the others wait for at this node is as of now.
        now = {"boot": facts.boot_id(self.root), "reboot_due": facts.reboot_due(self.root)}
        shown = {**self._as_members(found), **now}
        return {**node.node_status(usage.now, usage.before, self.identity), "trebol": shown}

    async def links(self) -> tuple[LiveLink, ...]:
        """The kernel's network interfaces."""
        found = await self.facts.get()
        return links_of(found.links, found.physical)

    async def interfaces(self) -> list[dict[str, Any]]:
        """The value of GET /nodes/{node}/network."""
        return interfaces(merged(await self.network.get()), await self.links())

    async def disks(self, *, partitions: bool = False, kind: str = "", health: bool = True) -> list[dict[str, Any]]:
        """The value of GET /nodes/{node}/disks/list; health is unknown until it was read the first time."""
        healths = (self.health.latest or {}) if health else {}
        return disks(await self.machine.get(), healths, partitions=partitions, kind=kind)

    def _as_members(self, found: Facts) -> dict[str, Any]:
        """What is made of the facts, once for each reading of them."""
        if self._made is None or self._made[0] is not found:
            self._made = (found, asdict(status(found)))
        return self._made[1]

    def _fingerprint(self) -> str:
        """Of the certificate, which is read again when it is another file."""
        try:
            about = self._certificate.stat()
            version = (about.st_ino, about.st_mtime_ns, about.st_size)
            if version != self._of_certificate[0]:
                self._of_certificate = (version, fingerprint(self._certificate))
            return self._of_certificate[1]
        except (OSError, TrebolError):
            return ""

    async def _usage(self) -> Usage:
        now = await asyncio.to_thread(lambda: proc.sample(self.root, at=self.now()))
        # The first time since boot.
        before = self._samples[-1] if self._samples else _at_boot(now)
        self._samples[:] = [now]
        return Usage(before, now)

    async def _read_manager(self) -> facts.Manager:
        found = await asyncio.to_thread(facts.read_manager, self.runner)
        if self.manager.latest is None or found != self.manager.latest:
            self.facts.stale()
        if found.state in _BOOTING:
            asyncio.get_running_loop().call_later(_BOOTED_SOON, self.manager.stale)
        return found

    async def _facts(self) -> Facts:
        # Without systemd's answer the rest is told all the same.
        try:
            manager = await self.manager.get()
        except NotRead:
            manager = facts.Manager("", ())
        return await asyncio.to_thread(lambda: facts.read(self.root, self.runner, manager))

    async def _network(self) -> NetworkFiles:
        return NetworkFiles.of(await self.worker.call(ReadNetwork(), who=DAEMON))

    async def _health(self) -> dict[str, DiskHealth]:
        """Of each disk that has any."""
        machine = await self.machine.get()
        free = asyncio.Semaphore(_AT_ONCE)

        async def ask(disk: Disk) -> DiskHealth:
            if reason := reason_not_to_ask(disk):
                return DiskHealth(unknown=reason)
            async with free:
                try:
                    return health_of(await self.worker.call(ReadSmart(disk=disk.name), who=DAEMON))
                except TrebolError as error:
                    return DiskHealth(unknown=str(error))

        healths = await asyncio.gather(*map(ask, machine.disks))
        return dict(zip((disk.name for disk in machine.disks), healths, strict=True))


def _threaded(read: Callable[[], Value]) -> Callable[[], Awaitable[Value]]:
    async def threaded() -> Value:
        return await asyncio.to_thread(read)

    return threaded


def _at_boot(now: proc.Sample) -> proc.Sample:
    return proc.Sample(now.at - now.uptime, 0, now.load, now.memory, proc.Ticks(), now.root)
