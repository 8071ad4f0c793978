"""Routes whose functions return plain values, which become `{"data": …}`."""

from __future__ import annotations

import functools
import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from trebol_node.api.errors import CONTENT_TYPE

Handler = Callable[..., Awaitable[Any]]


class Envelope(Response):
    """`{"data": …}`, UTF-8."""

    media_type = CONTENT_TYPE

    def render(self, content: Any) -> bytes:
        """Compact JSON; what is no JSON (NaN) is a bug."""
        return json.dumps({"data": content}, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


class Route(APIRoute):
    """A route of the API. Its function is a coroutine that returns what JSON can hold, or a Response."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's, around a function whose result is in its envelope: nothing is left for FastAPI to encode."""
        assert self.dependant.call is not None
        self.dependant.call = _enveloped(self.dependant.call)
        return super().get_route_handler()


def _enveloped(function: Handler) -> Handler:
    @functools.wraps(function)
    async def call(*arguments: Any, **named: Any) -> Response:
        result = await function(*arguments, **named)
        return result if isinstance(result, Response) else Envelope(result)

    return call


def api_router(prefix: str = "", *, tag: str = "") -> APIRouter:
    """A router for one subtree: `@router.get(path)` over a coroutine that returns plain values."""
    return APIRouter(prefix=prefix, route_class=Route, tags=[tag] if tag else None)
