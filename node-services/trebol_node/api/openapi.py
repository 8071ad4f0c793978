"""The API's OpenAPI document: FastAPI's, and what it cannot know: arguments, the envelope, errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from trebol_node.api.forms import Arguments, Parameters
from trebol_node.api.identity import COOKIE, CSRF, identify
from trebol_node.api.rights import Requires

_SECURITY = {
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "PVEAPIToken=USER@REALM!TOKEN=SECRET",
    },
    "ticket": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "Of POST /access/ticket."},
    "csrf": {"type": "apiKey", "in": "header", "name": CSRF, "description": "With the ticket, for all but GET."},
}

#: For a route that is open to whoever shows a token by which nodes join, and to no user: `openapi_extra`.
BY_TOKEN: dict[str, Any] = {"security": []}

_ERROR = {
    "type": "object",
    "required": ["data", "message"],
    "properties": {
        "data": {"type": "null"},
        "message": {"type": "string"},
        "errors": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}

_DATA = {"type": "object", "required": ["data"], "properties": {"data": {}}}


def document(app: FastAPI) -> bytes:
    """The document as JSON."""
    found = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
    components = found.setdefault("components", {})
    components["securitySchemes"] = _SECURITY
    components["schemas"] = {"Error": _ERROR}
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods:
                _complete(found["paths"][route.path_format][method.lower()], route, reads=method in ("GET", "DELETE"))
    return json.dumps(found, ensure_ascii=False).encode()


def _complete(operation: dict[str, Any], route: APIRoute, *, reads: bool) -> None:
    called = [each.call for each in _all(route.dependant)]
    for path_parameter in operation.get("parameters", ()):
        # A segment is never empty, and never two.
        path_parameter["schema"] = {"type": "string", "pattern": r"^[^/]+$", "minLength": 1}
    for each in called:
        if isinstance(each, Arguments):
            _add_arguments(operation, each.model, reads=reads)
    needs = [each for each in called if isinstance(each, Requires)]
    if needs or identify in called:
        operation["security"] = [{"token": []}, {"ticket": []} if reads else {"ticket": [], "csrf": []}]
    if operation.get("security") == []:
        told = "Needs no user: it is for nodes that join, which show that they have a token of the cluster."
        operation["description"] = "\n\n".join(part for part in (operation.get("description", ""), told) if part)
    if needs:
        operation["description"] = "\n\n".join(
            part for part in (operation.get("description", ""), *map(_need, needs)) if part
        )
    operation["responses"] = {
        "200": {"description": "Done", "content": {"application/json": {"schema": _DATA}}},
        "default": {
            "description": "Not done",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        },
    }


def _need(requires: Requires) -> str:
    words = (" or " if requires.any else " and ").join(requires.privileges)
    return f"Needs {words} on `{requires.path}`."


def _all(dependant: Dependant) -> Iterator[Dependant]:
    for each in dependant.dependencies:
        yield each
        yield from _all(each)


def _add_arguments(operation: dict[str, Any], model: type[Parameters], *, reads: bool) -> None:
    schema = model.model_json_schema(mode="validation")
    schema = _inlined(schema, schema.pop("$defs", {}))
    properties: dict[str, Any] = schema.get("properties", {})
    required = schema.get("required", [])
    if reads:
        operation.setdefault("parameters", []).extend(
            {"name": name, "in": "query", "required": name in required, "schema": each}
            for name, each in properties.items()
        )
    elif properties:
        body = {"schema": schema}
        operation["requestBody"] = {
            "required": bool(required),
            "content": {"application/x-www-form-urlencoded": body, "application/json": body},
        }


def _inlined(value: Any, definitions: dict[str, Any]) -> Any:
    """`value` with what it refers to in its place."""
    match value:
        case {"$ref": str(reference)}:
            return _inlined(definitions[reference.rpartition("/")[2]], definitions)
        case dict():
            return {key: _inlined(each, definitions) for key, each in value.items() if key != "title"}
        case list():
            return [_inlined(each, definitions) for each in value]
        case _:
            return value
