"""The processor: bits, cores, level, vulnerabilities, microcode, encrypted guests; and the IOMMU beside it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.checked_machines import AMD, INTEL, V1, V2, V3, V4, changed, finding, words

from trebol_hardware.checks.finding import Severity
from trebol_hardware.checks.processor import level
from trebol_hardware.facts import PciDevice
from trebol_hardware.machine import Machine


def vulnerable(**verdicts: str) -> Machine:
    return changed(INTEL, processor={"vulnerabilities": {"meltdown": "Not affected", **verdicts}})


GUEST = changed(INTEL, flags=(*V1, "hypervisor"), virtualisation="kvm")


@pytest.mark.parametrize(
    ("code", "machine", "severity", "told"),
    [
        ("cpu-64-bit", INTEL, Severity.PASS, "64-bit"),
        ("cpu-64-bit", changed(INTEL, lacks=("lm",)), Severity.FAIL, "long mode"),
        ("cpu-64-bit", changed(INTEL, architecture="aarch64"), Severity.FAIL, "aarch64"),
        ("cpu-64-bit", changed(INTEL, flags=()), Severity.UNKNOWN, "could not be read"),
        ("cpu-cores", INTEL, Severity.PASS, "cores: 32, threads: 64"),
        ("cpu-cores", changed(INTEL, processor={"cores": 1, "threads": 2}), Severity.WARN, "one core"),
        ("cpu-cores", changed(INTEL, processor={"cores": 0, "threads": 0}), Severity.UNKNOWN, "neither"),
        ("cpu-level", INTEL, Severity.INFO, "x86-64-v4"),
        ("cpu-level", AMD, Severity.INFO, "For x86-64-v4 it lacks avx512bw"),
        ("cpu-level", changed(INTEL, flags=V2), Severity.INFO, "x86-64-v2"),
        ("cpu-level", changed(INTEL, flags=V1), Severity.WARN, "SLES 16"),
        ("cpu-level", changed(INTEL, flags=V1), Severity.WARN, "on other nodes"),
        ("cpu-level", GUEST, Severity.WARN, "x86-64-v2-AES"),
        ("cpu-level", changed(INTEL, flags=V4, lacks=("sse2",)), Severity.FAIL, "lacks sse2"),
        ("cpu-level", changed(INTEL, flags=()), Severity.UNKNOWN, "could not be read"),
        ("cpu-vulnerabilities", INTEL, Severity.PASS, "0 of 2 open"),
        ("cpu-vulnerabilities", vulnerable(mds="Vulnerable; SMT vulnerable"), Severity.WARN, "mds Vulnerable"),
        ("cpu-vulnerabilities", vulnerable(mds="Vulnerable: no microcode"), Severity.WARN, "intel-microcode"),
        ("cpu-vulnerabilities", vulnerable(itlb_multihit="KVM: Vulnerable"), Severity.WARN, "itlb_multihit"),
        ("cpu-vulnerabilities", vulnerable(itlb_multihit="Processor vulnerable"), Severity.WARN, "1 of 2 open"),
        ("cpu-vulnerabilities", vulnerable(itlb_multihit="KVM: Mitigation: VMX disabled"), Severity.PASS, "0 of 2"),
        (
            "cpu-vulnerabilities",
            vulnerable(mds="Mitigation: Clear CPU buffers; SMT vulnerable"),
            Severity.INFO,
            "mitigations=auto,nosmt",
        ),
        (
            "cpu-vulnerabilities",
            vulnerable(l1tf="Mitigation: PTE Inversion; VMX: vulnerable, SMT disabled"),
            Severity.WARN,
            "1 of 2 open",
        ),
        (
            "cpu-vulnerabilities",
            vulnerable(l1tf="Mitigation: PTE Inversion; VMX: conditional cache flushes, SMT vulnerable"),
            Severity.INFO,
            "0 of 2 open",
        ),
        (
            "cpu-vulnerabilities",
            vulnerable(spectre_v2="Mitigation: Enhanced / Automatic IBRS; IBPB: conditional; BHI: Vulnerable"),
            Severity.WARN,
            "spectre_v2",
        ),
        (
            "cpu-vulnerabilities",
            vulnerable(srbds="Unknown: Dependent on hypervisor status"),
            Severity.UNKNOWN,
            "srbds",
        ),
        (
            "cpu-vulnerabilities",
            replace(vulnerable(mds="Vulnerable"), kernel_words=("mitigations=off",)),
            Severity.WARN,
            "Take mitigations=off out",
        ),
        (
            "cpu-vulnerabilities",
            replace(vulnerable(mds="Vulnerable"), virtualisation="kvm"),
            Severity.WARN,
            "Bring host and microcode up to date",
        ),
        ("cpu-vulnerabilities", changed(INTEL, processor={"vulnerabilities": {}}), Severity.UNKNOWN, "record"),
        ("cpu-microcode", INTEL, Severity.INFO, "0xd0003f5"),
        ("cpu-microcode", AMD, Severity.INFO, "amd64-microcode"),
        ("cpu-microcode", changed(INTEL, processor={"microcode": ""}), Severity.UNKNOWN, "intel-microcode"),
        ("cpu-microcode", GUEST, Severity.INFO, "the host's to update"),
        ("cpu-confidential", INTEL, Severity.INFO, "none"),
        ("cpu-confidential", AMD, Severity.INFO, "SEV, SEV-ES KVM's module has switched on: none"),
        (
            "cpu-confidential",
            changed(AMD, kvm={"parameters": {"kvm_amd.sev": "Y", "kvm_amd.sev_es": "N"}}),
            Severity.INFO,
            "switched on: SEV.",
        ),
        ("cpu-confidential", changed(INTEL, flags=(*V4, "tdx_host_platform")), Severity.INFO, "TDX"),
        ("cpu-confidential", changed(INTEL, flags=()), Severity.UNKNOWN, "could not be read"),
    ],
)
def test_the_processor_is_told_as_it_is(code: str, machine: Machine, severity: Severity, told: str) -> None:
    found = finding(machine, code)

    assert (found.severity, told in words(found)) == (severity, True), words(found)


def test_of_what_its_maker_no_longer_looks_at_nobody_is_sent_to_install_microcode() -> None:
    old = finding(vulnerable(mmio_stale_data="Unknown: No mitigations", mds="Not affected"), "cpu-vulnerabilities")

    assert old.severity is Severity.UNKNOWN
    assert "mmio_stale_data" in old.reason
    assert "microcode" not in old.remedy


def test_whether_the_host_lets_threads_leak_is_not_known_to_its_guest() -> None:
    machine = vulnerable(mds="Mitigation: Clear CPU buffers; SMT Host state unknown")

    found = finding(changed(machine, virtualisation="kvm"), "cpu-vulnerabilities")

    assert (found.severity, "depends on the host" in found.reason) == (Severity.UNKNOWN, True)


def test_open_vulnerabilities_are_named_each_with_the_kernels_verdict() -> None:
    found = finding(
        vulnerable(mds="Vulnerable", l1tf="Mitigation: PTE Inversion", srbds="Vulnerable: x"), "cpu-vulnerabilities"
    )

    assert [(item.subject, item.measured) for item in found.details] == [
        ("mds", "Vulnerable"),
        ("srbds", "Vulnerable: x"),
    ]


@pytest.mark.parametrize(("flags", "below", "reached"), [(V1, (), 1), (V2, V1, 2), (V3, V2, 3), (V4, V3, 4)])
def test_the_level_is_the_highest_that_is_complete(
    flags: tuple[str, ...], below: tuple[str, ...], reached: int
) -> None:
    assert level(frozenset(flags)) == reached
    assert [name for name in set(flags) - set(below) if level(frozenset(flags) - {name}) != reached - 1] == []


def test_an_avx512_processor_without_popcnt_is_of_level_1() -> None:
    assert level(frozenset(V4) - {"popcnt"}) == 1


NO_GROUPS = (PciDevice("0000:31:00.0", "020000"),)


@pytest.mark.parametrize(
    ("machine", "severity", "told"),
    [
        (INTEL, Severity.PASS, "on: 2 groups"),
        (changed(INTEL, pci=()), Severity.UNKNOWN, "lists no PCI devices"),
        (
            changed(INTEL, pci=(), virtualisation="microsoft"),
            Severity.INFO,
            "Hyper-V gives this machine no PCI devices",
        ),
        (changed(INTEL, pci=NO_GROUPS), Severity.WARN, "Processor Settings → Virtualization Technology"),
        (changed(INTEL, pci=NO_GROUPS), Severity.WARN, "If it is on there, add intel_iommu=on"),
        (
            changed(INTEL, pci=NO_GROUPS, kvm={"messages": ("ACPI: DMAR 0x000000006F8 0001F0",)}),
            Severity.WARN,
            "Firmware describes one",
        ),
        (
            changed(AMD, pci=NO_GROUPS),
            Severity.WARN,
            "Switch AMD-Vi on in Supermicro: Del → Advanced → NB Configuration",
        ),
        (changed(INTEL, pci=NO_GROUPS, kernel_words=("intel_iommu=off",)), Severity.WARN, "told intel_iommu=off"),
        (changed(INTEL, pci=NO_GROUPS, virtualisation="vmware"), Severity.INFO, "VMware gives this machine none"),
    ],
)
def test_an_iommu_that_is_off_is_told_with_its_switch(machine: Machine, severity: Severity, told: str) -> None:
    found = finding(machine, "iommu")

    assert (found.severity, told in words(found)) == (severity, True), words(found)


def test_amd_is_not_told_to_add_intels_word() -> None:
    assert "intel_iommu" not in words(finding(changed(AMD, pci=NO_GROUPS), "iommu"))


def test_functions_of_one_card_and_bridges_may_share_a_group() -> None:
    bridge = PciDevice("0000:30:00.0", "060400", iommu_group=1)

    assert finding(changed(INTEL, pci=(*INTEL.pci, bridge)), "iommu-groups").severity is Severity.PASS


def test_a_card_that_shares_a_group_with_another_slot_is_named() -> None:
    sound = PciDevice("0000:32:00.0", "040300", iommu_group=1)

    found = finding(changed(INTEL, pci=(*INTEL.pci, sound)), "iommu-groups")

    assert found.severity is Severity.INFO
    assert [item.subject for item in found.details] == ["0000:31:00.0", "0000:31:00.1"]
    assert found.details[0].measured == "group 1, with 0000:32:00.0"


def test_without_an_iommu_groups_are_unknown() -> None:
    assert finding(changed(INTEL, pci=NO_GROUPS), "iommu-groups").severity is Severity.UNKNOWN
