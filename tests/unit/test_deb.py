"""The Debian package: one version, the depends that the code needs, nothing left in the checkout."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from trebol_common import __version__
from trebol_common.errors import BadInput, TrebolError
from trebol_common.run import Argument, CommandRunner, Completed
from trebol_image.deb import build_deb, copy_sources, read_version
from trebol_image.project import PACKAGE_FILES, ROOMS

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
HOOKS = ROOT / "debian/hooks"


def test_the_version_is_the_same_everywhere() -> None:
    assert PROJECT["version"] == __version__
    assert (ROOT / "debian/changelog").read_text().startswith(f"trebol ({__version__}) ")


def test_every_completion_goes_where_its_shell_looks() -> None:
    rules = (ROOT / "debian/rules").read_text()
    placed = dict(re.findall(r"-m 644 debian/completions/(\S+) debian/trebol/(\S+)", rules))
    assert placed == {
        "trebol.bash": "usr/share/bash-completion/completions/trebol",
        "trebol.zsh": "usr/share/zsh/vendor-completions/_trebol",
        "trebol.fish": "usr/share/fish/vendor_completions.d/trebol.fish",
    }


def names() -> list[str]:
    """What pyproject.toml depends on, without versions."""
    return [re.split(r"[<>=!~ \[]", requirement)[0] for requirement in PROJECT["dependencies"]]


@pytest.mark.parametrize("name", names())
def test_every_library_is_a_dependency_of_the_package_and_of_the_image(name: str) -> None:
    overrides = dict(
        line.split() for line in (ROOT / "debian/py3dist-overrides").read_text().splitlines() if line[0] != "#"
    )
    package = overrides[name.replace("-", "_")]
    control = (ROOT / "debian/control").read_text()
    assert re.search(rf"^ {re.escape(package)}( \(.*\))?,$", control, re.MULTILINE)
    assert package in (ROOT / "iso/packages/python.list").read_text().split()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small checkout with what working in it leaves behind."""
    root = tmp_path / "checkout"
    for room in ROOMS:
        (root / room / "package").mkdir(parents=True)
        (root / room / "package/module.py").write_text("")
        (root / room / "package/__pycache__").mkdir()
        (root / room / "package/__pycache__/module.pyc").write_text("")
        (root / room / "name.egg-info").mkdir()
    (root / "debian").mkdir()
    (root / "debian/rules").write_text("#!/usr/bin/make -f\n")
    (root / "debian/rules").chmod(0o755)
    (root / "README.md").write_text("# Trebol\n")
    (root / "pyproject.toml").write_text('[project]\nversion = "1.2"\n')
    (root / "out").mkdir()
    return root


def test_only_sources_go_into_the_package(checkout: Path, tmp_path: Path) -> None:
    copy_sources(checkout, tmp_path / "tree")
    copied = {str(path.relative_to(tmp_path / "tree")) for path in (tmp_path / "tree").rglob("*") if path.is_file()}
    assert copied == {"README.md", "pyproject.toml", "debian/rules", *(f"{room}/package/module.py" for room in ROOMS)}
    assert os.access(tmp_path / "tree/debian/rules", os.X_OK)


@pytest.mark.parametrize("name", PACKAGE_FILES)
def test_a_missing_part_is_named(checkout: Path, tmp_path: Path, name: str) -> None:
    (checkout / name).rename(tmp_path / "away")
    with pytest.raises(BadInput) as caught:
        copy_sources(checkout, tmp_path / "tree")
    assert str(checkout / name) in str(caught.value)


class Builder(CommandRunner):
    """Stands for Debian's packaging tools: `debian/rules binary` leaves a package beside its tree."""

    def __init__(self, package: str) -> None:
        self.package = package
        self.environment: Mapping[str, str] = {}

    def run(self, command: Sequence[Argument], **options: Any) -> Completed:
        """See `Runner.run`."""
        if command[0] != "dpkg-checkbuilddeps":
            assert list(command) == ["debian/rules", "binary"]
            self.environment = options["env"]
            (options["cwd"].parent / self.package).write_text("package")
        return Completed(0)


