"""The package of modules is one that dpkg takes, says what it needs, and stands in for zfs-dkms."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from trebol_common.run import CommandRunner
from trebol_image.module_package import ModulePackage, build_package, control, maintainer_script, status_stanza

PACKAGE = ModulePackage("6.12.117+deb13-amd64", "6.12.117-1", "2.3.9-0+deb13u1")


def fields(text: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in text.splitlines() if not line.startswith(" "))


def test_it_is_what_tools_of_zfs_depend_on_and_fits_one_kernel() -> None:
    made = fields(control(PACKAGE, 3_000_000))
    assert made["Package"] == "trebol-zfs-modules-6.12.117+deb13-amd64"
    assert made["Provides"] == "zfs-modules"
    assert "linux-image-6.12.117+deb13-amd64 (= 6.12.117-1)" in made["Depends"]
    assert made["Version"] == "2.3.9-0+deb13u1"
    assert made["Installed-Size"] == "2930"


def test_apt_can_resolve_against_it_before_it_is_built() -> None:
    made = fields(status_stanza(PACKAGE))
    assert made["Status"] == "install ok installed"
    assert made["Provides"] == "zfs-modules"
    assert "\n\n" not in status_stanza(PACKAGE)


def test_the_name_of_its_file_has_no_epoch() -> None:
    assert ModulePackage("6.12", "1", "1:2.4-1").file == "trebol-zfs-modules-6.12_2.4-1_amd64.deb"


def test_its_script_renews_the_list_of_modules_of_its_kernel_only(tmp_path: Path) -> None:
    script = tmp_path / "postinst"
    script.write_text(maintainer_script(PACKAGE, ("configure",)))
    assert "depmod -a 6.12.117+deb13-amd64\n" in script.read_text()
    # No such kernel here: nothing is done, whichever way it is called.
    for state in ("configure", "abort-upgrade"):
        assert CommandRunner().run(["sh", script, state]).status == 0


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb")
def test_equal_modules_make_equal_packages_that_dpkg_can_read(tmp_path: Path) -> None:
    made = []
    for name in ("first", "second"):
        tree, output = tmp_path / name / "tree", tmp_path / name / "out"
        folder = tree / PACKAGE.folder
        folder.mkdir(parents=True)
        output.mkdir()
        (folder / "zfs.ko.xz").write_bytes(b"module")
        made.append(build_package(PACKAGE, tree, output, CommandRunner(), epoch=1_700_000_000))
    assert made[0].name == "trebol-zfs-modules-6.12.117+deb13-amd64_2.3.9-0+deb13u1_amd64.deb"
    assert made[0].read_bytes() == made[1].read_bytes()
    told = CommandRunner().run(["dpkg-deb", "--field", made[0], "Package", "Provides"]).stdout
    assert told == f"Package: {PACKAGE.name}\nProvides: zfs-modules\n"
    listing = CommandRunner().run(["dpkg-deb", "--contents", made[0]]).stdout
    assert "./usr/lib/modules/6.12.117+deb13-amd64/updates/zfs.ko.xz" in listing
