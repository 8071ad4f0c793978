"""Assembling the ISO: hybrid BIOS, UEFI and USB, reproducible, with every layer read from where it lies.

Layout: ISO 9660 with Rock Ridge; El Torito for BIOS and UEFI; the EFI partition appended as GPT partition 2, the ISO
itself being partition 1. See `trebol_common.medium` for the files, `trebol_image.locator` for what is found without
a file system, and docs/medium.md for how it boots.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from trebol_common.cpio import newc
from trebol_common.medium import CERTIFICATE, FOLDER, LAYERS, MANIFEST, SLOT, SLOT_SIZE, SUMS, Layer, Manifest
from trebol_common.run import Runner
from trebol_image import grubenv
from trebol_image.boot_files import BootFiles, bios_image, render
from trebol_image.esp_image import make_esp
from trebol_image.gpt import ESP_TYPE, read_gpt
from trebol_image.iso9660 import Image
from trebol_image.locator import OFFSET, Locator

GRUBENV = "boot/grub/grubenv"
BIOS_IMAGE = "boot/grub/bios.img"
BOOT_CATALOGUE = "boot/boot.cat"
#: Written while or after the ISO is written: their checksums are filled in, or (slot and environment) never listed.
_WRITTEN_BY_XORRISO = (BIOS_IMAGE, BOOT_CATALOGUE)
_UNLISTED = (SLOT, GRUBENV)
ESP_NUMBER = 2
_DATA_TYPE = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"


@dataclass(frozen=True)
class IsoInputs:
    """What an ISO is made of.

    `layers` are squashfs files and what is known of them, bottom up; `tree` is a tree of the target distribution
    (only boot programs are read from it); `kernel` is the version of `vmlinuz`; `templates` is `iso/boot`; `epoch`
    is SOURCE_DATE_EPOCH; `certificate` is the one (DER) that layers have modules signed with, if they do.
    """

    layers: tuple[tuple[Path, Layer], ...]
    vmlinuz: Path
    initrd: Path
    tree: Path
    kernel: str
    templates: Path
    epoch: int
    version: str
    profile: str
    certificate: Path | None = None


def assemble_iso(inputs: IsoInputs, output: Path, work: Path, runner: Runner) -> Path:
    """Write the ISO to `output` in one step (temporary name, then rename) and return it; `work` is scratch space."""
    manifest = make_manifest(inputs)
    boot = BootFiles.of_tree(inputs.tree)
    esp = work / "esp.img"
    generated = _generate(inputs, manifest, boot, esp, work, runner)
    # Path on the medium → file of this host.
    content = {
        **generated,
        **boot.efi_folder(),
        **boot.memory_tests(),
        "boot/vmlinuz": inputs.vmlinuz,
        "boot/initrd.img": inputs.initrd,
        **{f"{FOLDER}/{layer.file}": path for path, layer in inputs.layers},
        **({CERTIFICATE: inputs.certificate} if inputs.certificate else {}),
    }
    known = {f"{FOLDER}/{layer.file}": layer.sha256 for _, layer in inputs.layers}
    content[SUMS] = _write(work / "SHA256SUMS", checksums(content, known).encode())

    temporary = output.with_name(f".{output.name}.part")
    # xorriso would add a session to what an interrupted build left.
    temporary.unlink(missing_ok=True)
    try:
        _xorriso(inputs, content, boot, esp, temporary, runner)
        _complete(temporary, inputs.version, manifest.medium_id, esp)
        temporary.replace(output)
    finally:
        temporary.unlink(missing_ok=True)
    return output


def make_manifest(inputs: IsoInputs) -> Manifest:
    """The manifest; its id is a hash over all the rest, so that media with equal layers have equal ids."""
    manifest = Manifest(
        version=inputs.version,
        profile=inputs.profile,
        medium_id="",
        epoch=inputs.epoch,
        kernel=inputs.kernel,
        layers=tuple(layer for _, layer in inputs.layers),
    )
    digest = hashlib.sha256(manifest.model_dump_json().encode()).hexdigest()
    return manifest.model_copy(update={"medium_id": digest[:32]})


def layers_text(manifest: Manifest) -> str:
    """What the initramfs reads, which has no JSON parser: "NAME FILE" per line, bottom up."""
    return "".join(f"{layer.name} {layer.file}\n" for layer in manifest.layers)


def medium_cpio(templates: Path, medium_id: str, epoch: int) -> bytes:
    """The additional initramfs: the id to look for, and what the initramfs must not do on a medium."""
    tree = templates / "initramfs"
    found = {str(path.relative_to(tree)): path for path in tree.rglob("*") if path.is_file()}
    files = {name: path.read_bytes() for name, path in found.items()}
    executable = {name for name, path in found.items() if os.access(path, os.X_OK)}
    return newc({**files, "conf/trebol-medium": f"{medium_id}\n".encode()}, executable=executable, epoch=epoch)


def checksums(content: Mapping[str, Path], known: Mapping[str, str]) -> str:
    """SHA256SUMS of `content` (path on the medium → file), in the form of sha256sum(1), relative to the root.

    Checksums in `known` are not computed again. What xorriso changes while it writes gets zeros here.
    """
    lines = []
    for path, source in sorted(content.items()):
        if path in _UNLISTED:
            continue
        digest = known.get(path) or ("0" * 64 if path in _WRITTEN_BY_XORRISO else _sha256(source))
        lines.append(f"{digest}  {path}\n")
    return "".join(lines)


def volume_id(version: str) -> str:
    """The volume's name: TREBOL and the version, of the characters and length that ISO 9660 allows."""
    name = f"TREBOL {version}".upper()
    return "".join(character if character.isascii() and character.isalnum() else "_" for character in name)[:32]


