"""`/cluster/config/…`: making, joining and leaving a cluster, in Proxmox VE's words; `/cluster/tokens`, ours."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field, SecretStr

from trebol_common.answers.values import ClusterName, Peer
from trebol_common.errors import BadInput
from trebol_common.join_tokens import LONGEST
from trebol_node import pki
from trebol_node.access import Identity
from trebol_node.access.errors import Missing
from trebol_node.api.audit import noted
from trebol_node.api.context import TheContext
from trebol_node.api.errors import wrong
from trebol_node.api.forms import MISSING, Parameters, Words, arguments, no_arguments
from trebol_node.api.rights import requires
from trebol_node.api.routes.desk import Desk, remove_node
from trebol_node.api.routes.nodes.common import ask
from trebol_node.api.routing import api_router
from trebol_node.cluster import records as cluster
from trebol_node.cluster.by_password import ByPassword
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.create import require_alone, require_own
from trebol_node.cluster.join import credentials
from trebol_node.cluster.leave import How
from trebol_node.cluster.preflight.findings import check_force, is_code
from trebol_node.cluster.tokens import keeping, lifetime
from trebol_node.cluster.tokens.addresses import Address
from trebol_node.cluster.tokens.admission import is_id
from trebol_node.cluster.tokens.agreed import register
from trebol_node.worker import cluster_operations as operations
from trebol_node.worker.cluster_operations import CreateCluster, JoinCluster, LeaveCluster
from trebol_node.worker.operation import NodeName

_AUDIT = requires("/", "Sys.Audit")
Modifier = Annotated[Identity, requires("/", "Sys.Modify")]

#: A link as Proxmox VE has it: "[address=]192.0.2.11[,priority=10]".
Link = Annotated[str | None, Field(max_length=128)]

#: Codes of findings that one call names, at most.
CODES = 64

#: Seconds until a member answers and it is this node's turn: enough for sixteen that come at once.
_PATIENCE = 300


class Linked(Parameters):
    """This node's addresses by number of link; by default link 0 is the address at which it is reached."""

    link0: Link = None
    link1: Link = None
    link2: Link = None
    link3: Link = None
    link4: Link = None
    link5: Link = None
    link6: Link = None
    link7: Link = None


class Create(Linked):
    """`nodeid` and `votes` are Proxmox VE's: the first node is number 1, and each has one vote."""

    clustername: ClusterName
    nodeid: Annotated[int, Field(ge=1, le=1)] | None = None
    votes: Annotated[int, Field(ge=1, le=1)] | None = None


class Joined(Linked):
    """`token`, and `hostname` where that names no member; or, as Proxmox VE has it, a member's `hostname`, the
    `fingerprint` of its certificate and the `password` of its root. Other numbers and votes it has, too; here they
    are as by default.
    """

    token: Annotated[SecretStr, Field(max_length=4096)] | None = None
    hostname: Peer | None = None
    fingerprint: Annotated[str, Field(max_length=128)] | None = None
    password: Annotated[SecretStr, Field(max_length=512)] | None = None
    nodeid: Annotated[int, Field(ge=1)] | None = None
    votes: Annotated[int, Field(ge=1, le=1)] | None = None


class Join(Joined):
    """`force`: codes of the preflight's findings that are not to stop it. `patience`: seconds until a member answers
    and it is this node's turn, 0: as long as it takes. `replaces` names the dead node whose place this one takes, by
    its own name."""

    patience: Annotated[int, Field(ge=0)] = _PATIENCE
    force: Annotated[Words, Field(max_length=CODES)] = ()
    replaces: NodeName | None = None


class Preferred(Parameters):
    """The member to ask, by name; by default the one that answers."""

    node: NodeName | None = None


class Leave(Parameters):
    """With the others, as the last node, or without asking anybody."""

    how: How = How.LEAVE


class Remove(Parameters):
    """`dead`: somebody made sure that the node is off, as Proxmox VE's clients always say by asking."""

    dead: bool = True


class GoOn(Parameters):
    """What becomes of what was cut off; `kind`: of a change of that kind alone."""

    how: Annotated[str, Field(pattern=r"\A(resume|abort)\z")]
    kind: Annotated[str, Field(max_length=32)] = ""


class NewToken(Parameters):
    """Good for `ttl` ("15m", "7d"), for `node` alone where that is given. `agreed`: no new one, but a text that was
    agreed beforehand, which a node may register that is yet to create its cluster."""

    ttl: Annotated[str, Field(max_length=32)] = "1h"
    node: NodeName | None = None
    agreed: Annotated[SecretStr, Field(max_length=LONGEST)] | None = None


def router(desk: Desk) -> APIRouter:
    """The routes."""
    made = api_router("/cluster", tag="cluster")
    _form(made, desk)
    _show(made, desk)
    _hand_out(made, desk)
    return made


