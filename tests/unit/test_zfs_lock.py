"""What the ZFS layer is made of: rebuilt where that changed, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.media import PROJECT

from trebol_common.errors import BadInput, TrebolError
from trebol_common.run import ScriptedRunner
from trebol_image.lock import Lock, Package
from trebol_image.project import PROFILES, Project
from trebol_image.signing import SigningKey
from trebol_image.store import Record, Stored
from trebol_image.zfs import zfs_inputs
from trebol_image.zfs_lock import ZfsLists, ZfsLock, ZfsPackages, kernel_version, require_same_base
from trebol_image.zfs_modules import modules_inputs

KERNEL = "6.12.117+deb13-amd64"
NODE = {"zfsutils-linux": "2.3.9-0+deb13u1", "libzfs6linux": "2.3.9-0+deb13u1"}
BUILD = {
    "zfs-dkms": "2.3.9-0+deb13u1",
    f"linux-headers-{KERNEL}": "6.12.117-1",
    "gcc-14-x86-64-linux-gnu": "14.2.0-19",
    "make": "4.4.1-2",
}


def packages(versions: dict[str, str], epoch: int = 0) -> Lock:
    return Lock(
        epoch=epoch,
        packages=tuple(
            Package(name=name, version=version, architecture="amd64", sha256="", size=1, installed=1, file=name)
            for name, version in versions.items()
        ),
    )


def lock(node: dict[str, str] = NODE, build: dict[str, str] = BUILD, base: str = "base-1") -> ZfsLock:
    return ZfsLock(
        base=base,
        lists=("node zfsutils-linux", "build zfs-dkms"),
        kernel=KERNEL,
        kernel_version="6.12.117-1",
        node=packages(node),
        build=packages(build),
    )


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    certificate = tmp_path / "mok.pem"
    certificate.write_text("certificate")
    return SigningKey(tmp_path / "mok.key", certificate)


def runner() -> ScriptedRunner:
    query = ("dpkg-query", "--show", "--showformat=${Package} ${Version}\n", "squashfs-tools")
    return ScriptedRunner().expect(*query, stdout="squashfs-tools 1:4.6\n")


@pytest.mark.parametrize(
    ("changed", "rebuilt"),
    [
        ({"zfs-dkms": "2.3.10-1"}, True),
        ({f"linux-headers-{KERNEL}": "6.12.117-2"}, True),
        ({"gcc-14-x86-64-linux-gnu": "14.2.0-20"}, True),
        ({"make": "4.4.1-3"}, False),
    ],
)
def test_modules_are_compiled_again_for_what_decides_them(
    key: SigningKey, changed: dict[str, str], rebuilt: bool
) -> None:
    before = modules_inputs(lock(), key, runner())
    after = modules_inputs(lock(build={**BUILD, **changed}), key, runner())
    assert (before != after) is rebuilt


def test_modules_outlive_the_base_and_the_tools(key: SigningKey) -> None:
    before = modules_inputs(lock(), key, runner())
    assert modules_inputs(lock(base="base-2", node={"zfsutils-linux": "2.3.9-0+deb13u2"}), key, runner()) == before


def test_another_key_signs_other_modules(key: SigningKey) -> None:
    before = modules_inputs(lock(), key, runner())
    key.certificate.write_text("another")
    assert modules_inputs(lock(), key, runner()) != before


def layer_inputs(
    base: str = "base-1", modules: str = "zfs-modules-1", made_of: ZfsLock | None = None
) -> dict[str, str]:
    return zfs_inputs(Project(PROJECT), base, modules, made_of or lock(), 0, PROFILES["dev"], runner())


def test_the_layer_is_made_of_base_modules_and_tools() -> None:
    newer = lock(node={**NODE, "zfsutils-linux": "2.3.9-0+deb13u2"})
    others = [layer_inputs(base="base-2"), layer_inputs(modules="zfs-modules-2"), layer_inputs(made_of=newer)]
    assert all(other != layer_inputs() for other in others)
    assert layer_inputs(made_of=lock(build={**BUILD, "make": "4.5"})) == layer_inputs()
    assert "zfs/node.list" in layer_inputs()


def test_the_version_of_zfs_is_that_of_its_sources() -> None:
    assert lock().zfs_version == "2.3.9-0+deb13u1"
    assert lock().modules.name == f"trebol-zfs-modules-{KERNEL}"


def test_a_mirror_that_moved_on_is_told_with_what_to_do() -> None:
    below = packages({"libc6": "2.41-12", f"linux-image-{KERNEL}": "6.12.117-1"})
    require_same_base(lock(), below)
    with pytest.raises(BadInput, match=r"(?s)ZFS needs libc6 2.41-13, and the base has 2.41-12.*UPDATE=1"):
        require_same_base(lock(build={**BUILD, "libc6": "2.41-13"}), below)


def test_the_kernel_is_the_one_of_the_bases_lock() -> None:
    assert kernel_version(packages({f"linux-image-{KERNEL}": "6.12.117-1"}), KERNEL) == "6.12.117-1"
    with pytest.raises(TrebolError, match="no linux-image-6.13"):
        kernel_version(packages({f"linux-image-{KERNEL}": "6.12.117-1"}), "6.13")


def test_the_lists_ask_for_tools_on_the_node_and_for_a_compiler_only_while_building() -> None:
    lists = ZfsLists.read(PROJECT / "iso/zfs")
    assert {package.name for package in lists.node} == {"zfsutils-linux", "zfs-zed", "zfs-initramfs"}
    assert {"gcc", "zfs-dkms"} <= {package.name for package in lists.build}


@pytest.mark.parametrize(
    ("base", "found"), [("base-1", True), ("base-2", False)], ids=["the same base", "another base"]
)
def test_a_lock_is_used_for_the_base_it_was_made_for(tmp_path: Path, base: str, found: bool) -> None:
    lists = ZfsLists.read(PROJECT / "iso/zfs")
    stored = lock().model_copy(update={"lists": lists.names})
    (tmp_path / "lock.json").write_text(stored.model_dump_json())
    record = Record(id=base, name="base", inputs={}, sha256="", blocks=(), size=0, unpacked=0, files=0)
    asked = ZfsPackages(tmp_path, ScriptedRunner()).stored(Stored(tmp_path, record), lists)
    assert asked == (stored if found else None)


@pytest.mark.parametrize("text", ["", "{}", "no json"])
def test_a_damaged_lock_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "lock.json").write_text(text)
    record = Record(id="base-1", name="base", inputs={}, sha256="", blocks=(), size=0, unpacked=0, files=0)
    lists = ZfsLists.read(PROJECT / "iso/zfs")
    assert ZfsPackages(tmp_path, ScriptedRunner()).stored(Stored(tmp_path, record), lists) is None
