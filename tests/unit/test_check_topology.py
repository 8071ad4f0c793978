"""What a server is told of NUMA, huge pages and KSM."""

from __future__ import annotations

import pytest
from tests.unit.sound_machine import GIB, MACHINE, but, run, told, with_memory

from trebol_hardware.checks.finding import Severity
from trebol_hardware.checks.topology import CHECKS
from trebol_hardware.facts import NumaNode
from trebol_hardware.machine import Machine

PASS, INFO, UNKNOWN, WARN, FAIL = Severity

FULL = NumaNode(0, "0-31", 32 * GIB)


@pytest.mark.parametrize(
    ("code", "machine", "severity", "words"),
    [
        ("numa", MACHINE, PASS, "0: 31.0 GiB, 1: 31.0 GiB"),
        ("numa", but(numa=(FULL,)), PASS, "32.0 GiB"),
        ("numa", but(numa=()), UNKNOWN, "/sys/devices/system/node"),
        ("numa", but(numa=(FULL, NumaNode(1, "32-63", 0))), WARN, "node 1"),
        ("numa", but(numa=(FULL, NumaNode(1, "32-63", 8 * GIB))), INFO, "evenly"),
        ("numa", but(numa=(FULL, NumaNode(1, "", 8 * GIB))), INFO, "CXL"),
        ("huge-pages", MACHINE, INFO, "none reserved"),
        ("huge-pages", with_memory(huge_pages={"2048kB": 512, "1048576kB": 1}), INFO, "2.0 GiB"),
        ("huge-pages", with_memory(huge_pages={"odd": 3}), INFO, "3 x odd"),
        ("huge-pages", with_memory(huge_pages={}), UNKNOWN, "hugepages"),
        ("ksm", MACHINE, INFO, "off"),
        ("ksm", with_memory(ksm_running=True), INFO, "on"),
        ("ksm", with_memory(ksm_running=None), UNKNOWN, "ksm/run"),
    ],
)
def test_the_lay_of_memory_is_told(code: str, machine: Machine, severity: Severity, words: str) -> None:
    finding = run(CHECKS, code, machine)

    assert finding.severity is severity
    assert words in told(finding)
