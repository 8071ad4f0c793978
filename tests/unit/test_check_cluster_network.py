"""What a member of a cluster is told of its links, cards and bonds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.sound_machine import GUEST, MACHINE, NIC, PORT, but, run, told

from trebol_hardware.checks.cluster_network import CHECKS
from trebol_hardware.checks.finding import Severity
from trebol_hardware.checks.registry import Check, Role
from trebol_hardware.facts import Bond
from trebol_hardware.machine import Machine

PASS, INFO, UNKNOWN, WARN, FAIL = Severity

SECOND = replace(PORT, name="eno2", pci="0000:3b:00.1")
HALF = replace(PORT, duplex="half")
OTHER = replace(PORT, name="ens1", pci="0000:5e:00.0")
DOWN = replace(PORT, carrier=None)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_two_cards_with_links_pass_every_check(check: Check) -> None:
    assert check(MACHINE).severity is PASS


@pytest.mark.parametrize(
    ("code", "machine", "severity", "words"),
    [
        ("cluster-links", but(interfaces=()), FAIL, "no port"),
        ("cluster-links", but(interfaces=(replace(PORT, carrier=False),)), FAIL, "cables"),
        ("cluster-links", but(interfaces=(HALF,)), FAIL, "negotiation"),
        ("cluster-links", but(interfaces=(PORT, replace(SECOND, duplex="half"))), WARN, "eno1"),
        ("cluster-links", but(interfaces=(PORT,)), WARN, "second link"),
        ("cluster-links", but(interfaces=(DOWN,)), UNKNOWN, "ip link set eno1 up"),
        ("nic-cards", but(interfaces=(PORT, SECOND)), INFO, "eno1, eno2"),
        ("nic-cards", but(interfaces=(replace(PORT, pci=""),)), UNKNOWN, "lspci"),
        ("nic-cards", GUEST, INFO, "host"),
        ("cluster-cards", but(interfaces=(PORT, SECOND)), WARN, "another slot"),
        ("cluster-cards", but(interfaces=(PORT, SECOND), pci=()), WARN, "another slot"),
        (
            "cluster-cards",
            but(interfaces=(PORT, SECOND, replace(OTHER, carrier=False))),
            WARN,
            "another card too: ens1",
        ),
        ("cluster-cards", but(interfaces=(PORT, SECOND, OTHER)), PASS, "ens1"),
        ("cluster-cards", but(interfaces=(PORT, replace(OTHER, carrier=False))), PASS, "ens1"),
        ("cluster-cards", GUEST, INFO, "host"),
    ],
)
def test_links_and_cards_are_judged(code: str, machine: Machine, severity: Severity, words: str) -> None:
    finding = run(CHECKS, code, machine)

    assert finding.severity is severity
    assert words.lower() in told(finding).lower()


def test_ports_of_two_devices_behind_one_root_port_die_together() -> None:
    behind = replace(NIC, address="0000:3c:00.0", path=(*NIC.path, "0000:3b:01.0"))
    machine = but(interfaces=(PORT, replace(SECOND, pci=behind.address)), pci=(NIC, behind))

    assert run(CHECKS, "cluster-cards", machine).severity is WARN


@pytest.mark.parametrize(
    ("mode", "members", "severity", "words"),
    [
        ("balance-rr", 2, WARN, "splits the cluster"),
        ("balance-xor", 2, WARN, "active-backup"),
        ("balance-tlb", 2, WARN, "active-backup"),
        ("balance-alb", 2, WARN, "active-backup"),
        ("active-backup", 2, PASS, ""),
        ("active-backup", 1, WARN, "second port"),
        ("802.3ad", 2, INFO, "bond-lacp-rate fast"),
        ("broadcast", 2, UNKNOWN, "not documented"),
    ],
)
def test_bonds_are_judged_by_what_corosync_bears(mode: str, members: int, severity: Severity, words: str) -> None:
    bond = Bond("bond0", mode, tuple(f"eno{number}" for number in range(members)))
    finding = run(CHECKS, "cluster-bonds", but(bonds=(bond,)))

    assert finding.severity is severity
    assert words in told(finding)


def test_only_cluster_members_are_asked_for_two_links() -> None:
    assert {check.code: check.role for check in CHECKS}["cluster-links"] is Role.CLUSTER
