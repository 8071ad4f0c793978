"""The boot partition (ESP): kernels, GRUB's configuration and the signed EFI programs, kept equal to a system.

GRUB reads kernels and initramfs from this FAT file system in every layout, so that it never has to understand what
is above (LVM, RAID, LUKS)::

    ESP/EFI/BOOT/BOOTX64.EFI, grubx64.efi, mmx64.efi      shim, signed GRUB, MokManager: what firmware finds by itself
    ESP/EFI/debian/shimx64.efi, grubx64.efi, mmx64.efi    the same again for the NVRAM entry
    ESP/EFI/debian/grub.cfg                               where Debian's signed GRUB looks; reads the next one
    ESP/grub/grub.cfg                                     the menu, for BIOS and UEFI alike
    ESP/kernel/VERSION/vmlinuz, initrd.img

No file is ever half there: each is written beside its place, synced and renamed.
"""

from __future__ import annotations

import filecmp
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from trebol_common.errors import BadInput, TrebolError

#: The kernel's command line of a node, below its root.
COMMAND_LINE = "etc/trebol/kernel-cmdline"

#: Seconds that GRUB waits for a key.
TIMEOUT = 3

STUB = "set prefix=($root)/grub\nconfigfile $prefix/grub.cfg\n"

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
class SerialPort:
    """A serial port as GRUB names it; `speed` in bits per second."""

    unit: int
    speed: int


def synchronise(
    root: Path,
    esp: Path,
    *,
    title: str = "Trebol",
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Synchronised:
    """Bring the ESP mounted at `esp` up to date with the system at `root`.

    Copies what differs, writes the menu, removes kernels that the system no longer has; `on_progress` gets bytes
    copied and bytes to copy. Raises BadInput where the system has no bootable kernel or no command line, and
    TrebolError where the ESP is too small; the old menu and its kernels are then still in place.
    """
    kernels = find_kernels(root)
    command_line = read_command_line(root)
    programs = tuple(_programs(root))
    wanted = {f"kernel/{kernel.version}/{name}": path for kernel in kernels for path, name in kernel.files}
    wanted |= {target: path for path, target in programs}
    pending = {target: path for target, path in wanted.items() if not _same(path, esp / target)}
    stale = tuple(_stale(esp, {kernel.version for kernel in kernels}))
    versions = tuple(kernel.version for kernel in kernels)

    needed = sum(path.stat().st_size for path in pending.values()) + _RESERVE
    if needed > (free := shutil.disk_usage(esp).free):
        if needed > free + sum(map(_size, stale)):
            raise TrebolError(
                f"{needed >> 20} MiB are needed and {free >> 20} MiB are free",
                where=str(esp),
                hint="remove kernels that are not needed any more: apt autoremove",
            )
        # No room for old and new at once. The menu must never name a kernel that is gone, so it goes first.
        _remove(stale, esp, versions_left(esp, versions), command_line, title)
    copied = tuple(_copy_all(pending, esp, on_progress))
    _write_menu(esp, versions, command_line, title)
    removed = _remove_folders(stale, esp)
    return Synchronised(versions, copied, removed, tuple(_warnings(root, programs)))


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
            "no kernel with an initramfs is there",
            where=str(boot),
            hint="install one: apt install linux-image-amd64 && update-initramfs -u -k all",
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
            f"cannot be read: {error.strerror}",
            where=str(path),
            hint="write the kernel's command line into it: root=/dev/mapper/trebol-root ro",
        ) from error
    words = [word for line in lines if not line.lstrip().startswith("#") for word in line.split()]
    if not any(word.startswith("root=") for word in words):
        raise BadInput("names no root=", where=str(path), hint="add root=/dev/mapper/trebol-root")
    return " ".join(words)


