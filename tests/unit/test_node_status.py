"""What a node says of itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.fakesys import FakeSystem

from trebol_common import __version__
from trebol_common.run import ScriptedRunner
from trebol_node import facts
from trebol_node.status import Facts, duration, management_url, node_addresses, status, to_text

FACTS = Facts(
    host="node1",
    version="0.1.0",
    kernel="6.12.0",
    uptime=93784.2,
    load=(0.5, 0.25, 0.0),
    memory_total=8 * 2**30,
    memory_available=6 * 2**30,
    root_total=100 * 2**30,
    root_free=75 * 2**30,
    state="running",
)


def link(name: str, *addresses: str, **flags: Any) -> Mapping[str, Any]:
    """An interface as `ip -json address show` tells it; a link-local address has scope "link"."""
    return {
        "ifname": name,
        "addr_info": [
            {
                "family": "inet6" if ":" in address else "inet",
                "local": address.split("/")[0],
                "prefixlen": int(address.split("/")[1]),
                "scope": "link" if address.startswith("fe80") else "global",
                **flags,
            }
            for address in addresses
        ],
    }


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ([link("lo"), link("vmbr0", "192.0.2.10/24"), link("eno1", "198.51.100.1/24")], ("192.0.2.10/24",)),
        ([link("vmbr0", "2001:db8::1/64", "fe80::1/64", "192.0.2.10/24")], ("192.0.2.10/24", "2001:db8::1/64")),
        ([link("vmbr0"), link("bond0.30", "192.0.2.10/24"), link("virbr0", "192.168.122.1/24")], ("192.0.2.10/24",)),
        ([link("vmbr0"), link("virbr0", "192.168.122.1/24")], ()),
        ([link("eno1", "192.0.2.10/24"), link("virbr0", "192.168.122.1/24")], ("192.0.2.10/24",)),
        ([link("vmbr0", "2001:db8::1/64", tentative=True)], ()),
        ([link("vmbr0", "2001:db8::1/64", temporary=True)], ()),
        ([link("vmbr0", "2001:db8::1/64", dadfailed=True)], ()),
        ([{}], ()),
        ([], ()),
    ],
)
def test_the_addresses_are_the_usable_ones_of_the_bridge_or_of_what_else_has_one(
    links: list[Mapping[str, Any]], expected: tuple[str, ...]
) -> None:
    assert node_addresses(links, frozenset({"eno1"})) == expected


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        ((), None),
        (("192.0.2.10/24",), "https://192.0.2.10:9090/"),
        (("2001:db8::1/64",), "https://[2001:db8::1]:9090/"),
        (("192.0.2.10/24", "2001:db8::1/64"), "https://192.0.2.10:9090/"),
    ],
)
def test_the_management_page_is_at_the_first_address(addresses: tuple[str, ...], expected: str | None) -> None:
    assert management_url(addresses) == expected


def test_status_counts_what_is_used_in_bytes() -> None:
    found = json.loads(status(FACTS).to_json())
    assert found["memory"] == {"total": 8 * 2**30, "used": 2 * 2**30}
    assert found["root"] == {"total": 100 * 2**30, "used": 25 * 2**30}
    assert found["uptime"] == 93784
    assert found["state"] == "running"
    assert found["installed"] is None


def test_status_in_text_names_failed_units_and_missing_addresses() -> None:
    text = to_text(status(replace(FACTS, state="degraded", failed_units=("a.service", "b.mount"))))
    assert "degraded, a.service failed, b.mount failed" in text
    assert "none: no address" in text
    assert "1 d 2 h 03 min" in text
    assert "2.0 of 8.0 GiB used (25 %)" in text


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        (None, "not by Trebol's installer"),
        ({"installed": "2026-11-22T12:00:00Z", "version": "0.1.0"}, "2026-11-22T12:00:00Z by Trebol 0.1.0"),
        ({"unreadable": "Permission denied"}, "the install marker is damaged: Permission denied"),
    ],
)
def test_status_says_how_the_system_came_to_be(marker: Mapping[str, Any] | None, expected: str) -> None:
    assert expected in to_text(status(replace(FACTS, installed=marker)))


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3600, "1 h 00 min"), (86400 * 3 + 3600 * 4 + 300, "3 d 4 h 05 min")],
)
def test_durations_are_said_as_people_do(seconds: int, expected: str) -> None:
    assert duration(seconds) == expected


@pytest.fixture
def system(tmp_path: Path) -> FakeSystem:
    system = FakeSystem(tmp_path)
    system.write("proc/meminfo", "MemTotal: 8388608 kB\nMemAvailable: 6291456 kB\nHugePages_Total: 0\n")
    system.write("proc/loadavg", "0.50 0.25 0.00 1/100 1234\n")
    system.write("proc/uptime", "93784.20 100.00\n")
    system.write("proc/sys/kernel/hostname", "node1\n")
    return system


SHOW = ("systemctl", "show", "--property=SystemState", "--property=NFailedUnits")
LIST = ("systemctl", "list-units", "--state=failed", "--output=json", "--no-pager")
ADDRESS = ("ip", "-json", "address", "show")


def test_facts_are_read_from_the_running_system(system: FakeSystem) -> None:
    system.interface("eno1", "pci0000:00/0000:04:00.0")
    system.interface("vmbr0", None)
    system.write("var/lib/trebol/installed.json", '{"version": "0.1.0"}')
    runner = ScriptedRunner()
    runner.expect(*SHOW, stdout="SystemState=degraded\nNFailedUnits=1\n")
    runner.expect(*LIST, stdout='[{"unit": "a.service", "load": "loaded", "active": "failed"}]')
    runner.expect(*ADDRESS, stdout='[{"ifname": "vmbr0", "addr_info": []}]')

    found = facts.read(system.root, runner)

    assert (found.host, found.version, found.kernel) == ("node1", __version__, "6.12.0-test")
    assert (found.uptime, found.load) == (93784.2, (0.5, 0.25, 0.0))
    assert (found.memory_total, found.memory_available) == (8 * 2**30, 6 * 2**30)
    assert 0 < found.root_free <= found.root_total
    assert (found.state, found.failed_units) == ("degraded", ("a.service",))
    assert found.installed == {"version": "0.1.0"}
    assert [link["ifname"] for link in found.links] == ["vmbr0"]
    assert found.physical == {"eno1"}
    assert runner.expected == []


def test_failed_units_are_not_listed_when_there_are_none(system: FakeSystem) -> None:
    runner = ScriptedRunner()
    runner.expect(*SHOW, stdout="SystemState=running\nNFailedUnits=0\n").expect(*ADDRESS, stdout="[]")
    assert facts.read(system.root, runner).failed_units == ()
    assert runner.expected == []


def test_without_systemd_the_state_is_unknown(system: FakeSystem) -> None:
    runner = ScriptedRunner()
    runner.expect(*SHOW, stderr="System has not been booted with systemd\n", status=1)
    runner.expect(*ADDRESS, stdout="not json", status=1)
    found = status(facts.read(system.root, runner))
    assert (found.state, found.addresses) == ("unknown", ())


@pytest.mark.parametrize("content", ["{half", "[1]"])
def test_a_damaged_install_marker_is_told(system: FakeSystem, content: str) -> None:
    system.write("var/lib/trebol/installed.json", content)
    runner = ScriptedRunner().expect(*SHOW).expect(*ADDRESS)
    installed = facts.read(system.root, runner).installed
    assert installed is not None and "unreadable" in installed
