"""Every layout boots and has no failed unit; each of its disks boots the same."""

from __future__ import annotations

import pytest
from tests.e2e.nodes import Node

#: Kinds of devices from the disk up to the root, as lsblk calls them, and the root's file system.
STACKS = {
    "raid1": (["disk", "part", "raid1", "lvm"], "ext4"),
    "xfs": (["disk", "part", "lvm"], "xfs"),
    "xfs-raid10": (["disk", "part", "raid10", "lvm"], "xfs"),
    "btrfs": (["disk", "part"], "btrfs"),
    "btrfs-raid0": (["disk", "part"], "btrfs"),
    "btrfs-raid1": (["disk", "part"], "btrfs"),
    "btrfs-raid10": (["disk", "part"], "btrfs"),
    "luks": (["disk", "part", "crypt", "lvm"], "ext4"),
    "luks-tpm": (["disk", "part", "crypt", "lvm"], "ext4"),
    "luks-raid1": (["disk", "part", "raid1", "crypt", "lvm"], "ext4"),
    "luks-btrfs-raid1": (["disk", "part", "crypt"], "btrfs"),
}

#: Names of the top-level vdevs of each pool; disks alone have their own.
POOLS = {
    "zfs": [],
    "zfs-raid1": ["mirror-0"],
    "zfs-raid0": [],
    "zfs-raid10": ["mirror-0", "mirror-1"],
    "zfs-raidz1": ["raidz1-0"],
    "zfs-raidz2": ["raidz2-0"],
    "zfs-raidz3": ["raidz3-0"],
    "zfs-encrypted-raid1": ["mirror-0"],
}

#: What tells the ESPs of a node apart, or that they are alike: names and bytes of all files.
CONTENT = "cd {at} && find . -type f ! -path './grub/grubenv' -exec sha256sum {{}} + | sort"

#: The layout that makes a whole new initramfs, five minutes under emulation.
WHOLE_UPDATE = "btrfs-raid1"
#: What update-initramfs(8) does last, with a file that differs: zeros may follow an archive (the kernel's
#: Documentation/driver-api/early-userspace/buffer-format.rst).
PADDED_INITRAMFS = (
    "kernel=$(uname -r) && printf '\\0\\0\\0\\0' >> /boot/initrd.img-$kernel && "
    "run-parts --exit-on-error --arg=$kernel --arg=/boot/initrd.img-$kernel /etc/initramfs/post-update.d"
)


def test_the_root_lies_on_what_the_answer_file_asks_for(layout: Node) -> None:
    if layout.case.name in POOLS:
        assert layout.ssh("findmnt --noheadings --output FSTYPE,SOURCE /").split() == ["zfs", "rpool/ROOT/trebol"]
        return
    kinds, filesystem = STACKS[layout.case.name]
    source = layout.ssh("findmnt --noheadings --nofsroot --output SOURCE /").strip()
    assert layout.ssh("findmnt --noheadings --output FSTYPE /").strip() == filesystem
    above = layout.ssh(f"lsblk --inverse --noheadings --list --output TYPE {source}").split()
    assert list(dict.fromkeys(reversed(above))) == kinds


