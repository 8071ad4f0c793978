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
from trebol_node.cluster.recovery import ONCE_ENVIRONMENT
from trebol_node.pki import FOLDER as PKI
from trebol_node.store import limits, reached
from trebol_node.store.configuration import PATH, Configuration, client_url, of_cluster, parse, peer_url, read, render
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


@pytest.mark.parametrize("name", ["y", "no", "on", "null", "true", "1e5", "10", "n1"])
def test_a_node_may_have_any_name_whatever_yaml_takes_it_for(name: str) -> None:
    assert yaml.safe_load(render(Configuration(name)))["name"] == name
    assert parse(render(Configuration(name))) == Configuration(name)


def test_the_configuration_of_a_voter_among_others_is_as_it_was_read() -> None:
    found = of_cluster("node2", {"node3": "192.0.2.3", "node2": "2001:db8::2", "node1": "192.0.2.1"}, joins=True)
    assert render(found) == (GOLDEN.parent / "etcd-cluster.yaml").read_text()


def test_a_voter_among_others_is_reached_by_them_and_tells_them_no_address_of_its_own_alone() -> None:
    found = yaml.safe_load(render(of_cluster("node1", {"node1": "192.0.2.1", "node2": "2001:db8::2"})))
    assert found["listen-client-urls"] == "https://127.0.0.1:2379,https://192.0.2.1:2379"
    assert found["advertise-client-urls"] == "https://192.0.2.1:2379"
    assert found["listen-peer-urls"] == found["initial-advertise-peer-urls"] == "https://192.0.2.1:2380"
    assert found["initial-cluster"] == "node1=https://192.0.2.1:2380,node2=https://[2001:db8::2]:2380"
    assert found["initial-cluster-state"] == "new"


def test_a_file_whose_urls_somebody_changed_is_read_as_before() -> None:
    text = render(Configuration("node1")).replace(
        "advertise-client-urls: https://127.0.0.1:2379", "advertise-client-urls: https://192.0.2.1:2379"
    )
    assert parse(text) == Configuration("node1", client_url="https://192.0.2.1:2379")


@pytest.mark.parametrize("address", ["", "node1", "192.0.2.1/24", "fe80::1%eth0", "192.0.2.1:80"])
def test_what_is_no_address_is_called_so(address: str) -> None:
    for url in (client_url, peer_url):
        with pytest.raises(BadInput, match="is no IP address"):
            url(address)


VOTERS = {"node1": "192.0.2.1", "node3": "192.0.2.3", "node5": "2001:db8::5"}
LOCAL, ONE, THREE, FIVE = (
    "https://127.0.0.1:2379",
    "https://192.0.2.1:2379",
    "https://192.0.2.3:2379",
    "https://[2001:db8::5]:2379",
)


@pytest.mark.parametrize(
    ("node", "urls"),
    [
        ("node1", (LOCAL, THREE, FIVE)),
        ("node3", (LOCAL, FIVE, ONE)),
        ("node2", (THREE, FIVE, ONE)),
        ("node4", (FIVE, ONE, THREE)),
        ("node6", (ONE, THREE, FIVE)),
    ],
)
def test_a_node_asks_its_own_store_first_and_those_without_one_not_all_the_same(
    node: str, urls: tuple[str, ...]
) -> None:
    assert reached.urls_of(node, VOTERS) == urls


def test_where_the_store_is_reached_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "store-urls.json"
    assert reached.read(path) == ()
    reached.write((LOCAL, FIVE), path)
    assert reached.read(path) == (LOCAL, FIVE)
    assert path.stat().st_mode & 0o777 == 0o644, "trebold is not root"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 1, "urls": []}', '{"format": 2, "urls": ["https://a"]}'])
def test_a_damaged_file_of_urls_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "store-urls.json"
    path.write_text(text)
    with pytest.raises(BadInput, match="does not say where the store is reached"):
        reached.read(path)


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
        of_cluster("node1", {"node1": "192.0.2.1"}),
        of_cluster("node2", {"node1": "192.0.2.1", "node2": "192.0.2.2"}, joins=True, token="lab"),
        of_cluster("node2", {"node1": "2001:db8::1", "node2": "2001:db8::2"}, joins=True),
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
    assert service["Service"]["ExecStart"] == "/usr/bin/etcd --config-file ${CONFIGURATION}"
    assert service["Service"]["Environment"] == f"CONFIGURATION={PATH}"
    # What `recover` has it start from for once goes with that start, whether it comes up or not.
    assert service["Service"]["EnvironmentFile"] == f"-{ONCE_ENVIRONMENT}"
    for word in ("ExecStartPost", "ExecStopPost"):
        assert service["Service"][word] == f"+-/bin/rm -f {ONCE_ENVIRONMENT}"
    assert service["Unit"]["Wants"] == "trebol-keys.service"
    assert service["Unit"]["ConditionPathExists"] == str(PATH), "a node that does not vote has none"
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


def test_a_member_that_only_learns_is_no_voter(etcd: FakeEtcd) -> None:
    members = [{"ID": "1", "name": "node1"}, {"ID": "2", "name": "node2", "isLearner": True}]
    etcd.refusals["cluster/member/list"] = (200, {"members": members})
    assert status(Gateway(etcd.url), free=5 * 2**30).members == ("node1",)


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
