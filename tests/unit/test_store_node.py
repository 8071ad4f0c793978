"""The store on a node: etcd's configuration, the units that run it, what its status says."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.unit.fake_etcd import TIMED_OUT, FakeEtcd, serving

from trebol_common.errors import BadInput
from trebol_node import cockpit
from trebol_node.pki import FOLDER as PKI
from trebol_node.store import limits
from trebol_node.store.configuration import PATH, Configuration, parse, read, render
from trebol_node.store.gateway import Gateway
from trebol_node.store.snapshots import FOLDER
from trebol_node.store.status import Status, status, to_text

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden/etcd.yaml"


def test_the_configuration_is_as_it_was_read() -> None:
    assert render(Configuration("node1")) == GOLDEN.read_text()


def test_only_this_node_reaches_its_store_and_only_with_a_certificate() -> None:
    found = yaml.safe_load(render(Configuration("node1")))
    for urls in ("listen-client-urls", "listen-peer-urls"):
        assert re.fullmatch(r"https://127\.0\.0\.1:\d+", found[urls])
    for security in ("client-transport-security", "peer-transport-security"):
        assert found[security]["client-cert-auth"] is True
        assert found[security]["trusted-ca-file"] == str(PKI / "ca.pem")


def test_etcds_limits_lie_above_ours() -> None:
    found = yaml.safe_load(render(Configuration("node1")))
    assert found["max-request-bytes"] > 2 * limits.VALUE
    assert found["quota-backend-bytes"] > 10 * limits.TOTAL


@pytest.mark.parametrize(
    "configuration",
    [
        Configuration("node1"),
        Configuration("node1", data=Path("/srv/etcd"), token="other"),
        Configuration(
            "node1",
            peer_url="https://192.0.2.1:2380",
            cluster=(("node1", "https://192.0.2.1:2380"), ("node2", "https://192.0.2.2:2380")),
        ),
    ],
)
def test_what_was_rendered_can_be_read(configuration: Configuration) -> None:
    assert parse(render(configuration)) == configuration


@pytest.mark.parametrize("text", ["", "[]", "name: node1\n", "a: [", "initial-cluster: 7\n"])
def test_what_is_no_configuration_is_called_so(text: str) -> None:
    with pytest.raises(BadInput, match="is no configuration of the store"):
        parse(text)


def test_a_missing_configuration_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="trebol node keys"):
        read(tmp_path / "store.yaml")


def unit(name: str) -> configparser.ConfigParser:
    found = configparser.ConfigParser(strict=False, interpolation=None)
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read_string((ROOT / f"debian/trebol.{name}").read_text())
    return found


@pytest.mark.parametrize("name", ["trebol-keys", "trebol-store", "trebol-snapshot"])
def test_the_package_installs_the_units(name: str) -> None:
    assert f"\tdh_installsystemd --name={name}\n" in (ROOT / "debian/rules").read_text()
    assert unit(f"{name}.service")["Service"]["NoNewPrivileges"] == "yes"


def test_the_store_runs_as_etcd_with_our_configuration_and_after_its_keys() -> None:
    service = unit("trebol-store.service")
    assert service["Service"]["User"] == service["Service"]["Group"] == "etcd"
    assert service["Service"]["ExecStart"] == f"/usr/bin/etcd --config-file {PATH}"
    assert service["Unit"]["Wants"] == "trebol-keys.service"
    assert service["Unit"]["AssertPathExists"] == str(PATH)
    assert service["Service"]["Type"] == "notify", "a restore waits for it to be ready"
    data = Configuration("node1").data
    assert data.parent == Path("/var/lib") / service["Service"]["StateDirectory"]


def test_units_may_write_where_they_write_and_nowhere_else() -> None:
    keys = unit("trebol-keys.service")["Service"]
    assert keys["ReadWritePaths"].split() == [str(PATH.parent), f"-/{cockpit.FOLDER}"]
    assert PKI.parent == PATH.parent
    assert unit("trebol-snapshot.service")["Service"]["ReadWritePaths"] == str(FOLDER.parent)
    for name in ("trebol-keys", "trebol-store", "trebol-snapshot"):
        assert unit(f"{name}.service")["Service"]["ProtectSystem"] == "strict"


def test_the_package_brings_the_programs() -> None:
    control = (ROOT / "debian/control").read_text()
    for package in ("etcd-client", "etcd-server", "openssl"):
        assert f"\n {package},\n" in control


@pytest.fixture
def etcd() -> Iterator[FakeEtcd]:
    with serving(FakeEtcd()) as served:
        yield served


def test_the_status_of_a_store_that_works(etcd: FakeEtcd) -> None:
    etcd.put("options", b'{"language":"es"}')
    found = status(Gateway(etcd.url), free=5 * 2**30)
    assert found == Status(
        quorate=True,
        problem="",
        version="3.5.16",
        revision=2,
        records=1,
        size=24,
        file=20480,
        members=("node1",),
        free=5 * 2**30,
    )
    assert to_text(found).splitlines() == [
        "state     writable",
        "version   etcd 3.5.16",
        "voters    node1",
        "revision  2",
        "records   1, 0.0 of 64 MiB",
        "file      0.0 MiB",
        "free      5120 MiB",
    ]


def test_the_status_of_a_store_without_quorum(etcd: FakeEtcd) -> None:
    etcd.refusals["kv/range"] = TIMED_OUT
    found = status(Gateway(etcd.url), free=5 * 2**30)
    assert not found.quorate and found.version == "3.5.16"
    assert "read-only: etcdserver: request timed out" in to_text(found)


def test_the_status_of_a_store_that_is_not_there() -> None:
    with serving(FakeEtcd()) as gone:
        url = gone.url
    found = status(Gateway(url), free=2**20)
    assert not found.quorate and found.problem.startswith("cannot be reached")
    # One that ended of a full disk does not say so itself.
    assert to_text(found).splitlines()[-1] == "free   1 MiB: too little, see what is full: df -h"


def test_an_alarm_is_shown(etcd: FakeEtcd) -> None:
    alarm = {"memberID": "9594593424380612369", "alarm": "NOSPACE"}
    etcd.refusals["maintenance/alarm"] = (200, {"alarms": [alarm]})
    assert to_text(status(Gateway(etcd.url), free=5 * 2**30)).splitlines()[-1] == "alarms    NOSPACE"
