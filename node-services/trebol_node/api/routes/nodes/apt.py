"""`/nodes/{node}/apt`: packages that could be brought up to date, and doing so."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter

from trebol_common.run import CommandFailed
from trebol_node.access import Identity
from trebol_node.api.context import TheContext
from trebol_node.api.errors import ApiError
from trebol_node.api.forms import Parameters, arguments, no_arguments
from trebol_node.api.rights import requires
from trebol_node.api.routes.nodes.common import NODE, ask, subtree
from trebol_node.api.routes.nodes.view import NodeView
from trebol_node.system.packages import COMMAND
from trebol_node.worker.operations import RefreshPackages, UpgradePackages

_AUDIT = requires(NODE, "Sys.Audit")
_MODIFY = requires(NODE, "Sys.Modify")
Modifier = Annotated[Identity, _MODIFY]

#: What changes with what apt would say: its lists, its sources, the states of packages.
_SOURCES = ("var/lib/dpkg/status", "var/lib/apt/lists", "etc/apt/sources.list", "etc/apt/sources.list.d")

Lists = list[dict[str, Any]]


class Refresh(Parameters):
    """Proxmox VE can send mail (`notify`), and say less (`quiet`); neither is needed of a task with a log."""

    notify: bool = False
    quiet: bool = False


class Packages:
    """What apt says, asked again when it could say something else; once at a time."""

    def __init__(self, view: NodeView) -> None:
        self._view = view
        self._alone = asyncio.Lock()
        self._known: dict[str, tuple[Mapping[str, int], Lists]] = {}

    async def get(self, word: str) -> Lists:
        """The list `word` of `trebol_node.system.packages`. 503 where apt cannot tell."""
        async with self._alone:
            moment = {path: _changed(self._view, path) for path in _SOURCES}
            known = self._known.get(word)
            if known is None or known[0] != moment:
                known = self._known[word] = (moment, await asyncio.to_thread(self._ask, word))
            return known[1]

    def _ask(self, word: str) -> Lists:
        try:
            found: Lists = json.loads(self._view.runner.run([*COMMAND, word]).stdout)
        except (CommandFailed, ValueError) as error:
            reason = error.last_lines[-1:] if isinstance(error, CommandFailed) else ("no JSON",)
            raise ApiError(503, f"apt cannot tell: {'; '.join(reason) or error}") from error
        return found


def _changed(view: NodeView, path: str) -> int:
    try:
        return (view.root / path).stat().st_mtime_ns
    except OSError:
        return 0


def router(view: NodeView) -> APIRouter:
    """The routes."""
    made = subtree("/apt", "apt")
    packages = Packages(view)

    @made.get("", dependencies=[_AUDIT, no_arguments])
    async def index() -> list[dict[str, str]]:
        """What there is."""
        return [{"id": name} for name in ("update", "upgrade", "versions")]

    @made.get("/update", dependencies=[_MODIFY, no_arguments])
    async def updates() -> Lists:
        """Packages that would be brought up to date, by what the node knows of the mirrors."""
        return await packages.get("updates")

    @made.post("/update")
    async def refresh(who: Modifier, context: TheContext, _given: Annotated[Refresh, arguments(Refresh)]) -> str:
        """Ask the mirrors; the task's UPID."""
        upid: str = await ask(context, RefreshPackages(), who.user)
        return upid

    @made.post("/upgrade", dependencies=[no_arguments])
    async def upgrade(who: Modifier, context: TheContext) -> str:
        """Bring all packages up to date; the task's UPID. Its last lines say what was done, and whether to reboot."""
        upid: str = await ask(context, UpgradePackages(), who.user)
        return upid

    @made.get("/versions", dependencies=[_AUDIT, no_arguments])
    async def versions() -> Lists:
        """Of the packages that the node is made of."""
        return await packages.get("versions")

    return made