def _form(made: APIRouter, desk: Desk) -> None:
    @made.post("/config")
    async def create(who: Modifier, context: TheContext, given: Annotated[Create, arguments(Create)]) -> str:
        """Make a cluster of this node alone. A task."""
        links = await links_of(context, given)
        require_alone(desk.records)
        Totem.first(given.clustername, context.node, {int(number): address for number, address in links.items()})
        upid: str = await ask(context, CreateCluster(cluster=given.clustername, links=links), who.user)
        return upid

    @made.post("/config/join")
    async def join(
        request: Request, who: Modifier, context: TheContext, given: Annotated[Join, arguments(Join)]
    ) -> str:
        """Join the cluster of a token: what this node's own records hold gives way to the cluster's. A task."""
        links = await links_of(context, given)
        force = sorted(check_force(given.force))
        note_forced(request, force)
        require_alone(desk.records)
        token = await token_of(given, context.node)
        credentials(token, given.hostname, node=context.node, machine="")
        _require_own_name(given.replaces, context.node)
        operation = JoinCluster(
            token=token,
            peer=given.hostname,
            links=links,
            patience=given.patience or None,
            force=force,
            replaces=given.replaces is not None,
        )
        upid: str = await ask(context, operation, who.user)
        return upid

    @made.post("/config/leave")
    async def leave(who: Modifier, context: TheContext, given: Annotated[Leave, arguments(Leave)]) -> str:
        """Leave the cluster, and stand alone. A task."""
        upid: str = await ask(context, LeaveCluster(how=given.how.value), who.user)
        return upid

    @made.delete("/config/nodes/{node}")
    async def remove(_who: Modifier, node: str, given: Annotated[Remove, arguments(Remove)]) -> None:
        """Remove a node that is dead, or one that has joined by halves."""
        await remove_node(desk, node, dead=given.dead)

    @made.post("/config/go-on")
    async def go_on(who: Modifier, context: TheContext, given: Annotated[GoOn, arguments(GoOn)]) -> str:
        """Go on with a creation, join or leave that was cut off, or take it back. A task."""
        upid: str = await ask(context, operations.GoOn.of(how=given.how, kind=given.kind), who.user)
        return upid


def _show(made: APIRouter, desk: Desk) -> None:
    @made.get("/config/nodes", dependencies=[_AUDIT, no_arguments])
    async def nodes() -> list[dict[str, Any]]:
        """The nodes of corosync's configuration."""
        totem = cluster.totem(desk.records)
        return [] if totem is None else _nodes(totem)

    @made.get("/config/totem", dependencies=[_AUDIT, no_arguments])
    async def totem() -> dict[str, Any]:
        """The section `totem` of corosync's configuration; empty without a cluster."""
        found = cluster.totem(desk.records)
        return {} if found is None else _totem(found)

    @made.get("/config/join")
    async def information(
        _who: Annotated[Identity, _AUDIT], context: TheContext, wanted: Annotated[Preferred, arguments(Preferred)]
    ) -> dict[str, Any]:
        """What a node has to know to join by password; `node` is whom it is to ask."""
        found = cluster.totem(desk.records)
        if found is None:
            raise Missing("does not exist: this node stands alone", where="cluster")
        said = {each.key.removeprefix("nodes/"): each.value for each in desk.records.below("nodes/")}
        nodes = [
            {
                **node,
                "pve_addr": node["ring0_addr"],
                "pve_fp": said.get(node["name"], {}).get("fingerprint", ""),
            }
            for node in _nodes(found)
        ]
        return {
            "config_digest": found.digest,
            "nodelist": nodes,
            "preferred_node": found.node(wanted.node or context.node).name,
            "totem": _totem(found),
        }

    @made.get("/config/apiversion", dependencies=[no_arguments])
    async def api_version(_who: Modifier) -> int:
        """Of joining, as Proxmox VE numbers it."""
        return 1


