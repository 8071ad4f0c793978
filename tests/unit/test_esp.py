"""The boot partition follows the system: kernels, menu, signed programs."""

from __future__ import annotations

import gzip
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from trebol_common import esp as esp_module
from trebol_common.boot_menu import SerialPort, render_menu, serial_ports
from trebol_common.errors import BadInput, TrebolError
from trebol_common.esp import Synchronised, find_kernels, read_command_line, synchronise, version_key

OLD, NEW = "6.12.9+deb13-amd64", "6.12.117+deb13-amd64"

MENU = """\
# Written by Trebol (trebol node boot-sync): changes are lost.
# The kernel's command line is in /etc/trebol/kernel-cmdline.
set default=0
set timeout=3
serial --unit=0 --speed=115200
terminal_input console serial
terminal_output console serial

menuentry "Trebol, Linux 6.12.117+deb13-amd64" --id "linux-6.12.117+deb13-amd64" {
    echo "Loading Linux 6.12.117+deb13-amd64 ..."
    linux /kernel/6.12.117+deb13-amd64/vmlinuz root=/dev/mapper/trebol-root ro console=tty0 console=ttyS0,115200
    initrd /kernel/6.12.117+deb13-amd64/initrd.img
}
menuentry "Trebol, Linux 6.12.9+deb13-amd64" --id "linux-6.12.9+deb13-amd64" {
    echo "Loading Linux 6.12.9+deb13-amd64 ..."
    linux /kernel/6.12.9+deb13-amd64/vmlinuz root=/dev/mapper/trebol-root ro console=tty0 console=ttyS0,115200
    initrd /kernel/6.12.9+deb13-amd64/initrd.img
}
if [ "$grub_platform" = "efi" ]; then
    menuentry "UEFI firmware settings" --id firmware {
        fwsetup
    }
fi
"""

COMMAND_LINE = "root=/dev/mapper/trebol-root ro console=tty0 console=ttyS0,115200"


