"""The boot partition (ESP): kernels, GRUB's configuration and the signed EFI programs, kept equal to a system.

GRUB reads kernels and initramfs from this FAT file system in every layout, so that it never has to understand what
is above (LVM, RAID, LUKS)::

    ESP/EFI/BOOT/BOOTX64.EFI, grubx64.efi, mmx64.efi      shim, signed GRUB, MokManager: what firmware finds by itself
    ESP/EFI/debian/shimx64.efi, grubx64.efi, mmx64.efi    the same again for the NVRAM entry
    ESP/EFI/debian/grub.cfg                               where Debian's signed GRUB looks; reads the next one
    ESP/grub/grub.cfg                                     the menu, for BIOS and UEFI alike
    ESP/kernel/VERSION/vmlinuz, initrd.img
    ESP/trebol/node.img                                   what the generic initramfs lacks of this node, if anything

No file is ever half there: each is written beside its place, synced and renamed.
"""

from __future__ import annotations

import filecmp
import gzip
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trebol_common.boot_menu import STUB, render_menu
from trebol_common.cpio import newc
from trebol_common.errors import BadInput, TrebolError
from trebol_common.files import sync_folder
from trebol_common.i18n import _
from trebol_common.keyboard import CACHED_KEYMAP

#: The kernel's command line of a node, below its root.
COMMAND_LINE = "etc/trebol/kernel-cmdline"

#: The UUIDs of the FAT file systems of a node's ESPs, a line each, below its root: every disk that boots has one.
BOOT_PARTITIONS = "etc/trebol/boot-partitions"

#: What the image's initramfs lacks of this node (what to unlock, the keyboard to type on, how to import a pool): an
#: archive of its own on the ESP, unpacked over the initramfs.
_NODE_ARCHIVE = "trebol/node.img"

#: What an initramfs made on the node would have: the host id that a pool is imported with, its members as they were,
#: and options of the module.
_OF_A_POOL = ("etc/hostid", "etc/zfs/zpool.cache", "etc/modprobe.d/zfs.conf")

_SHIM = "usr/lib/shim/shimx64.efi.signed"
_MOK_MANAGER = "usr/lib/shim/mmx64.efi.signed"
_GRUB = "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"

#: Where each signed program of the system goes. fbx64.efi stays out: beside BOOTX64.EFI it would reboot the machine
#: to write boot entries of its own.
_EFI_PROGRAMS = (
    (_SHIM, "EFI/BOOT/BOOTX64.EFI"),
    (_GRUB, "EFI/BOOT/grubx64.efi"),
    (_MOK_MANAGER, "EFI/BOOT/mmx64.efi"),
    (_SHIM, "EFI/debian/shimx64.efi"),
    (_GRUB, "EFI/debian/grubx64.efi"),
    (_MOK_MANAGER, "EFI/debian/mmx64.efi"),
)

#: Bytes to leave free on the ESP: FAT's own bookkeeping, GRUB's configuration, temporary files.
_RESERVE = 4 * 1024 * 1024

#: Ends the name of a file that is being written.
_UNFINISHED = ".new"


@dataclass(frozen=True)
class Kernel:
    """A kernel of a system that can be booted: both files are there."""

    version: str
    vmlinuz: Path
    initrd: Path

    @property
    def files(self) -> tuple[tuple[Path, str], ...]:
        """Each file with its name on the ESP."""
        return ((self.vmlinuz, "vmlinuz"), (self.initrd, "initrd.img"))


