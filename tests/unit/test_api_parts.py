"""Parts of the API that are values: which paths are known, what an index lists, what the watchdog is told."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.unit.api_node import FakeWorker, Lines, TestClock, context

from trebol_common.systemd import ALIVE, notify
from trebol_node.access.errors import NotAuthenticated
from trebol_node.access.login import Attempt
from trebol_node.api import login
from trebol_node.api.app import PREFIX, make_app
from trebol_node.api.audit import Entry, Journal
from trebol_node.api.known import is_known
from trebol_node.api.routes.index import children


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("/pools", True),
        ("/pools/p1", True),
        ("/storage/local", True),
        ("/nodes/n1/qemu", True),
        ("/nodes/n1/qemu/100/status/current", True),
        ("/nodes/n1/ceph/osd/0/in", True),
        ("/cluster/ha/resources", True),
        ("/cluster/config/join", True),
        ("/access/openid/login", True),
        ("/access/domains/ldap/sync", True),
        ("/nonsense", False),
        ("/nodes/n1/nonsense", False),
        ("/nodes/n1/status/nonsense", False),
        ("/cluster", False),
        ("/pools/a/b", False),
        ("/", False),
    ],
)
def test_what_proxmox_ve_has_is_known_by_name(path: str, known: bool) -> None:
    assert is_known(path) is known


def test_an_index_lists_what_is_right_below() -> None:
    paths = frozenset({"/version", "/access/users", "/access/users/{userid}", "/nodes", "/nodes/{node}/time"})
    assert children(paths) == {
        "/": ("access", "nodes", "version"),
        "/access": ("users",),
        "/nodes/{node}": ("time",),
    }


def test_a_sign_of_life_that_nobody_reads_holds_nothing_up(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "notify"))
        for _ in range(1000):
            notify(ALIVE, str(tmp_path / "notify"), wait=False)


def test_an_audit_line_is_the_journal_s(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(tmp_path / "journal"))
        entry = Entry(1, 0.0, "ana@trebol!t", "192.0.2.1", "PUT", "/api2/json/cluster/options", ("language",), 403)
        Journal(tmp_path / "journal").write(entry)
        assert journal.recv(4096).decode().splitlines() == [
            "PRIORITY=4",
            "SYSLOG_IDENTIFIER=trebol-audit",
            "MESSAGE=user=ana@trebol!t from=192.0.2.1 PUT /api2/json/cluster/options arguments=language status=403",
        ]


def test_without_a_journal_the_line_is_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Journal(tmp_path / "none").write(Entry(1, 0.0, "", "socket", "POST", "/x", (), 200))
    assert "user=- from=socket POST /x arguments=- status=200" in caplog.text


def audited(folder: Path, path: str, body: bytes) -> str:
    """The audit line of a POST by nobody."""
    found = context(folder)
    assert isinstance(found.audit, Lines)
    header = {"Content-Type": "application/x-www-form-urlencoded"}
    with TestClient(make_app(found)) as client:
        assert client.post(f"{PREFIX}{path}", content=body, headers=header).status_code >= 400
    (entry,) = found.audit.entries
    return str(entry)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/x%0A%0AMESSAGE=user=root@pam%20status=200", b""),
        ("/access/ticket", b"username=a%0A%0AMESSAGE=user=root@pam status=200&password=x"),
        ("/access/ticket", b"a%0A%0AMESSAGE=user=root@pam%20status=200=1"),
        ("/access/ticket", b"a" * 500_000 + b"=1"),
    ],
    ids=["path", "user", "argument", "long argument"],
)
def test_nobody_forges_an_audit_line_or_fills_the_memory_with_one(tmp_path: Path, path: str, body: bytes) -> None:
    line = audited(tmp_path, path, body)
    assert len(line) < 2000 and len(line.splitlines()) == 1
    assert " status=200" not in line


def test_a_slash_at_the_end_of_a_path_hides_nobody_from_the_audit_log(tmp_path: Path) -> None:
    line = audited(tmp_path, "/access/ticket/", b"username=eva@trebol&password=x")
    assert line.startswith("user=eva@trebol ") and "arguments=password,username" in line


def test_many_guesses_at_once_are_no_more_than_ten(tmp_path: Path) -> None:
    found = context(tmp_path)
    assert isinstance(found.worker, FakeWorker) and isinstance(found.clock, TestClock)

    async def many() -> list[object]:
        wrong = [login.sign_in(found, Attempt("root@pam", f"guess {n}"), "192.0.2.1") for n in range(12)]
        return list(await asyncio.gather(*wrong, return_exceptions=True))

    assert all(isinstance(each, NotAuthenticated) for each in asyncio.run(many()))
    # The tenth is the last that is even looked at.
    assert len(found.worker.seen) == 10
