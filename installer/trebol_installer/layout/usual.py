"""What the sizes of a layout come to where nothing is said of them: what an empty field of the screens means."""

from __future__ import annotations

from typing import assert_never

from trebol_common.answers.model import Filesystem
from trebol_installer.layout.model import Request
from trebol_installer.sizing import cache_limit, sizes


def usual_sizes(request: Request) -> dict[str, int]:
    """Bytes by key of the answer file, for a request that says nothing but `raid` and, at most, `hdsize`.

    Raises what `trebol_installer.sizing.sizes` does.
    """
    setup = request.setup
    match setup.filesystem:
        case Filesystem.BTRFS:
            return {"disk-setup.btrfs.hdsize": request.smallest}
        case Filesystem.ZFS:
            return {
                "disk-setup.zfs.hdsize": request.smallest,
                "disk-setup.zfs.arc-max": cache_limit(request.memory, None),
            }
        case Filesystem.EXT4 | Filesystem.XFS:
            made = sizes(
                disk=request.smallest,
                memory=request.memory,
                unpacked=request.unpacked,
                wishes=setup.lvm,
                raid=setup.lvm.raid,
                disks=len(request.targets),
                encrypted=setup.encryption is not None,
            )
            return {
                "disk-setup.lvm.hdsize": request.smallest,
                "disk-setup.lvm.swapsize": made.swap,
                "disk-setup.lvm.maxroot": made.root,
                "disk-setup.lvm.maxvz": made.data,
                "disk-setup.lvm.minfree": made.free,
            }
        case other:
            assert_never(other)
