"""Nodes are fenced by devices that were proved: emulated management controllers, on the network of the nodes."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.eventually import eventually
from tests.cluster.nodes import ContainerNode
from tests.cluster.several import GATEWAY, UNTIMED, running_nodes, switch
from tests.cluster.test_cluster import await_said, quorate, refusal, status, token

from trebol_common.run import spawn

NAMES = ("n1", "n2", "n3")
PORTS = {name: 6230 + number for number, name in enumerate(NAMES, 1)}
#: Nobody answers there.
DEAD = 6239
SECRET = "Kleeblatt4711"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ContainerNode]]:
    """Three nodes as one cluster, each with a controller."""
    logs = tmp_path_factory.mktemp("bmc")
    with switch() as bridge, running_nodes(bridge, NAMES) as nodes, ExitStack() as stack:
        found = {node.name: node for node in nodes}
        for node in nodes:
            start_bmc(stack, node, logs / node.name)
        found["n1"].run("trebol", "cluster", "create", "clover")
        for name in ("n2", "n3"):
            found[name].run("trebol", "cluster", "join", token(found["n1"]))
        quorate(found["n1"])
        # Pacemaker does not stop while it waits for a dead device.
        for node in nodes:
            stack.callback(cut_power, node)
        yield found


def cut_power(node: ContainerNode) -> None:
    """The node is gone at once, if it was there."""
    with suppress(ProcessLookupError):
        os.kill(node.leader, signal.SIGKILL)


def start_bmc(stack: ExitStack, node: ContainerNode, log: Path) -> None:
    """Start the controller of a node; it is there when this returns."""
    port = PORTS[node.name]
    command = [sys.executable, "-m", "tests.cluster.bmc", GATEWAY, str(port), "admin", SECRET, str(node.leader)]
    process = stack.enter_context(spawn(command, log=log, env={"PYTHONPATH": os.pathsep.join(sys.path)}))
    eventually(lambda: process.poll() is not None or _is_bound(port))
    assert process.poll() is None, log.read_text()


def _is_bound(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((GATEWAY, port))
        except OSError:
            return True
        return False


def add(on: ContainerNode, node: str, *options: str, port: int, password: str = SECRET) -> str:
    """Add a controller as a device of `node`; its id. The password comes by stdin."""
    command = (
        *("trebol", "fence", "add", node, "--agent", "fence_ipmilan", "--secrets", "-"),
        *(*options, f"ip={GATEWAY}", f"ipport={port}", "username=admin"),
    )
    said = on.run("sh", "-c", 'word=$1; shift; echo "password=$word" | "$@"', "sh", password, *command)
    return said.split()[0]


def fencing(on: ContainerNode) -> dict[str, dict[str, Any]]:
    """What is known of each node."""
    found = json.loads(on.run("trebol", "api", "get", "/cluster/fencing", "--json"))
    return {each["node"]: each for each in found}


def test_without_devices_ha_is_off_and_each_node_is_named(cluster: dict[str, ContainerNode]) -> None:
    said = cluster["n2"].run("trebol", "cluster", "status")
    assert [f"{name} has no fence device" in said for name in NAMES] == [True] * 3
    current = json.loads(cluster["n2"].run("trebol", "api", "get", "/cluster/ha/status/current", "--json"))
    assert [each["armed"] for each in current if each["id"] == "fencing"] == [0]


def test_a_node_whose_first_device_is_dead_is_proved_by_its_second(cluster: dict[str, ContainerNode]) -> None:
    assert add(cluster["n2"], "n1", "ipmitool_timeout=1", port=DEAD) == "n1.ipmilan"
    assert add(cluster["n3"], "n1", port=PORTS["n1"]) == "n1.ipmilan-2"
    said = cluster["n2"].run("trebol", "fence", "test", "n1")
    assert "n1.ipmilan-2 (level 2, fence_ipmilan): the power is on" in said
    assert "warning: n1.ipmilan: it does not answer" in said
    assert fencing(cluster["n3"])["n1"]["state"] == "proven"
    assert fencing(cluster["n3"])["n1"]["by"] == "n2"


def test_a_wrong_password_is_found_by_the_test(cluster: dict[str, ContainerNode]) -> None:
    device = add(cluster["n1"], "n2", port=PORTS["n2"], password="wrong")
    assert "does not take this user and password" in refusal(cluster["n1"], "trebol", "fence", "test", "n2")
    await_said(cluster["n3"], "n2 has fence devices that failed their last test", "trebol", "cluster", "status")
    cluster["n1"].run("trebol", "fence", "remove", device)
    add(cluster["n1"], "n2", port=PORTS["n2"])
    cluster["n1"].run("trebol", "fence", "test", "n2")


def test_ha_may_be_on_once_each_node_was_proved(cluster: dict[str, ContainerNode]) -> None:
    add(cluster["n1"], "n3", port=PORTS["n3"])
    assert status(cluster["n1"])[0]["ha"] == 0
    cluster["n1"].run("trebol", "fence", "test", "n3")
    for node in cluster.values():
        await_said(node, '"ha": 1', "trebol", "cluster", "status", "--json")
        assert "HA is off" not in node.run("trebol", "cluster", "status")


def test_a_node_does_not_test_itself(cluster: dict[str, ContainerNode]) -> None:
    assert "it is the others that fence it" in refusal(cluster["n1"], "trebol", "fence", "test", "n1")


def test_no_secret_is_in_pacemakers_configuration_in_a_log_or_shown(cluster: dict[str, ContainerNode]) -> None:
    for node in cluster.values():
        cib = node.run("cibadmin", "--query")
        assert "trebol-fence-n1.ipmilan-2-" in cib and "lrm://" in cib
        assert SECRET not in cib
        assert SECRET not in node.run("journalctl", "--no-pager")
        assert SECRET not in node.run("trebol", "fence", "show", "n1.ipmilan-2")
        where = node.run("grep", "-rlF", SECRET, "/var/lib", "/var/log", "/etc", "/run", check=False).split()
        assert where and all(path.startswith("/var/lib/pacemaker/lrm/secrets/trebol-fence-") for path in where)
        modes = node.run("sh", "-c", "stat -c %a%U /var/lib/pacemaker/lrm/secrets/*/*")
        assert set(modes.split()) == {"600root"}


def started(cluster: dict[str, ContainerNode]) -> bool:
    """Whether those devices run that answer."""
    found = cluster["n1"].run("crm_mon", "--one-shot", "--inactive")
    return all(
        any(f"trebol-fence-{name}" in line and "Started" in line for line in found.splitlines())
        for name in ("n1.ipmilan-2", "n2.ipmilan", "n3.ipmilan")
    )


def test_pacemaker_watches_the_devices_that_work(cluster: dict[str, ContainerNode]) -> None:
    eventually(lambda: started(cluster))


@pytest.mark.slow
def test_a_node_leaves_and_joins_again_beside_devices_that_run(cluster: dict[str, ContainerNode]) -> None:
    eventually(lambda: started(cluster))
    cluster["n3"].run("trebol", "cluster", "leave")
    assert fencing(cluster["n1"]).keys() == {"n1", "n2"}
    cluster["n3"].run("trebol", "cluster", "join", token(cluster["n1"]), *UNTIMED)
    assert fencing(cluster["n1"])["n3"]["state"] == "none"
    add(cluster["n1"], "n3", port=PORTS["n3"])
    cluster["n1"].run("trebol", "fence", "test", "n3")
    await_said(cluster["n3"], '"ha": 1', "trebol", "cluster", "status", "--json")
    eventually(lambda: started(cluster))


BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "unknown agent": (("n1", "--agent", "fence_nothing"), "fence agent 'fence_nothing' does not exist"),
    "unknown node": (("n9", "--agent", "fence_ipmilan", "ip=192.0.2.1"), "is no node of the cluster"),
    "no address": (("n1", "--agent", "fence_ipmilan", "username=admin"), "ip: is missing"),
    "unknown option": (("n1", "--agent", "fence_ipmilan", "ip=192.0.2.1", "plugg=1"), "is no parameter of fence_ipm"),
    "a program": (("n1", "--agent", "fence_ipmilan", "ip=192.0.2.1", "ipmitool_path=/bin/sh"), "cannot be set"),
    "a shown password": (("n1", "--agent", "fence_ipmilan", "ip=192.0.2.1", "password=x"), "would be seen by all"),
    "the name twice": (("n2", "--agent", "fence_ipmilan", "--name", "ipmilan", "ip=192.0.2.1"), "already exists"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_told_and_nothing_is_added(cluster: dict[str, ContainerNode], name: str) -> None:
    command, says = BAD[name]
    before = cluster["n3"].run("trebol", "api", "get", "/cluster/fencing/devices", "--json")
    assert says in refusal(cluster["n3"], "trebol", "fence", "add", *command)
    assert cluster["n3"].run("trebol", "api", "get", "/cluster/fencing/devices", "--json") == before


def test_a_power_cycle_is_not_begun_without_the_nodes_name(cluster: dict[str, ContainerNode]) -> None:
    command = ("trebol", "api", "create", "/cluster/fencing/test", "node=n1", "power-cycle=1", "confirm=n2")
    assert "this cuts its power" in refusal(cluster["n2"], *command)


def test_a_power_cycle_really_cuts_the_power_though_the_first_device_is_dead(
    cluster: dict[str, ContainerNode],
) -> None:
    cluster["n2"].run("trebol", "fence", "test", "n1", "--power-cycle", "--yes")
    assert not Path(f"/proc/{cluster['n1'].leader}").exists()
    found = fencing(cluster["n3"])["n1"]
    assert (found["state"], found["how"]) == ("proven", "power-cycle")
