"""A node that something is wrong with does not join: it is told what, in figures, and nothing is changed anywhere."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from tests.cluster.eventually import eventually
from tests.cluster.nodes import ContainerNode
from tests.cluster.several import BRIDGE, UNTIMED, running_nodes, switch

from trebol_common.run import CommandRunner
from trebol_node.cluster.preflight.clock import TEST_AHEAD
from trebol_node.cluster.preflight.unit import READS, SANDBOX

#: Seconds of a preflight, and of the command around it on a machine that does other things too.
BOUND, AROUND = 15, 5

MEMBERS = ("n1", "n2")
NEW = "spare"

TWIN = "trebol-twin"

GUEST = """\
<domain type='qemu'>
  <name>web</name>
  <memory unit='MiB'>32</memory>
  <os><type arch='x86_64'>hvm</type></os>
</domain>
"""

#: Of another cluster, whose node this one was.
FOREIGN = """\
totem {
  version: 2
  cluster_name: meadow
}
nodelist {
  node {
    name: spare
    nodeid: 1
    ring0_addr: 198.51.100.7
  }
}
"""

Nodes = dict[str, ContainerNode]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    """Two that are a cluster, and one that stands alone."""
    with switch() as bridge, running_nodes(bridge, (*MEMBERS, NEW)) as found:
        named = {node.name: node for node in found}
        named["n1"].run("trebol", "cluster", "create", "clover")
        named["n2"].run("trebol", "cluster", "join", token(named["n1"]), *UNTIMED)
        yield named


def token(member: ContainerNode, *options: str) -> str:
    """A new one of a member's."""
    return str(json.loads(member.run("trebol", "cluster", "token", "create", "--json", *options))["token"])


def preflight(node: ContainerNode, given: str, *options: str) -> dict[str, Any]:
    """Its report, whatever its exit status."""
    said = node.run("trebol", "cluster", "preflight", given, "--json", *options, check=False)
    found: dict[str, Any] = json.loads(said[said.index("{\n") : said.rindex("\n}") + 2])
    return found


def codes(report: dict[str, Any]) -> set[str]:
    """Of the errors in it; late packets aside, for the nodes share two processors."""
    return {each["code"] for each in report["findings"] if each["severity"] == "error"} - {"rtt-high"}


def refusal(node: ContainerNode, *command: str) -> str:
    """What a command says that has to fail, in one line."""
    said = node.run("sh", "-c", 'if "$@"; then echo DONE; fi', "sh", *command, check=False)
    assert "DONE" not in said, said
    return " ".join(said.split())


def state(nodes: Nodes) -> dict[str, Any]:
    """All that a join would change."""
    new, members = nodes[NEW], [nodes[name] for name in MEMBERS]
    listed = ("trebol", "api", "get", "/cluster/config/nodes")
    return {
        "files": new.run(
            "sh", "-c", "sha256sum /etc/corosync/*.conf /etc/trebol/pki/* /etc/trebol/*.yaml /etc/hosts"
        ),
        "left": new.run("find", "/var/lib/trebol", "-name", "*.json"),
        "store": new.run("systemctl", "show", "--property=MainPID", "trebol-store", "corosync", "pacemaker"),
        "nodes": [member.run(*listed) for member in members],
        "configurations": [member.run("sha256sum", "/etc/corosync/corosync.conf") for member in members],
    }


def test_a_sound_node_may_join_and_is_told_so_within_the_bound(nodes: Nodes) -> None:
    before, begun = state(nodes), time.monotonic()
    report = preflight(nodes[NEW], token(nodes["n1"]), *UNTIMED)
    took = time.monotonic() - begun
    assert codes(report) == set(), report["findings"]
    assert not report["stops"]
    ways = {(path["way"]["source"], path["way"]["target"]) for path in report["facts"]["paths"]}
    assert ways == {(NEW, "n1"), (NEW, "n2"), ("n1", NEW), ("n2", NEW)}
    assert all(path["sent"] == 50 and path["macs"] for path in report["facts"]["paths"])
    assert took < BOUND + AROUND
    shown = nodes["n1"].run("openssl", "x509", "-in", "/etc/trebol/pki/api.pem", "-noout", "-fingerprint", "-sha256")
    assert report["member-fingerprint"] in shown
    assert state(nodes) == before


