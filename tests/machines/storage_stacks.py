"""Recorded machines with something to lose on their disks: arrays, pools, OSDs, other systems."""

from __future__ import annotations

from tests.machines import devices, parts
from tests.machines.contents import (
    BIOS_BOOT,
    ESP,
    FREEBSD_SWAP,
    FREEBSD_ZFS,
    LINUX,
    LVM,
    MICROSOFT_DATA,
    MICROSOFT_RECOVERY,
    MICROSOFT_RESERVED,
    RAID,
    ZFS,
    Part,
    array,
    file_system,
    mapped,
    member,
    partitions,
    physical_volumes,
    whole,
)
from tests.machines.devices import Slot
from tests.machines.drives import sata_hdd, sata_ssd
from tests.machines.recorder import GIB, Recorder
from tests.machines.storage_disks import GIB_BLOCKS, GIB_MIB, TIB, server
from tests.machines.superblocks import bcache, bluestore, btrfs, ext4, fat32, osd_meta, xfs


def _sata(machine: Recorder, name: str, count: int) -> list[str]:
    """Hard disks of 4 TB on the board's SATA ports; their kernel names."""
    drives = [sata_hdd(f"ZC1{name.upper()}{number}") for number in range(count)]
    devices.sata(machine, parts.c620_sata(machine, 8), *drives)
    return [f"sd{chr(ord('a') + number)}" for number in range(count)]


def md_raid10_lvm(machine: Recorder) -> None:
    """Four disks with an md RAID 10 that runs, LVM on it, and its volumes mounted below /mnt by somebody."""
    server(machine, "raid10")
    uuid, word = "3a5b7c9d-1e2f-4031-8243-546576879809", "3a5b7c9d:1e2f4031:82435465:76879809"
    names = _sata(machine, "md", 4)
    for number, name in enumerate(names):
        inside = member("linux_raid_member", uuid, "files:0", sub=f"0000000{number}-aaaa-4bbb-8ccc-dddddddddddd")
        partitions(machine, name, Part(3_600_000, RAID, inside))
    volume = "Md10ab-0000-1111-2222-3333-4444-abcdef"
    inside = member("LVM2_member", volume)
    array(machine, 127, "raid10", word, [f"{name}1" for name in names], size=7_200_000, udev=inside)
    group = "Fg7Kx2Zb1QwErTyUiOpAsDfGhJkLzXcV"
    physical_volumes(machine, {"pv_uuid": volume, "vg_name": "my-files", "vg_uuid": "Fg7Kx2-Zb1Q-wErT-yUiO"})
    for number, (name, size, kind) in enumerate((("root", 64, "ext4"), ("srv", 4096, "xfs"))):
        data = ext4(size * GIB_BLOCKS, 40 * GIB_BLOCKS) if kind == "ext4" else xfs(size * GIB_BLOCKS, GIB_BLOCKS)
        mapped(
            machine,
            number,
            f"my--files-{name}",
            f"LVM-{group}{number:032d}",
            ["md127"],
            size=size * GIB_MIB,
            udev=file_system(kind, f"b{number}e1f2a3-0b1c-4d2e-8f30-415263748596", size=size * GIB),
            data=data,
            mount="/mnt/srv" if name == "srv" else "",
        )


