"""A cluster's witness: invited and removed by people, `/cluster/config/qdevice` as in Proxmox VE; what a member
answers to the witness itself, `/cluster/joins/witness/…`, which shows its token after the proofs of every join."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field

from trebol_common.adapters import adapter
from trebol_common.answers.values import Peer
from trebol_common.errors import BadInput, Refused, TrebolError
from trebol_node.access import Identity
from trebol_node.api.context import Context, TheContext
from trebol_node.api.errors import ApiError
from trebol_node.api.forms import Parameters, arguments, no_arguments
from trebol_node.api.openapi import BY_TOKEN
from trebol_node.api.rights import requires
from trebol_node.api.routes.cluster_config import authority
from trebol_node.api.routes.desk import Desk
from trebol_node.api.routes.joins import Shown, applicant_of, done
from trebol_node.api.routing import api_router
from trebol_node.cluster import records as cluster
from trebol_node.cluster.corosync.configuration import Totem
from trebol_node.cluster.corosync.status import Membership
from trebol_node.cluster.tokens import lifetime
from trebol_node.cluster.tokens.addresses import Address
from trebol_node.cluster.witness.place import NotInvited, Place, require_one
from trebol_node.cluster.witness.record import Witness, witness
from trebol_node.cluster.witness.rules import PORT, require_possible
from trebol_node.cluster.witness.view import as_device
from trebol_node.store.configuration import peer_url
from trebol_node.worker.cluster_operations import ReadMembership
from trebol_node.worker.witness_operations import SignWitness

_AUDIT = requires("/", "Sys.Audit")
Modifier = Annotated[Identity, requires("/", "Sys.Modify")]

#: Seconds until QNetd takes a connection, and until corosync has its vote: the device asks every few seconds.
_ANSWERS, _VOTES_WITHIN = 3.0, 30.0
_LOOK_EVERY = 0.5


class Invite(Parameters):
    """`host`: name or address of the machine; the token is good for `ttl`."""

    host: Peer
    ttl: Annotated[str, Field(max_length=32)] = "1h"


class Admit(Shown):
    """Requests for certificates, PEM: of QNetd; of a member of the store, where it offers one."""

    quorum: Annotated[str, Field(max_length=8192)]
    store: Annotated[str, Field(max_length=8192)] = ""


class Ready(Shown):
    """`store`: its etcd is there."""

    store: bool = False


@dataclass(frozen=True)
class Seats:
    """What people and the witness ask for. `resolve` gives the addresses of a name, or raises OSError; `answers` says
    whether something listens at an address and port."""

    desk: Desk
    resolve: Callable[[str], list[str]]
    answers: Callable[[str, int], bool]

    @property
    def place(self) -> Place:
        """The place in the records."""
        return Place(self.desk.records, self.desk.now)

    def totem(self) -> Totem:
        """Raises Refused without a cluster."""
        found = cluster.totem(self.desk.records)
        if found is None:
            raise cluster.stands_alone()
        return found

    async def membership(self) -> Membership | None:
        """What corosync says here."""
        try:
            return adapter(Membership).validate_python(await self.desk.call(ReadMembership()))
        except TrebolError:
            return None

    def find(self, host: str, own: tuple[str, ...]) -> str:
        """Its address. Raises as `require_possible`."""
        try:
            resolved = self.resolve(host)
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise BadInput(f"is not known: {reason}", where=host, hint="give its address") from error
        return require_possible(self.totem(), host, resolved, witness(self.desk.records), own)

    async def take(self, found: Witness, *, store: bool) -> None:
        """Have it vote. Raises Refused where it does not answer, TrebolError where no vote comes of it."""
        if not await asyncio.to_thread(self.answers, found.address, PORT):
            raise Refused(
                f"QNetd does not answer at {found.address}, TCP port {PORT}",
                where=found.host,
                hint=f"see there: systemctl status trebol-witness-quorum; let nodes through to port {PORT}",
            )
        totem = await asyncio.to_thread(self.place.configure, found.address)
        try:
            await self.desk.loaded(totem)
            await self._vote(totem, found)
        except TrebolError:
            await self.desk.loaded(await asyncio.to_thread(self.place.unconfigure))
            raise
        await asyncio.to_thread(self.place.settle, found.id, store=store)

    async def _vote(self, totem: Totem, found: Witness) -> None:
        """Wait until corosync has its vote, where it is to have one."""
        for _look in range(int(_VOTES_WITHIN / _LOOK_EVERY)):
            seen = await self.membership()
            if not totem.device_votes or (seen is not None and seen.device_votes):
                return
            await asyncio.sleep(_LOOK_EVERY)
        raise TrebolError(
            f"gave no vote within {_VOTES_WITHIN:.0f} s",
            where=found.host,
            hint="see journalctl -u corosync-qdevice here, journalctl -u trebol-witness-quorum there",
        )

    async def dismiss(self) -> None:
        """Have the cluster do without it; asking again goes on. Raises BadInput where there is none, Refused where
        the store's quorum hangs on it."""
        found = require_one(self.desk.records)
        await asyncio.to_thread(self._require_dispensable, found)
        totem = cluster.totem(self.desk.records)
        if totem is not None and totem.device is not None:
            await self.desk.loaded(await asyncio.to_thread(self.place.unconfigure))
        await asyncio.to_thread(self._take_vote, found)
        await asyncio.to_thread(self.place.forget)

    def _require_dispensable(self, found: Witness) -> None:
        if found.store:
            self.desk.members.require_dispensable(peer_url(found.address))

    def _take_vote(self, found: Witness) -> None:
        if found.store and (member := self.desk.members.at(peer_url(found.address))) is not None:
            self.desk.members.remove(member.id)


