"""Looking at how a medium is built: whether firmware of every kind will find what it needs. Nothing is booted.

A registry of checks (after Red Hat's verifymedia and cephadm's `configchecks.py`): adding one is adding one entry to
`CHECKS`. A check gets the medium, returns what it saw in a few words, and raises `Wrong` at the first thing that
firmware or boot loader would stumble over.

Sources: ECMA-119 8.4 (volume descriptor), El Torito 1.0, UEFI 2.10 chapter 5 (MBR, GPT), Microsoft's FAT
specification 1.03 and PE format.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from trebol_common.errors import TrebolError
from trebol_common.medium import CERTIFICATE, FOLDER, SLOT, SLOT_SIZE, Feature, Manifest
from trebol_image import el_torito, grubenv
from trebol_image.gpt import ESP_TYPE, Partition, read_gpt
from trebol_image.iso import BIOS_IMAGE, ESP_NUMBER, GRUBENV
from trebol_image.iso9660 import BLOCK, Extent, File, Image
from trebol_image.locator import Locator
from trebol_image.signing import holds_private_key, is_certificate
from trebol_image.target import is_whole, opened, read_locator
from trebol_image.verify import read_manifest, read_sums, structure_problems

#: Some firmware loads the whole EFI partition into memory.
ESP_LIMIT = 20 * 1000 * 1000
#: A FAT with that many clusters is a FAT16, whatever it calls itself.
FAT16_CLUSTERS = range(4085, 65525)
#: What the release profile may weigh.
RELEASE_LIMIT = 900 * 1000 * 1000
#: The volume's name in the primary volume descriptor.
_VOLUME_ID_AT = Extent(16 * BLOCK + 40, 32)
_VOLUME_ID = re.compile(r"^TREBOL[A-Z0-9_]{0,26}$")
#: In GRUB's configuration: files that are loaded, the file by which the medium is searched for, modules from files.
_LOADED = re.compile(r"^\s*(?:linux|initrd)\s+(.+)$", re.MULTILINE)
_SEARCHED = re.compile(r"--file\s+/(trebol/\S+)")
_INSMOD = re.compile(r"^\s*insmod\b", re.MULTILINE)
#: The type of the MBR's entry that keeps programs which know no GPT from taking the disk for an empty one.
_PROTECTIVE = 0xEE
#: Shim, GRUB, MokManager: on the ISO, and the same in the EFI partition.
_EFI_PROGRAMS = ("EFI/BOOT/BOOTX64.EFI", "EFI/BOOT/grubx64.efi", "EFI/BOOT/mmx64.efi")
#: No key is longer; what is longer is not searched.
_KEY_LIMIT = 1_000_000
_SIGNED = (*_EFI_PROGRAMS, "boot/vmlinuz")


@dataclass(frozen=True)
class Finding:
    """The outcome of one check; its code is for scripts. `detail` says what was seen, or what is wrong."""

    code: str
    title: str
    ok: bool
    detail: str


class Wrong(Exception):
    """A check failed; the message says what is wrong."""


class Subject:
    """The medium that is looked at; its parts are read when a check asks for them."""

    def __init__(self, image: Image, locator: Locator, *, whole: bool) -> None:
        self.image = image
        self.locator = locator
        self.whole = whole

    @cached_property
    def files(self) -> dict[str, File]:
        """Every file of the ISO."""
        return self.image.files()

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest."""
        return read_manifest(self.image, self.files)

    @cached_property
    def esp(self) -> bytes:
        """The EFI partition, as the partition table has it."""
        extent = _esp_partition(self).extent
        return self.image.read(extent.offset, extent.length)

    def content(self, name: str) -> bytes:
        """A file's bytes."""
        if name not in self.files:
            raise Wrong(f"/{name} is missing")
        return self.image.content(self.files[name])


def lint(path: Path) -> tuple[Finding, ...]:
    """Run every check on an ISO or a written stick. Raises BadInput when it is no medium of Trebol."""
    with opened(path) as stream:
        locator = read_locator(stream, path)
        subject = Subject(Image(stream, str(path)), locator, whole=is_whole(stream, locator))
        return tuple(_run(subject, *check) for check in CHECKS)


def _run(subject: Subject, code: str, title: str, check: Callable[[Subject], str]) -> Finding:
    """Do one check; damage of any kind is its finding, so that the others are still done."""
    try:
        return Finding(code, title, True, check(subject))
    except Wrong as error:
        return Finding(code, title, False, str(error))
    except TrebolError as error:
        return Finding(code, title, False, error.problems[0].what)
    except UnicodeDecodeError:
        return Finding(code, title, False, "a text on the medium is not UTF-8")


def _require(condition: bool, wrong: str) -> None:
    if not condition:
        raise Wrong(wrong)


