"""`trebol node …`: this node."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trebol_common.run import CommandRunner
from trebol_node.commands import shown as shown_commands
from trebol_node.commands import upkeep as upkeep_commands
from trebol_node.commands.rename import rename_node_command
from trebol_node.commands.upkeep_of_cluster import maintenance_command
from trebol_node.store.commands import app as store

app = typer.Typer(
    help="This node: what it shows of itself, and its upkeep.\n\nExample: trebol node status",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(store, name="store")
shown_commands.register(app)
upkeep_commands.register(app)
app.command("rename")(rename_node_command)
app.command("maintenance")(maintenance_command)


@app.command("boot-sync")
def boot_sync_command() -> None:
    """Bring the boot partition of each disk that the node boots from up to date with the installed kernels.

    Runs by itself after each update of a kernel, an initramfs or GRUB. Tells of a disk that is missing. Refuses where
    the node has one boot partition, and it is not mounted at /boot/efi.

    Example: trebol node boot-sync
    """
    from trebol_node.boot import boot_sync

    for line in boot_sync():
        typer.echo(line)


@app.command("keys")
def keys_command(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Make what the node's API and store need and is not there yet: their CA, certificates and configuration.

    Nothing that is there is changed. Runs by itself at each boot. Shows the fingerprint of the API's certificate.

    Example: trebol node keys --json
    """
    import json

    from trebol_node.keys import prepare_node

    keys = prepare_node(Path("/"), CommandRunner())
    if as_json:
        typer.echo(json.dumps({"made": [str(path) for path in keys.made], "fingerprint": keys.fingerprint}, indent=2))
    else:
        for path in keys.made:
            typer.echo(path)
        typer.echo(f"SHA256 {keys.fingerprint}")
