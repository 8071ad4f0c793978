"""What the package brings for the worker fits what the code leans on."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from trebol_node.tasks import FOLDER
from trebol_node.worker.main import USER
from trebol_node.worker.pam import SERVICE
from trebol_node.worker.protocol import SOCKET

DEBIAN = Path(__file__).parents[2] / "debian"


@pytest.fixture
def unit() -> configparser.SectionProxy:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEBIAN / "trebol.trebol-worker.service")
    return parser["Service"]


def written() -> set[str]:
    """What the sandbox lets the service write: the setting adds up where it comes again."""
    lines = (DEBIAN / "trebol.trebol-worker.service").read_text().splitlines()
    found = (line.partition("=")[2].split() for line in lines if line.startswith("ReadWritePaths="))
    return {path for paths in found for path in paths}


def test_tasks_outlive_the_service(unit: configparser.SectionProxy) -> None:
    assert unit["KillMode"] == "process"
    assert "PrivateTmp" not in unit


def test_the_service_may_write_where_its_operations_do(unit: configparser.SectionProxy) -> None:
    assert unit["ProtectSystem"] == "strict"
    of_clusters = {"/var/lib/trebol", "/var/lib/etcd", "-/var/lib/corosync", "-/var/lib/pacemaker"}
    assert written() == {"/etc", "/run", "-/root", "-/var/log/trebol", str(FOLDER), *of_clusters}
    assert "ProtectHome" not in unit


def test_the_service_tells_systemd_how_it_does(unit: configparser.SectionProxy) -> None:
    assert (unit["Type"], unit["Restart"]) == ("notify", "always")
    assert int(unit["WatchdogSec"]) >= 20


def test_folders_are_made_for_those_who_may() -> None:
    lines = [line.split() for line in (DEBIAN / "trebol.tmpfiles").read_text().splitlines() if line[0] != "#"]
    assert {path: (mode, user, group) for _kind, path, mode, user, group, _age in lines} == {
        str(SOCKET.parent): ("0755", "root", "root"),
        str(FOLDER): ("2750", "root", USER),
        "/var/log/trebol": ("0700", "root", "root"),
        "/var/lib/trebol": ("0755", "root", "root"),
        "/var/lib/etcd": ("0700", "etcd", "etcd"),
    }


def test_the_user_is_made_and_nobody_can_log_in_as_it() -> None:
    lines = [line.split() for line in (DEBIAN / "trebol.sysusers").read_text().splitlines() if line[0] != "#"]
    assert [(line[0], line[1], line[-1]) for line in lines] == [("u", USER, "-")]


def test_an_account_without_password_lets_nobody_in() -> None:
    lines = [line.split() for line in (DEBIAN / "trebol.pam").read_text().splitlines() if line[0] != "#"]
    assert SERVICE == "trebol"
    assert {line[0] for line in lines} == {"auth", "account"}
    assert all(line[1:3] == ["required", "pam_unix.so"] and "nullok" not in line for line in lines)
