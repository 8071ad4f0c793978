"""Carrying out a teardown: what is found again in sysfs, which commands close it, and what is never touched."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.unit.answer_files import answers, made_machine, manifest
from tests.unit.fakesys import TableUdev
from tests.unit.old_stacks import GROUP, MD_UUID, OTHER_GROUP, mapper_uuid

from trebol_common.errors import Refused, TrebolError
from trebol_common.events import Context
from trebol_common.run import Argument, Completed, ScriptedRunner
from trebol_hardware.machine import VolumeKind
from trebol_hardware.probe import udev
from trebol_installer.execute import block, closing, disks, executor, segments, teardown, wipe, zfs
from trebol_installer.execute.holders import slaves
from trebol_installer.execute.segments import Segment
from trebol_installer.execute.state import Run
from trebol_installer.plan import plan
from trebol_installer.steps import (
    CheckTarget,
    CloseGroup,
    CloseVolume,
    ExportPool,
    LeaveBcache,
    PartitionRef,
    ReleaseMount,
    ReleaseSwap,
    Step,
    VolumeRef,
    WipeDisk,
    WipeVolume,
)

KIB, MIB, GIB = 2**10, 2**20, 2**30
SIZE = 64 * MIB
NO_SWAP = "Filename Type Size Used Priority\n"


@dataclass
class Effects(ScriptedRunner):
    """A scripted runner whose commands change the fake machine: by the first word of each."""

    effects: dict[str, Callable[[tuple[str, ...]], object]] = field(default_factory=dict)

    def run(self, command: Sequence[Argument], **options: Any) -> Completed:
        done = super().run(command, **options)
        self.effects.get(str(command[0]), len)(tuple(map(str, command)))
        return done


@dataclass
class Lab:
    """Two targets (vda, vdb) and a disk that is none (vdc), with a fake /sys, /dev and /proc."""

    folder: Path
    run: Run
    runner: Effects

    def disk(self, name: str) -> str:
        """The stable path of a disk."""
        return str(self.folder / f"by-id/{name}")

    def write(self, path: str, text: str) -> None:
        """An attribute in /sys/class/block."""
        file = self.folder / "sys" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")

    def part(self, disk: str, number: int) -> str:
        """A partition of 8 MiB."""
        name = f"{disk}{number}"
        values = {"partition": number, "start": number * 8 * 2048, "size": 8 * 2048, "dev": f"254:{number}"}
        for key, value in values.items():
            self.write(f"{disk}/{name}/{key}", str(value))
        (self.folder / "sys" / name).symlink_to(self.folder / "sys" / disk / name)
        return name

    def volume(self, name: str, *below: str, **attributes: str) -> str:
        """A volume; `dm_uuid="…"` becomes dm/uuid."""
        self.write(f"{name}/dev", f"253:{name[-1]}")
        self.write(f"{name}/size", "2048")
        for key, value in attributes.items():
            self.write(f"{name}/{key.replace('_', '/')}", value)
        for under in below:
            self.write(f"{name}/slaves/{under}", "")
            self.write(f"{under}/holders/{name}", "")
        return name

    def mapped(self, name: str, uuid: str, *below: str) -> str:
        """A volume of device-mapper, called "n-" and the kernel's name."""
        return self.volume(name, *below, dm_uuid=uuid, dm_name=f"n-{name}")

    def drop(self, *names: str) -> None:
        """What the kernel does when a volume is closed."""
        for name in names:
            for path in (self.folder / "sys").rglob(f"holders/{name}"):
                path.unlink()
            for path in (self.folder / "sys").glob(f"*/holders/{name}"):
                path.unlink(missing_ok=True)
            shutil.rmtree(self.folder / "sys" / name)

    def mount(self, *lines: str) -> None:
        """/proc/self/mountinfo: "254:1 /mnt /dev/vda1"."""
        entries = (line.split() for line in lines)
        text = "".join(f"30 1 {number} / {point} rw - ext4 {source} rw\n" for number, point, source in entries)
        (self.folder / "mountinfo").write_text(text)

    def perform(self, *made: Step) -> None:
        for step in made:
            executor.perform(step, self.run)
        assert self.runner.expected == [], "commands that were not run"


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    names = ("vda", "vdb", "vdc")
    known = TableUdev({("block", name): {"ID_SERIAL_SHORT": name} for name in names})
    monkeypatch.setattr(udev, "PyudevSource", lambda: known)
    monkeypatch.setattr(block, "SYSFS", tmp_path / "sys")
    monkeypatch.setattr(block, "MOUNTS", tmp_path / "mountinfo")
    monkeypatch.setattr(teardown, "SWAPS", tmp_path / "swaps")
    monkeypatch.setattr(zfs, "LOADED", tmp_path / "zfs")
    monkeypatch.setattr(closing, "PATIENCE", 0)
    (tmp_path / "by-id").mkdir()
    (tmp_path / "mountinfo").write_text("")
    (tmp_path / "swaps").write_text(NO_SWAP)
    runner = Effects()
    run = Run(
        plan=plan(made_machine(), answers(), manifest()),
        answers=answers(),
        machine=made_machine(),
        manifest=manifest(),
        medium=tmp_path / "medium",
        runner=runner,
        context=Context(lambda event: None),
    )
    made = Lab(tmp_path, run, runner)
    for number, name in enumerate(names):
        with (tmp_path / name).open("wb") as file:
            file.truncate(SIZE)
        (tmp_path / "by-id" / name).symlink_to(tmp_path / name)
        for key, value in (("size", str(SIZE // 512)), ("ro", "0"), ("dev", f"254:{number * 16}")):
            made.write(f"{name}/{key}", value)
    targets = [made.disk(name) for name in ("vda", "vdb")]
    checks = [CheckTarget(path, SIZE, Path(path).name) for path in targets]
    made.run = replace(run, plan=replace(run.plan, steps=(*checks, *(WipeDisk(path, SIZE, ()) for path in targets))))
    yield made
    made.run.lock.close()


def ref(kind: VolumeKind, uuid: str = "", path: str = "/dev/mapper/x") -> VolumeRef:
    return VolumeRef(path, kind, uuid)


def test_a_file_system_is_unmounted_as_often_as_it_is_mounted_after_its_swap_files(lab: Lab) -> None:
    lab.part("vda", 1)
    left = ["254:1 /mnt /dev/vda1", "254:1 /mnt /dev/vda1", "253:9 /mnt/x /dev/mapper/other"]
    lab.mount(*left)
    (lab.folder / "swaps").write_text(f"{NO_SWAP}/mnt/swapfile file 9 0 -2\n/mntx/file file 9 0 -3\n")

    def unmount(command: tuple[str, ...]) -> None:
        left.pop(0)
        lab.mount(*left)

    lab.runner.effects["umount"] = unmount
    lab.runner.expect("swapoff", "/mnt/swapfile")
    for _ in range(2):
        lab.runner.expect("umount", "--recursive", "/mnt")

    lab.perform(ReleaseMount("/mnt", (PartitionRef(lab.disk("vda"), 1),)))


def test_a_mount_of_btrfs_on_a_volume_is_found_by_its_mapper_name(lab: Lab) -> None:
    lab.mapped("dm-0", "CRYPT-1", lab.part("vda", 1))
    lab.mount("0:45 /mnt /dev/mapper/n-dm-0")
    lab.runner.effects["umount"] = lambda command: lab.mount()
    lab.runner.expect("umount", "--recursive", "/mnt")

    lab.perform(ReleaseMount("/mnt", (ref(VolumeKind.CRYPT, "CRYPT-1"),)))


def test_swap_is_let_go_of_where_it_is_in_use(lab: Lab) -> None:
    lab.part("vda", 1)
    lab.part("vda", 2)
    (lab.folder / "swaps").write_text(f"{NO_SWAP}/dev/vda2 partition 9 0 -2\n")
    lab.runner.expect("swapoff", "/dev/vda2")

    lab.perform(*(ReleaseSwap(PartitionRef(lab.disk("vda"), number)) for number in (1, 2)))


def test_a_group_is_closed_by_its_uuid_and_what_lvm_leaves_by_device_mapper(lab: Lab) -> None:
    lab.part("vda", 3)
    lab.mapped("dm-0", mapper_uuid(GROUP, "0") + "-tdata", "vda3")
    lab.mapped("dm-1", mapper_uuid(GROUP, "1"), "dm-0")
    lab.mapped("dm-2", mapper_uuid(GROUP, "2"), "vda3")
    lab.mapped("dm-3", mapper_uuid(OTHER_GROUP, "3"), "vdc")
    lab.runner.effects["vgchange"] = lambda command: lab.drop("dm-2")
    lab.runner.effects["dmsetup"] = lambda command: lab.drop(command[-1].removeprefix("n-"))
    lab.runner.expect("vgchange", "--activate", "n", "--select", f"vg_uuid={GROUP}", status=5, stderr="missing PV")
    lab.runner.expect("dmsetup", "remove", "--retry", "n-dm-1")
    lab.runner.expect("dmsetup", "remove", "--retry", "n-dm-0")

    lab.perform(CloseGroup("trebol", GROUP))


def test_opened_luks_is_found_by_its_uuid_whatever_its_number_is_now(lab: Lab) -> None:
    lab.mapped("dm-1", "CRYPT-LUKS2-other", "vdc")
    lab.mapped("dm-7", "CRYPT-LUKS2-mine", lab.part("vdb", 1))
    lab.runner.effects["cryptsetup"] = lambda command: lab.drop("dm-7")
    lab.runner.expect("cryptsetup", "close", "n-dm-7")

    lab.perform(CloseVolume(ref(VolumeKind.CRYPT, "CRYPT-LUKS2-mine")))


def test_an_array_over_both_targets_is_stopped_and_its_members_forget_it(lab: Lab) -> None:
    lab.volume("md9", lab.part("vda", 1), lab.part("vdb", 1), md_uuid=MD_UUID)
    lab.runner.effects["mdadm"] = lambda command: lab.drop("md9") if command[1] == "--stop" else None
    lab.runner.expect("mdadm", "--stop", "/dev/md9")
    lab.runner.expect("mdadm", "--zero-superblock", "/dev/vda1", "/dev/vdb1", status=1)

    lab.perform(CloseVolume(ref(VolumeKind.RAID, MD_UUID.replace("-", ":"), "/dev/md127")))


def test_an_array_inside_of_a_container_leaves_its_disks_to_the_container(lab: Lab) -> None:
    lab.volume("md126", "vda", "vdb", md_uuid="0" * 32)
    lab.volume("md127", "vda", "vdb", md_uuid="0" * 32)
    lab.runner.effects["mdadm"] = lambda command: lab.drop(Path(command[2]).name) if "--stop" in command else None
    lab.runner.expect("mdadm", "--stop", "/dev/md126")
    lab.runner.expect("mdadm", "--stop", "/dev/md127")
    lab.runner.expect("mdadm", "--zero-superblock", "/dev/vda", "/dev/vdb")

    lab.perform(*(CloseVolume(ref(VolumeKind.RAID, "12ab", f"/dev/{name}")) for name in ("md126", "md127")))


@pytest.fixture
def bcache(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """bcache0 of vda1 and the cache vdb1, and what was written to."""
    lab.volume("bcache0", lab.part("vda", 1), lab.part("vdb", 1))
    lab.write("bcache0/bcache/stop", "")
    lab.write("vda/vda1/bcache/stop", "")
    lab.write("set/stop", "")
    lab.write("vdb/vdb1/bcache/stop", "")
    for name, member in (("bdev0", "vda/vda1"), ("cache0", "vdb/vdb1")):
        (lab.folder / "sys/set" / name).symlink_to(lab.folder / "sys" / member / "bcache")
    (lab.folder / "sys/vdb/vdb1/bcache/set").symlink_to(lab.folder / "sys/set")
    written: list[str] = []

    def write(path: Path) -> None:
        written.append(str(path.relative_to(lab.folder / "sys")))
        match written[-1].split("/"):
            case ["bcache0", *_]:
                lab.drop("bcache0")
            case [member, *_]:
                shutil.rmtree(lab.folder / "sys" / member / "bcache")

    monkeypatch.setattr(closing, "_write", write)
    return written


def test_bcache_is_stopped_then_its_members_are_let_go_of(lab: Lab, bcache: list[str]) -> None:
    lab.perform(
        CloseVolume(ref(VolumeKind.BCACHE, "set-1", "/dev/bcache0")),
        LeaveBcache(PartitionRef(lab.disk("vda"), 1)),
        LeaveBcache(PartitionRef(lab.disk("vdb"), 1)),
    )

    assert bcache == ["bcache0/bcache/stop", "vda1/bcache/stop", "vdb1/bcache/set/stop"]


def test_a_cache_that_serves_another_disk_too_is_left_alone(lab: Lab, bcache: list[str]) -> None:
    lab.write("vdc/bcache/stop", "")
    (lab.folder / "sys/set/bdev1").symlink_to(lab.folder / "sys/vdc/bcache")

    with pytest.raises(Refused, match="also lies on /dev/vdc, which is no target"):
        lab.perform(LeaveBcache(PartitionRef(lab.disk("vdb"), 1)))

    assert bcache == []


def test_bcache_that_does_not_let_go_is_told(lab: Lab, bcache: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closing, "_write", lambda path: None)

    with pytest.raises(TrebolError, match="bcache did not let go of it"):
        lab.perform(LeaveBcache(PartitionRef(lab.disk("vda"), 1)))


def test_an_imported_pool_is_exported_by_its_guid_under_its_present_name(lab: Lab) -> None:
    (lab.folder / "zfs").mkdir()
    lab.runner.expect("zpool", "list", "-H", "-p", "-o", "guid,name", stdout="1\trpool\n77\trenamed\n")
    lab.runner.expect("zpool", "export", "-f", "renamed")

    lab.perform(ExportPool("rpool", "77"))


GONE: list[tuple[str, Callable[[Lab], Step]]] = [
    ("mount", lambda lab: ReleaseMount("/mnt", (PartitionRef(lab.disk("vda"), 1), ref(VolumeKind.LVM, "LVM-x")))),
    ("swap", lambda lab: ReleaseSwap(PartitionRef(lab.disk("vda"), 1))),
    ("pool", lambda lab: ExportPool("rpool", "77")),
    ("group", lambda lab: CloseGroup("trebol", GROUP)),
    ("LUKS", lambda lab: CloseVolume(ref(VolumeKind.CRYPT, "CRYPT-x"))),
    ("array", lambda lab: CloseVolume(ref(VolumeKind.RAID, MD_UUID, "/dev/md127"))),
    ("bcache", lambda lab: CloseVolume(ref(VolumeKind.BCACHE, "set", "/dev/bcache0"))),
    ("bcache member", lambda lab: LeaveBcache(lab.disk("vda"))),
    ("something", lambda lab: CloseVolume(ref(VolumeKind.OTHER, "", "/dev/mapper/gone"))),
    ("OSD", lambda lab: WipeVolume(ref(VolumeKind.LVM, "LVM-x"))),
]


@pytest.mark.parametrize("make", [case[1] for case in GONE], ids=[case[0] for case in GONE])
def test_what_is_gone_already_is_no_error(lab: Lab, make: Callable[[Lab], Step]) -> None:
    lab.perform(make(lab))

    assert lab.runner.seen == []


FOREIGN: list[tuple[str, Callable[[Lab], Step]]] = [
    ("group", lambda lab: CloseGroup("x", GROUP)),
    ("volume", lambda lab: CloseVolume(ref(VolumeKind.LVM, mapper_uuid(GROUP, "0")))),
    ("mount", lambda lab: ReleaseMount("/mnt", (ref(VolumeKind.LVM, mapper_uuid(GROUP, "0")),))),
    ("OSD", lambda lab: WipeVolume(ref(VolumeKind.LVM, mapper_uuid(GROUP, "0")))),
    ("wipe", lambda lab: WipeDisk(lab.disk("vda"), SIZE, ())),
]


@pytest.mark.parametrize("make", [case[1] for case in FOREIGN], ids=[case[0] for case in FOREIGN])
def test_what_reaches_a_disk_that_is_no_target_is_left_alone(lab: Lab, make: Callable[[Lab], Step]) -> None:
    lab.mapped("dm-0", mapper_uuid(GROUP, "0"), lab.part("vda", 1), lab.part("vdc", 1))
    lab.mount("253:0 /mnt /dev/mapper/n-dm-0")

    with pytest.raises(Refused, match="also lies on /dev/vdc, which is no target"):
        lab.perform(make(lab))

    assert lab.runner.seen == []


def test_a_volume_that_stays_open_is_told(lab: Lab) -> None:
    lab.mapped("dm-0", "CRYPT-x", lab.part("vda", 1))
    lab.runner.expect("cryptsetup", "close", "n-dm-0")

    with pytest.raises(TrebolError, match="is still open"):
        lab.perform(CloseVolume(ref(VolumeKind.CRYPT, "CRYPT-x")))


LOOK = ("wipefs", "--json", "--no-act")
BLANK = '{"signatures": []}'


def pvs(*nodes: str) -> tuple[str, ...]:
    """How logical volumes on devices are asked for."""
    return (*segments.COMMAND, "--devices", ",".join(nodes))


def row(
    pv: str,
    lv: str,
    *,
    at: int,
    extents: int,
    seg: int = 0,
    legs: int = 1,
    extent: int = 4 * MIB,
    pe_start: int = MIB,
) -> dict[str, str]:
    """What pvs says of a piece: it begins at extent `at` of the device and `seg` of the volume, in `legs` stripes."""
    sizes = {"pe_start": pe_start, "vg_extent_size": extent, "seg_start": seg * extent, "pvseg_start": at}
    sizes |= {"pvseg_size": extents, "seg_size": extents * legs * extent, "stripe_size": 65536 if legs > 1 else 0}
    return {"pv_name": pv, "lv_name": lv} | {key: str(value) for key, value in sizes.items()}


def report(*rows: dict[str, str]) -> str:
    return json.dumps({"report": [{"pvseg": rows}]})


def test_a_disk_is_wiped_from_its_partitions_down_and_looked_at_again(lab: Lab) -> None:
    for number in (1, 2):
        lab.part("vda", number)
    node = lab.folder / "vda"
    node.write_bytes(b"\xff" * SIZE)
    lab.runner.effects["blockdev"] = lambda command: list(map(shutil.rmtree, (lab.folder / "sys/vda").glob("vda?")))
    lab.runner.expect(*pvs("/dev/vda1", "/dev/vda2", str(node)), status=5, stderr="devices are missing")
    lab.runner.expect("wipefs", "--all", "/dev/vda1", "/dev/vda2", str(node))
    lab.runner.expect("blockdev", "--rereadpt", str(node))
    lab.runner.expect(*LOOK, str(node), stdout=BLANK)

    lab.perform(WipeDisk(lab.disk("vda"), SIZE, ()))

    left = node.read_bytes()
    blank = [number for number in range(SIZE // MIB) if not any(left[number * MIB : (number + 1) * MIB])]
    # Partitions of 8 MiB at 8 and 16: both ends, and second headers of LUKS2 at 1, 2 and 4 MiB; 60: the disk's end.
    assert blank == [*range(5), 8, 9, 10, 12, 15, 16, 17, 18, 20, 23, 60, 61, 62, 63]


def test_closed_volumes_are_zeroed_where_lvm_says_that_they_lie_before_its_metadata_goes(lab: Lab) -> None:
    lab.part("vda", 1)
    node = lab.folder / "vda"
    node.write_bytes(b"\xff" * SIZE)
    blank: list[int] = []

    def look(command: tuple[str, ...]) -> None:
        left = node.read_bytes()
        blank.extend(number for number in range(SIZE // MIB) if not any(left[number * MIB : (number + 1) * MIB]))
        lab.runner.effects.clear()
        shutil.rmtree(lab.folder / "sys/vda/vda1")

    lab.runner.effects["wipefs"] = look
    # On vda1, which begins at 8 MiB; on the disk itself, without the first 4 MiB of the volume; on another disk.
    rows = (
        row("/dev/vda1", "osd-block-1", at=1, extents=1),
        row(str(node), "osd-block-2", at=8, extents=2, seg=1),
        row("/dev/vdc", "osd-block-3", at=12, extents=1),
    )
    lab.runner.expect(*pvs("/dev/vda1", str(node)), stdout=report(*rows))
    lab.runner.expect("wipefs", "--all", "/dev/vda1", str(node))
    lab.runner.expect(*LOOK, str(node), stdout=BLANK)

    lab.perform(WipeDisk(lab.disk("vda"), SIZE, ()))

    # 8 + 1 + 4 and the second headers of LUKS2 1 and 2 MiB later; 1 + 32, which is 4 MiB inside of the volume. And of
    # the partition itself both ends, and 1, 2 and 4 MiB inside.
    assert blank == sorted({13, 14, 15, 33} | {8, 15, 9, 10, 12})


def test_volumes_that_are_closed_on_an_array_are_zeroed_in_the_array(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.volume("md127", "vda", md_uuid=MD_UUID, size=str(64 * 2048))
    done: list[tuple[str, list[wipe.Region]]] = []
    monkeypatch.setattr(wipe, "zero", lambda node, regions: done.append((str(node), list(regions))))
    lab.runner.expect(*pvs("/dev/md127"), stdout=report(row("/dev/md127", "osd-block-1", at=8, extents=2)))
    lab.runner.expect("wipefs", "--all", "/dev/md127")

    lab.perform(WipeVolume(ref(VolumeKind.RAID, MD_UUID)))

    assert done[0] == ("/dev/md127", [(33 * MIB, 3 * MIB), (37 * MIB, MIB)])


def test_what_was_put_together_since_the_plan_is_closed_before_the_wipe(lab: Lab) -> None:
    lab.volume("md126", "vda", md_uuid="1")
    lab.volume("md125", "vda", md_uuid="2", size="0")
    lab.mapped("dm-0", mapper_uuid(GROUP, "0"), "md126")
    lab.mapped("dm-1", mapper_uuid(GROUP, "1"), "md126")
    lab.mapped("dm-2", "CRYPT-x", "dm-1")

    def stop(command: tuple[str, ...]) -> None:
        if "--stop" in command:
            lab.drop(Path(command[2]).name)

    lab.runner.effects["mdadm"] = stop
    lab.runner.effects["cryptsetup"] = lambda command: lab.drop("dm-2")
    lab.runner.effects["vgchange"] = lambda command: lab.drop("dm-0", "dm-1")
    lab.runner.expect("cryptsetup", "close", "n-dm-2")
    lab.runner.expect("vgchange", "--activate", "n", "--select", f"vg_uuid={GROUP}")
    lab.runner.expect("mdadm", "--stop", "/dev/md126")
    lab.runner.expect("mdadm", "--stop", "/dev/md125")
    lab.runner.expect("mdadm", "--zero-superblock", "/dev/vda")
    lab.runner.expect(*pvs(str(lab.folder / "vda")), stdout=report())
    lab.runner.expect("wipefs", "--all", str(lab.folder / "vda"))
    lab.runner.expect(*LOOK, str(lab.folder / "vda"), stdout=BLANK)

    lab.perform(WipeDisk(lab.disk("vda"), SIZE, ()))


LEFT: list[tuple[str, Callable[[Lab], object], str, str]] = [
    ("signature", lambda lab: None, '{"signatures": [{"type": "gpt", "offset": "0x200"}]}', "gpt at 0x200"),
    ("partition", lambda lab: lab.part("vda", 1), BLANK, "partition vda1"),
    ("holder", lambda lab: lab.volume("md0", "vda"), BLANK, "volume md0"),
    ("bcache", lambda lab: lab.write("vda/bcache/stop", ""), BLANK, "bcache"),
]


@pytest.mark.parametrize(("change", "output", "told"), [case[1:] for case in LEFT], ids=[case[0] for case in LEFT])
def test_what_is_left_after_a_wipe_is_named(
    lab: Lab, change: Callable[[Lab], object], output: str, told: str
) -> None:
    change(lab)
    lab.runner.expect(*LOOK, str(lab.folder / "vda"), stdout=output)

    with pytest.raises(TrebolError, match=f"is not blank after the wipe: {told}"):
        wipe.require_clear(lab.disk("vda"), lab.run)


def test_an_osd_is_wiped_at_both_ends_and_where_its_label_is_repeated() -> None:
    regions = list(wipe.merged(wipe._pieces(0, 200 * GIB, MIB), 200 * GIB))

    assert regions == [
        (0, 3 * MIB),
        (4 * MIB, MIB),
        (GIB, MIB),
        (10 * GIB, MIB),
        (100 * GIB, MIB),
        (200 * GIB - MIB, MIB),
    ]


def test_a_wipe_covers_the_replicas_of_a_label_on_the_disk_and_on_each_partition() -> None:
    start, length = 5 * GIB + 63 * 512, 150 * GIB

    on_disk, in_partitions = (
        wipe.of_disk(2000 * GIB),
        wipe.of_partitions(2000 * GIB, [(start, length), (4 * GIB, 1024)]),
    )
    regions = on_disk + in_partitions

    covered = {place for place in range(0, 2000 * GIB, GIB) if any(a <= place < a + n for a, n in regions)}
    assert {GIB, 10 * GIB, 100 * GIB, 1000 * GIB} <= covered
    for place in (start, start + GIB, start + 10 * GIB, start + 100 * GIB, start + length - MIB, 4 * GIB):
        assert any(a <= place and place + 4096 <= a + n for a, n in regions), place
    assert on_disk[0] == (0, 5 * MIB)
    assert on_disk[-1] == (2000 * GIB - 4 * MIB, 4 * MIB)
    for apart in (on_disk, in_partitions):
        assert all(a + n < b for (a, n), (b, _) in pairwise(apart))


#: Pieces as pvs tells of them → where on the disk, whose partition sda3 begins at 7 GiB, labels and their copies lie.
CLOSED: list[tuple[str, list[dict[str, str]], list[int]]] = [
    (
        "an OSD on the whole disk",
        [row("/dev/sda", "osd-block-1", at=0, extents=40 * 256)],
        [MIB, MIB + GIB, MIB + 10 * GIB],
    ),
    (
        "an OSD on a partition",
        [row("/dev/sda3", "osd-block-1", at=0, extents=40 * 256)],
        [7 * GIB + MIB, 8 * GIB + MIB, 17 * GIB + MIB],
    ),
    (
        "the second OSD of a disk",
        [row("/dev/sda", "osd-block-2", at=40 * 256, extents=20 * 256)],
        [MIB + 40 * GIB, MIB + 41 * GIB, MIB + 50 * GIB],
    ),
    (
        "an OSD that was extended twice, behind another volume and to another disk",
        [
            row("/dev/sda", "osd-block-1", at=0, extents=100),
            row("/dev/sda", "other", at=100, extents=1),
            row("/dev/sdb", "osd-block-1", at=0, extents=1000, seg=100),
            row("/dev/sda", "osd-block-1", at=5000, extents=4000, seg=1100),
            row("/dev/sda", "", at=9000, extents=9000),
        ],
        # 1 GiB lies on the other disk.
        [MIB, MIB + 400 * MIB, MIB + 20000 * MIB + 10 * GIB - 4400 * MIB],
    ),
    (
        "an OSD of a group that was made with other extents",
        [row("/dev/sda", "osd-block-1", at=3, extents=40000, extent=384 * KIB, pe_start=192 * KIB)],
        [1344 * KIB, 1344 * KIB + GIB, 1344 * KIB + 10 * GIB],
    ),
    (
        "an OSD in stripes over this disk and another",
        [row("/dev/sda", "osd-block-1", at=0, extents=20 * 256, legs=2)],
        [MIB, MIB + GIB // 2, MIB + 5 * GIB],
    ),
    ("a volume on another disk", [row("/dev/sdb", "osd-block-1", at=0, extents=40 * 256)], []),
    ("a disk without volumes", [row("/dev/sda", "", at=0, extents=40 * 256)], []),
]


@pytest.mark.parametrize(("rows", "labels"), [case[1:] for case in CLOSED], ids=[case[0] for case in CLOSED])
def test_labels_in_volumes_that_nobody_opened_are_found(rows: list[dict[str, str]], labels: list[int]) -> None:
    found = list(wipe.inside_volumes(segments.parse(report(*rows)), {"sda": 0, "sda3": 7 * GIB}))

    for label in labels:
        assert any(start <= label and label + 4096 <= start + length for start, length in found), label
    assert bool(found) == bool(labels)


def test_every_stripe_that_may_hold_a_label_is_zeroed() -> None:
    stripe, legs = 64 * 1024, 3
    piece = Segment("sda", 0, 10 * GIB, 0, legs * 10 * GIB, stripe)

    for offset in (0, MIB, GIB, 10 * GIB):
        place = piece.place(offset, 4096)
        assert place is not None
        really = offset // (stripe * legs) * stripe + offset % stripe
        assert place[0] <= really and really + 4096 <= sum(place), offset


@pytest.mark.parametrize("text", ["", '{"report": []}', '{"report": [{"pvseg": []}]}'])
def test_where_lvm_tells_of_nothing_there_are_no_volumes(text: str) -> None:
    assert segments.parse(text) == []


@pytest.mark.parametrize("size", [512, MIB, 3 * MIB + 512, 8 * MIB])
def test_small_disks_and_wrong_tables_are_wiped_within_the_disk(size: int) -> None:
    on_disk, in_partitions = wipe.of_disk(size), wipe.of_partitions(size, [(MIB, 10 * size), (20 * size, MIB)])

    assert on_disk[0][0] == 0
    assert all(length > 0 and start + length <= size for start, length in on_disk + in_partitions)
    assert on_disk[-1][0] + on_disk[-1][1] == size


def test_udev_is_kept_off_every_target_from_the_first_step_until_it_is_let_in_again(lab: Lab) -> None:
    lab.perform(CloseGroup("trebol", GROUP))
    lab.perform(CloseGroup("trebol", GROUP))

    def locked(name: str) -> bool:
        descriptor = os.open(lab.folder / name, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    assert [locked(name) for name in ("vda", "vdb", "vdc")] == [True, True, False]
    lab.run.opened.close()
    assert [locked(name) for name in ("vda", "vdb")] == [False, False]
    assert lab.run.locked == set()


def test_a_target_may_be_mounted_only_where_the_plan_unmounts_it(lab: Lab) -> None:
    lab.part("vda", 1)
    release = ReleaseMount("/mnt", (PartitionRef(lab.disk("vda"), 1),))
    run = replace(lab.run, plan=replace(lab.run.plan, steps=(*lab.run.plan.steps, release)))
    step = CheckTarget(lab.disk("vda"), SIZE, "vda")

    lab.mount("254:1 /mnt /dev/vda1")
    disks.check_target(step, run)

    lab.mount("254:1 /mnt /dev/vda1", "254:1 /srv /dev/vda1")
    with pytest.raises(Refused, match="is mounted at /srv"):
        disks.check_target(step, run)


def test_a_disk_that_is_mounted_after_all_is_not_wiped(lab: Lab) -> None:
    lab.part("vda", 1)
    lab.mount("254:1 /mnt /dev/vda1")

    with pytest.raises(Refused, match="is mounted at /mnt"):
        lab.perform(WipeDisk(lab.disk("vda"), SIZE, ()))

    assert lab.runner.seen == []


def kept(lab: Lab) -> Lab:
    """The same targets, with what is on them to be kept: nothing is wiped."""
    steps = tuple(step for step in lab.run.plan.steps if not isinstance(step, WipeDisk))
    lab.run = replace(lab.run, plan=replace(lab.run.plan, steps=steps))
    return lab


def test_what_is_mounted_on_a_disk_that_is_kept_is_let_go_of(lab: Lab) -> None:
    lab.part("vda", 3)
    lab.mount("254:3 /mnt /dev/vda3")
    lab.runner.effects["umount"] = lambda command: lab.mount()
    lab.runner.expect("umount", "--recursive", "/mnt")

    kept(lab).perform(ReleaseMount("/mnt", (PartitionRef(lab.disk("vda"), 3),)))


def test_an_array_that_is_kept_is_stopped_and_its_superblocks_stay(lab: Lab) -> None:
    lab.volume("md9", lab.part("vda", 3), lab.part("vdb", 3), md_uuid="0:0:0:9")
    lab.runner.effects["mdadm"] = lambda command: lab.drop("md9")
    lab.runner.expect("mdadm", "--stop", "/dev/md9")

    kept(lab).perform(CloseVolume(VolumeRef("/dev/md9", VolumeKind.RAID, "0:0:0:9")))


def test_a_volume_that_goes_while_it_is_looked_at_is_closed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(block, "SYSFS", tmp_path)
    # It was there a moment ago.
    monkeypatch.setattr(Path, "is_dir", lambda path: True)

    assert slaves("bcache0") == ()
