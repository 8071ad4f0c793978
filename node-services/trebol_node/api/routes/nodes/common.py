"""What routes of a node share: that it is this node, the worker's errors, answers with more than data."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from trebol_common.errors import BadInput, TrebolError
from trebol_node.api.context import Context, context_of
from trebol_node.api.errors import CONTENT_TYPE, ApiError, wrong_arguments
from trebol_node.api.identity import SignedIn
from trebol_node.api.routing import api_router
from trebol_node.worker.errors import Modified, NotFound, WorkerAbsent

#: The path below which everything of a node is, and its object in the ACL tree.
NODE = "/nodes/{node}"


async def _this_node(request: Request, _who: SignedIn) -> None:
    """401 comes first: who is nobody learns of no node."""
    name = request.path_params["node"]
    if name not in (context_of(request).node, "localhost"):
        raise ApiError(404, f"node '{_short(name)}' does not exist", errors={"node": "does not exist"})


#: Other nodes than this one are 404.
this_node = Depends(_this_node)


def subtree(path: str, tag: str, *more: Any) -> APIRouter:
    """A router for `path` of this node and what is below it, with `more` dependencies."""
    made = api_router(f"{NODE}{path}", tag=tag)
    made.dependencies = [this_node, *more]
    return made


def _short(name: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in name[:64])


def extended(data: Any, **others: Any) -> Response:
    """`{"data": …}` with what Proxmox VE puts beside it: `total`, `changes`. What is None is left out."""
    members = {"data": data, **{name: value for name, value in others.items() if value is not None}}
    return Response(json.dumps(members, ensure_ascii=False, separators=(",", ":")), media_type=CONTENT_TYPE)


async def ask(context: Context, operation: Any, who: str) -> Any:
    """What the worker answers; its errors are those of the API."""
    try:
        return await context.worker.call(operation, who=who)
    except NotFound as error:
        raise ApiError(404, _words(error), errors=_arguments(error)) from error
    except Modified as error:
        raise ApiError(409, _words(error), errors=_arguments(error)) from error
    except WorkerAbsent as error:
        raise ApiError(503, str(error).replace("\n  → ", ": ")) from error
    except BadInput as error:
        raise of_input(error) from error


def checked(make: Callable[[], Any]) -> Any:
    """What `make` returns; BadInput of it is 400 at the arguments that its problems are about."""
    try:
        return make()
    except BadInput as error:
        raise of_input(error) from error


def of_input(error: BadInput) -> ApiError:
    """400 with a reason at each argument; where none is to blame, with the reasons alone."""
    found = _arguments(error)
    return wrong_arguments(found) if found else ApiError(400, _words(error))


def _words(error: TrebolError) -> str:
    return "; ".join(problem.what for problem in error.problems)


def _arguments(error: TrebolError) -> dict[str, str]:
    """The reasons at each argument."""
    found: dict[str, list[str]] = {}
    for problem in error.problems:
        if problem.where:
            found.setdefault(problem.where, []).append(problem.what)
    return {name: "; ".join(reasons) for name, reasons in found.items()}
