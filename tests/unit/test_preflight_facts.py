"""Facts of a host: what a system says of itself, and that all of it arrives as it was sent."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.preflight_facts import NEW, host, sound
from tests.unit.worker_context import write

from trebol_common.errors import BadInput
from trebol_common.run import Argument, CommandFailed, Completed
from trebol_node.cluster.preflight.facts import (
    AddressFacts,
    BondFacts,
    Contents,
    Facts,
    HostFacts,
    InterfaceFacts,
    Listener,
    PathFacts,
    Protocol,
)
from trebol_node.cluster.preflight.reading import contents, interfaces, listeners, packages, read

TRACKING = "A29FC87B,192.0.2.123,3,1790000000.1,-0.000123,0.0001,0.0002,1.5,0.0,0.01,0.02,0.001,64.2,Normal\n"
PACKAGES = "corosync installed 3.1.9-2\npacemaker installed 3.0.0-2\netcd-server config-files 3.5.16-4\n"
IP = [
    {"ifname": "lo", "addr_info": [{"local": "127.0.0.1", "prefixlen": 8, "scope": "host"}]},
    {
        "ifname": "vmbr0",
        "addr_info": [
            {"local": "192.0.2.4", "prefixlen": 24, "scope": "global"},
            {"local": "2001:db8::4", "prefixlen": 64, "scope": "global", "dadfailed": True},
            {"local": "fe80::1", "prefixlen": 64, "scope": "link"},
        ],
    },
]


class Programs:
    """Answers by program; what is not there is not installed."""

    def __init__(self, answers: Mapping[str, str | Completed]) -> None:
        self.answers = answers

    def run(self, command: Sequence[Argument], **options: Any) -> Completed:
        """See `Runner.run`."""
        assert command[0] == "timeout", "every program has a bound on its time"
        words = [str(word) for word in command[3:]]
        for key in (" ".join(words), words[0]):
            if key in self.answers:
                answer = self.answers[key]
                return answer if isinstance(answer, Completed) else Completed(0, answer)
        raise CommandFailed(words[0], 127, ())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, "proc/sys/kernel/hostname", "node4\n")
    write(tmp_path, "etc/machine-id", "0123456789abcdef0123456789abcdef\n")
    write(tmp_path, "etc/debian_version", "13.1\n")
    return tmp_path


def test_a_host_says_what_it_is(root: Path) -> None:
    programs = Programs(
        {
            "ip": json.dumps(IP),
            "dpkg-query": Completed(1, PACKAGES, "dpkg-query: no packages found matching ceph-common"),
            "chronyc -n -c tracking": TRACKING,
            "chronyc -n -c sources": "",
            "timedatectl": "NTPSynchronized=yes\n",
            "getent ahosts -- node4": "127.0.1.1 STREAM node4\n127.0.1.1 DGRAM\n192.0.2.4 STREAM\n",
            "getent": Completed(2),
        }
    )
    found = read(root, programs, links=("192.0.2.4",), others=("node1",), now=lambda: 1790000000.5)
    assert (found.name, found.machine_id) == ("node4", "0123456789abcdef0123456789abcdef")
    assert found.names == {"node4": ("127.0.1.1", "192.0.2.4"), "node1": ()}
    assert (found.versions.corosync, found.versions.etcd, found.versions.debian) == ("3.1.9", "", "13.1")
    clock = found.clock
    assert (clock.now, clock.daemon, clock.offset) == (1790000000500000, "chronyd", 123)
    assert clock.synchronised is True
    assert found.addresses == (
        AddressFacts("lo", "127.0.0.1/8"),
        AddressFacts("vmbr0", "192.0.2.4/24"),
        AddressFacts("vmbr0", "2001:db8::4/64", duplicate=True),
    )
    assert HostFacts.of_json(found.to_json()) == found


def test_a_host_without_any_program_says_what_it_can(root: Path) -> None:
    found = read(root, Programs({}))
    assert (found.name, found.addresses, found.names) == ("node4", (), {"node4": ()})
    assert (found.clock.daemon, found.clock.offset) == ("", None)


def test_answers_that_are_none_are_not_believed(root: Path) -> None:
    for told in ("{", "[1]", '[{"ifname": "a", "addr_info": [{"local": "x", "prefixlen": 3}]}]', "null"):
        assert interfaces.addresses(told) == ()


def test_interfaces_say_speed_duplex_mtu_and_what_they_stand_on(tmp_path: Path) -> None:
    net = "sys/class/net"
    for name, files in {
        "bonding_masters": None,
        "bond0": {"mtu": "9000", "bonding/mode": "802.3ad 4", "bonding/lacp_rate": "slow 0", "lower_eno1/x": ""},
        "eno1": {"mtu": "9000", "speed": "1000", "duplex": "full", "carrier": "1", "address": "52:54:00:AA:BB:CC"},
        "ens3": {"mtu": "1500", "speed": "-1", "duplex": "unknown", "device/vendor": ""},
    }.items():
        if files is None:
            write(tmp_path, f"{net}/{name}", "bond0")
        else:
            for file, text in files.items():
                write(tmp_path, f"{net}/{name}/{file}", text)
    bond, eno1, ens3 = interfaces.read(tmp_path)
    assert bond == InterfaceFacts("bond0", mtu=9000, bond=BondFacts("802.3ad", "slow"), lower=("eno1",))
    assert eno1 == InterfaceFacts("eno1", "52:54:00:aa:bb:cc", 9000, True, 1000, "full")
    assert ens3 == InterfaceFacts("ens3", mtu=1500, physical=True)


def test_ports_under_an_interface_are_the_real_ones_below_it() -> None:
    found = host("node1")
    bridge = found.interface("vmbr0")
    assert bridge is not None
    assert [port.name for port in found.ports(bridge)] == ["eno1"]
    around = replace(found, interfaces=(InterfaceFacts("a", lower=("b",)), InterfaceFacts("b", lower=("a", "gone"))))
    first = around.interfaces[0]
    assert [each.name for each in around.below(first)] == ["a", "b"]
    assert around.ports(first) == (first,)


def test_whoever_has_a_port_of_the_cluster_is_named(tmp_path: Path) -> None:
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    line = "   0: {address}:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000 0 0 {inode} 1\n"
    tcp = line.format(address="0100007F", port=2379, state="0A", inode=11) + line.format(
        address="0100007F", port=2379, state="01", inode=12
    )
    write(tmp_path, "proc/net/tcp", head + tcp + line.format(address="00000000", port=22, state="0A", inode=13))
    write(tmp_path, "proc/net/udp", head + line.format(address="00000000", port=5405, state="07", inode=14))
    any6 = line.format(address="0" * 32, port=8006, state="0A", inode=15)
    write(tmp_path, "proc/net/tcp6", head + any6)
    for number, program, inode in ((1, "systemd", 15), (700, "etcd", 11), (900, "trebold", 15)):
        write(tmp_path, f"proc/{number}/comm", program + "\n")
        folder = tmp_path / f"proc/{number}/fd"
        folder.mkdir()
        os.symlink(f"socket:[{inode}]", folder / "3")
    assert listeners.read(tmp_path) == (
        Listener(Protocol.TCP, 2379, "127.0.0.1", "etcd"),
        Listener(Protocol.TCP, 8006, "::", "trebold"),
        Listener(Protocol.UDP, 5405, "0.0.0.0", ""),
    )


#: What Debian's package of corosync brings.
EXAMPLE = "totem {\n\tcluster_name: debian\n}\nnodelist {\n\t# one\n\tnode {\n\t\tring0_addr: 127.0.0.1\n\t}\n}\n"


def test_an_empty_node_is_empty_with_debians_example_of_corosync_too(tmp_path: Path) -> None:
    write(tmp_path, contents.COROSYNC, EXAMPLE)
    write(tmp_path, "etc/libvirt/qemu/networks/default.xml")
    write(tmp_path, "var/lib/ceph/osd/keep")
    assert contents.read(tmp_path) == Contents()


def test_guests_clusters_ceph_and_a_join_that_was_cut_off_are_found(tmp_path: Path) -> None:
    write(tmp_path, contents.COROSYNC, EXAMPLE.replace("127.0.0.1", "192.0.2.9").replace("debian", "old"))
    write(tmp_path, "etc/libvirt/qemu/web.xml")
    write(tmp_path, "run/libvirt/qemu/web.xml")
    write(tmp_path, "etc/libvirt/lxc/dns.xml")
    write(tmp_path, contents.CEPH, "[global]\n\tfsid = 5f1c\n")
    (tmp_path / "var/lib/ceph/osd/ceph-3").mkdir(parents=True)
    (tmp_path / "var/lib/ceph/mon/ceph-node4").mkdir(parents=True)
    write(tmp_path, contents.JOURNAL, "{}")
    assert contents.read(tmp_path) == Contents(
        guests=("dns", "web"),
        cluster="old",
        cluster_nodes=("192.0.2.9",),
        ceph="5f1c",
        ceph_daemons=("mon.node4", "osd.3"),
        unfinished=True,
    )
    assert not contents.read(tmp_path, joining=True).unfinished


@pytest.mark.parametrize(
    ("version", "upstream"),
    [("3.1.9-2", "3.1.9"), ("1:18.2.7+ds-1", "18.2.7"), ("3.0.0~rc1-1~bpo12+1", "3.0.0"), ("7", "7")],
)
def test_versions_are_compared_without_debians_part(version: str, upstream: str) -> None:
    assert packages.upstream(version) == upstream


def test_facts_arrive_as_they_were_sent() -> None:
    facts = sound()
    assert Facts.of_json(facts.to_json()) == facts
    assert all(PathFacts.of_json(each.to_json()) == each for each in facts.paths)
    assert all(HostFacts.of_json(each.to_json()) == each for each in facts.hosts)


def changed(**members: Any) -> str:
    """A host's facts with other members."""
    return json.dumps({**host(NEW).to_members(), **members})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        changed(more=1),
        changed(name=None),
        changed(links="192.0.2.4"),
        changed(clock={"now": "yesterday"}),
        changed(addresses=[{"interface": "eno1", "address": "192.0.2.400/24"}]),
        changed(listeners=[{"protocol": "sctp", "port": 1, "address": ""}]),
    ],
)
def test_facts_that_are_none_are_refused_with_the_place_that_is_wrong(text: str) -> None:
    with pytest.raises(BadInput):
        HostFacts.of_json(text, where="node4")


def test_facts_of_a_join_begin_with_the_one_who_joins() -> None:
    members = sound().to_members()
    with pytest.raises(BadInput):
        Facts.of_json(json.dumps({**members, "hosts": members["hosts"][1:]}))
    with pytest.raises(BadInput):
        Facts.of_json(json.dumps({**members, "hosts": []}))


@settings(max_examples=100)
@given(
    times=st.lists(st.integers(0, 2_000_000), max_size=60),
    offset=st.none() | st.integers(-(10**15), 10**15),
    problem=st.text(max_size=20),
)
def test_any_measurement_arrives_as_it_was_made(times: list[int], offset: int | None, problem: str) -> None:
    facts = replace(sound().paths[0], sent=60, round_trips=tuple(times), offset=offset, problem=problem)
    assert PathFacts.of_json(facts.to_json()) == facts
    assert facts.lost == 60 - len(times)
    if times:
        assert min(times) <= facts.within(0.5) <= facts.within(0.99) <= facts.within(1) == max(times)