def router(
    desk: Desk,
    *,
    resolve: Callable[[str], list[str]] | None = None,
    answers: Callable[[str, int], bool] | None = None,
) -> APIRouter:
    """The routes."""
    made = api_router("/cluster", tag="cluster")
    seats = Seats(desk, resolve or _resolve, answers or is_open)
    _for_people(made, seats)
    _for_witness(made, seats)
    return made


def _for_people(made: APIRouter, seats: Seats) -> None:
    @made.get("/config/qdevice", dependencies=[_AUDIT, no_arguments])
    async def show() -> dict[str, Any]:
        """The witness; empty where there is none."""
        records = seats.desk.records
        return as_device(witness(records), cluster.totem(records), await seats.membership())

    @made.post("/config/qdevice")
    async def invite(
        _who: Modifier, context: TheContext, given: Annotated[Invite, arguments(Invite)]
    ) -> dict[str, Any]:
        """Invite a machine to be the witness: `token` is shown this once."""
        address = await asyncio.to_thread(seats.find, given.host, tuple(context.addresses()))
        mine = set(context.addresses())
        members = [Address(each.address) for each in cluster.members(seats.desk.records)]
        members.sort(key=lambda each: each.host not in mine)
        token = await asyncio.to_thread(
            seats.place.invite,
            given.host,
            address,
            addresses=members,
            ca=authority(seats.desk),
            made_by=context.node,
            seconds=lifetime.require_possible(lifetime.parse(given.ttl)),
        )
        nodes = len(seats.totem().nodes)
        return {"token": token.reveal(), "end": token.end, "address": address, "waits": int(nodes % 2)}

    @made.delete("/config/qdevice", dependencies=[no_arguments])
    async def remove(_who: Modifier) -> None:
        """Do without the witness, or take the invitation back."""
        await seats.dismiss()


def _for_witness(made: APIRouter, seats: Seats) -> None:
    @made.post("/joins/witness/admit", openapi_extra=BY_TOKEN)
    async def admit(
        request: Request, context: TheContext, given: Annotated[Admit, arguments(Admit)]
    ) -> dict[str, Any]:
        """Certificates for the machine that shows the token, and where the store's voters are."""
        mine = applicant_of(request, context, given)
        found = await _known(request, context, lambda: seats.place.admit(mine.token, mine.secret, mine.machine))
        signed = await seats.desk.call(SignWitness(address=found.address, quorum=given.quorum, store=given.store))
        records = seats.desk.records
        voters = {each.name: each.address for each in cluster.members(records) if each.voter}
        return {**signed, "cluster": seats.totem().name, "address": found.address, "voters": voters}

    @made.post("/joins/witness/ready", openapi_extra=BY_TOKEN)
    async def ready(request: Request, context: TheContext, given: Annotated[Ready, arguments(Ready)]) -> None:
        """It has what it needs: it votes when this is answered."""
        mine = applicant_of(request, context, given)
        found = await _known(request, context, lambda: seats.place.require(mine.token, mine.secret, mine.machine))
        await seats.take(found, store=given.store)

    @made.post("/joins/witness/leave", openapi_extra=BY_TOKEN)
    async def leave(request: Request, context: TheContext, given: Annotated[Shown, arguments(Shown)]) -> None:
        """It leaves."""
        mine = applicant_of(request, context, given)
        await _known(request, context, lambda: seats.place.require(mine.token, mine.secret, mine.machine))
        await seats.dismiss()


async def _known(request: Request, context: Context, work: Callable[[], Witness]) -> Witness:
    """What `work` gives, which looks at the token first; 403 where that is none."""

    def looked() -> Witness | NotInvited:
        try:
            return work()
        except NotInvited as error:
            return error

    found: Witness | NotInvited = await asyncio.to_thread(looked)
    if isinstance(found, NotInvited):
        raise ApiError(403, str(found).replace("\n  → ", "; "))
    known: Witness = await done(request, context, lambda: found)
    return known


def is_open(address: str, port: int) -> bool:
    """Whether something takes a TCP connection there."""
    try:
        with socket.create_connection((address, port), timeout=_ANSWERS):
            return True
    except OSError:
        return False


def qnetd_answers(address: str) -> bool:
    """Whether a witness's QNetd is there."""
    return is_open(address, PORT)


def _resolve(host: str) -> list[str]:
    found = socket.getaddrinfo(host, PORT, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))
