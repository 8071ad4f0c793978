"""`/cluster/joins/…`: what a member answers to a node that joins. No user is signed in: a token lets it in.

First both sides show that they know the token's secret, over the certificate that the node sees
(`trebol_node.cluster.tokens.proof`); then each step shows the token. What a step does:
`trebol_node.cluster.admission`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field, SecretStr

from trebol_common.errors import BadInput, TrebolError
from trebol_node.api.audit import noted, origin
from trebol_node.api.context import Context, TheContext
from trebol_node.api.errors import ApiError
from trebol_node.api.forms import Parameters, arguments, no_arguments
from trebol_node.api.openapi import BY_TOKEN
from trebol_node.api.routes.desk import MACHINE, Desk, Prove, remove_node
from trebol_node.api.routing import api_router
from trebol_node.cluster import records as cluster
from trebol_node.cluster.admission import Applicant, require_admitted
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.removal import take_vote
from trebol_node.cluster.tokens import admission as tokens
from trebol_node.cluster.tokens import keeping
from trebol_node.cluster.voters.members import OneLearns
from trebol_node.cluster.waiting import LockedOut
from trebol_node.cluster.witness.place import voters_with
from trebol_node.store.configuration import peer_url
from trebol_node.worker.cluster_operations import ForgetNode, HandOver
from trebol_node.worker.operation import NodeName


class Shown(Parameters):
    """What each step shows: the token's id and secret, the node's name and machine-id(5)."""

    id: Annotated[str, Field(max_length=64)]
    secret: SecretStr
    node: NodeName
    machine: Annotated[str, Field(pattern=MACHINE)]


class Linked(Shown):
    """`links` are its addresses: "0=192.0.2.3,1=198.51.100.3"."""

    links: Annotated[str, Field(max_length=1024)]


class Admit(Linked):
    """`replaces`: the node of this name is dead, and removed first."""

    replaces: bool = False


def router(desk: Desk) -> APIRouter:
    """The routes."""
    made = api_router("/cluster/joins", tag="cluster")
    _greet(made, desk)
    _serve(made, desk)
    return made


def _greet(made: APIRouter, desk: Desk) -> None:
    @made.post("/hello", openapi_extra=BY_TOKEN, dependencies=[no_arguments])
    async def hello(request: Request) -> dict[str, str]:
        """A nonce, for one proof; 409 on a node that stands alone."""
        noted(request.scope).fleeting = True
        return desk.hello()

    @made.post("/prove", openapi_extra=BY_TOKEN)
    async def prove(
        request: Request, context: TheContext, given: Annotated[Prove, arguments(Prove)]
    ) -> dict[str, str]:
        """Both sides know the token's secret, and this is the member that the node talks to."""
        # Of who is locked out, too; what comes before that is counted.
        noted(request.scope).fleeting = True
        _count(request, context)
        noted(request.scope).fleeting = False
        answer = desk.prove(given)
        if answer is None:
            refusal = tokens.NotAdmitted(tokens.Unknown())
            raise ApiError(401, str(refusal).replace("\n  → ", "; "), errors={"token": refusal.problems[0].what})
        context.lockout.succeeded(None, origin(request.scope))
        return answer


