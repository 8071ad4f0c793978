"""All of a machine at once: from sysfs, procfs, DMI and udev to `Machine`. It only reads; no disk is ever opened for
writing."""

from __future__ import annotations

import os
from itertools import takewhile
from pathlib import Path

from trebol_common.run import CommandRunner, Runner
from trebol_common.urls import without_user
from trebol_hardware.machine import Machine
from trebol_hardware.probe import (
    clock,
    disks,
    entries,
    firmware,
    inside,
    kvm,
    management,
    memory,
    mounts,
    network,
    pci,
    processor,
    product,
    smbios,
    volumes,
)
from trebol_hardware.probe.questions import answered
from trebol_hardware.probe.sysfs import read_text
from trebol_hardware.probe.udev import PyudevSource, UdevSource, settle

__all__ = ["probe"]


def probe(
    root: Path = Path("/"),
    *,
    udev: UdevSource | None = None,
    runner: Runner | None = None,
    health: bool = False,
    edges: bool = False,
) -> Machine:
    """What the computer whose /sys, /proc and /dev lie below `root` is.

    udev's database and the programs that are asked (pvs, wipefs, systemd-detect-virt) know the running system only:
    for another `root` give `udev` (and a `runner`, without which no program is started). Raises TrebolError when
    udev is not running. Not being root costs the serial numbers of DMI, the names of volume groups, the second look
    for signatures (`trebol_hardware.probe.signatures`), all that `trebol_hardware.probe.inside` reads, SMBIOS, the
    processors' registers, the kernel's messages and the health of disks.

    With `health`, for the checks, smartctl, ethtool, chronyc, timedatectl and ipmitool are asked too, all at the same
    time, disks that sleep are not read (what they hold is what udev knows), and processors or memory that /proc does
    not tell of count as 0; without, they raise TrebolError. With `edges`, each disk has the digest of its ends
    (`trebol_hardware.probe.edges`), by which an installation knows it again.
    """
    live = root == Path("/")
    if runner is None and live:
        runner = CommandRunner()
    if udev is None:
        settle(root, runner)
        udev = PyudevSource(root)
    privileged = not live or os.geteuid() == 0
    cpu, usable = processor.read(root), processor.memory(root)
    if not health:
        processor.demand(root, cpu, usable)
    structures = smbios.read(root)
    mounted = mounts.read(root)
    machine = Machine(
        architecture=read_text(root / "proc/sys/kernel/arch") or os.uname().machine,
        firmware=firmware.read(root),
        processor=cpu,
        memory=usable,
        product=product.read(root),
        disks=disks.read(root, udev, mounted),
        interfaces=network.read(root, udev),
        kernel=read_text(root / "proc/sys/kernel/osrelease"),
        virtualisation=product.virtualisation(root, runner),
        kvm=kvm.read(root, cpu.vendor),
        pci=pci.read(root, udev),
        memory_details=memory.read(root, structures),
        numa=memory.numa(root),
        bonds=network.bonds(root),
        clock=clock.read(root),
        bmc=management.bmc(root, structures),
        watchdogs=management.watchdogs(root),
        power_supplies=management.power_supplies(structures),
        tpm=management.tpm_version(root),
        kernel_words=_kernel_words(root),
        volumes=volumes.read(root, udev, mounted),
    )
    if health:
        machine = answered(machine, runner, privileged=privileged)
    # After the question for their health, which tells the disks that sleep.
    if runner and privileged:
        machine = inside.looked_into(machine, runner, root)
    if edges and privileged:
        machine = inside.with_edges(machine, root)
    return entries.with_systems(machine, udev)


def _kernel_words(root: Path) -> tuple[str, ...]:
    """The kernel's command line, up to what it only hands on to init (kernel-parameters.rst: after "--").

    A record is given to others: passwords in URLs (of answers) do not get into it.
    """
    words = read_text(root / "proc/cmdline").split()
    return tuple(without_user(word) for word in takewhile(lambda word: word != "--", words))
