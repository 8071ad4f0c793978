"""Which disks an answer file means, and why some are refused."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.answer_files import GIB, answers, machine, made_machine

from trebol_common.answers import Answers
from trebol_common.errors import BadInput, Refused
from trebol_hardware.machine import Content, Disk, FirmwareMode, Machine, Partition, Volume, VolumeKind
from trebol_hardware.systems import UNFINISHED_TREBOL
from trebol_installer.members import member_notes
from trebol_installer.select import select_disks, setup_problems


def select_disk(machine: Machine, wanted: Answers) -> Disk:
    """The disk of a layout on one."""
    (disk,) = select_disks(machine, wanted)
    return disk


RACK = machine("rack-server")

OLD = Disk(
    "vda",
    40 * GIB,
    by_id=("virtio-d1",),
    content=(Content("gpt"),),
    partitions=(
        Partition("vda1", 1, 1 << 20, GIB, (Content("vfat", label="EFI"),)),
        Partition("vda3", 3, 2 * GIB, 30 * GIB, (Content("LVM2_member", member_of="trebol"),), holders=("dm-0",)),
    ),
)


@pytest.mark.parametrize(
    "name",
    [
        "sdd",
        "/dev/sdd",
        "scsi-SSEAGATE_ST1200MM0009_WFK9ABC4",
        "/dev/disk/by-id/wwn-0x5000c500d1a0b10d",
        "/dev/disk/by-path/pci-0000:18:00.0-sas-exp0x500056b3a1b2c3ff-phy3-lun-0",
    ],
)
def test_a_disk_can_be_named_in_every_usual_way(name: str) -> None:
    assert select_disk(RACK, answers(("disk-setup.disk-list", [name]))).name == "sdd"


#: Two disks of one serial number, as cheap USB bridges have: /dev/disk/by-id/usb-X points at one of them only.
TWINS = (
    Disk(
        "sda", 40 * GIB, serial="X", by_id=("usb-X",), by_path=("pci-1",), content=(Content("ext4", label="photos"),)
    ),
    Disk("sdb", 40 * GIB, serial="X", by_id=("usb-X",), by_path=("pci-2",)),
)


@pytest.mark.parametrize("name", ["sdb", "pci-2"])
def test_a_disk_is_never_written_to_by_a_name_that_another_disk_has_too(name: str) -> None:
    chosen = select_disk(made_machine(*TWINS), answers(("disk-setup.disk-list", [name])))

    assert chosen.stable_path == "/dev/disk/by-path/pci-2"


def test_disks_with_all_names_in_common_keep_the_kernels() -> None:
    first, second = (replace(disk, by_path=()) for disk in TWINS)

    assert (
        select_disk(made_machine(first, second), answers(("disk-setup.disk-list", ["sdb"]))).stable_path == "/dev/sdb"
    )


def test_twins_are_told_apart_by_where_they_are() -> None:
    with pytest.raises(BadInput) as caught:
        select_disk(made_machine(*TWINS), answers(("disk-setup.disk-list", ["usb-X"])))

    assert "usb-X matches 2 disks" in str(caught.value)
    assert 'X  pci-1  holds ext4 "photos"' in str(caught.value) and "X  pci-2  empty" in str(caught.value)


@pytest.mark.parametrize("name", ["d", "dd", "sd", "dev/sdd", "by-id/wwn-0x5000c500d1a0b10d", "SDD", "sd*"])
def test_a_name_is_never_matched_in_part(name: str) -> None:
    with pytest.raises(BadInput, match="matches no disk"):
        select_disk(RACK, answers(("disk-setup.disk-list", [name])))


FILTERS = [
    ({"ID_SERIAL_SHORT": "S6RUNE0R401235"}, "any", "nvme1n1"),
    ({"DEVNAME": "/dev/nvme?n1", "ID_SERIAL_SHORT": "*1234"}, "all", "nvme0n1"),
    ({"DEVNAME": "/dev/sd[!abce]", "ID_BUS": "scsi"}, "all", "sdd"),
    ({"ID_SERIAL_SHORT": "*ABC4", "NO_SUCH_KEY": "*"}, "any", "sdd"),
]


@pytest.mark.parametrize(("filters", "how", "name"), FILTERS)
def test_a_filter_finds_the_disk_by_udev_properties(filters: dict[str, str], how: str, name: str) -> None:
    rack = with_udev(RACK)
    wanted = answers(("disk-setup.disk-list", None), ("disk-setup.filter", filters), ("disk-setup.filter-match", how))

    assert select_disk(rack, wanted).name == name


def with_udev(rack: Machine) -> Machine:
    """Every disk with the properties that the tests' filters ask for."""
    disks = tuple(
        replace(
            disk,
            udev={
                "DEVNAME": f"/dev/{disk.name}",
                "ID_SERIAL_SHORT": disk.serial,
                **({"ID_BUS": "scsi"} if disk.transport == "sas" else {}),
            },
        )
        for disk in rack.disks
    )
    return replace(rack, disks=disks)


