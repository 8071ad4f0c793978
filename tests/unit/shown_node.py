"""A node for tests of what it shows and how it is changed: a system below a folder, programs that answer from tables,
the worker's own operations in this process, the API in front of it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.unit import api_node, fence_agents
from tests.unit.fake_members import FakeMembers, Listed, members_of
from tests.unit.fakesys import FakeSystem

from trebol_common.network import Bridge, Dhcp, HostNetwork, Link, to_netplan
from trebol_common.run import Argument, CommandFailed, CommandRunner, Completed
from trebol_hardware.machine import Machine as Hardware
from trebol_node import pki
from trebol_node.api.app import PREFIX, make_app
from trebol_node.api.routes import cluster_config, fencing, joins, metrics, nodes, preflight, witness
from trebol_node.api.routes.desk import Desk
from trebol_node.api.server import Server, tls_context, unix_socket
from trebol_node.api.wire import Wire
from trebol_node.cluster import records as cluster
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.preflight.asked import Asked
from trebol_node.cluster.view import status
from trebol_node.fencing.agents import Agents
from trebol_node.store.records import MemoryRecords
from trebol_node.tasks import Tasks, Upid
from trebol_node.worker.cluster_operations import (
    CreateCluster,
    ForgetNode,
    GoOn,
    HandOver,
    JoinCluster,
    LeaveCluster,
    Preflight,
    ReadMembership,
)
from trebol_node.worker.context import Context, Machine
from trebol_node.worker.fence_operations import SealSecrets, TestFencing
from trebol_node.worker.handlers import HANDLERS
from trebol_node.worker.operation import Operation
from trebol_node.worker.operations import (
    ApplyNetwork,
    Authenticate,
    EndTask,
    MakeReport,
    Power,
    RefreshPackages,
    ServiceAction,
    UpgradePackages,
)
from trebol_node.worker.services import SERVICES

MACHINES = Path(__file__).parents[1] / "machines"
NODE = api_node.NODE
MACS = {"eno1": "52:54:00:00:00:01", "eno2": "52:54:00:00:00:02"}

#: Numbers that are those of the moment: their shape is what counts.
STARTED = Upid(NODE, 0x1F4, 0x2710, 0x6AB13B80, "srvrestart", "chrony", "root@pam")

LINKS = [
    {
        "ifname": "eno1",
        "flags": ["BROADCAST", "UP"],
        "address": MACS["eno1"],
        "altnames": ["enp1s0"],
        "addr_info": [],
    },
    {"ifname": "eno2", "flags": ["BROADCAST"], "address": MACS["eno2"], "addr_info": []},
    {
        "ifname": "vmbr0",
        "flags": ["BROADCAST", "UP"],
        "address": MACS["eno1"],
        "addr_info": [{"family": "inet", "local": "192.0.2.10", "prefixlen": 24, "scope": "global"}],
    },
]

ENTRIES = [
    {
        "__CURSOR": f"s=1;i={number}",
        "__REALTIME_TIMESTAMP": f"17900000{number:02}000000",
        "_HOSTNAME": NODE,
        "SYSLOG_IDENTIFIER": "sshd",
        "_PID": "700",
        "MESSAGE": f"line {number}",
    }
    for number in range(1, 6)
]


UPDATES = [{"Package": "trebol", "OldVersion": "1", "Version": "2", "Origin": "Trebol"}]


@dataclass
class Programs:
    """Answers by a program's name and the word that its answer turns on; a program without an answer is missing."""

    answers: dict[str, Completed]
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def run(
        self,
        command: Sequence[Argument],
        *,
        input: str | None = None,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        secrets: Sequence[str] = (),
        on_line: Callable[[str], None] | None = None,
    ) -> Completed:
        """See `Runner.run`."""
        words = tuple(os.fspath(word) for word in command)
        self.asked.append(words)
        found = [answer for key, answer in self.answers.items() if set(key.split()) <= set(words)]
        if not found:
            if "timeout" in words:
                return Completed(127)
            raise CommandFailed(words[0], 127, ())
        for line in found[0].stdout.splitlines():
            if on_line is not None:
                on_line(line)
        if check and found[0].status:
            raise CommandFailed(words[0], found[0].status, found[0].stderr.splitlines())
        return found[0]


def systemctl_show() -> str:
    """What systemctl says of the services, in the order in which it is asked; the last is not there."""
    blocks = []
    for number, name in enumerate(SERVICES, 1):
        there = number < len(SERVICES)
        blocks.append(
            f"Id={name}.service\nDescription={name if not there else f'The {name}'}\n"
            f"LoadState={'loaded' if there else 'not-found'}\nActiveState={'active' if there else 'inactive'}\n"
            f"SubState={'running' if there else 'dead'}\nUnitFileState={'enabled' if there else ''}\n"
        )
    return "\n".join(blocks)