def kernel(root: Path, version: str, *, size: int = 100) -> None:
    (root / "boot").mkdir(exist_ok=True)
    (root / f"boot/vmlinuz-{version}").write_bytes(version.encode() * size)
    (root / f"boot/initrd.img-{version}").write_bytes(b"i" + version.encode() * size)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A system with two kernels and everything signed."""
    root = tmp_path / "root"
    for name in (
        "usr/lib/shim/shimx64.efi.signed",
        "usr/lib/shim/mmx64.efi.signed",
        "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    (root / "etc/trebol").mkdir(parents=True)
    (root / "etc/trebol/kernel-cmdline").write_text(f"# a comment\n{COMMAND_LINE}\n")
    kernel(root, OLD)
    kernel(root, NEW)
    return root


@pytest.fixture
def esp(tmp_path: Path) -> Path:
    folder = tmp_path / "esp"
    folder.mkdir()
    return folder


def test_the_menu_has_the_newest_kernel_first_and_speaks_serial() -> None:
    assert render_menu([NEW, OLD], COMMAND_LINE) == MENU


def test_without_a_serial_console_the_menu_is_on_the_screen_only() -> None:
    menu = render_menu([NEW], "root=/dev/mapper/trebol-root ro")

    assert "serial" not in menu and "terminal" not in menu


@pytest.mark.parametrize(
    ("line", "ports"),
    [
        ("console=ttyS1,57600n8", (SerialPort(1, 57600),)),
        ("console=ttyS0", (SerialPort(0, 9600),)),
        ("console=tty0 quiet", ()),
        ("console=ttyS0,115200 console=ttyS1,9600", (SerialPort(0, 115200),)),
        ("console=ttyAMA0", ()),
    ],
)
def test_serial_ports_are_read_from_the_command_line(line: str, ports: tuple[SerialPort, ...]) -> None:
    assert serial_ports(line) == ports


def test_words_with_special_characters_are_quoted_for_grub() -> None:
    assert "vmlinuz root=/dev/x 'a;b' 'x={1}'" in render_menu([NEW], "root=/dev/x a;b x={1}")


def test_a_new_esp_gets_everything(root: Path, esp: Path) -> None:
    done = synchronise(root, esp)

    assert done.kernels == (NEW, OLD)
    assert done.removed == () and done.warnings == ()
    assert (esp / "grub/grub.cfg").read_text() == MENU
    assert (esp / "EFI/debian/grub.cfg").read_text() == "set prefix=($root)/grub\nconfigfile $prefix/grub.cfg\n"
    for folder, shim in (("BOOT", "BOOTX64.EFI"), ("debian", "shimx64.efi")):
        assert (esp / "EFI" / folder / shim).read_text() == "usr/lib/shim/shimx64.efi.signed"
        assert (esp / "EFI" / folder / "grubx64.efi").is_file()
        assert (esp / "EFI" / folder / "mmx64.efi").is_file()
    for version in (OLD, NEW):
        for name, source in (("vmlinuz", "vmlinuz"), ("initrd.img", "initrd.img")):
            assert (esp / "kernel" / version / name).read_bytes() == (root / f"boot/{source}-{version}").read_bytes()
    assert not list(esp.rglob("*.new")), "no temporary file is left"


def test_doing_it_again_copies_nothing(root: Path, esp: Path) -> None:
    synchronise(root, esp)

    assert synchronise(root, esp) == Synchronised((NEW, OLD), (), ())


def test_a_renewed_initramfs_of_the_same_size_is_noticed(root: Path, esp: Path) -> None:
    synchronise(root, esp)
    image = root / f"boot/initrd.img-{NEW}"
    image.write_bytes(b"I" + image.read_bytes()[1:])

    assert synchronise(root, esp).copied == (f"kernel/{NEW}/initrd.img",)


def test_kernels_that_are_gone_leave_menu_and_esp(root: Path, esp: Path) -> None:
    synchronise(root, esp)
    for path in (root / "boot").glob(f"*-{OLD}"):
        path.unlink()

    done = synchronise(root, esp)

    assert done.removed == (f"kernel/{OLD}",)
    assert OLD not in (esp / "grub/grub.cfg").read_text()
    assert [path.name for path in (esp / "kernel").iterdir()] == [NEW]


def test_a_kernel_without_initramfs_is_not_offered(root: Path) -> None:
    (root / f"boot/initrd.img-{NEW}").unlink()

    assert [found.version for found in find_kernels(root)] == [OLD]


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_a_full_esp_makes_room_by_what_is_gone_first(root: Path, esp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synchronise(root, esp)
    for path in (root / "boot").glob(f"*-{OLD}"):
        path.unlink()
    kernel(root, "6.13.1", size=5)
    stale = sum(path.stat().st_size for path in (esp / f"kernel/{OLD}").iterdir())
    new = sum(path.stat().st_size for path in (root / "boot").glob("*-6.13.1"))
    assert new < stale
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, esp_module._RESERVE))

    done = synchronise(root, esp)

    assert done.kernels == ("6.13.1", NEW)
    assert done.removed == (f"kernel/{OLD}",)


def replace_all_kernels(root: Path, esp: Path) -> None:
    """An ESP with the two old kernels, and a system that has two others instead."""
    synchronise(root, esp)
    shutil.rmtree(root / "boot")
    kernel(root, "6.13.1", size=200)
    kernel(root, "6.13.2", size=400)


def size_of(folder: Path, pattern: str = "*") -> int:
    return sum(path.stat().st_size for path in folder.glob(pattern))


class PowerCut(BaseException):
    """The machine stops here."""


def bootable(esp: Path) -> list[str]:
    """What GRUB could boot. Fails where the menu names what is not there."""
    versions = re.findall(r'--id "linux-(.+)"', (esp / "grub/grub.cfg").read_text())
    for version in versions:
        assert (esp / f"kernel/{version}/vmlinuz").is_file() and (esp / f"kernel/{version}/initrd.img").is_file()
    return versions


@pytest.mark.parametrize("steps", range(9))
def test_whenever_the_power_fails_a_kernel_boots_though_old_and_new_do_not_fit(
    root: Path, esp: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    replace_all_kernels(root, esp)
    full = size_of(esp, "kernel/*/*")
    left = iter(range(steps))

    def free(path: Path) -> Usage:
        return Usage(0, 0, esp_module._RESERVE + full - size_of(esp, "kernel/*/*"))

    def until_cut(function: Callable[..., None]) -> Callable[..., None]:
        def perhaps(*arguments: object) -> None:
            if next(left, None) is None:
                raise PowerCut
            function(*arguments)

        return perhaps

    monkeypatch.setattr(shutil, "disk_usage", free)
    with monkeypatch.context() as patched:
        for module, name in ((esp_module, "copy_file"), (esp_module, "_write_if_changed"), (shutil, "rmtree")):
            patched.setattr(module, name, until_cut(getattr(module, name)))
        with pytest.raises(PowerCut):
            synchronise(root, esp)
    assert bootable(esp), "something boots"

    done = synchronise(root, esp)

    assert done.kernels == ("6.13.2", "6.13.1")
    assert bootable(esp) == ["6.13.2", "6.13.1"]
    assert sorted(path.name for path in (esp / "kernel").iterdir()) == ["6.13.1", "6.13.2"]


def test_the_last_kernel_that_boots_is_not_given_up_for_want_of_room(
    root: Path, esp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_all_kernels(root, esp)
    before = {path: path.read_bytes() for path in esp.rglob("*") if path.is_file()}
    shutil.rmtree(esp / f"kernel/{OLD}")
    before = {path: text for path, text in before.items() if OLD not in str(path)}
    (root / "boot/vmlinuz-6.13.2").unlink()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, esp_module._RESERVE))

    with pytest.raises(TrebolError, match="MiB are needed"):
        synchronise(root, esp)

    assert {path: path.read_bytes() for path in esp.rglob("*") if path.is_file()} == before


def test_a_half_copy_of_before_a_power_cut_takes_no_room(root: Path, esp: Path) -> None:
    synchronise(root, esp)
    half = esp / f"kernel/{NEW}/initrd.img.new"
    half.write_bytes(b"half")

    synchronise(root, esp)

    assert not half.exists()


def test_an_esp_that_is_too_small_stays_as_it_was(root: Path, esp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synchronise(root, esp)
    before = {path: path.read_bytes() for path in esp.rglob("*") if path.is_file()}
    kernel(root, "6.13.1")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, 1000))

    with pytest.raises(TrebolError, match="MiB are needed and 0 MiB are free"):
        synchronise(root, esp)

    assert {path: path.read_bytes() for path in esp.rglob("*") if path.is_file()} == before


def test_missing_efi_programs_are_warned_about(root: Path, esp: Path) -> None:
    (root / "usr/lib/shim/shimx64.efi.signed").unlink()

    (warning,) = synchronise(root, esp).warnings

    assert "shimx64.efi.signed is not installed" in warning


def test_progress_ends_at_the_total(root: Path, esp: Path) -> None:
    seen: list[tuple[int, int]] = []

    synchronise(root, esp, on_progress=lambda done, total: seen.append((done, total)))

    assert seen[-1][0] == seen[-1][1] > 0


def test_a_system_without_kernel_is_told(root: Path, esp: Path) -> None:
    shutil.rmtree(root / "boot")

    with pytest.raises(BadInput, match="no kernel with an initramfs"):
        synchronise(root, esp)


@pytest.mark.parametrize(("text", "told"), [(None, "cannot be read"), ("quiet\n", "names no root=")])
def test_a_system_without_a_root_on_its_command_line_is_told(root: Path, text: str | None, told: str) -> None:
    path = root / "etc/trebol/kernel-cmdline"
    path.unlink() if text is None else path.write_text(text)

    with pytest.raises(BadInput, match=told):
        read_command_line(root)


def test_versions_sort_by_number_not_by_letter() -> None:
    versions = ["6.9.1-amd64", "6.12.9-amd64", "6.12~rc3-amd64", "6.12-amd64", "6.12.117-amd64", "6.12.9-amd64-dbg"]

    assert sorted(versions, key=version_key) == [
        "6.9.1-amd64",
        "6.12~rc3-amd64",
        "6.12-amd64",
        "6.12.9-amd64",
        "6.12.9-amd64-dbg",
        "6.12.117-amd64",
    ]


def archive_on(esp: Path) -> bytes:
    path = esp / "trebol/node.img"
    return path.read_bytes() if path.exists() else b""


def test_what_the_node_unlocks_follows_its_crypttab_and_keyboard(root: Path, esp: Path) -> None:
    table = root / "etc/crypttab"
    table.write_text("# comment\ntrebol-crypt UUID=old none luks,discard,initramfs\nother UUID=x none luks\n")
    keymap = root / "etc/console-setup/cached_UTF-8_del.kmap.gz"
    keymap.parent.mkdir(parents=True)
    keymap.write_bytes(gzip.compress(b"keycode 16 = q"))

    synchronise(root, esp)
    first = archive_on(esp)
    table.write_text("trebol-crypt UUID=new none luks,discard,initramfs\n")
    synchronise(root, esp)

    assert b"cryptroot/crypttab" in first and b"UUID=old" in first and b"UUID=x" not in first
    assert b"etc/console-setup/cached_UTF-8_del.kmap" in first and b"keycode 16 = q" in first
    assert b"UUID=new" in archive_on(esp) and b"UUID=old" not in archive_on(esp)
    assert "initrd.img /trebol/node.img" in (esp / "grub/grub.cfg").read_text()


def test_a_node_that_unlocks_nothing_needs_no_archive(root: Path, esp: Path) -> None:
    (root / "etc/crypttab").write_text("# <target> <source> <key> <options>\n")

    synchronise(root, esp)

    assert archive_on(esp) == b""
    assert "node.img" not in (esp / "grub/grub.cfg").read_text()