def test_all_does_not_match_a_disk_without_the_property() -> None:
    disks = (Disk("vda", 40 * GIB, udev={"ID_BUS": "virtio"}), Disk("vdb", 40 * GIB, udev={"ID_MODEL": "x"}))
    wanted = answers(
        ("disk-setup.disk-list", None),
        ("disk-setup.filter", {"ID_BUS": "virtio", "ID_MODEL": "*"}),
        ("disk-setup.filter-match", "all"),
    )

    with pytest.raises(BadInput, match="matches no disk"):
        select_disk(made_machine(*disks), wanted)


def test_several_matches_are_listed_with_what_tells_them_apart() -> None:
    wanted = answers(("disk-setup.disk-list", None), ("disk-setup.filter", {"ID_SERIAL_SHORT": "WFK9ABC[12]"}))

    with pytest.raises(BadInput) as caught:
        select_disk(with_udev(RACK), wanted)

    text = str(caught.value)
    assert 'disk-setup.filter: ID_SERIAL_SHORT = "WFK9ABC[12]" matches 2 disks' in text
    assert (
        "sda         1.1 TiB  sas rotational  ST1200MM0009  WFK9ABC1  scsi-SSEAGATE_ST1200MM0009_WFK9ABC1  empty"
        in text
    )
    assert "sdb2: FAT" in text and "member of RAID array oldnode:0" in text


def test_a_filter_never_finds_the_medium() -> None:
    wanted = answers(("disk-setup.disk-list", None), ("disk-setup.filter", {"ID_SERIAL_SHORT": "4C5300*"}))

    with pytest.raises(BadInput, match="matches no disk"):
        select_disk(with_udev(RACK), wanted)


def test_a_machine_without_disks_is_told_so() -> None:
    bare = replace(made_machine(), disks=())

    with pytest.raises(BadInput, match="vda matches no disk") as caught:
        select_disk(bare, answers())
    assert "no disk was found" in str(caught.value)


REFUSED = [
    (replace(OLD, medium=True), FirmwareMode.UEFI, "is installation medium or virtual media"),
    (Disk("vda", 40 * GIB, read_only=True), FirmwareMode.UEFI, "can never be a target: read-only"),
    (Disk("vda", 40 * GIB, logical_sector=4096), FirmwareMode.BIOS, "from which nothing boots by BIOS"),
    (Disk("vda", 40 * GIB, content=(Content("unreadable"),)), FirmwareMode.UEFI, "cannot be read, so nobody knows"),
    (Disk("vda", 0), FirmwareMode.UEFI, "has no size"),
    (
        Disk("vda", 40 * GIB, by_id=("usb-AMI_Virtual_HDisk0_serial-0:0",)),
        FirmwareMode.UEFI,
        "virtual media of the management controller",
    ),
    (Disk("vda", 40 * GIB, mountpoints=("/isodevice",)), FirmwareMode.UEFI, "mounted at /isodevice"),
    (
        Disk("vda", 40 * GIB, partitions=(Partition("vda1", 1, 0, GIB, mountpoints=("/mnt", "/usr")),)),
        FirmwareMode.UEFI,
        "is in use by the running system: mounted at /usr",
    ),
]

