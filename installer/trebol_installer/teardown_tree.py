"""What stands on a target, and what will be done to it, as lines within 80 columns. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from trebol_common.errors import printable
from trebol_common.i18n import _
from trebol_hardware.content_words import phrase
from trebol_hardware.machine import BCACHE, BLUESTORE, SWAP, ZFS_MEMBER, Disk, Partition, Volume, VolumeKind
from trebol_hardware.sizes import show_size
from trebol_installer.stacked import Node, Stack, is_part_of_volume
from trebol_installer.teardown_problems import is_member

#: The plan, of 80 columns, shows the tree two to the right.
WIDTH = 78

#: Deeper stacks are drawn no farther to the right: there must be room for the text.
_DEEPEST = 12


@dataclass(frozen=True)
class Tree:
    """A target as lines: the disk, its partitions, the volumes above each; `disk` is its stable path."""

    disk: str
    lines: tuple[str, ...]


def tree(disk: Disk, stack: Stack) -> Tree:
    """The tree of one target. A volume that was drawn already, because it has several legs, is only named again."""
    return Tree(disk.stable_path, tuple(_lines(disk, stack)))


def _lines(disk: Disk, stack: Stack) -> Iterator[str]:
    drawn: set[str] = set()
    waiting: list[tuple[Node, int]] = [(disk, 0)]
    while waiting:
        node, depth = waiting.pop()
        indent = "  " * min(depth, _DEEPEST)
        if node.name in drawn:
            yield from _wrap(_("{name}: see above").format(name=_called(node)), indent)
            continue
        drawn.add(node.name)
        yield from _wrap(f"{_called(node)}: {_holds(node)} → {', '.join(_fate(node, stack))}", indent)
        above: list[Node] = [*(node.partitions if isinstance(node, Disk) else ()), *stack.above(node.name)]
        waiting += ((each, depth + 1) for each in reversed(above))


def _called(node: Node) -> str:
    match node:
        case Disk():
            return f"{node.stable_path} ({node.name}, {show_size(node.size)})"
        case Partition():
            return f"{node.name} ({show_size(node.size)})"
        case Volume():
            return f"{node.path} ({show_size(node.size)})"


def _holds(node: Node) -> str:
    return ", ".join(map(phrase, node.content)) or _("nothing known")


def _fate(node: Node, stack: Stack) -> Iterator[str]:
    """What is done to a node, in the order in which it is done."""
    if outside := stack.outside(node.name):
        yield _("refused: also on {disks}").format(disks=", ".join(outside))
        return
    yield from (_("unmount {point}").format(point=point) for point in node.mountpoints if point != SWAP)
    if SWAP in node.mountpoints:
        yield _("stop swapping")
    if is_member(node, ZFS_MEMBER):
        yield _("let go of the pool")
    if is_member(node, BCACHE):
        yield _("leave bcache")
    if not isinstance(node, Volume):
        yield _("wipe")
        return
    if is_member(node, BLUESTORE):
        yield _("wipe")
    match node.kind:
        case VolumeKind.LVM if node.group:
            yield _("close with group {group}").format(group=node.group)
        case VolumeKind.RAID:
            yield _("stop")
        case _ if is_part_of_volume(node):
            yield _("goes with its device")
        case _:
            yield _("close")


def _wrap(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        printable(text),
        WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}    ",
        break_on_hyphens=False,
        break_long_words=True,
    )
