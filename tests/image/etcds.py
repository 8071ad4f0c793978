"""Several etcd on loopback, each as on a node of its own: with its address, its certificate, one CA."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from trebol_common.run import CommandRunner
from trebol_node.cluster.voters.members import Member, Members
from trebol_node.pki import AUTHORITY, Names, prepare
from trebol_node.store.configuration import Configuration, render
from trebol_node.store.errors import Unavailable
from trebol_node.store.etcd import EtcdRecords
from trebol_node.store.gateway import Gateway, TlsSource

#: Seconds that etcd has to start and to stop, on a busy machine.
PATIENCE = 60


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port


class Etcd:
    """One node's etcd, below `folder`; `program` makes the command line of what runs there."""

    def __init__(self, number: int, folder: Path, program: Callable[..., list[str]]) -> None:
        self.name, self.folder = f"node{number}", folder
        self._program = program
        #: As link 0: not the address by which the node reaches its own.
        address = f"127.0.0.{10 + number}"
        self.configuration = Configuration(
            self.name,
            data=folder / "etcd",
            client_url=f"https://127.0.0.1:{_free_port('127.0.0.1')}",
            public_url=f"https://{address}:{_free_port(address)}",
            peer_url=f"https://{address}:{_free_port(address)}",
        )
        self.names = Names(self.name, (self.name,), ("127.0.0.1", address))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, more: str = "") -> None:
        """Start it, with `more` in its configuration; it need not answer yet."""
        settings = self.folder / "store.yaml"
        settings.write_text(render(self.configuration, pki=self.folder / "pki") + more)
        with (self.folder / "etcd.log").open("ab") as log:
            command = self._program("etcd", "--config-file", str(settings))
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it, by default as a power cut does."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(PATIENCE)
            self._process = None

    def send(self, how: signal.Signals) -> None:
        """SIGSTOP: it is there, and silent."""
        assert self._process is not None
        self._process.send_signal(how)

    def clear(self) -> None:
        """Take away what it holds."""
        shutil.rmtree(self.configuration.data, ignore_errors=True)


class Etcds:
    """`count` nodes; the first is a store of its own once it is started, the others may join it."""

    def __init__(self, count: int, folder: Path, program: Callable[..., list[str]]) -> None:
        self.folder = folder
        self.nodes = [Etcd(number, folder / f"node{number}", program) for number in range(1, count + 1)]
        for node in self.nodes:
            pki = node.folder / "pki"
            pki.mkdir(parents=True)
            if node is not self.nodes[0]:
                for path in (AUTHORITY.pair(self.pki).key, AUTHORITY.pair(self.pki).certificate):
                    shutil.copy(path, pki)
            prepare(node.names, CommandRunner(), folder=pki, own=lambda _path, _group: None)
        self._copies = 0

    @property
    def pki(self) -> Path:
        """The first node's certificates."""
        return self.nodes[0].folder / "pki"

    def tls(self) -> TlsSource:
        """What all let in."""
        return TlsSource(self.pki)

    def start_first(self) -> None:
        """A store of one, as a node has it before it is in a cluster."""
        self.nodes[0].start()
        with_records = self.records([self.nodes[0]])
        with_records.close()

    def add(self, node: Etcd, *, promote: bool = True) -> Member:
        """Let it join, and vote."""
        members = self.members()
        made = members.add_learner(node.configuration.peer_url)
        others = [(each.name, each.peer_urls[0]) for each in members.members() if each.id != made.id]
        node.configuration = replace(
            node.configuration, joins=True, cluster=(*others, (node.name, node.configuration.peer_url))
        )
        node.start()
        return members.promote(made.id) if promote else made

    def start_all(self) -> None:
        """All of them, voting."""
        self.start_first()
        for node in self.nodes[1:]:
            self.add(node)

    def stop(self) -> None:
        """End all."""
        for node in self.nodes:
            node.stop()

    def gateway(self, nodes: Sequence[Etcd] = ()) -> Gateway:
        """To the stores of these nodes, or of all: as the first of them reaches them."""
        first, *others = nodes or self.nodes
        urls = [first.configuration.client_url, *(node.configuration.public_url for node in others)]
        return Gateway(urls, self.tls())

    def members(self) -> Members:
        """As the first node asks for them."""
        return Members(self.gateway(), self.tls())

    def records(self, nodes: Sequence[Etcd] = ()) -> EtcdRecords:
        """Records over `gateway`, started, with a copy of their own; current."""
        self._copies += 1
        made = EtcdRecords(self.gateway(nodes), self.folder / f"copy-{self._copies}.json")
        made.start()
        if not made.wait(PATIENCE):
            made.close()
            raise AssertionError(made.problem + self.logs())
        return made

    def logs(self) -> str:
        """What they said last."""
        logs = (node.folder / "etcd.log" for node in self.nodes)
        return "".join(f"\n{log}:\n{log.read_text()[-1500:]}" for log in logs if log.exists())

    def until(self, happened: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Ask the stores again until it is so."""
        asking, waited = threading.Event(), 0.0
        while True:
            try:
                if happened():
                    return
            except Unavailable:
                pass
            assert waited < seconds, f"it did not happen{self.logs()}"
            asking.wait(0.1)
            waited += 0.1
