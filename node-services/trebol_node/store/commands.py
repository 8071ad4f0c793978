"""`trebol node store …`: what the node's records are kept in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trebol_common.i18n import _

app = typer.Typer(
    help="What the node's records are kept in (etcd), and its snapshots.\n\nExample: trebol node store status",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]

Yes = Annotated[bool, typer.Option("--yes", help="Give up the nodes that do not answer.")]


@app.command("status")
def status_command(as_json: AsJson = False) -> None:
    """Show whether the store can be written, and how full it is. Exit status 1: it cannot be written.

    Example: trebol node store status --json
    """
    import json
    from dataclasses import asdict

    from trebol_node.store import reached
    from trebol_node.store.configuration import Configuration, read
    from trebol_node.store.gateway import Gateway, TlsSource
    from trebol_node.store.status import room, status, to_text

    urls = reached.read()
    # A node that does not vote has no store of its own: the room is where it would be.
    data = Configuration("").data if urls else read().data
    found = status(Gateway(urls or read().client_url, TlsSource()), free=room(data))
    typer.echo(json.dumps(asdict(found), indent=2) if as_json else to_text(found))
    if not found.quorate or found.alarms:
        raise typer.Exit(1)


@app.command("snapshot")
def snapshot_command(
    file: Annotated[Path | None, typer.Argument(help="Where; else among those that are kept for some weeks.")] = None,
) -> None:
    """Make a snapshot of the store.

    Without FILE it goes to /var/backups/trebol, where the last of each of 8 hours, 7 days and 4 weeks is kept. A
    timer does that every hour. Snapshots hold secrets, such as hashes of passwords.

    Example: trebol node store snapshot /root/before.db
    """
    from datetime import UTC, datetime

    from trebol_node.store import reached
    from trebol_node.store.configuration import read
    from trebol_node.store.gateway import Gateway, TlsSource
    from trebol_node.store.snapshots import prune, save, take

    now, gateway = datetime.now(UTC), Gateway(reached.read() or read().client_url, TlsSource())
    if file is None:
        typer.echo(take(gateway, now=now).path)
        for path in prune(now=now):
            typer.echo(_("removed {path}").format(path=path))
    else:
        save(file.absolute(), gateway)
        typer.echo(file)


@app.command("snapshots")
def snapshots_command(as_json: AsJson = False) -> None:
    """List the snapshots that are kept, the oldest first.

    Example: trebol node store snapshots
    """
    import json

    from trebol_node.store.snapshots import snapshots

    found = snapshots()
    if as_json:
        rows = [{"path": str(each.path), "time": each.time.isoformat(), "size": each.size} for each in found]
        typer.echo(json.dumps(rows, indent=2))
    else:
        for each in found:
            typer.echo(f"{each.time:%Y-%m-%d %H:%M:%S} UTC  {each.size / 2**20:8.1f} MiB  {each.path}")


@app.command("restore")
def restore_command(
    file: Annotated[Path, typer.Argument(help="A snapshot.", exists=True, dir_okay=False)],
    yes: Yes = False,
) -> None:
    """Put a snapshot back: the store then holds what it held when that was made.

    What it holds now is kept beside. Where the store does not start with the snapshot, everything is as before.
    Refused in a cluster that has other voters; where those are gone for good this node goes on alone, as with
    `recover`.

    Example: trebol node store restore /var/backups/trebol/20261128T180000Z.db
    """
    from datetime import UTC, datetime

    from trebol_common.run import CommandRunner
    from trebol_node.cluster.recovering import restore_in_cluster
    from trebol_node.store import reached
    from trebol_node.store.configuration import read
    from trebol_node.store.restore import restore

    now, urls = datetime.now(UTC), reached.read()
    lines = (
        restore_in_cluster(file.absolute(), urls, yes=yes, now=now)
        if urls
        else restore(file.absolute(), read(), CommandRunner(), now=now)
    )
    for line in lines:
        typer.echo(line)


@app.command("recover")
def recover_command(yes: Yes = False) -> None:
    """Go on alone, where all other nodes that vote are gone for good: with what this node's store holds.

    Shows what would be done; nothing is done without --yes. What it holds now is kept beside. The others have to be
    off, and must be installed anew before they come back. Refused while the store has a quorum.

    Example: trebol node store recover --yes
    """
    from datetime import UTC, datetime

    from trebol_node.cluster.recovering import recover
    from trebol_node.store import reached

    for line in recover(reached.read(), yes=yes, now=datetime.now(UTC)):
        typer.echo(line)


@app.command("etcdctl", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def etcdctl_command(context: typer.Context) -> None:
    """Run etcdctl(1) on the store, with the node's own certificates. Nobody looks first at what that does.

    Example: trebol node store etcdctl endpoint status --write-out=table
    """
    import os

    from trebol_node.store.etcdctl import environment

    os.execvpe("etcdctl", ["etcdctl", *context.args], {**os.environ, **environment()})
