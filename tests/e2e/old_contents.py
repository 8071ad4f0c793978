"""Old contents of disks, made by the tools that made them in the first place: what a teardown has to cope with.

Each is a shell script, run by root on a live Debian system that has the packages of iso/packages/storage.list, on
blank virtio disks of 32 GiB or more. What it makes is left open: mounted, swapped to, running. Sources of bytes that
are written without a tool: util-linux' libblkid/src/superblocks (ntfs.c, zfs.c, bluestore.c).
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class OldContent:
    """A kind of old contents of one disk or two.

    `commands` are lines of bash, in which `$A` and `$B` are the stable paths of the disks, and the functions of
    `PRELUDE` are known. `holds` are words by which the plan names what is on the disks, their partitions and the
    volumes on them. `volumes` says that something of device-mapper, md or bcache is open. `labels` are places of `$A`
    (bytes) with copies of a label that no tool looks at, so that only reading them tells whether they are gone.
    """

    name: str
    commands: tuple[str, ...]
    holds: frozenset[str]
    disks: int = 1
    volumes: bool = False
    labels: tuple[int, ...] = ()


#: What the commands lean on. `put DEVICE OFFSET FORMAT` writes the bytes that printf makes of FORMAT; `parts DISK`
#: writes the partition table that sfdisk reads from stdin, and waits for the links of its partitions.
PRELUDE = r"""
set -eu -o pipefail

put() { printf "$3" | dd of="$1" oflag=seek_bytes seek="$2" conv=notrunc,fsync status=none; }

parts() { sfdisk --quiet --wipe always "$1"; udevadm settle; }

bytes_of() { if [ -b "$1" ]; then blockdev --getsize64 "$1"; else stat --format=%s "$1"; fi; }

# Boot sector with clusters of 4 KiB and the table of files in cluster 4, of which records 0 and 3 are looked at.
ntfs() {
    put "$1" 0 '\xeb\x52\x90NTFS    \x00\x02\x08'
    put "$1" 21 '\xf8'
    put "$1" 40 '\xff\xff\x01\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00'
    put "$1" 64 '\xf6\x00\x00\x00\x01\x00\x00\x00\x11\x22\x33\x44\x55\x66\x77\x88'
    put "$1" 510 '\x55\xaa'
    for record in 0 3; do
        put "$1" $((16384 + record * 1024)) 'FILE'
        put "$1" $((16384 + record * 1024 + 20)) '\x38\x00'
        put "$1" $((16384 + record * 1024 + 24)) '\x40\x00\x00\x00\x00\x04\x00\x00'
        put "$1" $((16384 + record * 1024 + 56)) '\xff\xff\xff\xff'
    done
}

# The label of an OSD, at the start and where its copies lie (32 GiB have room for two).
bluestore() {
    for offset in 0 $((1 << 30)) $((10 << 30)); do
        if [ $((offset + 4096)) -le "$(bytes_of "$1")" ]; then
            put "$1" "$offset" 'bluestore block device\n5c3a9e1c-2a5e-4a37-8d8c-4f2d1c8f7a10\n'
        fi
    done
}

# Four labels, two at each end: the uberblocks (what libblkid knew until 2.40) and the nvlist (what it knows since).
zfs_labels() {
    local end=$(($(bytes_of "$1") / 262144 * 262144))
    for label in 0 262144 $((end - 524288)) $((end - 262144)); do
        python3 - "$1" "$label" << 'NVLIST'
import sys

from pathlib import Path


def pair(name, kind, value):
    padded = name.encode().ljust(-len(name) % 4 + len(name), b"\0")
    body = len(name).to_bytes(4, "big") + padded + kind.to_bytes(4, "big") + (1).to_bytes(4, "big") + value
    size = 8 + len(body)
    return size.to_bytes(4, "big") + size.to_bytes(4, "big") + body


def number(value):
    return value.to_bytes(8, "big")


pool = b"oldpool\0"
pairs = (
    pair("version", 8, number(5000)),
    pair("name", 9, (7).to_bytes(4, "big") + pool),
    pair("state", 8, number(0)),
    pair("txg", 8, number(4)),
    pair("pool_guid", 8, number(0x7B01)),
    pair("guid", 8, number(0x7B02)),
    pair("top_guid", 8, number(0x7B02)),
)
with Path(sys.argv[1]).open("r+b") as device:
    device.seek(int(sys.argv[2]) + 16 * 1024)
    device.write(b"\1\1\0\0" + bytes(4) + (1).to_bytes(4, "big") + b"".join(pairs) + bytes(8))
NVLIST
        for number in 0 1 2 3 4 5; do
            put "$1" $((label + 131072 + number * 1024)) '\x0c\xb1\xba\x00\x00\x00\x00\x00\x88\x13'
        done
    done
}