def _hand_out(made: APIRouter, desk: Desk) -> None:
    @made.get("/tokens", dependencies=[_AUDIT, no_arguments])
    async def tokens(context: TheContext) -> list[dict[str, Any]]:
        """What lets nodes join; never a secret."""
        now = int(context.clock.now())
        return [
            {
                "id": ident,
                "end": record.end,
                "made-by": record.made_by,
                "node": record.node or "",
                "used-by": record.used_by.node if record.used_by else "",
                "over": int(record.is_over(now)),
            }
            for ident, record in sorted(keeping.tokens(desk.records).items())
        ]

    @made.post("/tokens")
    async def new_token(
        _who: Modifier, context: TheContext, given: Annotated[NewToken, arguments(NewToken)]
    ) -> dict[str, Any]:
        """Make one: `token` is shown this once. Of one that was agreed beforehand there is nothing to show."""
        # Whoever makes tokens is who the old ones would pile up for.
        await asyncio.to_thread(keeping.prune, desk.records, now=int(context.clock.now()))
        if given.agreed is not None:
            return await _register(desk, context, given.agreed, given)
        settings = cluster.settings(desk.records)
        if settings is None:
            raise Missing("does not exist: this node stands alone", where="cluster")
        addresses = [Address(each.address) for each in cluster.members(desk.records)]
        # This node's own first: it is there.
        mine = set(context.addresses())
        addresses.sort(key=lambda address: address.host not in mine)
        token = await asyncio.to_thread(
            keeping.issue,
            desk.records,
            cluster=settings.name,
            cluster_id=settings.id,
            addresses=addresses,
            ca=authority(desk),
            made_by=context.node,
            now=int(context.clock.now()),
            seconds=lifetime.parse(given.ttl),
            node=given.node,
        )
        return {"id": token.id, "token": token.reveal(), "end": token.end}

    @made.delete("/tokens/{ident}", dependencies=[no_arguments])
    async def delete(_who: Modifier, request: Request, ident: str) -> None:
        """It lets nobody in any more. A join that it began goes on: that is taken back by removing the node."""
        if not is_id(ident):
            # Who takes the token for its id has its secret in the path.
            noted(request.scope).hidden = ident
        if not await asyncio.to_thread(desk.admission.drop, ident):
            raise Missing("does not exist", where="token")


def _require_own_name(name: str | None, node: str) -> None:
    """Who takes a node's place has its name."""
    if name not in (None, node):
        hint = f"give it that name first: trebol node name {name}"
        raise BadInput(f"{name} is not the name of this node, which is {node}", where="replaces", hint=hint)


async def token_of(given: Joined, node: str) -> SecretStr:
    """The token, or what a password is good for. 400 where something of that is missing."""
    if given.token is not None:
        return given.token
    if given.hostname is None or given.fingerprint is None or given.password is None:
        names = ("hostname", "fingerprint", "password")
        raise wrong(**{name: f"{MISSING}, or token" for name in names if getattr(given, name) is None})
    known = ByPassword(given.hostname, given.fingerprint, given.password)
    return await asyncio.to_thread(known.token, node)


async def _register(desk: Desk, context: TheContext, agreed: SecretStr, given: NewToken) -> dict[str, Any]:
    now, seconds = int(context.clock.now()), lifetime.parse(given.ttl)
    ident = await asyncio.to_thread(
        register, desk.records, agreed, made_by=context.node, now=now, seconds=seconds, node=given.node
    )
    return {"id": ident, "end": now + seconds}


def note_forced(request: Request, codes: Iterable[str]) -> None:
    """Have the audit log say what was forced: codes are Trebol's own words, so their values are no secrets. What else
    somebody sent stays out of it."""
    about = noted(request.scope)
    forced = (f"force={code}" for code in sorted(set(codes)) if is_code(code))
    about.names = (*(name for name in about.names if name != "force"), *forced)


def authority(desk: Desk) -> str:
    """SHA-256 of the CA's certificate, in hexadecimal."""
    text = pki.AUTHORITY.pair(desk.certificates).certificate.read_text("ascii")
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text)).hexdigest()


async def links_of(context: TheContext, given: Linked) -> dict[str, str]:
    """The node's addresses by number of link. 400 for those that it does not have."""
    found = {name.removeprefix("link"): text for name, text in given if name.startswith("link") and text}
    links = {number: _address(number, text) for number, text in found.items()}
    own = context.addresses()
    if not links:
        if not own:
            raise wrong(link0="this node has no address yet")
        links = {"0": own[0]}
    if "0" not in links:
        raise wrong(link0="property is missing and it is not optional")
    require_own({int(number): address for number, address in links.items()}, frozenset(own))
    return links


def _address(number: str, text: str) -> str:
    first, *more = text.split(",")
    for each in more:
        if each.startswith("priority="):
            told = "give the link its priority afterwards: trebol cluster link set"
            raise wrong(**{f"link{number}": f"has the cluster's priority: {told} {number} --priority"})
        raise wrong(**{f"link{number}": f"unknown property: {each}"})
    return first.removeprefix("address=")


def _nodes(totem: Totem) -> list[dict[str, Any]]:
    return [
        {
            "name": node.name,
            "node": node.name,
            "nodeid": str(node.id),
            "quorum_votes": "1",
            **{f"ring{number}_addr": address for number, address in sorted(node.addresses.items())},
        }
        for node in totem.nodes
    ]


def _totem(totem: Totem) -> dict[str, Any]:
    return {
        "cluster_name": totem.name,
        "config_version": str(totem.version),
        "interface": {
            str(link): {"linknumber": str(link), "knet_link_priority": str(priority)}
            for link, priority in sorted(totem.links.items())
        },
        "secauth": "on",
        "version": "2",
    }
