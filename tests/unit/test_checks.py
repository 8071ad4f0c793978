"""All checks together: a report of any machine whatever, roles, muting, and a fast one."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.effort import effort
from tests.unit.answer_files import MACHINES
from tests.unit.checked_machines import INTEL, V4, changed

from trebol_common.errors import BadInput
from trebol_hardware.checks.finding import Detail, Finding, Requirement, Severity
from trebol_hardware.checks.hypervisor import CONTAINERS, HYPERVISORS
from trebol_hardware.checks.processor import LEVELS
from trebol_hardware.checks.registry import Check, Role, check_machine, checks, gravest
from trebol_hardware.checks.report import WIDTH, render, render_check, to_members
from trebol_hardware.facts import (
    Bmc,
    Bond,
    Clock,
    DiskHealth,
    Kvm,
    Memory,
    MemoryModule,
    NumaNode,
    PciDevice,
    PowerSupply,
    Watchdog,
)
from trebol_hardware.machine import Disk, Firmware, Machine, NetworkInterface, Processor, Product

FLAGS = sorted(frozenset().union(*LEVELS) | {"vmx", "svm", "ept", "npt", "hypervisor", "sev", "tdx_host_platform"})
NUMBERS = st.none() | st.integers(-5, 5) | st.integers(0, 2**63 - 1)
COUNTS = st.integers(-2, 4) | st.integers(0, 2**63 - 1)
WORDS = ("intel_iommu=off", "mitigations=off", "clearcpuid=vmx", "clearcpuid=", "iommu=off")
MESSAGES = (
    "x86/cpu: VMX (outside TXT) disabled by BIOS",
    "SVM disabled (by BIOS) in MSR_VM_CR",
    "{unbalanced %s \x1b[2J",
)
VERDICTS = ("Vulnerable", "Not affected", "Mitigation: x; SMT vulnerable", "KVM: Vulnerable", "Unknown: {}", "")
NAMES = ("Dell Inc.", "HPE", "LENOVO", "Supermicro", "American Megatrends Inc.", "ASUS", "QEMU", "{0}\x00")
MODES = ("802.3ad", "balance-rr", "active-backup", "balance-xor", "broadcast")
CLASSES = ("010400", "010700", "010802", "020000", "030000", "060400", "", "zz")


def names(*known: str) -> st.SearchStrategy[str]:
    return st.sampled_from(("", *known)) | st.text(max_size=8)


def many(of: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(of, max_size=3).map(tuple)


def table(keys: tuple[str, ...], values: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    return st.dictionaries(names(*keys), values, max_size=3)


PROCESSORS = st.builds(
    Processor,
    vendor=names("GenuineIntel", "AuthenticAMD", "HygonGenuine", "CentaurHauls", "  Shanghai  "),
    model=names("Intel(R) Atom(TM) CPU D525", "AMD EPYC 7313P"),
    sockets=COUNTS,
    cores=COUNTS,
    threads=COUNTS,
    flags=st.just(()) | st.just((*V4, "vmx", "ept")) | st.lists(st.sampled_from(FLAGS)).map(tuple),
    family=NUMBERS,
    model_number=NUMBERS,
    stepping=NUMBERS,
    vulnerabilities=table(("mds", "meltdown"), st.sampled_from(VERDICTS)),
)
KVM = st.builds(
    Kvm,
    error=names("EACCES", "ENOENT", "ENODEV", "EBUSY", "EOPNOTSUPP"),
    feature_control=NUMBERS,
    vm_cr=NUMBERS,
    parameters=table(("kvm_intel.ept", "kvm_intel.unrestricted_guest", "kvm_amd.nested"), st.sampled_from("YN10x")),
    messages=many(st.sampled_from(MESSAGES)),
)
HEALTH = st.builds(
    DiskHealth,
    **dict.fromkeys(("temperature", "power_on_hours", "used", "spare", "media_errors", "pending"), NUMBERS),
)
DISKS = st.builds(
    Disk,
    name=names("sda", "nvme0n1"),
    size=COUNTS,
    logical_sector=COUNTS,
    physical_sector=COUNTS,
    transport=names("sata", "sas", "nvme", "usb"),
    model=names("Samsung SSD 980 PRO 1TB", "PERC H730 Mini", "INTEL SSDSC2BB080G4"),
    write_cache=names("write back", "write through"),
    pci=names("0000:01:00.0"),
    content=st.just(()),
    partitions=st.just(()),
    health=st.none() | HEALTH,
)
INTERFACES = st.builds(
    NetworkInterface,
    name=names("eno1", "eno2"),
    driver=names("igb", "e1000", "ixgbe"),
    speed=NUMBERS,
    fastest=NUMBERS,
    duplex=names("full", "half"),
    pci=names("0000:31:00.0", "0000:31:00.1"),
)
DEVICES = st.builds(
    PciDevice,
    address=names("0000:31:00.0", "0000:32:00.0"),
    class_code=st.sampled_from(CLASSES),
    iommu_group=NUMBERS,
    numa_node=NUMBERS,
)
MODULES = st.builds(
    MemoryModule, size=COUNTS, speed=NUMBERS, configured_speed=NUMBERS, total_width=NUMBERS, data_width=NUMBERS
)
MEMORY = st.builds(
    Memory,
    error_correction=names("none", "multi-bit ECC"),
    slots=NUMBERS,
    modules=st.none() | many(MODULES),
    huge_pages=table(("2048kB",), COUNTS),
)
MACHINE_STRATEGY = st.builds(
    Machine,
    architecture=names("x86_64", "i686", "aarch64"),
    firmware=st.builds(Firmware, vendor=names(*NAMES), date=names("11/12/2024")),
    processor=PROCESSORS,
    memory=COUNTS,
    product=st.builds(Product, manufacturer=names(*NAMES), name=names("PowerEdge R650", "ProLiant DL380 Gen9")),
    disks=many(DISKS),
    interfaces=many(INTERFACES),
    virtualisation=names(*HYPERVISORS, *CONTAINERS),
    kvm=KVM,
    pci=many(DEVICES),
    memory_details=MEMORY,
    numa=many(st.builds(NumaNode, number=COUNTS, memory=COUNTS)),
    bonds=many(st.builds(Bond, name=names("bond0"), mode=names(*MODES), members=many(names("eno1", "eno2")))),
    clock=st.builds(
        Clock, source=names("tsc", "hpet"), offset=NUMBERS, servers=NUMBERS, hardware_clock_offset=NUMBERS
    ),
    bmc=st.none() | st.builds(Bmc, manufacturer_id=NUMBERS, product_id=NUMBERS),
    watchdogs=many(st.builds(Watchdog, number=COUNTS, identity=names("iTCO_wdt"), timeout=NUMBERS)),
    power_supplies=many(st.builds(PowerSupply, watts=NUMBERS)),
    tpm=names("1.2", "2.0"),
    kernel_words=many(st.sampled_from(WORDS)),
)


@settings(max_examples=effort(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(machine=MACHINE_STRATEGY, role=st.sampled_from(Role))
def test_any_machine_whatever_has_a_report(machine: Machine, role: Role) -> None:
    findings = check_machine(machine, role)

    assert [found.code for found in findings] == [check.code for check in checks() if check.role in role.includes]
    for found in findings:
        if found.severity in (Severity.UNKNOWN, Severity.WARN, Severity.FAIL):
            assert found.reason, f"{found.code} does not say why it is {found.severity}"
    assert json.loads(json.dumps(to_members(findings, role)))["gravest"] == gravest(findings)
    for ascii_only in (False, True):
        text = render(findings, ascii_only=ascii_only)
        assert "\x1b" not in text
        assert [
            line for line in text.splitlines() if len(line) > WIDTH and " " in line.strip(" ?!iX+✗✓")[:WIDTH]
        ] == []


EMPTY = Machine("", INTEL.firmware, Processor("", "", 0, 0, 0), 0)


def test_of_a_machine_of_which_nothing_is_known_nothing_is_said_to_be_good() -> None:
    findings = {found.code: found.severity for found in check_machine(EMPTY, Role.NODE)}

    for code in (
        "cpu-64-bit",
        "cpu-cores",
        "cpu-level",
        "cpu-virtualisation",
        "kvm-usable",
        "iommu",
        "virtual-machine",
    ):
        assert findings[code] is Severity.UNKNOWN, code


@pytest.mark.parametrize("check", checks(), ids=lambda check: check.code)
def test_every_check_explains_itself_and_says_who_asks(check: Check) -> None:
    text = render_check(check)

    assert check.explanation.count(" ") > 4
    if check.requirement.minimum or check.requirement.recommended:
        assert check.requirement.source
    assert text.startswith(f"{check.code}: {check.title}")
    assert max(map(len, text.splitlines())) <= WIDTH


def test_codes_are_unique_and_fit_for_scripts() -> None:
    codes = [check.code for check in checks()]

    assert len(set(codes)) == len(codes)
    assert [code for code in codes if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code)] == []


def test_a_role_has_the_checks_of_what_it_includes() -> None:
    def codes(role: Role) -> set[str]:
        return {found.code for found in check_machine(INTEL, role)}

    assert codes(Role.NODE) < codes(Role.CLUSTER) <= codes(Role.HA)
    assert codes(Role.CEPH_OSD) <= codes(Role.MIXED) | {"ceph-osd-raid"}
    assert codes(Role.CLUSTER) <= codes(Role.MIXED)


def test_what_is_muted_is_shown_but_counts_no_more() -> None:
    broken = changed(INTEL, lacks=("lm",))
    others = {check.code for check in checks()} - {"cpu-64-bit", "cpu-level"}

    assert gravest(check_machine(broken, mute=others)) is Severity.FAIL
    muted = check_machine(broken, mute=others | {"cpu-64-bit", "cpu-level"})
    assert gravest(muted) is Severity.PASS
    assert next(found for found in muted if found.code == "cpu-64-bit").severity is Severity.FAIL
    assert "(muted)" in render(muted)


def test_muting_what_no_check_is_called_is_bad_input() -> None:
    with pytest.raises(BadInput, match="cpu-levle") as caught:
        check_machine(INTEL, mute=["cpu-levle"])

    assert "did you mean cpu-level" in str(caught.value)


def test_the_report_begins_with_the_gravest_and_ends_with_counts() -> None:
    broken = changed(INTEL, lacks=("lm",), processor={"cores": 1})

    lines = render(check_machine(broken)).splitlines()

    marks = [line[0] for line in lines if line[:1] in tuple("✗!?i✓")]
    assert marks == sorted(marks, key="✗!?i✓".index)
    assert marks[0] == "✗"
    assert re.fullmatch(r"\d+ checks: \d+ failed, \d+ warnings?, \d+ unknown, \d+ notes?, \d+ passed", lines[-1])


def test_a_device_is_not_told_again_by_what_was_said_of_it() -> None:
    one = Finding("x", "X", Severity.WARN, "sda 4 °C", reason="sda, sdb: Cold.", details=(
        Detail("sda", Severity.WARN, "4 °C", "Cold."), Detail("sdb", Severity.WARN, "3 °C", "Cold."),
        Detail("sdc", Severity.INFO, "4 °C", "Cool."), Detail("sdd", Severity.WARN),
    ))  # fmt: skip
    lines = [line.strip() for line in render([one]).splitlines()]

    assert not [line for line in lines if line.startswith("! sda")]
    assert {"! sdb: 3 °C", "i sdc: 4 °C; Cool.", "! sdd"} <= set(lines)


def test_what_is_asked_for_is_told_with_its_source_but_without_addresses() -> None:
    source = "Ceph, Hardware Recommendations (docs.ceph.com/en/reef/start); SMBIOS (DMTF DSP0134), 7.2; sbd(8)"
    asked = Finding("x", "X", Severity.WARN, "4 GB", Requirement("8 GB", "", source))
    passed = replace(asked, severity=Severity.PASS)
    unasked = replace(asked, requirement=Requirement(source=source))

    assert "    required     8 GB\n    source       Ceph, Hardware Recommendations; SMBIOS" in render([asked])
    assert "(DMTF DSP0134), 7.2; sbd(8)" in " ".join(render([asked]).split())
    assert "docs.ceph.com" not in render([asked])
    assert "source" not in render([passed]) and "source" not in render([unasked])


def test_every_finding_that_asks_for_something_says_who_does() -> None:
    silent = [check.code for check in checks() if check.requirement != Requirement() and not check.requirement.source]

    assert silent == []


def test_a_terminal_without_unicode_gets_ascii() -> None:
    off = changed(
        INTEL, lacks=("vmx",), kvm={"creates": False, "opens": False, "device": False, "feature_control": 1}
    )

    text = render(check_machine(off), ascii_only=True)

    assert text.isascii()
    assert "X cpu-virtualisation" in text
    assert "F2 -> System Setup" in " ".join(text.split())


def test_firmwares_control_characters_do_not_reach_the_terminal() -> None:
    machine = changed(INTEL, lacks=("vmx",), kvm={"creates": False}, processor={"model": "\x1b[2JXeon"})

    assert "\x1b" not in render(check_machine(machine))


@pytest.mark.parametrize("path", sorted(MACHINES.glob("*.json")), ids=lambda path: path.stem)
def test_a_recorded_machine_is_checked_within_50_ms(path: Path) -> None:
    machine = Machine.load(path)
    check_machine(machine, Role.MIXED)

    def once() -> float:
        began = time.process_time()
        render(check_machine(machine, Role.MIXED))
        return time.process_time() - began

    assert min(once() for _attempt in range(5)) < 0.05
