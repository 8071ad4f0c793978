"""The initramfs looks for its medium without touching what is none of its business, and says what it saw."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from tests.unit.media import MEDIUM_ID, PROJECT

from trebol_common.run import CommandRunner, Completed

INITRAMFS = PROJECT / "iso/boot/initramfs"
SCRIPT = INITRAMFS / "scripts/trebol"

ZFS_SCRIPT = PROJECT / "iso/zfs/files/usr/share/initramfs-tools/scripts/local-premount/trebol-zfs"

#: Stands for the parts of the initramfs that the script calls. A device is a folder: `type` and `label` are what
#: blkid finds, `files` is its content; mounting copies it. What is mounted is told in `mounted`.
STUBS = """
. "$SCRIPT"
TREBOL_SYS="$WORLD/sys"; TREBOL_MEDIUM="$WORLD/medium"; TREBOL_WANTS="$WORLD/wants"; TREBOL_RUN="$WORLD/run"
TREBOL_WAIT=0
trebol_id=$ID
mkdir -p "$TREBOL_MEDIUM"
_uptime() { echo 5; }
udevadm() { :; }
sleep() { :; }
panic() { echo "PANIC: $*"; exit 9; }
trebol_devices() { ls "$TREBOL_SYS"; }
blkid() { for word; do :; done; cat "$TREBOL_SYS/${word#/dev/}/$(echo "$5" | tr A-Z a-z)" 2>/dev/null; }
mount() {
    for word; do case "$word" in /dev/*) device="${word#/dev/}" ;; esac; done
    echo "$*" | sed "s|$WORLD||" >>"$WORLD/mounted"
    [ ! -e "$TREBOL_SYS/$device/broken" ] || { echo "wrong superblock"; return 1; }
    cp -r "$TREBOL_SYS/$device/files/." "$TREBOL_MEDIUM/"
}
umount() { rm -r "$TREBOL_MEDIUM"; mkdir "$TREBOL_MEDIUM"; }
"""


@pytest.fixture
def world(tmp_path: Path) -> Path:
    (tmp_path / "sys").mkdir()
    return tmp_path


def device(
    world: Path, name: str, kind: str = "", *, label: str = "", medium: str = "", size: int = 99, broken: bool = False
) -> None:
    folder = world / "sys" / name
    (folder / "files").mkdir(parents=True)
    (folder / "size").write_text(f"{size}\n")
    if kind:
        (folder / "type").write_text(f"{kind}\n")
    if label:
        (folder / "label").write_text(f"{label}\n")
    if medium:
        (folder / "files/trebol/id").mkdir(parents=True)
        (folder / "files/trebol/id" / medium).touch()
    if broken:
        (folder / "broken").touch()


def shell(world: Path, commands: str) -> Completed:
    environment = {"SCRIPT": str(SCRIPT), "WORLD": str(world), "ID": MEDIUM_ID}
    return CommandRunner().run(["sh", "-c", STUBS + commands], env=environment, check=False)


def mounted(world: Path) -> str:
    path = world / "mounted"
    return path.read_text() if path.exists() else ""


def test_the_medium_is_found_by_its_id_among_others(world: Path) -> None:
    device(world, "sda", "iso9660", label="TREBOL_0_1_0", medium="f" * 32)
    device(world, "sdb", "vfat", label="USB")
    device(world, "sr0", "iso9660", label="TREBOL_0_1_0", medium=MEDIUM_ID)
    found = shell(world, "trebol_find")
    assert found.status == 0
    assert found.stdout == f"Trebol: medium {MEDIUM_ID} on /dev/sr0\n"


def test_file_systems_with_a_journal_are_never_mounted(world: Path) -> None:
    for name, kind in (
        ("sda1", "ext4"),
        ("sda2", "xfs"),
        ("sda3", "btrfs"),
        ("sda4", "ntfs"),
        ("sda5", "LVM2_member"),
    ):
        device(world, name, kind, medium=MEDIUM_ID)
    assert shell(world, "trebol_find").status == 1
    assert mounted(world) == ""


def test_whatever_is_mounted_is_mounted_read_only(world: Path) -> None:
    device(world, "sda1", "vfat", label="EFI")
    device(world, "sdb", "udf", medium=MEDIUM_ID)
    assert shell(world, "trebol_find").status == 0
    assert mounted(world) == (
        "-t vfat -o ro,nodev,nosuid,noexec /dev/sda1 /medium\n-t udf -o ro,nodev,nosuid,noexec /dev/sdb /medium\n"
    )


def test_a_medium_that_is_not_found_is_told_with_every_device_and_what_is_on_it(world: Path) -> None:
    device(world, "sda")
    device(world, "sda1", "ext4", label="root")
    device(world, "sdb", "iso9660", label="Debian")
    device(world, "sdc", "iso9660", label="TREBOL_0_1_0", medium="f" * 32)
    device(world, "sdd", "vfat", label="OLD", broken=True)
    device(world, "sr0", size=0)
    said = shell(world, 'trebol_find || echo "$trebol_report"').stdout
    assert said.splitlines()[1:] == [
        "  /dev/sda: nothing known on it",
        "  /dev/sda1: ext4 'root' (not looked into: a medium is ISO 9660, UDF or FAT)",
        "  /dev/sdb: iso9660 'Debian', no Trebol medium",
        f"  /dev/sdc: iso9660 'TREBOL_0_1_0', another Trebol medium ({'f' * 32})",
        "  /dev/sdd: vfat 'OLD', cannot be mounted: wrong superblock",
        "  /dev/sr0: no medium in it",
    ]


def test_all_damaged_files_are_named_and_nothing_goes_on(world: Path) -> None:
    files = {"boot/vmlinuz": b"kernel", "trebol/base.squashfs": b"base", "trebol/live.squashfs": b"live"}
    for name, content in files.items():
        (world / "medium" / name).parent.mkdir(parents=True, exist_ok=True)
        (world / "medium" / name).write_bytes(content)
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items())
    (world / "medium/trebol/SHA256SUMS").write_text(sums)
    assert "the medium is whole" in shell(world, "trebol_verify").stdout
    (world / "medium/boot/vmlinuz").write_bytes(b"kernel!")
    (world / "medium/trebol/live.squashfs").unlink()
    damaged = shell(world, "trebol_verify; echo went on")
    assert damaged.status == 9
    assert "Bad files:\n  boot/vmlinuz\n  trebol/live.squashfs\n" in damaged.stdout
    assert "went on" not in damaged.stdout


def test_a_medium_without_checksums_does_not_pass_for_a_verified_one(world: Path) -> None:
    assert shell(world, "trebol_verify").status == 9


#: Stands for the kernel's words and its consoles.
BOOTED = """
cat() {
    case "$1" in
    /proc/cmdline) echo "boot=trebol $WORDS" ;;
    /sys/class/tty/console/active) echo "tty0 ttyS0" ;;
    *) command cat "$@" ;;
    esac
}
"""
SCREENS = {"trebol-screens@tty1.service", "trebol-screens@ttyS0.service"}


@pytest.mark.parametrize(
    ("words", "slot", "wanted"),
    [
        ("quiet", b"", SCREENS),
        ("quiet", b"[global]", {"trebol-install.service"}),
        ("trebol.answer=http://192.0.2.1/a.toml", b"", {"trebol-install.service"}),
        ("trebol.answer=slot", b"", {"trebol-install.service"}),
        ("trebol.rescue", b"[global]", {"trebol-rescue@tty1.service", "trebol-rescue@ttyS0.service"}),
        ("trebol.ssh", b"", {*SCREENS, "trebol-ssh.service"}),
        ("trebol.ssh", b"[global]", {"trebol-install.service", "trebol-ssh.service"}),
    ],
)
def test_the_live_system_starts_what_the_kernel_words_and_the_slot_say(
    world: Path, words: str, slot: bytes, wanted: set[str]
) -> None:
    (world / "medium/trebol").mkdir(parents=True)
    (world / "medium/trebol/answer.slot").write_bytes(slot.ljust(4096, b"\0"))

    said = shell(world, f"{BOOTED}\nWORDS='{words}'\ntrebol_want")

    assert (said.status, said.stderr) == (0, "")
    made = {path.name: path.readlink() for path in (world / "wants").iterdir()}
    assert made.keys() == wanted
    # The fork server of the screens is started where its pipe is.
    assert (world / "run/screens/fork").is_fifo() == any(name.startswith("trebol-screens@") for name in wanted)
    for unit in made.values():
        assert (PROJECT / "iso/overlay/live" / str(unit).removeprefix("/")).is_file(), f"{unit} is in the live system"


def test_scripts_for_the_initramfs_are_clean_shell() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("needs shellcheck")
    scripts = [SCRIPT, INITRAMFS / "usr/lib/trebol/run-init", PROJECT / "iso/initramfs/hooks/trebol"]
    live = sorted((PROJECT / "iso/overlay/live/usr/lib/trebol-live").iterdir())
    CommandRunner().run(["shellcheck", *scripts, *live, ZFS_SCRIPT])


#: Stands for what the script for btrfs calls: `btrfs device ready` succeeds once it was asked often enough, about the
#: device whose UUID blkid knows once it was asked often enough.
BTRFS = """
btrfs() {
    case "$*" in
    "device ready /dev/vda3") echo x >>"$TREBOL_ROOT/asked"; [ "$(wc -l <"$TREBOL_ROOT/asked")" -gt "$MISSING" ] ;;
    esac
}
sleep() { :; }
blkid() {
    case "$*" in
    "-l -t UUID=5c06-uuid -o device")
        echo x >>"$TREBOL_ROOT/sought"
        [ "$(wc -l <"$TREBOL_ROOT/sought")" -gt "$FIRST" ] && echo /dev/vda3
        ;;
    "-o value -s UUID /dev/vda3") echo 5c06-uuid ;;
    *) return 2 ;;
    esac
}
. "$SCRIPT"
"""


@pytest.mark.parametrize(
    ("kind", "root", "first", "missing", "asked", "flags"),
    [
        ("ext4", "UUID=5c06-uuid", 0, 99, 0, None),
        ("btrfs", "UUID=5c06-uuid", 0, 0, 1, None),
        ("btrfs", "/dev/vda3", 0, 0, 1, None),
        ("btrfs", "UUID=5c06-uuid", 0, 5, 6, None),
        ("btrfs", "UUID=5c06-uuid", 25, 20, 21, None),
        ("btrfs", "UUID=5c06-uuid", 0, 99, 31, "ROOTFLAGS='-o subvol=@,degraded'\n"),
        ("btrfs", "UUID=5c06-uuid", 99, 0, 0, None),
    ],
    ids=[
        "another file system",
        "complete",
        "named by its path",
        "a late disk is waited for",
        "as long after the first one, however late that was",
        "a missing disk is left out",
        "no disk at all is for initramfs-tools to tell",
    ],
)
def test_a_btrfs_over_several_disks_is_mounted_degraded_only_when_a_disk_stays_away(
    tmp_path: Path, kind: str, root: str, first: int, missing: int, asked: int, flags: str | None
) -> None:
    (tmp_path / "conf").mkdir()
    script = PROJECT / "iso/initramfs/scripts/local-premount/trebol-btrfs"
    environment = {"TREBOL_ROOT": str(tmp_path), "SCRIPT": str(script), "FIRST": str(first), "MISSING": str(missing)}
    environment |= {"ROOTFSTYPE": kind, "ROOT": root, "ROOTFLAGS": "-o subvol=@", "PATH": "/usr/bin:/bin"}

    CommandRunner().run(["sh", "-eu", "-c", BTRFS], env=environment)

    count = tmp_path / "asked"
    assert (len(count.read_text().splitlines()) if count.exists() else 0) == asked
    written = tmp_path / "conf/param.conf"
    assert (written.read_text() if written.exists() else None) == flags
    assert (tmp_path / "run/trebol/degraded/5c06-uuid").exists() is (flags is not None)


#: Stands for what the script for ZFS calls: the pool of the root is whole once it was asked often enough, and another
#: one always is.
ZFS = """
modprobe() { echo "$*" >>"$FOLDER/loaded"; }
zpool() {
    [ "$*" = import ] || exit 9
    echo x >>"$FOLDER/asked"
    state=ONLINE
    [ "$(wc -l <"$FOLDER/asked")" -gt "$MISSING" ] || state=DEGRADED
    for pool in tank:ONLINE rpool:$state rpool2:ONLINE; do
        printf '   pool: %s\\n     id: 77\\n  state: %s\\nstatus: x\\n config:\\n\\n' "${pool%:*}" "${pool#*:}"
        printf '\\t%s  %s\\n' "${pool%:*}" "${pool#*:}"
    done
}
sleep() {
    read -r uptime _ <"$TREBOL_ROOT/proc/uptime"
    echo "$((${uptime%.*} + $1)).25 0.00" >"$TREBOL_ROOT/proc/uptime"
}
. "$SCRIPT"
"""


@pytest.mark.parametrize(
    ("root", "missing", "asked", "told"),
    [
        ("/dev/mapper/trebol-root", 99, 0, ""),
        ("ZFS=rpool/ROOT/trebol", 0, 1, ""),
        ("ZFS=rpool/ROOT/trebol", 5, 6, ""),
        ("ZFS=rpool/ROOT/trebol", 99, 31, "the pool rpool of the root is not whole"),
    ],
    ids=["another root", "whole", "a late disk is waited for", "a missing disk is not waited for for ever"],
)
def test_a_pool_is_imported_incomplete_only_when_a_disk_stays_away(
    tmp_path: Path, root: str, missing: int, asked: int, told: str
) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/uptime").write_text("4.25 0.00\n")
    environment = {"FOLDER": str(tmp_path), "SCRIPT": str(ZFS_SCRIPT), "MISSING": str(missing), "ROOT": root}
    environment["TREBOL_ROOT"] = str(tmp_path)

    said = CommandRunner().run(["sh", "-eu", "-c", ZFS], env={**environment, "PATH": "/usr/bin:/bin"})

    count = tmp_path / "asked"
    assert (len(count.read_text().splitlines()) if count.exists() else 0) == asked
    assert told in said.stderr and bool(said.stderr) is bool(told)