def _serve(made: APIRouter, desk: Desk) -> None:
    @made.post("/admit", openapi_extra=BY_TOKEN)
    async def admit(
        request: Request, context: TheContext, given: Annotated[Admit, arguments(Admit)]
    ) -> dict[str, Any]:
        """Step 1: the node is listed as joining."""
        mine, addresses = applicant_of(request, context, given), addresses_of(given.links)
        if given.replaces:
            await done(request, context, lambda: desk.admission.require_replaceable(mine))
        if given.replaces and desk.admission.has_other(mine):
            # Nobody removes a node without a token that is good, nor for one that then would not fit.
            await done(request, context, lambda: desk.admission.let_in(mine, replaces=True))
            try:
                desk.admission.require_fitting(mine, addresses)
                await remove_node(desk, mine.node, dead=True)
            except TrebolError:
                await asyncio.to_thread(keeping.free, desk.records, mine.token, machine=mine.machine)
                raise
        found: dict[str, Any] = await done(request, context, lambda: desk.admission.admit(mine, addresses))
        return found

    @made.post("/keys", openapi_extra=BY_TOKEN)
    async def keys(
        request: Request, context: TheContext, given: Annotated[Shown, arguments(Shown)]
    ) -> dict[str, str]:
        """The CA and corosync's key."""
        mine = applicant_of(request, context, given)
        await done(request, context, lambda: desk.admission.require(mine))
        told: dict[str, str] = await desk.call(HandOver())
        return told

    @made.post("/store", openapi_extra=BY_TOKEN)
    async def store(
        request: Request, context: TheContext, given: Annotated[Shown, arguments(Shown)]
    ) -> dict[str, Any]:
        """A place among the voters, where one is wanted and no other node learns; it learns until `vote`."""
        mine = applicant_of(request, context, given)

        def place() -> dict[str, Any]:
            member = desk.admission.require(mine)
            voters = {each.name: each.address for each in cluster.members(desk.records) if each.voter}
            votes = desk.admission.wants_voter()
            if votes:
                try:
                    desk.members.add_learner(peer_url(member.address))
                    voters[member.name] = member.address
                except OneLearns:
                    # Whoever learns gets its vote when this is over, and then this node: see `Acting`.
                    votes = False
            # etcd begins only where it is told of all that vote.
            return {"votes": votes, "voters": voters_with(desk.records, voters)}

        found: dict[str, Any] = await done(request, context, place)
        return found

    @made.post("/corosync", openapi_extra=BY_TOKEN)
    async def corosync(
        request: Request, context: TheContext, given: Annotated[Linked, arguments(Linked)]
    ) -> dict[str, Any]:
        """All members know the node. The configuration."""
        mine, addresses = applicant_of(request, context, given), addresses_of(given.links)

        def configure() -> Totem:
            member = desk.admission.require(mine)
            require_admitted(member, addresses)
            return desk.admission.configure(mine.node, addresses)

        totem = await done(request, context, configure)
        await desk.loaded(totem)
        return {"text": totem.render(), "nodes": [each.name for each in totem.nodes]}

    @made.post("/vote", openapi_extra=BY_TOKEN)
    async def vote(request: Request, context: TheContext, given: Annotated[Shown, arguments(Shown)]) -> None:
        """The learner votes."""
        mine = applicant_of(request, context, given)

        def promote() -> None:
            url = peer_url(desk.admission.require_configured(mine).address)
            for each in desk.members.members():
                if url in each.peer_urls:
                    desk.members.promote(each.id)
                    desk.admission.vote(mine.node)

        await done(request, context, promote)

    @made.post("/end", openapi_extra=BY_TOKEN)
    async def end(request: Request, context: TheContext, given: Annotated[Shown, arguments(Shown)]) -> None:
        """The last step: it is a member."""
        mine = applicant_of(request, context, given)

        def over() -> None:
            # Whose answer was lost asks again.
            if not desk.admission.is_over(mine):
                desk.admission.require_configured(mine)
            desk.admission.end(mine)

        await done(request, context, over)

    @made.post("/undo", openapi_extra=BY_TOKEN)
    async def undo(request: Request, context: TheContext, given: Annotated[Shown, arguments(Shown)]) -> None:
        """As if it had never asked. Refused for a member."""
        mine = applicant_of(request, context, given)

        def withdraw() -> Totem | None:
            member = desk.admission.withdrawing(mine)
            if member is None:
                return None
            take_vote(desk.members, member.address)
            return desk.admission.forget(mine.node)

        totem = await done(request, context, withdraw)
        if totem is not None:
            await desk.loaded(totem)
            await desk.call(ForgetNode(node=mine.node))
            await asyncio.to_thread(desk.admission.undo, mine)


def addresses_of(text: str) -> Mapping[int, str]:
    """`0=192.0.2.3,1=198.51.100.3` as addresses by number. Raises BadInput."""
    found: dict[int, str] = {}
    for part in text.split(","):
        number, equals, address = part.partition("=")
        if not equals or not re.fullmatch("[0-7]", number) or int(number) in found:
            raise BadInput("is not NUMBER=ADDRESS,…", where="links")
        found[int(number)] = address
    if 0 not in found:
        raise BadInput("has no link 0", where="links")
    return found


async def done(request: Request, context: Context, work: Callable[[], Any]) -> Any:
    """What `work` gives, which looks at the token first; 403 where that lets nobody in."""
    try:
        answer = await asyncio.to_thread(work)
    except tokens.NotAdmitted as error:
        raise ApiError(403, str(error).replace("\n  → ", "; ")) from error
    except TrebolError:
        # Whoever waits for its turn guesses no token.
        context.lockout.succeeded(None, origin(request.scope))
        raise
    context.lockout.succeeded(None, origin(request.scope))
    return answer


def applicant_of(request: Request, context: Context, given: Shown) -> Applicant:
    """Who asks, for the log too. Raises ApiError where too many wrong tokens came from there."""
    _count(request, context)
    noted(request.scope).user = f"joining:{given.node}"
    return Applicant(given.node, given.machine, given.id, given.secret.get_secret_value())


def _count(request: Request, context: Context) -> None:
    """Who guesses tokens is locked out like who guesses passwords."""
    if not context.lockout.begin(None, origin(request.scope)):
        raise ApiError(401, "too many wrong tokens from this address: wait five minutes", code=LockedOut.code)
