"""The ZFS layer: modules for the very kernel, signed, known to dpkg, and nothing of what built them."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.image.containers import run
from tests.image.trees import latest, tree_of

from trebol_common.run import CommandRunner
from trebol_image.mounts import squashfs
from trebol_image.signing import is_certificate, private_keys
from trebol_image.store import Record, Store, Stored
from trebol_image.zfs import CERTIFICATE, layer_files, require_apart

pytestmark = pytest.mark.timeout(300)

MODULES = ("spl", "zfs")
#: What ends a signed module, and the 12 bytes before it, whose last 4 are the signature's length
#: (Linux, include/linux/module_signature.h).
MAGIC = b"~Module signature appended~\n"
DESCRIPTION = 12


@pytest.fixture(scope="session")
def layer(store: Store) -> Stored:
    """The ZFS layer over the same base as the newest appliance."""
    found = store.latest("zfs")
    if found is None or found.record.inputs["parent"] != latest(store, "appliance").record.inputs["parent"]:
        pytest.skip("the last build had no ZFS layer: `make iso PROFILE=dev ZFS=1` makes one")
    return found


@pytest.fixture(scope="session")
def base(store: Store, layer: Stored) -> Stored:
    """The base below both; the newest in the store may be another profile's."""
    folder = store.folder / "layers" / layer.record.inputs["parent"]
    return Stored(folder / "layer.squashfs", Record.model_validate_json((folder / "record.json").read_bytes()))


@pytest.fixture
def content(layer: Stored, tmp_path: Path) -> Iterator[Path]:
    """What the layer itself holds."""
    with squashfs(layer.path, tmp_path / "content", CommandRunner()) as path:
        yield path


@pytest.fixture
def node(store: Store, base: Stored, layer: Stored, tmp_path: Path) -> Iterator[Path]:
    """A writable tree of what a target with ZFS gets."""
    with ExitStack() as stack:
        yield tree_of(stack, [base, layer, latest(store, "appliance")], tmp_path)


@pytest.fixture
def kernel(base: Stored) -> str:
    """The version of the base's kernel."""
    return (base.folder / "kernel").read_text().strip()


def told(tree: Path, *command: str) -> str:
    result = run(tree, *command)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("name", MODULES)
def test_modules_are_for_the_kernel_of_the_base_and_found_by_name(node: Path, kernel: str, name: str) -> None:
    assert told(node, "modinfo", "-k", kernel, "-F", "vermagic", name).split()[0] == kernel
    # depmod has seen them: modprobe finds the module, and what it needs first.
    needed = told(node, "modprobe", "--dry-run", "--show-depends", f"--set-version={kernel}", "zfs")
    assert f"/updates/{name}.ko.xz" in needed


@pytest.mark.parametrize("name", MODULES)
def test_the_certificate_of_the_image_vouches_for_each_module(
    node: Path, content: Path, kernel: str, name: str, tmp_path: Path
) -> None:
    assert told(node, "modinfo", "-k", kernel, "-F", "sig_id", name).strip() == "PKCS#7"
    packed = content / "usr/lib/modules" / kernel / "updates" / f"{name}.ko.xz"
    module = subprocess.run(["xz", "--decompress", "--stdout", packed], capture_output=True, check=True).stdout
    assert module.endswith(MAGIC)
    description = module[-len(MAGIC) - DESCRIPTION : -len(MAGIC)]
    end = len(module) - len(MAGIC) - DESCRIPTION
    begin = end - int.from_bytes(description[8:], "big")
    (tmp_path / "signed").write_bytes(module[:begin])
    (tmp_path / "signature").write_bytes(module[begin:end])
    certificate = tmp_path / "mok.pem"
    decode: list[str | Path] = [
        "openssl",
        "x509",
        "-inform",
        "DER",
        "-in",
        content / CERTIFICATE,
        "-out",
        certificate,
    ]
    subprocess.run(decode, check=True)
    verify: list[str | Path] = [
        *("openssl", "cms", "-verify", "-binary", "-noverify", "-inform", "DER", "-in", tmp_path / "signature"),
        *("-content", tmp_path / "signed", "-certfile", certificate, "-out", "/dev/null"),
    ]
    assert subprocess.run(verify, capture_output=True, check=False).returncode == 0
    with (tmp_path / "signed").open("r+b") as stream:
        stream.seek(5000)
        stream.write(b"forged")
    assert subprocess.run(verify, capture_output=True, check=False).returncode != 0


def test_the_certificate_lies_in_the_layer_and_the_private_key_nowhere(layer: Stored, content: Path) -> None:
    assert is_certificate((content / CERTIFICATE).read_bytes())
    assert (layer.folder / "mok.der").read_bytes() == (content / CERTIFICATE).read_bytes()
    assert list(private_keys(content)) == []
    assert not any(private_keys(layer.folder))


def test_the_tools_run_and_are_of_the_version_of_the_modules(node: Path, kernel: str) -> None:
    # Without a kernel that has the module, zpool tells its own version and fails over the kernel's.
    version = run(node, "zpool", "--version").stdout.strip().removeprefix("zfs-")
    assert version == told(node, "dpkg-query", "--show", "--showformat=${Version}", "zfsutils-linux")
    assert told(node, "modinfo", "-k", kernel, "-F", "version", "zfs").strip() == version


