"""Requests for another member are handed on to it: `/nodes/OTHER/…`, whatever the method.

Who asks is found out here, as for any request; the other member is told by a signed line
(`trebol_node.access.handed`) and looks at their rights itself. Credentials stay here. A request that was handed on is
never handed on again.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trebol_common.errors import TrebolError
from trebol_node.access import handed
from trebol_node.access.handed import Asked, Handed
from trebol_node.access.names import Identity
from trebol_node.api.audit import READS, noted, origin
from trebol_node.api.context import Context, context_of
from trebol_node.api.errors import ApiError
from trebol_node.api.forms import whole_body
from trebol_node.api.handing.exchange import Incoming, Outgoing, exchange
from trebol_node.api.handing.members import Member
from trebol_node.api.handing.others import Others
from trebol_node.api.identity import identify, target_of
from trebol_node.api.wire import phrase

log = logging.getLogger(__name__)

_OF_A_NODE = re.compile(r"/api2/json/nodes/([^/]+)(?:/.*)?", re.DOTALL)

#: What of a request's head means anything to whoever carries it out, and of an answer's to the client.
_SENT = ("accept", "content-type")
_SHOWN = frozenset({b"allow", b"content-disposition", b"content-type", b"retry-after"})

#: Bytes of an answer that are waited for before it is begun: of one that breaks off before the client hears why.
_HELD = 1 << 20

#: Requests that are handed on at the same time.
AT_ONCE = 128

Refuse = Callable[[Request, ApiError | TrebolError], Awaitable[Response]]


class HandOn:
    """The middleware that hands on; `refuse` makes the answer of an error."""

    def __init__(self, app: ASGIApp, *, refuse: Refuse) -> None:
        self._app = app
        self._refuse = refuse
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        request = Request(scope, receive) if scope["type"] == "http" else None
        member = None if request is None else _other(request)
        if request is None or member is None:
            await self._app(scope, receive, send)
            return
        context = context_of(request)
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            # Who is nobody learns of no node, and has no body read.
            identity = await identify(request)
            if self._under_way >= AT_ONCE:
                raise ApiError(503, f"{AT_ONCE} requests for other nodes are under way: try again")
            self._under_way += 1
            try:
                await self._hand_on(request, watch, context.others, member, identity)
            finally:
                self._under_way -= 1
        except (ApiError, TrebolError) as error:
            if started:
                # The server ends the connection: that is how a client learns that this was not all.
                log.warning("%s", error)
                return
            await (await self._refuse(request, error))(scope, receive, send)

    async def _hand_on(
        self, request: Request, send: Send, others: Others, member: Member, identity: Identity
    ) -> None:
        context = context_of(request)
        said = outgoing(context, member, Handed(identity, origin(request.scope), context.node), request)
        asked = Outgoing(said.method, said.target, said.headers, await whole_body(request))
        async with exchange(others.connector, member, asked) as answer:
            begun = await _begin(answer)
            noted(request.scope).handed = True
            if request.method not in READS:
                others.changed(member.name)
            await _answer(request, send, answer, begun)


def outgoing(context: Context, member: Member, who: Handed, request: Request) -> Outgoing:
    """The request as `member` gets it, without its body."""
    target = target_of(request.scope)
    asked = Asked(member.name, request.method, target)
    told = handed.make(context.accounts.read().keys, who, asked, context.clock.now())
    kept = tuple((name.encode(), value.encode("latin-1")) for name in _SENT if (value := request.headers.get(name)))
    return Outgoing(request.method, target, (*kept, (handed.HEADER.encode(), told.encode())))


def _other(request: Request) -> Member | None:
    """The member that a request is for, where that is another one and it was not handed on to here."""
    found = _OF_A_NODE.fullmatch(request.scope["path"])
    if found is None or handed.HEADER in request.headers:
        return None
    return context_of(request).others.find(found[1])


async def _begin(answer: Incoming) -> tuple[bytes, bool]:
    """The answer's first part, and whether it is all."""
    held: list[bytes] = []
    size = 0
    async for part in answer.parts:
        held.append(part)
        size += len(part)
        if size >= _HELD:
            return b"".join(held), False
    return b"".join(held), True


async def _answer(request: Request, send: Send, answer: Incoming, begun: tuple[bytes, bool]) -> None:
    first, is_all = begun
    headers = [(name, value) for name, value in answer.headers if name in _SHOWN]
    if is_all and request.method != "HEAD":
        headers.append((b"content-length", str(len(first)).encode()))
    if answer.status >= 400:
        phrase(request.scope, answer.reason.decode("latin-1"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": first, "more_body": not is_all})
    if is_all:
        return
    async for part in answer.parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