def test_every_target_is_part_of_it(layout: Node) -> None:
    for name in layout.case.disk_names:
        parts = layout.json(f"lsblk --json --bytes --output NAME,PARTN,PARTTYPENAME,SIZE /dev/disk/by-id/{name}")
        found = [(part["partn"], part["size"] // 2**20) for part in parts["blockdevices"][0]["children"]]
        assert [number for number, _ in found] == [1, 2, 3]
        assert [size for _, size in found][:2] == [1, 512]
    if layout.case.setup["filesystem"] == "btrfs":
        shown = layout.ssh("btrfs filesystem show --raw /")
        assert f"Total devices {layout.case.disks} " in shown and "missing" not in shown
        # Nobody waited for a disk that is there, nor went on without it.
        assert "degraded" not in layout.ssh("findmnt --noheadings --output OPTIONS /").strip().split(",")
    if layout.case.name in POOLS:
        (top,) = layout.json("zpool status -j rpool")["pools"]["rpool"]["vdevs"].values()
        groups = [vdev for vdev in top["vdevs"].values() if vdev["vdev_type"] != "disk"]
        members = [disk for group in groups or [top] for disk in group["vdevs"]]
        assert layout.ssh("zpool list -H -o health rpool").strip() == "ONLINE"
        assert [group["name"] for group in groups] == POOLS[layout.case.name]
        # By names that stay, in the order of the targets.
        assert members == [f"{name}-part3" for name in layout.case.disk_names]
    if "lvm" in layout.case.setup:
        assert layout.ssh("cat /sys/block/md*/md/raid_disks").split() == [str(layout.case.disks)]


def test_the_node_runs_without_a_failed_unit(layout: Node) -> None:
    assert layout.json("systemctl list-units --state=failed --output=json") == []
    assert layout.ssh("systemctl is-system-running").strip() == "running"


def test_a_disk_beside_the_targets_keeps_every_bit(layout: Node) -> None:
    assert layout.installation.bystander_after == layout.installation.bystander_before


def test_there_is_a_store_for_guests(layout: Node) -> None:
    if layout.case.setup["filesystem"] == "btrfs":
        assert layout.ssh("findmnt --noheadings --output OPTIONS /var/lib/trebol/data").split("subvol=/")[
            1
        ].strip() == ("data")
    elif layout.case.name in POOLS:
        assert layout.ssh("findmnt --noheadings --output SOURCE /var/lib/trebol/data").strip() == "rpool/data"
    else:
        # 12 GiB are too small for a thin pool beside the root.
        assert "root" in layout.ssh("lvs --noheadings --options lv_name trebol").split()


def test_every_boot_partition_is_alike_and_stays_so_when_an_initramfs_is_made_anew(layout: Node) -> None:
    layout.ssh("update-initramfs -u -k all" if layout.case.name == WHOLE_UPDATE else PADDED_INITRAMFS)
    contents = set()
    for name in layout.case.disk_names:
        at = "/run/trebol/look"
        layout.ssh(f"mkdir -p {at} && mount /dev/disk/by-id/{name}-part2 {at}")
        contents.add(layout.ssh(CONTENT.format(at=at)))
        layout.ssh(f"umount {at}")
    assert len(contents) == 1
    kernel = layout.ssh("uname -r").strip()
    initramfs = layout.ssh(f"sha256sum < /boot/initrd.img-{kernel}").split()[0]
    assert f"{initramfs}  ./kernel/{kernel}/initrd.img" in contents.pop()


def test_a_pool_belongs_to_this_node_and_leaves_memory_to_guests(layout: Node) -> None:
    if layout.case.name not in POOLS:
        pytest.skip("no pool")
    # What the initramfs imported it as, and what the running system says.
    host = layout.ssh("cat /etc/hostid | od -A n -t x4").strip()
    assert host != "00000000" and layout.ssh("hostid").strip() == host
    limit = int(layout.ssh("cat /sys/module/zfs/parameters/zfs_arc_max"))
    assert f"zfs_arc_max={limit}\n" in layout.ssh("cat /etc/modprobe.d/zfs.conf")
    assert layout.ssh("zpool list -H -o bootfs,altroot,readonly rpool").split() == ["rpool/ROOT/trebol", "-", "off"]
    encrypted = layout.ssh("zfs get -H -o value encryption rpool/ROOT/trebol rpool/data").split()
    assert encrypted == ["aes-256-gcm" if "encryption" in layout.case.setup else "off"] * 2


def test_no_passphrase_is_left_anywhere(layout: Node) -> None:
    if "encryption" not in layout.case.setup:
        pytest.skip("nothing is encrypted")
    secret = layout.case.setup["encryption"]["passphrase"]
    assert layout.ssh(f"grep -rlF -e '{secret}' /var/log /etc /root /var/lib/trebol /boot || true") == ""
    assert secret not in layout.installation.text