luks() {
    printf 'old secret' | cryptsetup luksFormat --type luks2 --batch-mode --pbkdf pbkdf2 \
        --pbkdf-force-iterations 1000 --key-file=- "$1"
    printf 'old secret' | cryptsetup open --key-file=- "$1" "$2"
}

filled() { mkfs.ext4 -q -F -L "$3" "$1"; mkdir -p "$2"; mount "$1" "$2"; head -c 20000000 /dev/urandom > "$2/data"; }
"""

_TWO_PARTITIONS = """parts "$A" <<< $'label: gpt\\nsize=4GiB\\nsize=4GiB\\n'"""
_ONE_EACH = """for disk in "$A" "$B"; do parts "$disk" <<< $'label: gpt\\nsize=4GiB, type=raid\\n'; done"""
_MIRROR = (
    _ONE_EACH,
    'mdadm --create /dev/md/old --run --assume-clean --metadata={} --level=1 --raid-devices=2 "$A-part1" "$B-part1"',
)


def _mirror(metadata: str) -> tuple[str, ...]:
    return tuple(line.format(metadata) if line.startswith("mdadm") else line for line in _MIRROR)


#: Where an OSD's label and its copies at 1 and 10 GiB lie in "osd-in-closed-lvm": the partition begins at 1 MiB, the
#: first extent another MiB later, and a volume of 2 GiB stands between the first 512 MiB and the others.
_LABELS_IN_CLOSED_LVM = (2 * 2**20, 2 * 2**20 + 3 * 2**30, 2 * 2**20 + 12 * 2**30)

_ALL = (
    OldContent(
        "windows",
        (
            """parts "$A" <<< $'label: dos\\nsize=500MiB, type=7\\nsize=8GiB, type=7\\ntype=5\\nsize=4GiB\\n'""",
            'ntfs "$A-part1"',
            'ntfs "$A-part2"',
            'mkfs.ext4 -q -F -L linux "$A-part5"',
        ),
        frozenset({"MBR", "NTFS", "ext4"}),
    ),
    OldContent(
        "used",
        (
            """parts "$A" <<< $'label: gpt\\nsize=512MiB, type=uefi\\nsize=4GiB\\nsize=4GiB\\n'""",
            'mkfs.vfat -F 32 -n OLD-ESP "$A-part1"',
            'filled "$A-part2" /mnt/old documents',
            'mkfs.xfs -q -f -L photos "$A-part3"',
            'mkdir -p /mnt/old/photos; mount "$A-part3" /mnt/old/photos',
        ),
        frozenset({"GPT", "FAT", "ext4", "xfs"}),
    ),
    OldContent(
        "whole-disk",
        ('filled "$A" /mnt/old whole',),
        frozenset({"ext4"}),
    ),
    OldContent(
        "swap",
        (
            _TWO_PARTITIONS,
            'mkswap "$A-part1"; swapon "$A-part1"',
            'filled "$A-part2" /mnt/old files',
            "chmod 0600 /mnt/old/data; mkswap /mnt/old/data; swapon /mnt/old/data",
        ),
        frozenset({"GPT", "swap", "ext4"}),
    ),
    OldContent(
        "btrfs-over-two",
        (
            "modprobe btrfs; udevadm settle",
            'mkfs.btrfs --quiet --force --label old --data raid1 --metadata raid1 "$A" "$B"',
            'udevadm settle; mkdir -p /mnt/old; mount "$A" /mnt/old',
        ),
        frozenset({"btrfs"}),
        disks=2,
    ),
    OldContent(
        "mirror",
        (*_mirror("1.2"), "filled /dev/md/old /mnt/old mirrored"),
        frozenset({"GPT", "RAID", "ext4"}),
        disks=2,
        volumes=True,
    ),
    OldContent(
        "mirror-with-metadata-at-the-end",
        (
            'mdadm --create /dev/md/old --run --assume-clean --metadata=1.0 --level=1 --raid-devices=2 "$A" "$B"',
            """sfdisk --quiet /dev/md/old <<< $'label: gpt\\nsize=4GiB\\n'; udevadm settle""",
            "mkfs.ext4 -q -F /dev/md/old1 || mkfs.ext4 -q -F /dev/md/old-part1 || mkfs.ext4 -q -F /dev/md127p1",
        ),
        frozenset({"RAID", "GPT", "ext4"}),
        disks=2,
        volumes=True,
    ),
    OldContent(
        "mirror-with-lvm",
        (
            *_mirror("1.2"),
            "pvcreate --yes /dev/md/old",
            "vgcreate --yes oldvg /dev/md/old",
            "lvcreate --yes --size 1G --name root oldvg",
            "lvcreate --yes --monitor n --type thin-pool --size 1G --name pool oldvg",
            "lvcreate --yes --thin --virtualsize 2G --name guest oldvg/pool",
            "filled /dev/oldvg/root /mnt/old root",
        ),
        frozenset({"GPT", "RAID", "LVM", "ext4"}),
        disks=2,
        volumes=True,
    ),
    OldContent(
        "two-groups-of-one-name",
        (
            'for disk in "$A" "$B"; do pvcreate --yes "$disk"; vgcreate --yes --devices "$disk" trebol "$disk"; done',
            'lvcreate --yes --devices "$A" --size 1G --name root trebol',
            'lvcreate --yes --devices "$B" --size 1G --name data trebol',
            "filled /dev/mapper/trebol-root /mnt/old root",
        ),
        frozenset({"LVM", "ext4"}),
        disks=2,
        volumes=True,
    ),
    OldContent(
        "luks",
        (
            _TWO_PARTITIONS,
            'luks "$A-part1" old-secret',
            "filled /dev/mapper/old-secret /mnt/old secret",
            'luks "$A-part2" old-closed; cryptsetup close old-closed',
        ),
        frozenset({"GPT", "LUKS", "ext4"}),
        volumes=True,
    ),
    OldContent(
        "luks-with-lvm-with-luks",
        (
            'luks "$A" outer',
            "pvcreate --yes /dev/mapper/outer; vgcreate --yes inside /dev/mapper/outer",
            "lvcreate --yes --size 1G --name vault inside",
            "luks /dev/inside/vault inner",
            "mkswap /dev/mapper/inner; swapon /dev/mapper/inner",
        ),
        frozenset({"LUKS", "LVM", "swap"}),
        volumes=True,
    ),
    OldContent(
        "bcache",
        (
            _TWO_PARTITIONS,
            'modprobe bcache; make-bcache --writeback -B "$A-part1" -C "$A-part2"',
            'for part in 1 2; do echo "$A-part$part" > /sys/fs/bcache/register || true; done; udevadm settle',
            "[ -e /sys/block/bcache0/bcache/cache ]",
            "filled /dev/bcache0 /mnt/old cached",
        ),
        frozenset({"GPT", "bcache", "ext4"}),
        volumes=True,
    ),
    OldContent(
        "bcache-over-two",
        (
            'modprobe bcache; make-bcache --writeback -B "$A" -C "$B"',
            'for disk in "$A" "$B"; do echo "$disk" > /sys/fs/bcache/register || true; done; udevadm settle',
            "[ -e /sys/block/bcache0/bcache/cache ]",
        ),
        frozenset({"bcache"}),
        disks=2,
        volumes=True,
    ),
    OldContent(
        "osd",
        ('bluestore "$A"', 'udevadm trigger --settle "$A"'),
        frozenset({"Ceph"}),
    ),
    OldContent(
        "osd-in-lvm",
        (
            'pvcreate --yes "$A"; vgcreate --yes ceph-5c3a9e1c "$A"',
            "lvcreate --yes --extents 100%FREE --name osd-block-5c3a9e1c ceph-5c3a9e1c",
            "bluestore /dev/ceph-5c3a9e1c/osd-block-5c3a9e1c",
            "udevadm trigger --settle /dev/ceph-5c3a9e1c/osd-block-5c3a9e1c",
        ),
        frozenset({"LVM", "Ceph"}),
        volumes=True,
    ),
    OldContent(
        "osd-in-closed-lvm",
        (
            """parts "$A" <<< $'label: gpt\\nstart=1MiB, size=28GiB\\n'""",
            'pvcreate --yes "$A-part1"; vgcreate --yes ceph-7d1b0f2a "$A-part1"',
            "lvcreate --yes --size 512M --name osd-block-7d1b0f2a --addtag ceph.osd_id=7 ceph-7d1b0f2a",
            "lvcreate --yes --size 2G --name between ceph-7d1b0f2a",
            "lvextend --size 12G ceph-7d1b0f2a/osd-block-7d1b0f2a",
            "bluestore /dev/ceph-7d1b0f2a/osd-block-7d1b0f2a",
            "udevadm settle; vgchange --activate n ceph-7d1b0f2a",
            f"for place in {' '.join(map(str, _LABELS_IN_CLOSED_LVM))}; do",
            '    cmp --bytes=22 --ignore-initial="$place:0" "$A" - <<< "bluestore block device"',
            "done",
        ),
        frozenset({"GPT", "LVM", "Ceph"}),
        labels=_LABELS_IN_CLOSED_LVM,
    ),
    OldContent(
        "ddf",
        (
            'mdadm --create /dev/md/container --run --metadata=ddf --raid-devices=2 "$A" "$B"',
            # It tells mdmon, which has not come up yet, and says so; the volume is there.
            "mdadm --create /dev/md/volume --run --level=1 --raid-devices=2 --size=1G /dev/md/container || true",
            "mdadm --detail /dev/md/volume",
            "udevadm settle; mkfs.ext4 -q -F /dev/md/volume",
        ),
        frozenset({"DDF", "ext4"}),
        disks=2,
        volumes=True,
    ),
    OldContent(
        "intel",
        (
            # No Intel firmware here to ask, and virtio disks do not tell their serial numbers the way SCSI ones do.
            "export IMSM_NO_PLATFORM=1 IMSM_DEVNAME_AS_SERIAL=1",
            'mdadm --create /dev/md/container --run --metadata=imsm --raid-devices=2 "$A" "$B"',
            # As with ddf, mdmon may not have come up yet.
            "mdadm --create /dev/md/volume --run --level=1 --raid-devices=2 --size=1G /dev/md/container || true",
            "mdadm --detail /dev/md/volume",
            "udevadm settle",
        ),
        frozenset({"Intel"}),
        disks=2,
        volumes=True,
    ),
    OldContent(
        "zfs",
        (
            _TWO_PARTITIONS,
            "if command -v zpool; then",
            '    zpool create -f -m /mnt/old oldpool "$A-part1"',
            "else",
            '    zfs_labels "$A-part1"; udevadm trigger --settle "$A-part1"',
            "fi",
        ),
        frozenset({"GPT", "ZFS"}),
    ),
    OldContent(
        "gpt-backup-only",
        (
            _TWO_PARTITIONS,
            'dd if=/dev/zero of="$A" bs=512 count=34 conv=fsync status=none; blockdev --rereadpt "$A"',
        ),
        frozenset({"GPT"}),
    ),
)

#: By name.
OLD_CONTENTS: Mapping[str, OldContent] = {content.name: content for content in _ALL}


def script(content: OldContent, disks: Sequence[str]) -> str:
    """The bash script that makes `content` on `disks`, given by their stable paths, as many as it needs."""
    if len(disks) != content.disks:
        raise ValueError(f"{content.name} needs {content.disks} disks, not {len(disks)}")
    names = [f"{name}={shlex.quote(disk)}" for name, disk in zip("AB", disks, strict=False)]
    return "\n".join([PRELUDE, *names, "set -x", *content.commands, "sync", ""])


def look(content: OldContent, disk: str) -> str:
    """A line of bash that fails, and says where, unless all `content.labels` of `disk` are zeros (4 KiB each)."""
    looks = (f"cmp --bytes=4096 --ignore-initial={place}:0 {shlex.quote(disk)} /dev/zero" for place in content.labels)
    return " && ".join(looks) or "true"
