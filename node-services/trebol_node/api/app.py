"""The application: every subtree of paths, around it limits, audit and the one shape of errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.types import Lifespan

from trebol_common import __version__
from trebol_common.errors import TrebolError
from trebol_node.api import errors
from trebol_node.api.audit import Audit, noted
from trebol_node.api.context import Context, context_of
from trebol_node.api.errors import ApiError, Faults
from trebol_node.api.forms import explain
from trebol_node.api.handing.handing import HandOn
from trebol_node.api.known import is_known
from trebol_node.api.limits import Limits
from trebol_node.api.openapi import document
from trebol_node.api.routes import access, cluster, ha, index, version

PREFIX = "/api2/json"
DOCUMENT = "/api2/openapi.json"

#: Seconds that an answer of 401 takes longer: who guesses passwords waits, without holding a thread.
UNAUTHORIZED_DELAY = 3.0


def make_app(
    context: Context,
    *,
    routers: Iterable[APIRouter] = (),
    beside: Iterable[APIRouter] = (),
    lifespan: Lifespan[FastAPI] | None = None,
) -> FastAPI:
    """The API of a node; `routers` add subtrees below PREFIX, `beside` paths of their own (`/metrics`), `lifespan`
    what runs along with it."""
    app = FastAPI(
        title="Trebol",
        version=__version__,
        summary="A node's API in the shape of Proxmox VE's",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        middleware=[
            Middleware(Audit, sink=context.audit, recent=context.recent, now=context.clock.now),
            Middleware(Faults),
            Middleware(Limits),
            Middleware(HandOn, refuse=_refused),
        ],
    )
    app.state.context = context
    _handle_errors(app)
    for router in (cluster.router, ha.router, *routers, version.router, access.router):
        app.include_router(router, prefix=PREFIX)
    app.include_router(index.router(app, PREFIX), prefix=PREFIX)
    for router in beside:
        app.include_router(router)
    _serve_document(app)
    return app


def _serve_document(app: FastAPI) -> None:
    made: list[bytes] = []

    async def serve(request: Request) -> Response:
        if not made:
            made.append(document(app))
        return Response(made[0], media_type="application/json")

    app.add_route(DOCUMENT, serve, include_in_schema=False)


def _handle_errors(app: FastAPI) -> None:
    async def of_http(request: Request, error: HTTPException) -> Response:
        return await _refused(request, _not_routed(request, error) or errors.of_http(error))

    async def of_fastapi(request: Request, error: RequestValidationError) -> Response:
        return errors.answer(request, errors.wrong_arguments(dict(explain(error.errors()))))

    handlers: dict[type[Exception], Callable[[Request, Any], Awaitable[Response]]] = {
        ApiError: _refused,
        TrebolError: _refused,
        HTTPException: of_http,
        RequestValidationError: of_fastapi,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


async def _refused(request: Request, error: ApiError | TrebolError) -> Response:
    told = errors.of_trebol(error) if isinstance(error, TrebolError) else error
    if told.status == 401:
        await _delay(request)
    return errors.answer(request, told)


async def _delay(request: Request) -> None:
    """Wait; what a wrong password cost counts: when the answer comes must not tell what it was compared with."""
    clock, since = context_of(request).clock, noted(request.scope).since
    passed = 0.0 if since is None else clock.monotonic() - since
    await clock.sleep(max(0.0, UNAUTHORIZED_DELAY - passed))


def _not_routed(request: Request, error: HTTPException) -> ApiError | None:
    """What no route answers: 501 where Proxmox VE has it, else 404 or 405."""
    path = request.scope["path"]
    if error.status_code not in (404, 405):
        return None
    method = request.method
    if not path.startswith(PREFIX):
        return ApiError(404, f"path '{path}' does not exist")
    shown = path.removeprefix(PREFIX) or "/"
    if error.status_code == 405:
        return ApiError(405, f"Method '{method} {shown}' not implemented", headers=error.headers)
    if is_known(shown):
        return ApiError(501, f"Method '{method} {shown}' not implemented", errors={"path": "not implemented"})
    return ApiError(404, f"path '{shown}' does not exist")