#: In use, with nothing on it that anybody knows.
IN_USE = [
    (Disk("vda", 40 * GIB, mountpoints=("/srv",)), "is mounted at /srv"),
    (Disk("vda", 40 * GIB, holders=("bcache0",)), "is in use by bcache0"),
    (
        Disk("vda", 40 * GIB, partitions=(Partition("vda1", 1, 0, GIB, mountpoints=("/mnt", "/x")),)),
        "is mounted at /mnt, /x",
    ),
    (Disk("vda", 40 * GIB, partitions=(Partition("vda1", 1, 0, GIB, holders=("md127",)),)), "is in use by md127"),
]


@pytest.mark.parametrize(("disk", "told"), IN_USE, ids=[told for _, told in IN_USE])
def test_a_disk_in_use_is_let_go_of_only_once_its_loss_is_confirmed(disk: Disk, told: str) -> None:
    with pytest.raises(Refused, match=told):
        select_disk(made_machine(disk), answers())

    assert select_disk(made_machine(disk), answers(("disk-setup.wipe", "confirmed"))) == disk


@pytest.mark.parametrize(("disk", "mode", "told"), REFUSED, ids=[told for _, _, told in REFUSED])
def test_what_must_never_be_written_to_is_refused_even_when_confirmed(
    disk: Disk, mode: FirmwareMode, told: str
) -> None:
    with pytest.raises(Refused) as caught:
        select_disk(made_machine(disk, mode=mode), answers(("disk-setup.wipe", "confirmed")))

    assert told in str(caught.value)
    assert caught.value.exit_status == 3


def test_sectors_of_4096_bytes_are_fine_for_uefi() -> None:
    assert select_disk(machine("disk-4kn"), answers(("disk-setup.disk-list", ["sda"]))).name == "sda"


def test_a_disk_that_holds_something_is_refused_with_the_key_to_set() -> None:
    with pytest.raises(Refused) as caught:
        select_disk(made_machine(OLD), answers())

    text = str(caught.value)
    assert '/dev/disk/by-id/virtio-d1: is not empty: GPT; vda1: FAT "EFI" (1.0 GiB); vda3: LVM group' in text
    assert 'set wipe = "confirmed" in [disk-setup]' in text


def test_its_loss_can_be_confirmed_even_with_open_volumes_of_an_interrupted_run() -> None:
    wanted = answers(("disk-setup.disk-list", ["virtio-d1"]), ("disk-setup.wipe", "confirmed"))
    assert select_disk(made_machine(OLD), wanted) is OLD


def test_a_confirmation_does_not_count_for_a_name_that_may_be_another_disks_tomorrow() -> None:
    with pytest.raises(Refused, match="vda may be another disk each time") as caught:
        select_disk(made_machine(OLD), answers(("disk-setup.wipe", "confirmed")))

    assert 'disk-list = ["virtio-d1"]' in str(caught.value)


@pytest.mark.parametrize("mountpoints", [(), ("/mnt",)])
def test_an_installation_that_did_not_end_begins_again_without_a_yes_unless_somebody_looks_at_it(
    mountpoints: tuple[str, ...],
) -> None:
    content = Content("LVM2_member", member_of="trebol")
    left = Partition("vda3", 3, GIB, GIB, (content,), mountpoints)
    cut_off = replace(OLD, system=UNFINISHED_TREBOL, holders=(), mountpoints=(), partitions=(left,))
    if mountpoints:
        with pytest.raises(Refused, match="is not empty"):
            select_disk(made_machine(cut_off), answers())
    else:
        assert select_disk(made_machine(cut_off), answers()) is cut_off