def _size(subject: Subject) -> str:
    size = subject.locator.size
    _require(subject.whole, f"it is shorter than the {size} bytes it was made with")
    if subject.manifest.profile == "release":
        _require(size <= RELEASE_LIMIT, f"{size} bytes, more than the {RELEASE_LIMIT} of a release")
    return f"{size / 1e6:.0f} MB"


def _volume(subject: Subject) -> str:
    content = subject.image.read(_VOLUME_ID_AT.offset, _VOLUME_ID_AT.length)
    name = content.decode("ascii", errors="replace").rstrip()
    _require(bool(_VOLUME_ID.match(name)), f"{name!r} is not TREBOL and then capitals, digits, underscores")
    return name


def _bios(subject: Subject) -> str:
    image = _boot_image(subject, el_torito.BIOS)
    _require(BIOS_IMAGE in subject.files, f"/{BIOS_IMAGE} is missing")
    _require(
        image.offset == subject.files[BIOS_IMAGE].extents[0].offset,
        f"El Torito's entry does not point at /{BIOS_IMAGE}",
    )
    return f"/{BIOS_IMAGE}"


def _uefi(subject: Subject) -> str:
    image = _boot_image(subject, el_torito.UEFI)
    _require(
        image.offset == _esp_partition(subject).extent.offset, "El Torito's entry does not point at the EFI partition"
    )
    return "the EFI partition"


def _esp_partition(subject: Subject) -> Partition:
    partitions = read_gpt(subject.image)
    _require(ESP_NUMBER in partitions, f"there is no partition {ESP_NUMBER}")
    return partitions[ESP_NUMBER]


def _boot_image(subject: Subject, platform: int) -> el_torito.BootImage:
    for image in el_torito.read_catalogue(subject.image):
        if image.platform == platform and image.bootable:
            return image
    raise Wrong("El Torito has no bootable entry for it")


def _mbr(subject: Subject) -> str:
    # 440 bytes of code, from 446 on four entries of 16 bytes: byte 0 is the bootable flag, byte 4 the type.
    sector = subject.image.read(0, 512)
    _require(sector[510:] == b"\x55\xaa", "no boot signature")
    _require(any(sector[:440]), "no boot code")
    entries = [sector[446 + 16 * index : 462 + 16 * index] for index in range(4)]
    _require(any(entry[0] == 0x80 for entry in entries), "no partition is marked bootable, which some BIOSes want")
    _require(any(entry[4] == _PROTECTIVE for entry in entries), "no protective entry for the GPT")
    return "boot code, protective entry, bootable flag"


def _gpt(subject: Subject) -> str:
    partitions = read_gpt(subject.image)
    _require(bool(partitions), "there is no partition")
    spans = sorted((part.extent.offset, part.extent.offset + part.extent.length) for part in partitions.values())
    for (_, end), (following, _) in pairwise(spans):
        _require(end <= following, "partitions overlap")
    _require(spans[-1][1] <= subject.locator.size, "a partition ends after the medium")
    _require(_esp_partition(subject).type == ESP_TYPE, f"partition {ESP_NUMBER} is no EFI system partition")
    _require(partitions[ESP_NUMBER].extent == subject.locator.esp, "the locator has another EFI partition")
    return f"{len(partitions)} partitions"


def _esp(subject: Subject) -> str:
    sector = subject.esp[:512]
    _require(sector[510:] == b"\x55\xaa", "no FAT boot sector")
    clusters, size = _fat_clusters(sector)
    _require(clusters in FAT16_CLUSTERS, f"{clusters} clusters make it no FAT16")
    _require(size <= len(subject.esp), "the file system is larger than its partition")
    _require(len(subject.esp) < ESP_LIMIT, f"{len(subject.esp)} bytes, not below {ESP_LIMIT}")
    # mtools writes each file to a new file system in one piece, so that its bytes can be searched for as they are.
    for name in _EFI_PROGRAMS:
        _require(subject.content(name) in subject.esp, f"it does not hold the /{name} of the ISO")
    return f"FAT16, {len(subject.esp) / 1e6:.1f} MB"


