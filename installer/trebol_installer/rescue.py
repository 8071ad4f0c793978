"""Opening an installed Trebol of any layout from the live system: found, mounted for repairs, and closed again.

Nothing is repaired or written here: arrays that lack a disk are started as they are, and everything is closed in
reverse order however it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from trebol_common.errors import BadInput, Refused, TrebolError
from trebol_common.i18n import _
from trebol_common.run import CommandFailed, Runner
from trebol_hardware.machine import ARRAY_MEMBER, LUKS, LVM_MEMBER, ZFS_MEMBER, Disk, Machine
from trebol_hardware.systems import TREBOL
from trebol_installer.layout import btrfs, lvm, zfs
from trebol_installer.layout.model import SYSTEM_PARTITION, system_of
from trebol_installer.layout_rules import ARRAY, CONTAINER, POOL, VOLUME_GROUP

#: Where the system is mounted.
TARGET = Path("/mnt/trebol")

#: What a shell inside needs of the running system.
BOUND = ("dev", "proc", "sys", "run")

#: Kinds of contents whose members have one UUID; those of LVM and LUKS have their own.
_SHARED = frozenset({ARRAY_MEMBER, "btrfs", ZFS_MEMBER})

#: Gives the passphrase for a device that is encrypted.
Ask = Callable[[str], str]


@dataclass(frozen=True)
class Installed:
    """A system that was found: what the third partition of its `disks` holds, by blkid's type."""

    kind: str
    disks: tuple[Disk, ...]

    @property
    def devices(self) -> tuple[str, ...]:
        """The third partitions, by the kernel's names of now."""
        return tuple(
            f"/dev/{partition.name}"
            for disk in self.disks
            for partition in disk.partitions
            if partition.number == SYSTEM_PARTITION
        )


def find(machine: Machine) -> tuple[Installed, ...]:
    """The systems on the disks of a machine, in the order of their first disks.

    Disks of one array, file system or pool are one system. So are all that are encrypted: what is inside is not known
    before they are open.
    """
    groups: dict[tuple[str, str], list[Disk]] = {}
    for disk in machine.disks:
        if disk.system != TREBOL:
            continue
        for content in system_of(disk)[:1]:
            same = content.uuid if content.kind in _SHARED else content.group_uuid
            groups.setdefault((content.kind, same), []).append(disk)
    return tuple(Installed(kind, tuple(disks)) for (kind, _same), disks in groups.items())


def choose(systems: tuple[Installed, ...], name: str | None) -> Installed:
    """The only system, or the one on the disk called `name`. Raises BadInput where there is none, or several."""
    if name is not None:
        systems = tuple(
            system for system in systems if any(name in (disk.name, *disk.by_id) for disk in system.disks)
        )
    match systems:
        case []:
            where = name or _("this machine")
            raise BadInput(
                _("there is no Trebol on it"), where=where, hint=_("trebol machine probe shows what there is")
            )
        case [system]:
            return system
        case _:
            disks = ", ".join(system.disks[0].name for system in systems)
            raise BadInput(
                _("there are several systems"), where="--disk", hint=_("choose one: {disks}").format(disks=disks)
            )


@contextmanager
def opened(system: Installed, runner: Runner, ask: Ask, target: Path = TARGET) -> Iterator[Path]:
    """Mount a system whole, with what a shell inside needs; all of it is closed at the end.

    Raises TrebolError, also where something stays open.
    """
    with ExitStack() as stack:
        devices = _unlock(_assemble(system, runner, stack), runner, ask, stack)
        target.mkdir(parents=True, exist_ok=True)
        _mount_root(devices, runner, ask, target, stack)
        # Else udev's own name space would get what is mounted below, and keep some of it mounted.
        runner.run(["mount", "--make-private", target])
        for name in BOUND:
            runner.run(["mount", "--rbind", "--make-rslave", f"/{name}", target / name])
        # The system's own table knows the rest: boot partition, data.
        runner.run(["chroot", target, "mount", "--all"], check=False)
        yield target