def test_a_confirmation_does_not_count_for_what_a_filter_finds() -> None:
    found = replace(OLD, udev={"ID_BUS": "virtio"})
    wanted = answers(
        ("disk-setup.disk-list", None), ("disk-setup.filter", {"ID_BUS": "*"}), ("disk-setup.wipe", "confirmed")
    )

    with pytest.raises(Refused) as caught:
        select_disk(made_machine(found), wanted)

    assert 'disk-list = ["virtio-d1"] and wipe = "confirmed"' in str(caught.value)


def test_an_empty_partition_table_counts_as_content() -> None:
    with pytest.raises(Refused, match="is not empty: GPT"):
        select_disk(made_machine(Disk("vda", 40 * GIB, content=(Content("gpt"),))), answers())


def test_a_group_named_trebol_on_another_disk_is_refused_naming_that_disk() -> None:
    other = Disk("vdb", GIB, by_id=("virtio-d2",), content=(Content("LVM2_member", member_of="trebol"),))

    with pytest.raises(Refused, match="virtio-d2: holds a volume group or array named trebol"):
        select_disk(made_machine(Disk("vda", 40 * GIB), other), answers())


def on_other_disk(path: str, kind: VolumeKind, *, content: Content | None = None, group: str = "") -> Machine:
    """A blank vda, and a vdb on which a volume is open."""
    other = Disk("vdb", 40 * GIB, by_id=("virtio-d2",), content=(Content("crypto_LUKS"),))
    volume = Volume("dm-0", kind, path, GIB, ("vdb",), group, "u", (content,) if content else ())
    return replace(made_machine(Disk("vda", 40 * GIB), other), volumes=(volume,))


LUKS: dict[str, Any] = {"passphrase": "four leaves of clover"}
PV_INSIDE, POOL_INSIDE = Content("LVM2_member", member_of="trebol"), Content("zfs_member", "rpool", group_uuid="9")

#: What is open on another disk, the answers, what is said.
TAKEN_NAMES = [
    (
        on_other_disk("/dev/mapper/old", VolumeKind.CRYPT, content=PV_INSIDE),
        {},
        "holds a volume group or array named",
    ),
    (
        on_other_disk("/dev/mapper/trebol-root", VolumeKind.LVM, group="trebol"),
        {},
        "has /dev/mapper/trebol-root open",
    ),
    (on_other_disk("/dev/md/trebol", VolumeKind.RAID), {}, "has /dev/md/trebol open"),
    (
        on_other_disk("/dev/mapper/trebol-crypt1", VolumeKind.CRYPT),
        {"filesystem": "btrfs", "btrfs.raid": "raid0", "encryption": LUKS},
        "has /dev/mapper/trebol-crypt1 open",
    ),
    (
        on_other_disk("/dev/mapper/old", VolumeKind.CRYPT, content=POOL_INSIDE),
        {"filesystem": "zfs", "zfs": {"raid": "raid0"}},
        "holds a ZFS pool named rpool already",
    ),
]


@pytest.mark.parametrize(("machine", "setup", "told"), TAKEN_NAMES, ids=[told for *_, told in TAKEN_NAMES])
def test_a_name_of_the_node_that_is_taken_on_another_disk_is_refused(
    machine: Machine, setup: dict[str, Any], told: str
) -> None:
    changes = [(f"disk-setup.{key}", value) for key, value in setup.items()]
    with pytest.raises(Refused, match=f"virtio-d2: {re.escape(told)}"):
        select_disk(machine, answers(*changes))


def test_a_group_that_also_lies_on_another_disk_is_refused() -> None:
    member = (Content("LVM2_member", member_of="pve"),)
    disks = (Disk("vda", 40 * GIB, content=member), Disk("vdb", 40 * GIB, by_id=("virtio-d2",), content=member))

    with pytest.raises(Refused, match="volume group pve also lies on /dev/disk/by-id/virtio-d2"):
        select_disk(made_machine(*disks), answers(("disk-setup.wipe", "confirmed")))


