"""The probe: from sysfs, procfs, DMI and udev to `Machine`. It only reads; no disk is ever opened for writing."""

from __future__ import annotations

import os
from pathlib import Path

from trebol_common.run import CommandRunner, Runner
from trebol_hardware.machine import Machine
from trebol_hardware.probe import disks, firmware, network, processor, product
from trebol_hardware.probe.signatures import SignatureReader, unseen_by_udev
from trebol_hardware.probe.sysfs import read_text
from trebol_hardware.probe.udev import PyudevSource, UdevSource, settle

__all__ = ["probe"]


def probe(root: Path = Path("/"), *, udev: UdevSource | None = None, runner: Runner | None = None) -> Machine:
    """What the computer whose /sys, /proc and /dev lie below `root` is.

    udev's database and the programs that are asked (pvs, wipefs, systemd-detect-virt) know the running system only:
    for another `root` give `udev` (and a `runner`, without which no program is started). Raises TrebolError when
    udev is not running. Not being root costs the serial numbers of DMI, the names of volume groups and the second
    look for signatures (`trebol_hardware.probe.signatures`).
    """
    live = root == Path("/")
    if runner is None and live:
        runner = CommandRunner()
    if udev is None:
        settle(root, runner)
        udev = PyudevSource(root)
    privileged = not live or os.geteuid() == 0
    read_signatures: SignatureReader | None = None
    if runner is not None and privileged:
        read_signatures = unseen_by_udev(runner)
    return Machine(
        architecture=read_text(root / "proc/sys/kernel/arch") or os.uname().machine,
        firmware=firmware.read(root),
        processor=processor.read(root),
        memory=processor.memory(root),
        product=product.read(root),
        disks=disks.read(root, udev, runner if privileged else None, read_signatures),
        interfaces=network.read(root, udev),
        kernel=read_text(root / "proc/sys/kernel/osrelease"),
        virtualisation=product.virtualisation(root, runner),
    )