def _assemble(system: Installed, runner: Runner, stack: ExitStack) -> tuple[str, ...]:
    if system.kind != ARRAY_MEMBER:
        return system.devices
    # --run: with a disk missing too, which is what people come here for.
    runner.run(["mdadm", "--assemble", "--run", "--readonly", ARRAY, *system.devices])
    stack.callback(runner.run, ["mdadm", "--stop", ARRAY])
    runner.run(["mdadm", "--readwrite", ARRAY])
    return (ARRAY,)


def _unlock(devices: tuple[str, ...], runner: Runner, ask: Ask, stack: ExitStack) -> tuple[str, ...]:
    """Open what is encrypted; the same passphrase is tried on all."""
    if _kind(devices[0], runner) != LUKS:
        return devices
    passphrase = ask(devices[0])
    names = [CONTAINER] if len(devices) == 1 else [f"{CONTAINER}{number}" for number, _d in enumerate(devices, 1)]
    for device, name in zip(devices, names, strict=True):
        try:
            runner.run(["cryptsetup", "open", "--key-file=-", device, name], input=passphrase)
        except CommandFailed as error:
            raise Refused(_("the passphrase does not open it"), where=device) from error
        stack.callback(runner.run, ["cryptsetup", "close", name])
    return tuple(f"/dev/mapper/{name}" for name in names)


def _mount_root(devices: tuple[str, ...], runner: Runner, ask: Ask, target: Path, stack: ExitStack) -> None:
    match _kind(devices[0], runner):
        case str(kind) if kind == LVM_MEMBER:
            # Groups of other systems on this machine have the same name.
            change = ["vgchange", "--devices", ",".join(devices), "--activate"]
            runner.run([*change, "y", VOLUME_GROUP])
            stack.callback(runner.run, [*change, "n", VOLUME_GROUP])
            # udev looks at what was just unmounted, and keeps it open meanwhile.
            stack.callback(runner.run, ["udevadm", "settle"])
            _mount(["mount", lvm.ROOT, target], runner, target, stack)
        case "btrfs":
            # Without the module there is nobody to tell which devices belong together.
            runner.run(["modprobe", "btrfs"])
            runner.run(["btrfs", "device", "scan", *devices])
            options = f"subvol={btrfs.ROOT}"
            whole = runner.run(["mount", "--options", options, devices[0], target], check=False)
            if whole.status == 0:
                stack.callback(runner.run, ["umount", "--recursive", target])
            else:
                # What is written meanwhile has no copy on the disk that is missing.
                _mount(["mount", "--options", f"{options},degraded", devices[0], target], runner, target, stack)
        case str(kind) if kind == ZFS_MEMBER:
            runner.run(["modprobe", "zfs"])
            # So have pools.
            only = [word for device in devices for word in ("-d", device)]
            runner.run(["zpool", "import", *only, "-f", "-N", "-R", target, POOL])
            stack.callback(runner.run, ["zpool", "export", POOL])
            if runner.run(["zfs", "get", "-H", "-o", "value", "keystatus", POOL]).stdout.strip() == "unavailable":
                try:
                    runner.run(["zfs", "load-key", POOL], input=ask(POOL))
                except CommandFailed as error:
                    raise Refused(_("the passphrase does not open it"), where=POOL) from error
            _mount(["zfs", "mount", zfs.ROOT], runner, target, stack)
        case kind:
            raise TrebolError(
                _("holds {kind}, which is no system of Trebol").format(kind=kind or _("nothing known")),
                where=devices[0],
            )


def _mount(command: list[str | Path], runner: Runner, target: Path, stack: ExitStack) -> None:
    runner.run(command)
    stack.callback(runner.run, ["umount", "--recursive", target])


def _kind(device: str, runner: Runner) -> str:
    command = ["blkid", "--probe", "--match-tag", "TYPE", "--output", "value", device]
    return runner.run(command, check=False).stdout.strip()