def test_all_reasons_are_told_at_once() -> None:
    disk = replace(OLD, read_only=True, logical_sector=4096, mountpoints=("/a",))

    with pytest.raises(Refused) as caught:
        select_disk(made_machine(disk, mode=FirmwareMode.BIOS), answers())

    assert [problem.what.split(":")[0] for problem in caught.value.problems] == [
        "can never be a target",
        "can never be a target",
        "is not empty",
    ]


def chosen(machine: Machine, *changes: tuple[str, Any]) -> list[str]:
    """Names of the disks that the answers mean."""
    return [disk.name for disk in select_disks(machine, answers(*changes))]


def by(**filters: str) -> tuple[tuple[str, Any], ...]:
    """A filter, of which all must hold."""
    named = {key.replace("_", "-") if key.islower() else key: value for key, value in filters.items()}
    return (("disk-setup.disk-list", None), ("disk-setup.filter", named), ("disk-setup.filter-match", "all"))


def named(*names: str) -> tuple[str, Any]:
    return ("disk-setup.disk-list", list(names))


MIRROR = ("disk-setup.lvm.raid", "raid1")
PAIRS = ("disk-setup.lvm.raid", "raid10")
BTRFS = (("disk-setup.filesystem", "btrfs"), ("disk-setup.btrfs.raid", "raid1"))

HPE = machine("hpe-dl360-gen10")
EPYC = machine("supermicro-epyc-9004")


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ((named("sdd", "sda"), MIRROR), ["sdd", "sda"]),
        ((named("sdd", "scsi-SHPE_EG001200JWJNQ_WFK1HPE2"), *BTRFS), ["sdd", "sdb"]),
        ((named("sdb", "sda", "sdd", "sdc"), PAIRS), ["sdb", "sda", "sdd", "sdc"]),
        ((*by(transport="sas"), PAIRS), ["sda", "sdb", "sdc", "sdd"]),
        ((*by(transport="sas", position="2,4"), MIRROR), ["sdb", "sdd"]),
        ((*by(transport="sas", position="3"),), ["sdc"]),
    ],
)
def test_a_layout_gets_its_disks_in_the_order_of_the_list_or_of_their_places(
    changes: tuple[tuple[str, Any], ...], names: list[str]
) -> None:
    assert chosen(HPE, *changes) == names


def test_disks_of_a_filter_come_in_the_same_order_whatever_the_kernel_calls_them() -> None:
    swapped = {"sda": "sdd", "sdb": "sdc", "sdc": "sdb", "sdd": "sda"}
    disks = tuple(replace(disk, name=swapped[disk.name]) for disk in reversed(HPE.disks))

    assert chosen(replace(HPE, disks=disks), *by(transport="sas"), PAIRS) == ["sdd", "sdc", "sdb", "sda"]


COUNTS = [
    ((named("sda"), MIRROR), "disk-list: sda matches 1 disk; ext4 with lvm.raid", "wants 2 disks or more"),
    ((named("sda", "sdb"),), "disk-list: sda, sdb matches 2 disks; ext4 wants 1 disk", "or set lvm.raid for several"),
    ((named("sda", "sdb", "sdc"), PAIRS), "matches 3 disks; ext4 with lvm.raid = ", "make it match 4, 6, 8, … disks"),
    ((*by(transport="sas"),), 'filter: transport = "sas" matches 4 disks; ext4 wants 1 disk', "exactly one of these"),
    ((*by(transport="sas", position="2-3"),), 'transport = "sas", position = "2-3" matches 2 disks', "wants 1 disk"),
    ((*by(transport="nvme"), MIRROR), 'transport = "nvme" matches no disk; ext4 with', "sdd         1.1 TiB"),
    ((*by(serial="WFK1HPE2"), *BTRFS), "matches 1 disk; btrfs with btrfs.raid", "WFK1HPE2  empty  (matches)"),
    ((*by(size=">= 1T", position="5"),), 'size = ">= 1T", position = "5" matches no disk', "sda         1.1 TiB"),
]


