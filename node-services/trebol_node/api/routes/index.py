"""Indexes: what is below a path, for clients that walk the tree."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute

from trebol_node.api.forms import no_arguments
from trebol_node.api.identity import identify
from trebol_node.api.routing import api_router


def children(paths: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """For each path that others are below and that is none itself: the names right below it. Pure.

    Names in braces are not listed, as nobody knows them; a path with none but those is left out.
    """
    found: dict[str, set[str]] = {}
    for path in paths:
        parts = path.strip("/").split("/")
        for depth in range(len(parts)):
            above = "/" + "/".join(parts[:depth])
            if above not in paths and not parts[depth].startswith("{"):
                found.setdefault(above, set()).add(parts[depth])
    return {path: tuple(sorted(names)) for path, names in sorted(found.items())}


def router(app: FastAPI, prefix: str) -> APIRouter:
    """`GET` of each path of `app` below `prefix` that has others below it and no function of its own."""
    made = api_router(tag="index")
    paths = frozenset(
        route.path.removeprefix(prefix)
        for route in app.routes
        if isinstance(route, APIRoute) and route.path.startswith(prefix)
    )
    for path, names in children(paths).items():
        made.add_api_route(
            "" if path == "/" else path,
            _lister(names),
            methods=["GET"],
            dependencies=[Depends(identify), no_arguments],
            name=f"index of {path}",
        )
    return made


def _lister(names: tuple[str, ...]) -> Callable[[], Awaitable[list[dict[str, str]]]]:
    async def index() -> list[dict[str, str]]:
        """What is below."""
        return [{"name": name, "subdir": name} for name in names]

    return index
