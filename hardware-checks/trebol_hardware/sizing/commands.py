"""`trebol size`: the calculator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from trebol_common.errors import BadInput
from trebol_common.i18n import _
from trebol_hardware.machine import Machine
from trebol_hardware.sizing import machines, units
from trebol_hardware.sizing.cluster import (
    NEARFULL,
    Cluster,
    DataDisk,
    Media,
    Redundancy,
    Server,
    erasure,
    replicated,
)
from trebol_hardware.sizing.report import report

#: More would only make a table that nobody reads; Ceph itself has been run with some thousand hosts.
MOST_SERVERS = 1000

#: Disks, or ports, of a server. The largest enclosures take some hundred.
MOST_DEVICES = 500

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)


@app.command()
def size_command(
    servers: Annotated[
        int | None, typer.Option(help="Number of equal servers; 3 where no --machine is given.")
    ] = None,
    disks: Annotated[str, typer.Option(help="Data disks of each server: 4x4TB, or 4x4TB,2x960GB.")] = "",
    media: Annotated[Media | None, typer.Option(help="What the disks are made of; hdd unless said.")] = None,
    nics: Annotated[str, typer.Option(help="Network ports of each server: 2x10G,1x1G.")] = "",
    ram: Annotated[str, typer.Option(help="Memory of each server, as on its label: 64GB.")] = "",
    cores: Annotated[int | None, typer.Option(help="Physical cores of each server.")] = None,
    size: Annotated[int | None, typer.Option(help="Copies of each object; 3 unless said.")] = None,
    erasure_code: Annotated[str, typer.Option("--erasure", help="Erasure code k+m instead of copies: 4+2.")] = "",
    min_size: Annotated[int | None, typer.Option(help="Parts needed for writing; Ceph's own unless said.")] = None,
    fill: Annotated[float, typer.Option(help="Up to which share of the capacity to fill.")] = NEARFULL,
    monitors: Annotated[int, typer.Option(help="Number of Ceph monitors.")] = 3,
    mds: Annotated[int, typer.Option(help="Number of CephFS metadata servers.")] = 0,
    host_ram: Annotated[
        str, typer.Option(help="Memory kept for the host itself, in place of the figures' own.")
    ] = "",
    host_cores: Annotated[int, typer.Option(help="Cores kept for the host itself.")] = 1,
    machine: Annotated[
        list[Path] | None,
        typer.Option(help="A recorded machine as a server (repeat for more; with --servers, one stands for all)."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON: bytes, seconds, formulas, sources.")] = False,
) -> None:
    """What a cluster of such servers holds, survives, and leaves to guests.

    Disk sizes are decimal (4TB is 4 000 000 000 000 bytes) unless written TiB; memory is binary, as on its label.

    Example: trebol size --servers 3 --disks 4x4TB --ram 32GB --cores 12 --nics 1x10G
    """
    given = machine or []
    if given:
        members, notes = _recorded(given, servers)
    else:
        members, notes = _equal(3 if servers is None else _count(servers)), []
    members = _overridden(members, disks, media, nics, ram, cores)
    if not any(member.disks for member in members):
        what = ". ".join([_("there are no data disks"), *notes])
        raise BadInput(what, where="--disks", hint="--disks 4x4TB")
    cluster = Cluster(
        servers=members,
        redundancy=_redundancy(size, erasure_code, min_size),
        fill=fill,
        monitors=monitors,
        mds=mds,
        host_memory=units.read_memory_size(host_ram, where="--host-ram") if host_ram else None,
        host_cores=host_cores,
    )
    made = report(cluster, tuple(notes))
    typer.echo(made.to_json() if as_json else made.to_text() + "\n", nl=False)


def _count(servers: int) -> int:
    if not 1 <= servers <= MOST_SERVERS:
        raise BadInput(_("between 1 and {most}").format(most=MOST_SERVERS), where="--servers", hint="--servers 3")
    return servers


def _equal(number: int) -> tuple[Server, ...]:
    return tuple(Server(_("server {number}").format(number=index + 1), ()) for index in range(number))


def _recorded(files: list[Path], servers: int | None) -> tuple[tuple[Server, ...], list[str]]:
    members, notes = [], []
    for file in files:
        member, said = machines.server(Machine.load(file), file.stem)
        members.append(member)
        notes += said
    if servers is None:
        return tuple(members), notes
    if len(members) > 1 and _count(servers) != len(members):
        raise BadInput(
            _("servers: {servers}, but machines: {machines}").format(servers=servers, machines=len(members)),
            where="--servers",
            hint=_("leave --servers away, or give one machine that stands for all"),
        )
    if len(members) == 1:
        only = members[0]
        members = [replace(only, name=f"{only.name} {index + 1}") for index in range(_count(servers))]
    return tuple(members), notes


def _overridden(
    members: tuple[Server, ...], disks: str, media: Media | None, nics: str, ram: str, cores: int | None
) -> tuple[Server, ...]:
    """What was said on the command line goes before what was recorded."""
    if cores is not None and cores < 1:
        raise BadInput(_("a server has cores"), where="--cores", hint="--cores 12")
    said_disks = tuple(
        DataDisk(units.read_disk_size(each, where="--disks"), media or Media.HDD)
        for number, each in (_devices(disks, where="--disks") if disks else ())
        for _index in range(number)
    )
    said_nics = tuple(
        units.read_speed(each, where="--nics")
        for number, each in (_devices(nics, where="--nics") if nics else ())
        for _index in range(number)
    )
    memory = units.read_memory_size(ram, where="--ram") if ram else None
    return tuple(
        replace(
            member,
            disks=said_disks or tuple(disk for disk in member.disks if media in (None, disk.media)),
            nics=said_nics or member.nics,
            memory=memory or member.memory,
            cores=cores or member.cores,
        )
        for member in members
    )


def _devices(text: str, *, where: str) -> list[tuple[int, str]]:
    counted = units.read_counted(text, where=where)
    if sum(number for number, _each in counted) > MOST_DEVICES:
        raise BadInput(_("a server has {most} at most").format(most=MOST_DEVICES), where=where, hint="4x4TB")
    return counted


def _redundancy(size: int | None, code: str, min_size: int | None) -> Redundancy:
    if not code:
        return replicated(3 if size is None else size, min_size)
    if size is not None:
        raise BadInput(_("a pool has copies or an erasure code, not both"), where="--erasure", hint="--erasure 4+2")
    data, plus, coding = code.partition("+")
    if not (plus and data.isdecimal() and coding.isdecimal() and len(code) < 10):
        raise BadInput(_("{code!r} is not k+m").format(code=code), where="--erasure", hint="4+2")
    return erasure(int(data), int(coding), min_size)
