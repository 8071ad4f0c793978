"""What a server is told of its disks: targets, sectors, power-loss protection, caches, health."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.sound_machine import GIB, GUEST, HDD, HEALTHY, MACHINE, SSD, but, run, told

from trebol_hardware.checks import disk_health, disks
from trebol_hardware.checks.finding import Severity
from trebol_hardware.checks.registry import Check
from trebol_hardware.checks.ssd_models import power_loss_protection
from trebol_hardware.facts import DiskHealth
from trebol_hardware.machine import Disk, Firmware, FirmwareMode, Machine

PASS, INFO, UNKNOWN, WARN, FAIL = Severity

CHECKS = (*disks.CHECKS, *disk_health.CHECKS)

STICK = Disk("sdb", 32 * GIB, transport="usb")
CLIENT = replace(SSD, model="Samsung SSD 980 PRO 1TB", write_cache="write back")
NAMELESS = replace(SSD, model="ACME 1", write_cache="write back")
VOLUME = replace(HDD, model="PERC H740P Mini", transport="scsi")
NATIVE_4K = replace(SSD, logical_sector=4096, physical_sector=4096)


def having(*there: Disk, mode: FirmwareMode = FirmwareMode.UEFI) -> Machine:
    return but(disks=there, firmware=Firmware(mode))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_sound_disks_pass_every_check(check: Check) -> None:
    assert check(MACHINE).severity is PASS


@pytest.mark.parametrize(
    ("code", "machine", "severity", "words"),
    [
        ("disk-target", having(), FAIL, "raid-controllers"),
        ("disk-target", having(replace(SSD, medium=True)), FAIL, "8 GiB"),
        ("disk-target", having(replace(SSD, read_only=True)), FAIL, "written"),
        ("disk-target", having(replace(SSD, size=4 * GIB)), FAIL, "8 GiB"),
        ("disk-target", having(SSD), WARN, "mirror"),
        ("disk-target", having(VOLUME), INFO, "raid-controllers"),
        ("disk-target", replace(GUEST, disks=GUEST.disks[:1]), INFO, "virtual disk"),
        ("disk-power-loss", having(replace(VOLUME, rotational=False)), UNKNOWN, "behind it"),
        ("disk-power-loss", having(VOLUME), UNKNOWN, "only its controller tells"),
        ("disk-write-cache", having(VOLUME), INFO, "raid-controllers"),
        ("disk-system", having(), UNKNOWN, "disk-target"),
        ("disk-system", having(STICK), WARN, "wear"),
        ("disk-system", having(replace(STICK, transport="mmc")), WARN, "eMMC"),
        ("disk-system", having(SSD, STICK), INFO, "sdb"),
        ("disk-sectors", having(), UNKNOWN, "disk-target"),
        ("disk-sectors", having(replace(SSD, physical_sector=4096)), INFO, "512e"),
        ("disk-sectors", having(NATIVE_4K), INFO, "UEFI boots"),
        ("disk-sectors", having(NATIVE_4K, mode=FirmwareMode.BIOS), FAIL, "UEFI mode"),
        ("disk-sectors", having(SSD, NATIVE_4K, mode=FirmwareMode.BIOS), INFO, "cannot boot"),
        ("disk-power-loss", having(HDD), PASS, "no SSD"),
        ("disk-power-loss", having(CLIENT), INFO, "data centre"),
        ("disk-power-loss", having(NAMELESS), UNKNOWN, "data sheet"),
        ("disk-power-loss", GUEST, INFO, "host"),
        ("disk-write-cache", having(), UNKNOWN, "disk-target"),
        ("disk-write-cache", having(CLIENT), INFO, "lost with power"),
        ("disk-write-cache", having(replace(SSD, write_cache="write back")), PASS, "nvme0n1"),
        ("disk-write-cache", having(NAMELESS), INFO, "UPS"),
        ("disk-write-cache", having(replace(HDD, write_cache="write back")), INFO, "smartctl -s wcache,off /dev/sda"),
        ("disk-write-cache", having(replace(HDD, write_cache="")), UNKNOWN, "smartctl -g wcache /dev/sda"),
        ("disk-write-cache", GUEST, INFO, "host"),
        ("disk-health", having(), UNKNOWN, "disk-target"),
        ("disk-health", GUEST, INFO, "host"),
    ],
)
def test_disks_are_judged(code: str, machine: Machine, severity: Severity, words: str) -> None:
    finding = run(CHECKS, code, machine)

    assert finding.severity is severity
    assert words in told(finding)


@pytest.mark.parametrize(
    ("changes", "severity", "words"),
    [
        ({"passed": False}, FAIL, "failing"),
        ({"critical_warning": 0b100}, FAIL, "0x04"),
        ({"critical_warning": 0b10}, WARN, "0x02"),
        ({"spare": 9, "spare_threshold": 10}, FAIL, "threshold of 10 %"),
        ({"spare": 10, "spare_threshold": 10}, PASS, ""),
        ({"spare": 20}, WARN, "At most 20 %"),
        ({"spare": 21}, PASS, ""),
        ({"used": 79}, PASS, "79 %"),
        ({"used": 80}, WARN, "80 %"),
        ({"used": 100}, WARN, "used up"),
        ({"used": 100, "passed": False}, FAIL, "Replace it"),
        ({"used": 100, "critical_warning": 0b100}, FAIL, "used up"),
        ({"pending": 1}, WARN, "read again: 1"),
        ({"uncorrectable": 2}, WARN, "corrected: 2"),
        ({"media_errors": 3}, WARN, "errors: 3"),
        ({"reallocated": 4}, WARN, "spare ones: 4"),
        ({"temperature": 69}, PASS, "69 °C"),
        ({"temperature": 70}, WARN, "70 °C"),
        ({"passed": None}, UNKNOWN, "no verdict"),
        ({"passed": None, "used": 120}, WARN, "120 %"),
        ({"passed": False, "pending": 1}, FAIL, "read again: 1"),
        ({"asleep": True}, UNKNOWN, "not woken"),
        ({"unknown": "behind a controller"}, UNKNOWN, "behind a controller"),
    ],
)
def test_health_is_judged(changes: dict[str, Any], severity: Severity, words: str) -> None:
    finding = run(CHECKS, "disk-health", having(replace(SSD, health=replace(HEALTHY, **changes))))

    assert finding.severity is severity
    assert words in told(finding)


@pytest.mark.parametrize("health", [None, DiskHealth()])
def test_health_that_nobody_told_is_unknown_with_how_to_find_out(health: DiskHealth | None) -> None:
    finding = run(CHECKS, "disk-health", having(replace(SSD, health=health)))

    assert finding.severity is UNKNOWN
    assert "smartctl --all /dev/nvme0n1" in finding.remedy


def test_hard_disks_may_be_less_hot_than_ssds() -> None:
    hot = replace(HEALTHY, temperature=60)

    assert run(CHECKS, "disk-health", having(replace(HDD, health=hot))).severity is WARN
    assert run(CHECKS, "disk-health", having(replace(SSD, health=hot))).severity is PASS


def test_one_failing_disk_among_good_ones_is_named() -> None:
    failing = replace(SSD, name="nvme9n1", health=replace(HEALTHY, passed=False))
    finding = run(CHECKS, "disk-health", having(SSD, failing, HDD))

    assert finding.reason.startswith("nvme9n1: ")
    assert finding.measured == "2 of 3 sound"


def test_a_disk_that_sleeps_does_not_hide_one_that_fails() -> None:
    sleeping = replace(HDD, health=DiskHealth(asleep=True))
    failing = replace(SSD, health=replace(HEALTHY, passed=False))

    assert run(CHECKS, "disk-health", having(sleeping, failing)).severity is FAIL


@pytest.mark.parametrize(
    ("protected", "model"),
    [
        (True, "SAMSUNG MZQL21T9HCJR-00A07"),
        (True, "SAMSUNG MZ7LH960HAJR-00005"),
        (True, "MZ7LM240HMHQ0D3"),
        (True, "Samsung SSD 883 DCT 480GB"),
        (True, "INTEL SSDSC2BB080G4"),
        (True, "INTEL SSDSC2KB480G8"),
        (True, "INTEL SSDPE2KX040T8"),
        (True, "SOLIDIGM SSDPF2KX019T1M"),
        (True, "Micron_5300_MTFDDAK1T9TDS"),
        (True, "Micron_7450_MTFDKBA480TFR"),
        (True, "KINGSTON SEDC500M1920G"),
        (True, "KIOXIA KCD81RUG7T68"),
        (True, "XA960LE10063"),
        (True, "Dell DC NVMe PM9A3 RI U.2 3.84TB"),
        (False, "Samsung SSD 870 EVO 1TB"),
        (False, "Samsung SSD 990 PRO with Heatsink 2TB"),
        (False, "SAMSUNG MZVL2512HCJQ-00BL7"),
        (False, "CT1000MX500SSD1"),
        (False, "Crucial_CT525MX300SSD1"),
        (False, "KINGSTON SA400S37240G"),
        (False, "WDC WDS250G1B0A-00H9H0"),
        (False, "WD_BLACK SN850X 1000GB"),
        (False, "INTEL SSDPEKNW512G8"),
        (False, "Micron_1100_MTFDDAK256TBN"),
        (None, ""),
        (None, "SAMSUNG MZ7LH512HALU-00000"),
        (None, "VK000960GWSRT"),
        (None, "PERC H730P Mini"),
        (None, "ST4000NM000A-2HZ100"),
    ],
)
def test_models_tell_whether_ssds_bear_power_loss(protected: bool | None, model: str) -> None:
    assert power_loss_protection(model) is protected
