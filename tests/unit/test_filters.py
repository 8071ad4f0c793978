"""Filters of disks: what each key finds, what is no filter, and in which order disks are counted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.answer_files import machine

from trebol_common.answers.model import FilterMatch
from trebol_common.errors import BadInput
from trebol_hardware.machine import Disk
from trebol_installer.filters import OWN_KEYS, find_disks, in_order, read_filter

RACK = machine("rack-server").disks

T = 10**12
TIB = 2**40


def found(filters: dict[str, str], disks: tuple[Disk, ...] = RACK, how: str = "any") -> list[str]:
    """Names of the disks that a filter finds."""
    return [disk.name for disk in find_disks(disks, read_filter(filters, FilterMatch(how)))]


NVME = ["nvme0n1", "nvme1n1"]
SAS = ["sda", "sdb", "sdc", "sdd"]
USB = ["sde", "sdf"]

FINDS: list[tuple[dict[str, str], list[str]]] = [
    ({"size": ">= 3.8T"}, NVME),
    ({"size": "> 3.5TiB"}, []),
    ({"size": "1T..2T"}, SAS),
    ({"size": "< 2 GiB"}, ["sdf"]),
    ({"transport": "nvme"}, NVME),
    ({"transport": "NVMe"}, NVME),
    ({"transport": "[ns]*"}, SAS + NVME),
    ({"rotational": "false"}, NVME),
    ({"model": "*pm9a3*"}, NVME),
    ({"model": "ST1200MM0009"}, SAS),
    ({"model": "ST1200"}, []),
    ({"serial": "WFK9ABC[13]"}, ["sda", "sdc"]),
    ({"serial": "wfk9abc1"}, []),
    ({"by-id": "wwn-0x5000c500d1a0b10d"}, ["sdd"]),
    ({"by_id": "wwn-0x5000c500d1a0b10d"}, ["sdd"]),
    ({"by-id": "/dev/disk/by-id/nvme-*1234"}, ["nvme0n1"]),
    ({"by-path": "pci-0000:18:*phy[01]-*"}, ["sda", "sdb"]),
    ({"by-path": "/dev/disk/by-path/pci-0000:66:*"}, ["nvme1n1"]),
    ({"ID_PATH": "pci-0000:66:*"}, ["nvme1n1"]),
    ({"NO_SUCH_PROPERTY": "*"}, []),
    ({"position": "1"}, ["sde"]),
    ({"transport": "sas", "position": "2"}, ["sdb"]),
    ({"transport": "sas", "position": "1-2"}, ["sda", "sdb"]),
    ({"transport": "sas", "position": "1, 3-4"}, ["sda", "sdc", "sdd"]),
    ({"transport": "sas", "position": "5"}, []),
]


@pytest.mark.parametrize(("filters", "names"), FINDS, ids=[str(filters) for filters, _ in FINDS])
def test_each_key_finds_what_it_says(filters: dict[str, str], names: list[str]) -> None:
    assert found(filters, how="all") == found(filters, how="any") == names


@pytest.mark.parametrize(("how", "names"), [("any", [*USB, *SAS, *NVME]), ("all", [])])
def test_any_and_all_hold_for_our_keys_as_for_udev_properties(how: str, names: list[str]) -> None:
    assert found({"transport": "nvme", "ID_PATH": "pci-0000:[01]*"}, how=how) == names


def test_all_with_keys_of_both_kinds_finds_what_has_both() -> None:
    assert found({"rotational": "true", "ID_BUS": "scsi", "serial": "*2"}, how="all") == ["sdb"]


@pytest.mark.parametrize(("how", "names"), [("any", ["sda"]), ("all", ["sdc"])])
def test_a_position_counts_among_what_the_other_keys_found(how: str, names: list[str]) -> None:
    assert found({"transport": "sas", "serial": "*[34]", "position": "1"}, how=how) == names


def test_what_is_not_known_of_a_disk_matches_nothing() -> None:
    bare = (Disk("vda", T),)

    for key in ("transport", "model", "serial", "by-id", "by-path"):
        assert found({key: "*"}, bare) == []


SIZES = [
    (">= 1T", T, True),
    (">= 1T", T - 1, False),
    ("> 1T", T, False),
    ("> 1T", T + 1, True),
    ("<= 1TB", T, True),
    ("< 1TB", T, False),
    ("< 1TiB", TIB - 1, True),
    ("<1tib", TIB, False),
    ("1T..1TiB", T, True),
    ("1T..1TiB", TIB, True),
    ("1T .. 1TiB", TIB + 1, False),
    (">= 1.5Ti", TIB * 3 // 2, True),
    (">= 1.92TB", 1920 * 10**9, True),
    ("<= 500107.862016M", 500107862016, True),
    ("512m..1k", 0, None),
]


@pytest.mark.parametrize(("text", "size", "is_so"), SIZES, ids=[f"{size} {text}" for text, size, _ in SIZES])
def test_sizes_are_compared_to_the_byte(text: str, size: int, is_so: bool | None) -> None:
    if is_so is None:
        with pytest.raises(BadInput, match="a range whose end is below its beginning"):
            found({"size": text})
    else:
        assert bool(found({"size": text}, (Disk("sda", size),))) is is_so


WRONG = [
    ("size", "1T", 'does not say how to compare; write ">= 1T"'),
    ("size", "= 1T", "does not say how to compare"),
    ("size", ">= 500", "has no size with its unit, such as 480G"),
    ("size", ">= 1,5T", "has no size with its unit"),
    ("size", ">= T", "has no size with its unit"),
    ("size", ">= 1X", "has no size with its unit"),
    ("size", "500G..", "has no size with its unit"),
    ("size", "1T..2T..3T", "has no size with its unit"),
    ("size", ">= \u0661T", "has no size with its unit"),
    ("rotational", "yes", 'is neither "true" nor "false"'),
    ("rotational", "True", 'is neither "true" nor "false"'),
    ("position", "0", "is no position, counted from 1"),
    ("position", "2-1", "is no position"),
    ("position", "first", "is no position"),
    ("position", "", "is no position"),
    ("position", "99999999999999999999", "is no position"),
    ("seral", "x", "is no key of a filter\n  → did you mean serial?"),
    ("SIZE", "x", "is no key of a filter\n  → did you mean size?"),
    ("磁盘", "x", "is no key of a filter"),
    ("Serial", "x", "is no key of a filter\n  → did you mean serial?"),
    ("colour", "x", "is no key of a filter\n  → there are size, transport, "),
]


@pytest.mark.parametrize(("key", "value", "told"), WRONG, ids=[f"{key} {value}" for key, value, _ in WRONG])
def test_what_cannot_be_understood_is_one_clear_error(key: str, value: str, told: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_filter({key: value}, FilterMatch.ANY)

    (problem,) = caught.value.problems
    assert problem.where == f"disk-setup.filter.{key}"
    assert told in str(problem)


def test_all_errors_of_a_filter_are_told_at_once() -> None:
    with pytest.raises(BadInput) as caught:
        read_filter({"size": "big", "colour": "red", "position": "x"}, FilterMatch.ANY)

    assert [problem.where.rsplit(".")[-1] for problem in caught.value.problems] == ["size", "colour", "position"]


def at(name: str, path: str = "", by_id: str = "") -> Disk:
    return Disk(name, T, by_path=(path,) if path else (), by_id=(by_id,) if by_id else ())


ORDERED = (
    at("sdx", "pci-0000:02:00.0-ata-2.0"),
    at("sda", "pci-0000:02:00.0-ata-10.0"),
    at("nvme3n1", "pci-0000:0a:00.0-nvme-1"),
    at("nvme0n1", "pci-0000:18:00.0-nvme-1"),
    at("nvme1n1", "pci-0000:1a:00.0-nvme-1"),
    at("nvme4n1", "pci-2000:00:00.0-nvme-1"),
    at("nvme2n1", "pci-10000:01:00.0-nvme-1"),
    at("sdb", "acpi-VMBUS:01-vmbus-f8b3-lun-0"),
    at("vdb", by_id="virtio-a"),
    at("vda", by_id="virtio-b"),
)


@given(st.permutations(ORDERED))
def test_positions_follow_the_ports_whatever_order_the_kernel_found_disks_in(disks: list[Disk]) -> None:
    renamed = [replace(disk, name=f"sd{number}") for number, disk in enumerate(disks)]

    assert [disk.by_path + disk.by_id for disk in in_order(renamed)] == [
        disk.by_path + disk.by_id for disk in ORDERED
    ]


def test_disks_without_any_name_are_counted_by_the_kernels() -> None:
    assert [disk.name for disk in in_order([at("vdb"), at("sdaa"), at("vda"), at("sda10"), at("sda9")])] == [
        "sda9",
        "sda10",
        "sdaa",
        "vda",
        "vdb",
    ]


@pytest.mark.parametrize(
    ("filters", "how", "is_so"),
    [
        ({"serial": "WFK9ABC1"}, "any", True),
        ({"ID_SERIAL_SHORT": "*"}, "any", True),
        ({"by-id": "scsi-*ABC1"}, "any", True),
        ({"transport": "sas"}, "any", False),
        ({"serial": "WFK9ABC1", "transport": "sas"}, "all", True),
        ({"serial": "WFK9ABC1", "by-path": "*phy0*"}, "all", False),
        ({"serial": "WFK9ABC1", "by-path": "*phy9*"}, "any", True),
        ({"serial": "WFK9ABC1", "position": "1"}, "any", False),
    ],
)
def test_it_is_known_whether_a_serial_number_alone_finds_a_disk(
    filters: dict[str, str], how: str, is_so: bool
) -> None:
    disk = next(disk for disk in RACK if disk.name == "sda")

    assert read_filter(filters, FilterMatch(how)).tells_by_serial(disk) is is_so


KEYS = st.sampled_from([*OWN_KEYS, "position", "by_id", "ID_PATH", "ID_SERIAL_SHORT"]) | st.text(max_size=8)
VALUES = (
    st.sampled_from([">= 1T", "< 2 TiB", "500G..2T", "true", "false", "nvme", "*", "1-2", "s[!a]*"])
    | st.text(alphabet="0123456789.,-<>=kmgtpiB []!*?az\u0661\u00b2", max_size=12)
    | st.text(max_size=12)
)


@given(st.dictionaries(KEYS, VALUES, max_size=4), st.sampled_from(FilterMatch))
def test_no_filter_ends_in_a_traceback(filters: dict[str, str], how: FilterMatch) -> None:
    try:
        wanted = read_filter(filters, how)
    except BadInput as error:
        assert all(str(problem) for problem in error.problems)
        return

    names = [disk.name for disk in find_disks(RACK, wanted)]
    assert len(set(names)) == len(names)


GOOD = {
    "size": [">= 1T", "< 2 TiB", "500G..2T"],
    "transport": ["nvme", "s*", "usb"],
    "rotational": ["true", "false"],
    "model": ["*pm9*", "st*"],
    "serial": ["*1*", "WFK9*"],
    "by-path": ["pci-0000:18:*"],
    "ID_BUS": ["scsi", "usb"],
}
GOOD_FILTERS = st.lists(st.sampled_from(sorted(GOOD)), unique=True, min_size=1).flatmap(
    lambda keys: st.fixed_dictionaries({key: st.sampled_from(GOOD[key]) for key in keys})
)


@given(GOOD_FILTERS)
def test_all_finds_a_part_of_what_any_finds(filters: dict[str, str]) -> None:
    assert set(found(filters, how="all")) <= set(found(filters, how="any"))


@given(GOOD_FILTERS, st.integers(1, 8), st.sampled_from(["any", "all"]))
def test_a_position_is_one_of_what_is_found_without_it(filters: dict[str, str], number: int, how: str) -> None:
    without = found(filters, how=how)

    assert found({**filters, "position": str(number)}, how=how) == without[number - 1 : number]
