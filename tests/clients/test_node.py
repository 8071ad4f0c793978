"""What clients of Proxmox VE make of a node's own paths: proxmoxer through all of them, an exporter's scrape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import proxmoxer
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pve_exporter.collector import CollectorsOptions, collect_pve
from tests.unit.api_node import ROOT_PASSWORD
from tests.unit.shown_node import NODE, STARTED, UPDATES, Served, served_node


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_node(tmp_path_factory.mktemp("node")) as found:
        yield found


@pytest.fixture(scope="module")
def by_ticket(served: Served) -> Any:
    return proxmoxer.ProxmoxAPI(
        "127.0.0.1", port=served.port, user="root@pam", password=ROOT_PASSWORD, verify_ssl=str(served.certificate)
    )


@pytest.fixture(scope="module")
def by_token(served: Served, by_ticket: Any) -> Any:
    by_ticket.access.users.post(userid="ops@trebol")
    value = by_ticket.access.users("ops@trebol").token("ci").post(privsep=0)["value"]
    by_ticket.access.acl.put(path="/", users="ops@trebol", roles="Administrator")
    return proxmoxer.ProxmoxAPI(
        "127.0.0.1",
        port=served.port,
        user="ops@trebol",
        token_name="ci",
        token_value=value,
        verify_ssl=str(served.certificate),
    )


@pytest.mark.parametrize("way", ["by_ticket", "by_token"])
def test_proxmoxer_reads_every_path_of_a_node(way: str, request: pytest.FixtureRequest) -> None:
    api = request.getfixturevalue(way)
    node = api.nodes(NODE)
    assert [each["node"] for each in api.nodes.get()] == [NODE]
    assert node.status.get()["cpuinfo"]["cpus"] == 3
    assert node.version.get() == api.version.get()
    assert node.time.get()["timezone"] == "Europe/Madrid"
    assert node.dns.get()["search"] == "example.org"
    assert node.hosts.get()["digest"]
    assert [each["iface"] for each in node.network.get()] == ["eno1", "eno2", "vmbr0"]
    assert [each["iface"] for each in node.network.get(type="bridge")] == ["vmbr0"]
    assert node.network("vmbr0").get()["bridge_ports"] == "eno1"
    assert node.tasks.get() == node.qemu.get() == node.lxc.get() == node.replication.get() == []
    assert {each["service"] for each in node.services.get()} >= {"chrony", "ssh", "trebold"}
    assert node.services("chrony").state.get()["state"] == "running"
    assert all(each["devpath"].startswith("/dev/") for each in node.disks.list.get())
    assert node.syslog.get(limit=2)[1]["n"] == 2
    assert len(node.journal.get(lastentries=5)) == 7
    assert node.subscription.get()["status"] == "notfound"
    assert "==== network ====" in node.report.get()
    assert node.hostname.get()["hostname"] == NODE
    assert node.apt.update.get() == node.apt.versions.get() == UPDATES
    assert {"id": "update"} in node.apt.get()
    assert node.sshkeys.get() == []
    assert {"name": "status", "subdir": "status"} in node.get()


@pytest.mark.parametrize("way", ["by_ticket", "by_token"])
def test_proxmoxer_changes_a_node(way: str, request: pytest.FixtureRequest) -> None:
    node = request.getfixturevalue(way).nodes(NODE)
    node.network.post(iface="vmbr1", type="bridge", bridge_ports="eno2", autostart=1, comments="for guests")
    node.network("vmbr1").put(type="bridge", cidr="198.51.100.1/24", bridge_ports="eno2")
    assert node.network("vmbr1").get()["address"] == "198.51.100.1"
    node.network("vmbr1").delete()
    with pytest.raises(proxmoxer.ResourceException, match="interface does not exist"):
        node.network("vmbr1").get()
    assert node.network.put() == str(STARTED)
    assert node.network.delete() is None
    assert node.services("chrony").restart.post() == str(STARTED)
    hosts = node.hosts.get()
    node.hosts.post(data=hosts["data"], digest=hosts["digest"])
    node.time.put(timezone="Europe/Madrid")
    assert node.apt.update.post(notify=0) == node.apt.upgrade.post() == node.report.post() == str(STARTED)


def test_proxmoxer_shows_which_argument_is_wrong(by_ticket: Any) -> None:
    with pytest.raises(proxmoxer.ResourceException) as caught:
        by_ticket.nodes(NODE).network.post(iface="vmbr0", type="bridge")
    assert caught.value.status_code == 400
    assert caught.value.errors == {"iface": "interface already exists"}


def test_the_exporters_scrape_of_a_node(served: Served) -> None:
    config = {
        "user": "root@pam",
        "password": ROOT_PASSWORD,
        "verify_ssl": str(served.certificate),
        "port": served.port,
    }
    every = CollectorsOptions(*[True] * len(CollectorsOptions._fields))
    text = collect_pve(config, "127.0.0.1", cluster=True, node=True, options=every).decode()
    found = {
        (family.name, sample.labels.get("id")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    own = f"node/{NODE}"
    assert found["pve_up", own] == 1
    assert found["pve_memory_size_bytes", own] == 8 * 2**30
    assert found["pve_cpu_usage_limit", own] == 3
    assert found["pve_uptime_seconds", own] == 93784
    assert found["pve_subscription_info", own] == 1
    assert 'pve_subscription_status{id="node/node1",status="notfound"} 1.0' in text
    assert ("pve_node_info", own) in found and ("pve_version_info", None) in found
