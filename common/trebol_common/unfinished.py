"""The mark of a disk on which an installation began and did not end: the name of its first partition.

It is written with the partition table itself, so that there is no moment without it, and taken away by the last step
of the installation, else by the node when it boots. Such a disk was blank, or its loss was confirmed, and nothing has
run from it since: the next installation may begin again on it without being told so.
"""

from __future__ import annotations

from pathlib import Path

from trebol_common.errors import TrebolError

#: What the names of all partitions of a node begin with; then what each is for follows.
PREFIX = "trebol-"

#: The first partition's name before and after the end of the installation.
UNFINISHED = f"{PREFIX}unfinished"
FINISHED = f"{PREFIX}bios-boot"


def mark_finished(node: Path) -> bool:
    """Take the mark off the disk (or image) at `node`; False where it has none. Its partitions may be in use.

    Raises TrebolError with libparted's words.
    """
    # Takes long to load, and not every command needs it.
    import parted

    try:
        disk = parted.newDisk(parted.getDevice(str(node)))
        marked = [each for each in disk.partitions if each.name == UNFINISHED]
        for partition in marked:
            partition.getPedPartition().set_name(FINISHED)
        if marked:
            # Names are nothing that the kernel knows: it need not read the table again, which it does not in use.
            disk.commitToDevice()
    except (parted.IOException, parted.DiskException, parted.DeviceException, parted.DiskLabelException) as error:
        raise TrebolError(f"libparted: {error}", where=str(node)) from error
    return bool(marked)
