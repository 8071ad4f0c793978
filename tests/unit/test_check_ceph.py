"""What a host of Ceph's daemons is told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.sound_machine import GUEST, HDD, PORT, SSD, SYSTEM, TB, but, run, told

from trebol_hardware.checks import ceph, ceph_disks
from trebol_hardware.checks.finding import Severity
from trebol_hardware.checks.osd_disks import is_empty, osd_disks
from trebol_hardware.checks.registry import Role
from trebol_hardware.machine import LVM_MEMBER, Content, Disk, Machine, Partition, Processor

PASS, INFO, UNKNOWN, WARN, FAIL = Severity

GB = 10**9
CHECKS = (*ceph_disks.CHECKS, *ceph.CHECKS)

#: The brief's worked example, per server: 2 x Xeon E5-2620v2, 32 GB, 10 Gbit/s, 2 x 80 GB for the system, 2 x Intel
#: DC S3500 80 GB for journals, 4 x 4 TB.
JOURNAL = replace(SSD, name="sdc", size=80 * GB, transport="sata", model="INTEL SSDSC2BB080G4")
BRIEF_DISKS = (
    replace(SYSTEM, name="sda", size=80 * GB),
    replace(SYSTEM, name="sdb", size=80 * GB),
    JOURNAL,
    replace(JOURNAL, name="sdd"),
    *(replace(HDD, name=f"sd{letter}") for letter in "efgh"),
)
BRIEF = but(
    disks=BRIEF_DISKS,
    memory=32 * GB,
    processor=Processor("GenuineIntel", "Intel(R) Xeon(R) CPU E5-2620 v2 @ 2.10GHz", 2, 12, 24),
    interfaces=(PORT,),
)

OSD = replace(HDD, name="sdo", content=(Content(LVM_MEMBER, member_of="ceph-0a1b"),))
OLD = replace(HDD, name="sdz", partitions=(Partition("sdz1", 1, 2**20, TB, (Content("ext4"),)),))


def cores(threads: int, machine: Machine = BRIEF) -> Machine:
    return replace(machine, processor=replace(machine.processor, cores=threads, threads=threads))


def links(*speeds: int | None) -> Machine:
    return but(interfaces=tuple(replace(PORT, name=f"eno{n}", speed=speed) for n, speed in enumerate(speeds)))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_a_server_of_the_briefs_example_passes_or_is_told_where_ceph_asks_for_more_today(check: object) -> None:
    assert callable(check)
    assert check(BRIEF).severity is PASS


@pytest.mark.parametrize(
    ("code", "machine", "severity", "words"),
    [
        ("ceph-mon-cores", cores(1), WARN, "threads: 1,"),
        ("ceph-mon-cores", cores(2), PASS, "threads: 2,"),
        ("ceph-mon-memory", but(memory=2 * GB - 1), FAIL, "kill"),
        ("ceph-mon-memory", but(memory=2 * GB), WARN, "recovery"),
        ("ceph-mon-memory", but(memory=6 * GB), PASS, "GiB"),
        ("ceph-mon-memory", but(memory=0), UNKNOWN, "does not say how much"),
        ("ceph-mon-cores", cores(0), UNKNOWN, "neither cores nor threads"),
        ("mixed-memory", replace(BRIEF, memory=0), UNKNOWN, "/proc/meminfo"),
        ("ceph-mon-network", links(), FAIL, "no link"),
        ("ceph-mon-network", links(100), FAIL, "100 Mbit/s"),
        ("ceph-mon-network", links(1000), PASS, "1000"),
        ("ceph-mon-network", links(None), UNKNOWN, "trebol check network"),
        ("ceph-mon-network", links(None, 1000), PASS, "1000"),
        ("ceph-osd-cores", cores(3), FAIL, "fewer daemons"),
        ("ceph-osd-cores", cores(4), WARN, "under load"),
        ("ceph-osd-cores", cores(8), PASS, "threads: 8,"),
        ("ceph-osd-cores", but(disks=()), UNKNOWN, "ceph-osd-disks"),
        ("ceph-osd-memory", replace(BRIEF, memory=9 * GB - 1), FAIL, "kill"),
        ("ceph-osd-memory", replace(BRIEF, memory=9 * GB), WARN, "recovery"),
        ("ceph-osd-memory", replace(BRIEF, memory=17 * GB), PASS, "GiB"),
        ("ceph-osd-memory", but(disks=()), UNKNOWN, "ceph-osd-disks"),
        ("ceph-osd-network", links(10_000), PASS, "10000"),
        ("ceph-osd-network", links(1000), WARN, "3 hours"),
        ("ceph-osd-network", links(1000, 1000), INFO, "10 Gbit/s"),
        ("ceph-osd-network", links(100), FAIL, "1 Gbit/s"),
        ("ceph-osd-network", links(None, 1000), UNKNOWN, "measure"),
        ("ceph-mds-cores", cores(1), FAIL, "processors"),
        ("ceph-mds-cores", cores(2), WARN, "threads: 2,"),
        ("ceph-mds-cores", cores(4), PASS, "threads: 4,"),
        ("ceph-mds-memory", but(memory=2 * GB - 1), FAIL, "memory"),
        ("ceph-mds-memory", but(memory=2 * GB), WARN, "memory"),
        ("ceph-mds-memory", but(memory=3 * GB), PASS, "GiB"),
        ("ceph-mds-network", links(100), FAIL, "100"),
        ("mixed-cores", cores(5), FAIL, "fewer daemons"),
        ("mixed-cores", cores(6), WARN, "load"),
        ("mixed-cores", cores(12), PASS, "threads: 12,"),
        ("mixed-memory", replace(BRIEF, memory=10 * GB - 1), FAIL, "kill"),
        ("mixed-memory", replace(BRIEF, memory=10 * GB), WARN, "recovery"),
        ("mixed-memory", replace(BRIEF, memory=29 * GB), PASS, "GiB"),
        ("ceph-osd-disks", but(disks=(SYSTEM,)), FAIL, "fit a disk"),
        ("ceph-osd-disks", but(disks=(SYSTEM, OLD)), WARN, "wipefs"),
        ("ceph-osd-disks", but(disks=(SYSTEM, HDD)), PASS, "0 in use, 1 free (sda)"),
        ("ceph-osd-disks", but(disks=(SYSTEM, OSD)), PASS, "1 in use, 0 free (sdo)"),
        ("ceph-osd-disks", but(disks=(SYSTEM, replace(HDD, transport="usb"))), FAIL, "none"),
        ("ceph-osd-shared", but(disks=(SYSTEM, HDD)), PASS, "no OSD"),
        ("ceph-osd-shared", but(disks=(SYSTEM, OSD)), PASS, "sdo"),
        ("ceph-osd-shared", but(disks=(replace(OSD, partitions=SYSTEM.partitions),)), WARN, "shares its disk"),
        ("ceph-osd-journals", but(disks=(SYSTEM,)), UNKNOWN, "ceph-osd-disks"),
        ("ceph-osd-journals", but(disks=(SYSTEM, SSD)), PASS, "no hard disk"),
        ("ceph-osd-journals", but(disks=(SYSTEM, HDD)), WARN, "twice"),
        ("ceph-osd-journals", but(disks=(SYSTEM, JOURNAL, *[HDD] * 6)), WARN, "too many"),
        ("ceph-osd-journals", but(disks=(SYSTEM, JOURNAL, *[HDD] * 5)), PASS, "hard disks: 5, SSDs for them: 1"),
        (
            "ceph-osd-journals",
            but(disks=(SYSTEM, replace(JOURNAL, transport="nvme"), *[HDD] * 10)),
            PASS,
            "disks: 10",
        ),
        ("ceph-osd-journals", GUEST, INFO, "host"),
        ("ceph-osd-ssds", but(disks=(SYSTEM, HDD)), PASS, "no SSD"),
        ("ceph-osd-ssds", but(disks=(SYSTEM,)), UNKNOWN, "no disk for an OSD"),
        ("ceph-osd-ssds", but(disks=(SYSTEM, replace(SSD, model="CT1000MX500SSD1"))), WARN, "client SSD"),
        ("ceph-osd-ssds", but(disks=(SYSTEM, replace(SSD, model="ACME"))), UNKNOWN, "data sheet"),
        ("ceph-osd-ssds", but(disks=(SYSTEM, replace(SSD, transport="usb"))), FAIL, "eMMC"),
        ("ceph-osd-ssds", GUEST, INFO, "host"),
    ],
)
def test_hosts_of_ceph_are_judged(code: str, machine: Machine, severity: Severity, words: str) -> None:
    finding = run(CHECKS, code, machine)

    assert finding.severity is severity
    assert words.lower() in told(finding).lower()


def test_what_osds_need_is_reckoned_for_the_disks_that_are_there() -> None:
    memory = run(CHECKS, "ceph-osd-memory", BRIEF).requirement
    threads = run(CHECKS, "ceph-osd-cores", BRIEF).requirement

    assert memory.minimum.startswith("9 GB: 2 GB for each OSD")
    assert "the brief: 0.5 GB" in memory.minimum
    assert memory.recommended.startswith("17 GB: 4 GB for each")
    assert (threads.minimum[:2], threads.recommended[:2]) == ("4:", "8:")
    assert "the project's brief, Ceph" in memory.source
    assert "docs.ceph.com" in memory.source


def test_the_briefs_small_ssds_are_taken_for_journals_and_not_for_osds() -> None:
    found = osd_disks(BRIEF)

    assert [disk.name for disk in found.for_data] == ["sde", "sdf", "sdg", "sdh"]
    assert [disk.name for disk in found.for_journals] == ["sdc", "sdd"]


def test_an_ssd_as_large_as_the_hard_disks_counts_as_an_osd() -> None:
    large = replace(SSD, size=HDD.size)

    assert osd_disks(but(disks=(SYSTEM, HDD, large))).for_data == (HDD, large)


def test_before_the_installation_one_empty_disk_is_kept_for_the_system() -> None:
    found = osd_disks(but(disks=(replace(HDD, name="sda"), replace(HDD, name="sdb"), JOURNAL)))

    assert [disk.name for disk in found.free] == ["sda", "sdb"]


def test_a_system_on_a_stick_leaves_all_disks_to_ceph() -> None:
    stick = replace(SYSTEM, name="sdx", transport="usb")

    assert [disk.name for disk in osd_disks(but(disks=(stick, HDD))).free] == ["sda"]


@pytest.mark.parametrize(
    ("disk", "empty"),
    [
        (HDD, True),
        (replace(HDD, content=(Content("gpt"),)), True),
        (replace(HDD, content=(Content("ext4"),)), False),
        (replace(HDD, holders=("md0",)), False),
        (replace(HDD, mountpoints=("/srv",)), False),
        (OLD, False),
    ],
)
def test_only_disks_with_nothing_on_them_are_free(disk: Disk, empty: bool) -> None:
    assert is_empty(disk) is empty


@pytest.mark.parametrize(
    ("role", "codes"),
    [
        (Role.CEPH_MON, {"ceph-mon-cores", "ceph-mon-memory", "ceph-mon-network"}),
        (Role.CEPH_MDS, {"ceph-mds-cores", "ceph-mds-memory", "ceph-mds-network"}),
        (Role.MIXED, {"mixed-cores", "mixed-memory"}),
    ],
)
def test_each_daemon_has_checks_of_its_own(role: Role, codes: set[str]) -> None:
    assert {check.code for check in CHECKS if check.role is role} == codes
