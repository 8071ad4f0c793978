"""An ISO holds what it was made of, twice the same, and says so when it no longer does."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.media import bare_medium, make_inputs, make_iso, make_layer, require_tools

from trebol_common.cli import run
from trebol_common.errors import BadInput, TrebolError
from trebol_common.medium import CERTIFICATE, MANIFEST, SUMS, DamagedMedium, Feature, Manifest
from trebol_common.run import CommandFailed, CommandRunner, ScriptedRunner
from trebol_image.iso import BIOS_IMAGE, BOOT_CATALOGUE, IsoInputs, assemble_iso, checksums, make_manifest
from trebol_image.iso9660 import Image
from trebol_image.lint import lint
from trebol_image.locator import LENGTH, OFFSET, Locator
from trebol_image.seed import Seed, write_seed
from trebol_image.verify import verify


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> IsoInputs:
    require_tools()
    return make_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def built(inputs: IsoInputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_iso(inputs, tmp_path_factory.mktemp("iso") / "trebol.iso")


@pytest.fixture
def iso(built: Path, tmp_path: Path) -> Path:
    path = tmp_path / "trebol.iso"
    shutil.copyfile(built, path)
    return path


def content(iso: Path, name: str) -> bytes:
    with iso.open("rb") as stream:
        image = Image(stream, str(iso))
        return image.content(image.files()[name])


def offset(iso: Path, name: str) -> int:
    with iso.open("rb") as stream:
        return Image(stream, str(iso)).files()[name].extents[0].offset


def overwrite(iso: Path, at: int, content: bytes) -> None:
    with iso.open("r+b") as stream:
        stream.seek(at)
        stream.write(content)


def test_equal_inputs_make_equal_bytes(inputs: IsoInputs, built: Path, tmp_path: Path) -> None:
    for path, _ in inputs.layers:
        path.touch()
    assert make_iso(inputs, tmp_path / "again.iso").read_bytes() == built.read_bytes()


def test_what_an_interrupted_build_left_changes_nothing(inputs: IsoInputs, built: Path, tmp_path: Path) -> None:
    shutil.copyfile(built, tmp_path / ".again.iso.part")
    assert make_iso(inputs, tmp_path / "again.iso").read_bytes() == built.read_bytes()


def test_the_medium_holds_every_input_under_its_name(inputs: IsoInputs, built: Path) -> None:
    assert content(built, "boot/vmlinuz") == inputs.vmlinuz.read_bytes()
    assert content(built, "boot/initrd.img") == inputs.initrd.read_bytes()
    for path, layer in inputs.layers:
        assert content(built, f"trebol/{layer.file}") == path.read_bytes()
    manifest = Manifest.model_validate_json(content(built, MANIFEST))
    assert manifest == make_manifest(inputs)
    assert content(built, f"trebol/id/{manifest.medium_id}") == b""
    assert content(built, "trebol/layers.txt").decode() == (
        "base base.squashfs\nappliance appliance.squashfs\nlive live.squashfs\n"
    )


def test_an_independent_reader_finds_the_same_files_at_the_same_places(built: Path) -> None:
    find = ["-find", "/", "-type", "f", "-exec", "report_lba", "--"]
    listing = CommandRunner().run(["xorriso", "-no_rc", "-indev", str(built), *find]).stdout
    rows = re.findall(r"lba:\s*\d+ ,\s*(\d+) ,\s*\d+ ,\s*(\d+) , '/(.*)'", listing)
    with built.open("rb") as stream:
        files = Image(stream, str(built)).files()
    assert {name: (int(lba) * 2048, int(size)) for lba, size, name in rows if int(size)} == {
        name: (file.extents[0].offset, file.size)
        for name, file in files.items()
        if file.size and name != BOOT_CATALOGUE
    }


def test_other_layers_make_another_medium(inputs: IsoInputs) -> None:
    fewer = dataclasses.replace(inputs, layers=inputs.layers[:2])
    assert make_manifest(fewer).medium_id != make_manifest(inputs).medium_id
    assert make_manifest(inputs).medium_id == make_manifest(inputs).medium_id


def test_checksums_of_layers_are_taken_from_what_is_known_of_them(tmp_path: Path) -> None:
    assert checksums({"trebol/base.squashfs": tmp_path / "missing"}, {"trebol/base.squashfs": "a" * 64}) == (
        f"{'a' * 64}  trebol/base.squashfs\n"
    )


def test_a_whole_medium_verifies_seeded_or_not(iso: Path) -> None:
    before = verify(iso)
    write_seed(iso, Seed("[global]", ("console=tty0",)))
    assert verify(iso) == before
    assert len(content(iso, SUMS).splitlines()) == before.files


@pytest.mark.parametrize("name", ["boot/vmlinuz", "trebol/appliance.squashfs", BIOS_IMAGE, "EFI/BOOT/BOOTX64.EFI"])
def test_one_wrong_byte_is_found_and_its_file_named(iso: Path, name: str) -> None:
    at = offset(iso, name) + 999
    with iso.open("rb") as stream:
        stream.seek(at)
        byte = stream.read(1)[0]
    overwrite(iso, at, bytes([byte ^ 1]))
    with pytest.raises(DamagedMedium) as caught:
        verify(iso)
    assert [problem.what.split(" ")[0] for problem in caught.value.problems] == [name]


def test_all_damaged_files_are_named_at_once(iso: Path) -> None:
    locator = Locator.from_bytes(iso.read_bytes()[OFFSET : OFFSET + LENGTH])
    overwrite(iso, locator.esp.offset + 5000, b"damage")
    for name in ("trebol/base.squashfs", "trebol/live.squashfs"):
        overwrite(iso, offset(iso, name), b"damage")
    with pytest.raises(DamagedMedium) as caught:
        verify(iso)
    said = " ".join(problem.what for problem in caught.value.problems)
    assert len(caught.value.problems) == 3
    assert all(name in said for name in ("trebol/base.squashfs", "trebol/live.squashfs", "EFI partition"))


def test_a_download_that_was_cut_off_is_called_so(iso: Path) -> None:
    with iso.open("r+b") as stream:
        stream.truncate(iso.stat().st_size // 2)
    with pytest.raises(DamagedMedium, match="shorter than"):
        verify(iso)
    assert next(finding.code for finding in lint(iso) if not finding.ok) == "size"


def test_every_lint_check_passes_on_a_fresh_iso(built: Path) -> None:
    assert [finding for finding in lint(built) if not finding.ok] == []


def _break_gpt(iso: Path) -> None:
    overwrite(iso, 512 + 72, b"\xff")


def _break_mbr(iso: Path) -> None:
    overwrite(iso, 510, b"\0\0")


def _break_catalogue(iso: Path) -> None:
    overwrite(iso, offset(iso, BOOT_CATALOGUE) + 30, b"\0\0")


def _break_gpt_so_that_its_table_has_no_end(iso: Path) -> None:
    overwrite(iso, 512 + 72, b"\xff" * 16)


def _break_catalogue_so_that_it_runs_over(iso: Path) -> None:
    overwrite(iso, offset(iso, BOOT_CATALOGUE) + 64 + 2, b"\xff\xff")


def _break_menu_text(iso: Path) -> None:
    overwrite(iso, offset(iso, "boot/grub/grub.cfg"), b"\xff")


def _break_volume_name(iso: Path) -> None:
    overwrite(iso, 16 * 2048 + 40, b"Debian ")


def _break_environment(iso: Path) -> None:
    overwrite(iso, offset(iso, "boot/grub/grubenv"), b"not an environment")


def _break_menu(iso: Path) -> None:
    text = content(iso, "boot/grub/grub.cfg")
    overwrite(iso, offset(iso, "boot/grub/grub.cfg") + text.index(b"/boot/vmlinuz"), b"/boot/vmlinux")


@pytest.mark.parametrize(
    ("damage", "codes"),
    [
        (_break_gpt, {"el-torito-uefi", "gpt", "esp", "boot-menu"}),
        (_break_gpt_so_that_its_table_has_no_end, {"el-torito-uefi", "gpt", "esp", "boot-menu"}),
        (_break_mbr, {"mbr"}),
        (_break_catalogue, {"el-torito-bios", "el-torito-uefi"}),
        (_break_catalogue_so_that_it_runs_over, {"el-torito-uefi", "el-torito-bios"}),
        (_break_menu_text, {"boot-menu"}),
        (_break_volume_name, {"volume-id"}),
        (_break_environment, {"areas"}),
        (_break_menu, {"boot-menu"}),
    ],
)
def test_lint_names_what_is_wrong(iso: Path, damage: Callable[[Path], None], codes: set[str]) -> None:
    damage(iso)
    assert {finding.code for finding in lint(iso) if not finding.ok} == codes


@pytest.mark.parametrize("found", [b"\x22\0", b"\xff\0", b"\x05"], ids=["short", "long", "tiny"])
def test_a_damaged_directory_is_a_damaged_medium(iso: Path, found: bytes) -> None:
    with iso.open("rb") as stream:
        stream.seek(16 * 2048 + 156 + 2)
        root = int.from_bytes(stream.read(4), "little") * 2048
        stream.seek(root)
        first = stream.read(1)[0]
        stream.seek(root + first)
        third = root + first + stream.read(1)[0]
    overwrite(iso, third, found)
    with pytest.raises(DamagedMedium):
        verify(iso)


def test_a_directory_that_holds_itself_is_a_damaged_medium(iso: Path) -> None:
    with iso.open("rb") as stream:
        stream.seek(16 * 2048 + 156 + 2)
        block = stream.read(4)
        stream.seek(int.from_bytes(block, "little") * 2048)
        folder = stream.read(2048)
    at, folders = 0, []
    while folder[at]:
        if folder[at + 25] & 2 and folder[at + 33] > 1:
            folders.append(int.from_bytes(block, "little") * 2048 + at)
        at += folder[at]
    overwrite(iso, folders[0] + 2, block)
    with pytest.raises(DamagedMedium, match="without an end"):
        verify(iso)


def test_lint_finds_programs_that_secure_boot_would_refuse(tmp_path: Path) -> None:
    require_tools()
    iso = make_iso(make_inputs(tmp_path, signed=False), tmp_path / "unsigned.iso")
    wrong = [finding for finding in lint(iso) if not finding.ok]
    assert [(finding.code, finding.detail) for finding in wrong] == [
        ("signatures", "/EFI/BOOT/BOOTX64.EFI carries no signature")
    ]


def with_zfs(inputs: IsoInputs, folder: Path, certificate: bytes | None) -> IsoInputs:
    """The same medium with a layer for ZFS, and what it has for its certificate."""
    path, layer = make_layer(folder, "zfs", target=True)
    layers = (inputs.layers[0], (path, layer.model_copy(update={"feature": Feature.ZFS})), *inputs.layers[1:])
    if certificate is not None:
        (folder / "mok.der").write_bytes(certificate)
    return dataclasses.replace(inputs, layers=layers, certificate=None if certificate is None else folder / "mok.der")


def test_a_medium_with_zfs_holds_the_layer_above_the_base_and_the_certificate(
    inputs: IsoInputs, tmp_path: Path
) -> None:
    certificate = b"\x30\x82\x03\x00" + bytes(0x300)
    iso = make_iso(with_zfs(inputs, tmp_path, certificate), tmp_path / "zfs.iso")
    assert content(iso, "trebol/layers.txt").decode().splitlines()[:2] == ["base base.squashfs", "zfs zfs.squashfs"]
    assert content(iso, CERTIFICATE) == certificate
    assert [finding for finding in lint(iso) if not finding.ok] == []
    assert verify(iso).manifest.features == {Feature.ZFS}


@pytest.mark.parametrize(
    ("certificate", "wrong"),
    [
        (None, "/trebol/mok.der is missing"),
        (b"no certificate", "/trebol/mok.der is no certificate"),
        (b"-----BEGIN PRIVATE KEY-----\n" + b"A" * 64 + b"\n", "/trebol/mok.der holds a private key"),
    ],
    ids=["missing", "something else", "the key itself"],
)
def test_lint_finds_a_medium_whose_modules_nobody_could_enrol_or_anybody_could_sign(
    inputs: IsoInputs, tmp_path: Path, certificate: bytes | None, wrong: str
) -> None:
    iso = make_iso(with_zfs(inputs, tmp_path, certificate), tmp_path / "zfs.iso")
    assert [(finding.code, finding.detail) for finding in lint(iso) if not finding.ok] == [("keys", wrong)]


def test_a_failed_build_leaves_the_old_iso_and_nothing_else(inputs: IsoInputs, tmp_path: Path) -> None:
    output = tmp_path / "out" / "trebol.iso"
    output.parent.mkdir()
    output.write_bytes(b"old")
    (tmp_path / "work").mkdir()
    missing = dataclasses.replace(inputs, layers=((tmp_path / "gone", inputs.layers[0][1]), *inputs.layers[1:]))
    with pytest.raises(CommandFailed):
        assemble_iso(missing, output, tmp_path / "work", CommandRunner())
    assert {path.name: path.read_bytes() for path in output.parent.iterdir()} == {"trebol.iso": b"old"}


def test_a_base_without_boot_programs_is_refused_naming_packages(inputs: IsoInputs, tmp_path: Path) -> None:
    empty = dataclasses.replace(inputs, tree=tmp_path)
    with pytest.raises(TrebolError) as caught:
        assemble_iso(empty, tmp_path / "x.iso", tmp_path, ScriptedRunner())
    assert "shim-signed" in str(caught.value)
    assert "grub-pc-bin" in str(caught.value)


@pytest.mark.parametrize("command", ["verify", "lint"])
def test_what_is_no_medium_is_bad_input(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "debian.iso"
    other.write_bytes(bytes(100_000))
    assert run(["image", command, str(other)]) == 2
    assert "is not a Trebol medium" in capsys.readouterr().err
    with pytest.raises(BadInput):
        verify(tmp_path)


def test_a_damaged_medium_fails_by_exit_status(iso: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["image", "verify", str(iso)]) == 0
    assert "whole" in capsys.readouterr().out
    overwrite(iso, offset(iso, "trebol/base.squashfs"), b"damage")
    assert run(["image", "verify", str(iso)]) == 1
    assert run(["image", "lint", str(iso)]) == 0
    overwrite(iso, 510, b"\0\0")
    assert run(["image", "lint", "--json", str(iso)]) == 1


def test_a_locator_without_a_file_system_is_a_damaged_medium(tmp_path: Path) -> None:
    with pytest.raises(DamagedMedium, match="ISO 9660"):
        verify(bare_medium(tmp_path / "bare"))
