"""`/cluster/…`: what all nodes show together; a node alone is its own cluster of one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from trebol_node.access.errors import shown
from trebol_node.api.context import Context, TheContext
from trebol_node.api.errors import wrong
from trebol_node.api.forms import Parameters, Words, arguments, no_arguments
from trebol_node.api.identity import SignedIn
from trebol_node.api.rights import requires
from trebol_node.api.routes.together import entries, newest_tasks, newest_writes
from trebol_node.api.routing import api_router

OPTIONS = "options"

#: Identifiers of guests (Proxmox VE's own limits), and where free ones are looked for by default.
_LOWEST, _HIGHEST = 100, 999_999_999
_DEFAULT_UPPER = 1_000_000

router = api_router("/cluster", tag="cluster")


@router.get("/status", dependencies=[requires("/", "Sys.Audit"), no_arguments])
async def status(context: TheContext) -> list[dict[str, Any]]:
    """The cluster and its nodes; of a node that stands alone, itself."""
    return context.membership()


class Kind(Parameters):
    """`type` of resources to show; all by default."""

    type: Literal["vm", "storage", "node", "sdn"] | None = None


@router.get("/resources")
async def resources(
    who: SignedIn, context: TheContext, wanted: Annotated[Kind, arguments(Kind)]
) -> list[Mapping[str, Any]]:
    """Nodes, with their numbers for those who may see them; guests and storages once there are any."""
    if wanted.type not in (None, "node"):
        return []
    return await entries(context, who)


class NextId(Parameters):
    """`vmid` asks whether that one is free."""

    vmid: Annotated[int, Field(ge=_LOWEST, le=_HIGHEST)] | None = None


@router.get("/nextid")
async def next_id(_who: SignedIn, context: TheContext, wanted: Annotated[NextId, arguments(NextId)]) -> str:
    """The next free identifier of a guest; as text, as Proxmox VE has it. No guest exists yet, so none is taken."""
    if wanted.vmid is not None:
        return str(wanted.vmid)
    return _options(context).get("next-id", {}).get("lower") or str(_LOWEST)


@router.get("/tasks", dependencies=[no_arguments])
async def tasks(who: SignedIn, context: TheContext) -> list[Mapping[str, Any]]:
    """The newest tasks of each node: all of those whose node's one may see, else one's own."""
    return await newest_tasks(context, who)


class Latest(Parameters):
    """`max` entries, newest first."""

    max: Annotated[int, Field(ge=1)] = 50


@router.get("/log")
async def log(
    who: SignedIn, context: TheContext, wanted: Annotated[Latest, arguments(Latest)]
) -> list[Mapping[str, Any]]:
    """Writes since the daemons started: all for those with Sys.Syslog on `/`, else one's own. Journals have all."""
    return newest_writes(context, who, wanted.max)


class Options(Parameters):
    """Options of the datacenter; what is not given stays as it is, what `delete` names is as by default again."""

    description: Annotated[str | None, Field(max_length=64 * 1024)] = None
    keyboard: Annotated[str | None, Field(pattern=r"\A[a-z]{2}(-[a-z]{2})?\z")] = None
    language: Annotated[str | None, Field(pattern=r"\A[a-z]{2}(_[A-Z]{2})?\z")] = None
    email_from: Annotated[
        str | None, Field(alias="email_from", pattern=r"\A[^\s@<>,]{1,64}@[A-Za-z0-9.-]{1,190}\z")
    ] = None
    mac_prefix: Annotated[
        str | None, Field(alias="mac_prefix", pattern=r"\A[0-9A-Fa-f][02468aceACE](:[0-9A-Fa-f]{2}){0,2}:?\z")
    ] = None
    next_id: Annotated[str | None, Field(max_length=64)] = None
    delete: Words = ()


@router.get("/options", dependencies=[no_arguments])
async def get_options(who: SignedIn, context: TheContext) -> dict[str, Any]:
    """The options that differ from their defaults; without Sys.Audit on `/` those that every client needs."""
    found = _options(context)
    if context.accounts.read().may(who, "/", ("Sys.Audit",)):
        return found
    return {name: value for name, value in found.items() if name in ("keyboard", "language", "next-id")}


@router.put("/options", dependencies=[requires("/", "Sys.Modify")])
async def set_options(context: TheContext, given: Annotated[Options, arguments(Options)]) -> None:
    """Change them."""
    changes = given.model_dump(by_alias=True, exclude={"delete"}, exclude_none=True)
    known = {field.alias or name for name, field in Options.model_fields.items()} - {"delete"}
    if unknown := [name for name in given.delete if name not in known]:
        raise wrong(delete=f"unknown option '{shown(unknown[0])}'")
    if both := [name for name in given.delete if name in changes]:
        raise wrong(delete=f"cannot set and delete property '{both[0]}' at the same time")
    if "next-id" in changes:
        changes["next-id"] = _range_of(changes["next-id"])
    record = context.records.get(OPTIONS)
    before = {} if record is None else record.value
    value = {name: each for name, each in {**before, **changes}.items() if name not in given.delete}
    await asyncio.to_thread(context.records.put, OPTIONS, value, expected=0 if record is None else record.revision)


def _options(context: Context) -> dict[str, Any]:
    record = context.records.get(OPTIONS)
    return {} if record is None else dict(record.value)


def _range_of(text: str) -> dict[str, str]:
    """`lower=100,upper=1000` as an object; raises ApiError. `upper` itself is not used (Proxmox VE)."""
    found = dict(part.partition("=")[::2] for part in text.split(",") if part)
    if set(found) - {"lower", "upper"} or not all(each.isascii() and each.isdigit() for each in found.values()):
        raise wrong(next_id="value is not 'lower=NUMBER,upper=NUMBER'")
    lower, upper = int(found.get("lower", _LOWEST)), int(found.get("upper", _DEFAULT_UPPER))
    if not _LOWEST <= lower < upper <= _HIGHEST:
        raise wrong(next_id=f"not {_LOWEST} <= lower < upper <= {_HIGHEST}")
    return {name: str(int(each)) for name, each in found.items()}
