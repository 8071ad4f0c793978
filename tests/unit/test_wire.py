"""What a test of the network shows, by what the live system's own tools say of it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from ipaddress import ip_address, ip_interface
from pathlib import Path

import pytest

from trebol_common.network import Bond, BondMode, Bridge, Dhcp, HostNetwork, Link, Static
from trebol_common.run import ScriptedRunner
from trebol_installer import wire
from trebol_installer.wire import Grade, asks, try_on_the_wire

PORTS = (Link("ens3", "52:54:00:12:34:56"), Link("ens4", "52:54:00:12:34:57"))


def network(addressing: Static | Dhcp, mtu: int | None = None) -> HostNetwork:
    return HostNetwork(
        PORTS,
        (Bridge("vmbr0", ("bond0",), PORTS[0].mac, addressing),),
        bonds=(Bond("bond0", ("ens3", "ens4"), BondMode.ACTIVE_BACKUP, PORTS[0].mac),),
        mtu=mtu,
    )


def address(*addresses: str) -> str:
    """What `ip --json address show` says."""
    own = [ip_interface(each) for each in addresses]
    told = [
        {
            "family": "inet" if each.version == 4 else "inet6",
            "local": str(each.ip),
            "prefixlen": each.network.prefixlen,
            "scope": "link" if each.is_link_local else "global",
        }
        for each in own
    ]
    return json.dumps([{"ifname": "vmbr0", "addr_info": told}])


def links(*up: str) -> str:
    """What `ip --json link show` says; a port of a bond has the bond's address, and its own as the permanent one."""
    return json.dumps(
        [
            {"ifname": "lo", "link_type": "loopback", "flags": ["UP", "LOWER_UP"], "address": "00:00:00:00:00:00"},
            *(
                {
                    "ifname": port.name,
                    "link_type": "ether",
                    "address": PORTS[0].mac,
                    "permaddr": port.mac,
                    "flags": ["UP", "LOWER_UP"] if port.name in up else ["UP"],
                }
                for port in PORTS
            ),
        ]
    )


ADDRESS = ("ip", "--json", "address", "show", "dev", "vmbr0")
LINKS = ("ip", "--json", "link", "show")


def configured() -> ScriptedRunner:
    """A live system on which a network was tried before, in a VLAN."""
    runner = ScriptedRunner()
    runner.expect(*LINKS, stdout=json.dumps([{"ifname": name} for name in ("lo", "ens3", "vmbr0", "vmbr0.120")]))
    runner.expect("ip", "link", "delete", "dev", "vmbr0.120")
    runner.expect("ip", "link", "delete", "dev", "vmbr0")
    runner.expect("netplan", "generate")
    runner.expect("systemctl", "restart", "systemd-networkd.service", "systemd-resolved.service")
    return runner


def has(runner: ScriptedRunner, *addresses: str, gateway: str = "") -> None:
    runner.expect(*ADDRESS, stdout=address(*addresses))
    route = json.dumps([{"dst": "default", "gateway": gateway}] if gateway else [])
    runner.expect("ip", "-4", "--json", "route", "show", "default", "dev", "vmbr0", stdout=route)
    runner.expect("ip", "-6", "--json", "route", "show", "default", "dev", "vmbr0", stdout="[]")


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "asks", lambda server: str(server) == "192.0.2.53")


def test_dhcp_shows_what_it_got_and_who_answers(tmp_path: Path) -> None:
    runner = configured()
    runner.expect(*ADDRESS, status=1)
    has(runner, "fe80::1/64")
    has(runner, "192.0.2.10/24", "fe80::1/64", gateway="192.0.2.1")
    (tmp_path / "resolv.conf").write_text("# From networkd.\nnameserver 192.0.2.53\nsearch example.org\n")
    runner.expect(*LINKS, stdout=links("ens3"))
    runner.expect("arping", "-D", "-q", "-c", "2", "-w", "2", "-I", "vmbr0", "192.0.2.10")
    runner.expect("arping", "-q", "-f", "-w", "3", "-I", "vmbr0", "192.0.2.1")

    seen = list(
        try_on_the_wire(network(Dhcp()), runner, netplan=tmp_path / "n.yaml", resolv=tmp_path / "resolv.conf")
    )

    assert [(look.what, look.grade, look.seen) for look in seen] == [
        ("link", Grade.WARN, "ens4: no link"),
        ("address", Grade.GOOD, "192.0.2.10/24"),
        ("duplicate", Grade.GOOD, "nobody else has 192.0.2.10"),
        ("gateway", Grade.GOOD, "192.0.2.1 answers"),
        ("name server", Grade.GOOD, "192.0.2.53 answers"),
    ]
    assert not runner.expected
    assert "dhcp4: true" in (tmp_path / "n.yaml").read_text()


def test_a_fixed_address_that_somebody_has_and_jumbo_frames_that_do_not_pass(tmp_path: Path) -> None:
    runner = configured()
    addressing = Static(ip_interface("192.0.2.10/24"), ip_address("192.0.2.1"), (ip_address("192.0.2.54"),))
    has(runner, "192.0.2.10/24")
    runner.expect(*LINKS, stdout=links("ens3", "ens4"))
    runner.expect(*LINKS, stdout=links("ens3", "ens4"))
    runner.expect("arping", "-D", "-q", "-c", "2", "-w", "2", "-I", "vmbr0", "192.0.2.10", status=1)
    runner.expect("arping", "-q", "-f", "-w", "3", "-I", "vmbr0", "192.0.2.1", status=1)
    ping = ("ping", "-q", "-c", "1", "-W", "3", "-M", "do", "-s", "8972", "-I", "vmbr0", "192.0.2.1")
    runner.expect(*ping, status=1)

    seen = list(
        try_on_the_wire(
            network(addressing, 9000), runner, netplan=tmp_path / "n.yaml", resolv=tmp_path / "resolv.conf"
        )
    )

    assert [(look.what, look.grade, look.seen) for look in seen[2:]] == [
        ("duplicate", Grade.BAD, "another machine has 192.0.2.10"),
        ("gateway", Grade.BAD, "192.0.2.1 does not answer"),
        ("name server", Grade.WARN, "192.0.2.54 does not answer"),
        ("MTU", Grade.WARN, "9000 bytes do not reach the gateway"),
    ]
    assert not runner.expected


@pytest.mark.parametrize(
    ("up", "told"),
    [((), ("link", "ens3, ens4: no link")), (("ens3", "ens4"), ("address", "no DHCP server answered"))],
)
def test_without_an_address_nothing_else_is_tried(tmp_path: Path, up: tuple[str, ...], told: tuple[str, str]) -> None:
    runner = configured()
    has(runner)
    runner.expect(*LINKS, stdout=links(*up))
    times: Iterator[float] = iter((0.0, 31.0))

    (look,) = try_on_the_wire(
        network(Dhcp()),
        runner,
        netplan=tmp_path / "n.yaml",
        resolv=tmp_path / "resolv.conf",
        clock=lambda: next(times),
    )

    assert (look.what, look.seen) == told and look.grade is Grade.BAD


@pytest.mark.parametrize("answers", [True, False])
def test_a_name_server_answers_whatever_it_says(answers: bool) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def answer() -> None:
            question, asker = server.recvfrom(512)
            # REFUSED: it knows nothing for us, but it is there.
            server.sendto(question[:2] + b"\x81\x05" + question[4:] if answers else b"no", asker)

        thread = threading.Thread(target=answer)
        thread.start()
        assert asks(ip_address("127.0.0.1"), port=server.getsockname()[1], within=5.0) is answers
        thread.join()
