"""The base layer: Debian's packages, configured, with one generic initramfs; nothing in it is personal to a node."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from trebol_common import block_sums
from trebol_common.answers.model import Keyboard
from trebol_common.errors import TrebolError
from trebol_common.events import Context
from trebol_common.files import write_text
from trebol_common.keyboard import CACHED_KEYMAP, KEYBOARD_FILE, KEYMAPS, keyboard_file
from trebol_common.run import Runner
from trebol_image.inputs import hash_file, hash_text, hash_tree, tool_versions
from trebol_image.lock import Lock
from trebol_image.mirror import RELEASE, Source, render_sources
from trebol_image.mounts import api_filesystems, mounted
from trebol_image.package_list import Wanted
from trebol_image.project import Profile, Project
from trebol_image.squashfs import pack
from trebol_image.store import Store, Stored
from trebol_image.tree import copy_file, copy_tree, make_folders

NAME = "base"

#: What packages make while they are installed and every node must have for itself: made per node or at first start.
PERSONAL = (
    "etc/ssh/ssh_host_*",
    "etc/iscsi/initiatorname.iscsi",
    "etc/nvme/hostnqn",
    "etc/nvme/hostid",
    "etc/ssl/private/ssl-cert-snakeoil.key",
    "etc/corosync/authkey",
    "etc/pacemaker/authkey",
    "var/lib/pcsd/*",
    "var/lib/dbus/machine-id",
    "var/lib/systemd/random-seed",
    "var/lib/systemd/credential.secret",
    "etc/hostid",
)
#: Cockpit's own line above the login prompt and after it: the banner names its address already. cockpit-system makes
#: these links when it is first installed, never again on upgrades. They lead nowhere until a node boots, and pathlib
#: finds such by wildcard only.
SAID_TWICE = ("etc/issue.d/cockpit*", "etc/motd.d/cockpit*")

#: What is left of the installation itself.
DEBRIS = (
    "etc/hostname",
    "etc/*-",
    "boot/*.old",
    "var/cache/apt/*.bin",
    "var/cache/apt/archives/*.deb",
    "var/cache/debconf/*-old",
    "var/cache/ldconfig/aux-cache",
    "var/lib/apt/lists/*_dists_*",
    "var/lib/dpkg/*-old",
    "var/log/apt/*",
    "var/log/*.log",
    "var/log/btmp*",
    "var/log/lastlog",
    "var/log/wtmp*",
)


def base_inputs(project: Project, lock: Lock, profile: Profile, runner: Runner) -> dict[str, str]:
    """Everything the base layer is made of."""
    iso = project.iso
    code = ("base.py", "squashfs.py", "tree.py")
    return {
        **hash_tree(iso / "packages"),
        **hash_tree(iso / "base"),
        **hash_tree(iso / "initramfs"),
        **hash_tree(iso / "systemd"),
        **{f"code {name}": hash_file(Path(__file__).with_name(name)) for name in code},
        "keyboards": hash_text("".join(keyboard_file(keyboard) for keyboard in Keyboard)),
        **tool_versions(("mmdebstrap", "squashfs-tools"), runner),
        "lock": hash_text(lock.model_dump_json()),
        "epoch": str(lock.epoch),
        "level": str(profile.level),
        "sums": block_sums.KIND,
    }


def build_base(
    project: Project,
    store: Store,
    inputs: Mapping[str, str],
    lock: Lock,
    wanted: Sequence[Wanted],
    sources: Sequence[Source],
    *,
    context: Context,
    runner: Runner,
) -> Stored:
    """Build the base layer from packages that are already in the store. Kernel and initramfs lie beside it."""
    work = store.work_folder(NAME)
    result = work / "result"
    result.mkdir()
    with scratch(work / "scratch", lock.installed_size + lock.download_size, runner) as folder:
        tree = folder / "tree"
        with context.child("bootstrap", "Installing packages") as step:
            bootstrap(project, store, tree, lock, wanted, sources, context=step, runner=runner)
        with context.child("customise", "Adding Trebol's own files, one initramfs"):
            kernel = customise(project, tree, lock.epoch, runner)
        for name in ("vmlinuz", "initrd.img"):
            copy_file(tree / f"boot/{name}-{kernel}", result / name)
        write_text(result / "kernel", kernel + "\n")
        with context.child("pack", "Packing") as step:
            record = pack(NAME, inputs, tree, result, xattrs=True, context=step, runner=runner)
    return store.commit(NAME, inputs, result, record)


@contextmanager
def scratch(folder: Path, size: int, runner: Runner) -> Iterator[Path]:
    """A folder for `size` bytes that are not kept: in memory where three times as much is free, else on disk.

    dpkg waits for the disk after each package (fsync), however busy the disk is with something else; in memory it
    does not.
    """
    if available_memory() < 3 * size:
        folder.mkdir()
        yield folder
        return
    with mounted(["-t", "tmpfs", "-o", "mode=755", "tmpfs"], folder, runner) as path:
        yield path


def available_memory(meminfo: Path = Path("/proc/meminfo")) -> int:
    """Bytes of memory that programs can have without swapping (proc_meminfo(5))."""
    match = re.search(r"^MemAvailable:\s+(\d+) kB$", meminfo.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return int(match[1]) * 1024 if match else 0


def bootstrap(
    project: Project,
    store: Store,
    tree: Path,
    lock: Lock,
    wanted: Sequence[Wanted],
    sources: Sequence[Source],
    *,
    context: Context,
    runner: Runner,
) -> None:
    """Run mmdebstrap into `tree`, with the .deb files of the store copied into its apt cache."""
    list_of_sources = tree.with_name("trebol.sources")
    write_text(list_of_sources, render_sources(sources))
    script = tree.with_name("copy-packages")
    write_text(
        script,
        f'#!/bin/sh\nset -eu\nmkdir -p "$1{_ARCHIVES}"\ncp --reflink=auto "{store.packages}"/*.deb "$1{_ARCHIVES}"\n',
    )
    script.chmod(0o755)
    installed = 0

    def on_line(line: str) -> None:
        nonlocal installed
        context.log(line)
        if line.startswith("Setting up "):
            installed += 1
            context.progress(installed, len(lock.packages), "packages")

    runner.run(
        [
            "mmdebstrap", "--mode=root", "--variant=apt", "--format=directory", "--architectures=amd64",
            f"--include={','.join(package.name for package in wanted)}",
            f"--dpkgopt={project.iso / 'base' / 'dpkg.cfg'}",
            f"--setup-hook={script} \"$1\"",
            # The archives come filled, stay for the second phase, and are removed with the other debris.
            "--skip=download/empty", "--skip=essential/unlink",
            f"--essential-hook={project.iso / 'base' / 'essential-hook'} \"$1\"",
            "--verbose",
            RELEASE, tree, list_of_sources,
        ],
        env={"SOURCE_DATE_EPOCH": str(lock.epoch), "TMPDIR": str(tree.parent)},
        on_line=on_line,
    )  # fmt: skip
    require_locked(tree, lock, runner)


_ARCHIVES = "/var/cache/apt/archives"


def require_locked(tree: Path, lock: Lock, runner: Runner) -> None:
    """Compare what is installed with the lock. Raises TrebolError when the mirror moved between the two."""
    query = ["dpkg-query", f"--admindir={tree}/var/lib/dpkg", "--show", "--showformat=${Package} ${Version}\n"]
    installed = dict(line.split() for line in runner.run(query).stdout.splitlines())
    locked = {package.name: package.version for package in lock.packages}
    if odd := sorted(name for name, version in locked.items() if installed.get(name) != version):
        raise TrebolError(
            f"the mirror changed while the base was built: {', '.join(odd[:5])}",
            where="the host's apt sources",
            hint="run the build again",
        )


def customise(project: Project, tree: Path, epoch: int, runner: Runner) -> str:
    """Turn an installed tree into the base: Trebol's files, presets, one initramfs, no personal part.

    Returns the kernel's version.
    """
    iso = project.iso
    copy_tree(iso / "initramfs", tree / "usr/share/initramfs-tools")
    copy_tree(iso / "base/files", tree)
    presets = iso / "systemd/90-trebol.preset"
    copy_file(presets, tree / "usr/lib/systemd/system-preset/90-trebol.preset")
    apply_presets(presets, tree, runner)
    kernel = kernel_version(tree)
    with api_filesystems(tree, runner):
        # First: only where the console's keymap is there, the initramfs loads it by the name under which a node's own
        # replaces it (setupcon(1), --setup-dir); else by one made up for this build.
        compile_keymaps(tree, runner)
        program = "/usr/sbin/update-initramfs"
        (tree / program[1:]).unlink()
        runner.run(["chroot", tree, "dpkg-divert", "--local", "--rename", "--quiet", "--remove", program])
        runner.run(["chroot", tree, program, "-c", "-k", kernel], env={"SOURCE_DATE_EPOCH": str(epoch)})
    remove(tree, (*PERSONAL, *SAID_TWICE, *DEBRIS))
    (tree / "etc/machine-id").write_text("")
    write_text(tree / "etc/iscsi/initiatorname.iscsi", "GenerateName=yes\n", mode=0o600)
    return kernel


def compile_keymaps(tree: Path, runner: Runner) -> None:
    """Compile the console's keymap of every keyboard that an answer file can name; en-us is left in use."""
    folder = tree / KEYMAPS
    make_folders(folder)
    others = [keyboard for keyboard in Keyboard if keyboard is not Keyboard.EN_US]
    for keyboard in (*others, Keyboard.EN_US):
        write_text(tree / KEYBOARD_FILE, keyboard_file(keyboard))
        runner.run(["chroot", tree, "setupcon", "--save-only", "--keyboard-only", "--force"])
        copy_file(tree / CACHED_KEYMAP, folder / f"{keyboard}.kmap.gz")


def apply_presets(presets: Path, tree: Path, runner: Runner) -> None:
    """Enable and disable what the preset file names and the tree has."""
    for verb, unit in re.findall(r"^(enable|disable) (\S+)$", presets.read_text(encoding="utf-8"), re.MULTILINE):
        if (tree / "usr/lib/systemd/system" / unit).exists():
            runner.run(["systemctl", f"--root={tree}", verb, unit])


def kernel_version(tree: Path) -> str:
    """The version of the one kernel in `tree`. Raises TrebolError when there is none, or more than one."""
    versions = [path.name.removeprefix("vmlinuz-") for path in (tree / "boot").glob("vmlinuz-*")]
    if len(versions) != 1:
        raise TrebolError(f"the base holds {len(versions)} kernels; it needs one", where="iso/packages/kernel.list")
    return versions[0]


def remove(tree: Path, patterns: Sequence[str]) -> None:
    """Remove the files and links that match, relative to `tree`."""
    for pattern in patterns:
        for path in tree.glob(pattern):
            if path.is_symlink() or path.is_file():
                path.unlink()
