"""SSH keys on USB sticks. Nothing else is opened: no disk on another bus, none that is installed on, none in use.

As in the initramfs, nothing but ISO 9660, UDF and FAT is mounted, and that read-only: mounting another file system
"read-only" may still replay its journal.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path

from trebol_common.errors import BadInput, Problem, TrebolError
from trebol_common.i18n import _
from trebol_common.run import CommandFailed, Runner
from trebol_hardware.probe import mounts
from trebol_hardware.probe.identity import transport
from trebol_hardware.probe.sysfs import read_int, read_text
from trebol_installer.ssh_keys import LARGEST, MOST, Keys, read_keys, within_most, without_doubles

#: Types of blkid that are mounted, and how.
READ = ("vfat", "iso9660", "udf")
OPTIONS = "ro,nodev,nosuid,noexec"

#: Where a stick is mounted while it is looked into.
POINT = Path("/run/trebol/stick")

#: Where keys lie on a stick, and what else they are in than *.pub.
FOLDERS = ("", ".ssh")
LIST = "authorized_keys"


def keys_on_sticks(runner: Runner, targets: Set[str], *, root: Path = Path("/"), point: Path = POINT) -> Keys:
    """The keys on all USB sticks, where none of `targets` (kernel names of disks) is one.

    Raises BadInput where there are none, with what was seen of each stick.
    """
    keys: list[str] = []
    files: list[str] = []
    problems: list[Problem] = []
    for name in _sticks(root, targets):
        try:
            for found in _on(name, runner, point):
                files.append(found.where)
                keys += without_doubles(keys, found.keys)
                problems += found.wrong
        except TrebolError as error:
            problems += error.problems
        if len(keys) > MOST:
            break
    if not keys:
        hint = _("plug one in, wait a few seconds, and look again")
        raise BadInput.of(problems or [Problem(_("There is no USB stick to look into."), hint=hint)])
    where = _("the USB stick ({files})").format(files=", ".join(files))
    return within_most(Keys(where, tuple(keys), tuple(problems)))


def _sticks(root: Path, targets: Set[str]) -> Iterator[str]:
    """The file systems to look into, by the kernel's names: a stick's partitions, or a whole one without any."""
    mounted = mounts.read(root)
    for disk in sorted((root / "sys/block").iterdir()):
        if disk.name in targets or transport(disk) != "usb" or not read_int(disk / "size"):
            continue
        parts = sorted(part.name for part in disk.iterdir() if (part / "partition").exists())
        numbers = {name: read_text(disk / name / "dev") for name in parts} | {disk.name: read_text(disk / "dev")}
        # The installation medium is one such.
        if not any(mounted.of(number, name) for name, number in numbers.items()):
            yield from parts or [disk.name]


def _on(name: str, runner: Runner, point: Path) -> Iterator[Keys]:
    """The lists on one file system. Raises TrebolError where it has none, or cannot be looked into."""
    device = f"/dev/{name}"
    asked = ["blkid", "--probe", "--match-tag", "TYPE", "--output", "value", device]
    kind = runner.run(asked, check=False).stdout.strip()
    if kind not in READ:
        wrong = _("holds {kind}; keys are looked for on FAT, ISO 9660 and UDF")
        raise BadInput(wrong.format(kind=kind or _("nothing known")), where=name)
    with _mounted(device, kind, runner, point):
        found = list(_lists(point, name))
    if not found:
        raise BadInput(_("has neither authorized_keys nor a .pub file, at its top or in .ssh"), where=name)
    yield from found


@contextmanager
def _mounted(device: str, kind: str, runner: Runner, point: Path) -> Iterator[None]:
    point.mkdir(parents=True, exist_ok=True)
    try:
        runner.run(["mount", "--types", kind, "--options", OPTIONS, device, point])
    except CommandFailed as error:
        wrong = _("cannot be mounted: {reason}").format(reason=" ".join(error.last_lines))
        raise BadInput(wrong, where=device) from error
    try:
        yield
    finally:
        runner.run(["umount", point])


def _lists(top: Path, name: str) -> Iterator[Keys]:
    """What each list below the folder holds; one without a key holds what is wrong with it."""
    for folder in FOLDERS:
        # A link would lead out of the stick.
        if not (top / folder).is_dir() or (top / folder).is_symlink():
            continue
        for path in sorted((top / folder).iterdir()):
            called = path.name.lower()
            # What begins with a point is the leaving of a file manager.
            is_list = called == LIST or (called.endswith(".pub") and not called.startswith("."))
            if is_list and path.is_file() and not path.is_symlink():
                yield _list(path, str(Path(name, folder, path.name)))


def _list(path: Path, where: str) -> Keys:
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise BadInput(_("is larger than {size} bytes").format(size=LARGEST), where=where)
        return read_keys(content, where)
    except OSError as error:
        return Keys(where, (), (Problem(_("cannot be read: {reason}").format(reason=error.strerror), where),))
    except BadInput as error:
        return Keys(where, (), error.problems)
