"""What a server is told of its network interfaces."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.sound_machine import GUEST, MACHINE, NIC, PORT, but, run, told

from trebol_hardware.checks.finding import Severity
from trebol_hardware.checks.network import CHECKS
from trebol_hardware.checks.registry import Check
from trebol_hardware.machine import Machine

PASS, INFO, UNKNOWN, WARN, FAIL = Severity

DOWN = replace(PORT, carrier=None, speed=None, duplex="")
UNPLUGGED = replace(PORT, carrier=False, speed=None, duplex="")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_a_sound_network_passes_every_check(check: Check) -> None:
    assert check(MACHINE).severity is PASS


@pytest.mark.parametrize(
    ("code", "machine", "severity", "words"),
    [
        ("nic-count", but(interfaces=()), FAIL, "no wired"),
        ("nic-count", but(interfaces=(PORT,)), WARN, "second NIC"),
        ("nic-driver", but(pci=(*MACHINE.pci, replace(NIC, driver=""))), WARN, "8086:1528"),
        ("nic-driver", but(interfaces=(replace(PORT, driver=""),)), UNKNOWN, "ethtool -i eno1"),
        ("nic-driver", but(interfaces=(replace(PORT, driver="r8152"),)), WARN, "USB"),
        ("nic-driver", but(interfaces=(), pci=()), UNKNOWN, "no Ethernet"),
        ("nic-link", but(interfaces=(PORT, UNPLUGGED)), INFO, "cable"),
        ("nic-link", but(interfaces=(PORT, DOWN)), INFO, "not in use"),
        ("nic-link", but(interfaces=(UNPLUGGED, DOWN)), WARN, "nobody reaches"),
        ("nic-link", but(interfaces=(DOWN,)), UNKNOWN, "ip link set eno1 up"),
        ("nic-link", but(interfaces=()), UNKNOWN, "nic-count"),
        ("nic-speed", but(interfaces=(replace(PORT, speed=100),)), WARN, "category 5e"),
        ("nic-speed", but(interfaces=(replace(PORT, speed=1000),)), INFO, "10000 Mbit/s"),
        ("nic-speed", but(interfaces=(replace(PORT, speed=1000, fastest=None),)), PASS, "1000"),
        ("nic-speed", but(interfaces=(replace(PORT, speed=None),)), UNKNOWN, "ethtool eno1"),
        ("nic-speed", but(interfaces=(UNPLUGGED,)), UNKNOWN, "nic-link"),
        ("nic-speed", but(interfaces=()), UNKNOWN, "nic-count"),
        ("nic-speed", GUEST, INFO, "host"),
        ("nic-duplex", but(interfaces=(replace(PORT, duplex="half"),)), WARN, "negotiat"),
        ("nic-duplex", but(interfaces=(replace(PORT, duplex=""),)), UNKNOWN, "ethtool eno1"),
        ("nic-duplex", GUEST, INFO, "host"),
    ],
)
def test_the_network_is_judged(code: str, machine: Machine, severity: Severity, words: str) -> None:
    finding = run(CHECKS, code, machine)

    assert finding.severity is severity
    assert words.lower() in told(finding).lower()


def test_the_slow_port_is_told_from_the_fast_one() -> None:
    finding = run(CHECKS, "nic-speed", but(interfaces=(PORT, replace(PORT, name="eno2", speed=100))))

    assert finding.reason.startswith("eno2: ")
    assert [(detail.subject, detail.severity) for detail in finding.details] == [("eno1", PASS), ("eno2", WARN)]
