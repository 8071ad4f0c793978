"""One node alone: clients that people have work with it, those without rights do not, and faults pass."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import pytest
from proxmoxer import ProxmoxAPI
from proxmoxer.core import ResourceException
from pve_exporter.collector import CollectorsOptions, collect_pve
from tests.cluster.client import signed_in
from tests.cluster.eventually import eventually
from tests.cluster.nodes import PASSWORD, ContainerNode

#: What a client may read of a node, and a key of what comes.
PATHS = {
    "version": "release",
    "nodes": "node",
    "nodes/node1/status": "loadavg",
    "nodes/node1/version": "version",
    "nodes/node1/time": "timezone",
    "nodes/node1/dns": None,
    "nodes/node1/hosts": "digest",
    "nodes/node1/network": "iface",
    "nodes/node1/tasks": None,
    "nodes/node1/services": "state",
    "nodes/node1/syslog": "t",
    "nodes/node1/journal": None,
    "nodes/node1/subscription": "status",
    "cluster/status": "name",
    "cluster/resources": "type",
    "cluster/tasks": None,
    "cluster/log": "msg",
    "cluster/options": None,
    "access/users": "userid",
    "access/groups": None,
    "access/roles": "roleid",
    "access/acl": None,
    "access/domains": "realm",
    "access/permissions": "/",
}
FAMILIES = ("pve_up", "pve_node_info", "pve_version_info", "pve_cpu_usage_ratio", "pve_memory_usage_bytes")
#: All that the exporter can collect.
COLLECTORS = CollectorsOptions(*(True for _ in CollectorsOptions._fields))


@pytest.fixture(scope="module")
def root(node: ContainerNode) -> ProxmoxAPI:
    """proxmoxer with a ticket of root."""
    return signed_in(node)


@pytest.fixture(scope="module")
def token(root: ProxmoxAPI) -> Mapping[str, str]:
    """A token of root with all of root's rights."""
    made: Mapping[str, str] = root.access.users("root@pam").token("tests").post(privsep=0)
    return made


@pytest.fixture(scope="module")
def auditor(node: ContainerNode, root: ProxmoxAPI) -> Iterator[ProxmoxAPI]:
    """proxmoxer with a ticket of somebody who may look and not touch."""
    root.access.users.post(userid="ada@trebol", password=PASSWORD)
    root.access.acl.put(path="/", users="ada@trebol", roles="PVEAuditor")
    yield signed_in(node, "ada@trebol")


@pytest.mark.parametrize("path", PATHS)
def test_a_client_reads_what_it_knows_of_proxmox(root: ProxmoxAPI, path: str) -> None:
    seen = root(path).get()
    key = PATHS[path]
    first = seen[0] if key and isinstance(seen, list) else seen
    assert key is None or key in first, seen


def test_the_node_says_where_it_is(root: ProxmoxAPI, node: ContainerNode) -> None:
    assert eventually(lambda: root("cluster/status").get()[0]["ip"]) == node.address


def test_what_is_not_there_yet_says_so(root: ProxmoxAPI) -> None:
    with pytest.raises(ResourceException) as caught:
        root("storage").get()
    assert caught.value.status_code == 501


def test_a_token_serves_for_a_ticket_and_a_task_runs_to_its_end(
    node: ContainerNode, token: Mapping[str, str]
) -> None:
    client = ProxmoxAPI(
        node.address, user="root@pam", token_name="tests", token_value=token["value"], verify_ssl=False, timeout=30
    )
    task = client.nodes("node1").services("chrony").restart.post()
    ended = eventually(
        lambda: (seen := client.nodes("node1").tasks(task).status.get())["status"] == "stopped" and seen
    )
    assert ended["exitstatus"] == "OK"
    assert client.nodes("node1").tasks(task).log.get()[-1]["t"] == "TASK OK"


def test_whoever_may_look_may_not_touch(auditor: ProxmoxAPI) -> None:
    assert auditor("nodes/node1/status").get()["uptime"]
    with pytest.raises(ResourceException) as caught:
        auditor("nodes/node1/services/chrony/restart").post()
    assert caught.value.status_code == 403


def test_a_wrong_password_gets_nobody_in(node: ContainerNode) -> None:
    with pytest.raises(Exception, match="401|authenticat"):
        ProxmoxAPI(node.address, user="root@pam", password="wrong", verify_ssl=False, timeout=30).version.get()


def test_an_exporter_finds_its_metrics(node: ContainerNode, token: Mapping[str, str]) -> None:
    config = {"user": "root@pam", "token_name": "tests", "token_value": token["value"], "verify_ssl": False}
    metrics = collect_pve(config, node.address, True, True, COLLECTORS).decode()
    assert all(f"\n{family}{{" in f"\n{metrics}" for family in FAMILIES), metrics


def test_the_shell_and_the_api_say_the_same(root: ProxmoxAPI, node: ContainerNode) -> None:
    assert root("nodes/node1/time").get()["timezone"] in node.run("trebol", "node", "time")
    assert "node1" in node.run("trebol", "api", "get", "/nodes")


@pytest.mark.parametrize("unit", ["trebold.service", "trebol-worker.service", "trebol-store.service"])
def test_a_daemon_that_was_killed_comes_back(root: ProxmoxAPI, node: ContainerNode, unit: str) -> None:
    def main() -> str:
        return node.run("systemctl", "show", "--property=MainPID", "--value", unit).strip()

    before = main()
    node.run("systemctl", "kill", "--signal=KILL", unit)
    eventually(lambda: main() not in ("0", before))
    node.await_state(unit)
    number = time.monotonic_ns()
    eventually(lambda: root.cluster.options.put(description=f"after {unit} {number}") is None)
    assert root.cluster.options.get()["description"] == f"after {unit} {number}"


def test_without_its_store_a_node_still_shows_and_says_why_it_changes_nothing(
    root: ProxmoxAPI, node: ContainerNode
) -> None:
    node.run("systemctl", "stop", "trebol-store.service")
    try:
        with pytest.raises(ResourceException) as caught:
            root.cluster.options.put(description="not kept")
        assert caught.value.status_code == 503
        assert root.access.users.get() and root("nodes/node1/status").get()
    finally:
        node.run("systemctl", "start", "trebol-store.service")
    eventually(lambda: root.cluster.options.put(description="kept") is None)
    assert root.cluster.options.get()["description"] == "kept"


def test_a_snapshot_brings_back_what_was(root: ProxmoxAPI, node: ContainerNode) -> None:
    root.cluster.options.put(description="as it was")
    node.run("trebol", "node", "store", "snapshot")
    root.cluster.options.put(description="spoiled")
    newest = node.run("sh", "-c", "ls -t /var/backups/trebol/* | head -1").strip()
    node.run("trebol", "node", "store", "restore", newest)
    assert eventually(lambda: root.cluster.options.get().get("description") == "as it was")
