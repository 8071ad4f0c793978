"""Disks with every kind of old contents, made by real tools on the live medium and torn down there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.lab import Job, Lab, make_blank
from tests.e2e.live_shell import TOOLS_AT, reach_shell, shell, shell_medium, tools_disk
from tests.e2e.old_contents import OLD_CONTENTS, look, script

from trebol_image.qemu import Disk, MachineConfig, Medium, Nic

SIZE = 32 * 2**30
DISKS = ("OLD-A", "OLD-B")
ON_MEDIUM = Path(__file__).with_name("on_medium") / "teardown.py"


@dataclass(frozen=True)
class TornDown:
    """What the live system said while each kind was made and torn down, by name, with the exit status of both."""

    said: Mapping[str, str]
    made: Mapping[str, int]
    torn: Mapping[str, int]


def tools(folder: Path) -> Disk:
    """A small disk with the scripts that make old contents, and the one that tears them down."""
    scripts = {
        f"{name}.sh": script(content, [f"/dev/disk/by-id/virtio-{disk}" for disk in DISKS[: content.disks]])
        for name, content in OLD_CONTENTS.items()
    }
    return tools_disk(folder, {**scripts, ON_MEDIUM.name: ON_MEDIUM.read_text(encoding="utf-8")})


@contextmanager
def torn_down(lab: Lab) -> Iterator[TornDown]:
    """Boot the medium without answers, and use the shell that it offers."""
    folder = lab.folder / "teardown"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    disks = [make_blank(folder / f"{name}.raw", SIZE) for name in DISKS]
    iso = shell_medium(lab.iso, folder / "medium.iso")
    config = MachineConfig(
        disks=(
            *(Disk(path, name, format="raw") for path, name in zip(disks, DISKS, strict=True)),
            tools(folder),
        ),
        medium=Medium(iso),
        nics=(Nic(restrict=True),),
    )
    with lab.machine(config, folder / "boot") as machine:
        reach_shell(machine)
        said, made, torn = {}, {}, {}
        for name, content in OLD_CONTENTS.items():
            named = [f"/dev/disk/by-id/virtio-{disk}" for disk in DISKS[: content.disks]]
            made[name], text = shell(machine, f"bash {TOOLS_AT}/{name}.sh")
            tear = f"python3 {TOOLS_AT}/{ON_MEDIUM.name} {' '.join(named)}"
            torn[name], told = shell(machine, f"{tear} && {look(content, named[0])}")
            said[name] = text + told
    iso.unlink()
    for disk in disks:
        disk.unlink()
    yield TornDown(said, made, torn)


def teardown_job() -> Job:
    """The job of the one machine on which everything is torn down."""
    return torn_down