def test_what_reads_the_facts_can_write_nowhere_but_into_its_own_tmp(nodes: Nodes) -> None:
    places = "/etc/x /root/x /dev/x /run/x /sys/fs/cgroup/cgroup.procs /proc/sys/kernel/hostname /var/lib/trebold/x"
    script = f"for path in {places} /tmp/x; do (echo 1 >$path) 2>/dev/null && echo $path; done"
    settings = [f"--property={each}" for each in (*SANDBOX, *READS)]
    said = nodes[NEW].run("systemd-run", "--quiet", "--collect", "--wait", "--pipe", *settings, "sh", "-c", script)
    assert said.split() == ["/tmp/x"]


def test_people_get_a_report_that_fits_their_terminal(nodes: Nodes) -> None:
    said = nodes[NEW].run("trebol", "cluster", "preflight", token(nodes["n2"]), *UNTIMED)
    assert "The node may join: " in said
    assert max(map(len, said.splitlines())) <= 80


def test_a_preflight_uses_no_token_up_and_wants_a_good_one(nodes: Nodes) -> None:
    again = token(nodes["n1"])
    for _time in range(2):
        assert "may join" in nodes[NEW].run("trebol", "cluster", "preflight", again, *UNTIMED)
    other = token(nodes["n1"], "--node", "another")
    assert "is for node another" in refusal(nodes[NEW], "trebol", "cluster", "preflight", other)


@contextmanager
def clock_ahead(nodes: Nodes) -> Iterator[None]:
    """By an hour, as far as the measurement sees: containers share the clock of their host."""
    node = nodes[NEW]
    node.run("systemctl", "set-environment", f"{TEST_AHEAD}=3600")
    try:
        yield
    finally:
        node.run("systemctl", "unset-environment", TEST_AHEAD)


@contextmanager
def small_mtu(nodes: Nodes) -> Iterator[None]:
    """Of the switch's port; the node does not know."""
    node = nodes[NEW]
    CommandRunner().run(["ip", "link", "set", f"vb-{node.name}", "mtu", "1400"])
    try:
        yield
    finally:
        CommandRunner().run(["ip", "link", "set", f"vb-{node.name}", "mtu", "1500"])


@contextmanager
def loopback_name(nodes: Nodes) -> Iterator[None]:
    """As Debian's installer writes it."""
    node = nodes[NEW]
    node.run("cp", "/etc/hosts", "/root/hosts")
    node.run("sed", "-i", f"s/^{node.address} /127.0.1.1 /", "/etc/hosts")
    try:
        yield
    finally:
        node.run("sh", "-c", "cat /root/hosts >/etc/hosts")


@contextmanager
def address_twice(nodes: Nodes) -> Iterator[None]:
    """Another machine on the switch has the node's. Members go on with the right one, by chance as it were: else
    whatever they tell the node goes to that machine, and the rest of the test with it."""
    node = nodes[NEW]

    def ip(*words: str) -> None:
        CommandRunner().run(["ip", *words])

    mac = node.run("cat", "/sys/class/net/vmbr0/address").strip()
    entry = (node.address, "lladdr", mac, "dev", "vmbr0", "nud", "permanent")
    ip("netns", "add", TWIN)
    try:
        ip("link", "add", "vb-twin", "type", "veth", "peer", "name", "eth0", "netns", TWIN)
        ip("link", "set", "vb-twin", "master", BRIDGE, "up")
        ip("-n", TWIN, "address", "add", f"{node.address}/24", "dev", "eth0")
        ip("-n", TWIN, "link", "set", "eth0", "up")
        for name in MEMBERS:
            nodes[name].run("ip", "neigh", "replace", *entry)
        yield
    finally:
        for name in MEMBERS:
            nodes[name].run("ip", "neigh", "delete", *entry, check=False)
        ip("netns", "delete", TWIN)