def serial_ports(command_line: str) -> tuple[SerialPort, ...]:
    """The serial ports among the console= words, in order: the menu is shown there too."""
    ports = []
    for word in command_line.split():
        if match := re.fullmatch(r"console=ttyS(\d+)(?:,(\d+)\w*)?", word):
            ports.append(SerialPort(int(match[1]), int(match[2] or 9600)))
    # GRUB's serial terminal is one port; the first one named wins.
    return tuple(ports[:1])


def render_menu(kernels: Iterable[str], command_line: str, *, title: str = "Trebol") -> str:
    """The text of grub.cfg: one entry per kernel in the order given, the serial terminal where the kernel has one."""
    # Only writing a menu needs it, and it takes a tenth of a second to load, two under emulation.
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("grub.cfg.j2").render(
        kernels=tuple(kernels),
        command_line=escape(command_line),
        serial=serial_ports(command_line),
        timeout=TIMEOUT,
        title=title,
    )


def escape(command_line: str) -> str:
    """Words for a `linux` line of GRUB, whose quoting is like a shell's: those with special characters are quoted."""
    return " ".join(word if re.fullmatch(r"[\w./:=,@%+-]*", word) else _quote(word) for word in command_line.split())


def _quote(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


def versions_left(esp: Path, versions: tuple[str, ...]) -> tuple[str, ...]:
    """Those of `versions` whose files are already on the ESP."""
    return tuple(version for version in versions if (esp / "kernel" / version / "initrd.img").is_file())


def copy_file(source: Path, target: Path) -> None:
    """Copy `source` so that `target` is either the old file or the whole new one, also after a power cut."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"{target.name}.new")
    try:
        with source.open("rb") as reader, temporary.open("wb") as writer:
            shutil.copyfileobj(reader, writer, 4 * 1024 * 1024)
            writer.flush()
            os.fsync(writer.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _write_menu(esp: Path, versions: tuple[str, ...], command_line: str, title: str) -> None:
    _write_if_changed(esp / "grub/grub.cfg", render_menu(versions, command_line, title=title))
    _write_if_changed(esp / "EFI/debian/grub.cfg", STUB)


def _write_if_changed(path: Path, text: str) -> None:
    """`trebol_common.files.write_new` gives its file a mode first, which FAT refuses; hence by hand."""
    if path.is_file() and path.read_text(encoding="utf-8", errors="replace") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.new")
    with temporary.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _programs(root: Path) -> Iterator[tuple[Path, str]]:
    for source, target in _EFI_PROGRAMS:
        if (path := root / source).is_file():
            yield path, target


def _warnings(root: Path, programs: tuple[tuple[Path, str], ...]) -> Iterator[str]:
    there = {path for path, _ in programs}
    for source in (_SHIM, _GRUB, _MOK_MANAGER):
        if root / source not in there:
            yield f"{source} is not installed: UEFI cannot boot from this disk without it"


def _same(source: Path, target: Path) -> bool:
    if not target.is_file() or target.stat().st_size != source.stat().st_size:
        return False
    return filecmp.cmp(source, target, shallow=False)


def _stale(esp: Path, versions: set[str]) -> Iterator[Path]:
    folder = esp / "kernel"
    if folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if path.name not in versions)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _remove(stale: tuple[Path, ...], esp: Path, left: tuple[str, ...], command_line: str, title: str) -> None:
    if left:
        _write_menu(esp, left, command_line, title)
    _remove_folders(stale, esp)


def _remove_folders(stale: tuple[Path, ...], esp: Path) -> tuple[str, ...]:
    present = [path for path in stale if path.exists()]
    for path in present:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return tuple(str(path.relative_to(esp)) for path in stale)


def _copy_all(pending: dict[str, Path], esp: Path, on_progress: Callable[[int, int], None]) -> Iterator[str]:
    total = sum(path.stat().st_size for path in pending.values())
    done = 0
    for target, source in pending.items():
        copy_file(source, esp / target)
        done += source.stat().st_size
        on_progress(done, total)
        yield target
