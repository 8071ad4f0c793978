"""Looking at how a medium is built: whether firmware of every kind will find what it needs. Nothing is booted.

A registry of checks (after Red Hat's verifymedia and cephadm's `configchecks.py`): adding one is adding one entry.
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
from trebol_common.medium import FOLDER, SLOT, SLOT_SIZE, Manifest
from trebol_image import el_torito, grubenv
from trebol_image.gpt import ESP_TYPE, Partition, read_gpt
from trebol_image.iso import BIOS_IMAGE, ESP_NUMBER, GRUBENV
from trebol_image.iso9660 import Extent, File, Image
from trebol_image.locator import Locator
from trebol_image.target import is_whole, opened, read_locator
from trebol_image.verify import read_manifest, read_sums, structure_problems

#: Some firmware loads the whole EFI partition into memory; FAT16 by its count of clusters (Microsoft's FAT
#: specification 1.03).
ESP_LIMIT = 20 * 1000 * 1000
FAT16_CLUSTERS = range(4085, 65525)
#: What the release profile may weigh.
RELEASE_LIMIT = 900 * 1000 * 1000
_VOLUME_ID = re.compile(r"^TREBOL[A-Z0-9_]{0,26}$")
_LOADED = re.compile(r"^\s*(?:linux|initrd)\s+(.+)$", re.MULTILINE)
_SEARCHED = re.compile(r"--file\s+/(trebol/\S+)")
_INSMOD = re.compile(r"^\s*insmod\b", re.MULTILINE)
_SIGNED = ("EFI/BOOT/BOOTX64.EFI", "EFI/BOOT/grubx64.efi", "EFI/BOOT/mmx64.efi", "boot/vmlinuz")


@dataclass(frozen=True)
class Finding:
    """The outcome of one check: `detail` says what was seen, or what is wrong."""

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
    try:
        return Finding(code, title, True, check(subject))
    except Wrong as error:
        return Finding(code, title, False, str(error))
    except TrebolError as error:
        return Finding(code, title, False, error.problems[0].what)
    except UnicodeDecodeError:
        return Finding(code, title, False, "a text on the medium is not UTF-8")


def _size(subject: Subject) -> str:
    size = subject.locator.size
    _require(subject.whole, f"it is shorter than the {size} bytes it was made with")
    if subject.manifest.profile == "release":
        _require(size <= RELEASE_LIMIT, f"{size} bytes, more than the {RELEASE_LIMIT} of a release")
    return f"{size / 1e6:.0f} MB"


def _volume(subject: Subject) -> str:
    name = subject.image.read(16 * 2048 + 40, 32).decode("ascii", errors="replace").rstrip()
    _require(bool(_VOLUME_ID.match(name)), f"{name!r} is not TREBOL and then capitals, digits, underscores")
    return name


def _bios(subject: Subject) -> str:
    image = _boot_image(subject, el_torito.BIOS)
    _require(BIOS_IMAGE in subject.files, f"/{BIOS_IMAGE} is missing")
    _require(image.offset == subject.files[BIOS_IMAGE].extents[0].offset, f"does not point at /{BIOS_IMAGE}")
    return f"/{BIOS_IMAGE}"


def _uefi(subject: Subject) -> str:
    image = _boot_image(subject, el_torito.UEFI)
    _require(image.offset == _esp_partition(subject).extent.offset, "does not point at the EFI partition")
    return "the EFI partition"


def _esp_partition(subject: Subject) -> Partition:
    partitions = read_gpt(subject.image)
    _require(ESP_NUMBER in partitions, f"there is no partition {ESP_NUMBER}")
    return partitions[ESP_NUMBER]


def _boot_image(subject: Subject, platform: int) -> el_torito.BootImage:
    for image in el_torito.read_catalogue(subject.image):
        if image.platform == platform and image.bootable:
            return image
    raise Wrong("there is no such entry")


def _mbr(subject: Subject) -> str:
    sector = subject.image.read(0, 512)
    _require(sector[510:] == b"\x55\xaa", "no boot signature")
    _require(any(sector[:440]), "no boot code")
    entries = [sector[446 + 16 * index : 462 + 16 * index] for index in range(4)]
    _require(any(entry[0] == 0x80 for entry in entries), "no partition is marked bootable, which some BIOSes want")
    _require(any(entry[4] == 0xEE for entry in entries), "no protective entry for the GPT")
    return "boot code, protective entry, bootable flag"


def _gpt(subject: Subject) -> str:
    partitions = read_gpt(subject.image)
    _require(bool(partitions), "there is no partition")
    spans = sorted((part.extent.offset, part.extent.length) for part in partitions.values())
    for (offset, length), (following, _) in pairwise(spans):
        _require(offset + length <= following, "partitions overlap")
    _require(spans[-1][0] + spans[-1][1] <= subject.locator.size, "a partition ends after the medium")
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
    for name in _SIGNED[:3]:
        _require(subject.content(name) in subject.esp, f"/{name} is not in it, or another version")
    return f"FAT16, {len(subject.esp) / 1e6:.1f} MB"


def _fat_clusters(sector: bytes) -> tuple[int, int]:
    """Count of clusters, and size of the file system in bytes."""
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
    """Whether a PE32+ program has a certificate table (PE format, optional header data directory 4)."""
    if program[:2] != b"MZ":
        return False
    header = int.from_bytes(program[0x3C:0x40], "little")
    if program[header : header + 4] != b"PE\0\0":
        return False
    directory = header + 24 + 112 + 4 * 8
    address = int.from_bytes(program[directory : directory + 4], "little")
    size = int.from_bytes(program[directory + 4 : directory + 8], "little")
    return size > 0 and address + size <= len(program)


def _menu(subject: Subject) -> str:
    text = subject.content("boot/grub/grub.cfg").decode()
    paths = {word for line in _LOADED.findall(text) for word in line.split() if word.startswith("/")}
    _require(len(paths) >= 3, "it loads no kernel with initrd and medium.cpio")
    searched = set(_SEARCHED.findall(text))
    _require(bool(searched), "it searches for no medium")
    stub = set(re.findall(rb"--file\s+/(trebol/\S+)", subject.esp))
    _require({path.decode() for path in stub} == searched, "the EFI partition searches for another medium")
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
        _require(subject.files[name].extents == (Extent(extent.offset, length),), f"does not point at /{name}")
    _require(subject.content(GRUBENV).startswith(grubenv.SIGNATURE), f"/{GRUBENV} is no environment block")
    return f"/{SLOT}, /{GRUBENV}"


def _initramfs(subject: Subject) -> str:
    archive = subject.content("boot/medium.cpio")
    _require(b"conf/trebol-medium\0" in archive, "no conf/trebol-medium")
    _require(f"{subject.manifest.medium_id}\n".encode() in archive, "it names another medium")
    return subject.manifest.medium_id


def _contents(subject: Subject) -> str:
    sums = read_sums(subject.image, subject.files)
    problems = structure_problems(subject.image, subject.files, subject.manifest, subject.locator, sums)
    wrong = "; ".join(problem.what for problem in problems)
    _require(not wrong, wrong)
    layers = ", ".join(f"/{FOLDER}/{layer.file}" for layer in subject.manifest.layers)
    return f"{len(sums)} files with checksums; {layers}"


def _require(condition: bool, wrong: str) -> None:
    if not condition:
        raise Wrong(wrong)


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
    ("boot-menu", "boot menu", _menu),
    ("medium-cpio", "initramfs knows the medium", _initramfs),
    ("areas", "slot and environment can be patched", _areas),
    ("contents", "manifest, layers and checksums agree", _contents),
)
