"""What goes wrong, as an answer: one status, one shape, and the message as the reason phrase.

`{"data": null, "message": "…\\n"}`, with `"errors": {"argument": "why"}` where arguments are to blame, and `"code"`
where it passes by itself (`trebol_node.cluster.waiting`). Messages are for programs too, and stay English: "does not
exist" and "already exists" are what clients look for.
"""

from __future__ import annotations

import http
import json
import logging
import secrets
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trebol_common.errors import BadInput, NoSpace, Refused, TrebolError
from trebol_node.access.errors import Denied, Exists, Invalid, Missing, NotAuthenticated
from trebol_node.api.wire import phrase
from trebol_node.cluster.waiting import code_of
from trebol_node.store.errors import Conflict, TooLarge, Unavailable
from trebol_node.system.held import NotRead
from trebol_node.tasks import NoSuchTask
from trebol_node.worker.errors import Modified, NotFound, WorkerAbsent

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/json;charset=UTF-8"


class ApiError(Exception):
    """An answer that is not 200. `errors` says what is wrong with which argument; `code` is for programs."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        code: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = dict(errors or {})
        self.headers = dict(headers or {})
        self.code = code


def wrong(**errors: str) -> ApiError:
    """400 for arguments that are wrong, in Proxmox VE's words; `_` in their names is `-`."""
    return wrong_arguments({name.replace("_", "-"): why for name, why in errors.items()})


def wrong_arguments(errors: Mapping[str, str]) -> ApiError:
    """400 for arguments by their names as the client knows them."""
    return ApiError(400, "Parameter verification failed.", errors=errors)


def body_of(message: str, errors: Mapping[str, str] | None = None, code: str = "") -> bytes:
    """The JSON of an error."""
    shape: dict[str, object] = {"data": None, "message": message.rstrip("\n") + "\n"}
    if errors:
        shape["errors"] = dict(errors)
    if code:
        shape["code"] = code
    return json.dumps(shape, ensure_ascii=False).encode()


def answer(request: Request, error: ApiError) -> Response:
    """The response to `request` that says `error`."""
    phrase(request.scope, error.message)
    return Response(
        body_of(error.message, error.errors, error.code), error.status, headers=error.headers, media_type=CONTENT_TYPE
    )


#: Other packages' errors and their statuses; the first that fits counts.
_STATUSES: tuple[tuple[type[TrebolError], int], ...] = (
    (NotAuthenticated, 401),
    (Denied, 403),
    (Missing, 404),
    (NoSuchTask, 404),
    (NotFound, 404),
    (Exists, 409),
    (Conflict, 409),
    (Modified, 409),
    (Unavailable, 503),
    (NotRead, 503),
    (WorkerAbsent, 503),
    (TooLarge, 507),
    (NoSpace, 507),
    (BadInput, 400),
    (Refused, 409),
    (TrebolError, 500),
)


def of_trebol(error: TrebolError) -> ApiError:
    """What another package says went wrong. Hints stay: they are what to do."""
    if isinstance(error, Invalid) and error.argument:
        return wrong_arguments({error.argument: error.problems[0].what})
    status = next(status for kind, status in _STATUSES if isinstance(error, kind))
    text = "; ".join(_line(each.what, each.where, each.hint) for each in error.problems)
    return ApiError(status, text, code=code_of(error))


def _line(what: str, where: str, hint: str) -> str:
    text = f"{where}: {what}" if where else what
    return f"{text} ({hint})" if hint else text


def of_http(error: HTTPException) -> ApiError:
    """What FastAPI itself refuses."""
    text = error.detail if isinstance(error.detail, str) else http.HTTPStatus(error.status_code).phrase
    return ApiError(error.status_code, text, headers=error.headers)


class Faults:
    """The middleware for exceptions that nobody expected: 500 with an id, by which the journal has them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception:
            number = secrets.token_hex(4)
            log.exception("error %s", number)
            if started or scope["type"] != "http":
                raise
            error = ApiError(500, f"internal error {number}: see the journal of trebold on this node")
            await answer(Request(scope), error)(scope, receive, send)
