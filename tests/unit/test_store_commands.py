"""`trebol node store …` and `trebol node keys`, typed."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from tests.unit.fake_etcd import FakeEtcd, serving
from tests.unit.test_snapshots import whole
from typer.testing import CliRunner

from trebol_common.errors import BadInput
from trebol_node import keys
from trebol_node.commands.node import app
from trebol_node.store import configuration, gateway
from trebol_node.store.configuration import Configuration
from trebol_node.store.errors import Unavailable


@pytest.fixture
def etcd(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEtcd]:
    """The store of this node."""
    with serving(FakeEtcd()) as served:
        served.file = whole()
        found = Configuration("node1", client_url=served.url)
        monkeypatch.setattr(configuration, "read", lambda: found)
        monkeypatch.setattr(gateway, "TlsSource", lambda: ssl.create_default_context)
        yield served


def typed(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_a_store_that_works_is_shown(etcd: FakeEtcd) -> None:
    etcd.put("options", b"{}")
    result = typed("store", "status")
    assert result.exit_code == 0 and "state     writable\n" in result.stdout
    shown = json.loads(typed("store", "status", "--json").stdout)
    assert (shown["quorate"], shown["records"], shown["members"]) == (True, 1, ["node1"])


def test_a_store_that_cannot_be_written_is_a_status_of_its_own(etcd: FakeEtcd) -> None:
    etcd.lose_leader()
    result = typed("store", "status", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["problem"] == "etcdserver: request timed out"


def test_a_store_that_takes_no_more_is_told_by_the_exit_status(etcd: FakeEtcd) -> None:
    etcd.refusals["maintenance/alarm"] = (200, {"alarms": [{"alarm": "NOSPACE"}]})
    assert typed("store", "status").exit_code == 1


def test_a_snapshot_goes_where_it_was_asked_to(etcd: FakeEtcd, tmp_path: Path) -> None:
    result = typed("store", "snapshot", str(tmp_path / "before.db"))
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path}/before.db\n")
    assert (tmp_path / "before.db").read_bytes() == whole()


def test_without_a_store_there_is_no_snapshot(etcd: FakeEtcd, tmp_path: Path) -> None:
    etcd.refusals["maintenance/snapshot"] = (503, {"error": {"code": 14, "message": "etcdserver: no leader"}})
    result = typed("store", "snapshot", str(tmp_path / "before.db"))
    assert isinstance(result.exception, Unavailable) and list(tmp_path.iterdir()) == []


def test_what_is_no_snapshot_is_not_restored(etcd: FakeEtcd, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    result = typed("store", "restore", str(path))
    assert isinstance(result.exception, BadInput) and result.exception.exit_status == 2
    assert typed("store", "restore", str(tmp_path / "none.db")).exit_code == 2


def test_keys_are_shown_by_what_was_made_and_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    made = keys.Keys((Path("/etc/trebol/pki/ca.key"),), "AB:CD")
    monkeypatch.setattr(keys, "prepare_node", lambda _root, _runner: made)
    assert typed("keys").stdout == "/etc/trebol/pki/ca.key\nSHA256 AB:CD\n"
    assert json.loads(typed("keys", "--json").stdout) == {"made": ["/etc/trebol/pki/ca.key"], "fingerprint": "AB:CD"}
