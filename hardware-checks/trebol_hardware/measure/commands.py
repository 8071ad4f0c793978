"""`trebol check disk-write` and `trebol check network`; the group `trebol check` takes them in."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from trebol_common.errors import BadInput
from trebol_common.i18n import _
from trebol_common.run import CommandRunner
from trebol_hardware.measure.control import PORT

#: Bounds in seconds: below, caches hide the disk; above, a device is worn for nothing.
_SHORTEST, _LONGEST = 1, 600

#: Of a server, in seconds: a day.
_LONGEST_LIFETIME = 86_400


def disk_write_command(
    target: Annotated[Path, typer.Argument(help="An empty disk, a folder, or a file that does not exist yet.")],
    seconds: Annotated[int, typer.Option(help="How long to write.")] = 30,
    destroy: Annotated[
        str | None, typer.Option(help="For a disk: its serial number, to confirm that its data may be lost.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Figures and findings as JSON.")] = False,
) -> None:
    """Measure synchronous writes, one after the other, and rate them for Ceph's WAL and DB and for etcd.

    Of a folder, a file of 256 MiB is written and removed. Of a disk, the first GiB is overwritten: it has to hold
    nothing, and its serial number has to be given. Ends with status 1 when the disk is not good enough, 3 when it is
    refused.

    Example: trebol check disk-write /var/lib/etcd
    """
    from trebol_hardware.measure import disk, disk_rating, render
    from trebol_hardware.probe.whole import probe

    _check_seconds(seconds)
    measured = disk.measure(target, seconds=seconds, confirmation=destroy, runner=CommandRunner(), probe=probe)
    writes = measured.writes
    findings = disk_rating.rate(writes)
    if as_json:
        typer.echo(render.to_json({"on": measured.on, **asdict(writes)}, findings), nl=False)
    else:
        latencies = ", ".join(f"{share} % {value / 1000:.3f} ms" for share, value in writes.percentiles.items())
        figures = [
            (_("measured on"), measured.on),
            (_("writes of 4 KiB"), _("{iops:.0f} per second").format(iops=writes.iops)),
            (_("bandwidth"), f"{writes.bandwidth / 10**6:.2f} MB/s"),
            (
                _("latency within"),
                _("{latencies}, at most {largest:.3f} ms").format(latencies=latencies, largest=writes.largest / 1000),
            ),
        ]
        typer.echo(render.to_text(figures, findings), nl=False)
    raise typer.Exit(render.status(findings))


def network_command(
    peer: Annotated[str | None, typer.Argument(help="Address or name of the other node, which runs --serve.")] = None,
    serve: Annotated[bool, typer.Option("--serve", help="Be the other node: wait for one measurement.")] = False,
    bind: Annotated[str, typer.Option(help="With --serve: listen on this address only.")] = "",
    lifetime: Annotated[int, typer.Option(help="With --serve: give up after so many seconds.")] = 600,
    port: Annotated[int, typer.Option(help="TCP and UDP port; the next one is used too.")] = PORT,
    seconds: Annotated[int, typer.Option(help="How long each of the measurements takes.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Figures and findings as JSON.")] = False,
) -> None:
    """Measure the way to another node: latency, loss, jitter, throughput and path MTU, for corosync and Ceph.

    Run `trebol check network --serve` there first. It takes one client, and ends with it. Ends with status 1 when a
    finding is fail.

    Example: trebol check network 10.0.0.2
    """
    _check_seconds(seconds)
    if not 1 <= port < 65535:
        raise BadInput(_("{port} is no port that has a next one").format(port=port), where="--port", hint=str(PORT))
    if serve:
        if peer is not None:
            raise BadInput(_("goes without an address"), where="--serve", hint=_("--bind says where to listen"))
        _serve(bind, port, lifetime)
        return
    if not peer:
        raise BadInput(_("which node?"), where="PEER", hint=_("trebol check network ADDRESS, or --serve"))
    from trebol_hardware.measure import network, network_rating, render

    measured = network.measure(
        peer, port, seconds, runner=CommandRunner(), tell=lambda line: typer.echo(line, err=True)
    )
    findings = network_rating.rate(measured)
    if as_json:
        typer.echo(render.to_json(measured.to_members(), findings), nl=False)
    else:
        typer.echo(render.to_text([(_("peer"), peer)], findings), nl=False)
    raise typer.Exit(render.status(findings))


def _serve(bind: str, port: int, lifetime: int) -> None:
    from trebol_hardware.measure.network_server import serve

    if not 1 <= lifetime <= _LONGEST_LIFETIME:
        raise BadInput(
            _("between {least} and {most}").format(least=1, most=_LONGEST_LIFETIME), where="--lifetime", hint="600"
        )
    client = serve(bind, port, lifetime, runner=CommandRunner(), tell=lambda line: typer.echo(line))
    typer.echo(_("{client} has finished").format(client=client))


def _check_seconds(seconds: int) -> None:
    if not _SHORTEST <= seconds <= _LONGEST:
        raise BadInput(
            _("between {least} and {most}").format(least=_SHORTEST, most=_LONGEST), where="--seconds", hint="30"
        )
