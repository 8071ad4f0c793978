"""Which disk and interface an answer file means, and why some are refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.answer_files import DHCP, GIB, answers, machine, made_machine

from trebol_common.answers import Answers
from trebol_common.errors import BadInput, Refused
from trebol_hardware.machine import Content, Disk, FirmwareMode, Machine, NetworkInterface, Partition
from trebol_installer.interfaces import select_interface
from trebol_installer.select import select_disks


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
    assert "X  pci-1  holds ext4 'photos'" in str(caught.value) and "X  pci-2  empty" in str(caught.value)


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
    assert "sdb2: vfat" in text and "linux_raid_member 'oldnode:0' of oldnode:0" in text


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
    (Disk("vda", 40 * GIB, read_only=True), FirmwareMode.UEFI, "is read-only"),
    (Disk("vda", 40 * GIB, logical_sector=4096), FirmwareMode.BIOS, "from which GRUB cannot boot by BIOS"),
    (Disk("vda", 40 * GIB, mountpoints=("/srv",)), FirmwareMode.UEFI, "is in use: mounted at /srv"),
    (Disk("vda", 40 * GIB, holders=("bcache0",)), FirmwareMode.UEFI, "is in use by bcache0"),
    (
        Disk("vda", 40 * GIB, partitions=(Partition("vda1", 1, 0, GIB, mountpoints=("/mnt", "/x")),)),
        FirmwareMode.UEFI,
        "mounted at /mnt, /x",
    ),
    (
        Disk("vda", 40 * GIB, partitions=(Partition("vda1", 1, 0, GIB, holders=("md127",)),)),
        FirmwareMode.UEFI,
        "in use by md127",
    ),
]


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
    assert "/dev/disk/by-id/virtio-d1: is not empty: gpt; vda1: vfat 'EFI' (1.0 GiB); vda3: LVM2_member of" in text
    assert 'set wipe = "confirmed" in [disk-setup]' in text


def test_its_loss_can_be_confirmed_even_with_open_volumes_of_an_interrupted_run() -> None:
    assert select_disk(made_machine(OLD), answers(("disk-setup.wipe", "confirmed"))) is OLD


def test_a_confirmation_does_not_count_for_what_a_filter_finds() -> None:
    found = replace(OLD, udev={"ID_BUS": "virtio"})
    wanted = answers(
        ("disk-setup.disk-list", None), ("disk-setup.filter", {"ID_BUS": "*"}), ("disk-setup.wipe", "confirmed")
    )

    with pytest.raises(Refused) as caught:
        select_disk(made_machine(found), wanted)

    assert 'disk-list = ["virtio-d1"] and wipe = "confirmed"' in str(caught.value)


def test_an_empty_partition_table_counts_as_content() -> None:
    with pytest.raises(Refused, match="is not empty: gpt"):
        select_disk(made_machine(Disk("vda", 40 * GIB, content=(Content("gpt"),))), answers())


def test_a_group_named_trebol_on_another_disk_is_refused_naming_that_disk() -> None:
    other = Disk("vdb", GIB, by_id=("virtio-d2",), content=(Content("LVM2_member", member_of="trebol"),))

    with pytest.raises(Refused, match="virtio-d2: holds a volume group named trebol"):
        select_disk(made_machine(Disk("vda", 40 * GIB), other), answers())


def test_a_group_that_also_lies_on_another_disk_is_refused() -> None:
    member = (Content("LVM2_member", member_of="pve"),)
    disks = (Disk("vda", 40 * GIB, content=member), Disk("vdb", 40 * GIB, by_id=("virtio-d2",), content=member))

    with pytest.raises(Refused, match="volume group pve also lies on /dev/disk/by-id/virtio-d2"):
        select_disk(made_machine(*disks), answers(("disk-setup.wipe", "confirmed")))


def test_all_reasons_are_told_at_once() -> None:
    disk = replace(OLD, read_only=True, logical_sector=4096, mountpoints=("/a",))

    with pytest.raises(Refused) as caught:
        select_disk(made_machine(disk, mode=FirmwareMode.BIOS), answers())

    assert len(caught.value.problems) == 4


NIC = NetworkInterface


@pytest.mark.parametrize(
    ("carriers", "name", "note", "warning"),
    [
        ((False, True), "n1", "", ""),
        ((True, True), "n0", "n0 is the first interface with a link; so have n1", ""),
        ((None, False), "n0", "", "no interface has a link; n0 (00:00:00:00:00:00) was taken"),
    ],
)
def test_dhcp_takes_the_first_interface_with_a_link(
    carriers: tuple[bool | None, ...], name: str, note: str, warning: str
) -> None:
    nics = tuple(NIC(f"n{i}", f"00:00:00:00:00:0{i}", carrier=carrier) for i, carrier in enumerate(carriers))

    chosen = select_interface(made_machine(interfaces=nics), answers(*DHCP))

    assert chosen.interface.name == name
    assert "; ".join(chosen.notes) == note
    assert "; ".join(chosen.warnings) == warning


def test_a_machine_without_interfaces_is_refused() -> None:
    with pytest.raises(Refused, match="no network interface"):
        select_interface(made_machine(interfaces=()), answers(*DHCP))


@pytest.mark.parametrize(
    ("filters", "name"),
    [
        ({"INTERFACE": "ens1f0*"}, "ens1f0np0"),
        ({"ID_NET_NAME_ONBOARD": "eno8303"}, "eno8303"),
        ({"ID_NET_NAME_MAC": "enxb83fd24a1061", "NO_SUCH": "x"}, "ens1f1np1"),
    ],
)
def test_a_static_address_goes_to_the_interface_of_the_filter(filters: dict[str, str], name: str) -> None:
    assert select_interface(RACK, answers(("network.filter", filters))).interface.name == name


def test_a_filter_for_two_interfaces_lists_them() -> None:
    with pytest.raises(BadInput) as caught:
        select_interface(RACK, answers(("network.filter", {"INTERFACE": "eno*"})))

    text = str(caught.value)
    assert 'network.filter: INTERFACE = "eno*" matches 2 interfaces' in text
    assert "eno8303      b0:7b:25:d1:00:10  link 1000 Mbit/s  NetXtreme BCM5720" in text
    assert "eno8403      b0:7b:25:d1:00:11  no link" in text and "ens1f0np0" not in text


def test_a_filter_for_none_lists_all_interfaces() -> None:
    with pytest.raises(BadInput, match="matches no interface") as caught:
        select_interface(RACK, answers(("network.filter", {"INTERFACE": "wlan*"})))
    assert "ens1f1np1" in str(caught.value)


def test_a_static_interface_without_a_link_is_warned_about() -> None:
    chosen = select_interface(RACK, answers(("network.filter", {"INTERFACE": "eno8403"})))

    assert chosen.warnings == ("eno8403 has no link: check its cable",)
