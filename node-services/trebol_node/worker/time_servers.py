"""The servers that the node's clock follows: a file of chrony's `sources.d`, which is Trebol's."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from trebol_common.errors import Refused
from trebol_common.files import write_text
from trebol_node.system.clock import SOURCES, render_servers
from trebol_node.worker.context import Context, Machine
from trebol_node.worker.operations import SetTimeServers


def set_time_servers(operation: SetTimeServers, context: Context, who: str) -> None:
    """See `SetTimeServers`. Raises Refused without chrony; where chrony refuses them, they are as before."""
    machine = context.machine
    path = machine.at(SOURCES)
    if not path.parent.is_dir():
        raise Refused("chrony is not installed", where="servers")
    before = path.read_text(encoding="utf-8") if path.exists() else None
    with ExitStack() as undo:
        undo.callback(_put, path, before)
        _put(path, render_servers(operation.servers) if operation.servers else None)
        _reload(machine)
        undo.pop_all()


def _put(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink(missing_ok=True)
    else:
        write_text(path, text)


def _reload(machine: Machine) -> None:
    """Sources that stay are not begun anew; a chrony that does not run reads the file when it starts."""
    active = machine.runner.run(["systemctl", "is-active", "--", "chrony.service"], check=False).stdout.strip()
    if active == "active":
        machine.runner.run(["chronyc", "reload", "sources"])
