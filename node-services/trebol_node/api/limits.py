"""What a request may be at most, checked before anything is done about it."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from trebol_node.api.errors import ApiError, answer

#: Bytes of a body (Proxmox VE's own limit), and of a head; lines of a head.
BODY = 512 * 1024
HEAD = 8 * 1024
LINES = 64

#: A body that is too large is read all the same up to so many bytes, so that its sender hears why.
DRAINED = 8 << 20

#: "/" that is one only when decoded, control characters, and segments that mean another place.
_STRANGE_PATH = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffd]|(^|/)\.{1,2}(/|$)")


def too_large() -> ApiError:
    """413; the connection ends."""
    return ApiError(413, f"the body is larger than {BODY} bytes", headers={"connection": "close"})


def check(scope: Scope) -> None:
    """Raise ApiError for a request that is too large, or whose path means another."""
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    if len(headers) > LINES:
        raise ApiError(431, f"the request has more than {LINES} header lines", headers={"connection": "close"})
    line = len(scope.get("raw_path") or b"") + len(scope["query_string"])
    if line + sum(len(name) + len(value) + 4 for name, value in headers) > HEAD:
        raise ApiError(431, f"the request's header is larger than {HEAD} bytes", headers={"connection": "close"})
    for name, value in headers:
        # h11 lets digits pass only.
        if name == b"content-length" and int(value) > BODY:
            raise too_large()
    if _STRANGE_PATH.search(scope["path"]):
        raise ApiError(400, "the path is not valid")


async def _drain(scope: Scope, receive: Receive) -> None:
    """Read what is refused: closed with it unread, a connection takes the answer along (RFC 9112, 9.6)."""
    if int(dict(scope["headers"])[b"content-length"]) <= DRAINED:
        while (await receive()).get("more_body", False):
            pass


class Limits:
    """Refuses what is too much; one "/" at the end of a path means nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http":
            try:
                check(scope)
            except ApiError as error:
                if error.status == 413:
                    await _drain(scope, receive)
                await answer(Request(scope), error)(scope, receive, send)
                return
            if len(scope["path"]) > 1 and scope["path"].endswith("/"):
                scope = {**scope, "path": scope["path"][:-1]}
        await self._app(scope, receive, send)
