"""`/cluster/fencing/…`: fence devices, their agents, and their test; ours alone, Proxmox VE has none."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BeforeValidator, Field, SecretStr

from trebol_common.errors import BadInput, TrebolError
from trebol_node.access import Identity
from trebol_node.access.errors import Missing
from trebol_node.api.context import Context, TheContext
from trebol_node.api.errors import wrong
from trebol_node.api.forms import Parameters, arguments, no_arguments
from trebol_node.api.rights import requires
from trebol_node.api.routes.nodes.common import ask, checked
from trebol_node.api.routing import api_router
from trebol_node.cluster import records as cluster
from trebol_node.fencing import device, options, state
from trebol_node.fencing import records as kept
from trebol_node.fencing.agents import Agents
from trebol_node.fencing.device import Device
from trebol_node.fencing.metadata import Agent
from trebol_node.store.records import Records
from trebol_node.worker.fence_operations import SealSecrets, TestFencing
from trebol_node.worker.operation import NodeName

_AUDIT = requires("/", "Sys.Audit")
_MODIFY = requires("/", "Sys.Modify")

#: Who tests may cut a node's power.
Tester = Annotated[Identity, requires("/", "Sys.Modify", "Sys.PowerMgmt")]
Modifier = Annotated[Identity, _MODIFY]

#: Seconds until all members that are there have a device, and pacemaker knows it.
_WRITTEN_WITHIN = 30.0
_LOOK_EVERY = 0.1

#: In place of a secret.
HIDDEN = "***"

#: "NAME=VALUE", one or several: a value may have blanks and commas in it.
Pairs = Annotated[
    tuple[Annotated[SecretStr, Field(max_length=options.LONGEST + 128)], ...],
    Field(max_length=64),
    BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
]


class NewDevice(Parameters):
    """`options` are the agent's parameters; `name` and `level` are found where they are not given: a level of its
    own, after all others."""

    node: NodeName
    agent: Annotated[str, Field(max_length=64)]
    name: Annotated[str, Field(pattern=rf"\A{device.NAME}\z")] | None = None
    level: Annotated[int, Field(ge=device.LEVELS[0], le=device.LEVELS[-1])] | None = None
    options: Pairs = ()


class Test(Parameters):
    """`power-cycle`: really cut the power of `node`, whose name `confirm` has to repeat."""

    node: NodeName
    power_cycle: bool = False
    confirm: Annotated[str, Field(max_length=64)] = ""


@dataclass(frozen=True)
class Fencing:
    """What the routes work on."""

    records: Records
    agents: Agents

    async def written(self) -> None:
        """Wait until pacemaker has the devices as they are now. Raises TrebolError that says who does not."""
        for _look in range(int(_WRITTEN_WITHIN / _LOOK_EVERY)):
            if kept.is_written(self.records):
                return
            await asyncio.sleep(_LOOK_EVERY)
        names = {each.name for each in cluster.members(self.records)}
        missing = names - kept.having(self.records, device.digest_of(kept.devices(self.records)))
        raise TrebolError(
            "the devices are kept, but pacemaker does not have them yet",
            where=", ".join(sorted(missing)) or "pacemaker",
            hint="see there: journalctl -u trebold -u pacemaker",
        )


def router(fencing: Fencing) -> APIRouter:
    """The routes."""
    made = api_router("/cluster/fencing", tag="cluster")
    _show(made, fencing)
    _show_agents(made, fencing)
    _change(made, fencing)
    return made


def _show(made: APIRouter, fencing: Fencing) -> None:
    @made.get("", dependencies=[_AUDIT, no_arguments])
    async def nodes() -> list[dict[str, Any]]:
        """Each node: whether it can be fenced, by its last test."""
        return [_state(each) for each in state.states(fencing.records)]

    @made.get("/devices", dependencies=[_AUDIT, no_arguments])
    async def devices() -> list[dict[str, Any]]:
        """All devices; of their secrets only that there are some."""
        return [_shown(each) for each in kept.devices(fencing.records)]

    @made.get("/devices/{ident}", dependencies=[_AUDIT, no_arguments])
    async def one(ident: str) -> dict[str, Any]:
        """One of them."""
        return _shown(kept.device(fencing.records, ident))


def _show_agents(made: APIRouter, fencing: Fencing) -> None:
    @made.get("/agents", dependencies=[_AUDIT, no_arguments])
    async def agents() -> list[dict[str, str]]:
        """The agents of this node, which all have."""
        return [{"agent": each} for each in fencing.agents.names()]

    @made.get("/agents/{name}", dependencies=[_AUDIT, no_arguments])
    async def parameters(name: str) -> dict[str, Any]:
        """What a device of this agent takes."""
        try:
            found = await asyncio.to_thread(fencing.agents.describe, name)
        except BadInput as error:
            raise Missing(f"fence agent '{name[:64]}' does not exist", hint="trebol fence agents") from error
        return _described(found)


def _change(made: APIRouter, fencing: Fencing) -> None:
    @made.post("/devices")
    async def add(who: Modifier, context: TheContext, given: Annotated[NewDevice, arguments(NewDevice)]) -> str:
        """Add a device. Its id, once all members that are there have it."""
        records = fencing.records
        checked(lambda: kept.require_node(records, given.node))
        values = checked(lambda: _pairs(given.options))
        agent = await asyncio.to_thread(checked, lambda: fencing.agents.describe(given.agent))
        known: options.Options = checked(lambda: options.checked(agent, given.node, values))
        made = Device(
            given.node,
            given.name or kept.free_name(records, given.node, agent.name),
            agent.name,
            given.level or checked(lambda: kept.free_level(records, given.node)),
            known.plain,
        )
        checked(lambda: kept.require_own(records, made))
        sealed = await _sealed(context, made, known, who)
        await asyncio.to_thread(kept.add, records, Device(**{**made.to_members(), "sealed": sealed}))
        await fencing.written()
        return made.id

    @made.delete("/devices/{ident}", dependencies=[_MODIFY, no_arguments])
    async def remove(ident: str) -> None:
        """Forget a device, everywhere."""
        await asyncio.to_thread(kept.remove, fencing.records, ident)
        await fencing.written()

    @made.post("/test")
    async def test(who: Tester, context: TheContext, given: Annotated[Test, arguments(Test)]) -> str:
        """Ask the devices of a node, or have them cut its power. A task."""
        checked(lambda: kept.require_node(fencing.records, given.node))
        if not kept.of_node(fencing.records, given.node):
            raise wrong(node=f"{given.node} has no fence device")
        if given.power_cycle and given.confirm != given.node:
            raise wrong(confirm=f"is not {given.node}: this cuts its power, whatever runs there")
        operation = TestFencing(
            node=given.node, online=_is_online(context, given.node), power_cycle=given.power_cycle
        )
        upid: str = await ask(context, operation, who.user)
        return upid


async def _sealed(context: Context, made: Device, known: options.Options, who: Identity) -> dict[str, str]:
    if not known.secret:
        return {}
    secrets = {name: SecretStr(value) for name, value in known.secret.items()}
    found: dict[str, str] = await ask(context, SealSecrets(device=made.id, secrets=secrets), who.user)
    return found


def _pairs(given: tuple[SecretStr, ...]) -> dict[str, str]:
    """Raises BadInput, without what may be a secret."""
    found: dict[str, str] = {}
    for number, each in enumerate(given, 1):
        name, equals, value = each.get_secret_value().partition("=")
        if not equals or not name:
            raise BadInput(f"number {number} is not NAME=VALUE", where="options")
        if name in found:
            raise BadInput("is given twice", where=name[:64])
        found[name] = value
    return found


def _is_online(context: Context, node: str) -> bool:
    return any(each["name"] == node and each["online"] for each in context.membership() if each["type"] == "node")


def _shown(found: Device) -> dict[str, Any]:
    return {
        "id": found.id,
        "node": found.node,
        "name": found.name,
        "agent": found.agent,
        "level": found.level,
        "options": {**found.options, **dict.fromkeys(found.sealed, HIDDEN)},
    }


def _state(found: state.NodeState) -> dict[str, Any]:
    proof = found.proof
    return {
        "node": found.node,
        "state": found.path.value,
        "reason": found.reason,
        "proven": proof.proven if proof else 0,
        "tested": proof.tested if proof else 0,
        "how": proof.how.value if proof else "",
        "by": proof.by if proof else "",
        "problems": list(proof.problems) if proof else [],
        "warnings": list(proof.warnings) if proof else [],
    }


def _described(agent: Agent) -> dict[str, Any]:
    return {
        "agent": agent.name,
        "description": agent.description,
        "parameters": [
            {
                "name": each.name,
                "type": each.kind.value,
                "required": int(each.required),
                "secret": int(each.is_secret),
                "default": each.default,
                "choices": list(each.choices),
                "description": each.description,
            }
            for each in options.settable(agent)
        ],
    }
