"""A pool over the targets: what it is made of, what it is told of the answers, and what the medium has to have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.answer_files import GIB, answers, made_machine, manifest

from trebol_common.errors import BadInput, Refused, TrebolError
from trebol_common.medium import Manifest
from trebol_hardware.machine import Content, Disk, Firmware, FirmwareMode, Machine, Partition
from trebol_installer import steps
from trebol_installer.plan import Plan, plan
from trebol_installer.render import render
from trebol_installer.steps import PartitionRef, step_name

MEDIUM = manifest(zfs=True)
SECRET = {"passphrase": "four leaves of clover"}


def disks(number: int, **members: Any) -> tuple[Disk, ...]:
    return tuple(
        Disk(f"vd{'abcdefgh'[n]}", 40 * GIB, serial=f"d{n}", by_id=(f"virtio-d{n}",), **members)
        for n in range(number)
    )


def planned(
    number: int,
    raid: str,
    *,
    medium: Manifest | None = MEDIUM,
    machine: Machine | None = None,
    key: str = "",
    encryption: dict[str, str] | None = None,
    **wishes: Any,
) -> Plan:
    """The plan of a node on ZFS on that many disks of 40 GiB."""
    setup = {
        "filesystem": "zfs",
        "disk-list": [f"virtio-d{n}" for n in range(number)],
        "zfs": {"raid": raid, **wishes},
        **({"encryption": encryption} if encryption else {}),
    }
    return plan(machine or made_machine(*disks(number)), answers(("disk-setup", setup)), medium, module_key=key)


def part(number: int) -> PartitionRef:
    return PartitionRef(f"/dev/disk/by-id/virtio-d{number}", 3)


def of(made: Plan, kind: type) -> Any:
    (found,) = [step for step in made.steps if isinstance(step, kind)]
    return found


#: RAID level, disks → level of the top-level vdevs, and which disks are in each of them.
GROUPS: list[tuple[str, int, str, list[list[int]]]] = [
    ("raid0", 1, "", [[0]]),
    ("raid0", 2, "", [[0], [1]]),
    ("raid1", 3, "mirror", [[0, 1, 2]]),
    ("raid10", 6, "mirror", [[0, 1], [2, 3], [4, 5]]),
    ("raidz-1", 3, "raidz1", [[0, 1, 2]]),
    ("raidz-2", 4, "raidz2", [[0, 1, 2, 3]]),
    ("raidz-3", 5, "raidz3", [[0, 1, 2, 3, 4]]),
]


@pytest.mark.parametrize(("raid", "number", "level", "groups"), GROUPS, ids=[f"{r[0]} of {r[1]}" for r in GROUPS])
def test_the_pool_is_made_of_the_third_partition_of_every_disk(
    raid: str, number: int, level: str, groups: list[list[int]]
) -> None:
    pool = of(planned(number, raid), steps.CreatePool)

    assert (pool.name, pool.level) == ("rpool", level)
    assert pool.groups == tuple(tuple(part(member) for member in group) for group in groups)


def test_root_and_data_are_file_systems_of_their_own_and_nothing_else_is_ever_mounted() -> None:
    made = planned(1, "raid0", compress="zstd", checksum="sha256", copies=2, ashift=13)

    pool = of(made, steps.CreatePool)
    assert pool.ashift == 13
    assert pool.properties[:2] == ("mountpoint=none", "canmount=off")
    assert {"acltype=posixacl", "xattr=sa", "dnodesize=auto", "relatime=on"} < set(pool.properties)
    assert {"compression=zstd", "checksum=sha256", "copies=2"} < set(pool.properties)
    assert {step.name: step.properties for step in made.steps if isinstance(step, steps.CreateDataset)} == {
        "rpool/ROOT": ("mountpoint=none", "canmount=off"),
        "rpool/ROOT/trebol": ("mountpoint=/", "canmount=noauto"),
        "rpool/data": ("mountpoint=/var/lib/trebol/data", "canmount=on"),
    }


def test_the_node_boots_from_its_file_system_and_no_table_names_it() -> None:
    made = planned(2, "raid1")

    boot = of(made, steps.InstallBootLoader)
    assert (boot.root, boot.command_line.split()[0]) == ("ZFS=rpool/ROOT/trebol", "ro")
    assert [mount.at for mount in of(made, steps.WriteMounts).mounts] == ["/boot/efi"]
    assert of(made, steps.WritePool) == steps.WritePool("rpool", "rpool/ROOT/trebol", 409 * 1024**2)


def test_modules_are_loaded_before_the_first_disk_is_written_to_and_packages_merged_once_they_are_there() -> None:
    names = [step_name(step) for step in planned(1, "raid0").steps]

    assert names.index("verify-layers") < names.index("load-zfs") < names.index("wipe-disk")
    last = len(names) - names[::-1].index("extract-layer")
    assert names[last] == "merge-packages"
    assert names.index("write-pool") < names.index("install-boot-loader")


def test_everything_in_an_encrypted_pool_is_opened_by_one_passphrase_that_the_plan_does_not_hold() -> None:
    made = planned(2, "raid1", encryption=SECRET)

    assert of(made, steps.CreatePool).encrypted
    assert not [step for step in made.steps if isinstance(step, steps.EncryptDevice)]
    text = render(made)
    assert "ZFS, RAID 1 of 2 disks, encrypted" in text and SECRET["passphrase"] not in text
    assert max(map(len, text.splitlines())) <= 80


WRONG: list[tuple[dict[str, Any], type[TrebolError], str]] = [
    ({"medium": manifest()}, BadInput, "this medium was built without ZFS"),
    ({"copies": 3, "encryption": SECRET}, BadInput, "of what is encrypted, ZFS keeps 2 copies at most"),
    ({"arc-max": 4096}, BadInput, "zfs.arc-max is 4.0 GiB; the machine has 4.0 GiB"),
    ({"hdsize": 99}, BadInput, "zfs.hdsize is 99.0 GiB; the disk has 40.0 GiB"),
    (
        {"ashift": 9, "machine": made_machine(*disks(1, logical_sector=4096))},
        *(BadInput, "zfs.ashift is 9: 512 bytes; the disks have sectors of 4096\n  → raise it to 12"),
    ),
]


@pytest.mark.parametrize(("changes", "kind", "told"), WRONG, ids=[told for _, _, told in WRONG])
def test_what_cannot_be_is_refused_with_what_to_change(
    changes: dict[str, Any], kind: type[TrebolError], told: str
) -> None:
    with pytest.raises(kind, match=told):
        planned(1, "raid0", **changes)


def test_a_second_pool_of_the_same_name_is_refused_and_one_of_another_is_not() -> None:
    def beside(pool: str) -> Machine:
        content = (Content("zfs_member", pool, "9", pool, group_uuid="9"),)
        other = Disk("sdx", 40 * GIB, by_id=("x",), partitions=(Partition("sdx3", 3, 0, GIB, content=content),))
        return made_machine(*disks(1), other)

    planned(1, "raid0", machine=beside("tank"))
    with pytest.raises(Refused, match="holds a ZFS pool named rpool already") as refused:
        planned(1, "raid0", machine=beside("rpool"))
    # By its guid, and with nothing of it mounted over the running system.
    assert "zpool import -f -N 9 NEW-NAME && zpool export NEW-NAME" in str(refused.value)


def secure(*certificates: str, unknown: bool = False) -> Machine:
    firmware = Firmware(FirmwareMode.UEFI, secure_boot=True, certificates=None if unknown else certificates)
    return replace(made_machine(*disks(1)), firmware=firmware)


def test_under_secure_boot_the_key_of_the_modules_has_to_be_enrolled_and_how_is_told() -> None:
    with pytest.raises(Refused) as caught:
        planned(1, "raid0", machine=secure("aa"), key="5c06")

    (problem,) = caught.value.problems
    assert "does not know the key" in problem.what
    assert "mokutil --import /run/trebol/medium/trebol/mok.der" in problem.hint
    assert planned(1, "raid0", machine=secure("aa", "5c06"), key="5c06").steps


def test_what_nobody_can_tell_of_secure_boot_is_said_and_not_guessed() -> None:
    for made, told in (
        (planned(1, "raid0", machine=secure("aa"), medium=None), "no medium is at hand"),
        (planned(1, "raid0", machine=secure(unknown=True), key="5c06"), "could not be read"),
    ):
        assert [told in note for note in made.notes if "Secure Boot" in note] == [True]


def test_a_key_is_nobodys_business_where_the_root_is_not_on_zfs() -> None:
    wanted = answers(("disk-setup.disk-list", ["virtio-d0"]))

    assert plan(secure(), wanted, MEDIUM, module_key="5c06").steps
    assert not [step for step in plan(secure(), wanted, MEDIUM).steps if isinstance(step, steps.LoadZfs)]
