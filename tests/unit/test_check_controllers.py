"""What a server is told of its RAID controllers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.sound_machine import GUEST, HDD, MACHINE, SSD, but, run, told

from trebol_hardware.checks.controllers import CHECKS, family_of
from trebol_hardware.checks.finding import Severity
from trebol_hardware.checks.registry import Role
from trebol_hardware.facts import PciDevice
from trebol_hardware.machine import Content, Machine, Partition

PASS, INFO, UNKNOWN, WARN, FAIL = Severity

PERC = PciDevice("0000:18:00.0", "010400", "1000", "005d", "Broadcom", "PERC H730P Mini", "megaraid_sas")
RST = PciDevice("0000:00:17.0", "010400", "8086", "2822", "Intel", "SATA Controller [RAID mode]", "ahci")
VMD = PciDevice("0000:00:0e.0", "010400", "8086", "9a0b", "Intel", "Volume Management Device", "vmd")
HBA = PciDevice("0000:19:00.0", "010700", "1000", "00af", "Broadcom", "SAS3408", "mpt3sas")
AHCI = PciDevice("0000:00:17.0", "010601", "8086", "a182", "Intel", "C620 SATA", "ahci")

VOLUME = replace(HDD, name="sdx", model="PERC H730P Mini", pci=PERC.address, transport="scsi")
PASSED_THROUGH = replace(HDD, name="sdy", pci=PERC.address, transport="sas")
POOL = replace(VOLUME, partitions=(Partition("sdx1", 1, 2**20, 2**40, (Content("zfs_member", "tank", "", "tank"),)),))


@pytest.mark.parametrize(
    ("code", "machine", "severity", "words"),
    [
        ("raid-controllers", MACHINE, PASS, "no hardware RAID"),
        ("raid-controllers", but(pci=(HBA, AHCI)), PASS, "no hardware RAID"),
        ("raid-controllers", but(pci=(PERC,)), UNKNOWN, "perccli64"),
        ("raid-controllers", but(pci=(replace(PERC, driver="hpsa"),)), UNKNOWN, "ssacli"),
        ("raid-controllers", but(pci=(replace(PERC, driver="arcmsr"),)), UNKNOWN, "cli64"),
        ("raid-controllers", but(pci=(replace(HBA, class_code="010400"),)), UNKNOWN, "sas3ircu"),
        ("raid-controllers", but(pci=(PERC,), disks=(POOL,)), WARN, "ZFS is on its volumes (sdx)"),
        ("raid-controllers", but(pci=()), UNKNOWN, "trebol machine probe"),
        ("raid-controllers", GUEST, PASS, "hypervisor"),
        ("raid-firmware", MACHINE, PASS, "no RAID"),
        ("raid-firmware", but(pci=(AHCI, PERC)), PASS, "no RAID"),
        ("raid-firmware", but(pci=(RST,)), WARN, "AHCI"),
        ("raid-firmware", but(pci=(VMD,)), WARN, "VMD"),
        ("raid-firmware", but(pci=(replace(RST, driver=""),)), WARN, "do not show at all"),
        ("raid-firmware", but(pci=(replace(RST, driver="", vendor_id="1022"),)), WARN, "Linux driver"),
        ("raid-firmware", but(pci=()), UNKNOWN, "PCI"),
        ("system-mirror", MACHINE, INFO, "none is needed"),
        ("system-mirror", but(disks=(SSD,)), INFO, "second disk"),
        ("system-mirror", but(pci=(PERC,), disks=(VOLUME,)), INFO, "behind a RAID controller"),
        ("system-mirror", but(disks=(PASSED_THROUGH, HDD), pci=(PERC,)), INFO, "no RAID volumes"),
        ("system-mirror", GUEST, INFO, "look at the host"),
        ("ceph-osd-raid", but(pci=(replace(PERC, model="PERC H710 Mini"),), disks=(VOLUME,)), WARN, "no HBA mode"),
        ("ceph-osd-raid", but(pci=(replace(PERC, model="PERC H310 Mini"),), disks=(VOLUME,)), WARN, "HBA mode"),
        ("ceph-osd-raid", but(pci=(PERC,)), PASS, "no disk behind"),
        ("ceph-osd-raid", but(pci=(PERC,), disks=(VOLUME, SSD)), WARN, "HBA"),
        ("ceph-osd-raid", but(pci=(PERC,), disks=(VOLUME, PASSED_THROUGH)), WARN, "sdx"),
        ("ceph-osd-raid", but(pci=(PERC,), disks=(PASSED_THROUGH,)), INFO, "passes its disks through"),
        ("ceph-osd-raid", but(pci=(HBA,), disks=(replace(HDD, pci=HBA.address),)), PASS, "no disk behind"),
        ("ceph-osd-raid", but(pci=()), UNKNOWN, "PCI"),
    ],
)
def test_controllers_are_judged(code: str, machine: Machine, severity: Severity, words: str) -> None:
    finding = run(CHECKS, code, machine)

    assert finding.severity is severity
    assert words.lower() in told(finding).lower()


def test_the_switch_to_hba_mode_is_named_in_the_words_of_the_vendors_menu() -> None:
    finding = run(CHECKS, "ceph-osd-raid", but(pci=(PERC,), disks=(VOLUME,)))

    assert "Dell" in finding.remedy


@pytest.mark.parametrize("device", [HBA, AHCI, RST, VMD], ids=lambda device: device.driver)
def test_hbas_and_firmware_raid_are_no_hardware_raid(device: PciDevice) -> None:
    assert family_of(device) is None


def test_raid_is_a_fault_only_under_ceph() -> None:
    assert next(check.role for check in CHECKS if check.code == "ceph-osd-raid") is Role.CEPH_OSD
