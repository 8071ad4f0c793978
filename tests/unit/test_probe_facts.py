"""What the probe finds out for the checks alone: virtualisation, PCI, memory, bonds, clock, BMC."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest
from tests.unit import smbios_tables as tables
from tests.unit.fakesys import FakeSystem
from tests.unit.sound_machine import but

from trebol_common.run import Completed
from trebol_hardware.checks.finding import Severity
from trebol_hardware.checks.network import drivers
from trebol_hardware.facts import Bmc, Bond, Clock, MemoryErrors, NumaNode, PciDevice, Watchdog
from trebol_hardware.probe import clock, disks, kvm, links, management, memory, network, pci, processor, smbios

ROOT_PORT = "pci0000:00/0000:00:1c.0"


@pytest.fixture
def system(tmp_path: Path) -> FakeSystem:
    return FakeSystem(tmp_path)


def register(system: FakeSystem, number: int, value: int) -> None:
    """A model-specific register in a file with nothing before it."""
    path = system.write("dev/cpu/0/msr", b"")
    with path.open("r+b") as file:
        file.seek(number)
        file.write(value.to_bytes(8, "little"))


def test_processors_tell_their_family_and_what_they_are_vulnerable_to(system: FakeSystem) -> None:
    system.write(
        "proc/cpuinfo",
        "processor : 0\nvendor_id : GenuineIntel\ncpu family : 6\nmodel : 106\nstepping : 6\nmicrocode : 0xd0003b9\n",
    )
    system.attributes(processor.VULNERABILITIES, {"meltdown": "Not affected", "mds": "Vulnerable"})

    found = processor.read(system.root)

    assert (found.family, found.model_number, found.stepping, found.microcode) == (6, 106, 6, "0xd0003b9")
    assert found.vulnerabilities == {"mds": "Vulnerable", "meltdown": "Not affected"}


@pytest.mark.parametrize(
    ("vendor", "number", "feature_control", "vm_cr"),
    [
        ("GenuineIntel", 0x3A, 0x5, None),
        ("AuthenticAMD", 0xC0010114, None, 0x5),
        ("HygonGenuine", 0xC0010114, None, 0x5),
    ],
)
def test_the_register_that_firmware_locks_is_that_of_the_make(
    system: FakeSystem, vendor: str, number: int, feature_control: int | None, vm_cr: int | None
) -> None:
    register(system, number, 0x5)
    found = kvm.read(system.root, vendor)
    assert (found.feature_control, found.vm_cr) == (feature_control, vm_cr)


def test_without_the_msr_module_the_register_is_unknown(system: FakeSystem) -> None:
    assert kvm.read(system.root, "GenuineIntel").feature_control is None


def test_a_missing_kvm_device_is_told_from_one_that_does_not_work(system: FakeSystem) -> None:
    missing = kvm.read(system.root, "GenuineIntel")
    assert (missing.device, missing.opens, missing.creates, missing.error) == (False, False, False, "ENOENT")

    system.write("dev/kvm", b"")
    broken = kvm.read(system.root, "GenuineIntel")
    assert (broken.device, broken.opens, broken.creates, broken.error) == (True, True, False, "ENOTTY")


@pytest.mark.parametrize(("creates", "error"), [(True, ""), (False, "ENODEV")])
def test_kvm_is_tried_and_nothing_of_it_stays_open(
    system: FakeSystem, monkeypatch: pytest.MonkeyPatch, creates: bool, error: str
) -> None:
    device = system.write("dev/kvm", b"")

    def ioctl(descriptor: int, request: int, argument: int) -> int:
        assert request == kvm.KVM_CREATE_VM
        if not creates:
            raise OSError(errno.ENODEV, "no such device")
        return os.open(device, os.O_RDONLY)

    monkeypatch.setattr("fcntl.ioctl", ioctl)
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert kvm.try_kvm(device) == (True, True, creates, error)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_parameters_are_those_of_kvms_modules(system: FakeSystem) -> None:
    system.attributes("sys/module/kvm_intel/parameters", {"ept": "Y", "nested": "Y"})
    system.attributes("sys/module/kvm/parameters", {"ignore_msrs": "N"})
    system.attributes("sys/module/ext4/parameters", {"debug": "N"})
    assert kvm.read(system.root, "").parameters == {
        "kvm.ignore_msrs": "N",
        "kvm_intel.ept": "Y",
        "kvm_intel.nested": "Y",
    }


def test_the_kernels_own_words_on_virtualisation_are_kept(system: FakeSystem) -> None:
    system.write(
        "dev/kmsg",
        "6,1,0,-;Command line: quiet intel_iommu=on\n"
        "6,10,100,-;x86/cpu: VMX (outside TXT) disabled by BIOS\n"
        " SUBSYSTEM=cpu\n"
        "6,11,110,-;pci 0000:00:00.0: Adding to iommu group 0\n"
        "6,12,120,-;DMAR: IOMMU enabled\n"
        "6,13,130,-;EXT4-fs (sda2): mounted\n"
        "30,14,140,-;systemd[1]: Started kvm thing\n"
        "3,15,150,-;kvm: support for 'kvm_intel' disabled by bios\n"
        "3,16,160,-;kvm: support for 'kvm_intel' disabled by bios\n",
    )
    assert kvm.messages(system.root) == (
        "x86/cpu: VMX (outside TXT) disabled by BIOS",
        "DMAR: IOMMU enabled",
        "kvm: support for 'kvm_intel' disabled by bios",
    )


def test_a_flood_of_faults_fills_no_record(system: FakeSystem) -> None:
    system.write("dev/kmsg", "".join(f"3,{n},1,-;DMAR: fault addr {n:x}\n" for n in range(10_000)))
    assert len(kvm.messages(system.root)) == kvm.MOST_MESSAGES


def pci_function(system: FakeSystem, folder: str, values: dict[str, str]) -> None:
    system.attributes(f"sys/devices/{folder}", values)
    system.link(f"sys/bus/pci/devices/{folder.rsplit('/', 1)[1]}", f"sys/devices/{folder}")


def test_storage_and_networks_are_listed_with_what_they_hang_on(system: FakeSystem) -> None:
    controller = f"{ROOT_PORT}/0000:03:00.0"
    values = {"class": "0x010400", "vendor": "0x1000", "device": "0x005d", "numa_node": "1"}
    pci_function(system, controller, values)
    system.link(f"sys/devices/{controller}/driver", "sys/bus/pci/drivers/megaraid_sas")
    system.link(f"sys/devices/{controller}/iommu_group", "sys/kernel/iommu_groups/17")
    pci_function(system, "pci0000:00/0000:00:02.0", {"class": "0x030000"})
    pci_function(system, ROOT_PORT, {"class": "0x060400"})
    pci_function(system, "pci0000:80/0000:80:01.0", {"class": "0x020000", "numa_node": "-1"})
    pci_function(system, "pci0000:80/0000:80:01.1", {"class": "0x020000"})
    system.link("sys/devices/pci0000:80/0000:80:01.1/physfn", "sys/devices/pci0000:80/0000:80:01.0")
    system.udev.table["pci", "0000:03:00.0"] = {
        "ID_VENDOR_FROM_DATABASE": "Broadcom / LSI",
        "ID_MODEL_FROM_DATABASE": "MegaRAID SAS-3 3108",
    }

    assert pci.read(system.root, system.udev) == (
        PciDevice(
            "0000:03:00.0",
            class_code="010400",
            vendor_id="1000",
            device_id="005d",
            vendor="Broadcom / LSI",
            model="MegaRAID SAS-3 3108",
            driver="megaraid_sas",
            path=("0000:00:1c.0",),
            numa_node=1,
            iommu_group=17,
        ),
        PciDevice("0000:80:01.0", class_code="020000"),
    )


def test_a_virtual_function_kept_without_a_driver_for_a_guest_is_no_lost_controller(system: FakeSystem) -> None:
    pci_function(system, "pci0000:80/0000:80:01.0", {"class": "0x020000"})
    pci_function(system, "pci0000:80/0000:80:01.1", {"class": "0x020000"})
    system.link("sys/devices/pci0000:80/0000:80:01.0/driver", "sys/bus/pci/drivers/ixgbe")

    def lost() -> list[str]:
        found = drivers(but(pci=pci.read(system.root, system.udev)))
        return [detail.subject for detail in found.details if detail.severity is Severity.WARN]

    assert lost() == ["0000:80:01.1"]
    system.link("sys/devices/pci0000:80/0000:80:01.1/physfn", "sys/devices/pci0000:80/0000:80:01.0")
    assert lost() == []


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        (f"{ROOT_PORT}/0000:03:00.0/host0/target0:2:0/0:2:0:0/block", "0000:03:00.0"),
        ("pci10000:e0/10000:e0:01.0/10000:e1:00.0/nvme/nvme0", "10000:e1:00.0"),
        ("pci0000:00/0000:00:14.0/usb1/1-1/1-1:1.0/host1/target1:0:0/1:0:0:0/block", ""),
        ("virtual/nvme-subsystem/nvme-subsys0", "0000:65:00.0"),
    ],
)
def test_disks_name_the_pci_function_that_they_hang_on(system: FakeSystem, device: str, expected: str) -> None:
    controller = "sys/devices/pci0000:64/0000:65:00.0/nvme/nvme0"
    system.attributes(controller, {"state": "live"})
    system.link("sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0", controller)
    system.disk("nvme0n1", device, attributes={"queue/write_cache": "write back"})
    (disk,) = disks.read(system.root, system.udev)
    assert (disk.pci, disk.write_cache) == (expected, "write back")


def test_memory_errors_nodes_and_huge_pages_are_the_kernels(system: FakeSystem) -> None:
    system.attributes(f"{memory.EDAC}/mc0", {"ce_count": "3", "ue_count": "0"})
    system.attributes(f"{memory.EDAC}/power", {"control": "auto"})
    system.attributes(f"{memory.HUGE_PAGES}/hugepages-2048kB", {"nr_hugepages": "512"})
    system.attributes(memory.KSM.rpartition("/")[0], {"run": "1"})
    system.attributes(f"{memory.NODES}/node10", {"cpulist": "8-15", "meminfo": "Node 10 MemTotal:  1024 kB"})
    system.attributes(f"{memory.NODES}/node2", {"cpulist": "0-7", "meminfo": "Node 2 MemTotal:       2048 kB\nx"})

    found = memory.read(system.root, ())

    assert found.errors == (MemoryErrors("mc0", 3, 0),)
    assert found.huge_pages == {"2048kB": 512}
    assert found.ksm_running is True
    assert memory.numa(system.root) == (NumaNode(2, "0-7", 2 * 2**20), NumaNode(10, "8-15", 2**20))


@pytest.mark.parametrize(("run", "running"), [("0", False), ("2", False), ("1", True), (None, None)])
def test_ksm_runs_or_not_or_is_unknown(system: FakeSystem, run: str | None, running: bool | None) -> None:
    if run is not None:
        system.write(memory.KSM, run)
    assert memory.read(system.root, ()).ksm_running is running


def test_without_an_edac_driver_errors_are_unknown(system: FakeSystem) -> None:
    (system.root / memory.EDAC).mkdir(parents=True)
    assert memory.read(system.root, ()).errors is None


def test_bonds_have_their_mode_and_members(system: FakeSystem) -> None:
    folder = system.interface("bond0", None)
    system.attributes(f"{folder}/bonding", {"mode": "802.3ad 4", "slaves": "eno1 eno2"})
    system.interface("vmbr0", None)
    assert network.bonds(system.root) == (Bond("bond0", "802.3ad", ("eno1", "eno2")),)


@pytest.mark.parametrize(("text", "duplex"), [("full", "full"), ("half", "half"), ("unknown", "")])
def test_duplex_is_known_or_empty(system: FakeSystem, text: str, duplex: str) -> None:
    system.interface("eno1", "pci0000:00/0000:04:00.0", attributes={"duplex": text})
    (interface,) = network.read(system.root, system.udev, lambda name: "")
    assert interface.duplex == duplex


@pytest.mark.parametrize(
    ("stdout", "fastest"),
    [
        ('[{"ifname": "a", "supported-link-modes": ["10baseT/Half", "1000baseT/Full", "100baseT/Full"]}]', 1000),
        ('[{"ifname": "a", "supported-link-modes": ["25000baseCR/Full", "10000baseR_FEC"]}]', 25000),
        ('[{"ifname": "a", "supported-link-modes": []}]', None),
        ('[{"ifname": "a", "supported-link-modes": [7]}]', None),
        ("Settings for a:", None),
        ("[]", None),
        ("", None),
    ],
)
def test_the_fastest_link_mode_is_what_a_port_can_do(stdout: str, fastest: int | None) -> None:
    assert links.fastest(Completed(0, stdout)) == fastest


def test_the_clock_tells_its_source_daemon_and_hardware_clock(system: FakeSystem) -> None:
    system.attributes(clock.CLOCKSOURCE, {"current_clocksource": "tsc", "available_clocksource": "tsc hpet acpi_pm"})
    system.write("proc/1/comm", "systemd\n")
    system.write("proc/700/comm", "systemd-timesyn\n")
    system.write(clock.HARDWARE_CLOCK, "1000090\n")
    assert clock.read(system.root, lambda: 1_000_000.2) == Clock(
        source="tsc",
        available_sources=("tsc", "hpet", "acpi_pm"),
        daemon="systemd-timesyncd",
        hardware_clock_offset=90,
    )


def test_a_hardware_clock_in_local_time_is_not_off(system: FakeSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC-2")
    time.tzset()
    try:
        system.write(clock.HARDWARE_CLOCK, str(1_000_000 + 7200))
        system.write(clock.ADJTIME, "0.0 0 0.0\n0\nLOCAL\n")
        assert clock.read(system.root, lambda: 1_000_000).hardware_clock_offset == 0
    finally:
        monkeypatch.undo()
        time.tzset()


TRACKING = (
    "C0A80101,192.168.1.1,3,1795389313.65,-0.000123456,0.000000100,0.000000200,-8.1,0.0,0.02,0.001,0.0005,64.2,{}\n"
)
SOURCES = (
    "^,*,192.168.1.1,2,6,377,35,0.000000100,0.000000200,0.0004\n^,?,192.168.1.2,0,6,0,4294967295,0.0,0.0,0.0\n"
    "^,+,192.168.1.3,2,6,17,35,0.000000100,0.000000200,0.0004\n"
)


@pytest.mark.parametrize(
    ("tracking", "sources", "synchronised", "expected"),
    [
        pytest.param(
            Completed(0, TRACKING.format("Normal")),
            Completed(0, SOURCES),
            Completed(0, "NTPSynchronized=yes\n"),
            Clock(daemon="chronyd", synchronised=True, offset=123, servers=2),
            id="chronyd in step",
        ),
        pytest.param(
            Completed(0, TRACKING.format("Not synchronised")),
            Completed(0, ""),
            Completed(1, ""),
            Clock(daemon="chronyd", synchronised=False, offset=None, servers=0),
            id="chronyd without sources, and no systemd",
        ),
        pytest.param(
            Completed(1, "506 Cannot talk to daemon\n"),
            Completed(1, "506 Cannot talk to daemon\n"),
            Completed(0, "NTPSynchronized=no\n"),
            Clock(synchronised=False),
            id="no chronyd",
        ),
        pytest.param(Completed(127), Completed(127), Completed(127), Clock(), id="no programs"),
        pytest.param(
            Completed(0, TRACKING.format("Normal").replace("-0.000123456", "nan")),
            Completed(0, "a,b,c,d,e,9z,g\n"),
            Completed(0, "NTPSynchronized=perhaps\n"),
            Clock(daemon="chronyd", synchronised=True, offset=None, servers=0),
            id="absurd answers",
        ),
    ],
)
def test_the_clock_is_in_step_by_the_word_of_kernel_and_daemon(
    tracking: Completed, sources: Completed, synchronised: Completed, expected: Clock
) -> None:
    found = clock.with_answers(Clock(), tracking=tracking, sources=sources, synchronised=synchronised)
    assert found == expected


def test_a_bmc_is_described_by_its_driver_and_firmware(system: FakeSystem) -> None:
    system.attributes(
        f"{management.PLATFORM}/ipmi_bmc.0",
        {
            "manufacturer_id": "0x0002a2",
            "product_id": "0x0100",
            "firmware_revision": "6.10",
            "ipmi_version": "2.0",
        },
    )
    system.write("dev/ipmi0", b"")
    table = tables.ipmi(interface=1) + tables.host_interface(0x04)
    assert management.bmc(system.root, tuple(smbios.parse(table))) == Bmc(
        interface="kcs",
        device="/dev/ipmi0",
        manufacturer_id=674,
        product_id=256,
        firmware="6.10",
        ipmi_version="2.0",
        redfish=True,
    )


def test_a_machine_without_bmc_has_none(system: FakeSystem) -> None:
    assert management.bmc(system.root, ()) is None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" 11 c0 a8 00 78\n", "192.168.0.120"),
        (" 11 00 00 00 00\n", ""),
        (" 11 c0 a8\n", ""),
        ("Could not open device at /dev/ipmi0\n", ""),
        ("", ""),
    ],
)
def test_the_address_of_a_bmc_is_read_from_its_own_bytes(text: str, address: str) -> None:
    assert management.lan_address(text) == address


def test_watchdogs_are_listed_in_the_order_of_their_numbers(system: FakeSystem) -> None:
    system.attributes(f"{management.WATCHDOGS}/watchdog10", {"identity": "Software Watchdog", "timeout": "60"})
    system.attributes(f"{management.WATCHDOGS}/watchdog2", {"identity": "iTCO_wdt", "timeout": "30"})
    system.link(f"{management.WATCHDOGS}/watchdog2/device/driver", "sys/bus/platform/drivers/iTCO_wdt")
    assert management.watchdogs(system.root) == (
        Watchdog(2, "iTCO_wdt", "iTCO_wdt", 30),
        Watchdog(10, "Software Watchdog", "", 60),
    )


@pytest.mark.parametrize(("major", "version"), [("2", "2.0"), ("1", "1.2"), ("9", ""), (None, "")])
def test_a_tpm_has_one_of_two_versions(system: FakeSystem, major: str | None, version: str) -> None:
    if major is not None:
        system.attributes(management.TPM, {"tpm_version_major": major})
    assert management.tpm_version(system.root) == version