@contextmanager
def with_guest(nodes: Nodes) -> Iterator[None]:
    """One that is off."""
    node = nodes[NEW]
    (node.tree / "root/guest.xml").write_text(GUEST)
    eventually(lambda: "web" in node.run("virsh", "define", "/root/guest.xml"))
    try:
        yield
    finally:
        node.run("virsh", "undefine", "web")


@contextmanager
def of_another_cluster(nodes: Nodes) -> Iterator[None]:
    """It has its configuration."""
    node = nodes[NEW]
    path = "/etc/corosync/corosync.conf"
    node.run("cp", path, "/root/corosync.conf")
    (node.tree / "root/foreign.conf").write_text(FOREIGN)
    node.run("cp", "/root/foreign.conf", path)
    try:
        yield
    finally:
        node.run("cp", "/root/corosync.conf", path)


FAULTS: dict[str, Callable[[Nodes], AbstractContextManager[None]]] = {
    "clock-offset": clock_ahead,
    "mtu-path": small_mtu,
    "name-loopback": loopback_name,
    "address-duplicate": address_twice,
    "not-empty-guests": with_guest,
    "not-empty-cluster": of_another_cluster,
}


#: What each `make test` sees; the others only `make test-full`.
QUICK = ("mtu-path", "name-loopback")


@pytest.mark.parametrize(
    "code", [pytest.param(each, marks=() if each in QUICK else pytest.mark.slow) for each in FAULTS]
)
def test_what_is_wrong_stops_the_join_and_all_is_as_before(nodes: Nodes, code: str) -> None:
    given = token(nodes["n2"])
    with FAULTS[code](nodes):
        before = state(nodes)
        report = preflight(nodes[NEW], given)
        assert codes(report) == {code}, report["findings"]
        said = refusal(nodes[NEW], "trebol", "cluster", "join", given, *UNTIMED)
        assert f"failed: {code}: " in said
        assert state(nodes) == before
    # As unused: another one could have it.
    used = json.loads(nodes["n1"].run("trebol", "cluster", "token", "list", "--json"))
    assert {each["used-by"] for each in used if not each["over"]} == {""}


def test_what_is_never_forced_is_not_and_nothing_begins(nodes: Nodes) -> None:
    said = refusal(nodes[NEW], "trebol", "cluster", "join", token(nodes["n1"]), "--force", "address-duplicate")
    assert "address-duplicate: cannot be forced" in said


@pytest.mark.slow
def test_a_member_that_is_gone_is_a_finding_and_no_wait(nodes: Nodes) -> None:
    nodes["n2"].run("systemctl", "kill", "--signal=STOP", "trebold")
    try:
        begun = time.monotonic()
        report = preflight(nodes[NEW], token(nodes["n1"]))
        assert time.monotonic() - begun < BOUND + AROUND
        missing = [each for each in report["findings"] if each["code"] == "not-measured"]
        assert [each["where"] for each in missing] == ["n2"]
    finally:
        nodes["n2"].run("systemctl", "kill", "--signal=CONT", "trebold")


def test_what_is_forced_lets_the_node_join_and_stands_in_the_logs_of_both_sides(nodes: Nodes) -> None:
    with with_guest(nodes):
        given = token(nodes["n1"])
        said = nodes[NEW].run("trebol", "cluster", "join", given, "--force", "not-empty-guests", *UNTIMED)
    assert "forced: not-empty-guests: " in said
    for name in (NEW, "n1"):
        assert "force=not-empty-guests,force=rtt-high" in nodes[name].run(
            "journalctl", "-t", "trebol-audit", "--output=cat"
        )
    head, *others = json.loads(nodes[NEW].run("trebol", "cluster", "status", "--json"))
    assert (head["quorate"], {each["name"] for each in others}) == (1, {*MEMBERS, NEW})
