"""VT-x and AMD-V: on, off in firmware, lacking, hidden by a hypervisor; KVM, paging and nesting on top of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.checked_machines import AMD, GIB, INTEL, NO_KVM, changed, finding, words
from tests.unit.sound_machine import GUEST

from trebol_hardware.checks.finding import Severity
from trebol_hardware.checks.hypervisor import is_guest, is_virtual
from trebol_hardware.checks.registry import Role, check_machine
from trebol_hardware.facts import Clock
from trebol_hardware.machine import Firmware, FirmwareMode, Machine, Product

BIOS_SAYS = "x86/cpu: VMX (outside TXT) disabled by BIOS"
AMD_SAYS = "SVM disabled (by BIOS) in MSR_VM_CR"

DELL_PATH = "Dell PowerEdge: F2 → System Setup → System BIOS → Processor Settings → Virtualization Technology"


def without(machine: Machine, **kvm: object) -> Machine:
    """A machine whose kernel does not show the extension, and so has no /dev/kvm."""
    return changed(
        machine, lacks=("vmx", "svm", "ept", "npt"), kvm={**NO_KVM, "feature_control": None, "vm_cr": None, **kvm}
    )


def in_vm(name: str, machine: Machine = INTEL) -> Machine:
    flags = tuple(flag for flag in machine.processor.flags if flag not in ("vmx", "svm", "ept", "npt"))
    return changed(without(machine), flags=(*flags, "hypervisor"), virtualisation=name)


@pytest.mark.parametrize(
    ("machine", "severity", "told"),
    [
        pytest.param(INTEL, Severity.PASS, ["VT-x: on"], id="Intel, on"),
        pytest.param(AMD, Severity.PASS, ["AMD-V: on"], id="AMD, on"),
        pytest.param(
            without(INTEL, feature_control=0x1),
            Severity.FAIL,
            ["VT-x: switched off by firmware", "MSR 0x3A is 0x1: locked", DELL_PATH],
            id="locked off, by the register",
        ),
        pytest.param(
            without(INTEL, messages=("DMAR: IOMMU enabled", BIOS_SAYS)),
            Severity.FAIL,
            ["switched off by firmware", f"“{BIOS_SAYS}”", DELL_PATH],
            id="locked off, by the kernel's words",
        ),
        pytest.param(
            without(INTEL, messages=("kvm: disabled by bios",)),
            Severity.FAIL,
            ["switched off by firmware", "“kvm: disabled by bios”"],
            id="locked off, by an old kernel's words",
        ),
        pytest.param(
            without(INTEL, feature_control=0x3), Severity.FAIL, ["under Intel TXT only"], id="on inside TXT only"
        ),
        pytest.param(
            changed(INTEL, kvm={**NO_KVM, "feature_control": 0x1}),
            Severity.FAIL,
            ["switched off by firmware"],
            id="locked off, but a kernel before 5.6 leaves the flag",
        ),
        pytest.param(
            changed(AMD, kernel="6.1.0-37-amd64", kvm={**NO_KVM, "vm_cr": None}),
            Severity.UNKNOWN,
            ["before 6.7 show svm even where firmware switched it off"],
            id="an old kernel's flag, and nothing else, proves nothing",
        ),
        pytest.param(
            changed(AMD, kernel="6.12.57+deb13-amd64", kvm={**NO_KVM, "vm_cr": None}),
            Severity.PASS,
            ["AMD-V: on"],
            id="a new kernel's flag does",
        ),
        pytest.param(
            changed(
                AMD, kernel="6.1.0-37-amd64", kvm={"creates": None, "opens": False, "error": "EACCES", "vm_cr": None}
            ),
            Severity.PASS,
            ["AMD-V: on"],
            id="and so does a module that was loaded",
        ),
        pytest.param(
            changed(AMD, kernel="6.1.0-37-amd64", kvm={**NO_KVM, "vm_cr": 0x8}),
            Severity.PASS,
            ["AMD-V: on"],
            id="and the register",
        ),
        pytest.param(
            without(AMD, vm_cr=0x18),
            Severity.FAIL,
            ["SVM is disabled, and locked", "Supermicro: Del → Advanced → CPU Configuration → SVM Mode"],
            id="SVMDIS, locked",
        ),
        pytest.param(without(AMD, vm_cr=0x10), Severity.FAIL, ["0x10: SVM is disabled."], id="SVMDIS, not locked"),
        pytest.param(without(AMD, messages=(AMD_SAYS,)), Severity.FAIL, [f"“{AMD_SAYS}”"], id="SVM, kernel's words"),
        pytest.param(
            without(INTEL),
            Severity.FAIL,
            ["VT-x: not there", "nothing recorded tells which", "nearly every processor since 2011", DELL_PATH],
            id="Intel, nothing tells why",
        ),
        pytest.param(
            without(AMD), Severity.FAIL, ["nothing recorded tells which", "firmware most likely"], id="AMD, ditto"
        ),
        pytest.param(
            without(INTEL, feature_control=0x5),
            Severity.FAIL,
            ["Firmware's register says that it is on, yet the kernel does not show it"],
            id="register and flags contradict each other",
        ),
        pytest.param(
            changed(without(INTEL), processor={"model": "Intel(R) Atom(TM) CPU D525   @ 1.80GHz"}),
            Severity.FAIL,
            ["not in this processor", "have no VT-x"],
            id="Atom D525",
        ),
        pytest.param(
            changed(without(AMD), processor={"family": 15, "model_number": 0x27, "model": "AMD Opteron(tm) 248"}),
            Severity.FAIL,
            ["not in this processor", "revision F"],
            id="Opteron of 2004",
        ),
        pytest.param(
            changed(without(INTEL), kernel_words=("clearcpuid=smap,vmx",)),
            Severity.FAIL,
            ["hidden by the kernel", "clearcpuid=smap,vmx"],
            id="kernel was told to hide it",
        ),
        pytest.param(
            changed(INTEL, kvm={"feature_control": 0x1}),
            Severity.INFO,
            ["VT-x: on", "KVM works, although"],
            id="works",
        ),
        pytest.param(
            changed(INTEL, flags=()),
            Severity.INFO,
            ["KVM works, although the processor's flags"],
            id="no flags, works",
        ),
        pytest.param(
            changed(INTEL, flags=(), kvm=NO_KVM), Severity.UNKNOWN, ["flags could not be read"], id="no flags at all"
        ),
        pytest.param(
            changed(INTEL, architecture="aarch64"), Severity.UNKNOWN, ["no x86 processor"], id="another architecture"
        ),
        pytest.param(
            changed(without(INTEL), processor={"vendor": ""}), Severity.FAIL, ["Neither vmx nor svm"], id="no vendor"
        ),
    ],
)
def test_who_switched_virtualisation_off_and_where_to_switch_it_on(
    machine: Machine, severity: Severity, told: list[str]
) -> None:
    found = finding(machine, "cpu-virtualisation")

    assert found.severity is severity
    assert [text for text in told if text not in words(found)] == []


@pytest.mark.parametrize(
    ("name", "machine", "product", "remedy"),
    [
        ("kvm", INTEL, "KVM", "/sys/module/kvm_intel/parameters/nested"),
        ("kvm", AMD, "KVM", "options kvm_amd nested=1"),
        ("qemu", INTEL, "QEMU", "-cpu host"),
        ("vmware", INTEL, "VMware", "Expose hardware assisted virtualization"),
        ("microsoft", INTEL, "Hyper-V", "-ExposeVirtualizationExtensions $true"),
        ("oracle", INTEL, "VirtualBox", "--nested-hw-virt on"),
        ("xen", INTEL, "Xen", "nestedhvm=1"),
        ("parallels", INTEL, "Parallels", "prlctl set"),
        ("amazon", INTEL, "Amazon EC2", "*.metal"),
        ("google", INTEL, "Google Compute Engine", "--enable-nested-virtualization"),
        ("newvisor", INTEL, "newvisor", "hypervisor's documentation"),
        ("", INTEL, "an unnamed hypervisor", "hypervisor's documentation"),
    ],
)
def test_a_virtual_machine_is_told_how_its_hypervisor_passes_it_through(
    name: str, machine: Machine, product: str, remedy: str
) -> None:
    guest = in_vm(name, machine)
    # What firmware's registers say is emulated there, and must not send anybody to a firmware menu.
    guest = changed(guest, kvm={"feature_control": 0x1, "vm_cr": 0x18})

    extension, itself = finding(guest, "cpu-virtualisation"), finding(guest, "virtual-machine")

    assert extension.severity is Severity.FAIL
    assert product in extension.reason
    assert remedy in extension.remedy
    assert itself.severity is Severity.WARN
    assert itself.measured == f"yes: {product}"
    assert remedy in itself.remedy


def test_a_virtual_machine_with_nesting_is_good_for_trials() -> None:
    guest = changed(INTEL, flags=(*INTEL.processor.flags, "hypervisor"), virtualisation="kvm")

    assert finding(guest, "cpu-virtualisation").severity is Severity.PASS
    assert finding(guest, "virtual-machine").severity is Severity.INFO


@pytest.mark.parametrize(
    ("machine", "severity", "told"),
    [
        (INTEL, Severity.PASS, "bare metal"),
        (changed(INTEL, flags=()), Severity.UNKNOWN, "Neither"),
        (changed(INTEL, virtualisation="lxc"), Severity.WARN, "Run Trebol on the host"),
    ],
)
def test_bare_metal_and_containers_are_told_apart(machine: Machine, severity: Severity, told: str) -> None:
    found = finding(machine, "virtual-machine")

    assert (found.severity, told in words(found)) == (severity, True)


BY_FLAG = changed(INTEL, flags=(*INTEL.processor.flags, "hypervisor"))
LXC = changed(INTEL, virtualisation="lxc")


@pytest.mark.parametrize(
    ("machine", "virtual", "kind"),
    [
        (in_vm("kvm"), True, "virtual machine (KVM)"),
        (changed(INTEL, virtualisation="kvm"), True, "virtual machine (KVM)"),
        (BY_FLAG, True, "virtual machine (an unnamed hypervisor)"),
        (LXC, False, "container (lxc)"),
        (changed(BY_FLAG, virtualisation="docker"), True, "container (docker)"),
    ],
)
def test_guests_are_sent_to_their_host_by_the_name_of_what_they_are(
    machine: Machine, virtual: bool, kind: str
) -> None:
    assert (is_virtual(machine), is_guest(machine)) == (virtual, True)
    assert finding(machine, "memory-ecc").measured == kind
    assert finding(machine, "disk-health").measured == kind


def test_bare_metal_is_no_guest() -> None:
    assert not is_virtual(INTEL) and not is_guest(INTEL)
    assert "host" not in words(finding(INTEL, "memory-ecc"))


@pytest.mark.parametrize("kind", ["lxc", "docker", "systemd-nspawn"])
def test_in_a_container_nobody_is_sent_to_a_virtual_machine(kind: str) -> None:
    bare = replace(GUEST, virtualisation=kind, memory=GIB, disks=GUEST.disks[:1], clock=Clock("hpet"))
    found = check_machine(bare, Role.MIXED)

    assert [each.code for each in found if "irtual machine" in f"{each.measured} {each.reason} {each.remedy}"] == []


@pytest.mark.parametrize(
    ("machine", "severity", "told"),
    [
        (INTEL, Severity.PASS, "creates virtual machines"),
        (changed(INTEL, kvm={"device": None, "opens": None, "creates": None}), Severity.UNKNOWN, "does not say"),
        (changed(INTEL, kvm={"creates": None}), Severity.UNKNOWN, "was not tried"),
        (changed(INTEL, kvm={"opens": False, "creates": False, "error": "EACCES"}), Severity.UNKNOWN, "as root"),
        (changed(INTEL, kvm=NO_KVM), Severity.FAIL, "modprobe kvm_intel"),
        (changed(AMD, kvm={**NO_KVM, "device": True, "error": "ENODEV"}), Severity.FAIL, "modprobe kvm_amd"),
        (changed(INTEL, kvm=NO_KVM, virtualisation="lxc"), Severity.FAIL, "a container (lxc)"),
        (without(INTEL), Severity.FAIL, "see cpu-virtualisation"),
        (changed(INTEL, kvm={"creates": False, "error": "EBUSY"}), Severity.FAIL, "vboxdrv"),
        (
            changed(INTEL, kvm={"creates": False, "error": "EOPNOTSUPP"}),
            Severity.FAIL,
            "A contradiction: the processor",
        ),
        (changed(INTEL, kvm={"creates": False, "error": "EOPNOTSUPP"}), Severity.FAIL, DELL_PATH),
    ],
)
def test_kvm_works_or_what_keeps_it_from_working(machine: Machine, severity: Severity, told: str) -> None:
    found = finding(machine, "kvm-usable")

    assert (found.severity, told in words(found)) == (severity, True), words(found)


NESTED_GUEST = changed(INTEL, lacks=("ept",), virtualisation="vmware", kvm={"parameters": {"kvm_intel.ept": "N"}})


@pytest.mark.parametrize(
    ("code", "machine", "severity", "told"),
    [
        ("cpu-nested-paging", INTEL, Severity.PASS, "EPT"),
        ("cpu-nested-paging", AMD, Severity.PASS, "NPT"),
        ("cpu-nested-paging", changed(INTEL, lacks=("ept",), kvm={"parameters": {}}), Severity.WARN, "Nehalem"),
        (
            "cpu-nested-paging",
            changed(INTEL, kvm={"parameters": {"kvm_intel.ept": "N"}}),
            Severity.WARN,
            "kvm_intel.ept=0",
        ),
        ("cpu-nested-paging", NESTED_GUEST, Severity.WARN, "vhv.enable"),
        ("cpu-nested-paging", without(INTEL), Severity.UNKNOWN, "see cpu-virtualisation"),
        ("cpu-unrestricted-guest", INTEL, Severity.PASS, "on"),
        ("cpu-unrestricted-guest", AMD, Severity.PASS, "real mode"),
        (
            "cpu-unrestricted-guest",
            changed(INTEL, kvm={"parameters": {"kvm_intel.unrestricted_guest": "N"}}),
            Severity.WARN,
            "Westmere",
        ),
        ("cpu-unrestricted-guest", changed(INTEL, kvm={"parameters": {}}), Severity.UNKNOWN, "modprobe kvm_intel"),
        ("kvm-nested", INTEL, Severity.INFO, "on:"),
        ("kvm-nested", AMD, Severity.INFO, "on:"),
        ("kvm-nested", changed(AMD, kvm={"parameters": {"kvm_amd.nested": "0"}}), Severity.INFO, "kvm_amd nested=1"),
        ("kvm-nested", changed(AMD, kvm={"parameters": {}}), Severity.UNKNOWN, "modprobe kvm_amd"),
        ("kvm-nested", changed(AMD, kvm={"device": None, "parameters": {}}), Severity.UNKNOWN, "record"),
        ("kvm-nested", without(AMD), Severity.UNKNOWN, "see cpu-virtualisation"),
    ],
)
def test_what_kvm_makes_of_the_processor(code: str, machine: Machine, severity: Severity, told: str) -> None:
    found = finding(machine, code)

    assert (found.severity, told in words(found)) == (severity, True), words(found)


@pytest.mark.parametrize(
    ("manufacturer", "product", "vendor", "processor", "path"),
    [
        ("HPE", "ProLiant DL380 Gen10", "HPE", INTEL, "RBSU) → Virtualization Options → Intel Virtualization"),
        ("HP", "ProLiant DL380 Gen9", "HP", INTEL, "System Options → Virtualization Options"),
        ("HP", "ProLiant DL380p Gen8", "HP", INTEL, "System Options → Processor Options"),
        (
            "Lenovo",
            "ThinkSystem SR650 -[7X06CTO1WW]-",
            "Lenovo",
            INTEL,
            "F1 → UEFI Setup → System Settings → Processors",
        ),
        ("Supermicro", "SYS-6029P-TR", "American Megatrends Inc.", INTEL, "Supermicro: Del → Advanced"),
        ("FUJITSU", "PRIMERGY RX2540 M5", "FUJITSU", INTEL, "Fujitsu PRIMERGY: F2 → Advanced → CPU Configuration"),
        ("Cisco Systems Inc", "UCSC-C220-M5SX", "Cisco Systems, Inc.", INTEL, "Cisco IMC → Compute → BIOS"),
        ("Intel(R) Client Systems", "NUC8i7BEH", "Intel Corp.", INTEL, "Intel NUC: F2 → Advanced → Security"),
        ("Intel Corporation", "S2600WFT", "Intel Corporation", INTEL, "Processor Configuration"),
        ("ASUS", "System Product Name", "American Megatrends Inc.", AMD, "ASUS: Del, F7"),
        ("ASRockRack", "X570D4U", "American Megatrends Inc.", AMD, "ASRock: F2 or Del → Advanced"),
        (
            "Gigabyte Technology Co., Ltd.",
            "X570 UD",
            "American Megatrends",
            AMD,
            "Tweaker → Advanced CPU Settings → SVM",
        ),
        ("Micro-Star International Co., Ltd.", "MS-7C02", "American Megatrends", AMD, "MSI: Del, F7"),
        (
            "Wortmann",
            "TERRA",
            "American Megatrends Inc.",
            INTEL,
            "AMI Aptio: Del or F2 → Advanced → CPU Configuration",
        ),
        ("Unheard-of", "Box", "Unheard-of", INTEL, "an entry “Intel Virtualization Technology”, “VT-x” or “VMX”"),
        ("", "", "", AMD, "an entry “SVM Mode”, “AMD-V” or “Secure Virtual Machine”"),
    ],
)
def test_the_remedy_speaks_the_words_of_the_machines_own_firmware(
    manufacturer: str, product: str, vendor: str, processor: Machine, path: str
) -> None:
    off = without(processor, feature_control=0x1, vm_cr=0x18)
    machine = changed(
        off, product=Product(manufacturer, product), firmware=Firmware(FirmwareMode.BIOS, vendor=vendor)
    )

    assert path in finding(machine, "cpu-virtualisation").remedy