def programs() -> Programs:
    """Those of a node that is well."""
    return Programs(
        {
            "systemctl --property=SystemState": Completed(0, "SystemState=running\nNFailedUnits=0\n"),
            "systemctl show --": Completed(0, systemctl_show()),
            "ip": Completed(0, json.dumps(LINKS)),
            "journalctl": Completed(0, "".join(json.dumps(entry) + "\n" for entry in ENTRIES)),
            "netplan generate": Completed(0),
            "timedatectl": Completed(0),
            "hostnamectl set-hostname": Completed(0),
            "systemctl try-restart": Completed(0),
            "systemctl is-active chrony.service": Completed(3, "inactive\n"),
            "systemctl reboot": Completed(0),
            "trebol_node.system.packages": Completed(0, json.dumps(UPDATES)),
        }
    )


def system(root: Path) -> FakeSystem:
    """The files of a node with a bridge over one of two interfaces."""
    made = FakeSystem(root)
    made.write("proc/meminfo", "MemTotal: 8388608 kB\nMemFree: 1048576 kB\nMemAvailable: 6291456 kB\n")
    made.write("proc/loadavg", "0.50 0.25 0.00 1/100 1234\n")
    made.write("proc/uptime", "93784.20 100.00\n")
    made.write("proc/stat", "cpu  100 0 100 700 100 0 0 0 0 0\n")
    made.write("proc/sys/kernel/hostname", f"{NODE}\n")
    made.write("proc/sys/kernel/ostype", "Linux\n")
    made.write("proc/sys/kernel/version", "#1 SMP\n")
    made.write("etc/hosts", f"127.0.0.1 localhost\n192.0.2.10 {NODE}\n")
    made.write("run/systemd/resolve/resolv.conf", "nameserver 192.0.2.53\nsearch example.org\n")
    made.write("usr/share/zoneinfo/Europe/Madrid", "")
    made.write("sys/block/sda/size", "1")
    (root / "etc/localtime").symlink_to("/usr/share/zoneinfo/Europe/Madrid")
    for number, (name, mac) in enumerate(MACS.items()):
        made.interface(name, f"pci0000:00/0000:0{number}:00.0", mac=mac)
    bridge = Bridge("vmbr0", ("eno1",), MACS["eno1"], Dhcp())
    made.write("etc/netplan/50-trebol.yaml", to_netplan(HostNetwork((Link("eno1", MACS["eno1"]),), (bridge,))))
    return made


def loaded() -> dict[str, Any]:
    """What corosync says that has every configuration, and sees nobody."""
    counts = {"expected_votes": 1, "votes": 1, "needed": 1, "device_votes": None}
    flags = {"quorate": True, "waits": False}
    return {"cluster": "clover", "version": 2**31, "ring": "1.1", "members": [], **counts, **flags}


def cluster_of_one() -> dict[str, Mapping[str, Any]]:
    """Records of the cluster that this node has made."""
    address = api_node.ADDRESSES[0]
    member = cluster.Member(NODE, "1" * 32, address, cluster.State.MEMBER, voter=True)
    return {
        cluster.SETTINGS: cluster.Settings("clover", "c1", "2026-11-28T12:00:00+00:00").to_members(),
        cluster.COROSYNC: Totem.first("clover", NODE, {0: address}).to_members(),
        f"{cluster.NODES}{NODE}": member.to_members(),
    }


class AtOnce(fencing.Fencing):
    """Nobody has to be waited for."""

    async def written(self) -> None:
        """See `Fencing.written`."""


@dataclass
class OperationsHere:
    """The worker's operations on the system below a root, in this process; what would start or end something is
    only remembered."""

    context: Context
    seen: list[tuple[str, Operation]] = field(default_factory=list)

    async def call(self, operation: Operation, *, who: str) -> Any:
        """See `trebol_node.worker.client.Worker.call`."""
        self.seen.append((who, operation))
        match operation:
            case ServiceAction() | ApplyNetwork() | EndTask() | RefreshPackages() | UpgradePackages() | MakeReport():
                return str(STARTED)
            case CreateCluster() | JoinCluster() | Preflight() | LeaveCluster() | GoOn() | TestFencing():
                return str(STARTED)
            case Power() | ForgetNode():
                return None
            case ReadMembership():
                return loaded()
            case HandOver():
                return {"authority": "a", "authority-key": "b", "corosync-key": "Yw=="}
            case SealSecrets():
                return dict.fromkeys(operation.secrets, "sealed")
            case Authenticate():
                return await api_node.FakeWorker().call(operation, who=who)
        return HANDLERS[type(operation)](operation, self.context, who)

    def of(self, kind: type[Operation]) -> list[tuple[str, Operation]]:
        """What was asked for of one kind."""
        return [each for each in self.seen if isinstance(each[1], kind)]


