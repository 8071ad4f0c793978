"""The probe over real networks, each made of network namespaces: a bridge that carries too little, a firewall, an
address that two machines have, a long and lossy way. Needs root, and no node."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

import pytest
from tests.cluster import preflight_end

from trebol_common.run import CommandRunner
from trebol_node.cluster.preflight.facts import (
    AddressFacts,
    ClockFacts,
    Facts,
    HostFacts,
    InterfaceFacts,
    PathFacts,
    Reach,
    Way,
)
from trebol_node.cluster.preflight.findings import evaluate

PORT = 5399
PREFIX = "trebol-pf-"
BOTH = (("a", "b"), ("b", "a"))

#: The same code in each namespace as here.
ENVIRONMENT = {"PYTHONPATH": os.pathsep.join(sys.path)}

#: A measurement takes some six seconds, what is around it on a busy machine as long again.
pytestmark = pytest.mark.timeout(120)


def run(*command: str) -> str:
    """To its end; its output."""
    return CommandRunner().run(command, env=ENVIRONMENT).stdout


def ip(*words: str) -> None:
    """ip(8)."""
    run("ip", *words)


def inside(namespace: str, *words: str) -> list[str]:
    """The command line of `preflight_end` in a namespace."""
    return ["ip", "netns", "exec", PREFIX + namespace, sys.executable, preflight_end.__file__, *words]


@contextmanager
def beside(namespace: str, *words: str) -> Iterator[None]:
    """`preflight_end`, once it is ready, for as long as the block takes."""
    with subprocess.Popen(
        inside(namespace, *words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **ENVIRONMENT}
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            assert process.stdout.readline() == b"ready\n"
            yield
        finally:
            process.stdin.close()
            process.wait(10)


@dataclass
class Network:
    """Hosts a (192.0.2.1) and b (192.0.2.2), each a namespace with `eth0`, and what lies between: namespace `middle`
    with `to-a` and `to-b`."""

    stack: ExitStack
    hosts: dict[str, HostFacts] = field(default_factory=dict)

    def add(self, name: str, address: str) -> None:
        """A host, on the middle's `to-NAME`."""
        ip("netns", "add", PREFIX + name)
        self.stack.callback(ip, "netns", "delete", PREFIX + name)
        ip("link", "add", f"pf-{name}", "netns", PREFIX + "middle", "type", "veth",
           "peer", "name", "eth0", "netns", PREFIX + name)  # fmt: skip
        ip("-n", PREFIX + "middle", "link", "set", f"pf-{name}", "name", f"to-{name}", "up")
        ip("-n", PREFIX + name, "address", "add", f"{address}/24", "dev", "eth0")
        ip("-n", PREFIX + name, "link", "set", "eth0", "up")
        ip("-n", PREFIX + name, "link", "set", "lo", "up")
        run(*inside(name, "checksums", "eth0"))
        mac = run("ip", "netns", "exec", PREFIX + name, "cat", "/sys/class/net/eth0/address").strip()
        self.hosts[name] = HostFacts(
            name=name,
            machine_id=name * 32,
            clock=ClockFacts(0, "chronyd", True),
            links=(address,),
            addresses=(AddressFacts("eth0", f"{address}/24"),),
            interfaces=(InterfaceFacts("eth0", mac, 1500, True),),
        )

    def bridge(self) -> None:
        """What a switch is."""
        ip("-n", PREFIX + "middle", "link", "add", "switch", "type", "bridge")
        ip("-n", PREFIX + "middle", "link", "set", "switch", "up")
        for name in self.hosts:
            ip("-n", PREFIX + "middle", "link", "set", f"to-{name}", "master", "switch")

    def measure(self, *ways: tuple[str, str]) -> tuple[PathFacts, ...]:
        """From one host to another, of each of these at the same time, as a join has it. The targets answer."""
        with ExitStack() as stack, ThreadPoolExecutor() as pool:
            for name in dict.fromkeys(target for _source, target in ways):
                stack.enter_context(beside(name, "respond", self.hosts[name].links[0], str(PORT)))
            return tuple(pool.map(self._measure, ways))

    def _measure(self, ends: tuple[str, str]) -> PathFacts:
        source, target = (self.hosts[name] for name in ends)
        way = Way(source.name, target.name, 0, source.links[0], target.links[0])
        command = inside(source.name, "probe", way.to_json(), str(PORT))
        told = CommandRunner().run(command, input=source.to_json(), env=ENVIRONMENT)
        return PathFacts.of_json(told.stdout)

    def codes(self, *paths: PathFacts) -> set[str]:
        """What a join of b to a would be told of these ways. (Late packets aside: on a busy machine this network is
        the same two processors.)"""
        facts = Facts("b", ("a",), (self.hosts["b"], self.hosts["a"]), paths)
        return {finding.code for finding in evaluate(facts)} - {"link-single", "rtt-high"}


