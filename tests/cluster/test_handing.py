"""Any member serves everything: what belongs to another one is handed on to it, and nobody waits for a dead one."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from proxmoxer import ProxmoxAPI
from proxmoxer.core import ResourceException
from tests.cluster.client import signed_in
from tests.cluster.eventually import eventually
from tests.cluster.nodes import PASSWORD, ContainerNode
from tests.cluster.several import UNTIMED, running_nodes, switch

from trebol_common.run import CommandRunner

NAMES = ("n1", "n2", "n3")

#: What a client may read of another node, and a key of what comes.
PATHS = {"status": "loadavg", "network": "iface", "services": "state", "tasks": "upid", "time": "timezone"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[dict[str, ContainerNode]]:
    """Three nodes that are one cluster."""
    with switch() as bridge, running_nodes(bridge, NAMES) as nodes:
        found = {node.name: node for node in nodes}
        found["n1"].run("trebol", "cluster", "create", "clover")
        for name in NAMES[1:]:
            made = json.loads(found["n1"].run("trebol", "cluster", "token", "create", "--json"))
            found[name].run("trebol", "cluster", "join", made["token"], *UNTIMED)
        yield found


@pytest.fixture(scope="module")
def root(cluster: dict[str, ContainerNode]) -> ProxmoxAPI:
    """proxmoxer at the first one, with a ticket of root."""
    made = signed_in(cluster["n1"])
    eventually(lambda: all(each["status"] == "online" for each in made.nodes.get()))
    return made


def states(api: ProxmoxAPI, *path: str) -> dict[str, str]:
    """How the nodes are, by name."""
    return {each["node"]: each["status"] for each in api(*path).get() if each["type"] == "node"}


def with_numbers(api: ProxmoxAPI, path: str) -> list[dict[str, Any]] | None:
    """The nodes of a view, once it has numbers of each."""
    found: list[dict[str, Any]] = api(path).get()
    return found if all("maxmem" in each for each in found) and len(found) == len(NAMES) else None


def test_all_members_are_shown_by_each_with_their_own_numbers(
    cluster: dict[str, ContainerNode], root: ProxmoxAPI
) -> None:
    ticket, _csrf = root.get_tokens()
    for node in cluster.values():
        api = signed_in(node, password=ticket)
        for path in ("nodes", "cluster/resources"):
            found = eventually(partial(with_numbers, api, path))
            assert [each["node"] for each in found] == list(NAMES)
            assert len({each["ssl_fingerprint"] for each in found}) == len(NAMES)


@pytest.mark.parametrize("path", PATHS)
def test_a_client_reads_of_another_node_what_it_reads_of_this(root: ProxmoxAPI, path: str) -> None:
    if path == "tasks":
        root.nodes("n2").report.post()
    seen = eventually(lambda: root.nodes("n2")(path).get())
    assert PATHS[path] in (seen[0] if isinstance(seen, list) else seen)
    if path == "status":
        assert seen["trebol"]["host"].startswith("n2")


def test_a_task_that_was_begun_on_another_node_is_followed_to_its_end(
    cluster: dict[str, ContainerNode], root: ProxmoxAPI
) -> None:
    upid = root.nodes("n3").report.post()
    assert upid.startswith("UPID:n3:")
    state = eventually(lambda: ended(root, upid))
    assert state["exitstatus"] == "OK"
    last = root.nodes("n3").tasks(upid).log.get(limit=500)
    file = next(line["t"].split()[-1] for line in last if "/var/log/trebol/reports" in line["t"])
    assert cluster["n3"].run("ls", file).strip() == file
    eventually(lambda: [each for each in root.cluster.tasks.get() if each["upid"] == upid and "endtime" in each])


def ended(api: ProxmoxAPI, upid: str) -> dict[str, Any] | None:
    """The state of a task on its node, once it has ended."""
    found: dict[str, Any] = api.nodes(upid.split(":")[1]).tasks(upid).status.get()
    return found if found["status"] == "stopped" else None


def test_a_change_is_in_the_log_of_the_node_that_was_changed(
    cluster: dict[str, ContainerNode], root: ProxmoxAPI
) -> None:
    root.nodes("n2").time.put(servers="192.0.2.123")
    line = "PUT /api2/json/nodes/n2/time"
    said = eventually(lambda: cluster["n2"].run("journalctl", "-t", "trebol-audit", f"--grep={line}"))
    assert "user=root@pam" in said
    assert "@n1" in said
    assert line not in cluster["n1"].run("journalctl", "-t", "trebol-audit", check=False)
    eventually(lambda: [each for each in root.cluster.log.get() if each["node"] == "n2" and line in each["msg"]])
    assert root.nodes("n2").time.get()["servers"] == ["192.0.2.123"]
    assert not root.nodes("n1").time.get().get("servers")


def test_rights_and_tokens_are_the_same_on_every_member(cluster: dict[str, ContainerNode], root: ProxmoxAPI) -> None:
    root.access.users.post(userid="ada@trebol", password=PASSWORD)
    root.access.acl.put(path="/nodes/n2", users="ada@trebol", roles="PVEAuditor")
    made = root.access.users("ada@trebol").token("tests").post(privsep=0)
    with_token = {"user": "ada@trebol", "token_name": "tests", "token_value": made["value"]}
    for shown in (with_token, {"user": "ada@trebol", "password": PASSWORD}):
        ada = ProxmoxAPI(cluster["n1"].address, verify_ssl=False, timeout=30, **shown)
        assert eventually(ada.nodes("n2").status.get)["uptime"] > 0
        for path, command in (("n3", ada.nodes("n3").status.get), ("n2", ada.nodes("n2").report.post)):
            with pytest.raises(ResourceException) as refused:
                command()
            assert refused.value.status_code == 403, path
        assert {each["node"] for each in ada.nodes.get() if "maxmem" in each} == {"n2"}


def test_root_of_a_node_asks_for_another_one_without_a_ticket(cluster: dict[str, ContainerNode]) -> None:
    for command in (
        ("trebol", "api", "get", "/nodes/n2/status", "--json"),
        ("trebol", "node", "status", "--node", "n2", "--json"),
    ):
        said = json.loads(cluster["n3"].run(*command))
        assert said.get("host", said.get("trebol", {}).get("host", "")).startswith("n2")
    assert "trebold" in cluster["n3"].run("trebol", "node", "services", "--node", "n1")
    assert "Etc/UTC" in cluster["n3"].run("trebol", "node", "time", "--node", "n2")
    assert cluster["n3"].run("trebol", "node", "tasks", "--node", "n2", "--json").startswith("[")


def test_a_dead_node_keeps_nobody_waiting(cluster: dict[str, ContainerNode], root: ProxmoxAPI) -> None:
    before = next(each for each in root.nodes.get() if each["node"] == "n3")
    # As of a node whose power is gone: nothing comes from it, and nobody says so.
    CommandRunner().run(["ip", "link", "set", "vb-n3", "down"])
    began = time.monotonic()
    with pytest.raises(ResourceException) as refused:
        root.nodes("n3").status.get()
    # Corosync may still believe in it.
    assert time.monotonic() - began < 3.0
    assert refused.value.status_code == 595
    longest = 0.0
    end = time.monotonic() + 60
    while True:
        for path in ("nodes", "cluster/resources", "cluster/tasks", "cluster/log", "cluster/status"):
            began = time.monotonic()
            seen = root(path).get()
            longest = max(longest, time.monotonic() - began)
            if path == "nodes":
                now = {each["node"]: each for each in seen}
        if now["n3"]["status"] == "offline" or time.monotonic() > end:
            break
        time.sleep(0.2)
    assert states(root, "nodes") == {"n1": "online", "n2": "online", "n3": "offline"}
    assert states(root, "cluster/resources") == states(root, "nodes")
    assert longest < 1.0
    assert now["n3"]["maxmem"] == before["maxmem"]
    began = time.monotonic()
    with pytest.raises(ResourceException) as refused:
        root.nodes("n3").status.get()
    assert time.monotonic() - began < 1.0
    assert refused.value.status_code == 595
    assert "offline" in str(refused.value)
    said = cluster["n1"].run("sh", "-c", "trebol node status --node n3 2>&1", check=False)
    assert "node 'n3' is not reached" in said
    CommandRunner().run(["ip", "link", "set", "vb-n3", "up"])
    eventually(lambda: set(states(root, "nodes").values()) == {"online"})
    assert root.nodes("n3").status.get()["uptime"] > 0
