"""What LVM is asked of physical volumes, without changing anything."""

from __future__ import annotations


def pvs(*columns: str) -> tuple[str, ...]:
    """The command that tells a row for each piece of a physical volume, with the logical volume that has it (pvs(8)).

    Sizes are in bytes. --readonly takes no locks and writes nothing; a devices file of another system must not hide
    physical volumes.
    """
    form = ("--units", "b", "--nosuffix", "--reportformat", "json")
    seen = ("--readonly", "--config", "devices{use_devicesfile=0}")
    return ("pvs", *seen, "--segments", *form, "--options", ",".join(columns))