def test_the_initramfs_can_import_a_pool_and_does_all_that_the_bases_does(
    node: Path, bare_base_files: frozenset[str], kernel: str
) -> None:
    files = frozenset(told(node, "lsinitramfs", f"/boot/initrd.img-{kernel}").splitlines())
    assert bare_base_files <= files
    plain = {path.removesuffix(".xz") for path in files}
    assert {f"usr/lib/modules/{kernel}/updates/{name}.ko" for name in MODULES} <= plain
    assert {"scripts/zfs", "scripts/local-premount/trebol-zfs", "usr/sbin/zpool"} <= files


@pytest.fixture
def bare_base_files(base: Stored, kernel: str, tmp_path: Path) -> Iterator[frozenset[str]]:
    """What the base's own initramfs holds."""
    with ExitStack() as stack:
        tree = tree_of(stack, [base], tmp_path / "bare")
        yield frozenset(told(tree, "lsinitramfs", f"/boot/initrd.img-{kernel}").splitlines())


def test_no_node_gets_the_host_id_of_another(node: Path, kernel: str) -> None:
    told(node, "unmkinitramfs", f"/boot/initrd.img-{kernel}", "/root/initramfs")
    (found,) = (node / "root/initramfs").rglob("etc/hostid")
    # Zero is none: zfsutils-linux makes one by chance where there is no file.
    assert found.read_bytes() == bytes(4)
    (name,) = (node / "root/initramfs").rglob("etc/hostname")
    assert name.read_text() == "localhost\n"


def test_no_compiler_and_no_headers_get_to_a_node(node: Path) -> None:
    for program in ("gcc", "cc", "make", "dkms"):
        assert not (node / "usr/bin" / program).exists(), program
        assert not (node / "usr/sbin" / program).exists(), program
    assert not list((node / "usr/src").glob("*"))


def test_dpkg_and_apt_know_the_packages_of_all_layers(node: Path, kernel: str) -> None:
    names = ("zfsutils-linux", "zfs-initramfs", "zfs-zed", f"trebol-zfs-modules-{kernel}", "trebol", "zstd")
    for name in names:
        assert told(node, "dpkg-query", "--show", "--showformat=${db:Status-Status}", name) == "installed"
    assert told(node, "dpkg", "--audit") == ""
    # The journal becomes part of the status, as apt wants it.
    told(node, "dpkg", "--configure", "--pending")
    assert not list((node / "var/lib/dpkg/updates").iterdir())
    told(node, "apt-get", "check")
    for name in names:
        assert told(node, "dpkg-query", "--show", "--showformat=${db:Status-Status}", name) == "installed"


def test_apt_brings_no_kernel_without_modules(node: Path) -> None:
    told(node, "dpkg", "--configure", "--pending")
    policy = told(node, "apt-cache", "policy", "linux-image-amd64")
    assert "Candidate: (none)" in policy or "*** " in policy.partition("Version table:")[2]


def test_nothing_of_the_layer_and_of_the_appliance_hides_the_other(store: Store, layer: Stored) -> None:
    runner = CommandRunner()
    mine, others = layer_files(layer, runner), layer_files(latest(store, "appliance"), runner)
    assert "/usr/sbin/zpool" in mine
    assert "/usr/bin/trebol" in others
    require_apart(mine, others)


def test_no_pool_is_imported_but_the_roots_and_nothing_is_personal(content: Path) -> None:
    wanted = {path.name for path in (content / "etc/systemd/system").rglob("zfs-import-*") if path.is_symlink()}
    assert wanted == {"zfs-import-cache.service"}
    assert not (content / "etc/hostid").exists()
    assert not (content / "etc/hostname").exists()
    assert not (content / "etc/zfs/zpool.cache").exists()
    assert not (content / "usr/sbin/policy-rc.d").exists()


def test_the_live_system_finds_the_module_and_imports_nothing(
    store: Store, base: Stored, layer: Stored, kernel: str, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        layers = [base, layer, latest(store, "appliance"), latest(store, "live")]
        live = tree_of(stack, layers, tmp_path)
        assert "zfs.ko" in told(live, "modprobe", "--dry-run", "--show-depends", f"--set-version={kernel}", "zfs")
        units = live / "usr/lib/systemd/system"
        for unit in ("zfs-import-cache", "zfs-import-scan", "zfs-mount", "zfs-share", "zfs-zed", "zfs-volume-wait"):
            assert (units / f"{unit}.service").is_file(), unit
            assert (live / f"etc/systemd/system/{unit}.service").readlink() == Path("/dev/null"), unit
        for rules in ("69-vdev.rules", "90-zfs.rules"):
            assert (live / "usr/lib/udev/rules.d" / rules).is_file(), rules
            lines = (live / "etc/udev/rules.d" / rules).read_text().splitlines()
            assert all(line.startswith("#") for line in lines), rules