@pytest.mark.parametrize(("changes", "told", "also"), COUNTS, ids=[told for _, told, _ in COUNTS])
def test_too_few_or_too_many_are_told_with_what_there_is_and_what_the_layout_wants(
    changes: tuple[tuple[str, Any], ...], told: str, also: str
) -> None:
    with pytest.raises(BadInput) as caught:
        chosen(HPE, *changes)

    assert told in str(caught.value) and also in str(caught.value)


def test_too_many_lists_those_found_and_too_few_lists_all() -> None:
    with pytest.raises(BadInput) as many:
        chosen(HPE, *by(serial="WFK1HPE[12]"))
    with pytest.raises(BadInput) as few:
        chosen(HPE, *by(serial="WFK1HPE[12]"), PAIRS)

    assert [name in str(many.value) for name in ("sda ", "sdb ", "sdc ", "sdd ")] == [True, True, False, False]
    assert [name in str(few.value) for name in ("sda ", "sdb ", "sdc ", "sdd ")] == [True] * 4
    assert str(few.value).count("(matches)") == 2


def test_all_that_is_wrong_with_a_list_of_names_is_told_at_once() -> None:
    with pytest.raises(BadInput) as caught:
        chosen(HPE, named("sda", "sdx", "/dev/disk/by-id/wwn-0x5000c50048504531", "sdy", "sda1"), MIRROR)

    text = str(caught.value)
    assert "sdx, sdy, sda1 matches no disk; ext4 with" in text
    assert text.count("sdd         1.1 TiB") == 1
    one_disk = HPE.disks[0].by_id[1]
    with pytest.raises(BadInput, match=f"sda and {one_disk} are one disk, sda"):
        chosen(HPE, named("sda", one_disk), MIRROR)


def test_a_filter_that_cannot_be_understood_is_told_before_any_disk_is_looked_at() -> None:
    with pytest.raises(BadInput, match="does not say how to compare"):
        chosen(made_machine(), *by(size="40G"))


def disk(name: str, *, size: int = 100 * GIB, serial: str = "", wwn: str = "", content: str = "") -> Disk:
    """A disk at a place of its own."""
    held = (Content("LVM2_member", member_of=content),) if content else ()
    links = (f"ata-{serial}",) if serial else ()
    return Disk(name, size, serial=serial, wwn=wwn, by_id=links, by_path=(f"pci-{name}",), content=held)


REFUSED_TOGETHER = [
    (
        (disk("sda", size=100 * GIB), disk("sdb", size=89 * GIB)),
        "wants disks of one size, within 10 %; these have /dev/disk/by-path/pci-sda: 100.0 GiB, /dev/disk/by-",
    ),
    (
        (disk("sda", serial="1", wwn="w"), disk("sdb", wwn="w")),
        "/dev/disk/by-path/pci-sdb (sdb): has the world wide name w of /dev/disk/by-id/ata-1 (sda) too: they are two",
    ),
    (
        (disk("sda", serial="1", wwn="w"), replace(disk("sdb", serial="1", wwn="w"), by_id=("scsi-1",))),
        "two paths to one disk",
    ),
    ((disk("sda"), disk("sdb", content="old")), "pci-sdb: is not empty: LVM group old"),
    ((disk("sda", content="old"), disk("sdb")), "pci-sda: is not empty"),
    ((disk("sda"), replace(disk("sdb"), read_only=True)), "pci-sdb: can never be a target: read-only"),
]


@pytest.mark.parametrize(("disks", "told"), REFUSED_TOGETHER, ids=[told for _, told in REFUSED_TOGETHER])
def test_disks_that_do_not_go_together_are_refused(disks: tuple[Disk, ...], told: str) -> None:
    with pytest.raises(Refused) as caught:
        chosen(made_machine(*disks), named("sda", "sdb"), MIRROR)

    assert told in str(caught.value)


GO_TOGETHER = [
    ((disk("sda", size=100 * GIB), disk("sdb", size=90 * GIB)), MIRROR),
    ((disk("sda", size=100 * GIB), disk("sdb", size=50 * GIB)), ("disk-setup.lvm", {"raid": "raid1", "hdsize": 50})),
    ((disk("sda", serial="1", wwn="v"), disk("sdb", serial="1", wwn="w")), MIRROR),
    ((disk("sda", serial="1", wwn="w"), disk("sdb", serial="2", wwn="w")), MIRROR),
]