def bcache_xfs(machine: Recorder) -> None:
    """A hard disk behind an SSD by bcache, running; and one that once was, with nothing running."""
    server(machine, "bcache")
    names = _sata(machine, "bc", 2)
    devices.sata(machine, Slot("0000:00:17.0"), sata_ssd("PHDV00004803"), first=3)
    cache_set, old_set = "9d1f3b5c-7e20-4a4b-9c6d-8f0a1b2c3d4e", "0e1d2c3b-4a59-4687-9615-243342516070"
    backing, cache = "1c2d3e4f-5061-4273-8495-a6b7c8d9eafb", "2d3e4f50-6172-4384-95a6-b7c8d9eafb0c"
    whole(machine, "sda", file_system("bcache", backing), bcache(backing, cache_set))
    whole(machine, "sdb", file_system("bcache", "3e4f5061-7283-4495-a6b7-c8d9eafb0c1d"), bcache(backing, old_set))
    partitions(machine, "sdc", Part(200_000, LINUX, file_system("bcache", cache), data=bcache(cache, cache_set)))
    inside = file_system("xfs", "4f506172-8394-45a6-b7c8-d9eafb0c1d2e", "films", size=3_900 * GIB)
    size = 4_000_787_022_336
    folder = machine.system.volume("bcache0", ["sda", "sdc1"], sectors=size // 512, number="252:0", udev=inside)
    machine.system.link(f"{machine.system.folder('sda')}/bcache/cache", f"sys/fs/bcache/{cache_set}")
    machine.system.link(f"{machine.system.folder('sdc1')}/bcache/set", f"sys/fs/bcache/{cache_set}")
    machine.system.link(f"{folder}/bcache", f"{machine.system.folder('sda')}/bcache")
    machine.system.write("dev/bcache0", xfs(size // 4096, 300 * GIB_BLOCKS))
    assert names == ["sda", "sdb"]


def truenas(machine: Recorder) -> None:
    """TrueNAS CORE: its system on one SSD, a pool over three disks, each with FreeBSD's swap before it."""
    server(machine, "truenas")
    names = _sata(machine, "nas", 3)
    devices.sata(machine, Slot("0000:00:17.0"), sata_ssd("PHDV00004804"), first=4)
    for number, name in enumerate(names):
        pool = member("zfs_member", "11947381204819572311", "tank", sub=f"882739487123984{number}")
        partitions(machine, name, Part(2048, FREEBSD_SWAP), Part(3_800_000, FREEBSD_ZFS, pool))
    pool = member("zfs_member", "4418293847561029384", "boot-pool", sub="99182736455463728")
    partitions(machine, "sdd", Part(260, ESP, file_system("vfat", "1A2B-3C4D")), Part(440_000, FREEBSD_ZFS, pool))


def proxmox_zfs(machine: Recorder) -> None:
    """Proxmox VE on a ZFS mirror of two SSDs, and an older one on LVM on a third disk."""
    server(machine, "proxmox")
    drives = [sata_ssd(f"PHDV0000481{number}") for number in range(2)]
    devices.sata(machine, parts.c620_sata(machine, 8), *drives, sata_hdd("ZC1PVE"))
    for number in range(2):
        pool = member("zfs_member", "7730918273645546372", "rpool", sub=f"55443322110{number}")
        partitions(
            machine,
            f"sd{'ab'[number]}",
            Part(1, BIOS_BOOT),
            Part(1024, ESP, file_system("vfat", f"8C9D-AE0{number}"), data=fat32(261_000, 200_000)),
            Part(445 * GIB_MIB, ZFS, pool),
        )
    volume = "PvEab0-0000-1111-2222-3333-4444-abcdef"
    partitions(
        machine, "sdc", Part(1, BIOS_BOOT), Part(512, ESP), Part(3_800_000, LVM, member("LVM2_member", volume))
    )
    pv = {"pv_uuid": volume, "vg_name": "pve", "vg_uuid": "PvEvg0-0000-1111-2222-3333-4444-abcdef"}
    physical_volumes(machine, *({**pv, "lv_name": name} for name in ("swap", "root", "[data_tdata]")))


def ceph_osds(machine: Recorder) -> None:
    """Three OSDs: on a whole disk, on a volume that is active, and on one that is not, its DB on an NVMe SSD."""
    server(machine, "ceph")
    names = _sata(machine, "osd", 3)
    slot = Slot("0000:5e:00.0", ("0000:5d:00.0",))
    devices.nvme(machine, slot, "144d:a80a", "NVMe SSD Controller PM9A3", parts.pm9a3("S64GNE0R700001"))
    fsid, other = "b8f5a1f2-3c4d-11f0-9a1b-3cecef010203", "0f0e0d0c-0b0a-11ec-8908-070605040302"
    osds = [f"{number}d5c3b1a-2f4e-4a6c-8b0d-9e7f5a3c1b2d" for number in range(3)]
    whole(machine, "sda", {"ID_FS_TYPE": "ceph_bluestore"}, bluestore(osds[0], 4 * TIB, meta=osd_meta(7, other)))
    volumes = [f"Osd{number}ab-0000-1111-2222-3333-4444-abcdef" for number in range(3)]
    groups = [f"ceph-{number}a7c6b5d-4e3f-4210-9182-736455463728" for number in range(3)]
    for device, uuid in zip((*names[1:], "nvme0n1"), volumes, strict=True):
        whole(machine, device, member("LVM2_member", uuid))
    rows = []
    for place, osd, part in ((0, 1, "block"), (1, 2, "block"), (2, 2, "db")):
        name = f"osd-{part}-{osds[osd]}"
        tags = f"ceph.cephx_lockbox_secret=,ceph.cluster_fsid={fsid},ceph.cluster_name=ceph,ceph.encrypted=0,"
        tags += f"ceph.osd_fsid={osds[osd]},ceph.osd_id={osd},ceph.type={part},ceph.vdo=0"
        pv = {"pv_uuid": volumes[place], "vg_name": groups[place], "vg_uuid": f"CephVg-000{place}"}
        rows += [{**pv, "lv_name": name, "lv_tags": tags}, pv]
    physical_volumes(machine, *rows)
    escaped = f"{groups[0]}-osd-block-{osds[1]}".replace("-", "--").replace("--osd--block", "-osd--block", 1)
    label = bluestore(osds[1], 4 * TIB, meta=osd_meta(1, fsid))
    inside = {"ID_FS_TYPE": "ceph_bluestore"}
    mapped(machine, 0, escaped, f"LVM-{'x' * 64}", ["sdb"], size=3_815_000, udev=inside, data=label)


def windows_dual(machine: Recorder) -> None:
    """A desktop's two disks: Windows beside Linux on the first, an old Windows 7 with an MBR on the second."""
    server(machine, "windows")
    devices.sata(machine, parts.c620_sata(machine, 8), sata_ssd("PHDV00004805"), sata_hdd("ZC1WIN7"))
    partitions(
        machine,
        "sda",
        Part(100, ESP, file_system("vfat", "A0B1-C2D3"), r"EFI\x20system\x20partition", data=fat32(25_000, 17_000)),
        Part(16, MICROSOFT_RESERVED, name=r"Microsoft\x20reserved\x20partition"),
        Part(200_000, MICROSOFT_DATA, file_system("ntfs", "D4E5F60718293A4B", "Windows", size=200_000 * 2**20)),
        Part(700, MICROSOFT_RECOVERY, file_system("ntfs", "E5F60718293A4B5C")),
        Part(150_000, LINUX, file_system("btrfs", "60718293-a4b5-46c7-d8e9-fa0b1c2d3e4f", "fedora")),
    )
    machine.system.write("dev/sda5", btrfs(150_000 * 2**20, 61 * GIB))
    partitions(
        machine,
        "sdb",
        Part(100, "0x7", file_system("ntfs", "F60718293A4B5C6D", "System reserved"), flags="0x80"),
        Part(3_000_000, "0x7", file_system("ntfs", "0718293A4B5C6D7E", "Family photos", size=3_000_000 * 2**20)),
        table="dos",
    )


def intel_rst(machine: Recorder) -> None:
    """Two disks in a mirror of the board's firmware (Intel RST), run by md, with Windows on its partitions."""
    server(machine, "rst")
    names = _sata(machine, "rst", 2)
    for name in names:
        whole(machine, name, {"ID_FS_TYPE": "isw_raid_member", "ID_FS_USAGE": "raid", "ID_FS_VERSION": "1.1.00"})
    array(machine, 127, "container", "11112222:33334444:55556666:77778888", names, size=0)
    array(machine, 126, "raid1", "9999aaaa:bbbbcccc:ddddeeee:ffff0000", names, size=3_600_000)
    windows = file_system("ntfs", "18293A4B5C6D7E8F", "Windows", size=3_000_000 * 2**20)
    partitions(
        machine, "md126", Part(100, ESP), Part(16, MICROSOFT_RESERVED), Part(3_000_000, MICROSOFT_DATA, windows)
    )
