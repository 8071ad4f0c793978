"""Taking every signature off a disk: by wipefs what it knows, by zeros where others hide; then looking again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path

from trebol_common.errors import TrebolError
from trebol_common.i18n import _
from trebol_common.run import Argument
from trebol_installer.execute import block
from trebol_installer.execute.holders import attribute, holders, parts
from trebol_installer.execute.segments import Segment, segments
from trebol_installer.execute.state import Run
from trebol_installer.sizing import GIB, MIB

#: Bytes zeroed at both ends of a disk: boot code, both GPTs, the labels that md, DDF, Intel and ZFS keep at the end.
_ENDS = 4 * MIB

#: Bytes zeroed at both ends of a partition or volume: file systems, bcache at 4 KiB, LUKS2 and its second header if
#: near, four labels of ZFS of 256 KiB (two at each end), md's superblock at the end.
_ENDS_OF_PARTITION = MIB

#: Where else, from the start of each device: LUKS2's second header, the farthest three of the places that blkid looks
#: at (util-linux, luks.c); the replicas of a BlueStore label (ceph/ceph pull request 59742).
_LABELS = (1 * MIB, 2 * MIB, 4 * MIB, 1 * GIB, 10 * GIB, 100 * GIB, 1000 * GIB)
_LABEL = 4096

#: Bytes written at once.
_CHUNK = 4 * MIB

#: The kernel counts sizes in sysfs in these.
_SYSFS_SECTOR = 512

#: Start and length of a piece of a disk, in bytes.
Region = tuple[int, int]


def wipe(disk: str, size: int, run: Run) -> None:
    """Blank the disk at a stable path, on which nothing is open any more, and make sure of it.

    Raises OSError (EBUSY) where the kernel knows of a use after all, TrebolError naming what is left.
    """
    node = block.disk_node(disk)
    old = parts(node.name)
    partitions = {part: _region(part) for part in old}
    nodes: list[Argument] = [*(f"/dev/{part}" for part in old), node]
    starts = {node.name: 0} | {part: start for part, (start, _length) in partitions.items()}
    # Logical volumes, partitions, then the disk: once metadata or table are gone, nothing tells what lay where, also
    # to a second try.
    zero(node, merged(inside_volumes(segments(nodes, run), starts), size))
    zero(node, of_partitions(size, partitions.values()))
    run.runner.run(["wipefs", "--all", *nodes])
    zero(node, of_disk(size))
    if parts(node.name):
        run.runner.run(["blockdev", "--rereadpt", node])
    require_clear(disk, run)


def wipe_volume(name: str, run: Run) -> None:
    """Blank an open volume, on which nothing is open any more."""
    node = Path("/dev") / name
    size = int(attribute(name, "size")) * _SYSFS_SECTOR
    zero(node, merged(inside_volumes(segments([node], run), {name: 0}), size))
    run.runner.run(["wipefs", "--all", node])
    zero(node, merged(_pieces(0, size, _ENDS_OF_PARTITION), size))


def of_partitions(size: int, partitions: Iterable[Region]) -> list[Region]:
    """What is zeroed of old partitions on a disk of `size` bytes: apart, in order, whole MiB or to the disk's end.

    In terms of the disk, not of the partitions' own nodes: each of those has a page cache of its own.
    """
    return list(merged(chain(*(_pieces(*each, _ENDS_OF_PARTITION) for each in partitions)), size))


def of_disk(size: int) -> list[Region]:
    """What is zeroed of a disk of `size` bytes itself: apart, in order, whole MiB or to its end."""
    return list(merged(_pieces(0, size, _ENDS), size))


def inside_volumes(pieces: Iterable[Segment], starts: Mapping[str, int]) -> Iterator[Region]:
    """The starts and the places of labels of the logical volumes that `pieces` are of, on a disk on which the devices
    named in `starts` begin at those bytes.

    They lie elsewhere than those of the disk and its partitions: an OSD's volume begins at 1 MiB or farther.
    """
    for piece in pieces:
        places = (piece.place(label, _LABEL) for label in (0, *_LABELS))
        if piece.device in starts:
            yield from ((starts[piece.device] + place[0], place[1]) for place in places if place)


def merged(pieces: Iterable[Region], size: int) -> Iterator[Region]:
    """Pieces of a device of `size` bytes, each made to begin and end at a MiB, and put together where they meet."""
    start = end = 0
    for begin, length in sorted(piece for piece in pieces if piece[0] < size):
        first, last = begin // MIB * MIB, min(-(-(begin + length) // MIB) * MIB, size)
        if first > end:
            if end > start:
                yield start, end - start
            start = first
        end = max(end, last)
    if end > start:
        yield start, end - start


def _pieces(start: int, length: int, ends: int) -> Iterator[Region]:
    """Both ends, and the places of labels, of a device that begins at `start`."""
    ends = min(ends, length)
    yield start, ends
    yield start + length - ends, ends
    yield from ((start + label, _LABEL) for label in _LABELS if label + _LABEL <= length)


def zero(node: Path, regions: Iterable[Region]) -> None:
    """Write zeros, and wait until they are on the device."""
    # O_EXCL: the kernel itself refuses a disk that is mounted or held by anything, however that came about.
    descriptor = os.open(node, os.O_WRONLY | os.O_EXCL | os.O_CLOEXEC)
    try:
        for start, length in regions:
            done = 0
            while done < length:
                done += os.pwrite(descriptor, bytes(min(length - done, _CHUNK)), start + done)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def require_clear(disk: str, run: Run) -> None:
    """Look afresh: no signature, no partition, nothing that holds the disk. Raises TrebolError with what is left."""
    node = block.disk_node(disk)
    left = signatures(node, run)
    left += [_("partition {name}").format(name=name) for name in parts(node.name)]
    left += [_("volume {name}").format(name=name) for name in holders(node.name)]
    left += ["bcache"] if (block.SYSFS / node.name / "bcache").exists() else []
    if left:
        raise TrebolError(
            _("is not blank after the wipe: {left}").format(left=", ".join(left)),
            where=disk,
            hint=_("something writes to it or has taken it up again: restart the machine, then start again"),
        )


def signatures(node: Path, run: Run) -> list[str]:
    """What wipefs knows to be on a device, without taking it away: `ext4 at 0x438`."""
    said = run.runner.run(["wipefs", "--json", "--no-act", node], on_line=lambda line: None)
    return [
        _("{kind} at {offset}").format(kind=found["type"], offset=found["offset"])
        for found in json.loads(said.stdout or "{}").get("signatures", [])
    ]


def _region(partition: str) -> Region:
    start, size = (int(attribute(partition, key)) * _SYSFS_SECTOR for key in ("start", "size"))
    return start, size
