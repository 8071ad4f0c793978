"""Disks with every kind of old contents, made by real tools on the live medium and torn down there."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.lab import Job, Lab, make_blank, patient
from tests.e2e.old_contents import OLD_CONTENTS, script

from trebol_common.run import CommandRunner
from trebol_image.qemu import Disk, MachineConfig, Medium, Nic, VirtualMachine
from trebol_image.qemu.seeded import seeded_copy
from trebol_image.qemu.serial import plain

SHELL_WITHIN = 400.0
EACH_WITHIN = 240.0
SIZE = 32 * 2**30
DISKS = ("OLD-A", "OLD-B")
TOOLS = "TOOLS"
ON_MEDIUM = Path(__file__).with_name("on_medium") / "teardown.py"


@dataclass(frozen=True)
class TornDown:
    """What the live system said while each kind was made and torn down, by name, with the exit status of both."""

    said: Mapping[str, str]
    made: Mapping[str, int]
    torn: Mapping[str, int]


def tools(folder: Path) -> Path:
    """A small disk with the scripts that make old contents, and the one that tears them down."""
    image = make_blank(folder / "tools.raw", 4 * 2**20)
    runner = CommandRunner()
    runner.run(["mkfs.vfat", "-n", TOOLS, image])
    for name, content in OLD_CONTENTS.items():
        path = folder / f"{name}.sh"
        path.write_text(script(content, [f"/dev/disk/by-id/virtio-{disk}" for disk in DISKS[: content.disks]]))
        runner.run(["mcopy", "-i", image, path, f"::{name}.sh"])
    runner.run(["mcopy", "-i", image, ON_MEDIUM, "::teardown.py"])
    return image


@contextmanager
def torn_down(lab: Lab) -> Iterator[TornDown]:
    """Boot the medium without answers, and use the shell that it offers."""
    folder = lab.folder / "teardown"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    disks = [make_blank(folder / f"{name}.raw", SIZE) for name in DISKS]
    iso = seeded_copy(lab.iso, folder / "medium.iso", "")
    config = MachineConfig(
        disks=(
            *(Disk(path, name, format="raw") for path, name in zip(disks, DISKS, strict=True)),
            Disk(tools(folder), TOOLS, format="raw"),
        ),
        medium=Medium(iso),
        nics=(Nic(restrict=True),),
    )
    with lab.machine(config, folder / "boot") as machine:
        machine.serial.expect("a root shell follows here", within=patient(SHELL_WITHIN))
        machine.serial.expect(r"# ", within=patient(SHELL_WITHIN))
        # Commands and their echo must not be taken for what they say.
        shell(machine, f"dmesg -n 1; mkdir -p /mnt/tools; mount -o ro /dev/disk/by-id/virtio-{TOOLS} /mnt/tools")
        said, made, torn = {}, {}, {}
        for name, content in OLD_CONTENTS.items():
            named = " ".join(f"/dev/disk/by-id/virtio-{disk}" for disk in DISKS[: content.disks])
            made[name], text = shell(machine, f"bash /mnt/tools/{name}.sh")
            torn[name], told = shell(machine, f"python3 /mnt/tools/teardown.py {named}")
            said[name] = text + told
    iso.unlink()
    for disk in disks:
        disk.unlink()
    yield TornDown(said, made, torn)


def shell(machine: VirtualMachine, command: str) -> tuple[int, str]:
    """Exit status and output of a command on the serial console."""
    start = len(machine.serial.text)
    machine.serial.send(f"{{ {command}; }} 2>&1; echo sta''tus=$?\n")
    status = machine.serial.expect(r"status=(\d+)", within=patient(EACH_WITHIN))[1]
    return int(status), re.sub(r"\r", "", plain(machine.serial.text[start:]))


def teardown_job() -> Job:
    """The job of the one machine on which everything is torn down."""
    return torn_down
