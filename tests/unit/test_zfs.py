"""The ZFS layer fits under any appliance, and is not made without what it is for."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from tests.unit.test_zfs_lock import KERNEL, lock

from trebol_common.errors import TrebolError
from trebol_common.keyboard import CACHED_KEYMAP, KEYBOARD_FILE
from trebol_common.run import CommandRunner
from trebol_image.chroot import in_tree, without_services
from trebol_image.zfs import (
    leave_to_the_base,
    listed_files,
    new_stanzas,
    ready_for_initramfs,
    require_apart,
    require_initramfs,
    write_journal,
)

LIBC = (
    "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.41-12\n"
    "Maintainer: a\nDescription: the C library"
)
TOOLS = (
    "Package: zfsutils-linux\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.3.9-0+deb13u1\n"
    "Maintainer: b\nDescription: tools\n of ZFS"
)
TREBOL = (
    "Package: trebol\nStatus: install ok installed\nArchitecture: all\nVersion: 0.1.0\nMaintainer: c\nDescription: t"
)


def test_only_what_is_new_or_other_goes_into_the_journal() -> None:
    newer = LIBC.replace("2.41-12", "2.41-13")
    assert new_stanzas(f"{LIBC}\n\n", f"{LIBC}\n\n{TOOLS}\n\n") == (TOOLS,)
    assert new_stanzas(f"{LIBC}\n\n", f"{newer}\n\n{TOOLS}\n\n") == (newer, TOOLS)
    assert new_stanzas(f"{LIBC}\n\n", f"{LIBC}\n\n") == ()


@pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="needs dpkg-query")
def test_dpkg_knows_what_zfs_added_whoever_wrote_the_status(tmp_path: Path) -> None:
    for folder in ("info", "triggers"):
        (tmp_path / folder).mkdir()
    (tmp_path / "status").write_text(f"{LIBC}\n\n{TREBOL}\n")
    write_journal(tmp_path / "updates", (TOOLS,))
    query = [
        "dpkg-query",
        f"--admindir={tmp_path}",
        "--show",
        "--showformat=${Package} ${Version} ${db:Status-Status}\n",
    ]
    assert CommandRunner().run(query).stdout.splitlines() == [
        "libc6 2.41-12 installed",
        "trebol 0.1.0 installed",
        "zfsutils-linux 2.3.9-0+deb13u1 installed",
    ]


def test_what_dpkg_always_writes_is_left_to_the_layer_above(tmp_path: Path) -> None:
    info = tmp_path / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    (tmp_path / "var/cache/man").mkdir(parents=True)
    (tmp_path / "var/cache/man/index.db").touch()
    for name in ("status", "status-old", "lock", "info/zfsutils-linux.list"):
        (tmp_path / "var/lib/dpkg" / name).write_text("")
    leave_to_the_base(tmp_path)
    left = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()]
    assert left == ["var/lib/dpkg/info/zfsutils-linux.list"]


def test_two_layers_with_the_same_file_are_refused() -> None:
    require_apart(frozenset({"/usr/sbin/zpool"}), frozenset({"/usr/bin/trebol"}))
    with pytest.raises(TrebolError, match="both hold /etc/motd"):
        require_apart(frozenset({"/usr/sbin/zpool", "/etc/motd"}), frozenset({"/etc/motd"}))


def test_a_layers_files_are_read_from_its_listing() -> None:
    listing = [
        "drwxr-xr-x 0/0                98 2026-11-21 02:10 /etc",
        "-rw-r--r-- 0/0                 9 2026-11-21 02:10 /etc/a name",
        "lrwxrwxrwx 0/0                45 2026-11-21 02:10 /usr/bin/zpool -> ../sbin/zpool",
        "",
    ]
    assert list(listed_files(listing)) == ["/etc/a name", "/usr/bin/zpool"]


GOOD = frozenset(
    {
        "scripts/zfs",
        "scripts/local-premount/trebol-zfs",
        "usr/sbin/zpool",
        "usr/sbin/zfs",
        f"usr/lib/modules/{KERNEL}/updates/spl.ko",
        f"usr/lib/modules/{KERNEL}/updates/zfs.ko",
    }
)


def test_an_initramfs_that_can_import_a_pool_and_do_all_it_could_passes() -> None:
    require_initramfs(frozenset({"init"}), GOOD | {"init"}, lock())
    compressed = frozenset(f"{path}.xz" if path.endswith(".ko") else path for path in GOOD)
    require_initramfs(frozenset(), compressed, lock())


@pytest.mark.parametrize("lost", ["init", *sorted(GOOD)])
def test_an_initramfs_that_lacks_anything_is_refused(lost: str) -> None:
    with pytest.raises(TrebolError, match=f"lacks {lost}".replace("+", r"\+")):
        require_initramfs(frozenset({"init"}), (GOOD | {"init"}) - {lost}, lock())


def test_an_initramfs_gets_nothing_of_the_build_machine_or_by_chance(tmp_path: Path) -> None:
    keymap, settings = tmp_path / CACHED_KEYMAP, tmp_path / KEYBOARD_FILE
    for path in (settings, keymap):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (1_700_000_000, 1_700_000_000))
    with ready_for_initramfs(tmp_path):
        assert (tmp_path / "etc/hostname").read_text() == "localhost\n"
        assert (tmp_path / "etc/hostid").read_bytes() == bytes(4)
        # As setupcon(1) asks: settings older than the keymap made of them.
        assert settings.stat().st_mtime < keymap.stat().st_mtime
    assert not (tmp_path / "etc/hostname").exists()
    assert not (tmp_path / "etc/hostid").exists()


def test_no_service_starts_while_packages_are_installed(tmp_path: Path) -> None:
    policy = tmp_path / "usr/sbin/policy-rc.d"
    policy.parent.mkdir(parents=True)
    with without_services(tmp_path):
        assert CommandRunner().run([policy, "zfs-import", "start"], check=False).status == 101
    assert not policy.exists()


def test_programs_of_packages_can_load_no_module() -> None:
    command = in_tree(Path("/tree"), ["modprobe", "zfs"], folder="/usr/src")
    assert command[:2] == ["setpriv", "--bounding-set=-sys_module"]
    assert command[-5:] == [Path("/tree"), "env", "--chdir=/usr/src", "modprobe", "zfs"]