@dataclass(frozen=True)
class Synchronised:
    """What `synchronise` did: kernels that can be booted (newest first), paths below the ESP copied and removed."""

    kernels: tuple[str, ...]
    copied: tuple[str, ...]
    removed: tuple[str, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Stage:
    """One move: write a menu of these kernels, then remove what it does not name, then copy. No menu: the old one."""

    menu: tuple[str, ...] | None
    remove: tuple[Path, ...] = ()
    copy: tuple[str, ...] = ()


def synchronise(
    root: Path,
    esp: Path,
    *,
    title: str = "Trebol",
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Synchronised:
    """Bring the ESP mounted at `esp` up to date with the system at `root`.

    Copies what differs, writes the menu, removes kernels that the system no longer has; `on_progress` gets bytes
    copied and bytes to copy. At no moment does the menu name a kernel that is not there, nor is the ESP without a
    kernel that boots once it had one. Raises BadInput where the system has no bootable kernel or no command line, and
    TrebolError where the ESP is too small for that; the old menu and its kernels are then still in place.
    """
    kernels = find_kernels(root)
    command_line = read_command_line(root)
    programs = tuple(_programs(root))
    wanted = {f"kernel/{kernel.version}/{name}": path for kernel in kernels for path, name in kernel.files}
    wanted |= {target: path for path, target in programs}
    pending = {target: path for target, path in wanted.items() if not _same(path, esp / target)}
    versions = tuple(kernel.version for kernel in kernels)
    _remove_unfinished(esp)
    stale = tuple(_stale(esp, versions))

    sizes = {target: path.stat().st_size for target, path in pending.items()}
    done, total = 0, sum(sizes.values())
    archive = _node_archive(root, command_line)
    if archive:
        _write_if_changed(esp / _NODE_ARCHIVE, archive)
    more = (f"/{_NODE_ARCHIVE}",) if archive else ()
    for stage in _stages(esp, versions, stale, sizes):
        if stage.menu is not None:
            menu = render_menu(stage.menu, command_line, title=title, more=more)
            _write_if_changed(esp / "grub/grub.cfg", menu.encode())
            _write_if_changed(esp / "EFI/debian/grub.cfg", STUB.encode())
        for path in stage.remove:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for target in stage.copy:
            copy_file(pending[target], esp / target)
            done += sizes[target]
            on_progress(done, total)
    removed = tuple(str(path.relative_to(esp)) for path in stale)
    return Synchronised(versions, tuple(pending), removed, tuple(_warnings(root, programs)))


def _stages(
    esp: Path, versions: tuple[str, ...], stale: tuple[Path, ...], pending: Mapping[str, int]
) -> tuple[_Stage, ...]:
    """The way from what the ESP holds to `versions` alone, after each stage of which a kernel boots.

    `pending` are the files to copy with their sizes. Raises TrebolError where there is no room for any way.
    """
    everything = tuple(pending)
    free = shutil.disk_usage(esp).free
    needed = sum(pending.values()) + _RESERVE
    if needed <= free:
        return (_Stage(None, copy=everything), _Stage(versions, stale))
    if needed <= free + sum(map(_size, stale)):
        ready = tuple(version for version in versions if _boots(esp / "kernel" / version))
        last = max(filter(_boots, stale), key=lambda path: version_key(path.name), default=None)
        if ready or last is None:
            return (_Stage(ready, stale, everything), _Stage(versions))
        # Only kernels that have to go can boot: the newest of them stays until one that is to stay is there.
        others = tuple(path for path in stale if path != last)
        room = free + sum(map(_size, others)) - _RESERVE
        for version in versions:
            first = tuple(target for target in everything if target.startswith(f"kernel/{version}/"))
            if sum(pending[target] for target in first) <= room:
                rest = tuple(target for target in everything if target not in first)
                return (_Stage((last.name,), others, first), _Stage((version,), (last,), rest), _Stage(versions))
    raise TrebolError(
        _("{needed} MiB are needed and {free} MiB are free").format(needed=needed >> 20, free=free >> 20),
        where=str(esp),
        hint=_("remove kernels that are not needed any more: apt autoremove"),
    )


def find_kernels(root: Path) -> tuple[Kernel, ...]:
    """The kernels in `root`/boot that have an initramfs, newest first. Raises BadInput where there is none."""
    boot = root / "boot"
    found = [
        Kernel(version, path, initrd)
        for path in boot.glob("vmlinuz-*")
        if (initrd := boot / f"initrd.img-{(version := path.name.removeprefix('vmlinuz-'))}").is_file()
    ]
    if not found:
        raise BadInput(
            _("no kernel with an initramfs is there"),
            where=str(boot),
            hint=_("install one: apt install linux-image-amd64 && update-initramfs -u -k all"),
        )
    return tuple(sorted(found, key=lambda kernel: version_key(kernel.version), reverse=True))


def version_key(version: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key for kernel versions: numbers by value, and `~` before anything (Debian policy 5.6.12)."""

    def part(text: str) -> tuple[int, int, str]:
        if text.isdigit():
            return (2, int(text), "")
        return (-1 if text.startswith("~") else 1, 0, text)

    # The end of a version sorts after `~` and before everything else.
    return (*(part(text) for text in re.findall(r"\d+|~|[^\d~]+", version)), (0, 0, ""))


def read_command_line(root: Path) -> str:
    """The kernel's command line of the system at `root`: the file's words; lines that begin with # are comments."""
    path = root / COMMAND_LINE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BadInput(
            _("cannot be read: {reason}").format(reason=error.strerror),
            where=str(path),
            hint=_("write the kernel's command line into it: root=/dev/mapper/trebol-root ro"),
        ) from error
    words = [word for line in lines if not line.lstrip().startswith("#") for word in line.split()]
    if not any(word.startswith("root=") for word in words):
        raise BadInput(_("names no root="), where=str(path), hint=_("add root=/dev/mapper/trebol-root"))
    return " ".join(words)


def boot_partitions_file(identities: Iterable[str]) -> str:
    """The text of BOOT_PARTITIONS."""
    header = (
        "# Boot partitions of this node, by UUID. trebol node boot-sync keeps these alike, and touches no other.\n"
    )
    return header + "".join(f"{identity}\n" for identity in identities)


def read_boot_partitions(root: Path) -> tuple[str, ...]:
    """The UUIDs in BOOT_PARTITIONS of the system at `root`; none where it has no such file. Raises BadInput."""
    path = root / BOOT_PARTITIONS
    if not path.exists():
        return ()
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    named = tuple(line for line in lines if line and not line.startswith("#"))
    if wrong := [name for name in named if not re.fullmatch(r"[0-9A-F]{4}-[0-9A-F]{4}", name)]:
        raise BadInput(
            _("{text!r} is no UUID of a FAT file system").format(text=wrong[0]),
            where=str(path),
            hint=_("give one a line, as blkid shows it: 1A2B-3C4D"),
        )
    return named


def copy_file(source: Path, target: Path) -> None:
    """Copy `source` so that `target` is either the old file or the whole new one, also after a power cut."""
    _make_folder(target.parent)
    temporary = target.with_name(f"{target.name}{_UNFINISHED}")
    try:
        with source.open("rb") as reader, temporary.open("wb") as writer:
            shutil.copyfileobj(reader, writer, 4 * 1024 * 1024)
            writer.flush()
            os.fsync(writer.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def _node_archive(root: Path, command_line: str) -> bytes:
    """What the node's initramfs has to have, as an archive; empty where no initramfs lacks anything of this node.

    Made of the node's files as they are now: the archive is unpacked last, and must not bring back what an
    administrator changed (a disk that was replaced has another UUID).
    """
    files: dict[str, bytes] = {}
    table = root / "etc/crypttab"
    lines = table.read_text(encoding="utf-8").splitlines() if table.is_file() else []
    if unlocked := [line for line in lines if "initramfs" in _crypttab_options(line)]:
        files["cryptroot/crypttab"] = "".join(f"{line}\n" for line in unlocked).encode()
    if any(word.startswith("root=ZFS=") for word in command_line.split()):
        files |= {path: (root / path).read_bytes() for path in _OF_A_POOL if (root / path).is_file()}
    if not files:
        return b""
    # For a passphrase, and for the shell of an initramfs that cannot go on.
    keymap = root / CACHED_KEYMAP
    if keymap.is_file():
        # initramfs-tools' hook leaves it uncompressed there.
        files[CACHED_KEYMAP.removesuffix(".gz")] = gzip.decompress(keymap.read_bytes())
    return newc(files, epoch=0)


def _crypttab_options(line: str) -> list[str]:
    """The fourth field of a line of crypttab(5)."""
    fields = [] if line.lstrip().startswith("#") else line.split()
    return fields[3].split(",") if len(fields) > 3 else []


def _write_if_changed(path: Path, content: bytes) -> None:
    """`trebol_common.files.write_new` gives its file a mode first, which FAT refuses; hence by hand."""
    if path.is_file() and path.read_bytes() == content:
        return
    _make_folder(path.parent)
    temporary = path.with_name(f"{path.name}{_UNFINISHED}")
    with temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def _make_folder(folder: Path) -> None:
    """Make a folder that is still there after a power cut, which its own sync does not promise."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir()
        sync_folder(folder.parent)


def _programs(root: Path) -> Iterator[tuple[Path, str]]:
    for source, target in _EFI_PROGRAMS:
        if (path := root / source).is_file():
            yield path, target


def _warnings(root: Path, programs: tuple[tuple[Path, str], ...]) -> Iterator[str]:
    there = {path for path, _target in programs}
    for source in (_SHIM, _GRUB, _MOK_MANAGER):
        if root / source not in there:
            yield _("{file} is not installed: UEFI cannot boot from this disk without it").format(file=source)


def _same(source: Path, target: Path) -> bool:
    if not target.is_file() or target.stat().st_size != source.stat().st_size:
        return False
    return filecmp.cmp(source, target, shallow=False)


def _stale(esp: Path, versions: tuple[str, ...]) -> Iterator[Path]:
    folder = esp / "kernel"
    if folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if path.name not in versions)


def _boots(folder: Path) -> bool:
    return (folder / "vmlinuz").is_file() and (folder / "initrd.img").is_file()


def _remove_unfinished(esp: Path) -> None:
    """Take away the half copy that a power cut leaves: its room may be what the next one needs."""
    for path in esp.glob(f"kernel/*/*{_UNFINISHED}"):
        path.unlink()


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
