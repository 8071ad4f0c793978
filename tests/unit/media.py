"""Media for tests: a real small ISO where the tools to make one are installed, and a bare file that can be seeded."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
from pathlib import Path

import pytest

from trebol_common.medium import SLOT_SIZE, Layer
from trebol_common.run import CommandRunner
from trebol_image import grubenv
from trebol_image.iso import IsoInputs, assemble_iso
from trebol_image.iso9660 import Extent
from trebol_image.locator import OFFSET, Locator

PROJECT = Path(__file__).parents[2]
TEMPLATES = PROJECT / "iso" / "boot"
BIOS_GRUB = Path("/usr/lib/grub/i386-pc")
TOOLS = ("xorriso", "mformat", "mcopy", "grub-mkimage")
EPOCH = 1_760_000_000
MEDIUM_ID = "0123456789abcdef0123456789abcdef"


def require_tools() -> None:
    """Skip the test where an ISO cannot be made; `make iso` installs what is missing."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing or not (BIOS_GRUB / "boot_hybrid.img").is_file():
        pytest.skip(f"needs {', '.join(missing) or 'grub-pc-bin'}")


def program(size: int, *, signed: bool = True) -> bytes:
    """A PE32+ program as far as its headers go, `size` bytes long, with or without a certificate table."""
    header = 0x80
    content = bytearray(os.urandom(size))
    content[:2] = b"MZ"
    content[0x3C:0x40] = header.to_bytes(4, "little")
    content[header : header + 4] = b"PE\0\0"
    directory = header + 24 + 112 + 32
    content[directory : directory + 8] = struct.pack("<II", size - 512, 512) if signed else bytes(8)
    return bytes(content)


def make_inputs(folder: Path, *, signed: bool = True) -> IsoInputs:
    """Three small layers, a kernel, an initramfs, and a tree with boot programs."""
    tree = folder / "tree"
    for path in (
        "usr/lib/shim/shimx64.efi.signed",
        "usr/lib/shim/mmx64.efi.signed",
        "usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed",
        "boot/memtest86+x64.efi",
        "boot/memtest86+x64.bin",
    ):
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(program(70_000, signed=signed))
    (tree / "usr/lib/grub/i386-pc").symlink_to(BIOS_GRUB)
    for name, content in (("vmlinuz", program(50_000)), ("initrd.img", os.urandom(30_000))):
        (folder / name).write_bytes(content)
    return IsoInputs(
        layers=tuple(make_layer(folder, name, target=name != "live") for name in ("base", "appliance", "live")),
        vmlinuz=folder / "vmlinuz",
        initrd=folder / "initrd.img",
        tree=tree,
        kernel="6.12.117+deb13-amd64",
        templates=TEMPLATES,
        epoch=EPOCH,
        version="0.1.0",
        profile="dev",
    )


def make_layer(folder: Path, name: str, *, target: bool) -> tuple[Path, Layer]:
    """A file that stands for a layer, and what is known of it."""
    # A name in the store differs from the one on the medium, and may hold xorriso's separator.
    path = folder / f"{name}=1.squashfs"
    content = os.urandom(100_000)
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    layer = Layer(
        name=name,
        file=f"{name}.squashfs",
        sha256=digest,
        blocks=(),
        size=len(content),
        unpacked=2 * len(content),
        files=7,
        target=target,
    )
    return path, layer


def make_iso(inputs: IsoInputs, output: Path) -> Path:
    """Assemble the ISO, in a scratch folder beside it."""
    work = output.with_suffix(".work")
    work.mkdir()
    assemble_iso(inputs, output, work, CommandRunner())
    shutil.rmtree(work)
    return output


def bare_medium(path: Path, *, size: int = 1_000_000) -> Path:
    """A file with locator, empty slot and environment block, and random bytes around them; no file system."""
    slot, environment = Extent(65_536, SLOT_SIZE), Extent(400_000, grubenv.SIZE)
    locator = Locator(
        version="0.1.0",
        medium_id=MEDIUM_ID,
        size=size,
        slot=slot,
        grubenv=environment,
        esp=Extent(500_000, 1024),
        esp_sha256="0" * 64,
    )
    content = bytearray(os.urandom(size))
    for offset, part in (
        (OFFSET, locator.to_bytes()),
        (slot.offset, bytes(slot.length)),
        (environment.offset, grubenv.render({})),
    ):
        content[offset : offset + len(part)] = part
    path.write_bytes(content)
    return path
