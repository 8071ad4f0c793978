"""What the probe reads from disks, and which it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.machines.superblocks import bcache, bluestore, ext4, osd_meta
from tests.unit.fakesys import FakeSystem

from trebol_common.run import ScriptedRunner
from trebol_hardware.facts import DiskHealth
from trebol_hardware.machine import Content, Disk, Firmware, FirmwareMode, Machine, Processor, Volume, VolumeKind
from trebol_hardware.probe import lvm
from trebol_hardware.probe.contents import contents, dashed
from trebol_hardware.probe.health import NO_ANSWER
from trebol_hardware.probe.inside import looked_into

GOLDEN = Path(__file__).parent / "golden"
OSD, CLUSTER = "1d5c3b1a-2f4e-4a6c-8b0d-9e7f5a3c1b2d", "b8f5a1f2-3c4d-11f0-9a1b-3cecef010203"
TAGS = f"ceph.osd_id=3,ceph.osd_fsid={OSD},ceph.cluster_fsid={CLUSTER},ceph.cephx_lockbox_secret=s3cret"
PVS = (
    '{"report": [{"pvseg": [{"pv_uuid": "pv-1", "vg_name": "ceph-a", "vg_uuid": "vg-1",'
    f' "lv_name": "osd-block-x", "lv_tags": "{TAGS},ceph.type=TYPE"}}]}}]}}'
)
BLUESTORE = Content("ceph_bluestore", uuid=OSD, member_of="osd.3", group_uuid=CLUSTER)


def machine(*disks: Disk, volumes: tuple[Volume, ...] = ()) -> Machine:
    processor = Processor("GenuineIntel", "Xeon", 1, 1, 1)
    return Machine("x86_64", Firmware(FirmwareMode.UEFI), processor, 2**30, disks=disks, volumes=volumes)


def pvs(answer: str, *more: str) -> ScriptedRunner:
    return ScriptedRunner().expect(*lvm.COMMAND, *more, stdout=answer)


def test_a_real_report_of_lvm_names_groups_and_osds() -> None:
    found = lvm.parse((GOLDEN / "pvs-segments.json").read_text())

    assert {(member.group, len(member.osds)) for member in found.values()} == {("ceph-a", 1), ("ceph-a", 0)}
    (osd,) = next(member.osds for member in found.values() if member.osds)
    assert (osd.volume, osd.content.member_of, osd.content.group_uuid) == ("osd-block-x", "osd.3", "bbbb")


@pytest.mark.parametrize(("part", "label"), [("block", ""), ("db", "db"), ("wal", "wal")])
def test_a_volume_that_is_not_active_shows_its_osd_on_the_disk(tmp_path: Path, part: str, label: str) -> None:
    disk = Disk("sda", 2**40, content=(Content("LVM2_member", uuid="pv-1"),))

    found = looked_into(machine(disk), pvs(PVS.replace("TYPE", part)), tmp_path)

    member = Content("LVM2_member", uuid="pv-1", member_of="ceph-a", group_uuid="vg-1")
    osd = Content("ceph_bluestore", label, OSD, "osd.3", CLUSTER)
    assert found.disks[0].content == (member, osd)
    assert "s3cret" not in found.to_json()


def test_a_volume_that_is_active_shows_its_osd_itself(tmp_path: Path) -> None:
    disk = Disk("sda", 2**40, content=(Content("LVM2_member", uuid="pv-1"),))
    path = "/dev/mapper/ceph--a-osd--block--x"
    volume = Volume("dm-0", VolumeKind.LVM, path, 2**39, ("sda",), content=(Content("ceph_bluestore"),))
    system = FakeSystem(tmp_path)
    system.write("dev/dm-0", bluestore(OSD, 2**39, meta=osd_meta(3, CLUSTER)))

    found = looked_into(machine(disk, volumes=(volume,)), pvs(PVS), tmp_path)

    assert [content.kind for content in found.disks[0].content] == ["LVM2_member"]
    assert found.volumes[0].content == (BLUESTORE,)


@pytest.mark.parametrize(
    ("content", "data", "expected"),
    [
        (Content("ceph_bluestore"), bluestore(OSD, 2**40, meta=osd_meta(3, CLUSTER)), BLUESTORE),
        (
            Content("ceph_bluestore"),
            bluestore(OSD, 2**40, "bluefs db"),
            Content("ceph_bluestore", label="bluefs db", uuid=OSD),
        ),
        (Content("ceph_bluestore"), bytes(4096), Content("ceph_bluestore")),
        (Content("ext4", size=2**22), ext4(1000, 400), Content("ext4", size=2**22, used=600 * 4096)),
        (Content("bcache", uuid=OSD), bcache(OSD, CLUSTER), Content("bcache", uuid=OSD, group_uuid=CLUSTER)),
        (Content("ntfs"), b"NTFS", Content("ntfs")),
    ],
)
def test_contents_tell_more_when_they_are_read(
    tmp_path: Path, content: Content, data: bytes, expected: Content
) -> None:
    FakeSystem(tmp_path).write("dev/sda", data)

    found = looked_into(machine(Disk("sda", 2**40, content=(content,))), ScriptedRunner(), tmp_path)

    assert found.disks[0].content == (expected,)


def test_a_device_that_cannot_be_read_keeps_what_udev_knows(tmp_path: Path) -> None:
    disk = Disk("sda", 2**40, content=(Content("ext4", "data"),))
    assert looked_into(machine(disk), ScriptedRunner(), tmp_path).disks == (disk,)


@pytest.mark.parametrize("health", [DiskHealth(asleep=True), DiskHealth(unknown=NO_ANSWER)], ids=["asleep", "hung"])
def test_neither_a_silent_disk_nor_what_stands_on_it_is_read(tmp_path: Path, health: DiskHealth) -> None:
    system = FakeSystem(tmp_path)
    held = Content("ext4")
    volume = Volume("md127", VolumeKind.RAID, "/dev/md127", below=("sda", "sdb"), content=(held,))
    above = Volume("dm-0", VolumeKind.CRYPT, "/dev/mapper/x", below=("md127",), content=(held,))
    for name in ("sda", "md127", "dm-0", "sdc"):
        system.write(f"dev/{name}", ext4(1000, 400))
    disks = (Disk("sda", 1, content=(held,), health=health), Disk("sdb", 1, content=(held,)), Disk("sdc", 1))
    awake = Disk("sdc", 1, content=(held,))

    found = looked_into(machine(*disks[:2], awake, volumes=(volume, above)), ScriptedRunner(), tmp_path)

    assert [disk.content[0].used for disk in found.disks] == [None, None, 600 * 4096]
    assert [volume.content[0].used for volume in found.volumes] == [None, None]


@pytest.mark.parametrize("kind", ["map", "suspended"])
def test_what_could_wait_for_ever_is_not_read(tmp_path: Path, kind: str) -> None:
    system = FakeSystem(tmp_path)
    system.write("dev/dm-0", ext4(1000, 400))
    system.write("sys/block/dm-0/dm/suspended", "1" if kind == "suspended" else "0")
    made = VolumeKind.MULTIPATH if kind == "map" else VolumeKind.CRYPT
    volume = Volume("dm-0", made, "/dev/mapper/x", below=("sda",), content=(Content("ext4"),))
    disk = Disk("sda", 1, content=(Content("mpath_member"),))

    assert looked_into(machine(disk, volumes=(volume,)), ScriptedRunner(), tmp_path).volumes == (volume,)


def test_physical_volumes_on_arrays_are_asked_for_too(tmp_path: Path) -> None:
    disk = Disk("sda", 1, content=(Content("linux_raid_member"),))
    volume = Volume(
        "md127", VolumeKind.RAID, "/dev/md127", below=("sda",), content=(Content("LVM2_member", uuid="pv-1"),)
    )

    found = looked_into(machine(disk, volumes=(volume,)), pvs(PVS.replace(TAGS, "")), tmp_path)

    assert found.volumes[0].content[0].member_of == "ceph-a"


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        (
            {"ID_FS_TYPE": "zfs_member", "ID_FS_LABEL": "tank", "ID_FS_UUID": "119473812"},
            Content("zfs_member", "tank", "119473812", "tank", "119473812"),
        ),
        (
            {"ID_FS_TYPE": "linux_raid_member", "ID_FS_LABEL": "node:0", "ID_FS_UUID": "3a5b7c9d-1e2f"},
            Content("linux_raid_member", "node:0", "3a5b7c9d-1e2f", "node:0", "3a5b7c9d-1e2f"),
        ),
        ({"ID_FS_TYPE": "ext4", "ID_FS_SIZE": "4096"}, Content("ext4", size=4096)),
        (
            {"ID_FS_TYPE": "vfat", "ID_FS_LASTBLOCK": "1000", "ID_FS_BLOCKSIZE": "512"},
            Content("vfat", size=512000),
        ),
        ({"ID_FS_TYPE": "ext4", "ID_FS_SIZE": "many"}, Content("ext4")),
        ({"ID_FS_TYPE": "ext4", "ID_FS_LASTBLOCK": "9" * 18, "ID_FS_BLOCKSIZE": "4096"}, Content("ext4")),
    ],
)
def test_udev_tells_groups_and_sizes(properties: dict[str, str], expected: Content) -> None:
    assert contents(properties) == (expected,)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3A5B7C9D:1e2f4031:82435465:76879809", "3a5b7c9d-1e2f-4031-8243-546576879809"),
        ("no uuid", "no uuid"),
        ("", ""),
    ],
)
def test_uuids_have_one_form(text: str, expected: str) -> None:
    assert dashed(text) == expected
