"""Runs on the live medium, not here: tears down what stands on the disks that are named, as an installation would.

    python3 teardown.py /dev/disk/by-id/virtio-A [/dev/disk/by-id/virtio-B]

Prints the tree, does every step up to the first new partition table, and ends with status 0 only when nothing known
is left on any of the disks.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from trebol_common.answers.parse import parse_answers
from trebol_common.events import Context, Event, Kind
from trebol_common.medium import LIVE_MEDIUM, read_manifest
from trebol_common.run import CommandRunner
from trebol_hardware.probe.whole import probe
from trebol_installer.execute import Installer
from trebol_installer.plan import plan
from trebol_installer.steps import PartitionDisk, VerifyLayers
from trebol_installer.teardown import teardown

ANSWERS = """
[global]
fqdn = "node9.example.org"
country = "es"
keyboard = "en-us"
timezone = "UTC"
mailto = "admin@example.org"
root-password = "correct horse battery"
[network]
source = "from-dhcp"
[disk-setup]
filesystem = "ext4"
disk-list = {disks}
wipe = "confirmed"
{raid}
"""


def main(disks: list[str]) -> int:
    """Tear down; the number of disks on which something is left."""
    raid = 'lvm.raid = "raid1"' if len(disks) > 1 else ""
    answers = parse_answers(ANSWERS.format(disks=json.dumps(disks), raid=raid))
    machine = probe(edges=True)
    manifest = read_manifest(LIVE_MEDIUM)
    made = plan(machine, answers, manifest)
    targets = [disk for disk in machine.disks if disk.stable_path in {change.path for change in made.disks}]
    print("\n".join(teardown(machine, targets).lines))
    first = next(number for number, step in enumerate(made.steps) if isinstance(step, PartitionDisk))
    steps = tuple(step for step in made.steps[:first] if not isinstance(step, VerifyLayers))
    runner = CommandRunner()
    Installer(answers, machine, manifest, LIVE_MEDIUM, runner).execute(replace(made, steps=steps), Context(show))
    left = [disk for disk in disks if is_left(disk, runner)]
    print(f"left on: {', '.join(left) or 'none'}")
    return len(left)


def show(event: Event) -> None:
    """Each command and what it said."""
    if event.kind is Kind.LOG:
        print(event.text)


def is_left(disk: str, runner: CommandRunner) -> bool:
    """Whether the kernel has anything on the disk, or wipefs finds a signature."""
    runner.run(["udevadm", "settle"])
    tree = json.loads(runner.run(["lsblk", "--json", "--output", "NAME,FSTYPE,PTTYPE", disk]).stdout)
    (found,) = tree["blockdevices"]
    signatures = runner.run(["wipefs", "--no-act", "--noheadings", str(Path(disk).resolve())]).stdout
    print(found, signatures)
    return bool(found.get("children") or found["fstype"] or found["pttype"] or signatures.strip())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
