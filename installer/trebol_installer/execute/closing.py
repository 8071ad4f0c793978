"""Closing volumes with their own tools, each by what sysfs says that it is. What is gone already is no error."""

from __future__ import annotations

import errno
import select
import time
from collections.abc import Callable
from pathlib import Path

from trebol_common.errors import TrebolError
from trebol_common.i18n import _
from trebol_installer.execute import block
from trebol_installer.execute.holders import (
    above,
    attribute,
    disks_below,
    holders,
    logical_volumes,
    parts,
    require_own,
    slaves,
    standing_on,
    targets,
    wipes,
)
from trebol_installer.execute.state import Run
from trebol_installer.stacked import group_uuid

#: Seconds that the kernel has to let go of a device of bcache.
PATIENCE = 60
_LOOK_AGAIN = 0.05


def close_all_above(name: str, run: Run) -> None:
    """Close whatever stands on a disk: what the plan did not know of, such as an array that udev found since.

    Raises Refused where that also lies on a disk which is no target, TrebolError where it stays open.
    """
    for volume in above(name):
        require_own(volume, run)
    while left := list(dict.fromkeys(above(name))):
        # Containers (DDF, Intel), which have no size, after the arrays inside, which lie on the same disks.
        for volume in sorted(left, key=lambda volume: attribute(volume, "size") == "0"):
            group = group_uuid(attribute(volume, "dm/uuid"))
            together = {volume, *(logical_volumes(group) if group else ())}
            if all(together.issuperset(standing_on(each)) for each in together):
                close_group(group, run) if group else close(volume, run)
                break
        else:
            what = _("cannot be closed one after the other: {names}").format(names=", ".join(left))
            raise TrebolError(what, where=f"/dev/{name}")
    for device in (name, *parts(name)):
        leave_bcache(device, run)


def close(name: str, run: Run) -> None:
    """Close one volume, on which nothing stands any more. Raises TrebolError where it stays open."""
    entry = block.SYSFS / name
    if not slaves(name):
        return
    require_own(name, run)
    if (entry / "dm").is_dir():
        _close_mapped(name, run)
    elif (entry / "md").is_dir():
        _stop_array(name, run)
    elif (entry / "bcache").is_dir():
        _write(entry / "bcache/stop")
        _wait(lambda: not slaves(name), name)
    else:
        what, hint = _("is of no kind that can be closed"), _("lsblk shows what it is")
        raise TrebolError(what, where=f"/dev/{name}", hint=hint)
    if slaves(name):
        raise TrebolError(_("is still open"), where=f"/dev/{name}", hint=_("lsof or fuser show who uses it"))


def close_group(uuid: str, run: Run) -> None:
    """Deactivate the volume group with this UUID; nothing stands on its volumes any more."""
    for name in logical_volumes(uuid):
        require_own(name, run)
    if logical_volumes(uuid):
        # By UUID: another group may have the same name. Where it fails, because metadata is damaged or a disk of the
        # group is missing, device-mapper alone can close the rest.
        run.runner.run(["vgchange", "--activate", "n", "--select", f"vg_uuid={uuid}"], check=False)
    while left := logical_volumes(uuid):
        top = [name for name in left if not holders(name)]
        where = _("volume group {name}").format(name=uuid)
        if not top:
            what = _("something stands on {names}").format(names=", ".join(left))
            raise TrebolError(what, where=where)
        for name in top:
            _close_mapped(name, run)
        if left == logical_volumes(uuid):
            raise TrebolError(_("{names} stay open").format(names=", ".join(left)), where=where)


def leave_bcache(name: str, run: Run) -> None:
    """Have bcache let go of a device. A cache takes its set with it, without writing back what is lost anyway."""
    folder = block.SYSFS / name / "bcache"
    if not folder.exists():
        return
    if (folder / "set").exists():
        _require_own_set(folder / "set", run)
        _write(folder / "set/stop")
    else:
        require_own(name, run)
        _write(folder / "stop")
    _wait(lambda: not folder.exists(), name)


def _require_own_set(cache_set: Path, run: Run) -> None:
    """Links named cache0, bdev0, … lead to the folder "bcache" of each member."""
    own = targets(run).keys()
    for link in sorted(cache_set.iterdir()):
        if link.name.rstrip("0123456789") in ("cache", "bdev") and link.is_symlink():
            member = link.resolve().parent.name
            if not disks_below(member) <= own:
                require_own(member, run)


def _close_mapped(name: str, run: Run) -> None:
    called, uuid = attribute(name, "dm/name"), attribute(name, "dm/uuid")
    if uuid.startswith("CRYPT-"):
        run.runner.run(["cryptsetup", "close", called])
    else:
        run.runner.run(["dmsetup", "remove", "--retry", called])


def _stop_array(name: str, run: Run) -> None:
    members = slaves(name)
    run.runner.run(["mdadm", "--stop", f"/dev/{name}"])
    if not wipes(run):
        return
    # Members of a volume inside of a container (DDF, Intel) are free only once the container is stopped too.
    if free := [f"/dev/{member}" for member in members if not holders(member)]:
        # Unchecked: it also fails on a superblock that is damaged. The wipe sees whether anything is left.
        run.runner.run(["mdadm", "--zero-superblock", *free], check=False)


def _write(path: Path) -> None:
    try:
        path.write_text("1")
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENODEV):
            raise
        # It went between the look and the write.


def _wait(done: Callable[[], bool], name: str) -> None:
    """bcache lets go in the background and tells nobody when it has."""
    end = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > end:
            what = _("bcache did not let go of it within {seconds} s").format(seconds=PATIENCE)
            raise TrebolError(what, where=f"/dev/{name}")
        select.select([], [], [], _LOOK_AGAIN)
