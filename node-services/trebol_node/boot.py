"""`trebol node boot-sync`: the boot partition of the running node, brought up to date."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from trebol_common.errors import Refused
from trebol_common.esp import Synchronised, synchronise

#: Where a node mounts its boot partition.
ESP = Path("/boot/efi")


def boot_sync(root: Path = Path("/")) -> Iterator[str]:
    """Synchronise the boot partition below `root`; yields what was done, a line each.

    Raises Refused where it is not mounted or no FAT file system: kernels copied elsewhere would fill the root and
    boot nothing. Raises what `trebol_common.esp.synchronise` raises.
    """
    esp = root / ESP.relative_to("/")
    require_mounted((root / "proc/self/mountinfo").read_text(encoding="utf-8"))
    yield from describe(synchronise(root, esp))


def require_mounted(mountinfo: str) -> None:
    """Raise Refused unless `mountinfo` (proc(5)) shows a FAT file system, writable, on /boot/efi."""
    kind, options = _mounted(mountinfo)
    if not kind:
        raise Refused("is not a mount point", where=str(ESP), hint=f"mount the boot partition: mount {ESP}")
    if kind != "vfat":
        raise Refused(f"holds {kind}, not FAT", where=str(ESP), hint="mount the node's boot partition (ESP) there")
    if "ro" in options:
        raise Refused("is mounted read-only", where=str(ESP), hint=f"mount -o remount,rw {ESP}")


def _mounted(mountinfo: str) -> tuple[str, tuple[str, ...]]:
    """File system and options of what is on /boot/efi; of several mounts the last one is on top."""
    found: tuple[str, tuple[str, ...]] = ("", ())
    for line in mountinfo.splitlines():
        mount, _, super_block = line.partition(" - ")
        fields = mount.split(" ")
        kind = super_block.split(" ")[0]
        # An automount point is only the promise of a mount.
        if fields[4] == str(ESP) and kind != "autofs":
            found = (kind, tuple(fields[5].split(",")))
    return found


def describe(done: Synchronised) -> Iterator[str]:
    """What was done, for people and logs; one line where nothing was."""
    yield from (f"copied {path}" for path in done.copied)
    yield from (f"removed {path}" for path in done.removed)
    if not done.copied and not done.removed:
        yield "up to date"
    yield f"kernels: {', '.join(done.kernels)}"
    yield from (f"warning: {warning}" for warning in done.warnings)
