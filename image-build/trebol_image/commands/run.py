"""`trebol image run`."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from trebol_common.errors import BadInput
from trebol_image.project import Project
from trebol_image.qemu.config import Disk, Firmware, Forward, MachineConfig, Medium, MediumKind, Nic
from trebol_image.qemu.disks import create_disk
from trebol_image.qemu.machine import VirtualMachine
from trebol_image.qemu.media import newest_iso
from trebol_image.qemu.terminal import attach

#: What a fresh node answers on: SSH, cockpit.
PORTS = (22, 9090)
DISK_SERIAL = "trebol-run"

#: Sizes as qemu-img takes them, but for those of a few bytes.
_SIZE = re.compile(r"[1-9][0-9]*[MGT]")


def run(
    iso: Annotated[Path | None, typer.Argument(help="The image to boot; without it, the newest out/*.iso.")] = None,
    firmware: Annotated[Firmware, typer.Option(help="What the machine boots with.")] = Firmware.UEFI,
    memory: Annotated[int, typer.Option(help="Memory in MiB.", min=512)] = 4096,
    cpus: Annotated[int, typer.Option(help="Virtual CPUs.", min=1)] = 2,
    disk: Annotated[str, typer.Option(help="Size of the scratch disk, when it is made.")] = "64G",
    fresh: Annotated[bool, typer.Option("--fresh", help="Throw away the scratch disk of the last run.")] = False,
    usb: Annotated[bool, typer.Option("--usb", help="Boot the image as USB stick, not as CD.")] = False,
    display: Annotated[
        bool, typer.Option("--display/--serial", help="Show the screen by VNC, or the serial console here.")
    ] = False,
) -> None:
    """Boot an ISO in QEMU with a scratch disk in out/run/; once a node is installed there, boot that.

    The serial console is this terminal; Ctrl-] ends the machine. Ports 22 and 9090 of the machine are reachable on
    ports of 127.0.0.1 that are printed. TREBOL_ACCEL=kvm uses KVM instead of software emulation.

    Example: trebol image run --firmware bios --fresh
    """
    if not _SIZE.fullmatch(disk):
        raise BadInput(f"{disk!r} is not a size", where="--disk", hint="such as 64G")
    out = Project.find().out
    if iso is not None and not iso.is_file():
        raise BadInput("no such file", where=str(iso), hint="build one with `make iso`")
    image = iso or newest_iso(out)
    kind = MediumKind.USB if usb else MediumKind.CD
    config = MachineConfig(
        firmware=firmware,
        memory=memory,
        cpus=cpus,
        disks=(Disk(_scratch_disk(out / "run", disk, fresh=fresh), DISK_SERIAL),),
        medium=Medium(image, kind),
        disk_first=True,
        nics=(Nic(forwards=tuple(Forward(port) for port in PORTS)),),
        vnc=display,
    )
    _boot(config, out / "run" / firmware)


def _scratch_disk(folder: Path, size: str, *, fresh: bool) -> Path:
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    path = folder / "disk.qcow2"
    return path if path.exists() else create_disk(path, size)


def _boot(config: MachineConfig, folder: Path) -> None:
    # A closed terminal ends the machine as Ctrl-C does.
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)

    def to_terminal(chunk: bytes) -> None:
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()

    with VirtualMachine(config, folder, tap=None if config.vnc else to_terminal) as machine:
        ports = ", ".join(f"{port} at 127.0.0.1:{machine.port(port)}" for port in PORTS)
        typer.echo(f"ports of the machine: {ports}", err=True)
        typer.echo(f"serial console is logged to {machine.serial.log}", err=True)
        if config.vnc:
            typer.echo(f"screen: VNC at 127.0.0.1:{machine.vnc_port()}; Ctrl-C ends the machine", err=True)
        if not config.vnc and os.isatty(sys.stdin.fileno()):
            typer.echo("Ctrl-] ends the machine", err=True)
            ended = attach(machine.serial, sys.stdin.fileno())
        else:
            ended = _watch(machine)
    typer.echo("\r\nthe machine powered itself off" if ended else "\r\nended the machine", err=True)


def _watch(machine: VirtualMachine) -> bool:
    try:
        while not machine.serial.wait_end(within=3600):
            continue
    except KeyboardInterrupt:
        return False
    return True


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(run)
