"""What a server is told of its clocks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.sound_machine import GUEST, MACHINE, but, run, told, with_clock

from trebol_hardware.checks.clock import CHECKS
from trebol_hardware.checks.finding import Severity
from trebol_hardware.checks.registry import Check, Role
from trebol_hardware.facts import Clock
from trebol_hardware.machine import Machine

PASS, INFO, UNKNOWN, WARN, FAIL = Severity

UNSTABLE = {"source": "hpet", "available_sources": ("hpet", "acpi_pm")}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_sound_clocks_pass_every_check(check: Check) -> None:
    assert check(MACHINE).severity is PASS


@pytest.mark.parametrize(
    ("code", "machine", "severity", "words"),
    [
        ("clock-source", with_clock(source=""), UNKNOWN, "current_clocksource"),
        ("clock-source", with_clock(**UNSTABLE), WARN, "unstable"),
        ("clock-source", replace(with_clock(**UNSTABLE), kernel_words=("clocksource=hpet",)), WARN, "command line"),
        ("clock-source", GUEST, PASS, "kvm-clock"),
        ("clock-source", replace(with_clock(source="kvm-clock"), virtualisation=""), WARN, "TSC"),
        ("clock-source", replace(GUEST, clock=Clock("acpi_pm")), INFO, "hypervisor"),
        ("time-sync", with_clock(daemon="", synchronised=None), UNKNOWN, "not known"),
        ("time-sync", with_clock(daemon="", synchronised=False), WARN, "enable --now chrony"),
        ("time-sync", with_clock(servers=0), WARN, "no time server"),
        ("time-sync", with_clock(synchronised=False), WARN, "not synchronised"),
        ("time-sync", with_clock(offset=1_000_001), WARN, "makestep"),
        ("time-sync", with_clock(offset=60_000), PASS, "60.000 ms"),
        ("time-sync", with_clock(synchronised=None), UNKNOWN, "chronyc tracking"),
        ("time-sync", with_clock(offset=None), PASS, "chronyd"),
        ("time-sync-cluster", with_clock(daemon="", synchronised=None), UNKNOWN, "not known"),
        ("time-sync-cluster", with_clock(daemon="", synchronised=False), FAIL, "cluster"),
        ("time-sync-cluster", with_clock(servers=0), FAIL, "no time server"),
        ("time-sync-cluster", with_clock(synchronised=False), FAIL, "not synchronised"),
        ("time-sync-cluster", with_clock(offset=50_001), FAIL, "50.001 ms"),
        ("time-sync-cluster", with_clock(offset=50_000), WARN, "half"),
        ("time-sync-cluster", with_clock(offset=25_000), PASS, "25.000 ms"),
        ("time-sync-cluster", with_clock(offset=None), UNKNOWN, "how far"),
        ("hardware-clock", with_clock(hardware_clock_offset=None), UNKNOWN, "hwclock"),
        ("hardware-clock", with_clock(hardware_clock_offset=60), PASS, "60 s"),
        ("hardware-clock", with_clock(hardware_clock_offset=61), WARN, "battery"),
        ("hardware-clock", with_clock(hardware_clock_offset=7205), WARN, "local time"),
        ("hardware-clock", with_clock(hardware_clock_offset=500_000_123), WARN, "battery"),
        ("hardware-clock", GUEST, INFO, "host"),
    ],
)
def test_clocks_are_judged(code: str, machine: Machine, severity: Severity, words: str) -> None:
    finding = run(CHECKS, code, machine)

    assert finding.severity is severity
    assert words.lower() in told(finding).lower()


def test_the_same_clock_is_worse_in_a_cluster() -> None:
    machine = with_clock(synchronised=False)
    by_role = {check.role: check(machine).severity for check in CHECKS if check.code.startswith("time-sync")}

    assert by_role == {Role.NODE: WARN, Role.CLUSTER: FAIL}


def test_an_old_record_without_a_clock_leaves_all_unknown() -> None:
    assert {check(but(clock=Clock())).severity for check in CHECKS} == {UNKNOWN}