def _fat_clusters(sector: bytes) -> tuple[int, int]:
    """Count of clusters, and size of the file system in bytes, from its boot sector."""
    bytes_per_sector, per_cluster, reserved, fats, roots, small = struct.unpack_from("<HBHBHH", sector, 11)
    per_fat = int.from_bytes(sector[22:24], "little")
    _require(bytes_per_sector in (512, 1024, 2048, 4096) and per_cluster > 0, "no FAT boot sector")
    sectors = small or int.from_bytes(sector[32:36], "little")
    root_sectors = -(-roots * 32 // bytes_per_sector)
    data = sectors - reserved - fats * per_fat - root_sectors
    return data // per_cluster, sectors * bytes_per_sector


def _signed(subject: Subject) -> str:
    for name in _SIGNED:
        _require(_has_signature(subject.content(name)), f"/{name} carries no signature")
    return "shim, GRUB, MokManager, kernel"


def _has_signature(program: bytes) -> bool:
    """Whether a PE32+ program carries a certificate table; who signed it is not looked at.

    The table is entry 4 of the data directories, 8 bytes each, which begin 112 bytes into the optional header.
    """
    if program[:2] != b"MZ":
        return False
    header = int.from_bytes(program[0x3C:0x40], "little")
    if program[header : header + 4] != b"PE\0\0":
        return False
    optional_header = header + 4 + 20
    directory = optional_header + 112 + 4 * 8
    address = int.from_bytes(program[directory : directory + 4], "little")
    size = int.from_bytes(program[directory + 4 : directory + 8], "little")
    return size > 0 and address + size <= len(program)


def _menu(subject: Subject) -> str:
    text = subject.content("boot/grub/grub.cfg").decode()
    # The kernel's words follow its path on the line; none of them begins with a slash.
    paths = {word for line in _LOADED.findall(text) for word in line.split() if word.startswith("/")}
    _require(len(paths) >= 3, "it loads no kernel with initrd and medium.cpio")
    searched = set(_SEARCHED.findall(text))
    _require(bool(searched), "it searches for no medium")
    # The stub in the EFI partition finds the medium before it hands over to this menu.
    stub = set(_SEARCHED.findall(subject.esp.decode("latin-1")))
    _require(stub == searched, "the EFI partition searches for another medium")
    for path in sorted(paths) + sorted(searched):
        _require(path.lstrip("/") in subject.files, f"it names {path}, which is missing")
    _require(not _INSMOD.search(text), "it loads modules from files, which Secure Boot forbids")
    return ", ".join(sorted(paths))


def _areas(subject: Subject) -> str:
    for name, extent, length in (
        (SLOT, subject.locator.slot, SLOT_SIZE),
        (GRUBENV, subject.locator.grubenv, grubenv.SIZE),
    ):
        _require(name in subject.files, f"/{name} is missing")
        _require(
            subject.files[name].extents == (Extent(extent.offset, length),), f"the locator does not point at /{name}"
        )
    _require(subject.content(GRUBENV).startswith(grubenv.SIGNATURE), f"/{GRUBENV} is no environment block")
    return f"/{SLOT}, /{GRUBENV}"


def _initramfs(subject: Subject) -> str:
    archive = subject.content("boot/medium.cpio")
    _require(b"conf/trebol-medium\0" in archive, "no conf/trebol-medium")
    _require(f"{subject.manifest.medium_id}\n".encode() in archive, "its conf/trebol-medium names another medium")
    return subject.manifest.medium_id


def _contents(subject: Subject) -> str:
    sums = read_sums(subject.image, subject.files)
    problems = structure_problems(subject.image, subject.files, subject.manifest, subject.locator, sums)
    wrong = "; ".join(problem.what for problem in problems)
    _require(not wrong, wrong)
    layers = ", ".join(f"/{FOLDER}/{layer.file}" for layer in subject.manifest.layers)
    return f"{len(sums)} files with checksums; {layers}"


def _keys(subject: Subject) -> str:
    # Layers are looked into when they are made, and answers are whoever's they are; here is what else lies open.
    skipped = {SLOT, *(f"{FOLDER}/{layer.file}" for layer in subject.manifest.layers)}
    for name, file in subject.files.items():
        if name not in skipped and file.size <= _KEY_LIMIT:
            _require(not holds_private_key(subject.image.content(file)), f"/{name} holds a private key")
    if Feature.ZFS not in subject.manifest.features:
        return "no modules but Debian's"
    _require(is_certificate(subject.content(CERTIFICATE)), f"/{CERTIFICATE} is no certificate")
    return f"/{CERTIFICATE}"


#: Code, title, check; in the order in which they are shown.
CHECKS: tuple[tuple[str, str, Callable[[Subject], str]], ...] = (
    ("size", "size", _size),
    ("volume-id", "volume name", _volume),
    ("el-torito-bios", "boots from CD by BIOS", _bios),
    ("el-torito-uefi", "boots from CD by UEFI", _uefi),
    ("mbr", "boots from USB by BIOS", _mbr),
    ("gpt", "partition table for USB", _gpt),
    ("esp", "EFI partition", _esp),
    ("signatures", "signed for Secure Boot", _signed),
    ("keys", "certificate and no key", _keys),
    ("boot-menu", "boot menu", _menu),
    ("medium-cpio", "initramfs knows the medium", _initramfs),
    ("areas", "slot and environment can be patched", _areas),
    ("contents", "manifest, layers and checksums agree", _contents),
)
