"""A node's report in a file: what the API answers root, without secrets, for whoever is to send it along."""

from __future__ import annotations

import time
from collections.abc import Callable

from trebol_common.files import write_text
from trebol_node.client import NODE, Api
from trebol_node.tasks import Upid
from trebol_node.tasks.inside import Log
from trebol_node.worker.context import Context, Machine
from trebol_node.worker.operations import MakeReport

#: Root's alone, as the log of the installation beside it.
FOLDER = "var/log/trebol/reports"

#: Reports that are kept, the newest.
KEPT = 10

_PRIVATE_FOLDER, _PRIVATE_FILE = 0o700, 0o600


def make_report(operation: MakeReport, context: Context, who: str) -> str:
    """See `MakeReport`."""
    return str(context.start("report", "", who, operation))


def run_report(operation: MakeReport, machine: Machine, upid: Upid, log: Log) -> None:
    """The task of `make_report`. The daemon knows what there is to tell; a second way would tell another story."""
    keep(lambda: str(Api().get(f"{NODE}/report")), machine, upid, log)


def keep(read: Callable[[], str], machine: Machine, upid: Upid, log: Log) -> None:
    """Write what `read` gives into a file of its own, and say last where it is."""
    log.say("asking trebold")
    text = read()
    folder = machine.at(FOLDER)
    folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    name = f"{upid.node}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(upid.start))}.txt"
    write_text(folder / name, text, mode=_PRIVATE_FILE)
    older = sorted(folder.glob("*.txt"), key=lambda path: path.stat().st_mtime_ns, reverse=True)[KEPT:]
    for path in older:
        path.unlink(missing_ok=True)
    log.say(f"{len(text.encode())} bytes")
    log.say(f"/{FOLDER}/{name}")
