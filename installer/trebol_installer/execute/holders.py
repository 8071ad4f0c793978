"""What stands on the targets right now, by sysfs: holders, slaves, UUIDs. All names are the kernel's.

The plan was made minutes ago; whatever is closed or written to is looked up again, and must lie on targets alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from trebol_common.errors import Refused
from trebol_common.i18n import _
from trebol_hardware.machine import VolumeKind
from trebol_installer.execute import block
from trebol_installer.execute.state import Run
from trebol_installer.stacked import group_uuid
from trebol_installer.steps import CheckTarget, Held, PartitionRef, VolumeRef, WipeDisk


def attribute(name: str, path: str) -> str:
    """A text attribute of a block device in sysfs; empty where it has none."""
    try:
        return (block.SYSFS / name / path).read_text().strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def holders(name: str) -> tuple[str, ...]:
    """The volumes that are made of a device."""
    return _names(name, "holders")


def slaves(name: str) -> tuple[str, ...]:
    """The devices that a volume is made of; none once it is closed."""
    return _names(name, "slaves")


def parts(name: str) -> tuple[str, ...]:
    """The partitions of a device, as the kernel knows them."""
    folder = (block.SYSFS / name).resolve()
    return tuple(sorted(child.name for child in folder.glob("*/") if (child / "partition").is_file()))


def standing_on(name: str) -> tuple[str, ...]:
    """The volumes that are made of a device or of one of its partitions."""
    return (*holders(name), *(holder for part in parts(name) for holder in holders(part)))


def above(name: str) -> Iterator[str]:
    """All volumes on a device and its partitions, each after those that stand on it; twice what has two legs."""
    for holder in standing_on(name):
        yield from above(holder)
        yield holder


def disks_below(name: str) -> frozenset[str]:
    """The whole disks that a device lies on; itself where it is one."""
    if attribute(name, "partition"):
        return disks_below((block.SYSFS / name).resolve().parent.name)
    if under := slaves(name):
        return frozenset().union(*map(disks_below, under))
    return frozenset({name})


def targets(run: Run) -> dict[str, str]:
    """Kernel's name → stable path of the plan's targets."""
    paths = {step.disk for step in run.plan.steps if isinstance(step, CheckTarget)}
    return {block.disk_node(path).name: path for path in paths}


def wipes(run: Run) -> bool:
    """Whether what is closed is wiped afterwards, and not kept."""
    return any(isinstance(step, WipeDisk) for step in run.plan.steps)


def require_own(name: str, run: Run) -> None:
    """Raise Refused unless a device lies on targets of the plan alone."""
    own = targets(run)
    if outside := sorted(disks_below(name) - own.keys()):
        raise Refused(
            _("also lies on {disks}, which is no target").format(disks=", ".join(f"/dev/{disk}" for disk in outside)),
            where=f"/dev/{name}",
            hint=_("start again: probe and plan"),
        )


def find(held: Held) -> str | None:
    """The kernel's name of what a step names; None where it is not there (any more)."""
    match held:
        case PartitionRef():
            node = block.partitions(held.disk).get(held.number)
            return node.name if node else None
        case VolumeRef():
            return _find_volume(held)
        case _:
            return block.disk_node(held).name


def logical_volumes(uuid: str) -> list[str]:
    """The active logical volumes, with all their layers, of the group with this UUID (as lvm2 writes it)."""
    return [name for name in _all() if group_uuid(attribute(name, "dm/uuid")) == uuid]


def _find_volume(volume: VolumeRef) -> str | None:
    by_path = _by_path(volume.path)
    if not volume.uuid:
        return by_path
    match volume.kind:
        case VolumeKind.BCACHE:
            # The UUID is that of the cache set, which several volumes may share.
            return by_path if by_path and (block.SYSFS / by_path / "bcache").exists() else None
        case VolumeKind.RAID if not volume.uuid.startswith("DMRAID-"):
            # Arrays with metadata of firmware (DDF, Intel), or of 1999 (0.90), have another one in sysfs, or none.
            found = (name for name in _all() if _digits(attribute(name, "md/uuid")) == _digits(volume.uuid))
            return next(found, by_path if by_path and (block.SYSFS / by_path / "md").exists() else None)
        case _:
            return next((name for name in _all() if attribute(name, "dm/uuid") == volume.uuid), None)


def _by_path(path: str) -> str | None:
    """mapper's names and md's are links."""
    name = Path(path).resolve().name
    return name if (block.SYSFS / name).exists() else None


def _digits(uuid: str) -> str:
    return re.sub("[^0-9a-f]", "", uuid.lower())


def _all() -> list[str]:
    return sorted(entry.name for entry in block.SYSFS.iterdir())


def _names(name: str, folder: str) -> tuple[str, ...]:
    # A volume that is being closed may go between two looks at it.
    with suppress(FileNotFoundError, NotADirectoryError):
        return tuple(sorted(entry.name for entry in (block.SYSFS / name / folder).iterdir()))
    return ()
