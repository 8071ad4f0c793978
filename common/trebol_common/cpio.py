"""A newc cpio archive, the one form the kernel takes as an additional initramfs.

Written here and not by cpio(1), so that it is the same byte for byte on every host. Format: the kernel's
Documentation/driver-api/early-userspace/buffer-format.rst.
"""

from __future__ import annotations

import stat
from collections.abc import Container, Mapping
from pathlib import PurePosixPath

_MAGIC = "070701"


def newc(files: Mapping[str, bytes], *, executable: Container[str] = (), epoch: int) -> bytes:
    """An archive of regular files (relative path → content), owned by root, with the folders they need.

    Those in `executable` get mode 0755, the others 0644. All times are `epoch` (seconds); entries are sorted by
    path, so equal input gives equal bytes.
    """
    folders = {str(parent) for path in files for parent in PurePosixPath(path).parents if parent.name}
    entries = dict.fromkeys(folders, (stat.S_IFDIR | 0o755, b""))
    entries |= {
        path: (stat.S_IFREG | (0o755 if path in executable else 0o644), content) for path, content in files.items()
    }
    archive = bytearray()
    for inode, (path, (mode, content)) in enumerate(sorted(entries.items()), start=1):
        archive += _entry(path, inode, mode, content, epoch)
    return bytes(archive + _entry("TRAILER!!!", 0, 0, b"", 0))


def _entry(path: str, inode: int, mode: int, content: bytes, mtime: int) -> bytes:
    name = path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    numbers = (inode, mode, 0, 0, links, mtime, len(content), 0, 0, 0, 0, len(name), 0)
    header = (_MAGIC + "".join(f"{number:08X}" for number in numbers)).encode()
    return _padded(header + name) + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