def test_the_package_is_all_that_a_build_leaves(checkout: Path, tmp_path: Path) -> None:
    before = sorted(checkout.rglob("*"))
    builder = Builder("trebol_1.2_all.deb")
    built = build_deb(checkout, tmp_path / "result", builder, 1790000000)
    assert built.read_text() == "package"
    assert list((tmp_path / "result").iterdir()) == [tmp_path / "result/trebol_1.2_all.deb"]
    assert sorted(checkout.rglob("*")) == before
    assert builder.environment["SOURCE_DATE_EPOCH"] == "1790000000"
    assert "/usr/local" not in builder.environment["PATH"]


def test_a_changelog_of_another_version_is_told(checkout: Path, tmp_path: Path) -> None:
    with pytest.raises(TrebolError) as caught:
        build_deb(checkout, tmp_path / "result", Builder("trebol_1.1_all.deb"), 1790000000)
    assert "debian/changelog" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "cannot be read"), ("[project]\n", "project.version"), ("[", "project.version")]
)
def test_a_checkout_without_version_is_refused(tmp_path: Path, content: str | None, reason: str) -> None:
    if content is not None:
        (tmp_path / "pyproject.toml").write_text(content)
    with pytest.raises(BadInput, match=reason):
        read_version(tmp_path)


@pytest.fixture
def node(tmp_path: Path) -> dict[str, str]:
    """An environment in which the hooks' programs only say that they were called."""
    for name in ("mountpoint", "trebol"):
        path = tmp_path / name
        path.write_text(f'#!/bin/sh\necho {name} "$@"\n')
        path.chmod(0o755)
    return {"PATH": f"{tmp_path}:/usr/bin:/bin"}


def hook(tmp_path: Path, *, there: bool) -> Path:
    """The hook with its marker file in `tmp_path`, present or not."""
    marker = tmp_path / "kernel-cmdline"
    if there:
        marker.touch()
    script = tmp_path / "hook"
    script.write_text((HOOKS / "boot-sync-hook").read_text().replace("/etc/trebol/kernel-cmdline", str(marker)))
    return script


@pytest.mark.parametrize(
    ("there", "mounted", "expected"),
    [
        (False, True, ""),
        (False, False, ""),
        (True, True, "mountpoint --quiet /boot/efi\ntrebol node boot-sync\n"),
        (True, False, ""),
    ],
)
def test_kernel_hooks_act_on_nodes_of_trebol_only(
    tmp_path: Path, node: dict[str, str], there: bool, mounted: bool, expected: str
) -> None:
    if not mounted:
        (tmp_path / "mountpoint").write_text("#!/bin/sh\nexit 32\n")
    done = CommandRunner().run(["sh", hook(tmp_path, there=there)], env=node)
    assert done.stdout == expected
    assert ("not mounted" in done.stderr) is (there and not mounted)


@pytest.mark.parametrize("path", sorted(HOOKS.iterdir()), ids=lambda path: path.name)
def test_hooks_can_be_executed(path: Path) -> None:
    assert os.access(path, os.X_OK)


CALLS = """#!/bin/sh
echo called
exit {status}
"""


@pytest.mark.parametrize(
    ("name", "parameters", "there", "status", "expected"),
    [
        ("kernel-postinst", "configure", True, 0, (0, "called\n")),
        ("kernel-postinst", "configure", True, 1, (1, "called\n")),
        ("kernel-postinst", "configure", False, 0, (0, "")),
        ("kernel-postrm", "remove", True, 1, (0, "called\n")),
        ("kernel-postrm", "remove", False, 0, (0, "")),
        ("initramfs-post-update", "", True, 1, (1, "called\n")),
        ("initramfs-post-update", "", False, 0, (0, "")),
        ("initramfs-post-update", "configure", True, 0, (0, "")),
    ],
)
def test_hooks_of_kernels_fail_only_when_the_new_one_could_not_boot(
    tmp_path: Path, name: str, parameters: str, there: bool, status: int, expected: tuple[int, str]
) -> None:
    """They stay behind, as configuration files, when the package is removed: then they do nothing."""
    helper = tmp_path / "helper"
    if there:
        helper.write_text(CALLS.format(status=status))
        helper.chmod(0o755)
    script = tmp_path / "hook"
    script.write_text((HOOKS / name).read_text().replace("/usr/lib/trebol/boot-sync-hook", str(helper)))
    done = CommandRunner().run(["sh", script], check=False, env={"DEB_MAINT_PARAMS": parameters})
    assert (done.status, done.stdout) == expected
