"""An unattended installation in QEMU, from its start to power-off, beside the least that it could take.

The floor is the same ISO on the same machine, booted by the same firmware, boot loader and initramfs, with a shell
script as first user process instead of systemd and the installer: mkfs.ext4 on the bare disk, unsquashfs of the same
layers, power-off. The script lies in the answer slot and is named to the kernel by seeded words, so that not even the
image differs.
"""

from __future__ import annotations

import re
import shutil
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from bench.figures import Figure, Phase
from trebol_common.errors import BadInput, TrebolError
from trebol_common.medium import FOLDER, LIVE_MEDIUM, SLOT, Manifest
from trebol_image.iso9660 import Image
from trebol_image.qemu import (
    Disk,
    Firmware,
    MachineConfig,
    Medium,
    VirtualMachine,
    accelerator,
    create_disk,
    image_qemu,
)
from trebol_image.qemu.seeded import seeded_copy
from trebol_image.qemu.serial import Line
from trebol_image.verify import read_manifest

DEADLINE = 3600.0
#: Longest silence of the serial console: the floor's unsquashfs says nothing, and a busy machine makes it slow.
SILENT = 900.0
SERIAL = "BENCH"

ANSWER = f"""\
[global]
fqdn = "node1.example.org"
country = "es"
keyboard = "en-us"
timezone = "UTC"
mailto = "admin@example.org"
root-password = "correct horse battery"
reboot-mode = "power-off"

[network]
source = "from-dhcp"

[disk-setup]
filesystem = "ext4"
disk-list = ["virtio-{SERIAL}"]
"""

#: A phase ends with the first line that matches, after the end of the phase before.
Marks = Sequence[tuple[str, str]]
BOOT: Marks = (
    ("firmware and boot menu", r"Loading Trebol"),
    ("kernel and initramfs, to the medium", r"Trebol: medium "),
)
INSTALL: Marks = (
    *BOOT,
    ("live system, to the installer's first word", r"Answers: "),
    ("probe and plan", r"… Verify"),
    ("verify the medium", r"✓ Verify"),
    ("partitions, LVM, file systems", r"… Unpack base"),
    ("unpack", r"✓ Unpack appliance"),
    ("configure", r"… Install the boot loaders"),
    ("boot loaders", r"✓ Install the boot loaders"),
    ("report, unmount", r"Installed\. Power-off follows"),
)
FLOOR: Marks = (
    *BOOT,
    ("to the first user process", r"floor: started"),
    ("mkfs", r"floor: formatted"),
    ("unsquashfs", r"floor: unpacked"),
)
#: What comes after the last mark.
END = "power-off"


def floor_script(manifest: Manifest) -> str:
    """The first user process of the floor, for sh. Raises BadInput when there is nothing to unpack."""
    if not manifest.target_layers:
        raise BadInput("the ISO has no layer for the target", hint="build one with `make iso`")
    unpack = [
        f"unsquashfs -force -quiet -no-progress -dest /mnt {LIVE_MEDIUM}/{FOLDER}/{layer.file}"
        for layer in manifest.target_layers
    ]
    return "\n".join(
        [
            "set -e",
            "echo; echo floor: started",
            "mkfs.ext4 -q -F /dev/vda",
            "mount /dev/vda /mnt",
            "echo floor: formatted",
            *unpack,
            "umount /mnt",
            "echo floor: unpacked",
            # Process 1 must not end before the power does.
            "echo o >/proc/sysrq-trigger",
            "exec sleep infinity",
            "",
        ]
    )


def phases(lines: Sequence[Line], started: float, ended: float, marks: Marks) -> tuple[Phase, ...]:
    """The time between marks. Raises TrebolError for a mark that was never seen: its phase did not take no time."""
    found: list[Phase] = []
    last = started
    rest = iter(lines)
    for name, pattern in marks:
        line = next((line for line in rest if re.search(pattern, line.text)), None)
        if line is None:
            raise TrebolError(f"{pattern!r} was not seen on the serial console; the end of {name!r} is unknown")
        found.append(Phase(name, line.time - last))
        last = line.time
    return (*found, Phase(END, ended - last))


def run_once(
    iso: Path, folder: Path, firmware: Firmware, marks: Marks, emulator: Path
) -> tuple[float, tuple[Phase, ...]]:
    """Boot `iso` with an empty disk until the machine powers itself off: seconds, by phase."""
    # A machine as new: its firmware must not remember what an earlier one has installed.
    shutil.rmtree(folder, ignore_errors=True)
    disk = create_disk(folder / "disk.qcow2", "32G")
    config = MachineConfig(firmware=firmware, medium=Medium(iso), disks=(Disk(disk, SERIAL),), program=str(emulator))
    with VirtualMachine(config, folder / "machine", name=folder.name) as machine:
        shutdown = machine.wait_for_shutdown(within=DEADLINE, silent=SILENT)
        ended = time.monotonic()
        lines = machine.serial.lines
    disk.unlink()
    if shutdown.data.get("reason") != "guest-shutdown":
        raise TrebolError(f"the machine was not powered off by its system: {dict(shutdown.data)}", where=folder.name)
    return ended - machine.started, phases(lines, machine.started, ended, marks)


def measure(iso: Path, folder: Path, firmware: Firmware, runs: int) -> Figure:
    """Install and floor in turn, `runs` times each; medians count."""
    manifest = read_manifest_of(iso)
    # Not the host's, which may be one that breaks guests, and is slower (docs/testing.md, "The emulator").
    emulator = image_qemu(iso, folder / "emulator")
    consoles = {
        "install": (seeded_copy(iso, folder / "install.iso", ANSWER), INSTALL),
        "floor": (
            seeded_copy(
                iso,
                folder / "floor.iso",
                floor_script(manifest),
                words=("init=/bin/sh", "--", f"{LIVE_MEDIUM}/{SLOT}"),
            ),
            FLOOR,
        ),
    }
    results: dict[str, list[tuple[float, tuple[Phase, ...]]]] = {name: [] for name in consoles}
    for _ in range(runs):
        for name, (image, marks) in consoles.items():
            results[name].append(run_once(image, folder / f"{firmware}-{name}", firmware, marks, emulator))
    for image, _ in consoles.values():
        image.unlink()
    unpacked = sum(layer.unpacked for layer in manifest.target_layers)
    return Figure(
        f"unattended install ({firmware}), start to power-off",
        statistics.median(seconds for seconds, _ in results["install"]),
        "s",
        "at most 1.5 times the floor",
        statistics.median(seconds for seconds, _ in results["floor"]),
        "the same ISO booted to its first user process, mkfs.ext4, unsquashfs of the same layers, power-off",
        median_phases([found for _, found in results["install"]]),
        median_phases([found for _, found in results["floor"]]),
        {
            "ISO": f"{iso.name}, profile {manifest.profile}, {unpacked / 1e9:.2f} GB unpacked",
            "machine": f"QEMU of the image with {accelerator().name}, {MachineConfig().cpus} processors",
            "runs": str(runs),
        },
    )


def median_phases(runs: Sequence[tuple[Phase, ...]]) -> tuple[Phase, ...]:
    """Each phase's median over several runs of the same marks."""
    return tuple(
        Phase(same[0].name, statistics.median(phase.seconds for phase in same)) for same in zip(*runs, strict=True)
    )


def read_manifest_of(iso: Path) -> Manifest:
    """The manifest on an ISO that is not mounted. Raises DamagedMedium."""
    with iso.open("rb") as stream:
        image = Image(stream, str(iso))
        return read_manifest(image, image.files())
