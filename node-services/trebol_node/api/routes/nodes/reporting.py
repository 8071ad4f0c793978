"""The sections of a node's report, from what its view holds and the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from trebol_common import FINDINGS, INSTALLED, __version__
from trebol_common.errors import TrebolError
from trebol_hardware.probe.sysfs import read_text
from trebol_node.api.routes.nodes.view import NodeView
from trebol_node.system.journal import Journal, read_journal
from trebol_node.system.names import read_dns, read_hosts
from trebol_node.system.report import report

#: Lines of the journal, warnings and worse.
_LINES = 500

#: Files that anybody may read.
_FILES = ("etc/os-release", "proc/cmdline", "proc/meminfo", "proc/mdstat", "proc/self/mounts", INSTALLED, FINDINGS)


async def make_report(view: NodeView, tasks: Sequence[Any], now: float, *, journal: bool) -> str:
    """The report of this moment, with `journal` for who may read that. What cannot be read says why."""
    sections: list[tuple[str, Any]] = [
        (
            "report",
            f"node {view.name}, trebol {__version__}, {datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M:%S} UTC",
        )
    ]
    parts: dict[str, Callable[[], Awaitable[Any]]] = {
        "status": view.status,
        "services": view.services.get,
        "network": view.interfaces,
        "disks": view.disks,
    }
    for title, read in parts.items():
        sections.append((title, await _told(read)))
    sections += [("netplan", await _told(lambda: _netplan(view)))]
    sections += [("dns", read_dns(view.root)), ("/etc/hosts", read_hosts(view.root)["data"]), ("tasks", [*tasks])]
    sections += [(f"/{path}", read_text(view.root / path)) for path in _FILES]
    lines = await _told(lambda: _journal(view)) if journal else "left out: needs Sys.Syslog"
    sections.append(("journal, warnings", lines))
    return await asyncio.to_thread(report, sections)


async def _told(read: Callable[[], Awaitable[Any]]) -> Any:
    try:
        return await read()
    except TrebolError as error:
        return f"not known: {error}"


async def _netplan(view: NodeView) -> str:
    files = await view.network.get()
    return f"{files.wanted}\n{files.changes}"


async def _journal(view: NodeView) -> list[str]:
    wanted = Journal(entries=_LINES, priority="warning")
    lines = await asyncio.to_thread(read_journal, view.runner, wanted, UTC)
    return lines[1:-1]