@pytest.mark.parametrize(("disks", "layout"), GO_TOGETHER)
def test_disks_that_go_together_are_taken(disks: tuple[Disk, ...], layout: tuple[str, Any]) -> None:
    assert chosen(made_machine(*disks), named("sda", "sdb"), layout) == ["sda", "sdb"]


def test_a_stripe_takes_disks_of_any_size() -> None:
    disks = (disk("sda", size=100 * GIB), disk("sdb", size=50 * GIB))
    striped = (("disk-setup.filesystem", "btrfs"), ("disk-setup.btrfs.raid", "raid0"))

    assert chosen(made_machine(*disks), named("sda", "sdb"), *striped) == ["sda", "sdb"]


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ((100, 100), ()),
        (
            (100, 92),
            ("the disks differ in size (92.0 GiB to 100.0 GiB): of each, as much is used as the smallest has (sdb)",),
        ),
    ],
)
def test_it_is_noted_that_the_smallest_disk_counts(sizes: tuple[int, int], told: tuple[str, ...]) -> None:
    disks = [disk(f"sd{letter}", size=size * GIB) for letter, size in zip("ab", sizes, strict=True)]

    assert member_notes(disks, answers(named("sda", "sdb"), MIRROR).disk_setup) == told


def test_all_reasons_of_all_disks_are_told_at_once() -> None:
    disks = (
        replace(disk("sda", content="old"), mountpoints=("/home",)),
        replace(disk("sdb", size=50 * GIB, content="other"), read_only=True),
    )

    with pytest.raises(Refused) as caught:
        chosen(made_machine(*disks), named("sda", "sdb"), MIRROR)

    assert len(caught.value.problems) == 5


def test_each_disk_of_a_list_may_be_wiped_once_that_is_confirmed() -> None:
    disks = (disk("sda", content="old"), disk("sdb", content="old"))
    wipe = ("disk-setup.wipe", "confirmed")

    assert chosen(made_machine(*disks), named("pci-sda", "pci-sdb"), MIRROR, wipe) == ["sda", "sdb"]
    with pytest.raises(Refused) as caught:
        chosen(made_machine(*disks), *by(size="> 1G"), MIRROR, wipe)
    assert str(caught.value).count('disk-list = ["pci-sda", "pci-sdb"] and wipe = "confirmed"') == 2


@pytest.mark.parametrize(("filesystem", "fits"), [("ext4", False), ("xfs", False), ("btrfs", True)])
def test_a_group_named_trebol_elsewhere_is_in_the_way_of_another_such_group_only(filesystem: str, fits: bool) -> None:
    disks = (disk("sda"), disk("sdb", content="trebol"))
    changes = [named("sda"), ("disk-setup.filesystem", filesystem)]
    if fits:
        changes.append(("disk-setup.btrfs.raid", "raid0"))
        assert chosen(made_machine(*disks), *changes) == ["sda"]
    else:
        with pytest.raises(Refused, match="holds a volume group or array named trebol already"):
            chosen(made_machine(*disks), *changes)


def test_a_group_over_targets_and_another_disk_is_refused_with_the_way_out_of_it() -> None:
    disks = tuple(disk(f"sd{letter}", content="pve") for letter in "abc")

    with pytest.raises(Refused) as caught:
        chosen(made_machine(*disks), named("pci-sda", "pci-sdb"), MIRROR, ("disk-setup.wipe", "confirmed"))

    (problem,) = caught.value.problems
    assert "volume group pve also lies on /dev/disk/by-path/pci-sdc" in problem.what
    assert "pvmove" in problem.hint and "vgreduce pve" in problem.hint


#: A clone of `sda` in another box: one serial number, links of their own.
CLONES = (
    disk("sda", serial="X"),
    replace(disk("sdb", serial="X"), by_id=("usb-Box_X",)),
    disk("sdc", serial="Y"),
)


