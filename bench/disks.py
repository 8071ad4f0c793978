"""Partitioning and making file systems, beside what the tools themselves took: read from an installation's events.

A node keeps the events of its installation as /var/log/trebol/events.jsonl: how long each step took, and each program
that it ran.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bench.figures import Figure
from trebol_common.errors import BadInput
from trebol_common.events import Event, Kind

#: The steps from blank disks to file systems, by name.
STEPS = frozenset(
    {
        "partition-disk",
        "create-array",
        "encrypt-device",
        "create-volume-group",
        "create-volume",
        "create-thin-pool",
        "make-swap",
        "make-filesystem",
        "make-btrfs",
    }
)
#: Runs only to wait for others.
WAITING = "udevadm"


def measure(path: Path) -> Figure:
    """The figure of one installation. Raises BadInput where the file is not such a record."""
    try:
        events = [Event.from_json(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"cannot be read as events: {error}", where=str(path), hint="take a node's events.jsonl"
        ) from error
    return figure(events, path.name)


def figure(events: Iterable[Event], name: str) -> Figure:
    """All such steps together, and the programs that they ran; the rest is our own, waiting for udev included."""
    inside = [event for event in events if STEPS.intersection(event.path)]
    whole = sum(event.seconds or 0.0 for event in inside if event.kind is Kind.FINISH)
    runs = [event.data for event in inside if event.kind is Kind.RESULT and "command" in event.data]
    tools = sum(run["seconds"] for run in runs if not run["command"].startswith(WAITING))
    return Figure(
        f"partitions and file systems ({name})",
        whole,
        "s",
        "at most 3 s above the floor",
        tools,
        "the tools that were run, each from its start to its end",
        notes={"above the floor": f"{whole - tools:.1f} s", "tools run": str(len(runs))},
    )
