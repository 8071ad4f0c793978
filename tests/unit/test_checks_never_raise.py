"""However absurd a record is, every check gives a finding, and none passes on nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.effort import effort

from trebol_hardware.checks import (
    ceph,
    ceph_disks,
    clock,
    cluster_network,
    controllers,
    disk_health,
    disks,
    firmware,
    management,
    memory,
    network,
    topology,
)
from trebol_hardware.checks.finding import Finding, Severity
from trebol_hardware.checks.registry import Check
from trebol_hardware.machine import Firmware, FirmwareMode, Machine, Processor
from trebol_hardware.record import LARGEST

CHECKS = (
    *memory.CHECKS,
    *disks.CHECKS,
    *disk_health.CHECKS,
    *controllers.CHECKS,
    *network.CHECKS,
    *cluster_network.CHECKS,
    *firmware.CHECKS,
    *clock.CHECKS,
    *management.CHECKS,
    *topology.CHECKS,
    *ceph_disks.CHECKS,
    *ceph.CHECKS,
)

#: Words that checks look for, beside any text at all: braces too, since texts are formatted.
WORDS = st.sampled_from(
    [
        "",
        "{",
        "{x}",
        "sda",
        "eno1",
        "0000:00:17.0",
        "010400",
        "ahci",
        "megaraid_sas",
        "write back",
        "none",
        "usb",
        "tsc",
    ]
) | st.text(max_size=8)
NUMBERS = st.sampled_from([0, 1, 2, 512, 4096, 2**30, LARGEST]) | st.integers(0, LARGEST)


def anything(kind: Any) -> st.SearchStrategy[Any]:
    """Every value that a record may have in a member of type `kind`, as trebol_hardware.record reads it."""
    if get_origin(kind) is UnionType:
        return st.one_of(*(anything(member) for member in get_args(kind)))
    if get_origin(kind) is tuple:
        return st.lists(anything(get_args(kind)[0]), max_size=2).map(tuple)
    if get_origin(kind) is Mapping:
        return st.dictionaries(WORDS, anything(get_args(kind)[1]), max_size=2)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        build: Any = kind
        return st.builds(build, **{field.name: anything(hints[field.name]) for field in fields(build)})
    if kind is type(None):
        return st.none()
    if issubclass(kind, StrEnum):
        return st.sampled_from(kind)
    return {str: WORDS, int: NUMBERS, bool: st.booleans()}[kind]


@settings(
    max_examples=effort(40), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(anything(Machine))
def test_any_record_gives_findings(machine: Machine) -> None:
    for check in CHECKS:
        assert isinstance(check(machine), Finding), check.code


BARREN = Machine("x86_64", Firmware(FirmwareMode.UEFI), Processor("", "", 1, 1, 1), 16 * 10**9)

#: What can be said of a record with nothing in it: that there is no such thing, which is all that is asked.
EMPTY_IS_GOOD = {"memory-size", "cluster-bonds", "ceph-osd-shared"}
#: One processor and 16 GB are told, and judged.
TOLD = {"ceph-mon-memory", "ceph-mds-memory", "mixed-memory"}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_what_is_not_in_the_record_never_passes(check: Check) -> None:
    severity = check(BARREN).severity

    assert (severity is Severity.PASS) == (check.code in EMPTY_IS_GOOD | TOLD)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_what_is_not_good_says_why(check: Check) -> None:
    finding = check(BARREN)

    if finding.severity not in (Severity.PASS, Severity.INFO):
        assert finding.reason
        assert finding.remedy
