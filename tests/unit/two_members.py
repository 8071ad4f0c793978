"""Two members of a cluster: n1 in this process, and n2 behind a real server on loopback, which shows what it gets."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.testclient import TestClient
from tests.unit.api_node import Lines, LiveNode, context, entry, serving, with_accounts
from tests.unit.cluster_of_three import records_of
from tests.unit.shown_node import OverSocket

from trebol_common.run import CommandRunner
from trebol_node import pki
from trebol_node.api.app import make_app
from trebol_node.api.audit import Recent
from trebol_node.api.context import Context, TheContext
from trebol_node.api.forms import Parameters, arguments
from trebol_node.api.handing.connecting import Connector
from trebol_node.api.handing.members import Member, Members
from trebol_node.api.handing.others import Others
from trebol_node.api.identity import SignedIn
from trebol_node.api.rights import requires
from trebol_node.api.routes.nodes import published, tasks
from trebol_node.api.routes.nodes.common import NODE, subtree
from trebol_node.tasks import Tasks

LARGE = b"0123456789abcdef" * (3 << 16)


class Text(Parameters):
    """What is sent."""

    text: str = ""


def shows() -> APIRouter:
    """`/nodes/NAME/shows…`: what a node gets."""
    made = subtree("", "shows")

    async def show(
        who: SignedIn, request: Request, context: TheContext, given: Annotated[Text, arguments(Text)]
    ) -> dict[str, Any]:
        said = {
            name: value for name, value in request.headers.items() if name in ("cookie", "authorization", "x-more")
        }
        return {"node": context.node, "who": str(who), "method": request.method, "text": given.text, "headers": said}

    made.add_api_route("/shows", show, methods=["GET", "POST", "PUT", "DELETE", "PATCH"])

    @made.get("/audited", dependencies=[requires(NODE, "Sys.Audit")])
    async def audited() -> str:
        return "seen"

    @made.get("/large")
    async def large(who: SignedIn) -> Response:
        return Response(LARGE, media_type="text/plain", headers={"content-disposition": "attachment"})

    @made.get("/named/{name}")
    async def named(who: SignedIn, name: str) -> str:
        return name

    return made


class Near(Members):
    """Members that are all on loopback; `online` is whom corosync sees, `shown` a fingerprint for all."""

    online: frozenset[str] = frozenset({"n1", "n2"})
    shown: str = ""

    def find(self, name: str) -> Member | None:
        """See `Members.find`."""
        found = super().find(name)
        return found and replace(found, addresses=("127.0.0.1",), fingerprint=self.shown, seen=name in self.online)


@dataclass(frozen=True)
class Two:
    """n1 as `root` and as `client` reach it, n2 as it is served. `members` are n1's others."""

    root: TestClient
    client: TestClient
    first: Context
    second: LiveNode
    members: Near

    def lines(self, of: Context | None = None) -> list[str]:
        """The audit log of n1, or of another one."""
        found = (of or self.first).audit
        assert isinstance(found, Lines)
        return [str(each) for each in found.entries]


def signed_by_cluster(folder: Path, name: str = "n2") -> Path:
    """A folder with a CA, and what it signed for a node of that name."""
    names = pki.Names(name, (name, "localhost"), ("127.0.0.1",))
    pki.prepare(names, CommandRunner(), folder=folder, own=lambda _path, _group: None)
    return folder


@contextlib.contextmanager
def two_members(folder: Path) -> Iterator[Two]:
    """The two while the block runs: one store, one CA."""
    records = records_of("n1", "n2")
    near = Near(records, "n1", lambda: None)
    first = with_accounts(context(folder / "n1", records))
    second = replace(
        first,
        node="n2",
        tasks=Tasks(folder / "tasks of n2"),
        audit=Lines(),
        recent=Recent(),
        entry=entry_of("n2"),
    )
    api = pki.API.pair(signed_by_cluster(folder / "pki"))
    routers = (tasks.router(), published.router(), shows())
    with serving(second, folder, routers=routers, pair=(api.certificate, api.key)) as live:
        others = Others(
            near,
            "n1",
            lambda: first.accounts.read(),
            Connector(folder / "pki", live.port),
            first.clock.monotonic,
            first.clock.now,
        )
        first = replace(first, node="n1", others=others, entry=entry_of("n1"), root=frozenset({os.getuid()}))
        app = make_app(first, routers=routers)
        with TestClient(OverSocket(app)) as root, TestClient(app) as client:
            yield Two(root, client, first, live, near)


def entry_of(name: str) -> Callable[[], Any]:
    """That node's entry of the list."""

    async def found() -> dict[str, Any]:
        return {**await entry(), "id": f"node/{name}", "node": name}

    return found
