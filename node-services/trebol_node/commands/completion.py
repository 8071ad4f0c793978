"""What a shell completes of a node's values: paths of the API and their arguments, services, tasks.

All is asked of the node's daemon, as whoever presses TAB. Where it does not answer, or not to this user, there is
nothing to choose from: a shell has no place for the reason. Of values, typer takes those that begin as the word does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from trebol_common.errors import TrebolError
from trebol_node.client import API_SOCKET, LOCALHOST, PREFIX, Api

#: Words of `trebol api` → methods.
METHODS = {"get": "get", "create": "post", "set": "put", "delete": "delete"}

#: Values of what stands in braces, by the path above it and its name.
Values = Callable[[str, str], Iterable[str]]


def paths(context: click.Context, incomplete: str) -> list[str]:
    """Paths that the command's method knows, one name further."""
    api = _api(context)
    try:
        return below(_operations(api, context), incomplete, lambda above, name: _listed(api, above, name))
    except TrebolError:
        return []


def arguments(context: click.Context, incomplete: str) -> list[str]:
    """`name=` of the arguments that a path takes and that are not given yet; of one with few values, these."""
    try:
        operation = operation_at(_operations(_api(context), context), context.params.get("path") or "")
    except TrebolError:
        return []
    given = {word.partition("=")[0] for word in context.params.get("given") or ()}
    taken = {name: schema for name, schema in schemas(operation).items() if name not in given}
    name, equals, _value = incomplete.partition("=")
    return [f"{name}={each}" for each in choices(taken.get(name, {}))] if equals else [f"{each}=" for each in taken]


def services(context: click.Context) -> list[str]:
    """Services that this node has."""
    found = _get(context, f"{_node(context)}/services")
    return [each["service"] for each in found if each["unit-state"] != "not-found"]


def nodes(context: click.Context) -> list[str]:
    """Nodes of the cluster."""
    return [each["node"] for each in _get(context, "/nodes")]


def tasks(context: click.Context) -> list[str]:
    """UPIDs of the newest tasks; with --end or --wait, of those that run."""
    source = "active" if context.params.get("end") or context.params.get("wait") else "all"
    found = _get(context, f"{_node(context)}/tasks", source=source, limit="50")
    return [each["upid"] for each in found]


def below(known: Iterable[str], incomplete: str, values: Values) -> list[str]:
    """What `incomplete` can become of the paths that are known, up to the next slash. Those that others are below end
    in one, which the API overlooks. Pure, but for `values`."""
    *before, start = incomplete.removeprefix("/").split("/")
    slash = "" if incomplete and not incomplete.startswith("/") else "/"
    above = "".join(f"/{name}" for name in before)
    found: dict[str, bool] = {}
    for path in known:
        parts = _parts(path)
        if len(parts) > len(before) and _fits(parts, before) and parts[len(before)]:
            found[parts[len(before)]] = found.get(parts[len(before)], False) or len(parts) > len(before) + 1
    names = {
        name: deeper
        for part, deeper in found.items()
        for name in (values(above or "/", part[1:-1]) if part.startswith("{") else (part,))
        if name.startswith(start)
    }
    return sorted(
        f"{above}/{name}".replace("/", slash, 1) + ("/" if deeper else "") for name, deeper in names.items()
    )


def operation_at(operations: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """What the document says of a path; of two that fit, of the one with fewer braces. Empty where none does."""
    parts = _parts(path)
    fitting = [each for each in operations if len(_parts(each)) == len(parts) and _fits(_parts(each), parts)]
    return operations[min(fitting, key=lambda each: each.count("{"))] if fitting else {}


def schemas(operation: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of each argument, by its name."""
    found = {each["name"]: each["schema"] for each in operation.get("parameters", ()) if each["in"] == "query"}
    for each in operation.get("requestBody", {}).get("content", {}).values():
        found |= each["schema"].get("properties", {})
    return found


def choices(schema: Mapping[str, Any]) -> Iterator[str]:
    """The values that it names, wherever it does."""
    for each in (schema, *schema.get("anyOf", ())):
        values = [*each.get("enum", ()), *([each["const"]] if "const" in each else ())]
        yield from (value for value in values if isinstance(value, str))


def _parts(path: str) -> list[str]:
    return path.strip("/").split("/")


def _fits(parts: Sequence[str], names: Sequence[str]) -> bool:
    """Whether names stand in a path from its beginning on."""
    return all(part == name or part.startswith("{") for part, name in zip(parts, names, strict=False))


def _node(context: click.Context) -> str:
    """The path of the node that --node names."""
    return f"/nodes/{context.params.get('node') or LOCALHOST}"


def _api(context: click.Context) -> Api:
    return Api(Path(context.params.get("socket") or API_SOCKET))


def _operations(api: Api, context: click.Context) -> dict[str, Any]:
    """Path → what the document says of the command's method there."""
    method = METHODS.get(context.info_name or "", "get")
    found = api.document()["paths"]
    return {path.removeprefix(PREFIX): each[method] for path, each in found.items() if method in each}


def _listed(api: Api, above: str, name: str) -> list[str]:
    """Values of a name in what the path above it lists; none where it lists something else."""
    try:
        found = api.get(above)
    except TrebolError:
        return []
    return [each[name] for each in found if name in each] if isinstance(found, list) else []


def _get(context: click.Context, path: str, **words: str) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = _api(context).get(path, **words)
    except TrebolError:
        return []
    return found
