"""File systems, swap, and mounting them as the target. UUIDs are made here, so that `/etc/fstab` can name them."""

from __future__ import annotations

import secrets
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from trebol_common.errors import Refused, TrebolError
from trebol_common.i18n import _
from trebol_common.run import Runner
from trebol_hardware.sizes import show_size
from trebol_installer.execute.block import MOUNTS, node_of
from trebol_installer.execute.state import Run, key_of
from trebol_installer.steps import CloseTarget, MakeBtrfs, MakeFilesystem, MakeSwap, MountTarget, ReplaceSubvolume

#: What the kernel tells of each mounted btrfs, by UUID.
BTRFS = Path("/sys/fs/btrfs")


def make_filesystem(step: MakeFilesystem, run: Run) -> None:
    """See `MakeFilesystem`."""
    node = node_of(step.device)
    match step.kind:
        case "ext4":
            identity = str(uuid.uuid4())
            run.runner.run(["mkfs.ext4", "-F", "-q", "-L", step.label, "-U", identity, node])
        case "xfs":
            identity = str(uuid.uuid4())
            run.runner.run(["mkfs.xfs", "-f", "-q", "-L", step.label, "-m", f"uuid={identity}", node])
        case "vfat":
            number = secrets.token_hex(4).upper()
            identity = f"{number[:4]}-{number[4:]}"
            # One sector per cluster where sectors have 4 KiB: mkfs.vfat's own choice then has too few clusters for
            # FAT32 (dosfstools issue 111).
            clusters = ["-s", "1"] if step.sector == 4096 else []
            run.runner.run(["mkfs.vfat", "-F", "32", *clusters, "-n", step.label, "-i", number, node])
        case other:
            raise TrebolError(_("no such kind of file system: {kind}").format(kind=other), where=str(step.device))
    run.uuids[key_of(step.device)] = identity


def make_btrfs(step: MakeBtrfs, run: Run) -> None:
    """See `MakeBtrfs`."""
    nodes = [node_of(device) for device in step.devices]
    identity = str(uuid.uuid4())
    profiles = ["-d", step.data, "-m", step.metadata]
    run.runner.run(["mkfs.btrfs", "-f", "-q", "-L", step.label, "-U", identity, *profiles, *nodes])
    with _top(nodes, run) as top:
        for name in step.subvolumes:
            run.runner.run(["btrfs", "--quiet", "subvolume", "create", top / name])
    run.uuids[key_of(step.devices[0])] = identity


def replace_subvolume(step: ReplaceSubvolume, run: Run) -> None:
    """See `ReplaceSubvolume`. Raises Refused, before anything is written, where there is nothing to keep."""
    nodes = [node_of(device) for device in step.devices]
    identities = {_identity(node, run) for node in nodes}
    if len(identities) > 1:
        raise Refused(
            _("hold file systems of more than one node"),
            where=", ".join(map(str, step.devices)),
            hint=_("name the disks of the node whose data is to be kept"),
        )
    with _top(nodes, run) as top:
        if not (top / step.kept).is_dir():
            raise Refused(
                _("has no subvolume {name} to keep").format(name=step.kept),
                where=str(step.devices[0]),
                hint=_("leave keep out of [disk-setup]: then all of it is made anew, and lost"),
            )
        _require_profile(step, *identities)
        _require_room(step, top, run)
        if (top / step.name).is_dir():
            run.runner.run(["btrfs", "--quiet", "subvolume", "delete", "--recursive", top / step.name])
        run.runner.run(["btrfs", "--quiet", "subvolume", "create", top / step.name])
    run.uuids[key_of(step.devices[0])] = identities.pop()


def _require_profile(step: ReplaceSubvolume, identity: str) -> None:
    """Raise Refused where some data of the mounted btrfs is kept in another way than the answers say."""
    folder = BTRFS / identity / "allocation/data"
    found = sorted(path.name for path in folder.iterdir() if path.is_dir())
    if found != [step.data]:
        raise Refused(
            _("the btrfs that is to be kept is {found}, not {wanted}").format(
                found=_(" and ").join(found), wanted=step.data
            ),
            where=str(step.devices[0]),
            hint=_("name its own layout in btrfs.raid, or leave keep out of [disk-setup]"),
        )


def _require_room(step: ReplaceSubvolume, top: Path, run: Run) -> None:
    """Raise Refused where the new subvolume has no room, that of the old one included."""
    room = shutil.disk_usage(top).free
    if room < step.size and (top / step.name).is_dir():
        said = run.runner.run(["btrfs", "filesystem", "du", "--summarize", "--raw", top / step.name])
        # Heading, then: total, what it shares with nothing else, what is shared, path.
        room += int(said.stdout.splitlines()[-1].split()[1])
    if room < step.size:
        raise Refused(
            _("has room for {room}; the new system needs {needed}").format(
                room=show_size(room), needed=show_size(step.size)
            ),
            where=str(step.devices[0]),
            hint=_("make room in the subvolume {name} first").format(name=step.kept),
        )


def _identity(node: Path, run: Run) -> str:
    return run.runner.run(["blkid", "--match-tag", "UUID", "--output", "value", node]).stdout.strip()


@contextmanager
def _top(nodes: Sequence[Path], run: Run) -> Iterator[Path]:
    """Where the top of a btrfs on `nodes` is mounted: there, subvolumes are made and taken away."""
    run.target.mkdir(parents=True, exist_ok=True)
    # Nobody has told the kernel yet which devices belong together: udev would, and is locked out.
    run.runner.run(["modprobe", "btrfs"])
    run.runner.run(["btrfs", "device", "scan", *nodes])
    with ExitStack() as mounted:
        run.runner.run(["mount", "-t", "btrfs", "-o", "subvolid=5", nodes[0], run.target])
        mounted.callback(run.runner.run, ["umount", run.target])
        yield run.target


def make_swap(step: MakeSwap, run: Run) -> None:
    """See `MakeSwap`."""
    identity = str(uuid.uuid4())
    run.runner.run(["mkswap", "--uuid", identity, node_of(step.device)])
    run.uuids[key_of(step.device)] = identity


def mount_target(step: MountTarget, run: Run) -> None:
    """See `MountTarget`."""
    at = run.inside(step.at)
    at.mkdir(parents=True, exist_ok=True)
    run.runner.run(["mount", "-o", ",".join(("noatime", *step.options)), node_of(step.device), at])
    run.undo.callback(run.runner.run, ["umount", at])
    if step.at == "/":
        # From now on a partition of each disk is in use, so a rescan by udev can no longer take any away.
        run.lock.close()


def other_esp(target: Path) -> Path:
    """Where boot partitions but the first are mounted, one after the other, while they are written."""
    return target.with_name("esp")


def close_target(step: CloseTarget, run: Run) -> None:
    """Unmount everything; data is on the disk when this returns."""
    run.opened.close()


def clear_leftovers(runner: Runner, target: Path) -> None:
    """Unmount what an interrupted run left at or below `target` and beside it, the deepest first."""
    points = [Path(line.split(" ")[4]) for line in MOUNTS.read_text().splitlines()]
    ours = (target, other_esp(target))
    for point in sorted((p for p in points if {p, *p.parents}.intersection(ours)), reverse=True):
        runner.run(["umount", point])
