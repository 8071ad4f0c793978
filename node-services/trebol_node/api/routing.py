"""Routes whose functions return plain values, which become `{"data": …}`."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
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
        """FastAPI's, around a function whose result is in its envelope: nothing is left for FastAPI to encode.

        Where nothing but requests and names in the path goes in, as nearly everywhere, it is done without FastAPI's
        general way, which takes as long as all the rest of an answer from memory.
        """
        assert self.dependant.call is not None
        self.dependant.call = _enveloped(self.dependant.call)
        if not _is_plain(self.dependant):
            return super().get_route_handler()

        async def handle(request: Request) -> Response:
            answer: Response = await _call(self.dependant, request, {})
            return answer

        return handle


def _is_plain(dependant: Dependant) -> bool:
    """Whether all that a coroutine takes is the request, text from the path, and what others like it return."""
    others = (
        dependant.query_params,
        dependant.header_params,
        dependant.cookie_params,
        dependant.body_params,
        dependant.websocket_param_name,
        dependant.http_connection_param_name,
        dependant.response_param_name,
        dependant.background_tasks_param_name,
        dependant.security_scopes_param_name,
        dependant.security_requirements,
    )
    function = dependant.call
    is_coroutine = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 (whose kind it is, not whether there is one)
    )
    return (
        is_coroutine
        and not any(others)
        and all(field.type_ is str and not field.field_info.metadata for field in dependant.path_params)
        and all(map(_is_plain, dependant.dependencies))
    )


async def _call(dependant: Dependant, request: Request, known: dict[Any, Any]) -> Any:
    """What a plain dependant returns; each of those below it is called once for a request."""
    values: dict[str, Any] = {}
    for below in dependant.dependencies:
        if below.call not in known:
            known[below.call] = await _call(below, request, known)
        if below.name is not None:
            values[below.name] = known[below.call]
    for field in dependant.path_params:
        values[field.name] = request.path_params[field.alias]
    if dependant.request_param_name is not None:
        values[dependant.request_param_name] = request
    assert dependant.call is not None
    return await dependant.call(**values)


def _enveloped(function: Handler) -> Handler:
    @functools.wraps(function)
    async def call(*arguments: Any, **named: Any) -> Response:
        result = await function(*arguments, **named)
        return result if isinstance(result, Response) else Envelope(result)

    return call


def api_router(prefix: str = "", *, tag: str = "") -> APIRouter:
    """A router for one subtree: `@router.get(path)` over a coroutine that returns plain values."""
    return APIRouter(prefix=prefix, route_class=Route, tags=[tag] if tag else None)