def _generate(
    inputs: IsoInputs, manifest: Manifest, boot: BootFiles, esp: Path, work: Path, runner: Runner
) -> dict[str, Path]:
    """Make all that is made for this one ISO: path on the medium → file in `work`; the EFI partition is `esp`."""
    medium_id = manifest.medium_id

    def template(name: str) -> bytes:
        return render(inputs.templates, name, medium_id=medium_id, version=inputs.version).encode()

    stub = _write(work / "stub.cfg", template("grub-stub.cfg.j2"))
    make_esp(
        {**boot.efi_folder(), "boot/grub/grub.cfg": stub},
        esp,
        serial=int(medium_id[:8], 16),
        epoch=inputs.epoch,
        runner=runner,
    )
    bios_image(boot, stub, work / "bios.img", runner)
    texts = {
        MANIFEST: (manifest.model_dump_json(indent=2) + "\n").encode(),
        LAYERS: layers_text(manifest).encode(),
        SLOT: bytes(SLOT_SIZE),
        f"{FOLDER}/id/{medium_id}": b"",
        GRUBENV: grubenv.render({}),
        "boot/grub/grub.cfg": template("grub.cfg.j2"),
        "boot/medium.cpio": medium_cpio(inputs.templates, medium_id, inputs.epoch),
        ".disk/info": f"Trebol {inputs.version} amd64 {inputs.profile} {_date(inputs.epoch, '%Y%m%d')}\n".encode(),
        # xorriso makes this one; the file only holds its place in the list of checksums.
        BOOT_CATALOGUE: b"",
    }
    written = {path: _write(work / "tree" / path, content) for path, content in texts.items()}
    return {**written, BIOS_IMAGE: work / "bios.img"}


def _xorriso(
    inputs: IsoInputs, content: Mapping[str, Path], boot: BootFiles, esp: Path, output: Path, runner: Runner
) -> None:
    grafts = [f"{_graft(path)}={_graft(str(source))}" for path, source in content.items() if path != BOOT_CATALOGUE]
    runner.run(
        [
            "xorriso", "-no_rc", "-as", "mkisofs",
            "-quiet", "-r", "-iso-level", "3", "-volid", volume_id(inputs.version),
            "-publisher", "TREBOL", "-preparer", "TREBOL", "-appid", f"TREBOL {inputs.version}",
            f"--modification-date={_date(inputs.epoch, '%Y%m%d%H%M%S')}00",
            "--set_all_file_dates", f"={inputs.epoch}",
            "-partition_offset", "16", "-iso_mbr_part_type", _DATA_TYPE,
            "--grub2-mbr", boot.bios_grub / "boot_hybrid.img", "--mbr-force-bootable",
            "-append_partition", str(ESP_NUMBER), ESP_TYPE, esp, "-appended_part_as_gpt",
            "-c", BOOT_CATALOGUE,
            "-b", BIOS_IMAGE, "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "--grub2-boot-info",
            "-eltorito-alt-boot", "-e", "--interval:appended_partition_2:all::", "-no-emul-boot",
            "-o", output, "-graft-points", *grafts,
        ],
        env={"SOURCE_DATE_EPOCH": str(inputs.epoch), "TZ": "UTC"},
    )  # fmt: skip


def _complete(iso: Path, version: str, medium_id: str, esp: Path) -> None:
    """Fill in what is only known once the ISO is written: two checksums and the locator."""
    with iso.open("r+b", buffering=0) as stream:
        image = Image(stream, str(iso))
        files = image.files()
        sums = files[SUMS]
        text = image.content(sums)
        for path in _WRITTEN_BY_XORRISO:
            digest = hashlib.sha256(image.content(files[path])).hexdigest()
            text = text.replace(f"{'0' * 64}  {path}\n".encode(), f"{digest}  {path}\n".encode())
        os.pwrite(stream.fileno(), text, sums.extents[0].offset)

        content = esp.read_bytes()
        locator = Locator(
            version=version,
            medium_id=medium_id,
            size=os.fstat(stream.fileno()).st_size,
            slot=files[SLOT].extents[0],
            grubenv=files[GRUBENV].extents[0],
            esp=read_gpt(image)[ESP_NUMBER].extent,
            esp_sha256=hashlib.sha256(content).hexdigest(),
        )
        os.pwrite(stream.fileno(), locator.to_bytes(), OFFSET)


def _graft(path: str) -> str:
    """Escape what the -graft-points of xorriso would take for a separator."""
    return path.replace("\\", "\\\\").replace("=", "\\=")


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _date(epoch: int, form: str) -> str:
    return datetime.fromtimestamp(epoch, tz=UTC).strftime(form)