@pytest.mark.parametrize(
    "changes",
    [
        (named("ata-X"),),
        (named("/dev/disk/by-id/usb-Box_X"),),
        (named("sdc", "usb-Box_X"), MIRROR),
        by(by_id="usb-Box_X"),
        by(ID_SERIAL="b-X"),
        (*by(serial="X"), MIRROR),
    ],
)
def test_disks_of_one_serial_number_are_refused_when_that_is_what_names_them(
    changes: tuple[tuple[str, Any], ...],
) -> None:
    disks = tuple(replace(disk, udev={"ID_SERIAL": f"{disk.name[-1]}-{disk.serial}"}) for disk in CLONES)

    with pytest.raises(Refused) as caught:
        chosen(made_machine(*disks), *changes)

    assert "has the serial number X of /dev/disk/by-" in str(caught.value)
    assert "name it by where it is plugged in" in str(caught.value)


def test_a_link_made_of_a_serial_number_is_known_also_with_blanks_in_it() -> None:
    first, second = (disk(f"sd{letter}", serial="QM 01") for letter in "ab")
    disks = (replace(first, by_id=("ata-QM_01",)), replace(second, by_id=("usb-QM_01",)))

    with pytest.raises(Refused, match="has the serial number QM 01 of"):
        chosen(made_machine(*disks), named("ata-QM_01"))


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ((named("sdb"),), ["sdb"]),
        ((named("/dev/disk/by-path/pci-sdb"),), ["sdb"]),
        (by(by_path="pci-sdb"), ["sdb"]),
        (by(serial="X", by_path="pci-sdb"), ["sdb"]),
        (by(serial="X", position="2"), ["sdb"]),
        ((named("ata-Y"),), ["sdc"]),
        ((named("pci-sda", "pci-sdb"), MIRROR), ["sda", "sdb"]),
    ],
)
def test_disks_of_one_serial_number_may_be_named_by_where_they_are(
    changes: tuple[tuple[str, Any], ...], names: list[str]
) -> None:
    assert chosen(made_machine(*CLONES), *changes) == names


def test_namespaces_of_one_nvme_disk_are_told_apart_by_their_world_wide_names() -> None:
    first, second = (
        replace(disk(f"nvme0n{number}", serial="S"), wwn=f"eui.{number}", by_id=(f"nvme-Model_S_{number}",))
        for number in (1, 2)
    )

    assert chosen(made_machine(first, second), named("nvme-Model_S_2")) == ["nvme0n2"]


def test_twins_in_a_list_are_said_to_have_one_serial_number() -> None:
    with pytest.raises(BadInput) as caught:
        chosen(made_machine(*TWINS), named("usb-X"), MIRROR)

    assert "usb-X matches 2 disks, which have one serial number" in str(caught.value)
    assert "a name in /dev/disk/by-path" in str(caught.value)


def test_a_filter_finds_disks_by_names_that_they_share_so_as_to_say_so() -> None:
    with pytest.raises(BadInput, match=r'by-id = "usb-X" matches 2 disks; ext4 wants 1 disk'):
        chosen(made_machine(*TWINS), *by(by_id="usb-X"))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ((named("sda", "sdb"),), ["names 2 disks; ext4 wants 1 disk"]),
        ((named("sda", "sdb"), MIRROR), []),
        ((named("sda"), *BTRFS), ['names 1 disk; btrfs with btrfs.raid = "raid1" wants 2 disks or more']),
        (by(size="big", transport="nvme"), ["'big' does not say how to compare"]),
        (by(size="> 1T"), []),
    ],
)
def test_what_no_machine_is_needed_for_is_told_without_one(
    changes: tuple[tuple[str, Any], ...], told: list[str]
) -> None:
    problems = list(setup_problems(answers(*changes).disk_setup))

    assert [problem.what.startswith(start) for problem, start in zip(problems, told, strict=True)] == [True] * len(
        told
    )
