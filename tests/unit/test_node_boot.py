"""`trebol node boot-sync` writes to a mounted boot partition and to nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from trebol_common.errors import Refused
from trebol_common.esp import Synchronised
from trebol_node.boot import boot_sync, describe, require_mounted

LINE = "{id} 1 8:1 / {point} {options} shared:1 - {kind} /dev/sda2 rw\n"


def mountinfo(*mounts: tuple[str, str, str]) -> str:
    return "".join(
        LINE.format(id=index, point=point, kind=kind, options=options)
        for index, (point, kind, options) in enumerate(mounts)
    )


@pytest.mark.parametrize(
    ("mounts", "reason"),
    [
        ((), "is not a mount point"),
        ((("/boot", "vfat", "rw"),), "is not a mount point"),
        ((("/boot/efi", "autofs", "rw"),), "is not a mount point"),
        ((("/boot/efi", "ext4", "rw"),), "holds ext4, not FAT"),
        ((("/boot/efi", "vfat", "rw"), ("/boot/efi", "tmpfs", "rw")), "holds tmpfs, not FAT"),
        ((("/boot/efi", "vfat", "ro,relatime"),), "read-only"),
    ],
)
def test_anything_but_a_writable_boot_partition_is_refused(
    mounts: tuple[tuple[str, str, str], ...], reason: str
) -> None:
    with pytest.raises(Refused, match=reason) as caught:
        require_mounted(mountinfo(("/", "ext4", "rw"), *mounts))
    assert caught.value.problems[0].where == "/boot/efi"


@pytest.mark.parametrize(
    "mounts", [(("/boot/efi", "vfat", "rw,relatime"),), (("/boot/efi", "autofs", "rw"), ("/boot/efi", "vfat", "rw"))]
)
def test_a_mounted_boot_partition_is_accepted(mounts: tuple[tuple[str, str, str], ...]) -> None:
    require_mounted(mountinfo(*mounts))


def test_kernel_and_initramfs_reach_the_boot_partition(tmp_path: Path) -> None:
    files = {
        "proc/self/mountinfo": mountinfo(("/boot/efi", "vfat", "rw")),
        "boot/vmlinuz-6.12.1-amd64": "kernel",
        "boot/initrd.img-6.12.1-amd64": "initramfs",
        "etc/trebol/kernel-cmdline": "root=/dev/mapper/trebol-root ro",
        "boot/efi/kernel/6.1.0-amd64/vmlinuz": "old",
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    first = list(boot_sync(tmp_path))
    second = list(boot_sync(tmp_path))

    assert (tmp_path / "boot/efi/kernel/6.12.1-amd64/initrd.img").read_text() == "initramfs"
    assert not (tmp_path / "boot/efi/kernel/6.1.0-amd64").exists()
    assert "removed kernel/6.1.0-amd64" in first
    assert second[:2] == ["up to date", "kernels: 6.12.1-amd64"]


def test_what_was_done_is_told_line_by_line() -> None:
    done = Synchronised(("2", "1"), ("kernel/2/vmlinuz",), ("kernel/0",), ("no shim",))
    assert list(describe(done)) == [
        "copied kernel/2/vmlinuz",
        "removed kernel/0",
        "kernels: 2, 1",
        "warning: no shim",
    ]
