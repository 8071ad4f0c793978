"""Which layout the answers mean."""

from __future__ import annotations

from typing import assert_never

from trebol_common.answers.model import Filesystem
from trebol_common.errors import Refused
from trebol_common.i18n import _
from trebol_installer.layout.btrfs import btrfs
from trebol_installer.layout.keep import keep
from trebol_installer.layout.lvm import lvm
from trebol_installer.layout.model import Layout, Request
from trebol_installer.layout.zfs import zfs


def choose(request: Request) -> Layout:
    """The layout that `request` asks for. Raises BadInput or Refused with the reason why it cannot be."""
    made = _made(request)
    return keep(request, made) if request.setup.keep else made


def _made(request: Request) -> Layout:
    if len({disk.logical_sector for disk in request.targets}) > 1:
        told = ", ".join(f"{disk.name}: {disk.logical_sector}" for disk in request.targets)
        raise Refused(
            _("disks with sectors of different sizes cannot be one array or pool ({sizes} bytes)").format(sizes=told),
            where="disk-setup",
            hint=_("choose disks whose logical sectors are equal"),
        )
    match request.setup.filesystem:
        case Filesystem.EXT4 | Filesystem.XFS:
            return lvm(request)
        case Filesystem.BTRFS:
            return btrfs(request)
        case Filesystem.ZFS:
            return zfs(request)
        case other:
            assert_never(other)
