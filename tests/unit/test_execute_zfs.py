"""Making a ZFS pool: on the planned partitions alone, by names that stay, with nothing secret in an argument."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.unit.answer_files import answers, made_machine, manifest

from trebol_common.errors import Refused, TrebolError
from trebol_common.events import Context, Event, Kind
from trebol_common.run import Argument, Completed, ScriptedRunner
from trebol_installer.execute import block, layers, zfs
from trebol_installer.execute.state import Run
from trebol_installer.plan import plan
from trebol_installer.steps import (
    CreateDataset,
    CreatePool,
    LoadZfs,
    MergePackages,
    MountDataset,
    PartitionRef,
    WritePool,
)

PASSPHRASE = "a long enough phrase"


@dataclass
class Listening(ScriptedRunner):
    """Remembers what programs were told on stdin, and leaves what `zpool set cachefile` does."""

    inputs: list[str | None] = field(default_factory=list)

    def run(self, command: Sequence[Argument], **options: Any) -> Completed:
        self.inputs.append(options.get("input"))
        for word in map(str, command):
            if word.startswith("cachefile="):
                Path(word.removeprefix("cachefile=")).write_bytes(b"members")
        return super().run(command, **options)


@dataclass
class Fake:
    """Two disks with three partitions each, the second of which udev made no links for."""

    folder: Path
    run: Run
    runner: Listening
    events: list[Event]

    def member(self, disk: str) -> PartitionRef:
        return PartitionRef(str(self.folder / f"by-id/{disk}"), 3)

    def node(self, disk: str) -> str:
        return f"/dev/{disk}3"

    def expect_blank(self, *disks: str, said: str = "") -> None:
        for disk in disks:
            self.runner.expect("wipefs", "--json", "--no-act", self.node(disk), stdout=said)

    def pool(self, *disks: str, level: str = "", encrypted: bool = False) -> CreatePool:
        members = tuple(map(self.member, disks))
        groups = (members,) if level else tuple((member,) for member in members)
        return CreatePool("rpool", level, groups, 12, ("canmount=off",), encrypted)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    (tmp_path / "by-id").mkdir()
    for disk in ("vda", "vdb"):
        (tmp_path / disk).touch()
        (tmp_path / f"by-id/{disk}").symlink_to(tmp_path / disk)
        for number in (1, 2, 3):
            folder = tmp_path / f"sys/{disk}/{disk}{number}"
            folder.mkdir(parents=True)
            (folder / "partition").write_text(f"{number}\n")
    (tmp_path / "by-id/vda-part3").symlink_to("/dev/vda3")
    monkeypatch.setattr(block, "SYSFS", tmp_path / "sys")
    monkeypatch.setattr(zfs, "LINKS", str(tmp_path / "by-id"))
    monkeypatch.setattr(zfs, "HOST_ID", tmp_path / "hostid")
    monkeypatch.setattr(zfs, "PARAMETERS", tmp_path)
    monkeypatch.setattr(zfs, "CACHE", tmp_path / "zpool.cache")
    runner, events = Listening(), list[Event]()
    run = Run(
        plan=plan(made_machine(), answers(), manifest()),
        answers=answers(("disk-setup.encryption", {"passphrase": PASSPHRASE})),
        machine=made_machine(),
        manifest=manifest(zfs=True),
        medium=tmp_path / "medium",
        runner=runner,
        context=Context(events.append),
        target=tmp_path / "target",
        logs=tmp_path / "logs",
        hashed=tmp_path / "block-sums",
    )
    return Fake(tmp_path, run.within(run.context), runner, events)


def expect_links(fake: Fake, *disks: str, status: int = 0) -> None:
    links = [str(fake.member(disk)) for disk in disks]
    fake.runner.expect("udevadm", "wait", "--settle", "--timeout=30", *links, status=status)


def expect_create(fake: Fake, *words: str) -> None:
    fake.runner.expect("zpool", "list", "-H", "-o", "name", stdout="tank\n")
    create = ("zpool", "create", "-f", "-R", str(fake.run.target), "-o", "ashift=12", "-O", "canmount=off")
    fake.runner.expect(*create, *words)


def test_the_pool_knows_its_members_by_names_that_stay_where_there_are_such(fake: Fake) -> None:
    fake.expect_blank("vda", "vdb")
    expect_links(fake, "vda", "vdb", status=1)
    expect_create(fake, "rpool", "mirror", str(fake.member("vda")), "/dev/vdb3")

    zfs.create_pool(fake.pool("vda", "vdb", level="mirror"), fake.run)

    assert not fake.runner.expected
    fake.runner.expect("zpool", "list", "-H", "-o", "name", stdout="tank\nrpool\n")
    fake.runner.expect("zpool", "export", "rpool")
    fake.run.undo.close()
    assert not fake.runner.expected


def test_a_pool_of_that_name_on_other_disks_is_refused_and_left_alone(fake: Fake) -> None:
    fake.expect_blank("vda")
    expect_links(fake, "vda")
    fake.runner.expect("zpool", "list", "-H", "-o", "name", stdout="rpool\n")

    with pytest.raises(Refused, match="a pool named rpool is imported already"):
        zfs.create_pool(fake.pool("vda"), fake.run)
    fake.run.undo.close()
    assert not fake.runner.expected


def test_a_link_that_leads_elsewhere_is_not_taken(fake: Fake) -> None:
    (fake.folder / "by-id/vda-part3").unlink()
    (fake.folder / "by-id/vda-part3").symlink_to("/dev/vdc3")
    fake.expect_blank("vda")
    expect_links(fake, "vda")
    expect_create(fake, "rpool", "/dev/vda3")

    zfs.create_pool(fake.pool("vda"), fake.run)


def test_what_is_not_blank_is_left_alone(fake: Fake) -> None:
    fake.expect_blank("vda", said='{"signatures": [{"type": "ext4", "offset": "0x438"}]}')

    with pytest.raises(TrebolError, match="is not blank: ext4 at 0x438"):
        zfs.create_pool(fake.pool("vda"), fake.run)
    assert not fake.runner.expected


def test_the_passphrase_goes_in_by_stdin_and_is_shown_nowhere(fake: Fake) -> None:
    fake.expect_blank("vda")
    expect_links(fake, "vda")
    words = [word for key in ("encryption=on", "keyformat=passphrase", "keylocation=prompt") for word in ("-O", key)]
    expect_create(fake, *words, "rpool", str(fake.member("vda")))

    zfs.create_pool(fake.pool("vda", encrypted=True), fake.run)

    assert fake.runner.inputs[-1] == f"{PASSPHRASE}\n"
    assert PASSPHRASE not in "".join(event.text for event in fake.events if event.kind is Kind.LOG)


def test_a_kernel_that_takes_no_modules_is_a_refusal_with_its_reason(fake: Fake) -> None:
    said = "modprobe: ERROR: could not insert 'zfs': Key was rejected by service"
    fake.runner.expect("modprobe", "zfs", stderr=said, status=1)

    with pytest.raises(Refused, match="Key was rejected by service"):
        zfs.load_zfs(LoadZfs(64 * 1024**2), fake.run)


def test_the_cache_leaves_the_live_system_its_memory(fake: Fake) -> None:
    fake.runner.expect("modprobe", "zfs")

    zfs.load_zfs(LoadZfs(64 * 1024**2, 32 * 1024**2), fake.run)

    assert (fake.folder / "zfs_arc_min").read_text() == "33554432\n"
    assert (fake.folder / "zfs_arc_max").read_text() == "67108864\n"


def test_file_systems_are_made_unmounted_and_the_root_is_mounted_last(fake: Fake) -> None:
    fake.runner.expect("zfs", "create", "-u", "-o", "mountpoint=/", "-o", "canmount=noauto", "rpool/ROOT/trebol")
    fake.runner.expect("zfs", "mount", "rpool/ROOT/trebol")
    fake.runner.expect("umount", str(fake.run.target))

    zfs.create_dataset(CreateDataset("rpool/ROOT/trebol", ("mountpoint=/", "canmount=noauto")), fake.run)
    zfs.mount_dataset(MountDataset("rpool/ROOT/trebol"), fake.run)
    fake.run.undo.close()

    assert not fake.runner.expected


def test_the_node_imports_its_pool_as_the_host_that_made_it(fake: Fake) -> None:
    fake.expect_blank("vda")
    expect_links(fake, "vda")
    expect_create(fake, "rpool", str(fake.member("vda")))
    zfs.create_pool(fake.pool("vda"), fake.run)
    fake.runner.expect("zpool", "set", "bootfs=rpool/ROOT/trebol", "rpool")
    fake.runner.expect("zpool", "set", f"cachefile={fake.folder / 'zpool.cache'}", "rpool")

    zfs.write_pool(WritePool("rpool", "rpool/ROOT/trebol", 64 * 1024**2, 32 * 1024**2), fake.run)

    identity = fake.run.inside("/etc/hostid").read_bytes()
    assert len(identity) == 4 and 0 not in identity
    assert identity == (fake.folder / "hostid").read_bytes()
    assert fake.run.inside("/etc/zfs/zpool.cache").read_bytes() == b"members"
    assert (
        "options zfs zfs_arc_min=33554432 zfs_arc_max=67108864\n"
        in fake.run.inside("/etc/modprobe.d/zfs.conf").read_text()
    )


def test_a_second_try_is_the_same_host(fake: Fake) -> None:
    for _ in range(2):
        fake.expect_blank("vda")
        expect_links(fake, "vda")
        expect_create(fake, "rpool", str(fake.member("vda")))
    zfs.create_pool(fake.pool("vda"), fake.run)
    first = (fake.folder / "hostid").read_bytes()

    zfs.create_pool(fake.pool("vda"), fake.run)

    assert (fake.folder / "hostid").read_bytes() == first


def test_packages_of_all_layers_are_merged_in_the_target(fake: Fake) -> None:
    fake.runner.expect("dpkg", f"--root={fake.run.target}", "--configure", "--pending")

    layers.merge_packages(MergePackages(), fake.run)

    assert not fake.runner.expected
