"""What a server is told of its memory."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.sound_machine import GIB, GUEST, MACHINE, MODULE, but, run, told, with_memory

from trebol_hardware.checks.finding import Severity
from trebol_hardware.checks.memory import CHECKS
from trebol_hardware.facts import Memory, MemoryErrors
from trebol_hardware.machine import Machine

PASS, INFO, UNKNOWN, WARN, FAIL = Severity


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_sound_memory_passes_every_check(check: object) -> None:
    assert callable(check)
    assert check(MACHINE).severity is PASS


NARROW = replace(MODULE, total_width=64)
UNTOLD = replace(MODULE, total_width=None, data_width=None)
HALF = replace(MODULE, locator="B1", size=16 * GIB)


@pytest.mark.parametrize(
    ("code", "machine", "severity", "words"),
    [
        ("memory-size", but(memory=9 * 10**8), FAIL, "less than 1 GB"),
        ("memory-size", but(memory=10**9), WARN, "Little is left"),
        ("memory-size", but(memory=7_999_999_999), WARN, "add"),
        ("memory-size", but(memory=8 * 10**9), PASS, "7.5 GiB"),
        ("memory-size", but(memory=0), UNKNOWN, "does not say how much"),
        ("memory-installed", but(memory=0), UNKNOWN, "/proc/meminfo"),
        ("memory-installed", with_memory(modules=None), UNKNOWN, "as root"),
        ("memory-installed", with_memory(modules=()), UNKNOWN, "as root"),
        ("memory-installed", with_memory(modules=(replace(MODULE, size=0),)), UNKNOWN, "as root"),
        ("memory-installed", with_memory(modules=(MODULE,)), UNKNOWN, "fewer modules"),
        ("memory-installed", but(memory=32 * GIB, kernel_words=("mem=32G",)), WARN, "mem=32G"),
        ("memory-installed", but(memory=60 * GIB), INFO, "graphics"),
        ("memory-installed", replace(with_memory(modules=(MODULE,) * 12), memory=394_563_376 * 1024), PASS, "376.3"),
        ("memory-installed", replace(with_memory(modules=(MODULE,) * 12), memory=374 * GIB), INFO, "graphics"),
        ("memory-installed", but(memory=31 * GIB), WARN, "mirrored"),
        ("memory-installed", but(memory=20 * GIB), WARN, "a whole module"),
        ("memory-ecc", with_memory(error_correction="none"), WARN, "ZFS and Ceph"),
        ("memory-ecc", with_memory(error_correction="parity"), WARN, "ECC"),
        ("memory-ecc", with_memory(modules=(MODULE, NARROW)), WARN, "no ECC"),
        ("memory-ecc", with_memory(error_correction=""), PASS, "EDAC"),
        ("memory-ecc", with_memory(error_correction="", errors=None), UNKNOWN, "whether the board uses them"),
        ("memory-ecc", with_memory(error_correction="", errors=None, modules=(UNTOLD,)), UNKNOWN, "as root"),
        ("memory-ecc", with_memory(error_correction="", errors=None, modules=None), UNKNOWN, "as root"),
        ("memory-errors", with_memory(errors=None), UNKNOWN, "ipmitool sel"),
        ("memory-errors", with_memory(errors=None, error_correction="none"), UNKNOWN, "memtest86+"),
        ("memory-errors", with_memory(errors=(MemoryErrors("mc0", 3, 0),)), WARN, "ECC still mends"),
        ("memory-errors", with_memory(errors=(MemoryErrors("mc0", 3), MemoryErrors("mc1", 0, 1))), FAIL, "mc1"),
        ("memory-modules", with_memory(modules=(MODULE, HALF)), WARN, "B1"),
        ("memory-modules", with_memory(modules=(MODULE, replace(MODULE, speed=2666))), WARN, "2666 MT/s"),
        ("memory-modules", with_memory(modules=None), UNKNOWN, "as root"),
        ("memory-speed", with_memory(modules=(replace(MODULE, configured_speed=2666),)), INFO, "3200 MT/s"),
        ("memory-speed", with_memory(modules=(replace(MODULE, configured_speed=None),)), UNKNOWN, "firmware"),
        ("memory-speed", with_memory(modules=None), UNKNOWN, "firmware"),
    ],
)
def test_memory_is_judged(code: str, machine: Machine, severity: Severity, words: str) -> None:
    finding = run(CHECKS, code, machine)

    assert finding.severity is severity
    assert words.lower() in told(finding).lower()


def test_a_module_that_is_unlike_the_rest_is_named() -> None:
    machine = with_memory(modules=(MODULE, replace(MODULE, locator="C1"), HALF))

    assert [detail.subject for detail in run(CHECKS, "memory-modules", machine).details] == ["B1"]


@pytest.mark.parametrize("code", [check.code for check in CHECKS if check.code != "memory-size"])
def test_a_virtual_machine_is_sent_to_its_host(code: str) -> None:
    finding = run(CHECKS, code, GUEST)

    assert finding.severity is INFO
    assert "host" in finding.reason


def test_a_virtual_machine_with_nothing_known_is_not_scolded() -> None:
    assert run(CHECKS, "memory-errors", replace(GUEST, memory_details=Memory())).severity is INFO


def test_requirements_say_who_asks() -> None:
    requirement = run(CHECKS, "memory-size", MACHINE).requirement

    assert (requirement.minimum, requirement.recommended) == ("1 GB", "8 GB or more")
    assert requirement.source == "the project's brief, One node"
