"""The small formats that boot loader, kernel and seeding read: environment block, cpio, locator, boot menu."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.media import MEDIUM_ID, PROJECT, TEMPLATES

from trebol_common.cpio import newc
from trebol_common.errors import BadInput
from trebol_common.run import CommandRunner
from trebol_image import grubenv
from trebol_image.boot_files import BIOS_MODULES, render
from trebol_image.iso import medium_cpio, volume_id
from trebol_image.iso9660 import Extent
from trebol_image.locator import LENGTH, MAGIC, Locator, NoLocator

LOCATOR = Locator(
    version="0.1.0",
    medium_id=MEDIUM_ID,
    size=900_000_000,
    slot=Extent(65_536, 262_144),
    grubenv=Extent(2048, 1024),
    esp=Extent(880_000_000, 8_388_608),
    esp_sha256="f" * 64,
)


def test_an_empty_environment_block_is_what_grub_editenv_makes() -> None:
    assert grubenv.render({}) == b"# GRUB Environment Block\n" + b"#" * 999


@given(
    st.dictionaries(st.from_regex(r"[a-z_]{1,12}", fullmatch=True), st.text("abc=#\\ ,0", max_size=20), max_size=5)
)
def test_an_environment_block_gives_back_what_was_put_in(variables: dict[str, str]) -> None:
    block = grubenv.render(variables)
    assert len(block) == grubenv.SIZE
    assert grubenv.parse(block) == variables


def test_words_that_do_not_fit_the_environment_block_are_refused() -> None:
    with pytest.raises(BadInput, match="1024 bytes"):
        grubenv.render({"trebol_words": "x" * 1000})


def test_the_cpio_archive_is_one_that_cpio_reads(tmp_path: Path) -> None:
    if shutil.which("cpio") is None:
        pytest.skip("needs cpio")
    archive = newc({"conf/a": b"12345", "etc/b": b""}, executable={"etc/b"}, epoch=0)
    path = tmp_path / "archive"
    path.write_bytes(archive)
    listing = CommandRunner().run(["cpio", "--list", "--verbose", "--numeric-uid-gid", f"--file={path}"]).stdout
    assert [(line.split()[0], line.split()[4], line.split()[-1]) for line in listing.splitlines()] == [
        ("drwxr-xr-x", "0", "conf"),
        ("-rw-r--r--", "5", "conf/a"),
        ("drwxr-xr-x", "0", "etc"),
        ("-rwxr-xr-x", "0", "etc/b"),
    ]


def test_the_additional_initramfs_names_the_medium_and_keeps_udev_from_assembling_arrays() -> None:
    archive = medium_cpio(TEMPLATES, MEDIUM_ID, 0)
    assert re.search(rb"conf/trebol-medium\0+" + MEDIUM_ID.encode() + rb"\n", archive)
    for name in ("64-md-raid-assembly.rules", "69-lvm.rules", "69-bcache.rules"):
        assert f"etc/udev/rules.d/{name}\0".encode() in archive


def test_a_locator_is_found_again() -> None:
    block = LOCATOR.to_bytes()
    assert len(block) == LENGTH
    assert Locator.from_bytes(block) == LOCATOR


@pytest.mark.parametrize("at", range(0, len(LOCATOR.to_bytes().rstrip(b"\0")), 7))
def test_a_damaged_locator_is_never_followed(at: int) -> None:
    block = bytearray(LOCATOR.to_bytes())
    block[at] ^= 1
    with pytest.raises(NoLocator):
        Locator.from_bytes(bytes(block))


def test_a_locator_of_another_form_is_told() -> None:
    lines = MAGIC + b"a line of a later version\n"
    total = hashlib.sha256(lines).hexdigest()[:16].encode()
    with pytest.raises(NoLocator, match="of a version that this one does not know"):
        Locator.from_bytes((lines + b"sum=" + total + b"\n").ljust(LENGTH, b"\0"))


def test_another_iso_has_no_locator() -> None:
    with pytest.raises(NoLocator, match="not a Trebol medium"):
        Locator.from_bytes(bytes(LENGTH))


def menu() -> str:
    return render(TEMPLATES, "grub.cfg.j2", medium_id=MEDIUM_ID, version="0.1.0")


def test_the_boot_menu_has_an_entry_for_each_way_to_go() -> None:
    assert re.findall(r"--id (\S+)", menu()) == [
        *("install", "install-serial", "unattended", "install-ssh", "rescue", "verify", "memtest", "disk"),
        *("firmware", "disk"),
    ]


@pytest.mark.parametrize("template", ["grub.cfg.j2", "grub-stub.cfg.j2"])
def test_grub_understands_its_configuration(template: str) -> None:
    if shutil.which("grub-script-check") is None:
        pytest.skip("needs grub-script-check")
    text = render(TEMPLATES, template, medium_id=MEDIUM_ID, version="0.1.0")
    CommandRunner().run(["grub-script-check"], input=text)


def test_the_bios_image_holds_every_command_that_the_menu_uses() -> None:
    module_of = {
        "search": "search", "configfile": "configfile", "load_env": "loadenv", "serial": "serial",
        "terminal_input": "terminal", "terminal_output": "terminal", "echo": "echo", "linux": "linux",
        "initrd": "linux", "chainloader": "chain", "regexp": "regexp",
    }  # fmt: skip
    for command, module in module_of.items():
        assert re.search(rf"\b{command}\b", menu() + (TEMPLATES / "grub-stub.cfg.j2").read_text())
        assert module in BIOS_MODULES


def test_the_live_system_masks_what_it_says_it_masks() -> None:
    units = PROJECT / "iso/overlay/live/etc/systemd/system"
    masked = {path.name for path in units.iterdir() if path.is_symlink()}
    assert {str((units / name).readlink()) for name in masked} == {"/dev/null"}
    assert {"multipathd.service", "iscsid.socket", "mdmonitor.service", "lvm2-monitor.service"} <= masked
    assert {"zfs-import-cache.service", "zfs-import-scan.service", "zfs-mount.service", "zfs-zed.service"} <= masked
    # Behind these the node's services stand, which systemd would read one by one.
    assert {"multi-user.target", "sockets.target", "timers.target"} <= masked


@pytest.mark.parametrize(("version", "name"), [("0.1.0", "TREBOL_0_1_0"), ("1.2~rc1+b", "TREBOL_1_2_RC1_B")])
def test_volume_names_have_only_the_characters_iso9660_allows(version: str, name: str) -> None:
    assert volume_id(version) == name
    assert len(volume_id("1" * 80)) == 32
