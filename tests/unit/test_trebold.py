"""The daemon as systemd runs it: sockets handed over, readiness and life told, both sockets served, an honest end."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from trebol_common.run import CommandRunner
from trebol_node import pki, trebold
from trebol_node.api.server import unix_socket
from trebol_node.client import Api

PATIENCE = 30

#: Becomes the daemon with the sockets where systemd puts them: file descriptors from 3 on.
HAND_OVER = """
import os, sys
network, root = map(int, sys.argv.pop(1).split(","))
kept = os.dup(network), os.dup(root)
for number, descriptor in enumerate(kept, 3):
    os.dup2(descriptor, number)
os.environ["LISTEN_PID"] = str(os.getpid())
from trebol_node.trebold import main
sys.exit(main())
"""


@dataclass
class Systemd:
    """What systemd is to the daemon: it holds the sockets, and hears of it."""

    folder: Path
    network: socket.socket
    root: socket.socket
    heard: socket.socket
    process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        found: int = self.network.getsockname()[1]
        return found

    @property
    def api(self) -> Api:
        return Api(self.folder / "api.sock")

    def start(self) -> None:
        given = (self.network.fileno(), self.root.fileno())
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-c", HAND_OVER, ",".join(map(str, given))),
                *("--certificates", str(self.folder / "pki"), "--copy", str(self.folder / "records.json")),
                *("--store", "https://127.0.0.1:9"),
            ],
            env={
                **os.environ,
                "LISTEN_FDS": "2",
                "NOTIFY_SOCKET": str(self.folder / "notify"),
                "WATCHDOG_USEC": "300000",
            },
            pass_fds=given,
            stderr=(self.folder / "log").open("ab"),
        )
        self.hear("READY=1")

    def hear(self, wanted: str) -> None:
        """Wait until the daemon says so."""
        while (said := self.heard.recv(4096).decode()) != wanted:
            assert said == "WATCHDOG=1", said

    def end(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def own(path: Path, group: str) -> None:
    """Files of a test stay whose they are."""


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    names = pki.names_of("node1", "127.0.1.1 node1", ())
    (tmp_path / "pki").mkdir()
    pki.prepare(names, CommandRunner(), folder=tmp_path / "pki", own=own)
    heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    heard.bind(str(tmp_path / "notify"))
    heard.settimeout(PATIENCE)
    network = socket.create_server(("127.0.0.1", 0))
    found = Systemd(tmp_path, network, unix_socket(tmp_path / "api.sock"), heard)
    found.start()
    try:
        yield found
    finally:
        if found.process is not None and found.process.poll() is None:
            found.end(signal.SIGKILL)


def over_tls(systemd: Systemd, path: str) -> httpx.Response:
    tls = ssl.create_default_context(cafile=systemd.folder / "pki/ca.pem")
    return httpx.get(f"https://127.0.0.1:{systemd.port}{path}", verify=tls, timeout=PATIENCE)


def test_it_serves_both_sockets_lives_and_ends_when_it_is_told(systemd: Systemd) -> None:
    systemd.hear("WATCHDOG=1")
    assert systemd.api.get("/version")["repoid"].startswith("trebol-")
    # Of who is nobody it tells what everybody may see, and by its own certificate.
    assert over_tls(systemd, "/api2/json/access/domains").json()["data"][0]["realm"] == "pam"
    shown: list[dict[str, Any]] = systemd.api.get("/cluster/resources")
    assert shown[0]["maxmem"] > 0
    # There is no store here: it says so, and goes on.
    assert systemd.api.get("/cluster/status")[0]["quorate"] == 0
    assert systemd.end() == -signal.SIGTERM
    assert json.loads((systemd.folder / "records.json").read_text())["records"] == {}


def test_who_calls_while_it_was_killed_is_answered_by_the_next_one(systemd: Systemd) -> None:
    systemd.end(signal.SIGKILL)
    caller = socket.create_connection(("127.0.0.1", systemd.port), timeout=PATIENCE)
    systemd.start()
    tls = ssl.create_default_context(cafile=systemd.folder / "pki/ca.pem")
    with tls.wrap_socket(caller, server_hostname="127.0.0.1") as secure:
        secure.sendall(b"GET /api2/json/access/domains HTTP/1.1\r\nHost: node1\r\nConnection: close\r\n\r\n")
        assert secure.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_sockets_of_another_process_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def open_own(where: object) -> socket.socket:
        opened.append(str(where))
        return socket.socket()

    monkeypatch.setattr(trebold, "network_socket", lambda: open_own("network"))
    monkeypatch.setattr(trebold, "unix_socket", open_own)
    trebold.sockets({"LISTEN_PID": "1", "LISTEN_FDS": "2"}, pid=2)
    assert opened == ["network", "/run/trebol/api.sock"]