class OverSocket:
    """An application whose requests come by the unix socket, from this user."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http":
            scope.setdefault("state", {})["wire"] = Wire(uid=os.getuid())
        await self._app(scope, receive, send)


@dataclass
class Shown:
    """A node that is up. `root` signs in by the socket, `nobody` not at all."""

    files: FakeSystem
    programs: Programs
    worker: OperationsHere
    context: Any
    view: nodes.NodeView
    root: TestClient
    nobody: TestClient

    def get(self, path: str, **arguments: Any) -> Any:
        """The data of a path below this node, as root."""
        return self.call("GET", path, **arguments)["data"]

    def call(self, method: str, path: str, *, status: int = 200, **arguments: Any) -> dict[str, Any]:
        """The whole answer, whose status is as expected."""
        by: dict[str, Any] = {"params" if method in ("GET", "DELETE") else "data": arguments}
        answer = self.root.request(method, f"{PREFIX}/nodes/{NODE}{path}", **by)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found


@contextmanager
def shown_node(folder: Path, hardware: str = "dell-r740-vt-locked", *, clustered: bool = False) -> Iterator[Shown]:
    """The node while the block runs; `hardware` is one of the recorded machines. `clustered`: the only one of a
    cluster."""
    made = _made(folder, hardware, clustered=clustered)
    with TestClient(OverSocket(made.app)) as root:
        yield Shown(made.files, made.programs, made.worker, made.context, made.view, root, TestClient(made.app))


@dataclass(frozen=True)
class Served:
    """The node behind a real server: at a unix socket, and with TLS at a port of loopback."""

    path: Path
    port: int
    certificate: Path
    worker: OperationsHere


@contextmanager
def served_node(folder: Path) -> Iterator[Served]:
    """The node while the block runs, for clients of all kinds."""
    made, path, ready = _made(folder, "dell-r740-vt-locked"), folder / "api.sock", threading.Event()
    chain, key = api_node.certificate(folder)
    network = socket.create_server(("127.0.0.1", 0))
    port = network.getsockname()[1]

    async def on_ready() -> None:
        ready.set()

    server = Server(
        made.app, plain=[unix_socket(path)], secure=[network], tls=tls_context(chain, key), on_ready=on_ready
    )
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield Served(path, port, chain, made.worker)
    finally:
        server.should_exit = True
        thread.join(20)


@dataclass
class _Made:
    files: FakeSystem
    programs: Programs
    worker: OperationsHere
    context: Any
    view: nodes.NodeView
    app: FastAPI


def of_cluster(folder: Path, records: MemoryRecords, worker: OperationsHere) -> Sequence[APIRouter]:
    """The routers of the cluster, as trebold has them; only its certificates are real."""
    where = folder / "pki"
    names = pki.Names(NODE, (NODE,), ("127.0.0.1",))
    pki.prepare(names, CommandRunner(), folder=where, own=lambda _path, _group: None)
    store = members_of(FakeMembers(Listed(1, NODE, f"https://{api_node.ADDRESSES[0]}:2380")))

    async def call(operation: Operation) -> Any:
        return await worker.call(operation, who="trebold")

    desk = Desk(NODE, records, store, call, lambda: api_node.NOW, where)
    # Nobody is there who would answer, and nobody is waited for.
    asked = Asked(records, lambda: (), now=lambda: api_node.NOW)
    agents = Agents(CommandRunner(), fence_agents.install(folder / "agents"))
    fences = fencing.router(AtOnce(records, agents))
    third = witness.router(desk, resolve=lambda host: ["192.0.2.9"], answers=lambda address, port: False)
    return joins.router(desk), preflight.router(desk, asked), cluster_config.router(desk), fences, third


def _made(folder: Path, hardware: str, *, clustered: bool = False) -> _Made:
    files, run = system(folder / "root"), programs()
    record = Hardware.load(MACHINES / f"{hardware}.json")
    tasks = Tasks(folder / "tasks")
    records = MemoryRecords(cluster_of_one() if clustered else {})
    context = replace(api_node.context(folder, records), tasks=tasks)
    machine = Machine(files.root, run)
    worker = OperationsHere(Context(machine, tasks, starter=None))  # type: ignore[arg-type]
    view = nodes.NodeView(NODE, worker, run, root=files.root, certificate=folder / "no.pem", hardware=lambda: record)
    # Two readings of one /proc/stat would say that its processors rest; the first counts from the boot.
    view.usage.seconds = 3600
    context = replace(
        context,
        worker=worker,
        entry=view.entry,
        addresses=view.addresses,
        membership=lambda: status(records, NODE, view.addresses(), None),
    )
    app = make_app(
        context,
        routers=(*of_cluster(folder, records, worker), *nodes.routers(view)),
        lifespan=lambda app: view.running(),
    )
    app.include_router(metrics.router(view))
    return _Made(files, run, worker, context, view, app)
