"""What users see of the recorded machines that are about their disks."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.effort import effort
from tests.machines.recorded import FOLDER, MACHINES, STORAGE, STORAGE_FOLDER, record
from tests.unit.test_checks_never_raise import anything
from typer.testing import CliRunner

from trebol_hardware.commands import app
from trebol_hardware.disk_report import WIDTH, render, target, to_members
from trebol_hardware.machine import Disk, Machine, Volume, VolumeKind
from trebol_hardware.targets import obstacles

#: By machine and disk: whether it can be a target, whose it seems to be, the codes of the obstacles, and words that
#: are shown (divided by |).
SHOWN: dict[str, dict[str, tuple[str, str, str, str]]] = {
    "bcache-xfs": {
        "sda": ("confirm", "", "active holds shared", 'bcache set 9d1f3b5c-7e20|/dev/bcache0|xfs "films", 3.3 TiB'),
        "sdb": ("confirm", "", "holds", "bcache set 0e1d2c3b-4a59"),
        "sdc": ("confirm", "", "active holds shared", "sdc1 195.3 GiB|/dev/bcache0|lies on sda (serial ZC1BC0) too"),
    },
    "ceph-osds": {
        "sda": ("confirm", "Ceph OSD", "holds", "Ceph osd.7 of cluster 0f0e0d0c-0b0a-11ec-8908-070605040302"),
        "sdb": ("confirm", "Ceph OSD", "active holds", "LVM group ceph-0a7c6b5d|Ceph osd.1 of cluster b8f5a1f2"),
        "sdc": ("confirm", "Ceph OSD", "holds shared", "Ceph osd.2 of cluster b8f5a1f2|Ceph osd.2 lies on nvme0n1"),
        "nvme0n1": ("confirm", "Ceph OSD", "holds shared", "(db)|Ceph osd.2 lies on sdc|2 % of its endurance"),
    },
    "emmc-box": {
        "mmcblk0": ("confirm", "Linux", "holds", "MMC eMMC or SD card DG4064|ext4, 16.0 GiB of 57.0 GiB used"),
        "mmcblk1": ("confirm", "", "holds", 'MBR|exFAT "CANON EOS"'),
    },
    "intel-rst": dict.fromkeys(
        ("sda", "sdb"),
        ("confirm", "Windows", "active holds shared", 'Intel RST|/dev/md126p3|NTFS "Windows"|/dev/md126 lies'),
    ),
    "md-raid10-lvm": dict.fromkeys(
        ("sda", "sdb", "sdc", "sdd"),
        (
            "confirm",
            "Linux",
            "mounted active holds shared",
            "member of RAID array files:0|RAID array, 6.9 TiB|LVM group my-files|/dev/mapper/my--files-srv|/mnt/srv",
        ),
    ),
    "nvme-namespaces": {
        "nvme0n1": ("confirm", "Linux", "holds", 'FAT, 7 MiB of 511 MiB used|ext4 "root", 99.0 GiB of 999.0 GiB'),
        "nvme0n2": ("confirm", "", "holds", 'sectors of 4096,|xfs "scratch", 823.9 GiB of 1023.9 GiB used'),
        "nvme0n3": ("yes", "", "", "It can be a target.|sectors of 512 on 4096|_3"),
    },
    "perc-esxi": {
        "sda": ("confirm", "VMware ESXi", "holds", 'RAID volume PERC H730P Mini|FAT "ESXi", 100 MiB'),
        "sdb": ("confirm", "VMware ESXi", "holds", 'VMFS "datastore1"'),
    },
    "proxmox-zfs": {
        "sda": ("confirm", "Proxmox VE", "holds shared", "ZFS pool rpool (guid 7730918273645546372)|lies on sdb"),
        "sdb": ("confirm", "Proxmox VE", "holds shared", "ZFS pool rpool (guid 7730918273645546372)|lies on sda"),
        "sdc": ("confirm", "Proxmox VE", "holds", "LVM group pve"),
    },
    "sas-multipath": {
        "sda": (
            "never",
            "",
            "multipath active holds shared",
            "/dev/mapper/mpatha-part1|never: a path of multipath map",
        ),
        "sdb": ("never", "", "multipath holds", "/dev/mapper/mpathb|choose a local disk"),
        "sdc": ("never", "", "multipath active holds shared", "SAS HDD|/dev/mapper/mpatha"),
        "sdd": ("never", "", "multipath holds", "/dev/mapper/mpathb"),
        "sde": ("yes", "", "", "SATA SSD INTEL|3 % of its endurance used"),
    },
    "smart-array-cciss": {
        "cciss/c0d0": ("confirm", "Linux", "holds", "LOGICAL VOLUME|cciss/c0d0p1|ext4, 125 MiB|LVM group vg_old"),
        "cciss/c0d1": ("yes", "", "", "/dev/disk/by-id/cciss-3600508b1001c"),
    },
    "truenas": {
        **dict.fromkeys(
            ("sda", "sdb", "sdc"),
            ("confirm", "FreeBSD/TrueNAS", "holds shared", "ZFS pool tank (guid 11947381204819572311)|ZC1NAS"),
        ),
        "sdd": ("confirm", "FreeBSD/TrueNAS", "holds", "ZFS pool boot-pool"),
    },
    "twin-serials": {
        "sda": (
            "confirm",
            "",
            "same-serial",
            "/dev/disk/by-path/pci-0000:00:14.0-usb-0:1|sdb: the same serial number",
        ),
        "sdb": (
            "confirm",
            "",
            "same-serial",
            "/dev/disk/by-path/pci-0000:00:14.0-usb-0:2|sda: the same serial number",
        ),
        "sdc": ("confirm", "", "second-path", "by-path|sdd: the same disk by another path"),
        "sdd": ("confirm", "", "second-path", "by-path|sdc: the same disk by another path"),
        "sde": ("yes", "", "", "/dev/disk/by-id/ata-ST4000NM0035-1V4107_ZC1ALONE"),
    },
    "usb-and-virtual-media": {
        "sda": (
            "never",
            "",
            "medium holds",
            "USB stick or disk Ultra_Fit|the medium that this machine was started from",
        ),
        "sdb": ("never", "", "bmc-media holds", "virtual media of the management controller"),
        "sdc": ("confirm", "Trebol", "holds", "FAT, 121 MiB used|LVM group trebol"),
    },
    "windows-dual": {
        "sda": ("confirm", "Windows, Linux", "holds", 'NTFS "Windows", 195.3 GiB|btrfs "fedora", 61.0 GiB used'),
        "sdb": ("confirm", "Windows", "holds", 'NTFS "Family photos"'),
    },
}

CASES = [(machine, disk) for machine, disks in SHOWN.items() for disk in disks]


def load(name: str) -> Machine:
    return Machine.load(STORAGE_FOLDER / f"{name}.json")


def paragraph(machine: Machine, disk: str) -> str:
    shown = render(machine).split("\n\n")
    return next(text for text in shown if text.split()[0] == disk)


def test_there_are_a_dozen_of_them_and_words_for_each() -> None:
    assert len(STORAGE) >= 12
    assert set(SHOWN) == set(STORAGE) == {path.stem for path in STORAGE_FOLDER.glob("*.json")}
    assert {name: [disk.name for disk in load(name).disks] for name in SHOWN} == {
        name: sorted(disks) for name, disks in SHOWN.items()
    }


@pytest.mark.parametrize("name", STORAGE)
def test_a_record_is_what_the_probe_makes_of_the_machine_today(name: str) -> None:
    text = (STORAGE_FOLDER / f"{name}.json").read_text(encoding="utf-8")

    assert record(name).to_json() == text, "python -m tests.machines.recorded writes the files anew"
    assert Machine.from_json(text).to_json() == text


@pytest.mark.parametrize(("name", "disk"), CASES)
def test_users_are_told_what_is_on_each_disk_and_what_stands_against_it(name: str, disk: str) -> None:
    machine = load(name)
    (found,) = [there for there in machine.disks if there.name == disk]
    against = obstacles(found, machine)

    usable, system, codes, _words = SHOWN[name][disk]

    assert (target(against).value, found.system) == (usable, system)
    assert [obstacle.code.value for obstacle in against] == codes.split()


@pytest.mark.parametrize(("name", "disk"), CASES)
def test_users_see_it_in_words(name: str, disk: str) -> None:
    shown = " ".join(paragraph(load(name), disk).split())
    assert [words for words in SHOWN[name][disk][3].split("|") if words not in shown] == [], shown


@pytest.mark.parametrize("name", [*STORAGE, *MACHINES])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_the_report_fits_80_columns_but_for_names_that_are_longer(name: str, ascii_only: bool) -> None:
    folder = STORAGE_FOLDER if name in STORAGE else FOLDER
    shown = render(Machine.load(folder / f"{name}.json"), ascii_only=ascii_only)

    too_long = [line for line in shown.splitlines() if len(line) > WIDTH]
    assert [line for line in too_long if " " in line.strip(" │├└─|`-")] == []
    assert shown.isascii() or not ascii_only


@pytest.mark.parametrize("name", STORAGE)
def test_the_command_gives_the_same_as_json(name: str) -> None:
    path = STORAGE_FOLDER / f"{name}.json"
    result = CliRunner().invoke(app, ["disks", "--machine", str(path), "--json"])

    assert result.exit_code == 0
    disks = {disk["name"]: disk for disk in json.loads(result.stdout)["disks"]}
    assert {name: disk["target"] for name, disk in disks.items()} == {
        disk: shown[0] for disk, shown in SHOWN[name].items()
    }
    assert list(disks.values()) == json.loads(json.dumps(to_members(load(name))))["disks"]
    for disk in disks.values():
        assert all(obstacle["what"] and obstacle["hint"] for obstacle in disk["obstacles"])


def test_no_secret_of_an_osd_is_recorded() -> None:
    text = (STORAGE_FOLDER / "ceph-osds.json").read_text(encoding="utf-8")
    assert "AQBtZSBo" not in text and "lockbox" not in text


def test_the_command_shows_the_disks_and_how_to_say_yes() -> None:
    path = str(STORAGE_FOLDER / "windows-dual.json")
    shown = CliRunner().invoke(app, ["disks", "--machine", path]).output
    assert "seems to be: Windows, Linux" in shown
    assert shown.split()[-5:] == ['"confirmed"', "in", "the", "answer", "file."]
    assert "Example: trebol machine disks" in CliRunner().invoke(app, ["disks", "--help"]).output


def test_a_volume_that_stands_on_several_has_its_branch_once() -> None:
    """A thin pool stands on its data and its metadata, and has many volumes on it."""
    below = {
        "dm-0": ("sda",),
        "dm-1": ("sda",),
        "dm-2": ("dm-0", "dm-1"),
        "dm-3": ("dm-2",),
        "dm-4": ("dm-2", "dm-4"),
    }
    volumes = tuple(Volume(name, VolumeKind.LVM, f"/dev/{name}", 2**30, under) for name, under in below.items())
    machine = replace(load("perc-esxi"), disks=(Disk("sda", 2**40),), volumes=volumes)

    lines = render(machine).splitlines()[4:13]

    assert lines == [
        "    ├─ /dev/dm-0 (logical volume, 1.0 GiB)",
        "    │  └─ /dev/dm-2 (logical volume, 1.0 GiB)",
        "    │     ├─ /dev/dm-3 (logical volume, 1.0 GiB)",
        "    │     └─ /dev/dm-4 (logical volume, 1.0 GiB)",
        "    │        └─ /dev/dm-4: see above",
        "    └─ /dev/dm-1 (logical volume, 1.0 GiB)",
        "       └─ /dev/dm-2: see above",
        "    only with your yes: it is in use: see above",
        "",
    ]


def test_without_disks_users_are_sent_to_the_controllers() -> None:
    assert "controllers" in render(replace(load("perc-esxi"), disks=()))


def test_control_characters_of_firmware_are_shown_and_never_sent() -> None:
    machine = load("windows-dual")
    evil = replace(machine.disks[0], model="\x1b[2Jgone", by_id=("ata-\x1b]0;x",))
    assert "\x1b" not in render(replace(machine, disks=(evil,)))


@settings(max_examples=effort(20), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    disks=st.lists(anything(Disk), max_size=3), volumes=st.lists(anything(Volume), max_size=3), plain=st.booleans()
)
def test_any_record_has_a_report_and_every_disk_a_verdict(
    disks: list[Disk], volumes: list[Volume], plain: bool
) -> None:
    machine = replace(load("perc-esxi"), disks=tuple(disks), volumes=tuple(volumes))

    assert render(machine, ascii_only=plain)
    assert [disk["target"] in ("yes", "confirm", "never") for disk in to_members(machine)["disks"]] == [True] * len(
        disks
    )
