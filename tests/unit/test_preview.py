"""What the screens show of the disks before all is answered."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.answer_files import GIB, made_machine, manifest
from tests.unit.test_keep import LUKS, PV, node_disk

from trebol_hardware.machine import Disk
from trebol_installer.preview import preview

SETUP: dict[str, Any] = {"filesystem": "ext4", "disk-list": ["virtio-d0"]}
EMPTY = made_machine(Disk("vda", 40 * GIB, serial="d0", by_id=("virtio-d0",)), memory=4 * GIB)
#: Of which the third partition is an LVM group.
OLD = made_machine(node_disk(0, PV))


def test_data_of_a_node_of_this_layout_can_be_kept() -> None:
    offered = preview(OLD, SETUP, manifest())
    assert offered.keepable and offered.lost == ("vda",) and not offered.kept

    kept = preview(OLD, {**SETUP, "keep": ["data"]}, manifest())
    assert kept.kept and kept.keepable and kept.lost == ("vda",), "its system is lost all the same"
    assert "   data: kept as it is" in kept.disks[0].after


@pytest.mark.parametrize("setup", [{"filesystem": "btrfs", "btrfs": {"raid": "raid0"}}])
def test_data_of_a_node_of_another_layout_cannot_and_the_planner_says_why(setup: dict[str, Any]) -> None:
    wanted = {**SETUP, **setup}

    (against,) = preview(OLD, wanted, manifest()).against_keeping

    assert against.what == "holds no node of this layout, whose third partition is btrfs"
    assert preview(OLD, {**wanted, "keep": ["data"]}, manifest()).problems == (against,)


def test_nothing_is_said_of_keeping_where_there_is_no_node() -> None:
    for machine in (EMPTY, made_machine(node_disk(0, LUKS, system="Linux"))):
        shown = preview(machine, SETUP, manifest())
        assert not shown.keepable and shown.against_keeping == () and shown.problems == ()


@pytest.mark.parametrize(
    ("setup", "usual"),
    [
        ({}, {"hdsize": 40 * GIB, "swapsize": 4 * GIB, "minfree": 5 * GIB}),
        ({"lvm": {"hdsize": 20}}, {"hdsize": 40 * GIB, "swapsize": 5 * GIB // 2, "minfree": 5 * GIB // 2}),
        ({"lvm": {"swapsize": "lots"}}, {"swapsize": 4 * GIB}),
        ({"lvm": "no raid table"}, {"swapsize": 4 * GIB}),
        ({"lvm": {"swapsize": 39}}, {"swapsize": 4 * GIB}),
        ({"encryption": {"passphrase": "short"}}, {"swapsize": 4 * GIB}),
    ],
)
def test_an_empty_field_comes_to_what_the_formula_says(setup: dict[str, Any], usual: dict[str, int]) -> None:
    shown = preview(EMPTY, {**SETUP, **setup}, manifest())
    found = {key.removeprefix("disk-setup.lvm."): size for key, size in shown.usual.items()}
    assert {key: found[key] for key in usual} == usual


@pytest.mark.parametrize("setup", [{"lvm": {"hdsize": 400}}, {"disk-list": ["virtio-d9"]}])
def test_what_cannot_be_told_is_left_out(setup: dict[str, Any]) -> None:
    shown = preview(EMPTY, {**SETUP, **setup}, manifest())
    assert shown.usual == {} and shown.problems


def test_pools_have_a_size_and_zfs_a_cache() -> None:
    machine = made_machine(Disk("vda", 40 * GIB, serial="d0", by_id=("virtio-d0",)), memory=20 * GIB)
    shown = preview(machine, {**SETUP, "filesystem": "zfs", "zfs": {"raid": "raid0"}}, manifest(zfs=True))
    assert shown.usual == {"disk-setup.zfs.hdsize": 40 * GIB, "disk-setup.zfs.arc-max": 2 * GIB}