@pytest.fixture
def network() -> Iterator[Network]:
    """Both hosts; nothing between them yet."""
    with ExitStack() as stack:
        ip("netns", "add", PREFIX + "middle")
        stack.callback(ip, "netns", "delete", PREFIX + "middle")
        made = Network(stack)
        made.add("a", "192.0.2.1")
        made.add("b", "192.0.2.2")
        yield made


def test_a_sound_network_has_nothing_wrong_in_either_direction(network: Network) -> None:
    network.bridge()
    there, back = network.measure(*BOTH)
    assert network.codes(there, back) == set()
    assert (there.lost, there.mtu, there.problem) == (0, 1500, "")
    assert there.macs == (network.hosts["b"].interfaces[0].mac,)
    assert {port.port: port.reach for port in there.ports} == {5405: Reach.ANSWERS, 2380: Reach.REFUSED}


def test_a_switch_that_carries_less_than_the_hosts_send_is_found_with_what_it_carries(network: Network) -> None:
    network.bridge()
    for name in ("a", "b"):
        ip("-n", PREFIX + "middle", "link", "set", f"to-{name}", "mtu", "1400")
    there, back = network.measure(*BOTH)
    # A veth takes four bytes more than its MTU, for a VLAN's tag.
    assert there.mtu is not None and 1400 <= there.mtu <= 1404 and back.mtu == there.mtu
    assert network.codes(there, back) == {"mtu-path"}


@pytest.mark.slow
def test_a_router_with_a_small_mtu_is_found_though_it_says_so_once_only(network: Network) -> None:
    """It answers "fragmentation needed", which must not be taken for the packet's way."""
    router = PREFIX + "middle"
    for name, subnet in (("a", 0), ("b", 1)):
        ip("-n", router, "address", "add", f"10.99.{subnet}.254/24", "dev", f"to-{name}")
        ip("-n", PREFIX + name, "address", "flush", "dev", "eth0")
        ip("-n", PREFIX + name, "address", "add", f"10.99.{subnet}.1/24", "dev", "eth0")
        ip("-n", PREFIX + name, "route", "add", "default", "via", f"10.99.{subnet}.254")
        network.hosts[name] = replace(
            network.hosts[name],
            links=(f"10.99.{subnet}.1",),
            addresses=(AddressFacts("eth0", f"10.99.{subnet}.1/24"),),
        )
    ip("-n", router, "link", "set", "to-b", "mtu", "1400")
    run("ip", "netns", "exec", router, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
    there, back = network.measure(*BOTH)
    assert (there.mtu, there.macs) == (1400, ())
    assert "mtu-path" in network.codes(there, back)


@pytest.mark.slow
def test_two_machines_with_one_address_are_both_seen(network: Network) -> None:
    network.add("c", "192.0.2.2")
    impostor = network.hosts["c"].interfaces[0].mac
    network.bridge()
    del network.hosts["c"]
    (found,) = network.measure(("a", "b"))
    assert set(found.macs) == {network.hosts["b"].interfaces[0].mac, impostor}
    assert "address-duplicate" in network.codes(found)


@pytest.mark.slow
@pytest.mark.parametrize(("action", "reach"), [("blackhole", Reach.SILENT), ("prohibit", Reach.PROHIBITED)])
def test_a_firewall_is_found_whether_it_says_so_or_not(network: Network, action: str, reach: Reach) -> None:
    """Rules of routing take the place of nft, which a machine that runs the tests may lack."""
    network.bridge()
    namespace = PREFIX + "b"
    ip("-n", namespace, "rule", "add", "priority", "20", "lookup", "local")
    for protocol, port in (("udp", "5405"), ("tcp", "2380")):
        ip("-n", namespace, "rule", "add", "priority", "10", "ipproto", protocol, "dport", port, action)
    ip("-n", namespace, "rule", "delete", "priority", "0")
    # Only routers say "prohibited".
    run("ip", "netns", "exec", namespace, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
    (found,) = network.measure(("a", "b"))
    assert {port.port: port.reach for port in found.ports} == {5405: reach, 2380: reach}
    assert "port-closed" in network.codes(found)


def test_a_long_way_and_a_lossy_one_are_told_by_their_figures(network: Network) -> None:
    """50 ms there and back, and of questions to b each twentieth is lost: two of fifty."""
    with beside("middle", "relay", "to-a", "to-b", "0.025", "20", str(PORT)):
        there, back = network.measure(*BOTH)
    assert 50_000 <= there.within(0.5) < 80_000
    assert 2 <= there.lost <= 5
    assert there.mtu == 1500
    assert there.offset is not None and abs(there.offset) <= there.offset_error + 1
    assert "loss" in network.codes(there, back)


@pytest.mark.slow
def test_nothing_in_between_is_told_as_such_within_the_time_for_all(network: Network) -> None:
    (found,) = network.measure(("a", "b"))
    assert (found.round_trips, found.sent) == ((), 50)
    assert "unreachable" in network.codes(found)
